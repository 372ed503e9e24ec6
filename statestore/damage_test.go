package statestore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/streamsql/streamsql/internal/crashfs"
)

// files lists all files of a directory tree with their sizes.
func files(t *testing.T, fs vfs.FS, dir string) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		path := fs.PathJoin(dir, n)
		info, err := fs.Stat(path)
		if oserror.IsNotExist(err) {
			continue // removed by an open store since
		}
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			for p, size := range files(t, fs, path) {
				out[p] = size
			}
		} else {
			out[path] = info.Size()
		}
	}
	return out
}

// TestDamage flips single bits and cuts files short, everywhere in a store, many
// times. The store must be refused with an error that names it, or be as it was;
// it must never show another epoch or other blocks.
func TestDamage(t *testing.T) {
	const last = 14
	for _, size := range []int{10, 700, 5000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			sound := crashfs.New()
			s := mustOpen(t, "dir", testOptions(sound))
			for e := uint64(1); e <= last; e++ {
				if err := putEpoch(s, e, 2, 3, size); err != nil {
					t.Fatal(err)
				}
			}
			// A crash leaves the write-ahead log to be replayed; closing would not.
			rng := rand.New(rand.NewPCG(uint64(size), 9))
			crashed := sound.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rng})
			mustClose(t, s)
			rounds := 300
			if testing.Short() {
				rounds = 100
			}
			detected, harmless := 0, 0
			for _, base := range []*crashfs.FS{crashed, sound} {
				var paths []string
				for p := range files(t, base, "dir") {
					paths = append(paths, p)
				}
				for range rounds {
					fs := base.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rng})
					path := paths[rng.IntN(len(paths))]
					what := damage(t, fs, path, rng)
					err := func() error {
						s, err := Open("dir", testOptions(fs))
						if err != nil {
							return err
						}
						defer s.Close()
						return checkEpochs(s, last, 2, 3, size)
					}()
					var d *DamageError
					var v *VersionError
					switch {
					case err == nil:
						harmless++
					case errors.As(err, &d) || errors.As(err, &v) || strings.Contains(err.Error(), "statestore: opening dir"):
						detected++
					default:
						t.Errorf("%s: %v", what, err)
					}
				}
			}
			t.Logf("%d detected, %d harmless", detected, harmless)
			if detected < rounds/10 {
				t.Error("hardly anything was detected")
			}
		})
	}
}

// damage alters one file and says how.
func damage(t *testing.T, fs vfs.FS, path string, rng *rand.Rand) string {
	t.Helper()
	b, err := readFile(fs, path)
	if err != nil {
		t.Fatal(err)
	}
	var what string
	if len(b) == 0 || rng.IntN(4) == 0 {
		n := 0
		if len(b) > 0 {
			n = rng.IntN(len(b))
		}
		what = fmt.Sprintf("%s cut from %d to %d bytes", path, len(b), n)
		b = b[:n]
	} else {
		i, bit := rng.IntN(len(b)), rng.IntN(8)
		what = fmt.Sprintf("%s of %d bytes: bit %d of byte %d flipped", path, len(b), bit, i)
		b[i] ^= 1 << bit
	}
	f, err := fs.Create(path, categoryLog)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return what
}

// TestMissingFile removes each file of a store in turn.
func TestMissingFile(t *testing.T) {
	fs := crashfs.New()
	s := mustOpen(t, "dir", testOptions(fs))
	for e := uint64(1); e <= 5; e++ {
		if err := putEpoch(s, e, 2, 3, 700); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, s)
	for path := range files(t, fs, "dir") {
		clone := fs.CrashClone(vfs.CrashCloneCfg{})
		if err := clone.Remove(path); err != nil {
			t.Fatal(err)
		}
		s, err := Open("dir", testOptions(clone))
		if err != nil {
			continue
		}
		if err := checkEpochs(s, 5, 2, 3, 700); err != nil && !errors.As(err, new(*DamageError)) {
			t.Errorf("without %s: %v", path, err)
		}
		mustClose(t, s)
	}
}

func TestNewerVersion(t *testing.T) {
	fs := vfs.NewMem()
	mustClose(t, mustOpen(t, "dir", testOptions(fs)))
	if err := writeFormat(fs, "dir", FormatVersion+41, "some-id"); err != nil {
		t.Fatal(err)
	}
	_, err := Open("dir", testOptions(fs))
	var v *VersionError
	if !errors.As(err, &v) || v.Found != FormatVersion+41 || v.Supported != FormatVersion {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{fmt.Sprint(FormatVersion), fmt.Sprint(FormatVersion + 41), "dir"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
}

// TestLock has a second process open a store that is open here. The test runs
// itself for that.
func TestLock(t *testing.T) {
	if dir := os.Getenv("STATESTORE_TEST_LOCKED_DIR"); dir != "" {
		_, err := Open(dir, Options{})
		fmt.Println("second process:", err)
		return
	}
	dir := filepath.Join(t.TempDir(), "state")
	s := mustOpen(t, dir, Options{})
	var locked *LockedError
	if _, err := Open(dir, Options{}); !errors.As(err, &locked) || locked.Dir != dir {
		t.Errorf("opened twice in one process: %v", err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestLock$", "-test.v")
	cmd.Env = append(os.Environ(), "STATESTORE_TEST_LOCKED_DIR="+dir)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, io.Discard
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), dir+" is in use by another process") {
		t.Errorf("the second process said: %s", out.String())
	}
	mustClose(t, s)
	mustClose(t, mustOpen(t, dir, Options{}))
}

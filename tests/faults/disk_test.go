package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/streamsql/streamsql/connectors"
)

// fault fails operations from the first-th to before the last-th.
type fault struct {
	first, last int64
	err         error
	seen        atomic.Int64
	hits        atomic.Int64
}

// next counts an operation and says whether it fails.
func (f *fault) next() error {
	if i := f.seen.Add(1); i >= f.first && i < f.last {
		f.hits.Add(1)
		return f.err
	}
	return nil
}

// sinkFS is a disk whose changes fail: of a write that fails, half is done.
type sinkFS struct {
	connectors.FS
	fault *fault
}

func (f sinkFS) fail(op, name string) error {
	if err := f.fault.next(); err != nil {
		return &os.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

func (f sinkFS) Create(name string) (connectors.File, error) {
	if err := f.fail("create", name); err != nil {
		return nil, err
	}
	return f.wrap(f.FS.Create(name))(name)
}

func (f sinkFS) OpenAppend(name string) (connectors.File, error) {
	return f.wrap(f.FS.OpenAppend(name))(name)
}

func (f sinkFS) wrap(file connectors.File, err error) func(name string) (connectors.File, error) {
	return func(name string) (connectors.File, error) {
		if err != nil {
			return nil, err
		}
		return sinkFile{file, f, name}, nil
	}
}

func (f sinkFS) MkdirAll(name string) error {
	if err := f.fail("mkdir", name); err != nil {
		return err
	}
	return f.FS.MkdirAll(name)
}

func (f sinkFS) Rename(from, to string) error {
	if err := f.fail("rename", from); err != nil {
		return err
	}
	return f.FS.Rename(from, to)
}

func (f sinkFS) Remove(name string) error {
	if err := f.fail("remove", name); err != nil {
		return err
	}
	return f.FS.Remove(name)
}

func (f sinkFS) SyncDir(name string) error {
	if err := f.fail("fsync", name); err != nil {
		return err
	}
	return f.FS.SyncDir(name)
}

type sinkFile struct {
	connectors.File
	fs   sinkFS
	name string
}

func (f sinkFile) Write(p []byte) (int, error) {
	if err := f.fs.fail("write", f.name); err != nil {
		n, werr := f.File.Write(p[:len(p)/2])
		return n, errors.Join(err, werr)
	}
	return f.File.Write(p)
}

func (f sinkFile) Sync() error {
	if err := f.fs.fail("fsync", f.name); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f sinkFile) Truncate(size int64) error {
	if err := f.fs.fail("truncate", f.name); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

// stateDisk is a disk for the state whose changes fail.
func stateDisk(f *fault) vfs.FS {
	return errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() != errorfs.OpIsWrite || op.Kind == errorfs.OpFileClose {
			return nil
		}
		if err := f.next(); err != nil {
			return &os.PathError{Op: "write", Path: op.Path, Err: err}
		}
		return nil
	}))
}

// modes are how long a disk fails: for one operation, for some (space comes
// back), for good.
var modes = []struct {
	name string
	ops  int64
}{{"once", 1}, {"for a while", 40}, {"for good", 1 << 40}}

// TestFailingDisk lets the disk of the sinks or of the state fail from some
// operation on. The job may get over it by itself; if not, it fails with the
// cause, in a time of seconds. Then, on a sound disk, the next run must end with
// exactly the right rows.
func TestFailingDisk(t *testing.T) {
	rounds := 14
	if testing.Short() {
		rounds = 3
	}
	if os.Getenv("STREAMSQL_SOAK") != "" {
		rounds = 300
	}
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, kind := range []string{"sinks", "state"} {
		// How many operations are there to fail?
		none := &fault{}
		if _, err := failingRun(t, kind, none); err != nil {
			t.Fatal(err)
		}
		total := none.seen.Load()
		t.Logf("%s: %d operations in a run", kind, total)
		for _, mode := range modes {
			for _, cause := range []error{syscall.ENOSPC, syscall.EIO} {
				t.Run(fmt.Sprintf("%s/%s/%v", kind, mode.name, cause), func(t *testing.T) {
					failed, hit := 0, 0
					for round := range rounds {
						f := &fault{first: 1 + rng.Int64N(total), err: cause}
						f.last = f.first + mode.ops
						msg, err := failingRun(t, kind, f)
						if err != nil {
							t.Fatalf("seed %d, round %d, operations %d to %d fail (%d did): %v", seed, round, f.first, f.last, f.hits.Load(), err)
						}
						if f.hits.Load() > 0 {
							hit++
						}
						if msg != "" {
							failed++
							if failed == 1 {
								t.Logf("the job said: %s", msg)
							}
						}
					}
					t.Logf("%d of %d runs met the fault, %d failed", hit, rounds, failed)
					if hit == 0 || mode.name == "for good" && failed == 0 {
						t.Error("no run failed: the test does not test")
					}
				})
			}
		}
	}
}

// failingRun runs the job on a failing disk and then on a sound one; it gives
// what the first run said if it failed.
func failingRun(t *testing.T, kind string, f *fault) (msg string, err error) {
	t.Helper()
	dir := directory(t)
	d := disks{sinks: sinkFS{connectors.OS, f}}
	if kind == "state" {
		d = disks{state: stateDisk(f)}
	}
	// Commit at a sink is tried for ever: somebody has to end the job then.
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	err = run(ctx, dir, d, nil)
	switch {
	case err == nil:
		if err := checkWhole(dir); err != nil {
			return "", fmt.Errorf("the job had ended well: %w", err)
		}
	case errors.Is(err, context.DeadlineExceeded): // on a busy machine perhaps before the fault
		msg = err.Error()
	case !errors.Is(err, f.err) && !strings.Contains(err.Error(), f.err.Error()):
		return "", fmt.Errorf("the error does not name its cause: %w", err)
	default:
		msg = err.Error()
	}
	if err := checkPart(dir); err != nil {
		return msg, fmt.Errorf("after the failure (%s): %w", msg, err)
	}
	if err := run(t.Context(), dir, disks{}, map[string]string{"parallelism": "3"}); err != nil {
		return msg, fmt.Errorf("on a sound disk, after %q: %w", msg, err)
	}
	if err := checkWhole(dir); err != nil {
		return msg, fmt.Errorf("on a sound disk, after %q: %w", msg, err)
	}
	return msg, nil
}

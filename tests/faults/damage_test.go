package faults

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestDamagedState damages one file of the state of a job that is half done, and
// runs the job again: it must refuse with an error that says so, or end with the
// right rows.
func TestDamagedState(t *testing.T) {
	variants := 130
	if testing.Short() {
		variants = 20
	}
	if os.Getenv("STREAMSQL_SOAK") != "" {
		variants = 5000
	}
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 0))
	// Several runs leave tables, logs and manifests of different ages.
	dir := directory(t)
	for range 3 {
		if err := run(t.Context(), dir, disks{}, map[string]string{"max.rows": "1100"}); err != nil {
			t.Fatal(err)
		}
	}
	var paths []string
	if err := filepath.WalkDir(filepath.Join(dir, "state"), func(p string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			var rel string
			rel, err = filepath.Rel(dir, p)
			paths = append(paths, rel)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	refused, harmless := 0, 0
	for v := range variants {
		path := paths[v%len(paths)] // each in turn
		copied := filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		what, err := damage(filepath.Join(copied, path), rng)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		err = run(ctx, copied, disks{}, nil)
		late := ctx.Err() != nil
		cancel()
		switch {
		case err == nil:
			harmless++
			if err := checkWhole(copied); err != nil {
				t.Fatalf("seed %d: %s of %s: the job went on, and %v", seed, what, path, err)
			}
		case strings.Contains(err.Error(), "internal error"), strings.Contains(err.Error(), "bug of the engine"), late:
			t.Fatalf("seed %d: %s of %s: %v", seed, what, path, err)
		case !strings.Contains(err.Error(), "state"):
			t.Fatalf("seed %d: %s of %s: the error does not say that it is about the state: %v", seed, what, path, err)
		default:
			refused++
			if err := checkPart(copied); err != nil {
				t.Fatalf("seed %d: %s of %s: after %v", seed, what, path, err)
			}
		}
		os.RemoveAll(copied)
	}
	t.Logf("%d damaged copies: %d refused, %d harmless; files %v", variants, refused, harmless, paths)
	if refused < variants/10 {
		t.Error("hardly any damage was seen: the test does not test")
	}
}

// damage flips a bit, cuts a file short, overwrites a piece or removes it.
func damage(path string, rng *rand.Rand) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	kind := rng.IntN(4)
	if len(b) == 0 {
		kind = 3
	}
	switch kind {
	case 0:
		bit := rng.IntN(8 * len(b))
		b[bit/8] ^= 1 << (bit % 8)
		return fmt.Sprintf("bit %d", bit), os.WriteFile(path, b, 0o644)
	case 1:
		n := rng.IntN(len(b))
		return fmt.Sprintf("all from byte %d", n), os.Truncate(path, int64(n))
	case 2:
		from := rng.IntN(len(b))
		to := min(len(b), from+1+rng.IntN(512))
		for i := from; i < to; i++ {
			b[i] = byte(rng.Uint32())
		}
		return fmt.Sprintf("bytes %d to %d", from, to), os.WriteFile(path, b, 0o644)
	default:
		return "the whole", os.Remove(path)
	}
}

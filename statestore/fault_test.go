package statestore

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

var errDisk = errors.New("disk on fire")

// failFrom fails write operations from the n-th on, or only the n-th.
type failFrom struct {
	n    int64
	once bool
	seen atomic.Int64
	hit  atomic.Pointer[string]
}

func (f *failFrom) String() string { return "failFrom" }

func (f *failFrom) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite || op.Kind == errorfs.OpFileClose {
		return nil
	}
	i := f.seen.Add(1)
	if i == f.n || i > f.n && !f.once {
		what := fmt.Sprintf("%v of %s", op.Kind, op.Path)
		f.hit.CompareAndSwap(nil, &what)
		return errDisk
	}
	return nil
}

// TestWriteFails lets every single write of a history fail in turn, for good or
// once. The store must say so, must not hang or panic, and must afterwards, on a
// sound disk, have every epoch that it acknowledged.
func TestWriteFails(t *testing.T) {
	for _, size := range []int{10, 700, 5000} {
		for _, once := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d,once=%v", size, once), func(t *testing.T) {
				t.Parallel()
				failures := 0
				for n := int64(1); ; n++ {
					if stride := int64(1 + size/2000); n%stride != 0 || testing.Short() && n%5 != 0 {
						continue // large commits write much that is alike
					}
					hit, failed := failedRun(t, size, n, once)
					if hit == "" {
						break
					}
					if failed {
						failures++
					}
				}
				t.Logf("%d of the failed writes failed a call", failures)
				if failures < 10 {
					t.Errorf("only %d writes failed anything", failures)
				}
			})
		}
	}
}

func failedRun(t *testing.T, size int, n int64, once bool) (hit string, failed bool) {
	mem := vfs.NewMem()
	inj := &failFrom{n: n, once: once}
	fs := errorfs.Wrap(mem, inj)
	acked, started := uint64(0), uint64(0)
	err := func() error {
		s, err := Open("dir", testOptions(fs))
		if err != nil {
			return err
		}
		for e := uint64(1); e <= 9; e++ {
			started = e
			if err := putEpoch(s, e, 2, 3, size); err != nil {
				s.Close()
				return err
			}
			acked = e
		}
		return s.Close()
	}()
	if h := inj.hit.Load(); h != nil {
		hit = *h
	}
	if err != nil && !strings.Contains(err.Error(), errDisk.Error()) {
		t.Fatalf("write %d (%s): the error does not tell the cause: %v", n, hit, err)
	}
	if err != nil && hit == "" {
		t.Fatalf("nothing failed, and yet: %v", err)
	}
	s, oerr := Open("dir", testOptions(mem))
	if oerr != nil {
		t.Fatalf("write %d (%s) had failed (%v), now the store can't be opened: %v", n, hit, err, oerr)
	}
	defer mustClose(t, s)
	l, _ := s.Last()
	if l.Epoch < acked || l.Epoch > started {
		t.Fatalf("write %d (%s): epoch %d, want %d to %d (%v)", n, hit, l.Epoch, acked, started, err)
	}
	if l.Epoch > 0 {
		if cerr := checkEpochs(s, l.Epoch, 2, 3, size); cerr != nil {
			t.Fatalf("write %d (%s): %v", n, hit, cerr)
		}
	}
	return hit, err != nil
}

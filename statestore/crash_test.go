package statestore

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/streamsql/streamsql/internal/crashfs"
)

// crasher takes a copy of the file system, as a crash at that instant would
// leave it, before every operation that writes.
type crasher struct {
	mem *crashfs.FS
	rng *rand.Rand

	mu      sync.Mutex
	acked   uint64 // newest epoch whose Commit has returned
	started uint64 // newest epoch that was begun
	crashes []crash
	every   int // of so many operations, one is a crash
	n       int
}

type crash struct {
	fs             *crashfs.FS
	acked, started uint64
	op             string
}

func (c *crasher) String() string { return "crasher" }

func (c *crasher) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n++; c.n%c.every != 0 {
		return nil
	}
	// What is not synced may be lost, kept, or partly so.
	percent := []int{0, 50, 100}[c.rng.IntN(3)]
	c.crashes = append(c.crashes, crash{
		fs:    c.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: c.rng}),
		acked: c.acked, started: c.started,
		op: fmt.Sprintf("%v of %s, %d %% of unsynced data kept", op.Kind, op.Path, percent),
	})
	return nil
}

func (c *crasher) note(acked, started uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acked, c.started = acked, started
}

// TestCrash stops the machine at every write of a history of commits, and
// demands that the store then has exactly one of the two epochs it may have, and
// can go on from there.
func TestCrash(t *testing.T) {
	seeds := uint64(4)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		for _, size := range []int{10, 700, 5000} { // small, alternating and large commits
			if size == 5000 && seed > 0 {
				continue // the longest, by far
			}
			t.Run(fmt.Sprintf("%d,seed=%d", size, seed), func(t *testing.T) {
				t.Parallel()
				crashes(t, size, seed)
			})
		}
	}
}

// deepDir is under directories that are made with it.
const deepDir = "data/jobs/dir"

func crashes(t *testing.T, size int, seed uint64) {
	mem := crashfs.New()
	c := &crasher{mem: mem, rng: rand.New(rand.NewPCG(uint64(size), seed)), every: 1}
	fs := errorfs.Wrap(mem, c)
	const last = 25
	s := mustOpen(t, deepDir, testOptions(fs))
	for e := uint64(1); e <= last; e++ {
		c.note(e-1, e)
		if err := putEpoch(s, e, 2, 3, size); err != nil {
			t.Fatal(err)
		}
		c.note(e, e)
		if e == 12 {
			mustClose(t, s)
			s = mustOpen(t, deepDir, testOptions(fs))
		}
	}
	mustClose(t, s)
	t.Logf("%d crashes", len(c.crashes))
	if len(c.crashes) < 5*last {
		t.Fatalf("only %d crashes", len(c.crashes))
	}
	mid := 0
	for _, x := range c.crashes {
		s, err := Open(deepDir, testOptions(x.fs))
		if err != nil {
			t.Fatalf("crash before %s: %v", x.op, err)
		}
		l, _ := s.Last()
		if l.Epoch < x.acked || l.Epoch > x.started {
			t.Fatalf("crash before %s: epoch %d, want %d or %d", x.op, l.Epoch, x.acked, x.started)
		}
		if x.acked < x.started && l.Epoch == x.started {
			mid++
		}
		if l.Epoch > 0 {
			if err := checkEpochs(s, l.Epoch, 2, 3, size); err != nil {
				t.Fatalf("crash before %s: %v", x.op, err)
			}
		}
		if err := putEpoch(s, l.Epoch+1, 2, 3, size); err != nil {
			t.Fatalf("crash before %s: %v", x.op, err)
		}
		if err := checkEpochs(s, l.Epoch+1, 2, 3, size); err != nil {
			t.Fatalf("crash before %s: %v", x.op, err)
		}
		mustClose(t, s)
	}
	if mid == 0 {
		t.Error("no crash left an epoch durable that was not acknowledged yet")
	}
}

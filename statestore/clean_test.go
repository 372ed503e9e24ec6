package statestore

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestDeadEpochsAreFreed rewrites a constant state again and again, in small and
// in large commits: what the directory takes must stay in proportion to it.
func TestDeadEpochsAreFreed(t *testing.T) {
	sizes := map[string]func(e uint64) int{
		"small": func(uint64) int { return 1500 },
		"large": func(uint64) int { return 5000 },
		"mixed": func(e uint64) int { return []int{100, 1500, 5000}[e%3] },
	}
	for name, sizeOf := range sizes {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMem()
			o := testOptions(fs)
			o.MemoryBudget = 4 << 20 // memtables of 1 MiB
			s := mustOpen(t, "dir", o)
			id := StreamID{Operator: 1}
			var total int64
			for e := uint64(1); e <= 3000; e++ {
				tx, err := s.Begin(e, Layout{Shards: 1})
				if err != nil {
					t.Fatal(err)
				}
				w, size := tx.Shard(0), sizeOf(e)
				w.Put(id, make([]byte, size))
				w.SetLiveFrom(id, e)
				w.SetLiveBytes(id, int64(size))
				if err := tx.Commit(nil); err != nil {
					t.Fatal(err)
				}
				total += int64(size)
				if m := s.Metrics(); m.LogEpochs != 1 {
					t.Fatalf("epoch %d: %d live epochs", e, m.LogEpochs)
				}
			}
			s.awaitCut()
			m := s.Metrics()
			if m.L0Sublevels > 2 {
				t.Errorf("%d sublevels in L0", m.L0Sublevels)
			}
			if m.CompactionBytes > uint64(total)/20 {
				t.Errorf("compactions have rewritten %d bytes of %d", m.CompactionBytes, total)
			}
			mustClose(t, s)
			s = mustOpen(t, "dir", o) // removes what was only waiting to be removed
			defer mustClose(t, s)
			var disk int64
			for _, n := range files(t, fs, "dir") {
				disk += n
			}
			// Live data is one block; the log may have its slack, a memtable's worth
			// of write-ahead log, and manifests.
			if limit := int64(4 << 20); disk > limit || total > 1<<20 && disk > total {
				t.Errorf("%d bytes on disk after %d were written, limit %d", disk, total, limit)
			}
			t.Logf("%d bytes on disk, %d written, %d tables", disk, total, m.Tables)
		})
	}
}

// TestCutPolicy drives the cleaner alone: a log whose every commit holds as much
// as the last one. Evacuation must be asked for only when the log is long, must
// name the first epoch of a generation, and must keep the log at its target if
// it is obeyed.
func TestCutPolicy(t *testing.T) {
	const (
		live   = 10 << 20
		commit = 200 << 10
		slack  = 2 << 20
	)
	s := &Store{opts: Options{LogSlack: slack}}
	id := StreamID{Operator: 1}
	liveFrom := uint64(1)
	starts := map[uint64]bool{}
	swept, target := 0.0, uint64(0)
	var longest int64
	asked := 0
	for e := uint64(1); e <= 3000; e++ {
		c := s.cut(e)
		starts[c.Generation] = true
		if c.Generation > e || c.Epoch != e {
			t.Fatalf("epoch %d: %+v", e, c)
		}
		if c.EvacuateBefore > liveFrom {
			asked++
			if !starts[c.EvacuateBefore] {
				t.Fatalf("epoch %d: %d is not the start of a generation", e, c.EvacuateBefore)
			}
			if c.Fraction <= 0 || c.Fraction > 1 {
				t.Fatalf("epoch %d: fraction %v", e, c.Fraction)
			}
			// A table that obeys: it sweeps, then its live-from epoch rises.
			if target == 0 {
				target, swept = c.EvacuateBefore, 0
			}
			if swept += c.Fraction; swept >= 1 {
				liveFrom, target = target, 0
			}
		}
		r := &record{epoch: e, generation: c.Generation, layout: Layout{Shards: 1}, bytes: commit,
			streams: []streamEntry{{id: id, liveFrom: liveFrom, liveBytes: live}}}
		s.commits = append(s.commits, r)
		for s.commits[0].epoch < r.bound() {
			s.commits = s.commits[1:]
		}
		var size int64
		for _, r := range s.commits {
			size += r.charge()
		}
		if e > 200 {
			longest = max(longest, size)
		}
		if size < live && c.EvacuateBefore > 0 {
			t.Fatalf("epoch %d: asked to evacuate a log of %d bytes", e, size)
		}
	}
	if want := int64(2*live + slack); longest > want*9/8 || longest < want*3/4 {
		t.Errorf("the log grew to %d bytes, its target is %d", longest, want)
	}
	if asked == 0 {
		t.Error("never asked to evacuate")
	}
}

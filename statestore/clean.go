package statestore

// Cut is what a barrier tells the tables of an operator: which epoch this is and
// what of the log's tail they are to write again.
type Cut struct {
	// Epoch of the commit to come.
	Epoch uint64
	// Generation that the epoch belongs to, named by its first epoch.
	Generation uint64
	// EvacuateBefore is the epoch below which a stream should not need the log
	// any more. Rows whose newest copy is older are to be emitted again, and when
	// none is left the stream's live-from epoch raised to it. It is the first
	// epoch of a generation, or 0 if the log is short enough.
	EvacuateBefore uint64
	// Fraction of its rows (0..1) that a table should search for such rows in
	// this commit. Pacing by search makes the evacuated bytes follow the bytes
	// written, with no burst.
	Fraction float64
}

const (
	generationsInLog = 8
	// commitOverhead is charged for each commit on top of its bytes: it bounds
	// the number of commits in the log when they are tiny.
	commitOverhead = 4 << 10
)

func (r *record) charge() int64 { return int64(r.bytes) + commitOverhead }

// cut decides what the commit of the given epoch is asked to evacuate. The
// caller holds s.mu.
func (s *Store) cut(epoch uint64) Cut {
	c := Cut{Epoch: epoch, Generation: epoch}
	if len(s.commits) == 0 {
		return c
	}
	last := s.commits[len(s.commits)-1]
	var size int64
	for _, r := range s.commits {
		size += r.charge()
	}
	target := 2*int64(last.liveBytes()) + s.opts.LogSlack
	generation := target / generationsInLog

	// The running generation ends when it is large enough.
	var running int64
	for i := len(s.commits) - 1; i >= 0 && s.commits[i].generation == last.generation; i-- {
		running += s.commits[i].charge()
	}
	if running < generation {
		c.Generation = last.generation
	}
	// Of the closed generations, keep the newest that fit: one is being written
	// while the oldest is evacuated.
	kept := size
	for i, r := range s.commits {
		if r.generation == last.generation || kept <= target-generation {
			break
		}
		kept -= r.charge()
		if next := s.commits[i+1].generation; next != r.generation {
			c.EvacuateBefore = next
		}
	}
	if c.EvacuateBefore > 0 {
		// Done by the time that half a generation is written; faster if the log
		// has run ahead of its target.
		over := max(1, float64(size)/float64(target))
		c.Fraction = min(1, over*over*float64(last.charge())/float64(generation/2))
	}
	return c
}

package table

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/streamsql/streamsql/statestore"
)

// Table is the state of one operator in one shard.
type Table struct {
	op      statestore.OperatorID
	mu      sync.Mutex // of parts: tables that are Sources are read by several shards
	parts   map[partID]part
	most    uint32          // the greatest number of a part
	dropped map[partID]bool // parts of the log to be forgotten at the next freeze
	pool    bufferPool
	spare   []*Rows // of dropped buckets
	mem     *space
	beside  map[int64][]*Rows // by bucket
}

// mostSpare is how many Rows of dropped buckets are kept to be used again: what
// one advance of the watermark drops, mostly.
const mostSpare = 64

type partID struct {
	bucket int64
	part   uint32
}

// part is what Rows, Arena and Blobs have in common.
type part interface {
	freeze(cut statestore.Cut, pool *bufferPool) frozenPart
	apply(block []byte, generation uint64) error
	// loaded ends a replay.
	loaded(liveFrom uint64) error
	// memory is what it holds, in bytes.
	memory() int
	// drop gives it back. Nothing of the part may be used any more.
	drop()
}

// frozenPart is what a part hands over at a barrier.
type frozenPart interface {
	stats() partStats
	// write puts the blocks; it may run beside the operator.
	write(put putFunc)
	// release gives the buffers back.
	release(pool *bufferPool)
}

// putFunc takes a block. If its memory is lent, back is to be called when it is not
// needed any more; else it is nil.
type putFunc func(block []byte, back func())

type partStats struct {
	liveFrom       uint64
	liveBytes      int64
	changed        int // rows, chunks or records, deleted ones included
	evacuated      int
	evacuatedBytes int64
}

// New makes an empty table.
func New(op statestore.OperatorID) *Table {
	t := &Table{op: op, parts: map[partID]part{}, dropped: map[partID]bool{}, mem: newSpace()}
	t.pool.mem = t.mem
	return t
}

// Rows returns the rows of a part and bucket, making them if there are none.
// The width is in 64-bit words and must not change.
func (t *Table) Rows(part uint32, bucket int64, width int) *Rows {
	r := get(t, part, bucket, func() *Rows { return t.newRows(width) })
	if r.Width() != width {
		panic(fmt.Sprintf("table: part %d has rows of %d words, not %d", part, r.Width(), width))
	}
	return r
}

// newRows gives empty rows, those of a dropped bucket if there are any.
func (t *Table) newRows(width int) *Rows {
	for i := len(t.spare) - 1; i >= 0; i-- {
		if r := t.spare[i]; r.width == width {
			t.spare = slices.Delete(t.spare, i, i+1)
			return r
		}
	}
	return NewRows(width).in(t.mem)
}

// Arena returns the arena of a part and bucket, making it if there is none.
func (t *Table) Arena(part uint32, bucket int64) *Arena { return get(t, part, bucket, t.newArena) }

func (t *Table) newArena() *Arena { return NewArena().in(t.mem) }

// Beside makes rows that belong to a bucket and are dropped with it, but are not
// stored: what an operator makes anew from the parts after a restore.
func (t *Table) Beside(bucket int64, width int) *Rows {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := NewRows(width).in(t.mem)
	if t.beside == nil {
		t.beside = map[int64][]*Rows{}
	}
	t.beside[bucket] = append(t.beside[bucket], r)
	return r
}

// Blobs returns the records of a part and bucket, making them if there are none.
func (t *Table) Blobs(part uint32, bucket int64) *Blobs { return get(t, part, bucket, NewBlobs) }

func get[P part](t *Table, n uint32, bucket int64, make func() P) P {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := partID{bucket: bucket, part: n}
	p, ok := t.parts[id]
	if !ok {
		made := make()
		t.add(id, made)
		return made
	}
	typed, ok := p.(P)
	if !ok {
		panic(fmt.Sprintf("table: part %d is a %T", n, p))
	}
	return typed
}

func (t *Table) add(id partID, p part) {
	t.parts[id] = p
	t.most = max(t.most, id.part)
}

// DropBucket forgets all parts of a bucket. What was handed out of them must not
// be used any more. The bucket may be filled anew at once.
func (t *Table) DropBucket(bucket int64) {
	for n := uint32(0); n <= t.most; n++ {
		id := partID{bucket: bucket, part: n}
		if p, ok := t.parts[id]; ok {
			delete(t.parts, id)
			t.dropped[id] = true
			if r, ok := p.(*Rows); ok && len(t.spare) < mostSpare && r.renew() {
				t.spare = append(t.spare, r)
			} else {
				p.drop()
			}
		}
	}
	for _, r := range t.beside[bucket] {
		r.drop()
	}
	delete(t.beside, bucket)
}

// Buckets returns the buckets that have a part, ascending.
func (t *Table) Buckets() []int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	seen := map[int64]bool{}
	for id := range t.parts {
		seen[id.bucket] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// Bytes is what the table holds in memory: rows, strings and records, those of
// indexes that an operator keeps beside them not.
func (t *Table) Bytes() int64 {
	n := 0
	for _, p := range t.parts {
		n += p.memory()
	}
	return int64(n)
}

// Frozen is what a barrier takes from a table.
type Frozen struct {
	op      statestore.OperatorID
	memory  int64
	pool    *bufferPool
	dropped []partID
	parts   []frozenEntry
	sum     FrozenStats
}

type frozenEntry struct {
	id partID
	f  frozenPart
}

// Freeze copies what changed since the last one, and what the cut asks to
// evacuate. It runs on the operator's goroutine; the table may be changed again
// when it returns. Many changed rows are copied by Write, beside the operator.
//
// The next Freeze must come after Write. If the epoch can't be committed, the
// changes are lost and the table must be loaded again.
func (t *Table) Freeze(cut statestore.Cut) *Frozen {
	f := &Frozen{op: t.op, pool: &t.pool, memory: t.Bytes()}
	for id := range t.dropped {
		f.dropped = append(f.dropped, id)
	}
	clear(t.dropped)
	ids := slices.SortedFunc(maps.Keys(t.parts), func(a, b partID) int {
		return cmp.Or(cmp.Compare(a.bucket, b.bucket), cmp.Compare(a.part, b.part))
	})
	for _, id := range ids {
		f.parts = append(f.parts, frozenEntry{id: id, f: t.parts[id].freeze(cut, &t.pool)})
	}
	return f
}

// FrozenStats says what a freeze took.
type FrozenStats struct {
	Changed        int   // rows, chunks and records that had changed
	Evacuated      int   // those written again to free the log's tail
	EvacuatedBytes int64 // their size
	LiveBytes      int64 // size of the whole table, as a rewrite would be
}

func (s *FrozenStats) add(p partStats) {
	s.Changed += p.changed
	s.Evacuated += p.evacuated
	s.EvacuatedBytes += p.evacuatedBytes
	s.LiveBytes += p.liveBytes
}

// MemoryBytes is what the table held in memory at the barrier.
func (f *Frozen) MemoryBytes() int64 { return f.memory }

// Stats holds once Write has returned.
func (f *Frozen) Stats() FrozenStats { return f.sum }

// Write puts what was frozen into the commit. It runs once, on any goroutine.
func (f *Frozen) Write(w *statestore.ShardWriter) error {
	for _, id := range f.dropped {
		w.Drop(f.stream(id))
	}
	for _, p := range f.parts {
		id := f.stream(p.id)
		p.f.write(func(block []byte, back func()) { w.PutLent(id, block, back) })
		s := p.f.stats()
		w.SetLiveFrom(id, s.liveFrom)
		w.SetLiveBytes(id, s.liveBytes)
		w.CountEvacuated(s.evacuatedBytes)
		f.sum.add(s)
	}
	w.OnEnd(f.release)
	return nil
}

func (f *Frozen) stream(id partID) statestore.StreamID {
	return statestore.StreamID{Operator: f.op, Part: id.part, Bucket: id.bucket}
}

// release runs when the commit has ended and nothing refers to the buffers.
func (f *Frozen) release() {
	for _, p := range f.parts {
		p.f.release(f.pool)
	}
	f.parts = nil
}

package timejoin

import (
	"slices"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/exec/rowstore"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore/table"
)

// The words that a stored row of an interval join begins with.
const (
	wordTime = iota
	wordW    // its own W; op.MinTime: it is late for nothing
	wordHash // of its key
	wordLink // lower half: id+1 of the next row of the hash; bit 63: it had a partner
	ownWords
)

const flagMatched = 1 << 63

// segment is the rows of one side of one time bucket. Rows are appended, and go
// all at once.
type segment struct {
	bucket int64
	rows   *table.Rows
	arena  *table.Arena
	index  index
}

// add puts a new row, whose hash is set, into the index.
func (g *segment) add(id uint32) {
	row := g.rows.At(id)
	before := g.index.put(row[wordHash], id, g.rows, wordHash)
	row[wordLink] = row[wordLink]&flagMatched | uint64(before)
}

// side is one input of an interval join and the rows of it that are held. A row
// with time t pairs with rows of the other input whose time is within
// [t - before, t + after]; it is kept until that input's watermark is above
// t + after.
type side struct {
	n             int
	time          int
	lag           int64
	before, after int64
	preserved     bool // rows without a partner come out
	marks         bool // it matters which rows had a partner
	keyer         *keyer
	format        *rowstore.Format
	enc           *rowstore.Encoder
	needs         []int // columns that must not be NULL: keys, time

	mark   int64 // the watermark of the input, less the lag
	segs   map[int64]*segment
	order  []int64 // the buckets of segs, ascending
	recent [4]*segment
	held   int64
	alone  queue // preserved: rows that had no partner when they came, by t + after
}

func newSide(n int, o *planner.IntervalJoin, in []planner.Column) (*side, error) {
	s := &side{
		n: n, time: o.Time[n], lag: o.Lag[n], before: o.After, after: o.Before,
		preserved: o.Kind.Preserves(n),
		format:    rowstore.NewFormat(ownWords, columnTypes(in)),
	}
	if n == 1 {
		s.before, s.after = o.Before, o.After
	}
	s.marks = s.preserved || n == 0 && o.Kind.LeftOnly()
	s.enc = s.format.NewEncoder()
	var err error
	if s.keyer, err = newKeyer(in, &o.Pairing, n); err != nil {
		return nil, err
	}
	s.needs = append(s.keyer.needs(), o.Time[n])
	s.reset()
	return s, nil
}

func (s *side) reset() {
	s.mark = op.MinTime
	s.segs, s.order, s.recent = map[int64]*segment{}, nil, [4]*segment{}
	s.held, s.alone = 0, queue{}
}

// stored is the number of a side's bucket in the state: sides expire apart.
func (s *side) stored(bucket int64) int64 { return 2*bucket + int64(s.n) }

// segment finds the segment of a bucket; nil if there is none.
func (s *side) segment(bucket int64) *segment {
	slot := &s.recent[bucket&3]
	if g := *slot; g != nil && g.bucket == bucket {
		return g
	}
	g := s.segs[bucket]
	if g != nil {
		*slot = g
	}
	return g
}

// open finds or makes the segment of a bucket.
func (s *side) open(bucket int64, st *table.Table) *segment {
	if g := s.segment(bucket); g != nil {
		return g
	}
	n := s.stored(bucket)
	g := &segment{bucket: bucket, rows: st.Rows(0, n, s.format.Words()), arena: st.Arena(1, n)}
	s.segs[bucket] = g
	at, _ := slices.BinarySearch(s.order, bucket)
	s.order = slices.Insert(s.order, at, bucket)
	return g
}

// adopt takes a bucket that the state has.
func (s *side) adopt(bucket int64, st *table.Table) {
	g := s.open(bucket, st)
	g.rows.Each(func(id uint32, row []uint64) {
		g.add(id)
		s.held++
		s.wait(g, id)
	})
}

// wait notes that a stored row comes out if nothing pairs with it.
func (s *side) wait(g *segment, id uint32) {
	if row := g.rows.At(id); s.preserved && row[wordLink]&flagMatched == 0 {
		s.alone.push(waiting{time: later(int64(row[wordTime]), s.after), bucket: g.bucket, id: id})
	}
}

// put stores rows sel of a batch, all of one bucket.
func (s *side) put(g *segment, b *op.Batch, sel []int32, times []int64, hashes []uint64, matched []bool) {
	ids := make([]uint32, len(sel))
	for k := range sel {
		ids[k] = g.rows.Alloc()
	}
	at := make([]hash.Row, len(sel))
	for k, i := range sel {
		row := g.rows.At(ids[k])
		row[wordTime], row[wordW], row[wordHash] = uint64(times[i]), uint64(rowW(b, i)), hashes[i]
		if s.marks && matched[i] {
			row[wordLink] = flagMatched
		}
		at[k] = hash.RowOf(row)
	}
	s.enc.Put(b.Cols, colvec.Selected(sel), at, g.arena)
	for _, id := range ids {
		g.add(id)
		s.wait(g, id)
	}
	s.held += int64(len(sel))
}

// rowW is the W of row i; op.MinTime where the batch carries none.
func rowW(b *op.Batch, i int32) int64 {
	if b.W == nil {
		return op.MinTime
	}
	return b.W[i]
}

// expired says whether all rows of a bucket have gone by the other input's
// watermark.
func (s *side) expired(bucket, width, mark int64) bool {
	last := later(bucket*width, width-1)
	return later(last, s.after) < mark || mark == op.MaxTime
}

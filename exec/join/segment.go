package join

import (
	"math/bits"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore/table"
)

// A side whose rows are let go by time (planner.Expiry) keeps them in segments: those
// that go at about the same time, with an index of their own. A segment goes as a
// whole, and what has not been stored by then never is. The keys of such a side are
// in its segments alone; the table of keys has those of the other one.
//
// Segments of rows that stay long are wide, so that there are a few for each doubling
// of that time and a row of the other side has few to look into. So a row may stay
// half as long again as it must, which nobody can see: nothing pairs with it.

// side is one input of the join.
type side struct {
	codec *codec
	part  // of rows that stay
	// expiry says when the rows can go; nil: they stay.
	expiry *planner.Expiry
	segs   []*segment
	last   *segment // that took the last row
	base   int64    // when the first row goes, where no watermark is known yet
	based  bool
	times  []int64
	due    []bucketRows
}

// segment keeps the rows of one side that go between two times.
type segment struct {
	part
	bucket int64
	until  int64 // the watermark at which the last of its rows can go
	keys   *hash.Table
	word   int       // of a key's row: the head of its chain, as id+1
	refs   hash.Refs // the keys of the batch at hand
}

// head is the head of the chain of the key of row n.
func (g *segment) head(n int) *uint64 { return hash.At[uint64](g.refs.Rows[n], g.word) }

// bucketRows is the rows of a batch that go into one bucket.
type bucketRows struct {
	bucket int64
	rows   []int32 // places in join.rows
}

// ref says where a stored row is: the number of its segment << 32 | id+1.
type ref uint64

func refTo(segment int, id1 uint32) ref { return ref(segment)<<32 | ref(id1) }

func (r ref) id() uint32 { return uint32(r) - 1 }

// at is the part of the side that has a row.
func (s *side) at(r ref) *part {
	if s.expiry == nil {
		return &s.part
	}
	return &s.segs[r>>32].part
}

// minWidth is the width of the narrowest segments, microseconds.
const minWidth = 1_000_000

// A bucket of the state is a segment: its number among those of its width << 8 |
// the width as a power of two of minWidth << 2 | the side << 1 | 1. Bucket 0 has what
// stays.
func bucketOf(side int, until, in int64) int64 {
	level := bits.Len64(uint64(max(0, in) / 4 / minWidth))
	return floorDiv(until, minWidth<<level)<<8 | int64(level)<<2 | int64(side)<<1 | 1
}

// edge is the last time of a bucket.
func edge(bucket int64) int64 {
	return (bucket>>8+1)*(minWidth<<(bucket>>2&63)) - 1
}

// floorDiv rounds towards minus infinity; b > 0.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// segment finds or makes the segment of a bucket.
func (j *join) segment(bucket int64) *segment {
	s := &j.sides[bucket>>1&1]
	if s.last != nil && s.last.bucket == bucket {
		return s.last
	}
	for _, g := range s.segs {
		if g.bucket == bucket {
			s.last = g
			return g
		}
	}
	g := &segment{bucket: bucket, until: edge(bucket)}
	var texts *table.Arena
	if j.layout.HasStrings() {
		texts = j.st.Arena(textsPart, bucket)
	}
	g.keys = hash.Attach(j.layout, j.st.Rows(keysPart, bucket, 2+j.layout.Words()), texts)
	g.word = g.keys.StateWord()
	g.open(j.st, leftPart, bucket, false)
	if g.rows.Len() == 0 {
		s.reserve(g)
	}
	s.segs = append(s.segs, g)
	s.last = g
	return g
}

// reserve makes room in a new segment for as much as the others of its width have.
func (s *side) reserve(g *segment) {
	keys, rows := 0, 0
	for _, like := range s.segs {
		if like.bucket>>2&63 == g.bucket>>2&63 {
			keys, rows = max(keys, like.keys.Len()), max(rows, like.rows.Len())
		}
	}
	g.keys.Reserve(keys)
	g.rows.Reserve(rows)
}

// hold keeps the rows of the batch that may yet have partners.
func (j *join) hold(s *side) {
	mark := j.marks[1-j.input]
	col := j.b.Cols[s.expiry.Col]
	times, alias := colvec.Ints(col, colvec.Selected(j.rows), s.times)
	if !alias {
		s.times = times
	}
	valid := colvec.ValidityOf(col)
	once := j.input == 0 && (j.o.Kind == planner.SemiJoin || j.o.Kind == planner.AntiJoin)
	due := s.due[:0]
	for n, i := range j.rows {
		if !valid.Valid(int(i)) || once && j.had[n] > 0 {
			continue
		}
		until := planner.AddTime(times[n], s.expiry.Keep)
		if until <= mark {
			continue
		}
		from := mark
		if mark == op.MinTime {
			if !s.based {
				s.base, s.based = until, true
			}
			from = s.base
		}
		due = addDue(due, bucketOf(j.input, until, until-from), int32(n))
	}
	s.due = due
	held := 0
	for k := range due {
		j.insert(s, &due[k])
		held += len(due[k].rows)
	}
	j.ctx.Counters[op.CountReleased] += int64(len(j.rows) - held)
}

// addDue adds row n of a batch to those of its bucket. A batch has few buckets.
func addDue(due []bucketRows, bucket int64, n int32) []bucketRows {
	for k := len(due) - 1; k >= 0; k-- {
		if due[k].bucket == bucket {
			due[k].rows = append(due[k].rows, n)
			return due
		}
	}
	k := len(due)
	if k < cap(due) { // the memory of an earlier batch is used again
		due = due[:k+1]
		due[k].bucket, due[k].rows = bucket, append(due[k].rows[:0], n)
		return due
	}
	return append(due, bucketRows{bucket, []int32{n}})
}

// insert puts rows of the batch into their segment.
func (j *join) insert(s *side, due *bucketRows) {
	g := j.segment(due.bucket)
	k := j.k
	if len(due.rows) < len(j.rows) {
		sel := colvec.Grow(j.scratch.sel, len(due.rows))
		for i, n := range due.rows {
			sel[i] = j.rows[n]
		}
		j.scratch.sel = sel
		k = j.enc.Encode(j.scratch.keyCols, colvec.Selected(sel))
	}
	g.keys.Upsert(k, &g.refs)
	for i, n := range due.rows {
		partners := uint32(0)
		if j.counted[j.input] {
			partners = j.had[n]
		}
		head := g.head(i)
		*head = uint64(g.part.insert(uint32(*head), g.refs.IDs[i], k.Hash[i], s.codec.row(int(n)), partners))
	}
}

// letGo drops the segments of a side that can have no more partners, the watermark of
// the other input being w.
func (j *join) letGo(s *side, w int64) {
	kept := s.segs[:0]
	for _, g := range s.segs {
		if g.until > w {
			kept = append(kept, g)
			continue
		}
		j.ctx.Counters[op.CountReleased] += int64(g.rows.Len())
		j.st.DropBucket(g.bucket)
	}
	if len(kept) < len(s.segs) {
		clear(s.segs[len(kept):])
		s.segs, s.last = kept, nil
	}
}

// mergeSegment takes over the rows of another state's segment whose key's group is
// owned.
func (j *join) mergeSegment(from *segment, owns func(group int) bool) {
	var rows []hash.Row
	enc := hash.NewEncoder(j.layout)
	from.keys.EachHash(func(_ []uint32, all []hash.Row, hashes []uint64) {
		rows = rows[:0]
		for i, h := range hashes {
			if owns(hash.Group(h)) {
				rows = append(rows, all[i])
			}
		}
		if len(rows) == 0 {
			return
		}
		g := j.segment(from.bucket)
		k := enc.FromRows(rows, from.keys.Source())
		g.keys.Upsert(k, &g.refs)
		for i, row := range rows {
			head := g.head(i)
			for id1 := uint32(*hash.At[uint64](row, from.word)); id1 != 0; id1 = from.next(id1) {
				*head = uint64(g.part.insert(uint32(*head), g.refs.IDs[i], k.Hash[i], from.values(id1-1), from.partners(id1-1)))
			}
		}
	})
}

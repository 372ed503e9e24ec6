package timejoin

import (
	"fmt"
	"slices"

	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/exec/rowstore"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore/table"
)

// minWidth is the least width of a time bucket, us: buckets of their own for
// each instant of a sparse stream would cost more than the rows.
const minWidth = 1_000_000

// interval is the symmetric hash join of two streams by key and time: each row
// looks for partners among the held rows of the other side, then is held itself
// until none can come any more. Rows are held in time buckets about half as wide
// as the join's interval, so that a row looks into three of them or four, and
// what has expired is dropped by the bucket.
type interval struct {
	base
	o     *planner.IntervalJoin
	sides [2]*side
	width int64
	delay int64
	mark  int64 // of the output

	live, null []int32
	matched    []bool // rows of the batch that have a partner
	sel        []int32
	refs       rowstore.Refs
	found      []uint32 // ids of refs, for marking
	from       []*segment
	parts      []bucketPart
}

var (
	_ op.Stateful = (*interval)(nil)
	_ op.Gauges   = (*interval)(nil)
	_ op.Balanced = (*interval)(nil)
)

// NewInterval makes the operator. left and right are the columns of its inputs,
// prog the compiled residual (nil if there is none).
func NewInterval(o *planner.IntervalJoin, left, right []planner.Column, prog *expr.Program, ctx *op.Context) (op.Operator, error) {
	j := &interval{base: newBase(&o.Pairing, left, right, prog, ctx), o: o, delay: o.Delay(), mark: op.MinTime}
	j.width = max(minWidth, planner.AddTime(o.Before, o.After)/2)
	var err error
	for n, in := range [][]planner.Column{left, right} {
		if j.sides[n], err = newSide(n, o, in); err != nil {
			return nil, err
		}
	}
	return j, nil
}

// Process implements op.Operator.
func (j *interval) Process(input int, b *op.Batch, out op.Output) error {
	s := j.sides[input]
	j.live, j.null = splitNull(b, s.needs, j.live[:0], j.null[:0])
	j.ctx.Counters[op.CountUnmatched] += int64(len(j.null))
	if cap(j.matched) < b.N {
		j.matched = make([]bool, b.N)
	}
	j.matched = j.matched[:b.N]
	clear(j.matched)
	hashes := s.keyer.hashes(b)
	times := column.Fixed[int64](b.Cols[s.time])
	if err := j.probe(s, b, times, hashes, out); err != nil {
		return err
	}
	if j.o.Kind == planner.SemiJoin && input == 0 {
		if err := j.matchedRows(b, out); err != nil {
			return err
		}
	}
	return j.hold(s, b, times, hashes, out)
}

// probe finds the partners of the rows of a batch among those held of the other
// side.
func (j *interval) probe(s *side, b *op.Batch, times []int64, hashes []uint64, out op.Output) error {
	o := j.sides[1-s.n]
	if len(o.order) == 0 {
		return nil
	}
	first, last := o.order[0], o.order[len(o.order)-1]
	once := j.o.Kind.LeftOnly() // a left row that has had a partner needs no other
	for _, i := range j.live {
		t, w, h := times[i], rowW(b, i), hashes[i]
		lo, hi := earlier(t, s.before), later(t, s.after)
		from, to := max(first, floorDiv(lo, j.width)), min(last, floorDiv(hi, j.width))
		for bucket := from; bucket <= to; bucket++ {
			g := o.segment(bucket)
			if g == nil {
				continue
			}
			id, ok := g.index.find(h, g.rows, wordHash)
			for ok {
				row := g.rows.At(id)
				rt := int64(row[wordTime])
				// The pair rule: neither came when the other was over.
				if rt >= lo && rt <= hi && w <= later(rt, o.after) && int64(row[wordW]) <= hi &&
					!(once && s.n == 1 && row[wordLink]&flagMatched != 0) {
					j.candidate(g, id, i, row)
				}
				next := uint32(row[wordLink])
				id, ok = next-1, next != 0
			}
		}
		if len(j.sel) >= j.ctx.BatchRows {
			if err := j.flush(s, b, out); err != nil {
				return err
			}
		}
	}
	return j.flush(s, b, out)
}

func (j *interval) candidate(g *segment, id uint32, i int32, row []uint64) {
	j.sel = append(j.sel, i)
	j.refs.Add(hash.RowOf(row), g.arena)
	j.found, j.from = append(j.found, id), append(j.from, g)
}

// flush judges the candidates by their keys and the residual, and gives out what
// they make.
func (j *interval) flush(s *side, b *op.Batch, out op.Output) error {
	defer func() {
		j.sel, j.found, j.from = j.sel[:0], j.found[:0], j.from[:0]
		j.refs.Reset()
	}()
	j.sameKeys(s, b)
	if len(j.sel) == 0 {
		return nil
	}
	var parts [2]part
	parts[s.n] = part{batch: b, sel: j.sel}
	parts[1-s.n] = part{format: j.sides[1-s.n].format, refs: &j.refs}
	pass, err := j.glue.filter(&parts, len(j.sel), out)
	if err != nil || len(pass) == 0 {
		return err
	}
	if len(pass) < len(j.sel) {
		pass = slices.Clone(pass)
		parts[0], parts[1] = parts[0].some(pass), parts[1].some(pass)
	}
	first := j.note(s, pass)
	switch {
	case j.o.Kind == planner.SemiJoin && s.n == 1:
		return j.storedOnce(first, out)
	case j.o.Kind.LeftOnly():
		return nil
	}
	return j.glue.emit(&parts, len(pass), j.pairW(b, pass), out)
}

// sameKeys drops the candidates whose keys differ though their hashes agree.
func (j *interval) sameKeys(s *side, b *op.Batch) {
	if len(s.keyer.keys) == 0 || len(j.sel) == 0 {
		return
	}
	o := j.sides[1-s.n]
	n := 0
	for k, i := range j.sel {
		if !o.keyer.same(o.format, j.refs.Rows[k], j.refs.Arenas[k], b, s.keyer, i) {
			continue
		}
		j.sel[n], j.found[n], j.from[n] = i, j.found[k], j.from[k]
		j.refs.Rows[n], j.refs.Arenas[n] = j.refs.Rows[k], j.refs.Arenas[k]
		n++
	}
	j.sel, j.found, j.from = j.sel[:n], j.found[:n], j.from[:n]
	j.refs.Rows, j.refs.Arenas = j.refs.Rows[:n], j.refs.Arenas[:n]
}

// note marks the rows of pairs as having a partner, on the sides where that
// matters, and gives the pairs whose held row had none before.
func (j *interval) note(s *side, pass []int32) (first []int32) {
	if s.marks {
		for _, k := range pass {
			j.matched[j.sel[k]] = true
		}
	}
	if !j.sides[1-s.n].marks {
		return nil
	}
	for _, k := range pass {
		g, id := j.from[k], j.found[k]
		if g.rows.At(id)[wordLink]&flagMatched == 0 {
			g.rows.Edit(id)[wordLink] |= flagMatched
			first = append(first, k)
		}
	}
	return first
}

// storedOnce gives out held left rows of a semi join that have met their first
// partner.
func (j *interval) storedOnce(first []int32, out op.Output) error {
	if len(first) == 0 {
		return nil
	}
	all := part{format: j.sides[0].format, refs: &j.refs}
	p := all.some(first)
	return j.glue.alone(0, p, len(first), j.ownW(p.refs.Rows), out)
}

// matchedRows gives out the left rows of a batch of a semi join that have a
// partner.
func (j *interval) matchedRows(b *op.Batch, out op.Output) error {
	var sel []int32
	for _, i := range j.live {
		if j.matched[i] {
			sel = append(sel, i)
		}
	}
	return j.glue.alone(0, part{batch: b, sel: sel}, len(sel), j.batchW(b, sel), out)
}

// hold stores the rows of a batch that may still meet a partner. Those that can't
// come out now, if they have to come out alone.
func (j *interval) hold(s *side, b *op.Batch, times []int64, hashes []uint64, out op.Output) error {
	mark := j.sides[1-s.n].mark
	alone := j.sel[:0]
	if s.preserved {
		alone = append(alone, j.null...)
	}
	j.parts = j.parts[:0]
	for _, i := range j.live {
		t := times[i]
		switch {
		case j.o.Kind == planner.SemiJoin && s.n == 0 && j.matched[i],
			j.o.Kind == planner.AntiJoin && s.n == 0 && j.matched[i]:
			j.ctx.Counters[op.CountReleased]++
		case later(t, s.after) < mark:
			j.ctx.Counters[op.CountReleased]++
			if s.preserved && !j.matched[i] {
				alone = append(alone, i)
			}
		default:
			j.parts = addPart(j.parts, floorDiv(t, j.width), i)
		}
	}
	for k := range j.parts {
		p := &j.parts[k]
		s.put(s.open(p.bucket, j.st), b, p.sel, times, hashes, j.matched)
	}
	j.sel = alone[:0]
	if len(alone) == 0 {
		return nil
	}
	slices.Sort(alone)
	return j.glue.alone(s.n, part{batch: b, sel: alone}, len(alone), j.batchW(b, alone), out)
}

// pairW gives the W of pairs pass: the greater one of their rows', less the
// delay. nil if nobody asks.
func (j *interval) pairW(b *op.Batch, pass []int32) []int64 {
	if !j.ctx.Node.Props.NeedsW {
		return nil
	}
	out := make([]int64, len(pass))
	for n, k := range pass {
		w := max(rowW(b, j.sel[k]), int64(*hash.At[uint64](j.refs.Rows[k], wordW)))
		out[n] = earlier(w, j.delay)
	}
	return out
}

// batchW gives the W of rows of a batch that come out by themselves.
func (j *interval) batchW(b *op.Batch, sel []int32) []int64 {
	if !j.ctx.Node.Props.NeedsW || b.W == nil {
		return nil
	}
	out := make([]int64, len(sel))
	for n, i := range sel {
		out[n] = earlier(b.W[i], j.delay)
	}
	return out
}

// ownW is batchW for held rows.
func (j *interval) ownW(rows []hash.Row) []int64 {
	if !j.ctx.Node.Props.NeedsW {
		return nil
	}
	out := make([]int64, len(rows))
	for n, row := range rows {
		out[n] = earlier(*hash.At[int64](row, wordW), j.delay)
	}
	return out
}

// Advance implements op.Operator.
func (j *interval) Advance(input int, w int64, out op.Output) error {
	s := j.sides[input]
	w = earlier(w, s.lag)
	if w <= s.mark {
		return nil
	}
	s.mark = w
	if err := j.expire(j.sides[1-input], w, out); err != nil {
		return err
	}
	mark := earlier(min(j.sides[0].mark, j.sides[1].mark), j.delay)
	if mark <= j.mark {
		return nil
	}
	j.mark = mark
	return out.Watermark(mark)
}

// expire lets go of the rows of a side that the other input's watermark has
// passed: those that had no partner come out, if they have to.
func (j *interval) expire(s *side, mark int64, out op.Output) error {
	for {
		x, ok := s.alone.pop(mark)
		if !ok {
			break
		}
		g := s.segs[x.bucket]
		row := g.rows.At(x.id)
		if row[wordLink]&flagMatched != 0 {
			continue
		}
		if !s.expired(x.bucket, j.width, mark) {
			// It stays until its bucket goes, and must not come out again.
			g.rows.Edit(x.id)[wordLink] |= flagMatched
		}
		j.refs.Add(hash.RowOf(row), g.arena)
		if j.refs.Len() >= j.ctx.BatchRows {
			if err := j.release(s, out); err != nil {
				return err
			}
		}
	}
	if err := j.release(s, out); err != nil {
		return err
	}
	n := 0
	for n < len(s.order) && s.expired(s.order[n], j.width, mark) {
		g := s.segs[s.order[n]]
		gone := int64(g.rows.Len())
		j.ctx.Counters[op.CountReleased] += gone
		s.held -= gone
		delete(s.segs, g.bucket)
		j.st.DropBucket(s.stored(g.bucket))
		n++
	}
	if n > 0 {
		s.order = slices.Delete(s.order, 0, n)
		s.recent = [4]*segment{}
	}
	return nil
}

// release gives out the rows in refs, of a side, without a partner.
func (j *interval) release(s *side, out op.Output) error {
	n := j.refs.Len()
	defer j.refs.Reset()
	return j.glue.alone(s.n, part{format: s.format, refs: &j.refs}, n, j.ownW(j.refs.Rows), out)
}

// Layout implements op.Stateful.
func (j *interval) Layout() string {
	return fmt.Sprintf("interval join 1: %s, %s, %s, buckets of %d", j.sides[0].keyer, j.sides[0].format, j.sides[1].format, j.width)
}

// Restore implements op.Stateful. The watermarks are told again.
func (j *interval) Restore(r *op.Restore) error {
	return r.EachTable(func(_ int, st *table.Table) error {
		if r.Same {
			j.st = st
			for _, n := range st.Buckets() {
				j.sides[n&1].adopt(n>>1, st)
			}
			return nil
		}
		for _, n := range st.Buckets() {
			s := j.sides[n&1]
			s.merge(n>>1, st, j.st, r.Owns(s.keyer.keys))
		}
		return nil
	})
}

// merge takes the rows of its own key groups over from a bucket of another
// layout.
func (s *side) merge(bucket int64, from, to *table.Table, owns func(group int) bool) {
	n := s.stored(bucket)
	old, oldArena := from.Rows(0, n, s.format.Words()), from.Arena(1, n)
	old.Each(func(_ uint32, row []uint64) {
		if !owns(hash.Group(row[wordHash])) {
			return
		}
		g := s.open(bucket, to)
		id := g.rows.Alloc()
		s.format.Copy(hash.RowOf(row), oldArena, g.rows.At(id), g.arena)
		g.add(id)
		s.held++
		s.wait(g, id)
	})
}

// Gauges implements op.Gauges.
func (j *interval) Gauges(c op.Counters) { c[op.CountHeld] = j.sides[0].held + j.sides[1].held }

// Balance implements op.Balanced.
func (j *interval) Balance(c op.Counters) string {
	return c.Equal(op.CountIn, op.CountUnmatched, op.CountHeld, op.CountReleased)
}

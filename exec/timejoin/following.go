package timejoin

import (
	"fmt"
	"slices"

	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/exec/rowstore"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore/table"
)

// The words that a stored row of either side begins with.
const (
	nextTime = iota
	nextHash
	nextSeq // order of arrival
	nextOwn
)

// following gives each probe (left row) the next right row of its key: of those
// whose time is not before the probe's (Strict: is after it) the first one. It goes
// through the time up to the lesser watermark, where the rows of both sides are all
// there: a probe that is reached waits, a right row that is reached is the partner of
// all probes of its key that wait, and both go. So it holds the rows that the
// watermarks have not passed, and the probes without a next row yet.
type following struct {
	base
	o     *planner.TemporalJoin
	sides [2]*nextSide
	marks [2]int64
	mark  int64
	seq   uint64

	// open finds the probes that have been reached, by the hash of their key; link (by
	// id) more of the same hash: id+1; 0 is none.
	open index
	link []uint32

	live, null, sel []int32
	alike           []waiting // right rows of one time
	pairs           [2]rowstore.Refs
	alone           rowstore.Refs
}

// nextSide is the stored rows of one side.
type nextSide struct {
	keyer  *keyer
	needs  []int
	time   int
	format *rowstore.Format
	enc    *rowstore.Encoder
	rows   *table.Rows
	arena  *table.Arena
	ahead  queue    // rows that have not been reached
	done   []uint32 // rows that go once what reads them has come out
}

var (
	_ op.Stateful = (*following)(nil)
	_ op.Gauges   = (*following)(nil)
	_ op.Balanced = (*following)(nil)
)

// NewFollowing makes the operator of a join that looks ahead. left and right are the
// columns of its inputs, prog the compiled residual (nil if there is none).
func NewFollowing(o *planner.TemporalJoin, left, right []planner.Column, prog *expr.Program, ctx *op.Context) (op.Operator, error) {
	j := &following{base: newBase(&o.Pairing, left, right, prog, ctx), o: o}
	for n, in := range [2][]planner.Column{left, right} {
		k, err := newKeyer(in, &o.Pairing, n)
		if err != nil {
			return nil, err
		}
		s := &nextSide{keyer: k, needs: append(k.needs(), o.Time[n]), time: o.Time[n], format: rowstore.NewFormat(nextOwn, columnTypes(in))}
		s.enc = s.format.NewEncoder()
		j.sides[n] = s
	}
	j.marks, j.mark = [2]int64{op.MinTime, op.MinTime}, op.MinTime
	j.adopt(j.st)
	return j, nil
}

// adopt makes st the state, with whatever it holds: its probes are reached anew.
func (j *following) adopt(st *table.Table) {
	j.st, j.open, j.link, j.seq = st, index{}, nil, 0
	for n, s := range j.sides {
		s.rows, s.arena, s.ahead = st.Rows(0, int64(n), s.format.Words()), st.Arena(1, int64(n)), queue{}
		s.rows.Each(func(id uint32, row []uint64) {
			j.seq = max(j.seq, row[nextSeq]+1)
			s.wait(id)
		})
	}
}

// wait notes a stored row that has not been reached.
func (s *nextSide) wait(id uint32) {
	s.ahead.push(waiting{time: int64(s.rows.At(id)[nextTime]), id: id})
}

// Process implements op.Operator.
func (j *following) Process(input int, b *op.Batch, out op.Output) error {
	s := j.sides[input]
	times := column.Fixed[int64](b.Cols[s.time])
	j.live, j.null = splitNull(b, s.needs, j.live[:0], j.null[:0])
	j.sel = j.sel[:0]
	if b.W != nil {
		valid := colvec.ValidityOf(b.Cols[s.time])
		isLate := func(i int32) bool {
			if !valid.Valid(int(i)) || times[i] >= b.W[i] {
				return false
			}
			j.sel = append(j.sel, i)
			return true
		}
		j.live = slices.DeleteFunc(j.live, isLate)
		j.null = slices.DeleteFunc(j.null, isLate)
		if err := lateRows(j.glue, j.o, input, b, j.sel, out); err != nil {
			return err
		}
	}
	c := j.ctx.Counters
	c[op.CountUnmatched] += int64(len(j.null))
	if input == 0 && j.o.Kind.Preserves(0) {
		if err := j.glue.alone(0, part{batch: b, sel: j.null}, len(j.null), nil, out); err != nil {
			return err
		}
	}
	if input == 1 && j.over() {
		c[op.CountReleased] += int64(len(j.live))
		return nil
	}
	hashes := s.keyer.hashes(b)
	ids, at := make([]uint32, len(j.live)), make([]hash.Row, len(j.live))
	for k := range ids {
		ids[k] = s.rows.Alloc()
	}
	for k, i := range j.live {
		row := s.rows.At(ids[k])
		row[nextTime], row[nextHash], row[nextSeq] = uint64(times[i]), hashes[i], j.seq
		j.seq++
		at[k] = hash.RowOf(row)
	}
	s.enc.Put(b.Cols, colvec.Selected(j.live), at, s.arena)
	for _, id := range ids {
		s.wait(id)
	}
	return nil
}

// over says that no probe will come any more, nor waits.
func (j *following) over() bool { return j.marks[0] == op.MaxTime && j.sides[0].rows.Len() == 0 }

// Advance implements op.Operator.
func (j *following) Advance(input int, w int64, out op.Output) error {
	j.marks[input] = max(j.marks[input], earlier(w, j.o.Lag[input]))
	mark := min(j.marks[0], j.marks[1])
	if mark > j.mark {
		if err := j.reach(mark, out); err != nil {
			return err
		}
	}
	if j.marks[1] == op.MaxTime && j.sides[1].rows.Len() == 0 {
		if err := j.lastProbes(out); err != nil {
			return err
		}
	}
	if r := j.sides[1]; j.over() && r.rows.Len() > 0 {
		j.ctx.Counters[op.CountReleased] += int64(r.rows.Len())
		j.st.DropBucket(1)
		r.rows, r.arena, r.ahead = j.st.Rows(0, 1, r.format.Words()), j.st.Arena(1, 1), queue{}
	}
	if mark <= j.mark {
		return nil
	}
	j.mark = mark
	return out.Watermark(mark)
}

// reach goes through the rows of both sides up to a time.
func (j *following) reach(mark int64, out op.Output) error {
	l, r := j.sides[0], j.sides[1]
	for {
		next, any := r.ahead.first()
		probe, waits := l.ahead.first()
		if waits && (!any || probe < next || probe == next && !j.o.Strict) {
			x, ok := l.ahead.pop(mark)
			if !ok {
				break
			}
			j.enter(x.id)
			continue
		}
		x, ok := r.ahead.pop(mark)
		if !ok {
			break
		}
		j.alike = append(j.alike[:0], x)
		for {
			if t, more := r.ahead.first(); !more || t != x.time {
				break
			}
			y, _ := r.ahead.pop(mark)
			j.alike = append(j.alike, y)
		}
		if len(j.alike) > 1 {
			slices.SortFunc(j.alike, j.order)
		}
		for _, y := range j.alike {
			if err := j.answer(y.id, out); err != nil {
				return err
			}
		}
	}
	return j.flush(out)
}

// order compares right rows of one time: the first of them is the next row.
func (j *following) order(a, b waiting) int {
	r := j.sides[1]
	x, y := r.rows.At(a.id), r.rows.At(b.id)
	if j.o.ByValue {
		if c := r.format.Compare(hash.RowOf(x), r.arena, hash.RowOf(y), r.arena); c != 0 {
			return c
		}
	}
	if x[nextSeq] < y[nextSeq] {
		return -1
	}
	return 1
}

// enter puts a probe that is reached among those that wait for their next row.
func (j *following) enter(id uint32) {
	rows := j.sides[0].rows
	for len(j.link) < int(rows.Cap()) {
		j.link = append(j.link, 0)
	}
	j.link[id] = j.open.put(rows.At(id)[nextHash], id, rows, nextHash)
}

// answer gives a right row that is reached to all probes of its key that wait.
func (j *following) answer(id uint32, out op.Output) error {
	l, r := j.sides[0], j.sides[1]
	row := rowOf(r.rows, id)
	h := *hash.At[uint64](row, nextHash)
	at, ok := j.open.find(h, l.rows, nextHash)
	first, before := at+1, uint32(0)
	found := len(l.done)
	for ok {
		next := j.link[at]
		if probe := rowOf(l.rows, at); l.keyer.sameStored(l.format, probe, l.arena, r.keyer, r.format, row, r.arena) {
			j.pairs[0].Add(probe, l.arena)
			j.pairs[1].Add(row, r.arena)
			l.done = append(l.done, at)
			if before == 0 {
				first = next
			} else {
				j.link[before-1] = next
			}
		} else {
			before = at + 1
		}
		at, ok = next-1, next != 0
	}
	if len(l.done) > found {
		j.open.set(h, first, l.rows, nextHash)
	}
	r.done = append(r.done, id)
	if len(l.done)+len(r.done) >= j.ctx.BatchRows {
		return j.flush(out)
	}
	return nil
}

// lastProbes lets all probes go: no right row is left, nor will one come.
func (j *following) lastProbes(out op.Output) error {
	l := j.sides[0]
	if l.rows.Len() == 0 {
		return nil
	}
	j.open, j.link, l.ahead = index{}, j.link[:0], queue{}
	var err error
	l.rows.Each(func(id uint32, row []uint64) {
		if err != nil {
			return
		}
		j.alone.Add(hash.RowOf(row), l.arena)
		if j.alone.Len() >= j.ctx.BatchRows {
			err = j.padded(out)
		}
	})
	if err == nil {
		err = j.padded(out)
	}
	j.ctx.Counters[op.CountReleased] += int64(l.rows.Len())
	j.st.DropBucket(0)
	l.rows, l.arena = j.st.Rows(0, 0, l.format.Words()), j.st.Arena(1, 0)
	return err
}

// padded gives out the probes in alone, if they come without a partner.
func (j *following) padded(out op.Output) error {
	defer j.alone.Reset()
	if !j.o.Kind.Preserves(0) {
		return nil
	}
	return j.glue.alone(0, part{format: j.sides[0].format, refs: &j.alone}, j.alone.Len(), nil, out)
}

// flush gives out the pairs that were found, and lets the rows that are done go.
func (j *following) flush(out op.Output) error {
	if err := j.glue.versioned([2]*rowstore.Format{j.sides[0].format, j.sides[1].format}, &j.pairs, &j.alone, out); err != nil {
		return err
	}
	if err := j.padded(out); err != nil {
		return err
	}
	for _, s := range j.sides {
		for _, id := range s.done {
			s.format.Free(rowOf(s.rows, id), s.arena)
			s.rows.Free(id)
		}
		j.ctx.Counters[op.CountReleased] += int64(len(s.done))
		s.done = s.done[:0]
	}
	return nil
}

// Layout implements op.Stateful.
func (j *following) Layout() string {
	return fmt.Sprintf("following join 1: %s, %s, %s", j.sides[0].keyer, j.sides[0].format, j.sides[1].format)
}

// Restore implements op.Stateful. The watermarks are told again.
func (j *following) Restore(r *op.Restore) error {
	if r.Same {
		st, err := table.Load(r.Store, r.Operator, r.Shard)
		if err != nil {
			return err
		}
		j.adopt(st)
		return nil
	}
	owns := r.Owns(j.sides[0].keyer.keys)
	for shard := range r.Stored {
		st, err := table.LoadSource(r.Store, r.Operator, shard)
		if err != nil {
			return err
		}
		for n, s := range j.sides {
			arena := st.Arena(1, int64(n))
			st.Rows(0, int64(n), s.format.Words()).Each(func(_ uint32, row []uint64) {
				if owns(hash.Group(row[nextHash])) {
					s.format.Copy(hash.RowOf(row), arena, s.rows.At(s.rows.Alloc()), s.arena)
				}
			})
		}
	}
	j.adopt(j.st)
	return nil
}

// Gauges implements op.Gauges.
func (j *following) Gauges(c op.Counters) {
	c[op.CountHeld] = int64(j.sides[0].rows.Len()) + int64(j.sides[1].rows.Len())
}

// Balance implements op.Balanced.
func (j *following) Balance(c op.Counters) string {
	return c.Equal(op.CountIn, op.CountLate, op.CountUnmatched, op.CountHeld, op.CountReleased)
}

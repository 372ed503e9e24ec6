package over

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/exec/ttl"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
	"github.com/streamsql/streamsql/statestore/table"
)

// timed computes calls row by row: in the order of time, or as rows come
// (Over.Arrival).
type timed struct {
	ctx   *op.Context
	o     *planner.Over
	in    []planner.Column
	rec   *recorder
	past  *recorder // of rows that have come out
	calls *calls
	hold  holding
	life  *ttl.Keys // of arrival; nil: partitions stay for ever, or go by the time of their rows

	st      *table.Table
	parts   *partitions
	waiting *store // rows that the watermark has not passed
	kept    *store // rows that have come out and that later ones see
	// runs are the waiting rows by time, each run in order. lists are the kept
	// rows by partition, in order.
	runs  [][]entry
	lists [][]uint32
	swept int64  // the watermark at the last sweep
	aged  int64  // the watermark when partitions whose time is over were looked for
	left  int    // the partitions that it left
	ahead *ahead // rows that the watermark has passed and that wait for later ones; nil: none ever

	local []int32 // scratch: a partition's place in the sequence under way
	buf   []byte
}

// entry is a waiting row.
type entry struct {
	time int64
	id   uint32
}

var (
	_ op.Stateful = (*timed)(nil)
	_ op.Gauges   = (*timed)(nil)
	_ op.Balanced = (*timed)(nil)
	_ op.Clocked  = (*timed)(nil)
)

// The words of a partition.
const (
	wordRows   = iota // rows that have come out
	wordGroups        // groups of peers among them
	wordLast          // the time up to which groups of spans have been moved on
	wordTouch         // the time of the last row that the watermark has passed, as an op.Touch
	partWords
)

func newTimed(o *planner.Over, in []planner.Column, ctx *op.Context) (*timed, error) {
	t := &timed{ctx: ctx, o: o, in: in, hold: holdingOf(o)}
	ties := 0
	if o.Positions {
		ties = 2
	}
	t.rec = newRecorder(in, o.Order, ties)
	var err error
	if t.calls, err = newCalls(o, in, append([]int{}, o.Partition...)); err != nil {
		return nil, err
	}
	t.past = t.rec.only(t.calls.reads)
	if o.Arrival {
		if t.life, err = ttl.New(o.Life, o.Partition, in, false); err != nil {
			return nil, err
		}
	}
	return t, t.adopt(table.New(statestore.OperatorID(ctx.Node.StateID)))
}

// open opens the parts of a table.
func (t *timed) open(st *table.Table) (parts *partitions, waiting, kept *store, err error) {
	parts, err = newPartitions(st, 0, t.o.Partition, t.in, partWords)
	return parts, newStore(st, 2), newStore(st, 4), err
}

// adopt makes st the state, with whatever it holds.
func (t *timed) adopt(st *table.Table) (err error) {
	t.st, t.swept, t.aged = st, op.MinTime, op.MinTime
	if t.parts, t.waiting, t.kept, err = t.open(st); err != nil {
		return err
	}
	t.life.Open(st, t.calls.open(st, firstGroups))
	t.lists = t.kept.byPart(t.kept.compareAge)
	t.runs = nil
	t.ahead = newAhead(t)
	t.grow()
	var run []entry
	t.waiting.rows.Each(func(id uint32, row []uint64) { run = append(run, entry{int64(row[1]), id}) })
	t.addRun(run)
	return nil
}

// firstGroups is the first part of the groups of frames that only grow.
const firstGroups = 6

func (t *timed) grow() {
	for len(t.lists) < t.parts.cap() {
		t.lists = append(t.lists, nil)
	}
	for len(t.local) < t.parts.cap() {
		t.local = append(t.local, -1)
	}
	if t.ahead != nil {
		t.ahead.grow(t.parts.cap())
	}
}

// addRun takes over waiting rows.
func (t *timed) addRun(run []entry) {
	if len(run) == 0 {
		return
	}
	byTime := func(a, b entry) int { return cmp.Compare(a.time, b.time) }
	if !slices.IsSortedFunc(run, byTime) {
		slices.SortFunc(run, byTime)
	}
	t.runs = append(t.runs, run)
	if len(t.runs) < maxRuns {
		return
	}
	var all []entry
	for _, r := range t.runs {
		all = append(all, r...)
	}
	slices.SortFunc(all, byTime)
	t.runs = append(t.runs[:0], all)
}

// maxRuns is how many runs there may be before they are merged.
const maxRuns = 64

// Process implements op.Operator.
func (t *timed) Process(_ int, b *op.Batch, out op.Output) error {
	switch {
	case t.life != nil:
		return t.life.Process(b, t.ctx, t.forget, ttl.Chosen(b, t.ctx, func(b *op.Batch) error { return t.arrive(b, out) }))
	case t.o.Arrival:
		return t.arrive(b, out)
	}
	parts := t.parts.find(b.Cols, b.N)
	t.grow()
	times := b.Cols[t.o.Order[0].Col].(*array.Timestamp).TimestampValues()
	cols := t.rec.vectors(b.Cols)
	run := make([]entry, 0, b.N)
	for i, p := range parts {
		if t.full(p) {
			t.ctx.Counters[op.CountReleased]++
			continue
		}
		rec, key := t.rec.append(t.buf[:0], cols, i)
		t.buf = rec
		run = append(run, entry{int64(times[i]), t.waiting.put(p, key, int64(times[i]), rec)})
	}
	if t.ahead != nil {
		t.ahead.mark(b, run)
	}
	t.addRun(run)
	return nil
}

// full says whether all rows of a partition that are wanted have come out. With a
// time to live it is never full: each row says when its partition was touched.
func (t *timed) full(part uint32) bool {
	return t.o.Limit > 0 && t.o.TTL == 0 && t.parts.read(part)[wordRows] >= uint64(t.o.Limit)
}

// beyond drops rows that the watermark has passed and that nobody wants.
func (t *timed) beyond(due []entry) []entry {
	if t.o.Limit == 0 || t.o.TTL > 0 {
		return due
	}
	return slices.DeleteFunc(due, func(e entry) bool {
		full := t.full(t.waiting.part(e.id))
		if full {
			t.waiting.drop(e.id)
			t.ctx.Counters[op.CountReleased]++
		}
		return full
	})
}

// arrive computes a batch at once: each row stands alone.
func (t *timed) arrive(b *op.Batch, out op.Output) error {
	p := &passing{n: b.N, b: &op.Batch{N: b.N, Cols: b.Cols}, parts: slices.Clone(t.parts.find(b.Cols, b.N))}
	t.grow()
	if t.hold.spans {
		p.horizon = t.timeOf(p, b.N-1)
	}
	if err := t.pass(p, out); err != nil {
		return err
	}
	t.ctx.Counters[op.CountReleased] += int64(b.N)
	return nil
}

// Advance implements op.Operator.
func (t *timed) Advance(_ int, w int64, out op.Output) error {
	if t.o.Arrival {
		if err := t.life.Advance(w, t.forget); err != nil {
			return err
		}
		if w < op.MaxTime {
			return nil // there is no time attribute above, but the end
		}
		return out.Watermark(w)
	}
	if err := t.release(w, out); err != nil {
		return err
	}
	if err := t.expire(w, out); err != nil {
		return err
	}
	t.sweep(w)
	if t.ahead != nil {
		w = t.ahead.least(w)
	}
	return out.Watermark(w)
}

// release takes the rows that the watermark has passed, and lets those come out
// that see nothing that is yet to come.
func (t *timed) release(w int64, out op.Output) error {
	var due []entry
	for i, run := range t.runs {
		n, _ := slices.BinarySearchFunc(run, w, func(e entry, w int64) int { return cmp.Compare(e.time, w) })
		due = append(due, run[:n]...)
		t.runs[i] = run[n:]
	}
	t.runs = slices.DeleteFunc(t.runs, func(r []entry) bool { return len(r) == 0 })
	due = t.beyond(due)
	t.sort(due)
	for _, l := range t.lives(due) {
		if err := t.end(l.over, out); err != nil {
			return err
		}
		if t.ahead != nil {
			t.ahead.add(l.due)
			continue
		}
		if err := t.pieces(l.due, func(part []entry) error { return t.passWaiting(part, nil, out) }); err != nil {
			return err
		}
	}
	if t.ahead == nil {
		return nil
	}
	return t.ahead.release(w, out)
}

// sort puts waiting rows in the order in which they come out.
func (t *timed) sort(due []entry) {
	slices.SortFunc(due, func(a, b entry) int {
		if c := cmp.Compare(a.time, b.time); c != 0 {
			return c
		}
		return t.waiting.compare(a.id, b.id)
	})
}

// pieces calls f for about a batch of rows at a time, peers together.
func (t *timed) pieces(due []entry, f func(part []entry) error) error {
	for len(due) > 0 {
		n := min(len(due), t.ctx.BatchRows)
		for n < len(due) && due[n].time == due[n-1].time {
			n++
		}
		if err := f(due[:n]); err != nil {
			return err
		}
		due = due[n:]
	}
	return nil
}

// passWaiting computes waiting rows, in order; look are rows behind them in their
// partitions that they see.
func (t *timed) passWaiting(due []entry, look []uint32, out op.Output) error {
	ids := make([]uint32, len(due), len(due)+len(look))
	for i, e := range due {
		ids[i] = e.id
	}
	ids = append(ids, look...)
	p := &passing{n: len(due), parts: make([]uint32, len(ids)), horizon: due[len(due)-1].time}
	for i, id := range ids {
		p.parts[i] = t.waiting.part(id)
	}
	p.terms = func(i int) []byte { return t.waiting.terms(ids[i]) }
	p.b = &op.Batch{N: len(ids), Cols: t.rec.readAll(t.waiting, ids, nil, t.ctx.Alloc)}
	err := t.pass(p, out)
	p.b.Release()
	for _, e := range due {
		t.waiting.drop(e.id)
	}
	t.ctx.Counters[op.CountReleased] += int64(len(due))
	return err
}

// passing is rows on their way out, the first n of b, in order; behind them are
// rows that they see of those that stay.
type passing struct {
	n       int
	b       *op.Batch
	parts   []uint32
	terms   func(i int) []byte // nil: no row has peers
	horizon int64              // no later row has an earlier time
}

// pass computes the calls for rows, sends them, and keeps what later rows see.
func (t *timed) pass(p *passing, out op.Output) error {
	s, past, err := t.lay(p)
	if err != nil {
		return err
	}
	defer release(s.cols)
	where := make([]int32, p.n) // of a row, its result
	rowOf := s.positions()
	for k, r := range rowOf {
		where[r-int32(past)] = int32(k)
	}
	bad := map[int]op.Letter{}
	cols, err := t.calls.results(s, func(k int, code, message string) {
		r := int(rowOf[k]) - past
		if _, there := bad[r]; !there {
			bad[r] = op.Letter{Row: r, Code: code, Message: message}
		}
	})
	if err != nil {
		return err
	}
	defer release(cols)
	b := &op.Batch{N: p.n}
	for _, c := range p.b.Cols[:len(t.in)] {
		b.Cols = append(b.Cols, array.NewSlice(c, 0, int64(p.n)))
	}
	for _, c := range cols {
		b.Cols = append(b.Cols, column.Gather(c, where, t.ctx.Alloc))
	}
	defer b.Release()
	letters := make([]op.Letter, 0, len(bad))
	for r := range p.n {
		if l, there := bad[r]; there {
			letters = append(letters, l)
		}
	}
	if err := emitGood(t.ctx, t.o, b, letters, out); err != nil {
		return err
	}
	t.keep(p, s, past)
	return nil
}

// lay makes the sequence of the partitions that rows are of: what is kept of
// each, then its rows. Row r of them is row past+r of the sequence's columns.
func (t *timed) lay(p *passing) (s *sequence, past int, err error) {
	s = &sequence{order: t.o.Order, alloc: t.ctx.Alloc}
	var touched []uint32
	var sizes, leave []int // of a partition's rows in p, and of those that come out
	for r, q := range p.parts {
		if t.local[q] < 0 {
			t.local[q] = int32(len(touched))
			touched, sizes, leave = append(touched, q), append(sizes, 0), append(leave, 0)
		}
		sizes[t.local[q]]++
		if r < p.n {
			leave[t.local[q]]++
		}
	}
	var ids []uint32
	at := 0
	next := make([]int, len(touched))
	var ends []int64
	var places []int
	if len(t.calls.spans) > 0 {
		ends, places = make([]int64, len(touched)), make([]int, len(touched)*len(t.calls.spans))
		for r, q := range p.parts {
			ends[t.local[q]] = t.timeOf(p, r)
		}
	}
	for i, q := range touched {
		kept, held := t.lists[q], []int(nil)
		if ends != nil {
			held = places[:len(t.calls.spans):len(t.calls.spans)]
			places = places[len(held):]
			kept = t.leaving(q, ends[i], at, held)
		}
		ids = append(ids, kept...)
		s.parts = append(s.parts, stretch{from: at, to: at + len(kept) + sizes[i], first: at + len(kept), last: at + len(kept) + leave[i], held: held})
		next[i] = at + len(kept)
		at = next[i] + sizes[i]
	}
	past = len(ids)
	s.n, s.rows, s.peer = past+p.b.N, make([]int32, at), make([]bool, at)
	k := int32(0)
	for i := range touched {
		for j := s.parts[i].from; j < s.parts[i].first; j++ {
			s.rows[j] = k
			s.peer[j] = ends == nil && j > s.parts[i].from && string(t.kept.terms(ids[k])) == string(t.kept.terms(ids[k-1]))
			k++
		}
	}
	for r, q := range p.parts {
		i := t.local[q]
		j := next[i]
		s.rows[j] = int32(past + r)
		s.peer[j] = p.terms != nil && j > s.parts[i].first && string(p.terms(r)) == string(p.terms(int(s.rows[j-1])-past))
		next[i]++
	}
	for _, q := range touched {
		t.local[q] = -1
	}
	if s.cols, err = t.columns(p.b, ids); err != nil {
		return nil, 0, err
	}
	s.lay()
	for i, q := range touched {
		w, part := t.parts.read(q), &s.parts[i]
		part.before = int64(w[wordRows]) - int64(part.first-part.from)
		part.groups = int64(w[wordGroups])
		if part.first > part.from {
			part.groups -= int64(s.group[part.first] - s.group[part.from])
		}
	}
	return s, past, nil
}

// columns gives the columns that calls read: of kept rows, then of a batch. Keys
// of partitions are read of new rows only.
func (t *timed) columns(b *op.Batch, kept []uint32) ([]arrow.Array, error) {
	out := make([]arrow.Array, len(t.in))
	if len(kept) == 0 {
		for c := range out {
			out[c] = b.Cols[c]
			out[c].Retain()
		}
		return out, nil
	}
	old := t.past.readAll(t.kept, kept, nil, t.ctx.Alloc)
	defer release(old)
	for c := range out {
		first := old[c]
		if first == nil {
			if !slices.Contains(t.o.Partition, c) {
				continue
			}
			first = column.NewNull(t.ctx.Alloc, b.Cols[c].DataType(), len(kept))
			defer first.Release()
		}
		var err error
		if out[c], err = column.Concat([]arrow.Array{first, b.Cols[c]}, t.ctx.Alloc); err != nil {
			return nil, fmt.Errorf("column %d: %w", c, err)
		}
	}
	return out, nil
}

// End implements op.Operator. Advance(MaxTime) has let everything out.
func (t *timed) End(_ int, out op.Output) error { return out.End() }

// Freeze implements op.Stateful.
func (t *timed) Freeze(cut statestore.Cut) (op.Frozen, error) { return t.st.Freeze(cut), nil }

// Layout implements op.Stateful. Of rows that have come out only some columns are
// kept.
func (t *timed) Layout() string {
	return fmt.Sprintf("over in time 1: %s, %s, %s, %s, %s", t.parts.t.Layout(), t.rec, t.past, t.calls.stored(), t.life.Layout())
}

// Restore implements op.Stateful.
func (t *timed) Restore(r *op.Restore) error {
	err := r.EachTable(func(_ int, st *table.Table) error {
		if r.Same {
			return t.adopt(st)
		}
		parts, waiting, kept, err := t.open(st)
		if err != nil {
			return err
		}
		numbers := t.parts.adopt(parts, r.Owns(t.o.Partition))
		t.waiting.adopt(waiting, numbers, nil)
		t.kept.adopt(kept, numbers, nil)
		t.life.Merge(st, t.calls.merge(st, firstGroups, r.Owns(t.o.Partition)), r.Owns(t.o.Partition))
		return nil
	})
	if err != nil || r.Same {
		return err
	}
	return t.adopt(t.st)
}

// Gauges implements op.Gauges. What is kept are rows that have come out and that later
// ones can still see, and a counter for each partition.
func (t *timed) Gauges(c op.Counters) {
	c[op.CountHeld] = int64(t.waiting.rows.Len())
	c[op.CountKept] = int64(t.kept.rows.Len() + t.parts.t.Len())
}

// Balance implements op.Balanced.
func (t *timed) Balance(c op.Counters) string {
	return c.Equal(taken(t.o), op.CountHeld, op.CountReleased)
}

// Tick implements op.Clocked.
func (t *timed) Tick(now time.Time, _ op.Output) error { return t.life.Tick(now, t.forget) }

// Period implements op.Clocked.
func (t *timed) Period() time.Duration { return t.life.Period() }

// Close implements op.Operator.
func (t *timed) Close() {}

package over

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/exec/ttl"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
	"github.com/streamsql/streamsql/statestore/table"
)

// whole keeps all rows of each partition. With Over.AtEnd it gives them at the
// end of input, within a window when that closes, and else it gives changes.
type whole struct {
	ctx   *op.Context
	o     *planner.Over
	in    []planner.Column
	rec   *recorder
	calls *calls
	reach reach

	st    *table.Table
	parts *partitions
	store *store
	// rows and delta are, by partition, its rows in order and what has come since
	// they were put in order; touched lists the partitions that something has come
	// for since they gave out their rows, listed says which these are.
	rows, delta [][]uint32
	touched     []uint32
	listed      []bool
	next        int64 // the least end of an open window

	life   *ttl.Keys            // nil: partitions stay for ever
	failed map[uint32]op.Letter // rows in error that stand, by number in store
	buf    []byte
}

var (
	_ op.Stateful = (*whole)(nil)
	_ op.Flusher  = (*whole)(nil)
	_ op.Gauges   = (*whole)(nil)
	_ op.Balanced = (*whole)(nil)
	_ op.Clocked  = (*whole)(nil)
)

const countCancelled = "cancelled" // retractions, and the rows they took out

func newWhole(o *planner.Over, in []planner.Column, ctx *op.Context) (*whole, error) {
	w := &whole{ctx: ctx, o: o, in: in, reach: reachOf(o), failed: map[uint32]op.Letter{}}
	ties := 0
	if o.Positions {
		ties = 2
	}
	w.rec = newRecorder(in, o.Order, ties)
	var err error
	if w.calls, err = newCalls(o, in, nil); err != nil {
		return nil, err
	}
	if w.life, err = ttl.New(o.Life, o.Partition, in, false); err != nil {
		return nil, err
	}
	return w, w.adopt(table.New(statestore.OperatorID(ctx.Node.StateID)))
}

func (w *whole) windowed() bool { return w.o.WindowStart >= 0 }

// open opens the parts of a table.
func (w *whole) open(st *table.Table) (*partitions, *store, error) {
	p, err := newPartitions(st, 0, w.o.Partition, w.in, 1)
	return p, newStore(st, 2), err
}

// adopt makes st the state, with whatever it holds.
func (w *whole) adopt(st *table.Table) (err error) {
	w.st, w.next = st, math.MaxInt64
	if w.parts, w.store, err = w.open(st); err != nil {
		return err
	}
	w.life.Open(st, lifePart)
	if w.updates() {
		w.rows, w.delta = w.store.byPart(w.store.compare), nil
	} else {
		w.rows, w.delta = nil, w.store.byPart(w.store.compareAge)
	}
	w.touched, w.listed = nil, nil
	w.grow()
	for p, d := range w.delta {
		if len(d) > 0 {
			w.touch(uint32(p))
			w.next = min(w.next, int64(w.parts.read(uint32(p))[0]))
		}
	}
	return nil
}

// updates says that changes come out as they happen.
func (w *whole) updates() bool { return !w.o.AtEnd && !w.windowed() }

// grow makes room for the partitions there are.
func (w *whole) grow() {
	for len(w.rows) < w.parts.cap() {
		w.rows = append(w.rows, nil)
	}
	for len(w.delta) < w.parts.cap() {
		w.delta = append(w.delta, nil)
	}
	for len(w.listed) < w.parts.cap() {
		w.listed = append(w.listed, false)
	}
}

// lifePart is the first part of life.
const lifePart = 4

// Process implements op.Operator.
func (w *whole) Process(_ int, b *op.Batch, out op.Output) error {
	if w.life == nil {
		return w.take(b)
	}
	return w.life.Process(b, w.ctx, w.forgetting(out), ttl.Chosen(b, w.ctx, w.take))
}

// forgetting deletes partitions with their rows. What has changed of them and has
// not been said yet is said first.
func (w *whole) forgetting(out op.Output) ttl.Forget {
	return func(k *hash.Keys) error {
		if err := w.flush(out); err != nil {
			return err
		}
		parts := w.parts.at(k)
		w.grow()
		for _, p := range parts {
			for _, id := range w.rows[p] {
				delete(w.failed, id)
			}
			w.ctx.Counters[op.CountReleased] += int64(len(w.rows[p]))
			w.drop(w.rows[p])
			w.rows[p], w.delta[p] = nil, nil
		}
		w.parts.t.Delete(parts)
		return nil
	}
}

// take notes the rows of a batch.
func (w *whole) take(b *op.Batch) error {
	parts := w.parts.find(b.Cols, b.N)
	w.grow()
	if w.windowed() {
		ends := b.Cols[w.o.WindowEnd].(*array.Timestamp).TimestampValues()
		for i, p := range parts {
			w.parts.state(p)[0] = uint64(ends[i])
			w.next = min(w.next, int64(ends[i]))
		}
	}
	cols := w.rec.vectors(b.Cols)
	for i, p := range parts {
		rec, key := w.rec.append(w.buf[:0], cols, i)
		w.buf = rec
		id := w.store.put(p, key, 0, rec)
		if !b.Kind(i).Adds() {
			w.store.setTaken(id)
		}
		w.touch(p)
		w.delta[p] = append(w.delta[p], id)
	}
	if b.Kinds == nil || w.updates() {
		return nil
	}
	return w.compact(parts)
}

// compact lets what has been taken back go before the end comes.
func (w *whole) compact(parts []uint32) error {
	for _, p := range parts {
		if d := w.delta[p]; len(d) < 64 || len(d) < 2*len(w.rows[p]) {
			continue
		}
		rows, gone, err := w.settle(p)
		if err != nil {
			return err
		}
		w.rows[p] = rows
		w.drop(gone)
	}
	return nil
}

// touch notes that something has come for a partition.
func (w *whole) touch(p uint32) {
	if !w.listed[p] {
		w.listed[p] = true
		w.touched = append(w.touched, p)
	}
}

// settle puts the delta of a partition among its rows.
func (w *whole) settle(p uint32) (rows, gone []uint32, err error) {
	rows, gone, cancelled, lost, err := w.store.settle(w.rows[p], w.delta[p], w.life != nil)
	w.delta[p] = w.delta[p][:0]
	w.ctx.Counters[countCancelled] += cancelled
	w.ctx.Counters[op.CountTTLDropped] += lost
	return rows, gone, err
}

func (w *whole) drop(ids []uint32) {
	for _, id := range ids {
		w.store.drop(id)
	}
}

// Advance implements op.Operator.
func (w *whole) Advance(_ int, mark int64, out op.Output) error {
	if err := w.life.Advance(mark, w.forgetting(out)); err != nil {
		return err
	}
	switch {
	case w.windowed():
		if mark >= w.next {
			if err := w.close(mark, out); err != nil {
				return err
			}
		}
		return out.Watermark(mark)
	case w.o.AtEnd || mark < op.MaxTime:
		return nil // there is no time attribute above, but the end
	}
	if err := w.flush(out); err != nil {
		return err
	}
	return out.Watermark(mark)
}

// Tick implements op.Clocked.
func (w *whole) Tick(now time.Time, out op.Output) error { return w.life.Tick(now, w.forgetting(out)) }

// Period implements op.Clocked.
func (w *whole) Period() time.Duration { return w.life.Period() }

// End implements op.Operator.
func (w *whole) End(_ int, out op.Output) error {
	if w.o.AtEnd {
		if err := w.close(op.MaxTime, out); err != nil {
			return err
		}
		if err := out.Watermark(op.MaxTime); err != nil {
			return err
		}
	} else if err := w.Flush(true, out); err != nil {
		return err
	}
	return out.End()
}

// close gives the rows of the partitions whose window ends up to mark, and lets
// them go.
func (w *whole) close(mark int64, out op.Output) error {
	var due, open []uint32
	w.next = math.MaxInt64
	for _, p := range w.touched {
		if end := int64(w.parts.read(p)[0]); w.windowed() && end > mark {
			open = append(open, p)
			w.next = min(w.next, end)
		} else {
			w.listed[p] = false
			due = append(due, p)
		}
	}
	w.touched = open
	var list []change
	size := 0
	flush := func() error {
		if err := w.emit(list, out); err != nil {
			return err
		}
		for _, c := range list {
			w.ctx.Counters[op.CountReleased] += int64(len(c.new))
			w.drop(c.new)
		}
		list, size = list[:0], 0
		return nil
	}
	for _, p := range due {
		rows, gone, err := w.settle(p)
		if err != nil {
			return err
		}
		w.drop(gone)
		w.rows[p], w.delta[p] = nil, nil
		list = append(list, change{new: rows, c: len(rows)})
		if size += len(rows); size >= chunkRows {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	w.parts.t.Delete(due)
	return nil
}

// chunkRows is about how many rows are computed at a time.
const chunkRows = 1 << 16

// Flush implements op.Flusher.
func (w *whole) Flush(settled bool, out op.Output) error {
	if !w.updates() {
		return nil
	}
	if err := w.flush(out); err != nil {
		return err
	}
	if !settled || len(w.failed) == 0 {
		return nil
	}
	return w.judge(out)
}

// flush gives the changes of the partitions that something has come for.
func (w *whole) flush(out op.Output) error {
	var list []change
	size := 0
	emit := func() error {
		err := w.emit(list, out)
		for _, c := range list {
			w.drop(c.gone)
		}
		list, size = list[:0], 0
		return err
	}
	var empty []uint32
	for _, p := range w.touched {
		w.listed[p] = false
		c := change{old: w.rows[p]}
		var err error
		if c.new, c.gone, err = w.settle(p); err != nil {
			return err
		}
		if w.rows[p] = c.new; len(c.new) == 0 {
			w.rows[p], w.delta[p] = nil, nil
			empty = append(empty, p)
		}
		c.a, c.b, c.c = w.store.affected(c.old, c.new, w.reach)
		list = append(list, c)
		if size += c.b + c.c - 2*c.a; size >= chunkRows {
			if err := emit(); err != nil {
				return err
			}
		}
	}
	w.touched = w.touched[:0]
	if err := emit(); err != nil {
		return err
	}
	w.parts.t.Delete(empty)
	return nil
}

// change is what has become of a partition's rows. Results may differ for
// old[a:b] and new[a:c] only; gone are the rows of old that are not in new.
type change struct {
	old, new, gone []uint32
	a, b, c        int
}

// side is the results of one side of some changes.
type side struct {
	s    *sequence
	cols []arrow.Array
	bad  map[int]op.Letter // wanted rows in error
}

// compute gives the results of old or new rows.
func (w *whole) compute(list []change, old bool) (side, error) {
	d := side{s: &sequence{order: w.o.Order, alloc: w.ctx.Alloc}, bad: map[int]op.Letter{}}
	var ids []uint32
	for _, c := range list {
		rows, to := c.new, c.c
		if old {
			rows, to = c.old, c.b
		}
		if c.a == to {
			continue
		}
		p := stretch{from: len(ids)}
		begin, end := max(0, c.a-w.reach.need), min(len(rows), to+w.reach.seek)
		p.before = int64(begin)
		p.first, p.last = p.from+c.a-begin, p.from+to-begin
		for i := begin; i < end; i++ {
			d.s.peer = append(d.s.peer, i > begin && string(w.store.terms(rows[i])) == string(w.store.terms(rows[i-1])))
		}
		ids = append(ids, rows[begin:end]...)
		p.to = len(ids)
		d.s.parts = append(d.s.parts, p)
	}
	if len(ids) == 0 {
		return d, nil
	}
	d.s.n = len(ids)
	d.s.rows = make([]int32, len(ids))
	for i := range d.s.rows {
		d.s.rows[i] = int32(i)
	}
	d.s.cols = w.rec.readAll(w.store, ids, w.calls.reads, w.ctx.Alloc)
	defer release(d.s.cols)
	d.s.lay()
	var err error
	d.cols, err = w.calls.results(d.s, func(k int, code, message string) {
		if _, there := d.bad[k]; !there {
			d.bad[k] = op.Letter{Code: code, Message: message}
		}
	})
	return d, err
}

// emit gives the changes of some partitions: first what is taken back.
func (w *whole) emit(list []change, out op.Output) error {
	if len(list) == 0 {
		return nil
	}
	old, err := w.compute(list, true)
	if err != nil {
		return err
	}
	defer release(old.cols)
	now, err := w.compute(list, false)
	if err != nil {
		return err
	}
	defer release(now.cols)
	var minus, plus rowsOut
	w.differ(list, &old, &now, &minus, &plus)
	if err := w.send(&minus, &old, out); err != nil {
		return err
	}
	return w.send(&plus, &now, out)
}

// judge deals with the rows whose result is in error as it stands.
func (w *whole) judge(out op.Output) error {
	var ids []uint32
	for id := range w.failed {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, w.store.compare)
	letters := make([]op.Letter, len(ids))
	for i, id := range ids {
		letters[i] = w.failed[id]
		letters[i].Row = i
	}
	clear(w.failed)
	b := &op.Batch{N: len(ids), Cols: w.rec.readAll(w.store, ids, nil, w.ctx.Alloc)}
	defer b.Release()
	return op.Judge(w.ctx, w.o.OnError, where(w.ctx), w.ctx.Branch, b, letters, out)
}

func where(ctx *op.Context) string { return fmt.Sprintf("OVER, node %d", ctx.Node.ID) }

// Freeze implements op.Stateful.
func (w *whole) Freeze(cut statestore.Cut) (op.Frozen, error) { return w.st.Freeze(cut), nil }

// Layout implements op.Stateful.
func (w *whole) Layout() string {
	return fmt.Sprintf("over 1: %s, %s, %s", w.parts.t.Layout(), w.rec, w.life.Layout())
}

// Restore implements op.Stateful.
func (w *whole) Restore(r *op.Restore) error {
	err := r.EachTable(func(_ int, st *table.Table) error {
		if r.Same {
			return w.adopt(st)
		}
		parts, rows, err := w.open(st)
		if err != nil {
			return err
		}
		w.store.adopt(rows, w.parts.adopt(parts, r.Owns(w.o.Partition)), nil)
		w.life.Merge(st, lifePart, r.Owns(w.o.Partition))
		return nil
	})
	if err != nil || r.Same {
		return err
	}
	return w.adopt(w.st)
}

// Gauges implements op.Gauges.
func (w *whole) Gauges(c op.Counters) { c[op.CountHeld] = int64(w.store.rows.Len()) }

// Balance implements op.Balanced.
func (w *whole) Balance(c op.Counters) string {
	return c.Equal(taken(w.o), op.CountHeld, countCancelled, op.CountReleased, op.CountTTLDropped)
}

// Close implements op.Operator.
func (w *whole) Close() {}

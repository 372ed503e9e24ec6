package window

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
	"github.com/streamsql/streamsql/statestore/table"
)

// updating is the half of a windowed aggregation behind the exchange that gives
// out windows before they close, or again after they have fired: EMIT CHANGES,
// EMIT EVERY, ALLOW LATENESS.
//
// Each window has two sets of groups: what has been given out of it, and what has
// come since. Giving out is merging the second into the first. So nothing but
// these two is state, however long it is between two times of giving out.
type updating struct {
	ctx     *op.Context
	o       *planner.WindowAgg
	s       *spec
	agg     *agg.Aggregator
	shape   shape
	changes changes
	canFail bool
	st      *table.Table
	meta    *table.Rows
	buckets map[int64]*shown
	fired   int64 // windows that end up to here have fired
	next    int64 // the least watermark at which a window fires or closes
	wins    []win // scratch
	into    []int64
	due     op.Ticker
}

// shown is a window that may be shown.
type shown struct {
	n          int64
	start, end int64
	given, new *agg.Groups // new: nil, nothing has come
	rows       *table.Rows // one row: how many input rows it has taken
	fired      bool
}

var (
	_ op.Stateful = (*updating)(nil)
	_ op.Flusher  = (*updating)(nil)
	_ op.Clocked  = (*updating)(nil)
	_ op.Gauges   = (*updating)(nil)
	_ op.Balanced = (*updating)(nil)
)

// NewUpdating makes the second half of the operator for windows that are given
// out more than once. in are the columns of its input, without the bucket that
// the first half has added.
func NewUpdating(o *planner.WindowAgg, in []planner.Column, ctx *op.Context) (op.Operator, error) {
	w := &updating{ctx: ctx, o: o, s: newSpec(o.Window), shape: shapeOf(o, in, ctx), due: op.NewTicker(o.Every)}
	cfg, err := Config(o, in)
	if err != nil {
		return nil, err
	}
	if w.agg, err = agg.New(cfg); err != nil {
		return nil, err
	}
	for _, c := range o.Aggs {
		w.canFail = w.canFail || c.Overload.CanFail
	}
	w.changes = changes{ctx: ctx, agg: w.agg, before: o.EmitBefore}
	w.adopt(table.New(statestore.OperatorID(ctx.Node.StateID)))
	return w, nil
}

// The buckets of the state: a window's own number, twice.
func givenBucket(n int64) int64 { return 2 * n }
func newBucket(n int64) int64   { return 2*n + 1 }

func (w *updating) adopt(st *table.Table) {
	w.st, w.buckets, w.next = st, map[int64]*shown{}, op.MaxTime
	w.meta = st.Rows(0, metaBucket, 1)
	if w.meta.Len() == 0 {
		w.meta.Alloc()
		w.setFired(op.MinTime)
	}
	w.fired = int64(w.meta.At(0)[0])
	for _, b := range st.Buckets() {
		if b == metaBucket {
			continue
		}
		k := w.bucket(b >> 1)
		if b&1 == 1 {
			k.new = w.agg.Open(st, 0, b)
		}
	}
}

func (w *updating) setFired(t int64) {
	w.fired = t
	w.meta.Edit(0)[0] = uint64(t)
}

// bucket finds or makes a window.
func (w *updating) bucket(n int64) *shown {
	k := w.buckets[n]
	if k != nil {
		return k
	}
	b := givenBucket(n)
	k = &shown{n: n, end: n, given: w.agg.Open(w.st, 0, b), rows: w.st.Rows(w.agg.Parts(), b, 1)}
	if w.s.kind != planner.AttachedWindow {
		k.start, k.end = w.s.edges(w.s.windowOf(n))
	}
	if k.rows.Len() == 0 {
		k.rows.Alloc()
	}
	k.fired = k.end <= w.fired
	w.buckets[n] = k
	w.next = min(w.next, w.step(k))
	return k
}

// closes is the watermark that closes a window.
func (w *updating) closes(k *shown) int64 {
	if k.end > op.MaxTime-w.o.Lateness {
		return op.MaxTime
	}
	return k.end + w.o.Lateness
}

// step is the watermark at which something happens to a window next.
func (w *updating) step(k *shown) int64 {
	if k.fired {
		return w.closes(k)
	}
	return k.end
}

// Process implements op.Operator.
func (w *updating) Process(_ int, b *op.Batch, _ op.Output) error {
	if b.Payload != nil {
		p := b.Payload.(*payload)
		for _, n := range w.unfired(p.bucket, p.rows) {
			k := w.taking(n)
			w.agg.Import(k.new, p.parts[0])
			w.count(k, p.rows)
		}
		p.pool.Put(p.parts[0])
		return nil
	}
	col := b.Cols[len(b.Cols)-1].(*array.Int64).Int64Values()
	for from := 0; from < len(col); {
		to := from + 1
		for to < len(col) && col[to] == col[from] {
			to++
		}
		for _, n := range w.unfired(col[from], int64(to-from)) {
			k := w.taking(n)
			w.agg.Update(k.new, b.Cols, colvec.Rows{From: from, To: to})
			w.count(k, int64(to-from))
		}
		from = to
	}
	return nil
}

// taking finds the window of a bucket number, ready to take rows.
func (w *updating) taking(bucket int64) *shown {
	k := w.bucket(bucket)
	if k.new == nil {
		k.new = w.agg.Open(w.st, 0, newBucket(bucket))
	}
	return k
}

func (w *updating) count(k *shown, rows int64) {
	w.ctx.Counters[op.CountApplied] += rows
	k.rows.Edit(0)[0] += uint64(rows)
}

// sorted lists the windows in order.
func (w *updating) sorted() []*shown {
	return slices.SortedFunc(maps.Values(w.buckets), func(a, b *shown) int {
		return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.start, b.start))
	})
}

// give gives out what has come for a window.
func (w *updating) give(k *shown, out op.Output) error {
	if k.new == nil {
		return nil
	}
	err := w.changes.merge(k.given, k.new, func(cols []arrow.Array, kinds []catalog.RowKind) error {
		b := &op.Batch{N: len(kinds), Cols: w.shape.columns(cols, len(kinds), []run{{len(kinds), k.start, k.end}}), Kinds: kinds}
		defer b.Release()
		return out.Emit(planner.MainPort, b)
	})
	w.st.DropBucket(newBucket(k.n))
	k.new = nil
	return err
}

// Flush implements op.Flusher.
func (w *updating) Flush(_ bool, out op.Output) error {
	if w.o.Emit == planner.EmitEvery {
		return nil
	}
	for _, k := range w.sorted() {
		if w.o.Emit == planner.EmitChanges || k.fired {
			if err := w.give(k, out); err != nil {
				return err
			}
		}
	}
	return nil
}

// Tick implements op.Clocked.
func (w *updating) Tick(now time.Time, out op.Output) error {
	if mark := now.UnixMicro(); w.o.Window.Proc && mark >= w.next {
		if err := w.fire(mark, out); err != nil {
			return err
		}
		w.setFired(mark)
	}
	if w.o.Emit != planner.EmitEvery || !w.due.Tick(now) {
		return nil
	}
	for _, k := range w.sorted() {
		if err := w.give(k, out); err != nil {
			return err
		}
	}
	return nil
}

// Period implements op.Clocked.
func (w *updating) Period() time.Duration { return updatePeriod(w.o) }

// Advance implements op.Operator. The output has no time attribute, but its end
// must be known.
func (w *updating) Advance(_ int, mark int64, out op.Output) error {
	if w.o.Window.Proc && mark != op.MaxTime {
		return nil // the clock fires
	}
	if mark >= w.next {
		if err := w.fire(mark, out); err != nil {
			return err
		}
	}
	if mark > w.fired && !w.o.Window.Proc {
		w.setFired(mark)
	}
	if mark == op.MaxTime {
		return out.Watermark(mark)
	}
	return nil
}

// fire gives out the windows that end up to mark, and forgets those that have
// closed.
func (w *updating) fire(mark int64, out op.Output) error {
	w.next = op.MaxTime
	for _, k := range w.sorted() {
		if k.end <= mark && !k.fired || w.closes(k) <= mark {
			k.fired = true
			if err := w.give(k, out); err != nil {
				return err
			}
		}
		if w.closes(k) > mark {
			w.next = min(w.next, w.step(k))
			continue
		}
		if err := w.judge(k, out); err != nil {
			return err
		}
		w.ctx.Counters[op.CountClosed] += int64(k.rows.At(0)[0])
		delete(w.buckets, k.n)
		w.st.DropBucket(givenBucket(k.n))
	}
	return nil
}

// judge deals with the groups whose result is in error as their window closes.
func (w *updating) judge(k *shown, out op.Output) error {
	if !w.canFail {
		return nil
	}
	var bad []uint32
	k.given.Each(func(ids []uint32) {
		for _, id := range ids {
			if !k.given.Emitted(id) {
				bad = append(bad, id)
			}
		}
	})
	if len(bad) == 0 {
		return nil
	}
	var letters []op.Letter
	cols := w.agg.Emit(k.given, bad, w.ctx.Alloc, func(i int, code, message string) {
		letters = append(letters, op.Letter{Row: i, Code: code, Message: message})
	})
	b := &op.Batch{N: len(bad), Cols: w.shape.columns(cols, len(bad), []run{{len(bad), k.start, k.end}})}
	defer b.Release()
	return op.Judge(w.ctx, w.o.OnError, fmt.Sprintf("aggregation by window, node %d", w.ctx.Node.ID), w.ctx.Branch, b, perRow(letters), out)
}

// End implements op.Operator. Advance(MaxTime) has closed everything.
func (w *updating) End(_ int, out op.Output) error { return out.End() }

// Freeze implements op.Stateful.
func (w *updating) Freeze(cut statestore.Cut) (op.Frozen, error) { return w.st.Freeze(cut), nil }

// Layout implements op.Stateful.
func (w *updating) Layout() string { return "updating window 1: " + w.agg.Layout() }

// Restore implements op.Stateful.
func (w *updating) Restore(r *op.Restore) error {
	owns := r.Owns(w.o.Keys)
	err := r.EachTable(func(shard int, st *table.Table) error {
		if r.Same {
			w.adopt(st)
			return nil
		}
		old := &updating{ctx: w.ctx, o: w.o, s: w.s, agg: w.agg}
		old.adopt(st)
		w.setFired(max(w.fired, old.fired))
		first := (statestore.Layout{Shards: r.Stored}).KeyGroups(shard).From
		for n, from := range old.buckets {
			k := w.bucket(n)
			k.fired = from.fired
			w.agg.Merge(k.given, from.given, owns)
			if from.new != nil {
				w.agg.Merge(w.taking(n).new, from.new, owns)
			}
			if r.Groups.Contains(first) {
				k.rows.Edit(0)[0] += uint64(from.rows.At(0)[0])
			}
		}
		return nil
	})
	if err != nil || r.Same {
		return err
	}
	w.next = op.MaxTime
	for _, k := range w.buckets {
		w.resume(k)
		w.next = min(w.next, w.step(k))
	}
	return nil
}

// resume settles, after a restore in another layout, which groups have been given
// out: all but those in error.
func (w *updating) resume(k *shown) {
	k.given.Each(func(all []uint32) {
		ids := slices.Clone(all)
		bad := map[int]bool{}
		release(w.agg.Emit(k.given, ids, w.ctx.Alloc, func(i int, _, _ string) { bad[i] = true }))
		for i, id := range ids {
			k.given.SetEmitted(id, !bad[i])
		}
	})
}

// Gauges implements op.Gauges.
func (w *updating) Gauges(c op.Counters) {
	c[op.CountOpen], c[op.CountHeld] = 0, 0
	for _, k := range w.buckets {
		c[op.CountOpen] += int64(k.rows.At(0)[0])
		c[op.CountHeld] += int64(k.given.Len())
		if k.new != nil {
			c[op.CountHeld] += int64(k.new.Len())
		}
	}
}

// Balance implements op.Balanced: pairs = late + in open windows + in closed
// ones.
func (w *updating) Balance(c op.Counters) string {
	return balancePairs(c)
}

// Close implements op.Operator.
func (w *updating) Close() {}

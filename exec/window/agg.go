package window

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
	"github.com/streamsql/streamsql/statestore/table"
)

// metaBucket holds the operator's own row: the watermark up to which windows
// have fired.
const metaBucket = math.MinInt64

// bucket is the groups of a pane, or of one window (see spec.windowBucket).
type bucket struct {
	n      int64
	groups *agg.Groups
	rows   *table.Rows // one row: how many input rows it has taken; nil: pane knows
	pane   *agg.Pane   // nil: windows share no panes, or their aggregates can't
}

func (b *bucket) count() int64 {
	if b.pane != nil {
		return b.pane.Rows()
	}
	return int64(b.rows.At(0)[0])
}

// aggregation is the half of a windowed aggregation that runs on the shard that
// owns the keys.
type aggregation struct {
	ctx     *op.Context
	o       *planner.WindowAgg
	s       *spec
	agg     *agg.Aggregator
	shape   shape
	st      *table.Table
	meta    *table.Rows
	buckets buckets
	slide   slide   // windows of panes,
	sliding sliding // or this, if the aggregates can be had so
	fired   int64   // windows that end up to here have fired
	next    int64   // the least end of a window that has not fired
	wins    []win
	due     []win
	from    []*agg.Groups
	staged  staged
	letters []op.Letter
	err     error
}

var (
	_ op.Stateful = (*aggregation)(nil)
	_ op.Gauges   = (*aggregation)(nil)
	_ op.Balanced = (*aggregation)(nil)
)

// New makes the second half of the operator. in are the columns of its input,
// without the bucket that the first half has added.
func New(o *planner.WindowAgg, in []planner.Column, ctx *op.Context) (op.Operator, error) {
	w := &aggregation{ctx: ctx, o: o, s: newSpec(o.Window), shape: shapeOf(o, in, ctx)}
	cfg, err := Config(o, in)
	if err != nil {
		return nil, err
	}
	if w.agg, err = agg.New(cfg); err != nil {
		return nil, err
	}
	w.adopt(table.New(statestore.OperatorID(ctx.Node.StateID)))
	return w, nil
}

// Config is what the operator aggregates. A window that stands in columns is
// known by its end, the bucket; its start is one more key.
func Config(o *planner.WindowAgg, in []planner.Column) (agg.Config, error) {
	keys := slices.Clone(o.Keys)
	if o.Window.Kind == planner.AttachedWindow {
		keys = append(keys, o.Window.Start)
	}
	cfg, err := agg.Of(keys, o.Aggs, in, false)
	cfg.Count = sharesPanes(o.Window)
	return cfg, err
}

// sharesPanes says that several windows may contain a pane.
func sharesPanes(w planner.Window) bool {
	return w.Kind == planner.CumulateWindow || w.Kind == planner.HopWindow && w.Slide < w.Size
}

// adopt makes st the state, with whatever it holds.
func (w *aggregation) adopt(st *table.Table) {
	w.st = st
	w.buckets = newBuckets()
	w.slide = newSlide(w.agg, func(pane int64) *agg.Groups {
		if b := w.buckets.find(paneBucket(pane)); b != nil {
			return b.groups
		}
		return nil
	})
	if sharesPanes(w.o.Window) && w.agg.SharesPanes() {
		w.sliding = sliding{panes: w.agg.NewPanes(), buckets: &w.buckets}
	}
	w.fired, w.next = op.MinTime, op.MaxTime
	w.meta = st.Rows(0, metaBucket, 1)
	if w.meta.Len() == 0 {
		w.meta.Alloc()
		w.setFired(op.MinTime)
	}
	w.fired = int64(w.meta.At(0)[0])
	for _, b := range st.Buckets() {
		if b != metaBucket {
			w.bucket(b)
		}
	}
	w.findNext()
}

func (w *aggregation) setFired(t int64) {
	w.fired = t
	w.meta.Edit(0)[0] = uint64(t)
}

// bucket finds or makes a bucket.
func (w *aggregation) bucket(n int64) *bucket {
	b := w.buckets.find(n)
	if b == nil {
		b = w.open(n)
		w.buckets.add(b, w.own(n))
		if end, ok := w.nextEnd(n); ok {
			w.next = min(w.next, end)
		}
	}
	return b
}

// open makes a bucket, with what is stored of it.
func (w *aggregation) open(n int64) *bucket {
	if p := w.sliding.panes; p != nil {
		pane := p.Open(w.st, n, n)
		return &bucket{n: n, groups: pane.Groups(), pane: pane}
	}
	b := &bucket{n: n, groups: w.agg.Open(w.st, 0, n), rows: w.st.Rows(w.agg.Parts(), n, 1)}
	if b.rows.Len() == 0 {
		b.rows.Alloc()
	}
	return b
}

// own says that a bucket is that of one window, for rows late for others.
func (w *aggregation) own(n int64) bool { return w.s.kind != planner.AttachedWindow && n&1 == 1 }

// nextEnd is the end of the first window of a bucket that has not fired.
func (w *aggregation) nextEnd(n int64) (int64, bool) {
	switch {
	case w.s.kind == planner.AttachedWindow:
		return n, n > w.fired
	case w.own(n):
		_, end := w.s.edges(w.s.windowOf(n))
		return end, end > w.fired
	}
	first, last, ok := w.s.span(n >> 1)
	if !ok {
		return 0, false
	}
	x, ok := w.s.unfired(first, last, w.fired)
	return w.s.instant(x.end), ok
}

// windows appends the windows that a bucket belongs to, by ascending end.
func (w *aggregation) windows(n int64, dst []win) []win {
	switch {
	case w.s.kind == planner.AttachedWindow:
		return append(dst, win{n, n})
	case n&1 == 0:
		return w.s.windowsOf(n>>1, dst)
	default:
		return append(dst, w.s.windowOf(n))
	}
}

// Process implements op.Operator.
func (w *aggregation) Process(_ int, b *op.Batch, _ op.Output) error {
	switch p := b.Payload.(type) {
	case *panesPayload:
		w.sliding.panes.Import(p.parts[0], w.pane)
		p.pool.Put(p.parts[0])
		return nil
	case *payload:
		k := w.bucket(w.unfiredBucket(p.bucket, p.rows))
		w.agg.Import(k.groups, p.parts[0])
		p.pool.Put(p.parts[0])
		w.count(k, p.rows)
		return nil
	}
	col := b.Cols[len(b.Cols)-1].(*array.Int64).Int64Values()
	for from := 0; from < len(col); {
		to := from + 1
		for to < len(col) && col[to] == col[from] {
			to++
		}
		k := w.bucket(w.unfiredBucket(col[from], int64(to-from)))
		rows := colvec.Rows{From: from, To: to}
		if k.pane != nil {
			w.sliding.panes.Update(k.pane, b.Cols, rows)
			w.ctx.Counters[op.CountApplied] += int64(to - from)
		} else {
			w.agg.Update(k.groups, b.Cols, rows)
			w.count(k, int64(to-from))
		}
		from = to
	}
	return nil
}

// pane finds or makes the pane for rows that were sent to a bucket.
func (w *aggregation) pane(bucket, rows int64) *agg.Pane {
	w.ctx.Counters[op.CountApplied] += rows
	return w.bucket(w.unfiredBucket(bucket, rows)).pane
}

// count notes that a bucket has taken rows.
func (w *aggregation) count(k *bucket, rows int64) {
	w.ctx.Counters[op.CountApplied] += rows
	k.rows.Edit(0)[0] += uint64(rows)
}

// unfired is the number of windows of a bucket that have not fired.
func (w *aggregation) unfired(n int64) int64 {
	w.wins = w.windows(n, w.wins[:0])
	k := int64(0)
	for _, x := range w.wins {
		if _, end := w.s.edges(x); end > w.fired {
			k++
		}
	}
	return k
}

// Advance implements op.Operator.
func (w *aggregation) Advance(_ int, mark int64, out op.Output) error {
	if w.o.Window.Proc && mark != op.MaxTime {
		return nil // the clock fires, and the output has no event time
	}
	if mark >= w.next {
		if err := w.fire(mark, out); err != nil {
			return err
		}
	}
	if mark > w.fired && !w.o.Window.Proc {
		w.setFired(mark)
	}
	return out.Watermark(mark)
}

// fire emits all windows that end up to mark, by end, and drops the buckets
// whose last window that was.
func (w *aggregation) fire(mark int64, out op.Output) error {
	w.due = w.dueTo(mark, w.due[:0])
	for _, x := range w.due {
		if err := w.fireWindow(x, len(w.due) > 1, out); err != nil {
			return err
		}
	}
	if err := w.staged.flush(w, out); err != nil {
		return err
	}
	if !w.refires() {
		w.setFired(mark)
	}
	if n := len(w.due); n > 0 && w.s.kind != planner.AttachedWindow {
		// Where the next window begins: at the same place, if it is CUMULATE's.
		next := w.due[n-1].start
		if w.s.kind != planner.CumulateWindow {
			next += w.s.slide
		}
		if w.sliding.panes != nil {
			w.sliding.evict(paneBucket(w.s.paneAt(next)))
		} else {
			w.slide.evict(w.s.paneAt(next))
		}
	}
	w.buckets.drop(func(n int64) bool {
		if w.refires() {
			return n <= mark
		}
		_, more := w.nextEnd(n)
		return !more
	}, w.dropped)
	w.findNext()
	return nil
}

// dropped forgets a bucket.
func (w *aggregation) dropped(b *bucket) {
	if b.pane != nil {
		w.sliding.panes.Drop(b.pane)
	}
	w.st.DropBucket(b.n)
}

// dueTo appends the windows of all buckets that end up to mark and have not
// fired, by end.
func (w *aggregation) dueTo(mark int64, due []win) []win {
	for _, b := range w.buckets.panes {
		if w.s.kind == planner.AttachedWindow {
			if b.n > mark {
				break
			}
			if b.n > w.fired {
				due = append(due, win{b.n, b.n})
			}
			continue
		}
		x, last, ok := w.s.span(b.n >> 1)
		if !ok {
			continue
		}
		// Windows of panes that follow each other end one after the other too.
		if n := len(due); n == 0 || due[n-1].end < x.end {
			if x, ok = w.s.unfired(x, last, w.fired); !ok {
				continue
			}
		} else if x = w.s.after(due[n-1]); due[n-1].end >= last.end {
			continue
		}
		for ; x.end <= last.end && w.s.instant(x.end) <= mark; x = w.s.after(x) {
			due = append(due, x)
		}
		if x.end <= last.end {
			break
		}
	}
	if len(w.buckets.own) == 0 {
		return due
	}
	for _, b := range w.buckets.own {
		x := w.s.windowOf(b.n)
		if _, end := w.s.edges(x); end > w.fired && end <= mark {
			due = append(due, x)
		}
	}
	slices.SortFunc(due, func(a, b win) int { return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.start, b.start)) })
	return slices.Compact(due)
}

// findNext finds the least end of a window to come.
func (w *aggregation) findNext() {
	w.next = op.MaxTime
	for _, b := range w.buckets.panes {
		if end, ok := w.nextEnd(b.n); ok {
			w.next = end
			break
		}
	}
	for _, b := range w.buckets.own {
		if end, ok := w.nextEnd(b.n); ok {
			w.next = min(w.next, end)
		}
	}
}

// fireWindow emits one window: its panes' groups merged, and those of rows that
// came for this window alone. more says that others fire with it.
func (w *aggregation) fireWindow(x win, more bool, out op.Output) error {
	if w.sliding.panes != nil {
		return w.fireShared(x, out)
	}
	from := w.from[:0]
	if w.s.kind == planner.AttachedWindow {
		from = w.closing(w.buckets.find(x.end), from)
	} else {
		p, q := w.s.panesOf(x)
		for _, b := range w.buckets.between(paneBucket(p), paneBucket(q)) {
			from = w.closing(b, from)
		}
		if len(from) > 1 {
			from = w.slide.window(p, q)
		}
		if len(w.buckets.own) > 0 {
			from = w.closing(w.buckets.find(w.s.windowBucket(x)), from)
		}
	}
	w.from = from
	groups := from[0]
	if len(from) > 1 {
		groups = w.agg.Open(nil, 0, 0)
		for _, g := range from {
			w.agg.Merge(groups, g, nil)
		}
	}
	start, end := w.s.edges(x)
	if more && w.staged.add(w, groups, start, end) {
		if w.staged.rows() < w.ctx.BatchRows {
			return nil
		}
		return w.staged.flush(w, out)
	}
	if err := w.staged.flush(w, out); err != nil {
		return err
	}
	return w.emit(groups, start, end, out)
}

// closing counts the rows of a bucket for a window that fires, and appends its
// groups. There may be no such bucket.
func (w *aggregation) closing(b *bucket, from []*agg.Groups) []*agg.Groups {
	if b == nil {
		return from
	}
	w.ctx.Counters[op.CountClosed] += b.count()
	return append(from, b.groups)
}

// emit gives the groups of a window as rows: keys, aggregates, window_start,
// window_end, window_time.
func (w *aggregation) emit(g *agg.Groups, start, end int64, out op.Output) error {
	w.err = nil
	g.Each(func(ids []uint32) {
		if w.err == nil {
			w.err = w.emitSome(g, ids, start, end, out)
		}
	})
	return w.err
}

func (w *aggregation) emitSome(g *agg.Groups, ids []uint32, start, end int64, out op.Output) error {
	w.letters = w.letters[:0]
	cols := w.agg.Emit(g, ids, w.ctx.Alloc, w.fail)
	return w.send(cols, len(ids), []run{{len(ids), start, end}}, out)
}

// fail notes that the result of row i is in error.
func (w *aggregation) fail(i int, code, message string) {
	w.letters = append(w.letters, op.Letter{Row: i, Code: code, Message: message})
}

// send gives n groups' columns as rows of windows; those in letters are in error.
func (w *aggregation) send(cols []arrow.Array, n int, wins []run, out op.Output) error {
	b := &op.Batch{N: n, Cols: w.shape.columns(cols, n, wins)}
	defer b.Release()
	if len(w.letters) == 0 {
		return out.Emit(planner.MainPort, b)
	}
	return op.EmitGood(w.ctx, w.o.OnError, fmt.Sprintf("aggregation by window, node %d", w.ctx.Node.ID), b, perRow(w.letters), out)
}

// End implements op.Operator. Advance(MaxTime) has fired everything.
func (w *aggregation) End(_ int, out op.Output) error { return out.End() }

// Freeze implements op.Stateful.
func (w *aggregation) Freeze(cut statestore.Cut) (op.Frozen, error) { return w.st.Freeze(cut), nil }

// Restore implements op.Stateful.
func (w *aggregation) Restore(r *op.Restore) error {
	err := r.EachTable(func(shard int, st *table.Table) error {
		if r.Same {
			w.adopt(st)
			return nil
		}
		old := &aggregation{ctx: w.ctx, o: w.o, s: w.s, agg: w.agg}
		old.adopt(st)
		w.setFired(max(w.fired, old.fired))
		for n, b := range old.buckets.known {
			if b.pane != nil {
				w.sliding.panes.Take(w.bucket(n).pane, b.pane, r.Owns(w.o.Keys))
				continue
			}
			w.agg.Merge(w.bucket(n).groups, b.groups, r.Owns(w.o.Keys))
			if first := (statestore.Layout{Shards: r.Stored}).KeyGroups(shard).From; r.Groups.Contains(first) {
				// The count of a bucket is about rows of all its groups: it goes
				// whole to the shard that has the first of them.
				w.bucket(n).rows.Edit(0)[0] += uint64(b.count())
			}
		}
		return nil
	})
	if err != nil || r.Same {
		return err
	}
	w.findNext()
	return nil
}

// Gauges implements op.Gauges.
func (w *aggregation) Gauges(c op.Counters) {
	c[op.CountOpen], c[op.CountHeld] = 0, 0
	for n, b := range w.buckets.known {
		c[op.CountOpen] += b.count() * w.unfired(n)
		c[op.CountHeld] += int64(b.groups.Len())
	}
}

// Balance implements op.Balanced: pairs = late + in open groups + in closed
// groups.
func (w *aggregation) Balance(c op.Counters) string {
	return balancePairs(c)
}

// Close implements op.Operator.
func (w *aggregation) Close() {}

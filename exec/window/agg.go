package window

import (
	"fmt"
	"math"
	"slices"

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
	cfg.Own = len(keys) - len(o.Keys)
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

// End implements op.Operator. Advance(MaxTime) has fired everything.
func (w *aggregation) End(_ int, out op.Output) error { return out.End() }

// Freeze implements op.Stateful.
func (w *aggregation) Freeze(cut statestore.Cut) (op.Frozen, error) { return w.st.Freeze(cut), nil }

// Layout implements op.Stateful.
func (w *aggregation) Layout() string {
	return fmt.Sprintf("window 1: %s, panes with keys in common %t", w.agg.Layout(), w.sliding.panes != nil)
}

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

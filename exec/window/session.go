package window

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
	"github.com/streamsql/streamsql/statestore/table"
)

// sessionAgg aggregates by key and session. It has no half before the exchange:
// which session a row belongs to only the shard that has them all can say.
type sessionAgg struct {
	ctx    *op.Context
	o      *planner.WindowAgg
	agg    *agg.Aggregator
	in     []planner.Column
	edge   *arrow.TimestampType
	hold   int64 // how far behind the watermark sessions close
	st     *table.Table
	s      *sessions
	groups *agg.Groups // by number of session
	// dead are sessions that are gone but whose number and group are kept until
	// there are many: their values of DISTINCT are found by a walk through all.
	dead    []uint32
	letters []op.Letter
	rows    []hash.Row // of keys
}

var (
	_ op.Stateful = (*sessionAgg)(nil)
	_ op.Gauges   = (*sessionAgg)(nil)
	_ op.Balanced = (*sessionAgg)(nil)
)

// NewSession makes the operator; in are its input's columns.
func NewSession(o *planner.WindowAgg, in []planner.Column, ctx *op.Context) (op.Operator, error) {
	w := &sessionAgg{ctx: ctx, o: o, in: in, edge: edgeType(o, in), hold: holdOf(ctx.Node)}
	cfg, err := agg.Of(nil, o.Aggs, in, false)
	if err != nil {
		return nil, err
	}
	cfg.Keys = []agg.Key{{Column: len(in), Type: catalog.BigInt}}
	if w.agg, err = agg.New(cfg); err != nil {
		return nil, err
	}
	return w, w.adopt(table.New(statestore.OperatorID(ctx.Node.StateID)))
}

// holdOf is how far behind the watermark sessions close. Rows of a fired window
// carry no W. Their time is up to a millisecond behind the watermark, which they
// leave before, so that a session that touches them must not have closed.
func holdOf(n *planner.Node) int64 {
	hold := int64(0)
	for _, in := range n.Inputs {
		switch in.From.Op.(type) {
		case *planner.Scan, *planner.Values:
		case *planner.Guard, *planner.Filter, *planner.Project, *planner.Union, *planner.Exchange, *planner.WindowAssign, *planner.Expand, *planner.Unnest, *planner.StaticJoin, *planner.LookupJoin:
			hold = max(hold, holdOf(in.From))
		default:
			return 1000
		}
	}
	return hold
}

// adopt makes st the state, with whatever it holds.
func (w *sessionAgg) adopt(st *table.Table) (err error) {
	w.st = st
	if w.s, err = newSessions(w.o.Window, 0, w.o.Keys, w.in, sessionWords, st); err != nil {
		return err
	}
	w.groups = w.agg.Open(st, sessionParts, 0)
	w.dead = w.dead[:0]
	w.s.rows.Each(func(id uint32, row []uint64) {
		if row[sessionLink] == gone {
			w.dead = append(w.dead, id)
		}
	})
	return nil
}

// Process implements op.Operator.
func (w *sessionAgg) Process(_ int, b *op.Batch, out op.Output) error {
	w.s.assign(b, b.Cols[w.o.Window.Time].(*array.Timestamp), w.o.Window.Proc)
	c := w.ctx.Counters
	c[op.CountNoTime] += w.s.noTime
	if len(w.s.sel) > 0 {
		rows := colvec.Selected(w.s.sel)
		if len(w.s.sel) == b.N {
			rows = colvec.All(b.N)
		}
		number := numbers(w.ctx, w.s.ids, w.s.sel, b.N)
		w.agg.Update(w.groups, append(slices.Clip(b.Cols), number), rows)
		number.Release()
		w.absorb()
	}
	if n := len(w.s.late); n > 0 {
		c[op.CountLate] += int64(n)
		if w.o.LateCols != nil {
			late := lateBatch(b, w.s.late, w.o.LateCols, w.edge, w.ctx)
			defer late.Release()
			return out.Emit(planner.LatePort, late)
		}
	}
	return nil
}

// numbers is a column of n session numbers: ids at the rows sel (nil: all).
func numbers(ctx *op.Context, ids []uint32, sel []int32, n int) arrow.Array {
	buf := column.NewBuffer(ctx.Alloc, 8*n)
	v := column.As[int64](buf, n)
	if sel == nil {
		for i, id := range ids {
			v[i] = int64(id)
		}
	}
	for i, row := range sel {
		v[row] = int64(ids[i])
	}
	return column.Make(arrow.PrimitiveTypes.Int64, n, 0, []*memory.Buffer{nil, buf})
}

// locate gives the groups of sessions, which are known by their numbers.
func locate(ctx *op.Context, a *agg.Aggregator, g *agg.Groups, ids []uint32) []uint32 {
	if len(ids) == 0 {
		return nil
	}
	col := numbers(ctx, ids, nil, len(ids))
	defer col.Release()
	return slices.Clone(a.Locate(g, []arrow.Array{col}, colvec.All(len(ids))))
}

func (w *sessionAgg) locate(ids []uint32) []uint32 { return locate(w.ctx, w.agg, w.groups, ids) }

// absorb adds the groups of absorbed sessions to those that have taken them.
func (w *sessionAgg) absorb() {
	if len(w.s.absorbs) == 0 {
		return
	}
	var from, into []uint32
	for _, a := range w.s.absorbs {
		from, into = append(from, a.from), append(into, w.s.root(a.into))
	}
	to := w.locate(into)
	w.agg.Combine(w.groups, to, w.groups, w.locate(from))
	w.bury(from)
}

// bury gives up sessions that are gone.
func (w *sessionAgg) bury(ids []uint32) {
	w.dead = append(w.dead, ids...)
	if w.agg.HasSets() && len(w.dead) < 1024+w.s.rows.Len()/2 || len(w.dead) == 0 {
		return
	}
	w.agg.Drop(w.groups, w.locate(w.dead))
	for _, id := range w.dead {
		w.s.rows.Free(id)
	}
	w.dead = w.dead[:0]
}

// Advance implements op.Operator.
func (w *sessionAgg) Advance(_ int, mark int64, out op.Output) error {
	if mark != op.MaxTime && mark > op.MinTime+w.hold {
		mark -= w.hold
	}
	if w.o.Window.Proc && mark != op.MaxTime {
		return nil // the clock closes, and the output has no event time
	}
	if err := w.close(mark, out); err != nil {
		return err
	}
	return out.Watermark(mark)
}

// close gives out the sessions that mark closes.
func (w *sessionAgg) close(mark int64, out op.Output) error {
	ids, keys := w.s.closed(mark)
	for from := 0; from < len(ids); from += w.ctx.BatchRows {
		to := min(len(ids), from+w.ctx.BatchRows)
		if err := w.emit(ids[from:to], keys[from:to], out); err != nil {
			return err
		}
	}
	for _, id := range ids {
		w.ctx.Counters[op.CountClosed] += int64(w.s.rows.At(id)[sessionRows])
	}
	if len(ids) > 0 {
		w.s.empty = append(w.s.empty[:0], keys...)
		w.s.dropKeys()
		w.bury(ids)
	}
	return nil
}

// emit gives sessions as rows: keys, aggregates, window_start, window_end,
// window_time.
func (w *sessionAgg) emit(ids, keys []uint32, out op.Output) error {
	w.rows = w.rows[:0]
	for _, k := range keys {
		w.rows = append(w.rows, w.s.keys.Row(k))
	}
	b := &op.Batch{N: len(ids), Cols: make([]arrow.Array, 0, len(w.o.Keys)+len(w.o.Aggs)+3)}
	defer func() { b.Release() }()
	for i := range w.o.Keys {
		b.Cols = append(b.Cols, w.s.keys.KeyColumn(i, w.rows, w.ctx.Alloc))
	}
	w.letters = w.letters[:0]
	cols := w.agg.Emit(w.groups, w.locate(ids), w.ctx.Alloc, func(i int, code, message string) {
		w.letters = append(w.letters, op.Letter{Row: i, Code: code, Message: message})
	})
	cols[0].Release() // the number of the session
	b.Cols = append(b.Cols, cols[1:]...)
	b.Cols = append(b.Cols, sessionEdges(w.s.rows, ids, w.edge, w.ctx)...)
	if len(w.letters) == 0 {
		return out.Emit(planner.MainPort, b)
	}
	return op.EmitGood(w.ctx, w.o.OnError, fmt.Sprintf("aggregation by session, node %d", w.ctx.Node.ID), b, perRow(w.letters), out)
}

// sessionEdges gives window_start, window_end and window_time of sessions.
func sessionEdges(rows *table.Rows, ids []uint32, dt *arrow.TimestampType, ctx *op.Context) []arrow.Array {
	return edgeColumns(rows, ids, sessionStart, sessionEnd, dt, ctx)
}

// edgeColumns is sessionEdges with the bounds in words start and end.
func edgeColumns(rows *table.Rows, ids []uint32, start, end int, dt *arrow.TimestampType, ctx *op.Context) []arrow.Array {
	n := len(ids)
	var bufs [3]*memory.Buffer
	var edges [3][]int64
	for i := range bufs {
		bufs[i] = column.NewBuffer(ctx.Alloc, 8*n)
		edges[i] = column.As[int64](bufs[i], n)
	}
	for i, id := range ids {
		r := rows.At(id)
		edges[0][i], edges[1][i], edges[2][i] = int64(r[start]), int64(r[end]), int64(r[end])-1000
	}
	cols := make([]arrow.Array, len(bufs))
	for i, buf := range bufs {
		cols[i] = column.Make(dt, n, 0, []*memory.Buffer{nil, buf})
	}
	return cols
}

// End implements op.Operator. Advance(MaxTime) has closed everything.
func (w *sessionAgg) End(_ int, out op.Output) error { return out.End() }

// Freeze implements op.Stateful.
func (w *sessionAgg) Freeze(cut statestore.Cut) (op.Frozen, error) { return w.st.Freeze(cut), nil }

// Layout implements op.Stateful.
func (w *sessionAgg) Layout() string {
	return fmt.Sprintf("session 1: %s, %s", w.s.layout(), w.agg.Layout())
}

// Restore implements op.Stateful.
func (w *sessionAgg) Restore(r *op.Restore) error {
	return r.EachTable(func(_ int, st *table.Table) error {
		if r.Same {
			return w.adopt(st)
		}
		old := &sessionAgg{ctx: w.ctx, o: w.o, agg: w.agg, in: w.in}
		if err := old.adopt(st); err != nil {
			return err
		}
		from, to := w.s.take(old.s, r.Owns(w.o.Keys))
		if len(from) == 0 {
			return nil
		}
		into := w.locate(to)
		w.agg.Combine(w.groups, into, old.groups, old.locate(from))
		return nil
	})
}

// Gauges implements op.Gauges.
func (w *sessionAgg) Gauges(c op.Counters) {
	c[op.CountOpen], c[op.CountHeld] = w.s.open, int64(w.s.rows.Len()-len(w.dead))
}

// Balance implements op.Balanced: rows = without time + late + in open sessions
// + in closed ones.
func (w *sessionAgg) Balance(c op.Counters) string {
	return c.Equal(op.CountIn, op.CountNoTime, op.CountLate, op.CountOpen, op.CountClosed)
}

// Close implements op.Operator.
func (w *sessionAgg) Close() {}

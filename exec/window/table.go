package window

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// assign is a window table function without aggregation: each row once per
// window that it is in, with window_start, window_end and window_time behind its
// own columns. Nothing is late here: only what closes can be too late for it.
type assign struct {
	ctx  *op.Context
	o    *planner.WindowAssign
	s    *spec
	edge *arrow.TimestampType
	wins []win
}

var (
	_ op.Operator = (*assign)(nil)
	_ op.Balanced = (*assign)(nil)
)

// NewAssign makes the operator; in are its input's columns.
func NewAssign(o *planner.WindowAssign, in []planner.Column, ctx *op.Context) op.Operator {
	return &assign{ctx: ctx, o: o, s: newSpec(o.Window), edge: in[o.Window.Time].Type.Arrow().(*arrow.TimestampType)}
}

// Process implements op.Operator.
func (a *assign) Process(_ int, b *op.Batch, out op.Output) error {
	times := b.Cols[a.o.Window.Time].(*array.Timestamp)
	sel := make([]int32, 0, b.N)
	var edges [3][]arrow.Timestamp
	for i, t := range times.TimestampValues() {
		if times.IsNull(i) {
			a.ctx.Counters[op.CountNoTime]++
			continue
		}
		pane, _, _ := a.s.paneOf(int64(t))
		a.wins = a.s.windowsOf(pane, a.wins[:0])
		if len(a.wins) == 0 {
			a.ctx.Counters[countBetween]++
		}
		a.ctx.Counters[op.CountAdded] += int64(max(0, len(a.wins)-1))
		for _, w := range a.wins {
			start, end := a.s.edges(w)
			sel = append(sel, int32(i))
			edges[0] = append(edges[0], arrow.Timestamp(start))
			edges[1] = append(edges[1], arrow.Timestamp(end))
			edges[2] = append(edges[2], arrow.Timestamp(end-1000))
		}
	}
	if len(sel) == 0 {
		return nil
	}
	cols := make([]arrow.Array, 0, len(b.Cols)+3)
	for _, c := range b.Cols {
		cols = append(cols, column.Gather(c, sel, a.ctx.Alloc))
	}
	for _, e := range edges {
		cols = append(cols, timestamps(e, a.edge, a.ctx))
	}
	res := b.With(cols, sel)
	defer res.Release()
	return out.Emit(planner.MainPort, res)
}

// countBetween counts the rows between two windows of a HOP with gaps.
const countBetween = "between"

// Advance implements op.Operator.
func (a *assign) Advance(_ int, w int64, out op.Output) error { return out.Watermark(w) }

// End implements op.Operator.
func (a *assign) End(_ int, out op.Output) error { return out.End() }

// Balance implements op.Balanced: in + added = out + without time + between.
func (a *assign) Balance(c op.Counters) string {
	if c[op.CountIn]+c[op.CountAdded] == c[op.CountOut]+c[op.CountNoTime]+c[countBetween] {
		return ""
	}
	return c.Equal(op.CountIn, op.CountOut, op.CountNoTime, countBetween)
}

// Close implements op.Operator.
func (a *assign) Close() {}

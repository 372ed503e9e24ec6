package rowwise

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// expand gives each batch once for each grouping set. Columns are shared; those
// that are NULL in a set are made anew.
type expand struct {
	ctx *op.Context
	o   *planner.Expand
}

var (
	_ op.Operator = (*expand)(nil)
	_ op.Balanced = (*expand)(nil)
)

// NewExpand makes the operator.
func NewExpand(o *planner.Expand, ctx *op.Context) op.Operator { return &expand{ctx, o} }

// Process implements op.Operator.
func (e *expand) Process(_ int, b *op.Batch, out op.Output) error {
	e.ctx.Counters[op.CountAdded] += int64(b.N * (len(e.o.Nulls) - 1))
	for i, nulls := range e.o.Nulls {
		if err := e.set(b, e.o.Numbers[i], nulls, out); err != nil {
			return err
		}
	}
	return nil
}

// set emits the rows of one set.
func (e *expand) set(b *op.Batch, number int64, nulls []int, out op.Output) error {
	cols := make([]arrow.Array, 0, len(b.Cols)+1)
	for c, a := range b.Cols {
		if slices.Contains(nulls, c) {
			a = column.NewNull(e.ctx.Alloc, a.DataType(), b.N)
		} else {
			a.Retain()
		}
		cols = append(cols, a)
	}
	cols = append(cols, colvec.IntColumn(arrow.PrimitiveTypes.Int64, b.N, nil, e.ctx.Alloc, func(int) int64 { return number }))
	res := b.With(cols, nil)
	defer res.Release()
	return out.Emit(planner.MainPort, res)
}

// Advance implements op.Operator.
func (e *expand) Advance(_ int, w int64, out op.Output) error { return out.Watermark(w) }

// End implements op.Operator.
func (e *expand) End(_ int, out op.Output) error { return out.End() }

// Balance implements op.Balanced: in + added = out.
func (e *expand) Balance(c op.Counters) string {
	if c[op.CountIn]+c[op.CountAdded] == c[op.CountOut] {
		return ""
	}
	return c.Equal(op.CountOut, op.CountIn, op.CountAdded)
}

// Close implements op.Operator.
func (e *expand) Close() {}

package over

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// New makes the operator for one shard; in are the columns of its input, without
// what the first half adds.
func New(o *planner.Over, in []planner.Column, ctx *op.Context) (op.Operator, error) {
	if o.ByTime && !o.AtEnd || o.Arrival {
		return newTimed(o, in, ctx)
	}
	return newWhole(o, in, ctx)
}

// pre is the half of an operator that judges rows by time, before the exchange:
// it takes late rows out, and says of the others where they stand in their
// source, in two columns more.
type pre struct {
	ctx  *op.Context
	o    *planner.Over
	time int // the column that a row's lateness goes by
	edge int64
	dt   *arrow.TimestampType
	keep []int32
	late []int32
}

var (
	_ op.Operator = (*pre)(nil)
	_ op.Balanced = (*pre)(nil)
)

// NewPre makes the first half of the operator; in are its input's columns.
func NewPre(o *planner.Over, in []planner.Column, ctx *op.Context) op.Operator {
	p := &pre{ctx: ctx, o: o}
	if o.ByTime {
		p.time = o.Order[0].Col
	} else {
		// A window is closed at its end: rows of it are late from there on.
		p.time, p.edge = o.WindowEnd, 1
	}
	p.dt = in[p.time].Type.Arrow().(*arrow.TimestampType)
	return p
}

// Process implements op.Operator.
func (p *pre) Process(_ int, b *op.Batch, out op.Output) error {
	col := b.Cols[p.time].(*array.Timestamp)
	times := col.TimestampValues()
	p.keep, p.late = p.keep[:0], p.late[:0]
	nulls := column.Nulls(col) > 0
	for i, t := range times {
		switch {
		case nulls && col.IsNull(i):
			p.ctx.Counters[op.CountUnmatched]++
		case b.W != nil && int64(t) < addClipped(b.W[i], p.edge):
			p.late = append(p.late, int32(i))
		default:
			p.keep = append(p.keep, int32(i))
		}
	}
	if err := p.emitLate(b, out); err != nil || len(p.keep) == 0 {
		return err
	}
	rows := &op.Batch{N: len(p.keep), Kinds: nil}
	for _, c := range b.Cols {
		rows.Cols = append(rows.Cols, column.Gather(c, p.keep, p.ctx.Alloc))
	}
	if p.o.Positions {
		o := b.Origin
		rows.Cols = append(rows.Cols,
			p.numbers(func(int32) int64 { return o.Split }),
			p.numbers(func(i int32) int64 { return o.First + int64(o.Record(int(i))) }))
	}
	defer rows.Release()
	return out.Emit(planner.MainPort, rows)
}

// numbers is a column of a number for each row that is kept.
func (p *pre) numbers(f func(i int32) int64) arrow.Array {
	buf := column.NewBuffer(p.ctx.Alloc, 8*len(p.keep))
	for k, v := 0, column.As[int64](buf, len(p.keep)); k < len(v); k++ {
		v[k] = f(p.keep[k])
	}
	return column.Make(arrow.PrimitiveTypes.Int64, len(p.keep), 0, []*memory.Buffer{nil, buf})
}

// emitLate counts the late rows, and gives them to who reads them.
func (p *pre) emitLate(b *op.Batch, out op.Output) error {
	if len(p.late) == 0 {
		return nil
	}
	p.ctx.Counters[op.CountLate] += int64(len(p.late))
	if p.o.LateCols == nil {
		return nil
	}
	late := &op.Batch{N: len(p.late)}
	for _, c := range p.o.LateCols {
		late.Cols = append(late.Cols, column.Gather(b.Cols[c], p.late, p.ctx.Alloc))
	}
	marks := array.NewTimestampBuilder(p.ctx.Alloc, p.dt)
	defer marks.Release()
	for _, i := range p.late {
		marks.Append(arrow.Timestamp(b.W[i]))
	}
	late.Cols = append(late.Cols, marks.NewArray())
	defer late.Release()
	return out.Emit(planner.LatePort, late)
}

// Advance implements op.Operator.
func (p *pre) Advance(_ int, w int64, out op.Output) error { return out.Watermark(w) }

// End implements op.Operator.
func (p *pre) End(_ int, out op.Output) error { return out.End() }

// Balance implements op.Balanced.
func (p *pre) Balance(c op.Counters) string {
	return c.Equal(op.CountIn, op.CountLate, op.CountUnmatched, op.CountOut)
}

// Close implements op.Operator.
func (p *pre) Close() {}

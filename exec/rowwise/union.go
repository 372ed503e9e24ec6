package rowwise

import (
	"slices"

	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// union passes the rows of all its inputs. Its watermark is the least of theirs.
type union struct {
	marks []int64
	ended []bool
	mark  int64
}

var _ op.Operator = (*union)(nil)

// NewUnion makes the operator.
func NewUnion(inputs int) op.Operator {
	o := &union{marks: make([]int64, inputs), ended: make([]bool, inputs), mark: op.MinTime}
	for i := range o.marks {
		o.marks[i] = op.MinTime
	}
	return o
}

// Process implements op.Operator.
func (o *union) Process(_ int, b *op.Batch, out op.Output) error {
	return out.Emit(planner.MainPort, b)
}

// ProcessSelected implements op.Selector.
func (o *union) ProcessSelected(_ int, b *op.Batch, sel []int32, out op.Output) error {
	return out.EmitSelected(planner.MainPort, b, sel)
}

// Advance implements op.Operator.
func (o *union) Advance(input int, w int64, out op.Output) error {
	o.marks[input] = w
	if m := slices.Min(o.marks); m > o.mark {
		o.mark = m
		return out.Watermark(m)
	}
	return nil
}

// End implements op.Operator.
func (o *union) End(input int, out op.Output) error {
	o.ended[input] = true
	if slices.Contains(o.ended, false) {
		return nil
	}
	return out.End()
}

// Close implements op.Operator.
func (o *union) Close() {}

package timejoin

import (
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
	"github.com/streamsql/streamsql/statestore/table"
)

// base is what the joins have in common: how pairs come out, the state, and the ends.
type base struct {
	ctx   *op.Context
	glue  *gluer
	st    *table.Table
	ended [2]bool
}

func newBase(o *planner.Pairing, left, right []planner.Column, prog *expr.Program, ctx *op.Context) base {
	return base{ctx: ctx, glue: newGluer(o, left, right, prog, ctx), st: table.New(statestore.OperatorID(ctx.Node.StateID))}
}

// End implements op.Operator.
func (j *base) End(input int, out op.Output) error {
	j.ended[input] = true
	if j.ended[0] && j.ended[1] {
		return out.End()
	}
	return nil
}

// Freeze implements op.Stateful.
func (j *base) Freeze(cut statestore.Cut) (op.Frozen, error) { return j.st.Freeze(cut), nil }

// Close implements op.Operator.
func (j *base) Close() { j.glue.close() }

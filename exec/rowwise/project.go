package rowwise

import (
	"slices"
	"strings"

	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// project computes its output columns. On a selection it computes them densely,
// so that nothing is copied for a filter below.
type project struct {
	ctx     *op.Context
	p       *planner.Project
	eval    *expr.Evaluator
	marks   bool // an expression reads each row's watermark
	where   string
	letters []op.Letter
	sel     []int32
}

var (
	_ op.Operator = (*project)(nil)
	_ op.Selector = (*project)(nil)
)

// NewProject makes the operator; prog is its compiled expressions.
func NewProject(p *planner.Project, prog *expr.Program, ctx *op.Context) op.Operator {
	names := make([]string, len(p.Exprs))
	for i, e := range p.Exprs {
		names[i] = expr.Format(e)
	}
	return &project{ctx: ctx, p: p, eval: prog.NewEvaluator(ctx.Alloc), marks: planner.ReadsWatermark(p.Exprs...), where: "SELECT " + op.Clip(strings.Join(names, ", "))}
}

// Process implements op.Operator.
func (o *project) Process(input int, b *op.Batch, out op.Output) error {
	return o.ProcessSelected(input, b, nil, out)
}

// ProcessSelected implements op.Selector.
func (o *project) ProcessSelected(_ int, b *op.Batch, sel []int32, out op.Output) error {
	if o.marks {
		o.eval.Watermarks(b.W)
	}
	cols, errs, err := o.eval.Eval(o.ctx.Now(), b.Cols, b.N, sel)
	if err != nil {
		return err
	}
	res := b.With(cols, sel)
	defer res.Release()
	if len(errs) == 0 {
		return out.Emit(planner.MainPort, res)
	}
	o.letters = appendLetters(o.letters[:0], errs)
	if err := op.Judge(o.ctx, o.p.OnError, o.where, o.ctx.Branch, b, o.letters, out); err != nil {
		return err
	}
	// The rest: rows of res whose input row is not in error.
	o.sel = slices.Grow(o.sel[:0], res.N)
	next := 0
	for r := range res.N {
		in := r
		if sel != nil {
			in = int(sel[r])
		}
		if next < len(errs) && int(errs[next].Row) == in {
			next++
			continue
		}
		o.sel = append(o.sel, int32(r))
	}
	return out.EmitSelected(planner.MainPort, res, o.sel)
}

// Advance implements op.Operator.
func (o *project) Advance(_ int, w int64, out op.Output) error { return out.Watermark(w) }

// End implements op.Operator.
func (o *project) End(_ int, out op.Output) error { return out.End() }

// Balance implements op.Balanced.
func (o *project) Balance(c op.Counters) string { return c.Equal(op.CountIn, op.CountOut, op.CountBad) }

// Close implements op.Operator.
func (o *project) Close() { o.eval.Close() }

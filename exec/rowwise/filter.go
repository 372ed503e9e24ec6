package rowwise

import (
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// filter keeps the rows on which its predicate is TRUE.
type filter struct {
	ctx     *op.Context
	f       *planner.Filter
	eval    *expr.Evaluator
	marks   bool // the predicate reads each row's watermark
	where   string
	letters []op.Letter
}

var (
	_ op.Operator = (*filter)(nil)
	_ op.Selector = (*filter)(nil)
)

// NewFilter makes the operator; p is the compiled predicate.
func NewFilter(f *planner.Filter, p *expr.Program, ctx *op.Context) op.Operator {
	return &filter{ctx: ctx, f: f, eval: p.NewEvaluator(ctx.Alloc), marks: planner.ReadsWatermark(f.Pred), where: "WHERE " + expr.Format(f.Pred)}
}

// Process implements op.Operator.
func (o *filter) Process(input int, b *op.Batch, out op.Output) error {
	return o.ProcessSelected(input, b, nil, out)
}

// ProcessSelected implements op.Selector.
func (o *filter) ProcessSelected(_ int, b *op.Batch, sel []int32, out op.Output) error {
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	if o.marks {
		o.eval.Watermarks(b.W)
	}
	pass, errs, err := o.eval.Filter(o.ctx.Now(), b.Cols, b.N, sel)
	if err != nil {
		return err
	}
	o.ctx.Counters[op.CountFiltered] += int64(n - len(pass) - len(errs))
	if len(errs) > 0 {
		o.letters = appendLetters(o.letters[:0], errs)
		if err := op.Judge(o.ctx, o.f.OnError, o.where, o.ctx.Branch, b, o.letters, out); err != nil {
			return err
		}
	}
	return out.EmitSelected(planner.MainPort, b, pass)
}

func appendLetters(dst []op.Letter, errs []expr.RowError) []op.Letter {
	for _, e := range errs {
		dst = append(dst, op.Letter{Row: int(e.Row), Code: e.Code, Message: e.Error()})
	}
	return dst
}

// Advance implements op.Operator.
func (o *filter) Advance(_ int, w int64, out op.Output) error { return out.Watermark(w) }

// End implements op.Operator.
func (o *filter) End(_ int, out op.Output) error { return out.End() }

// Balance implements op.Balanced.
func (o *filter) Balance(c op.Counters) string {
	return c.Equal(op.CountIn, op.CountOut, op.CountFiltered, op.CountBad)
}

// Close implements op.Operator.
func (o *filter) Close() { o.eval.Close() }

package timejoin

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/exec/rowstore"
	"github.com/streamsql/streamsql/planner"
)

// part is one side of rows being put together: rows of a batch, or stored ones.
type part struct {
	batch  *op.Batch
	sel    []int32
	format *rowstore.Format
	refs   *rowstore.Refs
}

// column gives column c of the part's rows.
func (p *part) column(c int, ctx *op.Context) arrow.Array {
	if p.batch != nil {
		return column.Gather(p.batch.Cols[c], p.sel, ctx.Alloc)
	}
	return p.format.Column(c, p.refs, ctx.Alloc)
}

// some is the part with the rows pass of it only.
func (p *part) some(pass []int32) part {
	out := *p
	if p.batch != nil {
		out.sel = make([]int32, len(pass))
		for i, k := range pass {
			out.sel[i] = p.sel[k]
		}
		return out
	}
	out.refs = &rowstore.Refs{}
	for _, k := range pass {
		out.refs.Add(p.refs.Rows[k], p.refs.Arenas[k])
	}
	return out
}

// gluer puts rows of both inputs side by side and asks the residual predicate of
// them.
type gluer struct {
	ctx   *op.Context
	in    [2][]planner.Column
	eval  *expr.Evaluator // nil: no residual
	reads []int           // columns that it reads
	mode  planner.ErrorMode
	where string
	all   []int32
}

func newGluer(left, right []planner.Column, residual catalog.Expr, prog *expr.Program, mode planner.ErrorMode, ctx *op.Context) *gluer {
	g := &gluer{ctx: ctx, in: [2][]planner.Column{left, right}, mode: mode}
	if residual != nil {
		g.eval, g.reads, g.where = prog.NewEvaluator(ctx.Alloc), prog.Columns(), "JOIN ON "+expr.Format(residual)
	}
	return g
}

func (g *gluer) close() {
	if g.eval != nil {
		g.eval.Close()
	}
}

// columns gives all columns of both parts, or those of the left one only.
func (g *gluer) columns(parts *[2]part, leftOnly bool) []arrow.Array {
	var cols []arrow.Array
	for s := range g.in {
		if s == 1 && leftOnly {
			break
		}
		for c := range g.in[s] {
			cols = append(cols, parts[s].column(c, g.ctx))
		}
	}
	return cols
}

// filter gives the pairs, of n, on which the residual is TRUE. It holds until the
// next call.
func (g *gluer) filter(parts *[2]part, n int, out op.Output) ([]int32, error) {
	if g.eval == nil {
		for len(g.all) < n {
			g.all = append(g.all, int32(len(g.all)))
		}
		return g.all[:n], nil
	}
	first := len(g.in[0])
	cols := make([]arrow.Array, first+len(g.in[1]))
	for _, c := range g.reads {
		if c < first {
			cols[c] = parts[0].column(c, g.ctx)
		} else {
			cols[c] = parts[1].column(c-first, g.ctx)
		}
	}
	defer func() {
		for _, a := range cols {
			if a != nil {
				a.Release()
			}
		}
	}()
	pass, errs, err := g.eval.Filter(g.ctx.Now(), cols, n, nil)
	if err != nil || len(errs) == 0 {
		return pass, err
	}
	letters := make([]op.Letter, len(errs))
	for i, e := range errs {
		letters[i] = op.Letter{Row: int(e.Row), Code: e.Code, Message: e.Error()}
	}
	b := &op.Batch{N: n, Cols: g.columns(parts, false)}
	defer b.Release()
	return pass, op.Judge(g.ctx, g.mode, g.where, g.ctx.Branch, b, letters, out)
}

// emit gives out n rows: both parts, or the left one only.
func (g *gluer) emit(parts *[2]part, leftOnly bool, n int, w []int64, out op.Output) error {
	if n == 0 {
		return nil
	}
	b := &op.Batch{N: n, Cols: g.columns(parts, leftOnly), W: w}
	defer b.Release()
	return out.Emit(planner.MainPort, b)
}

// padded gives out rows of one input without a partner: those of the other one
// are NULL.
func (g *gluer) padded(side int, p part, leftOnly bool, n int, w []int64, out op.Output) error {
	if n == 0 {
		return nil
	}
	b := &op.Batch{N: n, W: w}
	defer b.Release()
	for s := range g.in {
		if s == 1 && leftOnly {
			break
		}
		for c := range g.in[s] {
			if s == side {
				b.Cols = append(b.Cols, p.column(c, g.ctx))
			} else {
				b.Cols = append(b.Cols, column.NewNull(g.ctx.Alloc, g.in[s][c].Type.Arrow(), n))
			}
		}
	}
	return out.Emit(planner.MainPort, b)
}

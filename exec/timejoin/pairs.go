package timejoin

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/hash/colvec"
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
	emits []int           // columns of both sides that come out
	eval  *expr.Evaluator // nil: no residual
	reads []int           // columns that it reads
	mode  planner.ErrorMode
	where string
	all   []int32
}

func newGluer(p *planner.Pairing, left, right []planner.Column, prog *expr.Program, ctx *op.Context) *gluer {
	g := &gluer{ctx: ctx, in: [2][]planner.Column{left, right}, emits: p.Emit, mode: p.OnError}
	if p.Residual != nil {
		g.eval, g.reads, g.where = prog.NewEvaluator(ctx.Alloc), prog.Columns(), "JOIN ON "+expr.Format(p.Residual)
	}
	return g
}

func (g *gluer) close() {
	if g.eval != nil {
		g.eval.Close()
	}
}

// side gives the side of a column of both, and its place there.
func (g *gluer) side(c int) (side, col int) {
	if n := len(g.in[0]); c >= n {
		return 1, c - n
	}
	return 0, c
}

// columns gives columns of both parts.
func (g *gluer) columns(parts *[2]part, which []int) []arrow.Array {
	cols := make([]arrow.Array, len(which))
	for i, c := range which {
		s, c := g.side(c)
		cols[i] = parts[s].column(c, g.ctx)
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
	cols := make([]arrow.Array, len(g.in[0])+len(g.in[1]))
	for i, a := range g.columns(parts, g.reads) {
		cols[g.reads[i]] = a
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
	all := make([]int, len(cols))
	for c := range all {
		all[c] = c
	}
	b := &op.Batch{N: n, Cols: g.columns(parts, all)}
	defer b.Release()
	return pass, op.Judge(g.ctx, g.mode, g.where, g.ctx.Branch, b, letters, out)
}

// emit gives out n pairs.
func (g *gluer) emit(parts *[2]part, n int, w []int64, out op.Output) error {
	if n == 0 {
		return nil
	}
	b := &op.Batch{N: n, Cols: g.columns(parts, g.emits), W: w}
	defer b.Release()
	return out.Emit(planner.MainPort, b)
}

// versioned gives out pairs of a left row and the one right row found for it, and
// resets them. Left rows of pairs on which the residual is not TRUE go to alone.
func (g *gluer) versioned(formats [2]*rowstore.Format, pairs *[2]rowstore.Refs, alone *rowstore.Refs, out op.Output) error {
	n := pairs[0].Len()
	if n == 0 {
		return nil
	}
	defer func() {
		pairs[0].Reset()
		pairs[1].Reset()
	}()
	parts := [2]part{{format: formats[0], refs: &pairs[0]}, {format: formats[1], refs: &pairs[1]}}
	pass, err := g.filter(&parts, n, out)
	if err != nil {
		return err
	}
	if len(pass) < n {
		pass = slices.Clone(pass)
		at := 0
		for k := range n {
			if at < len(pass) && int(pass[at]) == k {
				at++
			} else {
				alone.Add(pairs[0].Rows[k], pairs[0].Arenas[k])
			}
		}
		parts[0], parts[1] = parts[0].some(pass), parts[1].some(pass)
	}
	return g.emit(&parts, len(pass), nil, out)
}

// alone gives out n rows of one side without a partner: the columns of the other
// side are NULL.
func (g *gluer) alone(side int, p part, n int, w []int64, out op.Output) error {
	if n == 0 {
		return nil
	}
	b := &op.Batch{N: n, Cols: g.oneSide(side, &p, g.emits, n), W: w}
	defer b.Release()
	return out.Emit(planner.MainPort, b)
}

// oneSide gives columns of both sides where one of them has no row.
func (g *gluer) oneSide(side int, p *part, which []int, n int) []arrow.Array {
	cols := make([]arrow.Array, len(which))
	for i, c := range which {
		if s, c := g.side(c); s == side {
			cols[i] = p.column(c, g.ctx)
		} else {
			cols[i] = column.NewNull(g.ctx.Alloc, g.in[s][c].Type.Arrow(), n)
		}
	}
	return cols
}

// watermarkColumn is the W of rows of a batch as timestamps.
func watermarkColumn(b *op.Batch, sel []int32, dt arrow.DataType, ctx *op.Context) arrow.Array {
	return colvec.IntColumn(dt, len(sel), nil, ctx.Alloc, func(i int) int64 { return b.W[sel[i]] })
}

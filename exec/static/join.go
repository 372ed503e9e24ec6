package static

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// join looks the rows of a stream up in a static table. It goes through a batch in
// runs of rows whose pairs with the table's rows are about a batch: candidates by
// key, then the residual over all candidates at once, then what the kind of join
// makes of them.
type join struct {
	ctx     *op.Context
	o       *planner.StaticJoin
	table   *Current
	enc     *hash.Encoder
	eval    *expr.Evaluator // nil: no residual
	reads   []int           // columns of both sides that the residual reads
	width   int             // of the stream
	where   string
	letters []op.Letter

	// Scratch.
	keys  []arrow.Array
	first []int32
	pairs pairs // candidates, then those that match
	out   pairs // what comes out
	cols  []arrow.Array
}

// pairs are rows of the stream's batch, each beside a row of the table; -1: none.
type pairs struct{ row, match []int32 }

func (p *pairs) add(row, match int32) { p.row, p.match = append(p.row, row), append(p.match, match) }

func (p *pairs) reset() { p.row, p.match = p.row[:0], p.match[:0] }

var (
	_ op.Operator = (*join)(nil)
	_ op.Selector = (*join)(nil)
)

// New makes the operator over a stream of width columns; prog is the compiled
// residual, if there is one.
func New(o *planner.StaticJoin, width int, table *Current, prog *expr.Program, ctx *op.Context) (op.Operator, error) {
	j := &join{ctx: ctx, o: o, table: table, width: width, keys: make([]arrow.Array, len(o.Keys))}
	l, err := Layout(o)
	if err != nil {
		return nil, err
	}
	if l != nil {
		j.enc = hash.NewEncoder(l)
	}
	if o.Residual != nil {
		j.eval = prog.NewEvaluator(ctx.Alloc)
		j.where = "JOIN ON " + op.Clip(expr.Format(o.Residual))
		j.reads = prog.Columns()
		j.cols = make([]arrow.Array, width+len(o.TableCols))
	}
	return j, nil
}

// Process implements op.Operator.
func (j *join) Process(input int, b *op.Batch, out op.Output) error {
	return j.ProcessSelected(input, b, nil, out)
}

// ProcessSelected implements op.Selector.
func (j *join) ProcessSelected(_ int, b *op.Batch, sel []int32, out op.Output) error {
	t := j.table.p.Load()
	rows := colvec.All(b.N)
	if sel != nil {
		rows = colvec.Selected(sel)
	}
	n := rows.Len()
	p := probe{t: t, b: b, rows: rows}
	if t.lookup != nil {
		for i, k := range j.o.Keys {
			j.keys[i] = b.Cols[k]
		}
		p.null = nullKeys(j.keys, j.o.NullSafe)
		j.first = colvec.Grow(j.first, n)
		t.lookup.First(j.enc.Encode(j.keys, rows), j.first[:n])
	}
	j.letters = j.letters[:0]
	for p.to < n {
		p.from = p.to
		j.candidates(&p, n)
		if err := j.decide(&p); err != nil {
			return err
		}
		j.result(&p)
		if err := j.emit(&p, out); err != nil {
			return err
		}
	}
	return op.Judge(j.ctx, j.o.OnError, j.where, j.ctx.Branch, b, j.letters, out)
}

// probe is a batch on its way through the table: of the rows to be looked at,
// those from from to to are under way.
type probe struct {
	t        *Table
	b        *op.Batch
	rows     colvec.Rows
	null     func(row int) bool // rows with a key that equals none; nil: none
	from, to int
	bad      int // letters before from
}

// candidates collects the pairs with equal keys of the next rows.
func (j *join) candidates(p *probe, n int) {
	j.pairs.reset()
	one := j.eval == nil && (j.o.Kind == planner.SemiJoin || j.o.Kind == planner.AntiJoin)
	for ; p.to < n && len(j.pairs.row) < j.ctx.BatchRows; p.to++ {
		row := int32(p.rows.At(p.to))
		if p.t.lookup == nil {
			most := p.t.n
			if one {
				most = min(most, 1)
			}
			for m := range most {
				j.pairs.add(row, int32(m))
			}
			continue
		}
		if p.null != nil && p.null(int(row)) {
			continue
		}
		for m := j.first[p.to]; m >= 0; m = p.t.lookup.Next(m) {
			j.pairs.add(row, m)
			if one {
				break
			}
		}
	}
}

// decide keeps the pairs on which the residual is TRUE, and none of a row on which
// it fails.
func (j *join) decide(p *probe) error {
	p.bad = len(j.letters)
	if j.eval == nil || len(j.pairs.row) == 0 {
		return nil
	}
	for _, c := range j.reads {
		if c < j.width {
			j.cols[c] = column.Gather(p.b.Cols[c], j.pairs.row, j.ctx.Alloc)
		} else {
			j.cols[c] = column.Gather(p.t.cols[c-j.width], j.pairs.match, j.ctx.Alloc)
		}
	}
	defer func() {
		for _, c := range j.reads {
			j.cols[c].Release()
			j.cols[c] = nil
		}
	}()
	pass, errs, err := j.eval.Filter(j.ctx.Now(), j.cols, len(j.pairs.row), nil)
	if err != nil {
		return err
	}
	for _, e := range errs {
		row := int(j.pairs.row[e.Row])
		if n := len(j.letters); n == p.bad || j.letters[n-1].Row != row {
			j.letters = append(j.letters, op.Letter{Row: row, Code: e.Code, Message: e.Error()})
		}
	}
	kept := 0
	for _, i := range pass {
		j.pairs.row[kept], j.pairs.match[kept] = j.pairs.row[i], j.pairs.match[i]
		kept++
	}
	j.pairs.row, j.pairs.match = j.pairs.row[:kept], j.pairs.match[:kept]
	return nil
}

// result makes of the pairs what the kind of join gives for each row.
func (j *join) result(p *probe) {
	j.out.reset()
	var filtered, added int64
	next, bad := 0, p.bad
	for i := p.from; i < p.to; i++ {
		row := int32(p.rows.At(i))
		first := next
		for next < len(j.pairs.row) && j.pairs.row[next] == row {
			next++
		}
		if bad < len(j.letters) && j.letters[bad].Row == int(row) {
			bad++
			continue
		}
		before := len(j.out.row)
		switch found := next > first; j.o.Kind {
		case planner.SemiJoin:
			if found {
				j.out.add(row, -1)
			}
		case planner.AntiJoin:
			if !found && !j.unknown(p, int(row)) {
				j.out.add(row, -1)
			}
		default:
			for k := first; k < next; k++ {
				j.out.add(row, j.pairs.match[k])
			}
			if !found && j.o.Kind == planner.LeftJoin {
				j.out.add(row, -1)
			}
		}
		if n := len(j.out.row) - before; n == 0 {
			filtered++
		} else {
			added += int64(n - 1)
		}
	}
	j.ctx.Counters[op.CountFiltered] += filtered
	j.ctx.Counters[op.CountAdded] += added
}

// unknown says whether NOT IN is NULL for a row whose key the table does not have.
func (j *join) unknown(p *probe, row int) bool {
	return j.o.NullAware && p.t.n > 0 && (p.t.nulls || p.null != nil && p.null(row))
}

// emit gives out the rows that result has made.
func (j *join) emit(p *probe, out op.Output) error {
	if len(j.out.row) == 0 {
		return nil
	}
	cols := make([]arrow.Array, len(j.o.Emit))
	for i, e := range j.o.Emit {
		if e < j.width {
			cols[i] = column.Gather(p.b.Cols[e], j.out.row, j.ctx.Alloc)
		} else {
			cols[i] = column.GatherOrNull(p.t.cols[e-j.width], j.out.match, j.ctx.Alloc)
		}
	}
	res := p.b.With(cols, j.out.row)
	defer res.Release()
	for i, k := range res.Kinds {
		res.Kinds[i] = catalog.Insert
		if !k.Adds() {
			res.Kinds[i] = catalog.Delete
		}
	}
	return out.Emit(planner.MainPort, res)
}

// Advance implements op.Operator.
func (j *join) Advance(_ int, w int64, out op.Output) error { return out.Watermark(w) }

// End implements op.Operator.
func (j *join) End(_ int, out op.Output) error { return out.End() }

// Balance implements op.Balanced.
func (j *join) Balance(c op.Counters) string {
	if c[op.CountIn]+c[op.CountAdded] == c[op.CountOut]+c[op.CountFiltered]+c[op.CountBad] {
		return ""
	}
	return fmt.Sprintf("in %d + added %d is not out %d + filtered %d + bad %d",
		c[op.CountIn], c[op.CountAdded], c[op.CountOut], c[op.CountFiltered], c[op.CountBad])
}

// Close implements op.Operator.
func (j *join) Close() {
	if j.eval != nil {
		j.eval.Close()
	}
}

package expr

import (
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
)

// RowError says that an expression has no value on a row: an overflow, a text
// that does not convert.
type RowError struct {
	Row     int32  // number of the row in the input of Eval or Filter
	Code    string // OVERFLOW, BAD_CAST, ...
	Message string
	Expr    string // the expression as SQL
}

// Error implements error.
func (e RowError) Error() string { return fmt.Sprintf("%s in %s", e.Message, e.Expr) }

// Evaluator runs a Program on one goroutine. It keeps its scratch memory from
// call to call.
type Evaluator struct {
	prog *Program
	ctx  catalog.EvalContext

	cols   []arrow.Array
	n      int
	origin []int32 // input row of each row, if the input was gathered
	root   int     // root being evaluated

	memo   []arrow.Array // by slot; nil: not computed in a live scope
	scopes []scope
	depth  int
	consts []arrow.Array // literals by node id, of the greatest batch size so far
	ones   []arrow.Array // literals by node id, as columns of one row

	errs    []RowError
	errBits []uint64 // rows in error; empty if there is none
	trying  int      // the TRYs around

	words  wordPool
	sels   selPool
	gather []arrow.Array
	out    []int32 // Filter's result
}

// scope is the extent of one selection: memos made in it are valid in it and in
// the scopes inside, which select fewer rows.
type scope struct{ made []int }

// NewEvaluator makes an evaluator whose columns are allocated by alloc (see
// internal/bufpool).
func (p *Program) NewEvaluator(alloc memory.Allocator) *Evaluator {
	e := &Evaluator{
		prog:   p,
		memo:   make([]arrow.Array, p.slots),
		consts: make([]arrow.Array, p.nodes),
		ones:   make([]arrow.Array, p.nodes),
	}
	e.ctx = catalog.EvalContext{Zone: p.zone, Alloc: alloc, Fail: e.fail}
	return e
}

// Close gives back what the evaluator holds between calls.
func (e *Evaluator) Close() {
	release(e.consts)
	release(e.ones)
}

// Eval computes the expressions over columns of n rows. With sel it does so for
// these rows only, and the results have len(sel) rows; sel ascends. now is the
// clock's reading for the batch. A result is the caller's to release; one that
// is a mere column, without sel, is that column itself, retained.
//
// errs names rows without a value, in ascending order, one error a row; they
// are NULL in the results. It is valid until the next call. err is a failure of
// the engine.
func (e *Evaluator) Eval(now time.Time, cols []arrow.Array, n int, sel []int32) (out []arrow.Array, errs []RowError, err error) {
	if sel != nil && len(sel) == n {
		sel = nil
	}
	e.begin(now, cols, n)
	defer e.end()
	if sel != nil {
		e.compact(sel)
	}
	if err := e.share(nil); err != nil {
		return nil, nil, err
	}
	out = make([]arrow.Array, len(e.prog.roots))
	for i, r := range e.prog.roots {
		e.root = i
		if out[i], err = e.eval(r.node, nil); err != nil {
			release(out[:i])
			return nil, nil, fmt.Errorf("expression %s: %w", Format(r.src), err)
		}
	}
	return out, e.sortedErrors(), nil
}

// Filter gives the rows on which all expressions are TRUE, among sel (nil: all
// n). Rows in error are not among them. Both results are valid until the next
// call.
func (e *Evaluator) Filter(now time.Time, cols []arrow.Array, n int, sel []int32) (pass []int32, errs []RowError, err error) {
	e.begin(now, cols, n)
	defer e.end()
	if err := e.share(sel); err != nil {
		return nil, nil, err
	}
	for i, r := range e.prog.roots {
		e.root = i
		a, err := e.eval(r.node, sel)
		if err != nil {
			return nil, nil, fmt.Errorf("expression %s: %w", Format(r.src), err)
		}
		w := e.truth(a, sel)
		a.Release()
		e.out = appendWords(e.out[:0], w)
		e.words.put(w)
		sel = e.out
		if len(sel) == 0 {
			break
		}
	}
	if sel == nil && len(e.prog.roots) == 0 {
		sel = allRows(e.out[:0], n)
		e.out = sel
	}
	return sel, e.sortedErrors(), nil
}

// Watermarks says what the watermark of each row of the next call is, us: for
// expressions that read it.
func (e *Evaluator) Watermarks(w []int64) { e.ctx.W = w }

func (e *Evaluator) begin(now time.Time, cols []arrow.Array, n int) {
	e.ctx.Now = now
	e.cols, e.n = cols, n
	e.errs, e.errBits = e.errs[:0], e.errBits[:0]
	e.depth = 0
	e.enter()
}

func (e *Evaluator) end() {
	for e.depth > 0 {
		e.leave()
	}
	e.cols, e.origin, e.ctx.W = nil, nil, nil
	release(e.gather)
	e.gather = e.gather[:0]
}

// share computes the volatile calls that stand in several places.
func (e *Evaluator) share(sel []int32) error {
	e.root = 0
	for _, n := range e.prog.shared {
		a, err := e.eval(n, sel)
		if err != nil {
			return fmt.Errorf("expression %s: %w", Format(e.prog.roots[0].src), err)
		}
		a.Release()
	}
	return nil
}

// compact gathers the rows sel of the columns that the program reads: from there
// on all loops are dense.
func (e *Evaluator) compact(sel []int32) {
	e.gather = append(e.gather[:0], make([]arrow.Array, len(e.cols))...)
	for _, i := range e.prog.refs {
		if e.gather[i] == nil {
			e.gather[i] = column.Gather(e.cols[i], sel, e.ctx.Alloc)
		}
	}
	if w := e.ctx.W; w != nil {
		e.ctx.W = make([]int64, len(sel))
		for i, r := range sel {
			e.ctx.W[i] = w[r]
		}
	}
	e.cols, e.n, e.origin = e.gather, len(sel), sel
}

func release(list []arrow.Array) {
	for i, a := range list {
		if a != nil {
			a.Release()
			list[i] = nil
		}
	}
}

func (e *Evaluator) enter() {
	if e.depth == len(e.scopes) {
		e.scopes = append(e.scopes, scope{})
	}
	e.depth++
}

func (e *Evaluator) leave() {
	e.depth--
	s := &e.scopes[e.depth]
	for _, slot := range s.made {
		e.memo[slot].Release()
		e.memo[slot] = nil
	}
	s.made = s.made[:0]
}

// eval gives a column of e.n rows, of which those of sel (nil: all) hold; the
// caller releases it.
func (e *Evaluator) eval(n *node, sel []int32) (arrow.Array, error) {
	if n.slot >= 0 {
		if a := e.memo[n.slot]; a != nil {
			a.Retain()
			return a, nil
		}
	}
	a, err := e.compute(n, sel)
	if err == nil && n.slot >= 0 {
		a.Retain()
		e.memo[n.slot] = a
		s := &e.scopes[e.depth-1]
		s.made = append(s.made, n.slot)
	}
	return a, err
}

func (e *Evaluator) compute(n *node, sel []int32) (arrow.Array, error) {
	switch n.kind {
	case columnNode:
		if n.index >= len(e.cols) {
			return nil, fmt.Errorf("column %d of %d", n.index, len(e.cols))
		}
		a := e.cols[n.index]
		a.Retain()
		return a, nil
	case constNode:
		return e.constant(n)
	case memberNode:
		return e.member(n, sel)
	case callNode:
		return e.call(n, sel)
	case andNode:
		return e.logical(n, sel, false)
	case orNode:
		return e.logical(n, sel, true)
	case caseNode:
		return e.caseOf(n, sel)
	case tryNode:
		return e.try(n, sel)
	default:
		return e.coalesce(n, sel)
	}
}

// constant gives a literal as a column. It is kept as long as batches are not larger.
func (e *Evaluator) constant(n *node) (arrow.Array, error) {
	a := e.consts[n.id]
	if a == nil || a.Len() < e.n {
		if a != nil {
			a.Release()
			e.consts[n.id] = nil
		}
		var err error
		if a, err = column.Repeat(n.lit, e.n, e.ctx.Alloc); err != nil {
			return nil, err
		}
		e.consts[n.id] = a
	}
	return column.Slice(a, 0, e.n), nil
}

// one gives a literal as a column of one row.
func (e *Evaluator) one(n *node) (arrow.Array, error) {
	if e.ones[n.id] == nil {
		a, err := column.Repeat(n.lit, 1, e.ctx.Alloc)
		if err != nil {
			return nil, err
		}
		e.ones[n.id] = a
	}
	e.ones[n.id].Retain()
	return e.ones[n.id], nil
}

func (e *Evaluator) member(n *node, sel []int32) (arrow.Array, error) {
	of, err := e.eval(n.args[0], sel)
	if err != nil {
		return nil, err
	}
	defer of.Release()
	s, ok := of.(*array.Struct)
	if !ok {
		return column.NewNull(e.ctx.Alloc, n.dt, e.n), nil // a bare NULL
	}
	if n.index >= s.NumField() {
		return nil, fmt.Errorf("member %d of %s", n.index, s.DataType())
	}
	return column.Mask(s.Field(n.index), s, e.ctx.Alloc), nil
}

func (e *Evaluator) call(n *node, sel []int32) (arrow.Array, error) {
	var space [4]arrow.Array
	args := space[:0]
	defer func() { release(args) }()
	for _, a := range n.args {
		if a == nil {
			args = append(args, nil)
			continue
		}
		v, err := e.eval(a, sel)
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	return n.kernel.Eval(&e.ctx, args, e.n, sel)
}

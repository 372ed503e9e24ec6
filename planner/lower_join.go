package planner

import (
	"fmt"
	"slices"

	"github.com/streamsql/streamsql/catalog"
)

// keyedJoin is a join whose condition has been split: the values that must be
// equal are columns of both sides, rest is decided on pairs of which they are.
type keyedJoin struct {
	join        *joinRel
	left, right []int // key columns of each side
	nullSafe    []bool
	rest        []catalog.Expr
}

// keyed splits the condition of a join. Operands of an equality that are no columns
// become further columns of their side.
func keyed(r *joinRel) keyedJoin {
	n := len(r.left.cols())
	left, right := &sideColumns{in: r.left}, &sideColumns{in: r.right}
	k := keyedJoin{}
	var rest []catalog.Expr
	for _, p := range r.conditions() {
		l, rt, nullSafe, ok := equality(p, n)
		if !ok || !l.Type().Equal(rt.Type()) || !r.isKey(rt, n) {
			rest = append(rest, p)
			continue
		}
		i, j := left.column(l), right.column(shifted(rt, n))
		if at := slices.Index(k.left, i); at >= 0 && k.right[at] == j {
			k.nullSafe[at] = k.nullSafe[at] && nullSafe
			continue
		}
		k.left, k.right, k.nullSafe = append(k.left, i), append(k.right, j), append(k.nullSafe, nullSafe)
	}
	out := *r
	out.left, out.right = left.rel(r.place), right.rel(r.place)
	added := len(out.left.cols()) - n
	move := func(e catalog.Expr) catalog.Expr {
		return shift(e, func(i int) int {
			if i < n {
				return i
			}
			return i + added
		})
	}
	out.eachExpr(move)
	if out.emit == nil {
		out.emit = positions(len(out.out))
	}
	out.emit = slices.Clone(out.emit)
	for i, e := range out.emit {
		if e >= n {
			out.emit[i] = e + added
		}
	}
	for _, p := range rest {
		k.rest = append(k.rest, move(p))
	}
	k.join = &out
	return k
}

// isKey says whether the right operand of an equality, of which the first n columns
// are left ones, is a key of the join. Of a join with versions it must be part of
// what they are versions of.
func (r *joinRel) isKey(e catalog.Expr, n int) bool {
	if r.times == nil || r.times.keys == nil {
		return true
	}
	c, ok := e.(*catalog.ColumnRef)
	return ok && slices.Contains(r.times.keys, c.Index-n)
}

// sideColumns collects the key expressions of a side that are no columns.
type sideColumns struct {
	in    rel
	exprs []catalog.Expr
	texts []string
}

func (s *sideColumns) column(e catalog.Expr) int {
	if c, ok := e.(*catalog.ColumnRef); ok {
		return c.Index
	}
	text := exprKey(e)
	i := slices.Index(s.texts, text)
	if i < 0 {
		i = len(s.exprs)
		s.exprs, s.texts = append(s.exprs, e), append(s.texts, text)
	}
	return len(s.in.cols()) + i
}

func (s *sideColumns) rel(where place) rel {
	if len(s.exprs) == 0 {
		return s.in
	}
	cols := s.in.cols()
	p := &projectRel{in: s.in, exprs: append(refs(cols), s.exprs...), out: slices.Clone(cols), place: where}
	for _, e := range s.exprs {
		c := derived(e, cols, where)
		c.Name = shortText(showExpr(e, plain(cols)))
		p.out = append(p.out, c)
	}
	if in, ok := s.in.(*projectRel); ok && mergeable(p.exprs, in) {
		p.in, p.exprs = in.in, inlined(p.exprs, in.exprs)
	}
	return p
}

func inlined(exprs, below []catalog.Expr) []catalog.Expr {
	out := make([]catalog.Expr, len(exprs))
	for i, e := range exprs {
		out[i] = inline(e, below)
	}
	return out
}

// decided makes the predicates of a list one that is evaluated in order: each only
// where those before it are TRUE. AND by itself goes on after a NULL, which matters
// if what comes then can fail.
func (b *builder) decided(preds []catalog.Expr, cols []column) catalog.Expr {
	if len(preds) == 0 {
		return nil
	}
	preds = slices.Clone(preds)
	last := -1
	for i, p := range preds {
		if canFail(p) {
			last = i
		}
	}
	for i := range max(last, 0) {
		if out := isTrueOf(&filterRel{in: &valuesRel{out: cols}, pred: preds[i]}, b.rules); out != nil {
			preds[i] = out
		}
	}
	return conjunction(preds)
}

// join makes the operator of a regular join, with the rows of both sides spread by
// their keys.
func (b *builder) join(k keyedJoin, left, right *Node) (*Node, error) {
	r := k.join
	if r.mode != regularJoin {
		return b.timeJoin(k, left, right)
	}
	rest := k.rest
	if r.notIn != nil {
		p, err := b.notFalse(r)
		if err != nil {
			return nil, err
		}
		rest = append(rest, p)
	}
	op := &Join{Kind: r.kind, LeftKeys: k.left, RightKeys: k.right, NullSafe: k.nullSafe, Emit: r.emit, Residual: b.decided(rest, r.both())}
	op.OnError = b.modeOf(op.Expressions()...)
	op.LeftTTL, op.RightTTL = b.env.ttlOf(r.ttl[0]), b.env.ttlOf(r.ttl[1])
	op.EventTime = op.Forgets() && carriesW(r.left) && carriesW(r.right)
	left, right = b.spread(left, k.left, r.left), b.spread(right, k.right, r.right)
	for side := range op.Expiry {
		op.Expiry[side] = b.expiry(op, rest, side, [2]*Node{left, right})
	}
	if op.Expires() {
		b.rules.note(r, pruneJoinState)
	}
	text := fmt.Sprintf("%s %v %v %v %v %s %d %d", r.kind, k.left, k.right, k.nullSafe, r.emit, exprList(op.Expressions()), op.LeftTTL, op.RightTTL)
	if textOf(op.Expressions()...) == "" && op.Residual != nil {
		text = ""
	}
	return b.node(op, r, []Edge{{From: left}, {From: right}}, plain(r.out), text), nil
}

func exprList(exprs []catalog.Expr) string {
	text := ""
	for _, e := range exprs {
		text += exprKey(e) + ";"
	}
	return text
}

// notFalse is the comparison of NOT IN as a condition: rows are partners unless it
// is FALSE.
func (b *builder) notFalse(r *joinRel) (catalog.Expr, error) {
	if !nullable(r.notIn, r.both()) {
		return r.notIn, nil
	}
	fn, ok := b.env.functions.Lookup(fnIsNotFalse)
	if !ok {
		return nil, r.place.errorf("there is no function %s", fnIsNotFalse)
	}
	overload, err := fn.Resolve([]catalog.Arg{{Type: catalog.Boolean}})
	if err != nil {
		return nil, r.place.errorf("%v", err)
	}
	return &catalog.Call{Fn: fn, Overload: overload, Args: []catalog.Expr{r.notIn}}, nil
}

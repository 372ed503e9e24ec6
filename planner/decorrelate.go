package planner

import (
	"errors"
	"slices"

	"github.com/streamsql/streamsql/catalog"
)

// pulled is a subquery whose correlation has been pulled up into conditions: for
// a row of the query around, the rows of the subquery are those of rel for which
// on holds, with outs as their columns. Conditions and outs are over the columns
// of rel and the subquery's parameters.
type pulled struct {
	rel  rel
	on   []catalog.Expr
	outs []catalog.Expr
	// left says that there is exactly one row, over NULLs if none of rel is found: an
	// aggregate without GROUP BY. after then are conditions on that row (HAVING).
	left  bool
	after []catalog.Expr
}

// errNotPulled says that the conditions can't be pulled up: the subquery is then
// computed over the domain of its parameters.
var errNotPulled = errors.New("not pulled up")

// decorrelator turns a subquery into relations that do not read the query around,
// after Neumann and Kemper, Unnesting Arbitrary Queries (BTW 2015). Conditions are
// pulled up through projections, joins and, as further group keys, aggregations. What
// they can't pass is computed for every combination of values of the parameters:
// the domain is pushed down instead.
type decorrelator struct {
	*binder
	id int
}

// reads says whether an expression has a parameter of the subquery.
func (d *decorrelator) reads(exprs ...catalog.Expr) bool {
	return slices.ContainsFunc(exprs, func(e catalog.Expr) bool {
		return anyExpr(e, func(e catalog.Expr) bool {
			o, ok := e.(*catalog.Outer)
			return ok && o.Of == d.id
		})
	})
}

// correlated says whether a relation, or one below it, has a parameter.
func (d *decorrelator) correlated(r rel) bool {
	found := false
	visit(r, func(r rel) { found = found || d.reads(exprsOf(r)...) })
	return found
}

// exprsOf are the expressions of a relation itself.
func exprsOf(r rel) []catalog.Expr {
	switch r := r.(type) {
	case *filterRel:
		return []catalog.Expr{r.pred}
	case *projectRel:
		return r.exprs
	case *joinRel:
		return r.exprs()
	case *unnestRel:
		return r.exprs()
	case *valuesRel:
		return slices.Concat(r.rows...)
	}
	return nil
}

// pull pulls the correlation of r up.
func (d *decorrelator) pull(r rel) (pulled, error) {
	if !d.correlated(r) && !globalAggregate(r) {
		return pulled{rel: r, outs: refs(r.cols())}, nil
	}
	switch r := r.(type) {
	case *filterRel:
		return d.pullFilter(r)
	case *projectRel:
		return d.pullProject(r)
	case *joinRel:
		return d.pullJoin(r)
	case *aggregateRel:
		return d.pullAggregate(r)
	case *unnestRel:
		return d.pullUnnest(r)
	case *windowRel:
		return d.pullWindow(r)
	case *valuesRel:
		if len(r.rows) == 1 {
			return pulled{rel: oneRow(r.place), outs: r.rows[0]}, nil
		}
		return pulled{}, errNotPulled
	case *sortRel:
		if r.limit < 0 && r.offset == 0 {
			return d.pull(r.in) // the order of a subquery's rows is nobody's business
		}
	case *unionRel, *setRel:
		return pulled{}, errNotPulled
	}
	return pulled{}, d.refused(r)
}

// pullInput is pull for an input of a relation that does not care whether its one
// row is missing before the end of all input.
func (d *decorrelator) pullInput(r rel) (pulled, error) {
	if !d.correlated(r) {
		return pulled{rel: r, outs: refs(r.cols())}, nil
	}
	return d.pull(r)
}

// refused says that a correlated query can't be below a relation.
func (d *decorrelator) refused(r rel) error {
	what := operatorName(r)
	switch r.(type) {
	case *sortRel, *limitRel:
		what = "LIMIT"
	case *overRel:
		what = "OVER"
	}
	return hint(r.at().errorf("a subquery below %s can't read the query around it", what), "join in FROM, and choose by ROW_NUMBER() or an aggregate above the join")
}

// globalAggregate says whether a relation gives the one row of an aggregate without
// GROUP BY.
func globalAggregate(r rel) bool {
	switch r := r.(type) {
	case *filterRel:
		return globalAggregate(r.in)
	case *projectRel:
		return globalAggregate(r.in)
	case *aggregateRel:
		return len(r.keys) == 0 && r.window == nil
	}
	return false
}

func (d *decorrelator) pullFilter(r *filterRel) (pulled, error) {
	p, err := d.pull(r.in)
	if err != nil {
		return p, err
	}
	var stay []catalog.Expr
	for _, c := range conjuncts(r.pred) {
		c = inline(c, p.outs)
		switch {
		case p.left:
			p.after = append(p.after, c)
		case d.reads(c):
			p.on = append(p.on, c)
		default:
			stay = append(stay, c)
		}
	}
	p.rel = filtered(p.rel, stay, r.place)
	return p, nil
}

func (d *decorrelator) pullProject(r *projectRel) (pulled, error) {
	p, err := d.pull(r.in)
	if err != nil {
		return p, err
	}
	exprs := make([]catalog.Expr, len(r.exprs))
	for i, e := range r.exprs {
		exprs[i] = inline(e, p.outs)
	}
	p.outs = exprs
	if !p.left {
		p = d.settled(p, r.place)
	}
	return p, nil
}

// settled computes outs that cost something and read no parameter once, as further
// columns of rel.
func (d *decorrelator) settled(p pulled, where place) pulled {
	cols := p.rel.cols()
	exprs, names := refs(cols), make([]string, len(cols))
	for i, c := range cols {
		names[i] = c.Name
	}
	outs := slices.Clone(p.outs)
	var at []int
	for i, e := range outs {
		if isTrivial(e) || d.reads(e) {
			continue
		}
		at = append(at, i)
		exprs, names = append(exprs, e), append(names, "VALUE$"+itoa(len(exprs)))
	}
	if len(at) == 0 {
		return p
	}
	r := project(p.rel, exprs, names, where)
	for k, i := range at {
		outs[i] = ref(r.out, len(cols)+k)
	}
	p.rel, p.outs = r, outs
	return p
}

// materialized is settled, with all of outs plain columns of rel; it fails if one
// reads a parameter.
func (d *decorrelator) materialized(p pulled, outs []catalog.Expr, where place) (rel, []int, error) {
	cols := p.rel.cols()
	exprs, names := refs(cols), make([]string, len(cols))
	for i, c := range cols {
		names[i] = c.Name
	}
	at := make([]int, len(outs))
	for i, e := range outs {
		if d.reads(e) {
			return nil, nil, errNotPulled
		}
		if c, ok := e.(*catalog.ColumnRef); ok {
			at[i] = c.Index
			continue
		}
		at[i] = len(exprs)
		exprs, names = append(exprs, e), append(names, "VALUE$"+itoa(len(exprs)))
	}
	if len(exprs) == len(cols) {
		return p.rel, at, nil
	}
	return project(p.rel, exprs, names, where), at, nil
}

// pullJoin pulls conditions out of the sides that are not padded. Which conditions
// remain decides anew how the join is run.
func (d *decorrelator) pullJoin(r *joinRel) (pulled, error) {
	if r.asof || r.match != nil || r.mode != regularJoin && r.mode != staticJoin {
		return pulled{}, d.refused(r)
	}
	if r.kind == RightJoin || r.kind == FullJoin || r.kind != InnerJoin && (d.correlated(r.right) || d.reads(r.exprs()...)) || r.notIn != nil && d.reads(r.notIn) {
		return pulled{}, errNotPulled
	}
	left, err := d.pullInput(r.left)
	if err != nil {
		return left, err
	}
	right, err := d.pullInput(r.right)
	if err != nil {
		return right, err
	}
	if left.left || right.left {
		return pulled{}, errNotPulled
	}
	n := len(left.rel.cols())
	move := func(e catalog.Expr) catalog.Expr { return shift(e, func(i int) int { return n + i }) }
	p := pulled{on: slices.Clone(left.on)}
	rightOuts := make([]catalog.Expr, len(right.outs))
	for i, e := range right.outs {
		rightOuts[i] = move(e)
	}
	for _, e := range right.on {
		p.on = append(p.on, move(e))
	}
	both := append(slices.Clip(left.outs), rightOuts...)
	var stay []catalog.Expr
	for _, c := range r.conditions() {
		if c = inline(c, both); d.reads(c) {
			p.on = append(p.on, c)
		} else {
			stay = append(stay, c)
		}
	}
	j := &joinRel{kind: r.kind, left: left.rel, right: right.rel, place: r.place, leftTable: r.leftTable, rightTable: r.rightTable}
	if r.notIn != nil {
		if d.reads(both...) {
			return pulled{}, errNotPulled
		}
		j.notIn = inline(r.notIn, both)
	}
	if p.rel, err = d.newJoin(j, stay); err != nil {
		return p, err
	}
	if p.outs = both; r.kind.oneSided() {
		p.outs = left.outs
	}
	return p, nil
}

// newJoin settles a join with these conditions.
func (b *binder) newJoin(j *joinRel, on []catalog.Expr) (rel, error) {
	if len(on) > 0 {
		j.on = conjunction(on)
	}
	j.out = joinColumns(j.kind, j.left.cols(), j.right.cols())
	return b.settleJoin(j)
}

// pullAggregate makes group keys of what the parameters must be equal to.
func (d *decorrelator) pullAggregate(r *aggregateRel) (pulled, error) {
	if len(r.totals) > 0 {
		return pulled{}, d.refused(r)
	}
	p, err := d.pullInput(r.in)
	if err != nil {
		return p, err
	}
	if p.left || r.late != nil || r.totals != nil {
		return p, errNotPulled
	}
	inner, err := d.keysOf(p)
	if err != nil {
		return p, err
	}
	in, at, err := d.materialized(p, append(slices.Clip(p.outs), inner...), r.place)
	if err != nil {
		return p, err
	}
	n := len(p.outs)
	agg := *r
	agg.in, agg.keys = in, make([]int, len(r.keys))
	for i, k := range r.keys {
		agg.keys[i] = at[k]
	}
	agg.out = slices.Clone(r.out[:len(r.keys)])
	outs := refs(r.out)[:len(r.keys)]
	var on []catalog.Expr
	for i := range inner {
		k := slices.Index(agg.keys, at[n+i])
		if k < 0 {
			c := in.cols()[at[n+i]]
			k = len(agg.keys)
			agg.keys, agg.out = append(agg.keys, at[n+i]), append(agg.out, plainColumns([]column{c}, "")[0])
		}
		on = append(on, d.equalTo(p.on[i], ref(agg.out, k)))
	}
	agg.aggs = slices.Clone(r.aggs)
	for i := range agg.aggs {
		c := &agg.aggs[i]
		c.Args = slices.Clone(c.Args)
		for k := range c.Args {
			c.Args[k] = at[c.Args[k]]
		}
		c.Order = slices.Clone(c.Order)
		for k := range c.Order {
			c.Order[k].Col = at[c.Order[k].Col]
		}
		if c.Filter >= 0 {
			c.Filter = at[c.Filter]
		}
	}
	if r.window != nil {
		win := *r.window
		if win.Kind == AttachedWindow {
			win.Start, win.End = at[win.Start], at[win.End]
		} else {
			win.Time = at[win.Time]
		}
		agg.window = &win
	}
	for _, c := range r.out[len(r.keys):] {
		agg.out = append(agg.out, c)
		outs = append(outs, ref(agg.out, len(agg.out)-1))
	}
	out := pulled{rel: &agg, on: on, outs: outs, left: len(r.keys) == 0 && r.window == nil}
	if out.left {
		for i, c := range r.aggs {
			empty, err := d.overNothing(c, r)
			if err != nil {
				return p, err
			}
			if empty != nil {
				out.outs[i] = &catalog.Coalesce{Args: []catalog.Expr{out.outs[i], empty}, T: out.outs[i].Type()}
			}
		}
	}
	return out, nil
}

// overNothing is the value of an aggregate over no rows; nil: NULL.
func (d *decorrelator) overNothing(c AggCall, r rel) (catalog.Expr, error) {
	if !c.Overload.NeverNull {
		return nil, nil
	}
	if c.Overload.Result.IsInteger() {
		return &catalog.Literal{Value: int64(0), T: c.Overload.Result}, nil
	}
	return nil, hint(r.at().errorf("%s can't be used in a subquery in the place of a value: what it is over no rows is not known", c.Fn.Name), "join with a GROUP BY in FROM")
}

// keysOf gives, for each condition, the operand that must be equal to an expression
// of the parameters; it fails if a condition is something else.
func (d *decorrelator) keysOf(p pulled) ([]catalog.Expr, error) {
	var out []catalog.Expr
	for _, c := range p.on {
		_, inner, ok := d.correlation(c)
		if !ok {
			return nil, errNotPulled
		}
		out = append(out, inner)
	}
	return out, nil
}

// correlation splits a condition "parameters = columns", or IS NOT DISTINCT FROM.
func (d *decorrelator) correlation(e catalog.Expr) (outer, inner catalog.Expr, ok bool) {
	c, isCall := e.(*catalog.Call)
	if !isCall || len(c.Args) != 2 || c.Fn.Name != "=" && c.Fn.Name != fnSame || canFail(c) || volatility(c) != catalog.Immutable {
		return nil, nil, false
	}
	outer, inner = c.Args[0], c.Args[1]
	if d.reads(inner) {
		outer, inner = inner, outer
	}
	return outer, inner, d.reads(outer) && !d.reads(inner) && len(columnsOf(outer)) == 0 && outer.Type().Equal(inner.Type())
}

// equalTo puts another expression in the place of the inner operand of a correlation.
func (d *decorrelator) equalTo(e, inner catalog.Expr) catalog.Expr {
	c := e.(*catalog.Call)
	if d.reads(c.Args[0]) {
		return withChildren(c, []catalog.Expr{c.Args[0], inner})
	}
	return withChildren(c, []catalog.Expr{inner, c.Args[1]})
}

func (d *decorrelator) pullUnnest(r *unnestRel) (pulled, error) {
	p, err := d.pullInput(r.in)
	if err != nil {
		return p, err
	}
	exprs := make([]catalog.Expr, 0, len(r.exprs()))
	for _, e := range r.exprs() {
		exprs = append(exprs, inline(e, p.outs))
	}
	if p.left || d.reads(exprs...) {
		return p, errNotPulled
	}
	u := r.withExprs(p.rel, func(e catalog.Expr) catalog.Expr { return inline(e, p.outs) })
	p.outs = slices.Clone(p.outs)
	for i := range u.elements() {
		p.outs = append(p.outs, ref(u.out, len(p.rel.cols())+i))
	}
	p.rel = u
	return p, nil
}

func (d *decorrelator) pullWindow(r *windowRel) (pulled, error) {
	if r.sessions() {
		return pulled{}, d.refused(r)
	}
	p, err := d.pullInput(r.in)
	if err != nil {
		return p, err
	}
	c, ok := p.outs[r.win.Time].(*catalog.ColumnRef)
	if p.left || !ok {
		return p, errNotPulled
	}
	w := *r
	w.in, w.win.Time = p.rel, c.Index
	w.out = append(slices.Clone(p.rel.cols()), r.out[len(r.out)-3:]...)
	p.outs = slices.Clone(p.outs)
	for i := range 3 {
		p.outs = append(p.outs, ref(w.out, len(w.out)-3+i))
	}
	p.rel = &w
	return p, nil
}

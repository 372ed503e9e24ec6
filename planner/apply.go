package planner

import (
	"errors"

	"github.com/streamsql/streamsql/catalog"
)

// expand computes the subqueries in an expression over in, as further columns
// behind its own, and gives the expression over what that makes.
func (b *binder) expand(in rel, e catalog.Expr) (rel, catalog.Expr, error) {
	if !b.env.hasSubquery(e) {
		return in, e, nil
	}
	old := children(e)
	args := make([]catalog.Expr, len(old))
	for i, c := range old {
		var err error
		if in, args[i], err = b.expand(in, c); err != nil {
			return nil, nil, err
		}
	}
	if s := b.env.subqueryOf(e); s != nil {
		return b.value(in, s, args)
	}
	return in, withChildren(e, args), nil
}

// expandAll is expand for several expressions.
func (b *binder) expandAll(in rel, exprs []catalog.Expr) (rel, []catalog.Expr, error) {
	out := make([]catalog.Expr, len(exprs))
	for i, e := range exprs {
		var err error
		if in, out[i], err = b.expand(in, e); err != nil {
			return nil, nil, err
		}
	}
	return in, out, nil
}

// filterBy keeps the rows on which all predicates are TRUE. EXISTS, IN and their
// like among them are semi and anti joins; other subqueries are computed first.
func (b *binder) filterBy(in rel, preds []catalog.Expr, where place) (rel, error) {
	for _, p := range preds {
		call, negated := p, false
		if c, ok := p.(*catalog.Call); ok && c.Fn.Name == fnNot {
			call, negated = c.Args[0], true
		}
		s := b.env.subqueryOf(call)
		if s == nil || s.kind == scalarSubquery {
			var err error
			if in, p, err = b.expand(in, p); err != nil {
				return nil, err
			}
			in = &filterRel{in: in, pred: p, place: where}
			continue
		}
		below, args, err := b.expandAll(in, children(call))
		if err != nil {
			return nil, err
		}
		if in, err = b.semi(below, s, args, negated != s.not); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// splitSubqueries splits conjuncts into those that come before any subquery, or
// can't tell the difference, and the rest.
func (b *binder) splitSubqueries(pred catalog.Expr) (before, rest []catalog.Expr) {
	for _, p := range conjuncts(pred) {
		if b.env.hasSubquery(p) || len(rest) > 0 && canFail(p) {
			rest = append(rest, p)
		} else {
			before = append(before, p)
		}
	}
	return before, rest
}

// decorrelated gives a subquery with its correlation pulled up, or computed over the
// domain of its parameters.
func (b *binder) decorrelated(s *subquery, left rel, args []catalog.Expr) (*decorrelator, pulled, error) {
	d := &decorrelator{binder: b, id: s.id}
	if d.correlated(s.rel) {
		b.env.subqueries.correlated = append(b.env.subqueries.correlated, s.place)
	}
	p, err := d.pull(s.rel)
	if errors.Is(err, errNotPulled) {
		p, err = d.overDomain(s.rel, left, args, s.place)
	}
	return d, p, err
}

// over brings an expression of a pulled subquery over the rows of left beside those
// of the subquery.
func (s *subquery) over(e catalog.Expr, left rel, args []catalog.Expr) catalog.Expr {
	n := len(left.cols())
	return replace(e, func(e catalog.Expr) catalog.Expr {
		switch e := e.(type) {
		case *catalog.ColumnRef:
			c := *e
			c.Index += n
			return &c
		case *catalog.Outer:
			if e.Of == s.id {
				return args[e.Index]
			}
		}
		return nil
	})
}

func (s *subquery) overAll(exprs []catalog.Expr, left rel, args []catalog.Expr) []catalog.Expr {
	out := make([]catalog.Expr, len(exprs))
	for i, e := range exprs {
		out[i] = s.over(e, left, args)
	}
	return out
}

// joinSubquery joins left with the rows of a subquery.
func (b *binder) joinSubquery(kind JoinKind, left rel, s *subquery, p pulled, on []catalog.Expr, args []catalog.Expr) (rel, error) {
	return b.newJoin(&joinRel{kind: kind, left: left, right: p.rel, place: s.place}, s.overAll(append(on[:len(on):len(on)], p.on...), left, args))
}

// semi keeps the rows of left for which EXISTS or ANY holds, or with anti those for
// which it is FALSE.
func (b *binder) semi(left rel, s *subquery, args []catalog.Expr, anti bool) (rel, error) {
	d, p, err := b.decorrelated(s, left, args)
	if err != nil {
		return nil, err
	}
	var compare []catalog.Expr
	if s.kind == anySubquery {
		compare = []catalog.Expr{inline(s.compare, p.outs)}
	}
	if p.left {
		return b.semiOne(left, s, p, compare, args, anti)
	}
	if !anti {
		return b.joinSubquery(SemiJoin, left, s, p, compare, args)
	}
	if len(compare) == 0 {
		return b.joinSubquery(AntiJoin, left, s, p, nil, args)
	}
	j := &joinRel{kind: AntiJoin, left: left, right: p.rel, place: s.place}
	on := s.overAll(p.on, left, args)
	notIn := s.over(compare[0], left, args)
	if comparesNotNull(notIn, j.both()) {
		return b.newJoin(j, append(on, notIn))
	}
	if l, r, _, ok := equality(notIn, len(left.cols())); ok && len(p.on) == 0 && l.Type().Equal(r.Type()) && !isStatic(p.rel) {
		return b.notInByKey(left, s, d, p, compare[0].(*catalog.Call), args)
	}
	j.notIn = notIn
	return b.newJoin(j, on)
}

// comparesNotNull says whether a comparison of columns is never NULL.
func comparesNotNull(e catalog.Expr, cols []column) bool {
	switch e := e.(type) {
	case *catalog.ColumnRef:
		return cols[e.Index].NotNull
	case *catalog.Literal:
		return e.Value != nil
	case *catalog.Cast:
		return !e.Safe && castIsTotal(e.Of.Type(), e.T) && comparesNotNull(e.Of, cols)
	case *catalog.Call:
		return len(e.Args) == 2 && operatorNamesOf[e.Fn.Name] && comparesNotNull(e.Args[0], cols) && comparesNotNull(e.Args[1], cols)
	}
	return false
}

// operatorNamesOf are the comparisons that are NULL for NULL only.
var operatorNamesOf = map[string]bool{"=": true, "<>": true, "<": true, "<=": true, ">": true, ">=": true}

// semiOne is semi of a subquery of exactly one row.
func (b *binder) semiOne(left rel, s *subquery, p pulled, compare, args []catalog.Expr, anti bool) (rel, error) {
	j, err := b.joinSubquery(LeftJoin, left, s, p, nil, args)
	if err != nil {
		return nil, err
	}
	conds := s.overAll(append(p.after[:len(p.after):len(p.after)], compare...), left, args)
	switch {
	case len(conds) == 0 && !anti:
		return left, nil
	case len(conds) == 0:
		return &filterRel{in: left, pred: boolLiteral(false), place: s.place}, nil
	case !anti:
		j = filtered(j, conds, s.place)
	case len(p.after) == 0:
		not, err := b.negated(conjunction(conds), s.place)
		if err != nil {
			return nil, err
		}
		j = &filterRel{in: j, pred: not, place: s.place}
	default:
		// Without the row, which HAVING takes away, nothing compares.
		value := catalog.Expr(boolLiteral(false))
		if len(compare) > 0 {
			if value, err = b.negated(s.over(compare[0], left, args), s.place); err != nil {
				return nil, err
			}
		}
		there := conjunction(s.overAll(p.after, left, args))
		j = &filterRel{in: j, pred: &catalog.Case{Whens: []catalog.When{{Cond: there, Then: value}}, Else: boolLiteral(true), T: catalog.Boolean}, place: s.place}
	}
	return keepFirst(j, len(left.cols())), nil
}

// negated is NOT e.
func (b *binder) negated(e catalog.Expr, where place) (catalog.Expr, error) {
	x := &exprBinder{binder: b, scope: &scope{}, conditional: 1}
	return x.invoke(where, fnNot, []catalog.Expr{e}, []place{where})
}

// value computes a subquery for each row of left, as further columns.
func (b *binder) value(left rel, s *subquery, args []catalog.Expr) (rel, catalog.Expr, error) {
	d, p, err := b.decorrelated(s, left, args)
	if err != nil {
		return nil, nil, err
	}
	var out rel
	var value catalog.Expr
	switch s.kind {
	case scalarSubquery:
		return b.scalarValue(left, s, d, p, args)
	case existsSubquery:
		out, value, err = b.existsValue(left, s, d, p, args)
	default:
		out, value, err = b.anyValue(left, s, d, p, args)
	}
	if err == nil && s.not {
		value, err = b.negated(value, s.place)
	}
	return out, value, err
}

// scalarValue joins the one row that there may be.
func (b *binder) scalarValue(left rel, s *subquery, d *decorrelator, p pulled, args []catalog.Expr) (rel, catalog.Expr, error) {
	if !p.left && !d.atMostOne(p) {
		return nil, nil, hint(s.place.errorf("this subquery stands in the place of a value, but may give several rows"),
			"take an aggregate of it (MAX), or compare all of a PRIMARY KEY or GROUP BY with =")
	}
	out := p.outs[0]
	if _, plain := out.(*catalog.ColumnRef); !plain && !p.left {
		p, out = b.marked(p, out, s.place)
	}
	j, err := b.joinSubquery(LeftJoin, left, s, p, nil, args)
	if err != nil {
		return nil, nil, err
	}
	value := s.over(out, left, args)
	if len(p.after) > 0 {
		there := conjunction(s.overAll(p.after, left, args))
		value = &catalog.Case{Whens: []catalog.When{{Cond: there, Then: value}}, Else: nullLiteral(value.Type()), T: value.Type()}
	}
	return j, value, nil
}

// marked gives rel a column that is TRUE, and a value that is NULL where it is: of a
// row that is missing.
func (b *binder) marked(p pulled, value catalog.Expr, where place) (pulled, catalog.Expr) {
	p, mark := withMark(p, where)
	return p, &catalog.Case{Whens: []catalog.When{{Cond: mark, Then: value}}, Else: nullLiteral(value.Type()), T: value.Type()}
}

func withMark(p pulled, where place) (pulled, catalog.Expr) {
	cols := p.rel.cols()
	names := make([]string, 0, len(cols)+1)
	for _, c := range cols {
		names = append(names, c.Name)
	}
	r := project(p.rel, append(refs(cols), boolLiteral(true)), append(names, "MARK$"), where)
	p.rel = r
	return p, ref(r.out, len(cols))
}

// grouped gives the rows of a subquery once for each value that the conditions
// compare, with further columns and aggregates. The conditions must be equalities.
func (d *decorrelator) grouped(p pulled, further []catalog.Expr, calls []AggCall, where place) (pulled, *aggregateRel, error) {
	inner, err := d.keysOf(p)
	if err != nil {
		return p, nil, err
	}
	all := append(append([]catalog.Expr(nil), inner...), further...)
	in, at, err := d.materialized(p, append(all, p.outs...), where)
	if err != nil {
		return p, nil, err
	}
	for i := range calls {
		for k := range calls[i].Args {
			calls[i].Args[k] = at[len(all)+calls[i].Args[k]]
		}
	}
	agg := &aggregateRel{in: in, aggs: calls, place: where}
	out := pulled{rel: agg}
	for i := range all {
		c := in.cols()[at[i]]
		agg.keys, agg.out = append(agg.keys, at[i]), append(agg.out, plainColumns([]column{c}, "")[0])
		if i >= len(inner) {
			out.outs = append(out.outs, ref(agg.out, i))
		}
	}
	for i, c := range p.on {
		out.on = append(out.on, d.equalTo(c, ref(agg.out, i)))
	}
	for _, c := range calls {
		agg.out = append(agg.out, column{Column: Column{Name: c.Name, Type: c.Overload.Result, NotNull: c.Overload.NeverNull}})
		out.outs = append(out.outs, ref(agg.out, len(agg.out)-1))
	}
	return out, agg, nil
}

// keyedSubquery gives a pulled subquery whose conditions are equalities: if they are not,
// that over the domain.
func (b *binder) keyedSubquery(s *subquery, d *decorrelator, p pulled, left rel, args []catalog.Expr) (pulled, error) {
	_, err := d.keysOf(p)
	if !errors.Is(err, errNotPulled) && !d.reads(p.outs...) {
		return p, err
	}
	return d.overDomain(s.rel, left, args, s.place)
}

// countCall is COUNT(*), or COUNT of a column.
func (b *binder) countCall(where place, cols ...column) (AggCall, error) {
	fn, ok := b.env.functions.Lookup("COUNT")
	if !ok {
		return AggCall{}, where.errorf("there is no function COUNT")
	}
	call := AggCall{Fn: fn, Filter: -1, Name: "COUNT(*)"}
	var args []catalog.Expr
	for i, c := range cols {
		args = append(args, ref(cols, i))
		call.Args, call.Name = append(call.Args, i), "COUNT("+c.Name+")"
	}
	var err error
	call.Overload, err = resolveOverload(where, fn, args, false)
	return call, err
}

// existsValue is EXISTS where it is no condition by itself.
func (b *binder) existsValue(left rel, s *subquery, d *decorrelator, p pulled, args []catalog.Expr) (rel, catalog.Expr, error) {
	if p.left && len(p.after) == 0 {
		return left, boolLiteral(true), nil
	}
	if p.left {
		j, err := b.joinSubquery(LeftJoin, left, s, p, nil, args)
		if err != nil {
			return nil, nil, err
		}
		there := conjunction(s.overAll(p.after, left, args))
		return j, &catalog.Case{Whens: []catalog.When{{Cond: there, Then: boolLiteral(true)}}, Else: boolLiteral(false), T: catalog.Boolean}, nil
	}
	p, err := b.keyedSubquery(s, d, p, left, args)
	if err != nil {
		return nil, nil, err
	}
	var g pulled
	if len(p.on) == 0 {
		n, err := b.countCall(s.place)
		if err != nil {
			return nil, nil, err
		}
		if g, _, err = d.grouped(p, nil, []AggCall{n}, s.place); err != nil {
			return nil, nil, err
		}
		j, err := b.joinSubquery(LeftJoin, left, s, g, nil, args)
		if err != nil {
			return nil, nil, err
		}
		some, err := b.positive(s.over(g.outs[0], left, args), s.place)
		return j, some, err
	}
	if g, _, err = d.grouped(p, nil, nil, s.place); err != nil {
		return nil, nil, err
	}
	g, mark := withMark(g, s.place)
	j, err := b.joinSubquery(LeftJoin, left, s, g, nil, args)
	if err != nil {
		return nil, nil, err
	}
	return j, &catalog.Coalesce{Args: []catalog.Expr{s.over(mark, left, args), boolLiteral(false)}, T: catalog.Boolean}, nil
}

// positive is COALESCE(n, 0) > 0.
func (b *binder) positive(n catalog.Expr, where place) (catalog.Expr, error) {
	zero := &catalog.Literal{Value: int64(0), T: n.Type()}
	x := &exprBinder{binder: b, scope: &scope{}, conditional: 1}
	return x.invoke(where, ">", []catalog.Expr{&catalog.Coalesce{Args: []catalog.Expr{n, zero}, T: n.Type()}, zero}, []place{where, where})
}

// anyValue is x = ANY (query) where it is no condition by itself: TRUE if a row is
// equal, else NULL if x is and there are rows, or if one of theirs is, else FALSE.
func (b *binder) anyValue(left rel, s *subquery, d *decorrelator, p pulled, args []catalog.Expr) (rel, catalog.Expr, error) {
	c, ok := s.compare.(*catalog.Call)
	if !ok || c.Fn.Name != "=" {
		return nil, nil, hint(s.place.errorf("this comparison with a subquery can only be a condition of WHERE or HAVING by itself, not under OR or in a value"),
			"x = ANY, x <> ALL and IN of one value can")
	}
	if p.left {
		j, err := b.joinSubquery(LeftJoin, left, s, p, nil, args)
		if err != nil {
			return nil, nil, err
		}
		value := s.over(inline(s.compare, p.outs), left, args)
		if len(p.after) > 0 {
			there := conjunction(s.overAll(p.after, left, args))
			value = &catalog.Case{Whens: []catalog.When{{Cond: there, Then: value}}, Else: boolLiteral(false), T: catalog.Boolean}
		}
		return j, value, nil
	}
	p, err := b.keyedSubquery(s, d, p, left, args)
	if err != nil {
		return nil, nil, err
	}
	// What is compared, computed on the subquery's side.
	mine, theirs := c.Args[0], inline(c.Args[1], p.outs)
	match, _, err := d.grouped(p, []catalog.Expr{theirs}, nil, s.place)
	if err != nil {
		return nil, nil, err
	}
	match.on = append(match.on, withChildren(c, []catalog.Expr{mine, match.outs[0]}))
	match, mark := withMark(match, s.place)
	in, err := b.joinSubquery(LeftJoin, left, s, match, nil, args)
	if err != nil {
		return nil, nil, err
	}
	found := s.over(mark, left, args)
	value := &catalog.Case{Whens: []catalog.When{{Cond: found, Then: boolLiteral(true)}}, Else: boolLiteral(false), T: catalog.Boolean}

	// How many rows there are, and how many of them have a value.
	p.outs = []catalog.Expr{theirs}
	all, err := b.countCall(s.place)
	if err != nil {
		return nil, nil, err
	}
	some, err := b.countCall(s.place, column{Column: Column{Name: "VALUE", Type: theirs.Type()}})
	if err != nil {
		return nil, nil, err
	}
	counts, _, err := d.grouped(p, nil, []AggCall{all, some}, s.place)
	if err != nil {
		return nil, nil, err
	}
	out, err := b.joinSubquery(LeftJoin, in, s, counts, nil, args)
	if err != nil {
		return nil, nil, err
	}
	rows, values := s.over(counts.outs[0], in, args), s.over(counts.outs[1], in, args)
	x := &exprBinder{binder: b, scope: &scope{}, conditional: 1}
	nulls, err := x.invoke(s.place, ">", []catalog.Expr{rows, values}, []place{s.place, s.place})
	if err != nil {
		return nil, nil, err
	}
	isNull, err := x.invoke(s.place, "IS NULL", []catalog.Expr{s.over(mine, in, args)}, []place{s.place})
	if err != nil {
		return nil, nil, err
	}
	any, err := b.positive(rows, s.place)
	if err != nil {
		return nil, nil, err
	}
	value.Whens = append(value.Whens,
		catalog.When{Cond: nulls, Then: nullLiteral(catalog.Boolean)},
		catalog.When{Cond: &catalog.And{Args: []catalog.Expr{isNull, any}}, Then: nullLiteral(catalog.Boolean)})
	return out, value, nil
}

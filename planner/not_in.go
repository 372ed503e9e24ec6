package planner

import "github.com/streamsql/streamsql/catalog"

// notInByKey is x NOT IN (query) of an uncorrelated query, where x or the query's
// values may be NULL, without looking at every pair. First go the rows of left that
// have an equal, by a join with a key. Of the others stay: all, if the query has no
// rows; none, if it has a NULL; else those whose x is not NULL. A global aggregate
// says which of these it is. Its row changes at most when the first row or the first
// NULL comes or the last one goes, so the second join, which has no key, meets each
// row of left once as it comes and seldom again.
func (b *binder) notInByKey(left rel, s *subquery, d *decorrelator, p pulled, equal *catalog.Call, args []catalog.Expr) (rel, error) {
	in, err := b.joinSubquery(AntiJoin, left, s, p, []catalog.Expr{equal}, args)
	if err != nil {
		return nil, err
	}
	mine, theirs := equal.Args[0], equal.Args[1]
	x := &exprBinder{binder: b, scope: &scope{}, conditional: 1}
	invoke := func(name string, args ...catalog.Expr) catalog.Expr {
		places := make([]place, len(args))
		for i := range places {
			places[i] = s.place
		}
		var out catalog.Expr
		if err == nil {
			out, err = x.invoke(s.place, name, args, places)
		}
		return out
	}
	number := func(n int64) catalog.Expr { return &catalog.Literal{Value: n, T: catalog.BigInt} }
	// NULL: no rows; 0: rows, all with values; 1: there is a NULL.
	p.outs = []catalog.Expr{&catalog.Case{Whens: []catalog.When{{Cond: invoke("IS NULL", theirs), Then: number(1)}}, Else: number(0), T: catalog.BigInt}}
	if err != nil {
		return nil, err
	}
	most, err := b.maxCall(s.place, p.outs[0])
	if err != nil {
		return nil, err
	}
	g, _, err := d.grouped(p, nil, []AggCall{most}, s.place)
	if err != nil {
		return nil, err
	}
	cond := invoke("=", g.outs[0], number(1))
	if !comparesNotNull(s.over(mine, left, args), left.cols()) {
		cond = &catalog.Or{Args: []catalog.Expr{
			cond, &catalog.And{Args: []catalog.Expr{invoke("IS NULL", mine), invoke("IS NOT NULL", g.outs[0])}},
		}}
	}
	if err != nil {
		return nil, err
	}
	return b.joinSubquery(AntiJoin, in, s, g, []catalog.Expr{cond}, args)
}

// maxCall is MAX of the first column of what is aggregated.
func (b *binder) maxCall(where place, arg catalog.Expr) (AggCall, error) {
	fn, ok := b.env.functions.Lookup("MAX")
	if !ok {
		return AggCall{}, where.errorf("there is no function MAX")
	}
	overload, err := resolveOverload(where, fn, []catalog.Expr{arg}, false)
	return AggCall{Fn: fn, Overload: overload, Args: []int{0}, Filter: -1, Name: "MAX(IS NULL)"}, err
}

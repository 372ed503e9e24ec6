package planner

import "github.com/streamsql/streamsql/catalog"

// joinBySubqueries makes a join with subqueries in its ON. Of an inner join they are
// asked of its rows, as in WHERE; of another join those that read only the side whose
// rows need not all come out are asked of the rows of that side, which is the same.
func (b *binder) joinBySubqueries(j *joinRel, sc, ls, rs *scope) (rel, *scope, error) {
	before, rest := b.splitSubqueries(j.on)
	if j.on = nil; len(before) > 0 {
		j.on = conjunction(before)
	}
	if j.versioned() || j.lookup != nil {
		return nil, nil, hint(j.place.errorf("a subquery can't stand in ON of this join"), "put it into WHERE")
	}
	if j.kind != InnerJoin {
		return b.outerBySubqueries(j, rest, sc, ls, rs)
	}
	r, sc, err := b.joined(j, sc, ls, rs, nil)
	if err != nil {
		return nil, nil, err
	}
	if r, err = b.settleJoins(r, nil, j.place); err != nil {
		return nil, nil, err
	}
	if r, err = b.filtersOf(r, rest, j.place); err != nil {
		return nil, nil, err
	}
	sc.cols = r.cols()
	return r, sc, nil
}

// filtersOf is filterBy without the columns that subqueries add.
func (b *binder) filtersOf(r rel, preds []catalog.Expr, where place) (rel, error) {
	n := len(r.cols())
	out, err := b.filterBy(r, preds, where)
	if err != nil || len(out.cols()) == n {
		return out, err
	}
	return keepFirst(out, n), nil
}

// outerBySubqueries filters the side of a join whose rows need not all come out.
func (b *binder) outerBySubqueries(j *joinRel, preds []catalog.Expr, sc, ls, rs *scope) (rel, *scope, error) {
	n := len(j.left.cols())
	side, of := &j.right, rightSide
	if j.kind == RightJoin {
		side, of = &j.left, leftSide
	}
	var err error
	for i, p := range preds {
		if s := sideOf(p, n); j.kind == FullJoin || s != of && s != noSide || canFail(p) {
			return nil, nil, hint(j.place.errorf("a subquery in ON of a %s JOIN must read one side alone, that whose rows need not all come out", j.kind), "compute it in a subquery of FROM")
		}
		if of == rightSide {
			preds[i] = shifted(p, n)
		}
	}
	if unsettled(*side) {
		if *side, err = b.settleJoins(*side, nil, j.place); err != nil {
			return nil, nil, err
		}
	}
	if *side, err = b.filtersOf(*side, preds, j.place); err != nil {
		return nil, nil, err
	}
	return b.joined(j, sc, ls, rs, nil)
}

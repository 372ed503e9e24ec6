package planner

import "github.com/streamsql/streamsql/catalog"

// joinForm is a way to run a join. settle gives the join in this form with the
// columns that it then has, nil if it is not one of this form. The sides have been
// settled before; the condition holds all that is known of a pair.
type joinForm func(b *binder, j *joinRel) (*joinRel, error)

// joinForms are tried in this order: the regular join takes what is left.
func joinForms() []joinForm {
	return []joinForm{lookupForm, temporalForm, staticForm, windowForm, intervalForm, regularForm}
}

// settleJoins settles the joins of a SELECT block once its WHERE clause is known.
// The conjuncts of WHERE go into the conditions of inner joins and below them, then
// each join finds its form, from the bottom: which form it is decides what its
// columns are to what stands above.
func (b *binder) settleJoins(r rel, pred catalog.Expr, where place) (rel, error) {
	var preds []catalog.Expr
	if pred != nil {
		preds = conjuncts(pred)
	}
	return b.settle(absorb(r, preds, where))
}

// unsettled says whether a join of the block at hand is at the top of r.
func unsettled(r rel) bool {
	switch r := r.(type) {
	case *joinRel:
		return r.mode == unsettledJoin
	case *projectRel:
		return unsettled(r.in)
	case *filterRel:
		return unsettled(r.in)
	case *unnestRel:
		return unsettled(r.in)
	}
	return false
}

// absorb gives r under a conjunction of predicates, which go down through its
// unsettled joins as far as they may.
func absorb(r rel, preds []catalog.Expr, where place) rel {
	switch n := r.(type) {
	case *joinRel:
		if n.mode == unsettledJoin {
			if r := connected(n, preds); r != rel(n) {
				return absorb(r, preds, where)
			}
			return absorbJoin(n, preds, where)
		}
	case *filterRel:
		if unsettled(n) {
			return absorb(n.in, append(conjuncts(n.pred), preds...), n.place)
		}
	case *unnestRel:
		if unsettled(n) {
			return absorbUnnest(n, preds, where)
		}
	case *projectRel: // the columns of USING
		if !unsettled(n) {
			break
		}
		var down, stay []catalog.Expr
		for _, p := range preds {
			if allInfallible(n.exprs) && cheapInside(p, n.exprs) && volatility(p) == catalog.Immutable {
				down = append(down, inline(p, n.exprs))
			} else {
				stay = append(stay, p)
			}
		}
		return filtered(&projectRel{in: absorb(n.in, down, where), exprs: n.exprs, out: n.out, place: n.place}, stay, where)
	}
	return filtered(r, preds, where)
}

// absorbUnnest lets through what only reads the rows below.
func absorbUnnest(n *unnestRel, preds []catalog.Expr, where place) rel {
	var down, stay []catalog.Expr
	for _, p := range preds {
		if sideOf(p, len(n.in.cols())) == leftSide && passes(p, n.in) {
			down = append(down, p)
		} else {
			stay = append(stay, p)
		}
	}
	return filtered(n.over([]rel{absorb(n.in, down, where)}), stay, where)
}

// filtered puts a filter over r if there is something to filter by.
func filtered(r rel, preds []catalog.Expr, where place) rel {
	if len(preds) == 0 {
		return r
	}
	return &filterRel{in: r, pred: conjunction(preds), place: where}
}

func absorbJoin(j *joinRel, preds []catalog.Expr, where place) rel {
	n := len(j.left.cols())
	on := j.conditions()
	var left, right, stay, keep []catalog.Expr
	goesLeft, goesRight := filterSides(j)
	for _, p := range preds {
		s := sideOf(p, n)
		switch {
		case s == leftSide && goesLeft && passes(p, j.left):
			left = append(left, p)
		case s == rightSide && goesRight && passes(shifted(p, n), j.right):
			right = append(right, shifted(p, n))
		case s != noSide && j.kind == InnerJoin && !j.versioned() && volatility(p) == catalog.Immutable:
			keep = append(keep, p)
		default:
			stay = append(stay, p)
		}
	}
	l, r, rest := splitCondition(j, on, passes)
	out := j.with(absorb(j.left, append(l, left...), where), absorb(j.right, append(r, right...), where), append(rest, keep...))
	return filtered(out, stay, where)
}

// passes says whether a predicate may be evaluated on the rows of a side before
// they are joined. One that can fail may not, or rows that never join would be in
// error; save an equality between the sides of an inner join below, whose operands
// are computed on all rows of their sides wherever it stands.
func passes(p catalog.Expr, side rel) bool {
	if volatility(p) != catalog.Immutable {
		return false
	}
	if !canFail(p) {
		return true
	}
	j, ok := side.(*joinRel)
	if !ok || j.mode != unsettledJoin || j.kind != InnerJoin || j.versioned() {
		return false
	}
	_, _, _, equal := equality(p, len(j.left.cols()))
	return equal
}

// filterSides says into which sides a filter above a join may go.
func filterSides(j *joinRel) (left, right bool) {
	switch j.kind {
	case InnerJoin:
		return !j.keepsProbes(), !j.versioned() && j.late == nil
	case LeftJoin, SemiJoin, AntiJoin:
		return !j.keepsProbes(), false
	case RightJoin:
		return false, j.late == nil
	}
	return false, false
}

// splitCondition splits conjuncts of a join's condition into those that only decide
// about the rows of one side and may go below it, and the rest.
func splitCondition(j *joinRel, on []catalog.Expr, passes func(catalog.Expr, rel) bool) (left, right, rest []catalog.Expr) {
	n := len(j.left.cols())
	goesLeft := (j.kind == InnerJoin || j.kind == RightJoin || j.kind == SemiJoin) && !j.keepsProbes()
	goesRight := (j.kind != RightJoin && j.kind != FullJoin) && !j.versioned() && j.late == nil
	for _, p := range on {
		switch s := sideOf(p, n); {
		case s == leftSide && goesLeft && passes(p, j.left):
			left = append(left, p)
		case s == rightSide && goesRight && passes(shifted(p, n), j.right):
			right = append(right, shifted(p, n))
		default:
			rest = append(rest, p)
		}
	}
	return left, right, rest
}

// settle finds the form of each unsettled join, inputs first.
func (b *binder) settle(r rel) (rel, error) {
	if !unsettled(r) {
		return r, nil
	}
	switch r := r.(type) {
	case *filterRel:
		in, err := b.settle(r.in)
		return &filterRel{in: in, pred: r.pred, place: r.place}, err
	case *unnestRel:
		in, err := b.settle(r.in)
		if err != nil {
			return nil, err
		}
		return r.withExprs(in, func(e catalog.Expr) catalog.Expr { return e }), nil
	case *projectRel:
		in, err := b.settle(r.in)
		if err != nil {
			return nil, err
		}
		names := make([]string, len(r.out))
		for i, c := range r.out {
			names[i] = c.Name
		}
		return project(in, r.exprs, names, r.place), nil
	}
	return b.settleJoin(r.(*joinRel))
}

func (b *binder) settleJoin(j *joinRel) (rel, error) {
	left, err := b.settle(j.left)
	if err != nil {
		return nil, err
	}
	right, err := b.settle(j.right)
	if err != nil {
		return nil, err
	}
	j = j.with(left, right, j.conditions())
	if r, err := timeMemberForm(b, j); r != nil || err != nil {
		return r, err
	}
	for _, form := range joinForms() {
		settled, err := form(b, j)
		if err != nil || settled != nil {
			return settled, err
		}
	}
	return nil, j.place.errorf("this join is not supported")
}

// regularForm is the join that keeps both sides. Its rows come at any time, so no
// column of it is a time attribute.
func regularForm(b *binder, j *joinRel) (*joinRel, error) {
	out := *j
	out.mode = regularJoin
	out.out = plainColumns(joinColumns(j.kind, j.left.cols(), j.right.cols()), "the "+j.name()+" at "+j.place.line())
	return &out, nil
}

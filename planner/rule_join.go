package planner

import "github.com/streamsql/streamsql/catalog"

// pushCondition moves below a join what its condition says of one side alone.
func pushCondition(j *joinRel, c *ruleContext) rel {
	left, right, rest := splitCondition(j, j.conditions(), decidesAlone)
	if len(left) == 0 && len(right) == 0 {
		return j
	}
	out := j.with(pushed(j.left, left, j.place, c), pushed(j.right, right, j.place, c), rest)
	c.note(out, "push-filters")
	return out
}

// pushIntoJoin moves a filter above a join below it, or into its condition.
func pushIntoJoin(f *filterRel, j *joinRel, c *ruleContext) rel {
	preds := conjuncts(f.pred)
	if anyCanFail(preds) {
		return f
	}
	n := len(j.left.cols())
	goesLeft, goesRight := filterSides(j)
	var left, right, on, stay []catalog.Expr
	for _, p := range preds {
		switch s := sideOf(p, n); {
		case volatility(p) != catalog.Immutable:
			stay = append(stay, p)
		case s == leftSide && goesLeft:
			left = append(left, p)
		case s == rightSide && goesRight:
			right = append(right, shifted(p, n))
		case s == bothSides && j.kind == InnerJoin && (j.mode == regularJoin || j.passesStream()):
			on = append(on, p)
		default:
			stay = append(stay, p)
		}
	}
	if len(stay) == len(preds) {
		return f
	}
	out := j.with(pushed(j.left, left, f.place, c), pushed(j.right, right, f.place, c), append(j.conditions(), on...))
	c.note(out, "push-filters")
	return filtered(out, stay, f.place)
}

// pushed puts a filter over a side of a join, and as far down as it goes.
func pushed(r rel, preds []catalog.Expr, where place, c *ruleContext) rel {
	if f, ok := filtered(r, preds, where).(*filterRel); ok && len(preds) > 0 {
		return pushFilter(f, c)
	}
	return r
}

// decidesAlone says whether a predicate may be evaluated on the rows of a side
// before they are joined.
func decidesAlone(p catalog.Expr, _ rel) bool {
	return !canFail(p) && volatility(p) == catalog.Immutable
}

package planner

import "github.com/streamsql/streamsql/catalog"

// pushFilters moves filters towards their sources: below projections, windows,
// UNION ALL, below a GROUP BY where they read its keys only, and below joins where
// they read one side that is not padded. Filters that come to lie on one another
// become one.
//
// A predicate that can fail is moved below projections only, and nothing is moved
// below a projection that can fail: either would change which rows are in error. A
// GROUP BY whose late rows someone reads keeps all its rows. A filter never
// goes below the guard of its scan, so the watermark sees every row.
func pushFilters(r rel, c *ruleContext) rel {
	return rewrite(r, func(r rel) rel {
		switch r := r.(type) {
		case *filterRel:
			return pushFilter(r, c)
		case *joinRel:
			return pushCondition(r, c)
		}
		return r
	})
}

func pushFilter(f *filterRel, c *ruleContext) rel {
	switch in := f.in.(type) {
	case *filterRel:
		if out := mergeFilters(f, in, c); out != nil {
			return out
		}
	case *projectRel:
		if !allInfallible(in.exprs) || !cheapInside(f.pred, in.exprs) {
			return f
		}
		below := pushFilter(&filterRel{in: in.in, pred: foldExpr(inline(f.pred, in.exprs), c.env), place: f.place}, c)
		out := &projectRel{in: below, exprs: in.exprs, out: in.out, place: in.place}
		return out
	case *windowRel:
		if in.sessions() {
			return f // a row that is filtered out above still makes its session
		}
		return splitFilter(f, c, len(in.in.cols()), func(pred catalog.Expr) rel {
			return in.over([]rel{pushFilter(&filterRel{in: in.in, pred: pred, place: f.place}, c)})
		})
	case *overRel:
		return pushPartitions(f, in, in.partition, in.late, c)
	case *rankRel:
		return pushPartitions(f, in, in.partition, in.late, c)
	case *joinRel:
		return pushIntoJoin(f, in, c)
	case *unionRel:
		if canFail(f.pred) {
			return f
		}
		ins := make([]rel, len(in.ins))
		for i, part := range in.ins {
			ins[i] = pushFilter(&filterRel{in: part, pred: f.pred, place: f.place}, c)
		}
		return in.over(ins)
	case *unnestRel:
		return splitFilter(f, c, len(in.in.cols()), func(pred catalog.Expr) rel {
			return in.over([]rel{pushFilter(&filterRel{in: in.in, pred: pred, place: f.place}, c)})
		})
	case *setRel:
		return pushIntoSet(f, in, c)
	case *normalizeRel:
		return pushPartitions(f, in, in.keys, nil, c)
	case *aggregateRel:
		if in.late != nil || len(in.keys) == 0 || in.totals != nil {
			return f
		}
		return splitFilterBy(f, c, func(i int) bool {
			return i < len(in.keys) && sameIfEqual(in.out[i].Type)
		}, func(pred catalog.Expr) rel {
			moved := shift(pred, func(i int) int { return in.keys[i] })
			return in.over([]rel{pushFilter(&filterRel{in: in.in, pred: moved, place: f.place}, c)})
		})
	}
	return f
}

// splitFilter moves down the conjuncts that read the first n columns only and
// cannot fail; what is left stays. Conjuncts after one that can fail stay too:
// they were evaluated on fewer rows, which matters to nobody, but the order of a
// conjunction is kept as written.
func splitFilter(f *filterRel, c *ruleContext, n int, push func(catalog.Expr) rel) rel {
	return splitFilterBy(f, c, func(i int) bool { return i < n }, push)
}

// splitFilterBy is splitFilter for conjuncts that read those columns only of which
// below is true.
func splitFilterBy(f *filterRel, c *ruleContext, below func(column int) bool, push func(catalog.Expr) rel) rel {
	var down, stay []catalog.Expr
	for _, p := range conjuncts(f.pred) {
		movable := !canFail(p) && volatility(p) != catalog.Volatile
		for _, i := range columnsOf(p) {
			movable = movable && below(i)
		}
		if movable {
			down = append(down, p)
		} else {
			stay = append(stay, p)
		}
	}
	if len(down) == 0 || anyCanFail(stay) {
		return f
	}
	out := push(conjunction(down))
	c.note(out, "push-filters")
	if len(stay) > 0 {
		out = &filterRel{in: out, pred: conjunction(stay), place: f.place}
	}
	return out
}

func anyCanFail(exprs []catalog.Expr) bool {
	for _, e := range exprs {
		if canFail(e) {
			return true
		}
	}
	return false
}

// mergeFilters makes one filter of two. AND evaluates its later operands also on
// rows for which the earlier ones are NULL; if the upper predicate can fail, the
// lower one is therefore asked for IS TRUE, which is never NULL.
func mergeFilters(upper, lower *filterRel, c *ruleContext) rel {
	if volatility(upper.pred) == catalog.Volatile {
		return nil
	}
	first := conjuncts(lower.pred)
	if canFail(upper.pred) {
		decided := isTrueOf(lower, c)
		if decided == nil {
			return nil
		}
		first = []catalog.Expr{decided}
	}
	both := append(append([]catalog.Expr(nil), first...), conjuncts(upper.pred)...)
	return &filterRel{in: lower.in, pred: conjunction(both), place: lower.place}
}

// isTrueOf gives lower.pred IS TRUE; nil if there is no such function.
func isTrueOf(lower *filterRel, c *ruleContext) catalog.Expr {
	if !nullable(lower.pred, lower.in.cols()) {
		return lower.pred
	}
	if call, ok := lower.pred.(*catalog.Call); ok && call.Fn.Name == fnIsTrue {
		return lower.pred
	}
	fn, ok := c.env.functions.Lookup(fnIsTrue)
	if !ok {
		return nil
	}
	overload, err := fn.Resolve([]catalog.Arg{{Type: catalog.Boolean}})
	if err != nil || len(overload.Params) != 1 || overload.CanFail {
		return nil
	}
	return &catalog.Call{Fn: fn, Overload: overload, Args: []catalog.Expr{lower.pred}}
}

func conjuncts(e catalog.Expr) []catalog.Expr {
	a, ok := e.(*catalog.And)
	if !ok {
		return []catalog.Expr{e}
	}
	var out []catalog.Expr
	for _, arg := range a.Args {
		out = append(out, conjuncts(arg)...)
	}
	return out
}

// conjunction joins predicates; one that is there twice counts once.
func conjunction(preds []catalog.Expr) catalog.Expr {
	seen := map[string]bool{}
	var kept []catalog.Expr
	for _, p := range preds {
		if k := exprKey(p); !seen[k] || volatility(p) != catalog.Immutable {
			seen[k] = true
			kept = append(kept, p)
		}
	}
	if len(kept) == 1 {
		return kept[0]
	}
	return &catalog.And{Args: kept}
}

func allInfallible(exprs []catalog.Expr) bool {
	for _, e := range exprs {
		if canFail(e) || volatility(e) == catalog.Volatile {
			return false
		}
	}
	return true
}

// cheapInside says whether a predicate computes nothing twice when a
// projection's expressions stand in it: a column that costs something is read
// by the predicate alone or not at all.
func cheapInside(pred catalog.Expr, exprs []catalog.Expr) bool {
	uses := map[int]int{}
	walkExpr(pred, func(e catalog.Expr) bool {
		if c, ok := e.(*catalog.ColumnRef); ok {
			uses[c.Index]++
		}
		return true
	})
	for i, n := range uses {
		if !isTrivial(exprs[i]) && n > 1 {
			return false
		}
	}
	return true
}

package planner

import "github.com/streamsql/streamsql/catalog"

// mergeProjections makes one projection of two, and constant rows of a
// projection of constant rows. An expression of the lower projection that costs
// something is merged only where it is used once and always evaluated; one that
// can fail only where it is used exactly once in the open, so that it fails on
// the same rows.
func mergeProjections(r rel, c *ruleContext) rel {
	return rewrite(r, func(r rel) rel {
		p, ok := r.(*projectRel)
		if !ok {
			return r
		}
		switch in := p.in.(type) {
		case *projectRel:
			if mergeable(p.exprs, in) {
				return &projectRel{in: in.in, exprs: inlineAll(p.exprs, in.exprs, c.env), out: p.out, place: p.place}
			}
		case *valuesRel:
			if v := projectValues(p, in, c.env); v != nil {
				return v
			}
		}
		return r
	})
}

func inlineAll(exprs, below []catalog.Expr, env *environment) []catalog.Expr {
	out := make([]catalog.Expr, len(exprs))
	for i, e := range exprs {
		out[i] = foldExpr(inline(e, below), env)
	}
	return out
}

// mergeable says whether upper expressions may have the lower projection's in
// the place of its columns.
func mergeable(upper []catalog.Expr, lower *projectRel) bool {
	uses := make([]int, len(lower.exprs))
	hidden := make([]bool, len(lower.exprs)) // used under CASE, AND, OR, COALESCE
	var count func(e catalog.Expr, conditional bool)
	count = func(e catalog.Expr, conditional bool) {
		if c, ok := e.(*catalog.ColumnRef); ok {
			uses[c.Index]++
			hidden[c.Index] = hidden[c.Index] || conditional
			return
		}
		switch e := e.(type) {
		case *catalog.Case, *catalog.And, *catalog.Or, *catalog.Coalesce:
			conditional = true
		case *catalog.Call: // whose errors are none
			conditional = conditional || e.Fn.Name == fnTry
		}
		for _, a := range children(e) {
			count(a, conditional)
		}
	}
	for _, e := range upper {
		count(e, false)
	}
	for i, e := range lower.exprs {
		switch {
		case isTrivial(e):
		case canFail(e) && (uses[i] != 1 || hidden[i]):
			return false
		case uses[i] > 1 || uses[i] == 1 && volatility(e) == catalog.Volatile && hidden[i]:
			return false
		}
	}
	return true
}

// projectValues computes a projection of constant rows where nothing has to be
// computed twice.
func projectValues(p *projectRel, v *valuesRel, env *environment) rel {
	for _, row := range v.rows {
		if !mergeable(p.exprs, &projectRel{exprs: row}) {
			return nil
		}
	}
	rows := make([][]catalog.Expr, len(v.rows))
	for i, row := range v.rows {
		rows[i] = inlineAll(p.exprs, row, env)
	}
	return &valuesRel{rows: rows, out: p.out, place: p.place}
}

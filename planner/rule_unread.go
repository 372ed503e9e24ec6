package planner

import "github.com/streamsql/streamsql/catalog"

// dropUnread puts NULL in the place of computed columns that nobody reads, so
// that what they could do (fail, cost something) is no longer in the way of
// other rules. Pruning takes the columns themselves away.
func dropUnread(r rel, c *ruleContext) rel {
	of := demand(r, true)
	return rewriteFrom(r, func(was, r rel) rel {
		if p, ok := r.(*projectRel); ok {
			return withoutUnread(p, of[was])
		}
		return r
	})
}

// dropUnreadOver takes out the calls with OVER that nobody reads, and an OVER
// without any: a filter may then pass, or be seen to stand on a rank.
func dropUnreadOver(r rel, c *ruleContext) rel {
	of := demand(r, true)
	return rewriteFrom(r, func(was, r rel) rel {
		if o, ok := r.(*overRel); ok {
			return withoutUnreadCalls(o, of[was])
		}
		return r
	})
}

func withoutUnread(p *projectRel, read needs) rel {
	var exprs []catalog.Expr
	for i, e := range p.exprs {
		if read[i] != nil || isTrivial(e) {
			continue
		}
		if exprs == nil {
			exprs = append([]catalog.Expr(nil), p.exprs...)
		}
		exprs[i] = nullLiteral(e.Type())
	}
	if exprs == nil {
		return p
	}
	return &projectRel{in: p.in, exprs: exprs, out: p.out, place: p.place}
}

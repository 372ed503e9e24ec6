package planner

import "github.com/streamsql/streamsql/catalog"

// dropUnread puts NULL in the place of computed columns that nobody reads, so
// that what they could do (fail, cost something) is no longer in the way of
// other rules. Pruning takes the columns themselves away.
func dropUnread(r rel, c *ruleContext) rel {
	of := demand(r, true)
	done := map[rel]rel{}
	var walk func(rel) rel
	walk = func(r rel) rel {
		if out, ok := done[r]; ok {
			return out
		}
		out := overRewritten(r, walk)
		if p, ok := out.(*projectRel); ok {
			out = withoutUnread(p, of[r])
		}
		done[r] = out
		return out
	}
	return walk(r)
}

// dropUnreadOver takes out the calls with OVER that nobody reads, and an OVER
// without any: a filter may then pass, or be seen to stand on a rank.
func dropUnreadOver(r rel, c *ruleContext) rel {
	of := demand(r, true)
	done := map[rel]rel{}
	var walk func(rel) rel
	walk = func(r rel) rel {
		if out, ok := done[r]; ok {
			return out
		}
		out := overRewritten(r, walk)
		if o, ok := out.(*overRel); ok {
			out = withoutUnreadCalls(o, of[r])
		}
		done[r] = out
		return out
	}
	return walk(r)
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

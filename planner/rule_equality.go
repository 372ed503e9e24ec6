package planner

import "github.com/streamsql/streamsql/catalog"

// applyEqualities puts constants into the place of what a filter below has found
// equal to them: above WHERE event_type = 2 a CASE over event_type is one of its
// branches. Only where equal values are the same value: not for floating point,
// where 0 = -0, nor for texts with a length.
func applyEqualities(r rel, c *ruleContext) rel {
	return rewrite(r, func(r rel) rel {
		p, ok := r.(*projectRel)
		if !ok {
			return r
		}
		f, ok := p.in.(*filterRel)
		if !ok {
			return r
		}
		known := equalities(f.pred)
		if len(known) == 0 {
			return r
		}
		exprs, changed := make([]catalog.Expr, len(p.exprs)), false
		for i, e := range p.exprs {
			exprs[i] = e
			if isTrivial(e) {
				continue // a column costs nothing
			}
			put := replace(e, func(e catalog.Expr) catalog.Expr {
				if l, ok := known[exprKey(e)]; ok {
					return l
				}
				return nil
			})
			if put != e {
				exprs[i], changed = foldExpr(put, c.env), true
			}
		}
		if !changed {
			return r
		}
		out := &projectRel{in: p.in, exprs: exprs, out: p.out, place: p.place}
		c.note(out, "apply-equalities")
		return out
	})
}

// equalities finds the conjuncts "column = constant" of a predicate, by the key
// of the column.
func equalities(pred catalog.Expr) map[string]*catalog.Literal {
	known := map[string]*catalog.Literal{}
	for _, p := range conjuncts(pred) {
		call, ok := p.(*catalog.Call)
		if ok && call.Fn.Name == fnIsTrue {
			for k, l := range equalities(call.Args[0]) {
				known[k] = l
			}
			continue
		}
		if !ok || call.Fn.Name != "=" || len(call.Args) != 2 {
			continue
		}
		for i, side := range call.Args {
			l, ok := call.Args[1-i].(*catalog.Literal)
			if _, _, path := pathOf(side); ok && path && l.Value != nil && l.T.Equal(side.Type()) && exactEquality(l.T) {
				known[exprKey(side)] = l
			}
		}
	}
	return known
}

func exactEquality(t catalog.Type) bool {
	return t.IsInteger() || t.Kind == catalog.KindBoolean || t.Kind == catalog.KindDate ||
		t.IsTimestamp() || t.Equal(catalog.String)
}

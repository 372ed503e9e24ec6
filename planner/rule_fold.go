package planner

import "github.com/streamsql/streamsql/catalog"

// foldConstants computes what does not depend on a row. Binding has folded what
// was constant as written; other rules, which put expressions into the place of
// columns, make new constants. Conjunctions lose TRUE, disjunctions FALSE.
func foldConstants(r rel, c *ruleContext) rel {
	return rewrite(r, func(r rel) rel {
		switch r := r.(type) {
		case *filterRel:
			pred := foldExpr(r.pred, c.env)
			if isTrue(pred) {
				return r.in
			}
			if pred != r.pred {
				return &filterRel{in: r.in, pred: pred, place: r.place}
			}
		case *joinRel:
			out := *r
			out.eachExpr(func(e catalog.Expr) catalog.Expr { return foldExpr(e, c.env) })
			if out.on != nil && isTrue(out.on) {
				out.on = nil
			}
			if out.on != r.on || out.match != r.match || out.notIn != r.notIn {
				return &out
			}
		case *projectRel:
			exprs, changed := make([]catalog.Expr, len(r.exprs)), false
			for i, e := range r.exprs {
				exprs[i] = foldExpr(e, c.env)
				changed = changed || exprs[i] != e
			}
			if changed {
				return &projectRel{in: r.in, exprs: exprs, out: r.out, place: r.place}
			}
		}
		return r
	})
}

// foldExpr folds from the leaves. What has no value (1/'x') stays, to be an error
// of its row.
func foldExpr(e catalog.Expr, env *environment) catalog.Expr {
	old := children(e)
	args, changed := make([]catalog.Expr, len(old)), false
	for i, c := range old {
		args[i] = foldExpr(c, env)
		changed = changed || args[i] != c
	}
	if changed {
		e = withChildren(e, args)
	}
	switch c := e.(type) {
	case *catalog.And:
		return simplify(c.Args, true, e)
	case *catalog.Or:
		return simplify(c.Args, false, e)
	case *catalog.Case:
		return foldCase(c)
	case *catalog.Call, *catalog.Cast:
		if out, err := env.fold(e); err == nil {
			return out
		}
	}
	return e
}

// simplify drops operands that decide nothing (TRUE of AND, FALSE of OR), and
// those after one that decides.
func simplify(args []catalog.Expr, neutral bool, e catalog.Expr) catalog.Expr {
	var kept []catalog.Expr
	for _, a := range args {
		if l, ok := a.(*catalog.Literal); ok && l.Value != nil {
			if l.Value.(bool) == neutral {
				continue
			}
			kept = append(kept, a)
			break
		}
		kept = append(kept, a)
	}
	switch {
	case len(kept) == len(args):
		return e
	case len(kept) == 0:
		return boolLiteral(neutral)
	case len(kept) == 1:
		return kept[0]
	case neutral:
		return &catalog.And{Args: kept}
	}
	return &catalog.Or{Args: kept}
}

// foldCase drops branches whose condition is a constant.
func foldCase(c *catalog.Case) catalog.Expr {
	out := &catalog.Case{T: c.T, Else: c.Else}
	for _, w := range c.Whens {
		l, constant := w.Cond.(*catalog.Literal)
		if !constant {
			out.Whens = append(out.Whens, w)
			continue
		}
		if isTrue(l) {
			out.Else = w.Then
			break
		}
	}
	switch {
	case len(out.Whens) == 0 && out.Else == nil:
		return nullLiteral(c.T)
	case len(out.Whens) == 0:
		return out.Else
	case len(out.Whens) == len(c.Whens):
		return c
	}
	return out
}

func isTrue(e catalog.Expr) bool {
	l, ok := e.(*catalog.Literal)
	if !ok {
		return false
	}
	v, ok := l.Value.(bool)
	return ok && v
}

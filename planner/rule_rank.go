package planner

import "github.com/streamsql/streamsql/catalog"

// rankRows turns a filter on ROW_NUMBER, RANK or DENSE_RANK that keeps the first
// rows into an operator that holds no more than these.
func rankRows(r rel, c *ruleContext) rel {
	return rewrite(r, func(r rel) rel {
		f, ok := r.(*filterRel)
		if !ok {
			return r
		}
		out := ranked(f)
		if out == r || losesTime(r.cols(), out.cols()) {
			return r
		}
		c.note(out, "rank")
		return out
	})
}

// losesTime says whether a column is a time attribute no more. What stands above was
// bound as if it were one.
func losesTime(before, after []column) bool {
	for i, c := range before {
		if c.time == eventTime && after[i].time != eventTime {
			return true
		}
	}
	return false
}

// ranked is a filter with the ranking call below it, through projections, made a
// rankRel; or the filter itself. It is also used while a query is bound, so
// that what stands above knows that its input updates.
func ranked(f *filterRel) rel {
	// The chain of projections below the filter; the predicate goes down them.
	var chain []*projectRel
	preds := conjuncts(f.pred)
	at := f.in
	for {
		p, ok := at.(*projectRel)
		if !ok {
			break
		}
		if !allInfallible(p.exprs) {
			return f
		}
		chain = append(chain, p)
		at = p.in
	}
	o, ok := at.(*overRel)
	if !ok || len(o.calls) != 1 || !o.calls[0].Kind.ranks() {
		return f
	}
	col := len(o.in.cols())
	// Each conjunct as it is over the overRel.
	below := make([]catalog.Expr, len(preds))
	for i, p := range preds {
		below[i] = p
		for _, proj := range chain {
			below[i] = inline(below[i], proj.exprs)
		}
	}
	from, to, rest, ok := rankBounds(below, col)
	if !ok {
		return f
	}
	if to < from {
		return &filterRel{in: f.in, pred: boolLiteral(false), place: f.place}
	}
	rank := rankOf(o, from, to)
	if rank == nil {
		return f
	}
	var out rel = rank
	for i := len(chain) - 1; i >= 0; i-- {
		out = rederived(chain[i], out)
	}
	var stay []catalog.Expr
	for i, p := range preds {
		for _, q := range rest {
			if below[i] == q {
				stay = append(stay, p)
			}
		}
	}
	if len(stay) == 0 {
		return out
	}
	return &filterRel{in: out, pred: conjunction(stay), place: f.place}
}

// rederived is a projection over another input, its columns' roles being those
// that the input's columns have now.
func rederived(p *projectRel, in rel) *projectRel {
	out := &projectRel{in: in, exprs: p.exprs, place: p.place}
	for i, e := range p.exprs {
		c := derived(e, in.cols(), p.place)
		c.Name, c.Type, c.NotNull = p.out[i].Name, p.out[i].Type, p.out[i].NotNull
		out.out = append(out.out, c)
	}
	return out
}

package planner

import (
	"slices"

	"github.com/streamsql/streamsql/catalog"
)

// domain computes a subquery for all values of its parameters that occur: every
// relation gets, behind its own columns, those of the domain, and a correlated one
// reads these. What comes out is joined to the rows around by them.
type domain struct {
	*decorrelator
	rel    rel
	params []int // parameters, in the order of rel's columns
}

// overDomain computes r over the different values of the parameters in the rows of
// left; args are the parameters over its columns.
func (d *decorrelator) overDomain(r rel, left rel, args []catalog.Expr, where place) (pulled, error) {
	left, err := d.settle(left)
	if err != nil {
		return pulled{}, err
	}
	m := &domain{decorrelator: d}
	visit(r, func(r rel) {
		for _, e := range exprsOf(r) {
			walkExpr(e, func(e catalog.Expr) bool {
				if o, ok := e.(*catalog.Outer); ok && o.Of == d.id && !slices.Contains(m.params, o.Index) {
					m.params = append(m.params, o.Index)
				}
				return true
			})
		}
	})
	exprs, names := make([]catalog.Expr, len(m.params)), make([]string, len(m.params))
	for i, p := range m.params {
		exprs[i], names[i] = args[p], "OUTER$"+itoa(i)
		if c, ok := args[p].(*catalog.ColumnRef); ok && !slices.Contains(names[:i], c.Name) {
			names[i] = c.Name
		}
	}
	in := project(left, exprs, names, where)
	in.out = plainColumns(in.out, "the subquery at "+where.line())
	m.rel, _ = newAggregate(in, positions(len(names)), nil, where)
	out, err := m.push(r)
	if err != nil {
		return pulled{}, err
	}
	p := pulled{rel: out, outs: refs(out.cols())[:len(r.cols())]}
	for i, param := range m.params {
		o := &catalog.Outer{Of: d.id, Index: param, Name: names[i], T: args[param].Type()}
		same, err := d.same(o, ref(out.cols(), len(r.cols())+i), where)
		if err != nil {
			return p, err
		}
		p.on = append(p.on, same)
	}
	return p, nil
}

// same is a IS NOT DISTINCT FROM b.
func (b *binder) same(l, r catalog.Expr, where place) (catalog.Expr, error) {
	x := &exprBinder{binder: b, scope: &scope{}}
	return x.invoke(where, fnSame, []catalog.Expr{l, r}, []place{where, where})
}

// width is the number of columns of the domain.
func (m *domain) width() int { return len(m.params) }

// with puts the columns of the domain, which begin at n, into the place of the
// parameters.
func (m *domain) with(e catalog.Expr, cols []column, n int) catalog.Expr {
	return replace(e, func(e catalog.Expr) catalog.Expr {
		if o, ok := e.(*catalog.Outer); ok && o.Of == m.id {
			return ref(cols, n+slices.Index(m.params, o.Index))
		}
		return nil
	})
}

// crossed puts every row of r beside every value of the domain.
func (m *domain) crossed(r rel) (rel, error) {
	return m.newJoin(&joinRel{kind: InnerJoin, left: r, right: m.rel, place: r.at()}, nil)
}

// push gives r with the columns of the domain behind its own.
func (m *domain) push(r rel) (rel, error) {
	if !m.correlated(r) {
		if globalAggregate(r) {
			return m.pushGlobal(r)
		}
		return m.crossed(r)
	}
	switch r := r.(type) {
	case *filterRel:
		in, err := m.push(r.in)
		if err != nil {
			return nil, err
		}
		return &filterRel{in: in, pred: m.with(r.pred, in.cols(), len(r.in.cols())), place: r.place}, nil
	case *projectRel:
		in, err := m.push(r.in)
		if err != nil {
			return nil, err
		}
		return m.projected(in, len(r.in.cols()), r.exprs, r.out, r.place), nil
	case *valuesRel:
		return m.pushValues(r)
	case *joinRel:
		return m.pushJoin(r)
	case *aggregateRel:
		return m.pushAggregate(r)
	case *unionRel:
		u := *r
		u.ins = nil
		for _, in := range r.ins {
			out, err := m.push(in)
			if err != nil {
				return nil, err
			}
			u.ins = append(u.ins, out)
		}
		u.out = append(slices.Clip(r.out), u.ins[0].cols()[len(r.out):]...)
		return &u, nil
	case *setRel:
		left, err := m.push(r.left)
		if err != nil {
			return nil, err
		}
		right, err := m.push(r.right)
		if err != nil {
			return nil, err
		}
		s := *r
		s.left, s.right = left, right
		s.out = append(slices.Clip(r.out), left.cols()[len(r.out):]...)
		return &s, nil
	case *unnestRel:
		return m.pushUnnest(r)
	case *sortRel:
		if r.limit < 0 && r.offset == 0 {
			return m.push(r.in)
		}
	}
	return nil, m.refused(r)
}

// projected computes exprs over a relation of n columns and the domain's.
func (m *domain) projected(in rel, n int, exprs []catalog.Expr, out []column, where place) rel {
	p := &projectRel{in: in, out: slices.Clone(out), place: where}
	for _, e := range exprs {
		p.exprs = append(p.exprs, m.with(e, in.cols(), n))
	}
	for i := range m.width() {
		p.exprs, p.out = append(p.exprs, ref(in.cols(), n+i)), append(p.out, in.cols()[n+i])
	}
	return p
}

func (m *domain) pushValues(r *valuesRel) (rel, error) {
	all := &unionRel{place: r.place}
	for _, row := range r.rows {
		in, err := m.crossed(oneRow(r.place))
		if err != nil {
			return nil, err
		}
		all.ins = append(all.ins, m.projected(in, 1, row, r.out, r.place))
	}
	if len(all.ins) == 1 {
		return all.ins[0], nil
	}
	all.out = all.ins[0].cols()
	return all, nil
}

// pushJoin pushes the domain into the sides that read it, or else into the one
// whose rows come out. Where both have it, they join by it.
func (m *domain) pushJoin(r *joinRel) (rel, error) {
	if r.asof || r.match != nil || r.mode != regularJoin && r.mode != staticJoin {
		return nil, m.refused(r)
	}
	nl, nr, w := len(r.left.cols()), len(r.right.cols()), m.width()
	inLeft := m.correlated(r.left) || m.reads(r.exprs()...) || r.kind != InnerJoin && r.kind != RightJoin
	inRight := m.correlated(r.right) || r.kind == RightJoin || r.kind == FullJoin
	left, right := r.left, r.right
	var err error
	if inLeft {
		if left, err = m.push(left); err != nil {
			return nil, err
		}
	}
	if inRight {
		if right, err = m.push(right); err != nil {
			return nil, err
		}
	}
	atRight := nl
	if inLeft {
		atRight += w
	}
	both := append(slices.Clip(left.cols()), right.cols()...)
	at := nl // of the domain
	if !inLeft {
		at = nl + nr
	}
	move := func(e catalog.Expr) catalog.Expr {
		e = shift(e, func(i int) int {
			if i < nl {
				return i
			}
			return atRight + i - nl
		})
		return m.with(e, both, at)
	}
	var on []catalog.Expr
	for _, c := range r.conditions() {
		on = append(on, move(c))
	}
	j := &joinRel{kind: r.kind, left: left, right: right, place: r.place}
	if r.notIn != nil {
		j.notIn = move(r.notIn)
	}
	if inLeft && inRight {
		for i := range w {
			same, err := m.same(ref(both, nl+i), ref(both, atRight+nr+i), r.place)
			if err != nil {
				return nil, err
			}
			on = append(on, same)
		}
	}
	out, err := m.newJoin(j, on)
	if err != nil {
		return nil, err
	}
	// The columns of the join, then those of the domain, which a padded row has of
	// the side that it has.
	cols := out.cols()
	p := &projectRel{in: out, place: r.place}
	keep := func(i int) { p.exprs, p.out = append(p.exprs, ref(cols, i)), append(p.out, cols[i]) }
	for i := range nl {
		keep(i)
	}
	if !r.kind.oneSided() {
		for i := range nr {
			keep(atRight + i)
		}
	}
	for i := range w {
		switch {
		case r.kind == FullJoin:
			e := &catalog.Coalesce{Args: []catalog.Expr{ref(cols, nl+i), ref(cols, atRight+nr+i)}, T: cols[nl+i].Type}
			p.exprs, p.out = append(p.exprs, e), append(p.out, m.rel.cols()[i])
		case r.kind == RightJoin || !inLeft:
			keep(atRight + nr + i)
		default:
			keep(nl + i)
		}
	}
	return p, nil
}

// pushAggregate groups by the columns of the domain too. Without GROUP BY there is
// a row for each value of the domain.
func (m *domain) pushAggregate(r *aggregateRel) (rel, error) {
	if r.late != nil || len(r.totals) > 0 {
		return nil, m.refused(r)
	}
	in, err := m.push(r.in)
	if err != nil {
		return nil, err
	}
	n, k := len(r.in.cols()), len(r.keys)
	agg := *r
	agg.in, agg.keys, agg.out = in, slices.Clone(r.keys), slices.Clone(r.out[:k])
	for i := range m.width() {
		agg.keys, agg.out = append(agg.keys, n+i), append(agg.out, in.cols()[n+i])
	}
	agg.out = append(agg.out, r.out[k:]...)
	if k == 0 && r.window == nil {
		return m.padded(r, &agg)
	}
	p := &projectRel{in: &agg, out: slices.Clone(r.out), place: r.place}
	for i := range r.out {
		if i >= k {
			i += m.width()
		}
		p.exprs = append(p.exprs, ref(agg.out, i))
	}
	for i := range m.width() {
		p.exprs, p.out = append(p.exprs, ref(agg.out, k+i)), append(p.out, agg.out[k+i])
	}
	return p, nil
}

// padded gives an aggregate a row for the values of the domain that have none.
func (m *domain) padded(r *aggregateRel, agg *aggregateRel) (rel, error) {
	w := m.width()
	var on []catalog.Expr
	both := append(slices.Clip(m.rel.cols()), agg.out...)
	for i := range w {
		same, err := m.same(ref(both, i), ref(both, w+i), r.place)
		if err != nil {
			return nil, err
		}
		on = append(on, same)
	}
	j, err := m.newJoin(&joinRel{kind: LeftJoin, left: m.rel, right: agg, place: r.place}, on)
	if err != nil {
		return nil, err
	}
	p := &projectRel{in: j, place: r.place}
	for i, c := range r.aggs {
		e := catalog.Expr(ref(j.cols(), 2*w+i))
		empty, err := m.overNothing(c, r)
		if err != nil {
			return nil, err
		}
		if empty != nil {
			e = &catalog.Coalesce{Args: []catalog.Expr{e, empty}, T: e.Type()}
		}
		p.exprs, p.out = append(p.exprs, e), append(p.out, r.out[i])
	}
	for i := range w {
		p.exprs, p.out = append(p.exprs, ref(j.cols(), i)), append(p.out, j.cols()[i])
	}
	return p, nil
}

// pushGlobal puts an aggregate that does not read the domain beside it.
func (m *domain) pushGlobal(r rel) (rel, error) {
	p, err := m.pull(r)
	if err != nil {
		return nil, err
	}
	j, err := m.newJoin(&joinRel{kind: LeftJoin, left: m.rel, right: p.rel, place: r.at()}, nil)
	if err != nil {
		return nil, err
	}
	w := m.width()
	move := func(e catalog.Expr) catalog.Expr { return shift(e, func(i int) int { return w + i }) }
	for i, e := range p.after {
		p.after[i] = move(e)
	}
	f := filtered(j, p.after, r.at())
	out := &projectRel{in: f, out: slices.Clone(r.cols()), place: r.at()}
	for _, e := range p.outs {
		out.exprs = append(out.exprs, move(e))
	}
	for i := range w {
		out.exprs, out.out = append(out.exprs, ref(j.cols(), i)), append(out.out, j.cols()[i])
	}
	return out, nil
}

func (m *domain) pushUnnest(r *unnestRel) (rel, error) {
	in, err := m.push(r.in)
	if err != nil {
		return nil, err
	}
	n := len(r.in.cols())
	u := r.withExprs(in, func(e catalog.Expr) catalog.Expr { return m.with(e, in.cols(), n) })
	p := &projectRel{in: u, place: r.place}
	keep := func(i int) { p.exprs, p.out = append(p.exprs, ref(u.out, i)), append(p.out, u.out[i]) }
	for i := range n {
		keep(i)
	}
	for i := range u.elements() {
		keep(n + m.width() + i)
	}
	for i := range m.width() {
		keep(n + i)
	}
	return p, nil
}

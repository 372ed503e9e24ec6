package planner

import (
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// lateral binds LATERAL (query) beside the tables on its left, whose columns it may
// read. With outer, rows of the left for which it has no row, or none that on
// holds for, stay.
func (b *binder) lateral(left fromItem, t *parser.DerivedTable, outer bool, on parser.Expr) (rel, *scope, error) {
	where := b.at(t)
	around := &exprBinder{binder: b, scope: left.scope, clause: "LATERAL"}
	s, err := around.newSubquery(lateralSubquery, t.Query, where)
	if err != nil {
		return nil, nil, err
	}
	cols := s.rel.cols()
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = c.Name
	}
	var table []string
	if t.Alias != nil {
		table = []string{t.Alias.Name.Text}
		if n := len(t.Alias.Columns); n > 0 && n != len(cols) {
			return nil, nil, b.at(t.Alias).errorf("%s for %s", count(n, "column name"), count(len(cols), "column"))
		}
		for i, c := range t.Alias.Columns {
			names[i] = c.Text
		}
	}
	out := make([]column, len(cols))
	for i, c := range plainColumns(cols, "") {
		out[i] = c
		out[i].Name = names[i]
		out[i].NotNull = c.NotNull && !outer
	}
	sc, err := b.beside(left.scope, tableScope(out, table...), where)
	if err != nil {
		return nil, nil, err
	}
	var cond catalog.Expr
	if on != nil {
		x := &exprBinder{binder: b, scope: sc, clause: "ON of LATERAL"}
		if cond, err = x.condition(on); err != nil {
			return nil, nil, err
		}
		if isTrue(cond) {
			cond = nil
		}
	}
	r, err := b.besideLateral(left.rel, s, outer, cond, names)
	if err != nil {
		return nil, nil, err
	}
	sc.cols = r.cols()
	return r, sc, nil
}

// besideLateral gives the rows of left, each beside those of the subquery; cond is
// over the columns of both.
func (b *binder) besideLateral(left rel, s *subquery, outer bool, cond catalog.Expr, names []string) (rel, error) {
	n := len(left.cols())
	shown := make([]string, 0, n+len(names))
	for _, c := range left.cols() {
		shown = append(shown, c.Name)
	}
	shown = append(shown, names...)
	if r := b.local(left, s, s.rel); r != nil && !outer {
		out := project(r, refs(r.cols()), shown, s.place)
		return filteredBy(out, cond, s.place), nil
	}
	_, p, err := b.decorrelated(s, left, s.params)
	if err != nil {
		return nil, err
	}
	kind := InnerJoin
	if outer || p.left {
		kind = LeftJoin
	}
	if outer && !p.left {
		for i, e := range p.outs {
			if _, plain := e.(*catalog.ColumnRef); !plain {
				p, p.outs[i] = b.marked(p, e, s.place)
			}
		}
	}
	j := &joinRel{kind: kind, left: left, right: p.rel, place: s.place}
	on := s.overAll(p.on, left, s.params)
	outs := append(refs(left.cols()), s.overAll(p.outs, left, s.params)...)
	after := s.overAll(p.after, left, s.params)
	if cond != nil {
		cond = inline(cond, outs)
		if outer && !p.left {
			on = append(on, cond)
		} else {
			after = append(after, cond)
		}
	}
	if len(on) > 0 {
		j.on = conjunction(on)
	}
	j.out = joinColumns(kind, left.cols(), p.rel.cols())
	var r rel = j
	switch {
	case len(after) == 0:
	case outer:
		there := conjunction(after)
		for i := n; i < len(outs); i++ {
			outs[i] = &catalog.Case{Whens: []catalog.When{{Cond: there, Then: outs[i]}}, Else: nullLiteral(outs[i].Type()), T: outs[i].Type()}
		}
	default:
		r = filtered(j, after, s.place)
	}
	return project(r, outs, shown, s.place), nil
}

func filteredBy(r rel, cond catalog.Expr, where place) rel {
	if cond == nil {
		return r
	}
	return filtered(r, conjuncts(cond), where)
}

// local gives the rows of a subquery that reads nothing but the row around it (and
// UNNESTs it, say), without a join: its one row is the row of left. nil: it reads
// something else.
func (b *binder) local(left rel, s *subquery, r rel) rel {
	over := func(e catalog.Expr) catalog.Expr { return s.over(e, left, s.params) }
	beside := func(in rel, exprs []catalog.Expr, cols []column, where place) rel {
		all, names := refs(left.cols()), []string{}
		for _, c := range left.cols() {
			names = append(names, c.Name)
		}
		for i, e := range exprs {
			all, names = append(all, over(e)), append(names, cols[i].Name)
		}
		return project(in, all, names, where)
	}
	switch r := r.(type) {
	case *valuesRel:
		if len(r.rows) == 1 {
			return beside(left, r.rows[0], r.out, r.place)
		}
	case *projectRel:
		if in := b.local(left, s, r.in); in != nil {
			return beside(in, r.exprs, r.out, r.place)
		}
	case *filterRel:
		if in := b.local(left, s, r.in); in != nil {
			return &filterRel{in: in, pred: over(r.pred), place: r.place}
		}
	case *unnestRel:
		if in := b.local(left, s, r.in); in != nil {
			return r.withExprs(in, over)
		}
	}
	return nil
}

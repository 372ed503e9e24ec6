package planner

import (
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

var joinKinds = map[parser.JoinKind]JoinKind{
	parser.JoinInner: InnerJoin, parser.JoinCross: InnerJoin, parser.JoinAsof: InnerJoin,
	parser.JoinLeft: LeftJoin, parser.JoinAsofLeft: LeftJoin, parser.JoinRight: RightJoin, parser.JoinFull: FullJoin,
	parser.JoinSemi: SemiJoin, parser.JoinAnti: AntiJoin,
}

// fromItem is an item of FROM that has been bound.
type fromItem struct {
	rel   rel
	scope *scope
}

// join binds left JOIN right and its condition. What the join is, is settled when
// the WHERE clause of the block is known.
func (b *binder) join(t *parser.Join) (rel, *scope, error) {
	left, ls, err := b.tableRef(t.Left)
	if err != nil {
		return nil, nil, err
	}
	return b.joinTo(fromItem{left, ls}, t)
}

// joinTo binds what is joined to a left side.
func (b *binder) joinTo(l fromItem, t *parser.Join) (rel, *scope, error) {
	if isRowFunction(t.Right) {
		return b.joinFunction(l, t)
	}
	left, ls := l.rel, l.scope
	table, asOf := systemTime(t.Right)
	right, rs, err := b.tableRef(table)
	if err != nil {
		return nil, nil, err
	}
	var versionKey []int
	whole := right
	if asOf != nil {
		right, versionKey = versionsOf(right)
		rs.cols = right.cols()
	}
	where := b.joinPlace(t)
	sc, err := b.beside(ls, rs, b.at(t.Right))
	if err != nil {
		return nil, nil, err
	}
	j := &joinRel{
		kind: joinKinds[t.Kind], left: left, right: right, asof: t.Kind == parser.JoinAsof || t.Kind == parser.JoinAsofLeft,
		leftTable: tableOf(left, ls), rightTable: tableOf(right, rs), versionKey: versionKey, place: where,
	}
	x := &exprBinder{binder: b, scope: sc, clause: "ON"}
	if t.Match != nil {
		x.clause = "MATCH_CONDITION"
		if j.match, err = x.condition(t.Match); err != nil {
			return nil, nil, err
		}
	}
	if asOf != nil {
		if err := b.asOf(j, asOf, whole, ls, sc); err != nil {
			return nil, nil, err
		}
	}
	if t.On != nil {
		x.clause = "ON"
		if j.on, err = x.condition(t.On); err != nil {
			return nil, nil, err
		}
		if isTrue(j.on) {
			j.on = nil
		}
	}
	using := t.Using
	if t.Natural {
		if using, err = common(ls, rs, where); err != nil {
			return nil, nil, err
		}
	}
	if j.on != nil && b.env.hasSubquery(j.on) {
		return b.joinBySubqueries(j, sc, ls, rs)
	}
	var pairs [][2]int
	if len(using) > 0 {
		if pairs, err = b.using(j, using, x, ls, rs); err != nil {
			return nil, nil, err
		}
	}
	return b.joined(j, sc, ls, rs, pairs)
}

// cross binds the items of FROM a, b: all pairs, of which WHERE chooses.
func (b *binder) cross(left, right fromItem, where place) (rel, *scope, error) {
	sc, err := b.beside(left.scope, right.scope, where)
	if err != nil {
		return nil, nil, err
	}
	j := &joinRel{kind: InnerJoin, left: left.rel, right: right.rel, place: where,
		leftTable: tableOf(left.rel, left.scope), rightTable: tableOf(right.rel, right.scope)}
	return b.joined(j, sc, left.scope, right.scope, nil)
}

// tableOf names a side of a join that is a single table.
func tableOf(r rel, sc *scope) string {
	if len(sc.tables) != 1 || unsettled(r) {
		return ""
	}
	return sc.tables[0].name()
}

// beside is the scope of two sides, with the columns of the right one behind those
// of the left one.
func (b *binder) beside(l, r *scope, where place) (*scope, error) {
	n := len(l.cols)
	s := &scope{cols: append(slices.Clip(l.cols), r.cols...), tables: slices.Clone(l.tables)}
	for _, t := range r.tables {
		for _, have := range l.tables {
			if have.sameName(t) {
				return nil, hint(where.errorf("table `%s` is there twice in this FROM", t.name()), "give one of them an alias")
			}
		}
		t.first += n
		s.tables = append(s.tables, t)
	}
	if l.visible != nil || r.visible != nil {
		s.visible = slices.Clone(l.shown())
		for _, i := range r.shown() {
			s.visible = append(s.visible, n+i)
		}
	}
	return s, nil
}

// common finds the columns of a NATURAL JOIN: those of a name that both sides have.
func common(l, r *scope, where place) ([]parser.Ident, error) {
	var out []parser.Ident
	for _, i := range l.shown() {
		for _, k := range r.shown() {
			if strings.EqualFold(l.cols[i].Name, r.cols[k].Name) {
				out = append(out, parser.Ident{Text: l.cols[i].Name, Span: where.span})
				break
			}
		}
	}
	if len(out) == 0 {
		return nil, hint(where.errorf("the sides of this NATURAL JOIN have no column in common"), "a join of every row with every row is a CROSS JOIN")
	}
	return out, nil
}

// using binds USING (a, b): equality of the columns of these names. It gives their
// positions in both sides.
func (b *binder) using(j *joinRel, names []parser.Ident, x *exprBinder, ls, rs *scope) ([][2]int, error) {
	var pairs [][2]int
	var preds []catalog.Expr
	for _, id := range names {
		where := place{b.src, id.Span}
		l, err := b.usingColumn(id, ls, "left", where)
		if err != nil {
			return nil, err
		}
		r, err := b.usingColumn(id, rs, "right", where)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, [2]int{l, len(ls.cols) + r})
		args := []catalog.Expr{ref(x.scope.cols, l), ref(x.scope.cols, len(ls.cols)+r)}
		eq, err := x.invoke(where, "=", args, []place{where, where})
		if err != nil {
			return nil, err
		}
		preds = append(preds, eq)
	}
	j.on = conjunction(preds)
	return pairs, nil
}

func (b *binder) usingColumn(id parser.Ident, sc *scope, side string, where place) (int, error) {
	shown := sc.shown()
	found := matching(id, len(shown), func(i int) string { return sc.cols[shown[i]].Name })
	switch len(found) {
	case 1:
		return shown[found[0]], nil
	case 0:
		var names []string
		for _, i := range shown {
			names = append(names, sc.cols[i].Name)
		}
		return 0, didYouMean(where.errorf("the %s side of the join has no column `%s`", side, id.Text), id.Text, names, "")
	}
	return 0, hint(where.errorf("column `%s` is there more than once on the %s side of the join", id.Text, side), "join with ON")
}

// joined gives the join and what can be seen above it. Columns of USING are seen
// once, before all others: as the left one, or where that may be missing as the
// one that is there.
func (b *binder) joined(j *joinRel, sc, ls, rs *scope, pairs [][2]int) (rel, *scope, error) {
	j.out = joinColumns(j.kind, j.left.cols(), j.right.cols())
	if j.kind.oneSided() {
		out := *ls
		out.cols = j.out
		return j, &out, nil
	}
	sc.cols = j.out
	if pairs == nil {
		return j, sc, nil
	}
	exprs, names := refs(j.out), make([]string, len(j.out))
	for i, c := range j.out {
		names[i] = c.Name
	}
	var first []int
	gone := map[int]bool{}
	for _, p := range pairs {
		gone[p[0]], gone[p[1]] = true, true
		l, r := catalog.Expr(ref(j.out, p[0])), catalog.Expr(ref(j.out, p[1]))
		t, ok := catalog.CommonTypeOf(l.Type(), r.Type())
		if !ok {
			t = l.Type()
		}
		one, at := l, p[0]
		if j.kind == RightJoin {
			one, at = r, p[1]
		}
		if j.kind == FullJoin {
			one, at = &catalog.Coalesce{Args: []catalog.Expr{b.env.castTo(l, t), b.env.castTo(r, t)}, T: t}, -1
		} else if !one.Type().Equal(t) {
			one, at = b.env.castTo(one, t), -1
		}
		if at < 0 {
			at = len(exprs)
			exprs, names = append(exprs, one), append(names, j.out[p[0]].Name)
		}
		first = append(first, at)
	}
	for _, i := range sc.shown() {
		if !gone[i] {
			first = append(first, i)
		}
	}
	sc.visible = first
	if len(exprs) == len(j.out) {
		return j, sc, nil
	}
	p := project(j, exprs, names, j.place)
	sc.cols = p.out
	return p, sc, nil
}

package random

import (
	"fmt"
	"slices"
)

// mostJoined bounds what joins multiply.
const mostJoined = 50_000

// aliased is a relation under a name, as it stands in FROM, with its columns
// qualified by it.
func (g *queries) aliased(r relation) (from pair, name string, cols []column) {
	name = g.name("t")
	from = format("(%s) AS "+name, r.text)
	if r.base {
		from = format("%s AS "+name, r.text)
	}
	cols = slices.Clone(r.cols)
	for i := range cols {
		cols[i].name = name + "." + cols[i].name
	}
	return from, name, cols
}

// equality joins a column of each side; none: they have no kind in common.
func (g *queries) equality(l, r []column) (pair, bool) {
	var both []pair
	for _, a := range l {
		for _, b := range r {
			if a.kind == b.kind && a.kind != double {
				both = append(both, alike(a.name+" = "+b.name))
			}
		}
	}
	if len(both) == 0 {
		return pair{}, false
	}
	return both[g.IntN(len(both))], true
}

// join is a join of two relations and a projection of both sides. Over the base
// table on either side it may be one by a span of time.
func (g *queries) join(l, r relation) relation {
	if l.rows*r.rows > mostJoined {
		return g.selectFrom(l)
	}
	lf, ln, lc := g.aliased(l)
	rf, rn, rc := g.aliased(r)
	on, ok := g.equality(lc, rc)
	if !ok {
		return g.selectFrom(l)
	}
	cols := append(lc, rc...)
	both := exprs{g.Rand, cols}
	if l.base && r.base && g.IntN(2) == 0 {
		before, after := g.IntN(20), g.IntN(20)
		span := pair{
			fmt.Sprintf("%s.ts BETWEEN %s.ts - INTERVAL '%d' SECOND AND %s.ts + INTERVAL '%d' SECOND", ln, rn, before, rn, after),
			fmt.Sprintf("%s.ts BETWEEN %s.ts - %d AND %s.ts + %d", ln, rn, 1000*before, rn, 1000*after),
		}
		on = format("%s AND %s", on, span)
	}
	if g.IntN(3) == 0 {
		on = format("%s AND %s", on, both.boolean(g.IntN(2)))
	}
	kind := g.pick("JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN")
	return g.joined(lf, rf, cols, format(" "+kind+" "), on, l.rows*r.rows+l.rows+r.rows)
}

// joined is the projection and the filter of a join.
func (g *queries) joined(lf, rf pair, cols []column, kind, on pair, rows float64) relation {
	both := exprs{g.Rand, cols}
	out := relation{rows: rows}
	var items []pair
	for range 1 + g.IntN(4) {
		c := cols[g.IntN(len(cols))]
		p, v := alike(c.name), c.value
		if g.IntN(3) == 0 && (c.kind != timestamp) {
			p, v = both.expr(c.kind, 1+g.IntN(2))
		}
		col := column{g.name("c"), v}
		out.cols = append(out.cols, col)
		items = append(items, format("%s AS "+col.name, p))
	}
	out.text = format("SELECT %s FROM %s%s%s ON %s%s", join(items, ", "), lf, kind, rf, on, g.where(both))
	return out
}

// filtered keeps rows of a relation by a subquery over another.
func (g *queries) filtered(in, of relation) relation {
	if in.rows*of.rows > mostJoined {
		return g.selectFrom(in)
	}
	inf, name, inCols := g.aliased(in)
	off, _, ofCols := g.aliased(of)
	match, ok := g.equality(inCols, ofCols)
	if !ok {
		return g.selectFrom(in)
	}
	inner, sides := exprs{g.Rand, ofCols}, exprs{g.Rand, append(slices.Clone(inCols), ofCols...)}
	more := pair{}
	var test pair
	switch g.IntN(4) {
	case 0, 1:
		if g.IntN(3) == 0 {
			more = format(" AND %s", sides.boolean(1))
		}
		test = format(g.pick("EXISTS", "NOT EXISTS")+" (SELECT 1 FROM %s WHERE %s%s)", off, match, more)
	default:
		var left, right column
		for left.name == "" || left.kind != right.kind || left.kind == double {
			left, right = inCols[g.IntN(len(inCols))], ofCols[g.IntN(len(ofCols))]
		}
		if g.IntN(2) == 0 {
			more = format(" WHERE %s", inner.boolean(1))
		}
		test = format(left.name+g.pick(" IN", " NOT IN")+" (SELECT "+right.name+" FROM %s%s)", off, more)
	}
	in.text = format("SELECT "+name+".* FROM %s WHERE %s", inf, test)
	in.base = false
	return in
}

// numbered is the first rows of each partition by ROW_NUMBER over a total order.
func (g *queries) numbered(in relation) relation {
	from, _, _ := g.aliased(in)
	var terms []pair
	for _, i := range g.Perm(len(in.cols)) {
		terms = append(terms, alike(in.cols[i].name+g.pick(" ASC", " DESC")+g.pick(" NULLS FIRST", " NULLS LAST")))
	}
	part := ""
	if g.IntN(3) > 0 {
		part = "PARTITION BY " + in.cols[g.IntN(len(in.cols))].name + " "
	}
	rank := g.name("c")
	shown := ""
	for _, c := range in.cols {
		shown += c.name + ", "
	}
	out := relation{rows: in.rows, cols: slices.Clone(in.cols)}
	if g.IntN(2) == 0 {
		shown += rank
		out.cols = append(out.cols, column{rank, value{kind: integer, most: in.rows}})
	} else {
		shown = shown[:len(shown)-2]
	}
	out.text = format("SELECT "+shown+" FROM (SELECT *, ROW_NUMBER() OVER ("+part+"ORDER BY %s) AS "+rank+" FROM %s) AS "+g.name("t")+
		fmt.Sprintf(" WHERE %s <= %d", rank, 1+g.IntN(3)), join(terms, ", "), from)
	return out
}

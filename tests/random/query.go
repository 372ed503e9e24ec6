package random

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
)

// queries makes random queries over the base table.
type queries struct {
	*rand.Rand
	names int
	// tables says that there are the tables st and lk besides: see declarationTables.
	tables bool
	// changes says that the base table takes rows back and has no time attribute.
	changes bool
}

func (g *queries) name(prefix string) string {
	g.names++
	return fmt.Sprintf("%s%d", prefix, g.names)
}

func (g *queries) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g *queries) exprs(r relation) exprs { return exprs{g.Rand, r.cols} }

// query is a random query, and whether its rows come in order.
func (g *queries) query(depth int) (relation, bool) {
	r := g.relation(depth)
	if r.base {
		r = g.selectFrom(r)
	}
	ordered := g.IntN(3) == 0
	if ordered {
		r = g.top(r)
	}
	if g.IntN(5) == 0 {
		name := g.name("cte")
		r.text = format("WITH "+name+" AS (%s) SELECT * FROM "+name, r.text)
		ordered = false
	}
	return r, ordered
}

// relation is a query or the base table.
func (g *queries) relation(depth int) relation {
	if depth <= 0 {
		return base
	}
	in := g.relation(depth - 1 - g.IntN(2))
	n := 22
	if g.tables {
		n = 28
	}
	switch g.IntN(n) {
	case 26, 27:
		return g.asof()
	case 20, 21:
		return g.sets(in)
	case 22:
		return g.join(in, table)
	case 23:
		return g.filtered(in, table)
	case 24:
		return g.windowJoin()
	case 25:
		return g.lookup()
	case 0, 1, 2:
		return g.selectFrom(in)
	case 3, 4, 5:
		return g.group(in)
	case 6:
		if g.changes {
			if g.IntN(2) == 0 {
				return g.selectFrom(g.numbered(in))
			}
			return g.numbered(g.group(in))
		}
		return g.window()
	case 7:
		return g.distinct(in)
	case 8:
		return g.union(in, depth-1)
	case 9, 10, 11:
		return g.over(in)
	case 12, 13, 14:
		return g.join(in, g.relation(depth-1))
	case 15, 16:
		return g.filtered(in, g.relation(depth-1))
	case 17, 18:
		return g.numbered(in)
	default:
		return g.top(g.selectFrom(in))
	}
}

// from is what stands after FROM.
func (g *queries) from(r relation) pair {
	if r.base {
		return r.text
	}
	return format("(%s) AS "+g.name("t"), r.text)
}

func (g *queries) where(e exprs) pair {
	if g.IntN(2) == 0 {
		return pair{}
	}
	p := e.boolean(g.IntN(3))
	if g.IntN(4) == 0 {
		p = format("%s AND %s", p, g.subquery(e))
	}
	return format(" WHERE %s", p)
}

// subquery is a condition with a query over the base table, under another name; it
// reads columns around it that the base table does not have.
func (g *queries) subquery(e exprs) pair {
	q := g.name("q")
	inner := exprs{g.Rand, []column{{q + ".a", base.cols[1].value}, {q + ".k", base.cols[7].value}, {q + ".f", base.cols[8].value}}}
	own := format("%s", inner.boolean(g.IntN(2)))
	var keys []pair
	for _, c := range e.cols {
		if c.kind == integer && strings.HasPrefix(c.name, "c") {
			keys = append(keys, format(g.pick("%s = "+q+".a", "%s <= "+q+".a"), alike(c.name)))
		}
	}
	on := own
	if len(keys) > 0 {
		on = format("%s AND %s", keys[g.IntN(len(keys))], own)
	}
	from := " FROM r AS " + q + " WHERE %s"
	x, _ := e.integer(g.IntN(2))
	return []pair{
		format(g.pick("EXISTS", "NOT EXISTS")+" (SELECT 1"+from+")", on),
		format("%s "+g.pick("IN", "NOT IN")+" (SELECT "+q+".a"+from+")", x, on),
		format("%s "+g.pick("=", "<", ">=")+" (SELECT "+g.pick("COUNT(*)", "MAX("+q+".a)", "SUM("+q+".a)")+from+")", x, on),
	}[g.IntN(3)]
}

// kind is any kind that an expression over the relation can have.
func (g *queries) kind(r relation) kind {
	k := kind(g.IntN(int(timestamp) + 1))
	if k == timestamp && len(g.exprs(r).columns(timestamp)) == 0 {
		return integer
	}
	return k
}

// selectFrom is a projection and a filter.
func (g *queries) selectFrom(in relation) relation {
	e := g.exprs(in)
	out := relation{rows: in.rows}
	var items []pair
	for range 1 + g.IntN(4) {
		p, v := e.expr(g.kind(in), g.IntN(4))
		c := column{g.name("c"), v}
		out.cols = append(out.cols, c)
		items = append(items, format("%s AS "+c.name, p))
	}
	out.text = format("SELECT %s FROM %s%s", join(items, ", "), g.from(in), g.where(e))
	return out
}

func (g *queries) distinct(in relation) relation {
	r := g.selectFrom(in)
	r.text.ours = strings.Replace(r.text.ours, "SELECT", "SELECT DISTINCT", 1)
	r.text.theirs = strings.Replace(r.text.theirs, "SELECT", "SELECT DISTINCT", 1)
	return r
}

// aggregates makes calls over a relation.
func (g *queries) aggregates(in relation, n int) (items []pair, cols []column) {
	e := g.exprs(in)
	for range n {
		var p pair
		v := value{kind: integer, most: in.rows}
		switch g.IntN(8) {
		case 0:
			p = alike("COUNT(*)")
		case 1:
			x, _ := e.expr(g.kind(in), g.IntN(3))
			p = format("COUNT(%s)", x)
		case 2:
			x, _ := e.expr(g.kind(in), g.IntN(2))
			p = format("COUNT(DISTINCT %s)", x)
		case 3:
			x, vx := e.integer(g.IntN(3))
			v.most = vx.most * in.rows
			if !small(v) {
				continue
			}
			p = format("SUM(%s)", x)
		case 4:
			x, vx := e.double(g.IntN(2))
			if !vx.exact || vx.most*in.rows > 1<<50 {
				continue
			}
			v = value{kind: double, most: vx.most * in.rows, exact: true}
			p = format("SUM(%s)", x)
		case 5:
			x, vx := e.integer(g.IntN(3))
			if g.IntN(2) == 0 {
				x, vx = e.double(g.IntN(2))
			}
			if vx.kind == double && !vx.exact || vx.most*in.rows > 1<<50 {
				continue
			}
			v = value{kind: double, most: vx.most}
			p = format("AVG(%s)", x)
		default:
			k := []kind{integer, double, text, timestamp}[g.IntN(4)]
			if k == timestamp && len(e.columns(k)) == 0 {
				k = integer
			}
			x, vx := e.expr(k, g.IntN(3))
			v = vx
			p = format(g.pick("MIN", "MAX")+"(%s)", x)
		}
		if g.IntN(4) == 0 {
			p = format("%s FILTER (WHERE %s)", p, e.boolean(g.IntN(2)))
		}
		items = append(items, p)
		cols = append(cols, column{g.name("c"), v})
	}
	return items, cols
}

var ordinal = regexp.MustCompile(`^\(*-? ?[0-9.e]+\)*$`)

// group is an aggregation with or without keys and HAVING.
func (g *queries) group(in relation) relation {
	e := g.exprs(in)
	out := relation{rows: in.rows}
	var items, keys []pair
	for range g.IntN(3) {
		k := g.kind(in)
		if k == double && g.IntN(2) == 0 {
			k = text
		}
		p, v := e.expr(k, 1+g.IntN(2))
		cols := e.columns(k)
		switch {
		case len(cols) > 0 && g.IntN(2) == 0:
			c := cols[g.IntN(len(cols))]
			p, v = alike(c.name), c.value
		case ordinal.MatchString(p.ours):
			continue // a number here is the place of a column
		}
		keys = append(keys, p)
		c := column{g.name("c"), v}
		out.cols = append(out.cols, c)
		items = append(items, format("%s AS "+c.name, p))
	}
	aggs, cols := g.aggregates(in, 1+g.IntN(4))
	if len(aggs) == 0 {
		aggs, cols = []pair{alike("COUNT(*)")}, []column{{g.name("c"), value{kind: integer, most: in.rows}}}
	}
	for i, c := range cols {
		items = append(items, format("%s AS "+c.name, aggs[i]))
	}
	out.cols = append(out.cols, cols...)
	tail := pair{}
	if len(keys) > 0 {
		tail = format(" GROUP BY %s", join(keys, ", "))
		if g.IntN(3) == 0 {
			if calls, cols := g.aggregates(in, 1); len(calls) > 0 {
				test := []string{"IS NOT NULL", "IS NULL"}
				if cols[0].kind == integer || cols[0].kind == double {
					test = append(test, "> 0", "<> 1")
				}
				tail = format("%s HAVING %s "+g.pick(test...), tail, calls[0])
			}
		}
	}
	out.text = format("SELECT %s FROM %s%s%s", join(items, ", "), g.from(in), g.where(e), tail)
	return out
}

// window is an aggregation by tumbling or hopping windows over the base table.
// SQLite computes them by arithmetic; the remainder of a time before 1970 is
// negative there.
func (g *queries) window() relation {
	e := g.exprs(base)
	size := []int{1, 10, 60}[g.IntN(3)]
	panes := []int{1, 1, 2, 5}[g.IntN(4)]
	slide := size
	size *= panes
	table := fmt.Sprintf("TUMBLE(TABLE r, DESCRIPTOR(ts), INTERVAL '%d' SECOND)", size)
	if panes > 1 {
		table = fmt.Sprintf("HOP(TABLE r, DESCRIPTOR(ts), INTERVAL '%d' SECOND, INTERVAL '%d' SECOND)", slide, size)
	}
	ms := slide * 1000
	floor := fmt.Sprintf("ts - ((ts %% %d) + %d) %% %d", ms, ms, ms)
	if g.IntN(3) == 0 {
		// Windows moved by a second.
		table = strings.TrimSuffix(table, ")") + ", INTERVAL '1' SECOND)"
		floor = fmt.Sprintf("ts - (((ts - 1000) %% %d) + %d) %% %d", ms, ms, ms)
	}
	var steps []string
	for k := range panes {
		steps = append(steps, fmt.Sprintf("SELECT %d AS hop", k*ms))
	}
	theirs := fmt.Sprintf("(SELECT r.*, %s - hop AS window_start, %s - hop + %d AS window_end FROM r, (%s) WHERE ts IS NOT NULL)",
		floor, floor, size*1000, strings.Join(steps, " UNION ALL "))

	out := relation{rows: base.rows * float64(panes)}
	var items, keys []pair
	for range g.IntN(3) {
		cols := e.columns([]kind{integer, text, boolean}[g.IntN(3)])
		c := cols[g.IntN(len(cols))]
		c2 := column{g.name("c"), c.value}
		out.cols = append(out.cols, c2)
		keys = append(keys, alike(c.name))
		items = append(items, alike(c.name+" AS "+c2.name))
	}
	for _, edge := range []string{"window_start", "window_end"} {
		keys = append(keys, alike(edge))
		if g.IntN(4) > 0 {
			c := column{g.name("c"), value{kind: timestamp}}
			out.cols = append(out.cols, c)
			items = append(items, alike(edge+" AS "+c.name))
		}
	}
	in := base
	in.rows = out.rows
	aggs, cols := g.aggregates(in, 1+g.IntN(4))
	aggs = append(aggs, alike("COUNT(*)"))
	cols = append(cols, column{g.name("c"), value{kind: integer, most: in.rows}})
	for i, c := range cols {
		items = append(items, format("%s AS "+c.name, aggs[i]))
	}
	out.cols = append(out.cols, cols...)
	out.text = format("SELECT %s FROM %s%s GROUP BY %s", join(items, ", "), pair{table, theirs}, g.where(e), join(keys, ", "))
	return out
}

// union is UNION ALL, or another set operation, of a relation and another
// projected to the same kinds.
func (g *queries) union(in relation, depth int) relation {
	left := g.selectFrom(in)
	other := g.relation(depth)
	e := g.exprs(other)
	var items []pair
	for i := range left.cols {
		c := &left.cols[i]
		if c.kind == timestamp && len(e.columns(timestamp)) == 0 {
			return left
		}
		p, v := e.expr(c.kind, g.IntN(3))
		items = append(items, format("%s AS "+c.name, p))
		c.most, c.narrow, c.exact = max(c.most, v.most), c.narrow && v.narrow, c.exact && v.exact
	}
	right := format("SELECT %s FROM %s%s", join(items, ", "), g.from(other), g.where(e))
	op := g.pick("UNION ALL", "UNION ALL", "UNION", "INTERSECT", "EXCEPT")
	if op[0] != 'U' && g.IntN(2) == 0 {
		left.text = counted(op, left.text, right, left.cols)
	} else {
		left.text = format("%s "+op+" %s", left.text, right)
	}
	left.rows += other.rows
	return left
}

// top orders by all columns, so that the order is total, and cuts.
func (g *queries) top(in relation) relation {
	var terms []pair
	for _, i := range g.Perm(len(in.cols)) {
		term := alike(in.cols[i].name + g.pick("", " ASC", " DESC"))
		switch g.IntN(3) {
		case 0:
			term = format("%s NULLS FIRST", term)
		case 1:
			term = format("%s NULLS LAST", term)
		default:
			term.theirs += " NULLS LAST" // in either direction
		}
		terms = append(terms, term)
	}
	tail := format(" ORDER BY %s", join(terms, ", "))
	if g.IntN(3) > 0 {
		tail = format(fmt.Sprintf("%%s LIMIT %d", []int{0, 1, 3, 10}[g.IntN(4)]), tail)
		if g.IntN(3) == 0 {
			tail = format(fmt.Sprintf("%%s OFFSET %d", g.IntN(5)), tail)
		}
	}
	in.text = format("SELECT * FROM %s%s", g.from(in), tail)
	in.base = false
	return in
}

package random

import (
	"fmt"
	"regexp"
	"strings"
)

// over computes calls with OVER beside columns of a relation. An order by all
// columns is total but for rows that are alike; RANGE, GROUPS and what counts
// peers go by its first term alone.
func (g *queries) over(in relation) relation {
	byTime := in.base && g.IntN(2) == 0
	terms := g.terms(in, byTime)
	if len(terms) == 0 {
		return g.selectFrom(in)
	}
	out := relation{rows: in.rows}
	var items []pair
	for i, c := range in.cols {
		if i < 3 || g.IntN(3) == 0 {
			out.cols = append(out.cols, column{g.name("c"), c.value})
			items = append(items, alike(c.name+" AS "+out.cols[len(out.cols)-1].name))
		}
	}
	var partition []pair
	e := g.exprs(in)
	for range g.IntN(3) {
		if cols := e.columns([]kind{integer, text, boolean}[g.IntN(3)]); len(cols) > 0 {
			partition = append(partition, alike(cols[g.IntN(len(cols))].name))
		}
	}
	for range 1 + g.IntN(3) {
		call, v := g.overCall(in)
		if call.ours == "" {
			continue
		}
		window := pair{}
		if len(partition) > 0 {
			window = format("PARTITION BY %s", join(partition, ", "))
		}
		order, frame := g.frame(in, terms, byTime, placed.FindString(call.ours))
		c := column{g.name("c"), v}
		out.cols = append(out.cols, c)
		items = append(items, format("%s OVER (%s ORDER BY %s%s) AS "+c.name, call, window, order, frame))
	}
	where := g.where(e)
	if byTime {
		where = alike(" WHERE ts IS NOT NULL")
	}
	out.text = format("SELECT %s FROM %s%s", join(items, ", "), g.from(in), where)
	return out
}

// terms are the terms of an order by all columns, first an integer, or ts.
func (g *queries) terms(in relation, byTime bool) []pair {
	var first, rest []pair
	for _, i := range g.Perm(len(in.cols)) {
		c := in.cols[i]
		term := alike(c.name + g.pick("", " DESC"))
		switch {
		case byTime && c.name == "ts":
			first = []pair{alike("ts")}
			continue
		case g.IntN(2) == 0:
			term = format("%s NULLS FIRST", term)
		default:
			term.theirs += " NULLS LAST"
		}
		if !byTime && c.kind == integer && c.most <= exact64 && len(first) == 0 {
			first = []pair{term}
		} else {
			rest = append(rest, term)
		}
	}
	if len(first) == 0 {
		return nil
	}
	return append(first, rest...)
}

// overCall is a call without its window.
func (g *queries) overCall(in relation) (pair, value) {
	e := g.exprs(in)
	count := value{kind: integer, most: in.rows}
	k := []kind{integer, double, text, boolean}[g.IntN(4)]
	x, v := e.expr(k, g.IntN(2))
	switch n := g.IntN(12); {
	case n == 0:
		return alike(g.pick("ROW_NUMBER()", "RANK()", "DENSE_RANK()")), count
	case n == 1:
		return alike(g.pick("NTILE(1)", "NTILE(3)", "NTILE(100)")), count
	case n == 2:
		return alike(g.pick("PERCENT_RANK()", "CUME_DIST()")), value{kind: double, most: 1}
	case n < 5:
		return format(g.pick("LAG", "LEAD")+"(%s, "+g.pick("0", "1", "2", "5")+")", x), v
	case n < 7:
		return format(g.pick("FIRST_VALUE(%s)", "LAST_VALUE(%s)", "NTH_VALUE(%s, 2)"), x), v
	}
	calls, cols := g.aggregates(in, 1)
	if len(calls) == 0 || strings.Contains(calls[0].ours, "DISTINCT") {
		return alike("COUNT(*)"), count
	}
	return calls[0], cols[0].value
}

// placed are the functions for which the order of peers matters; of the others
// that have one, PERCENT_RANK and its like take no frame.
var placed = regexp.MustCompile(`^(LAG|LEAD|NTILE|ROW_NUMBER|RANK|DENSE_RANK|PERCENT_RANK|CUME_DIST|FIRST_VALUE|LAST_VALUE|NTH_VALUE)`)

// frame is the order of a call and its frame. Calls that rank take the first
// term alone half of the time.
func (g *queries) frame(in relation, terms []pair, byTime bool, function string) (order, frame pair) {
	all := join(terms, ", ")
	valued := strings.HasSuffix(function, "VALUE")
	if function != "" && !valued {
		if (strings.HasSuffix(function, "RANK") || function == "CUME_DIST") && g.IntN(2) == 0 {
			return terms[0], pair{}
		}
		return all, pair{}
	}
	unit := g.pick("", "ROWS", "ROWS", "RANGE", "GROUPS")
	switch {
	case unit == "":
		return all, pair{}
	case valued && unit == "RANGE":
		unit = "ROWS"
	}
	n := 3
	at := func(i int) pair {
		d := alike(fmt.Sprint(n))
		if unit == "RANGE" && byTime {
			d = pair{fmt.Sprintf("INTERVAL '%d' SECOND", 10*n), fmt.Sprint(10000 * n)}
		}
		switch i {
		case 0:
			return alike("UNBOUNDED PRECEDING")
		case 1:
			return format("%s PRECEDING", d)
		case 2:
			return alike("CURRENT ROW")
		case 3:
			return format("%s FOLLOWING", d)
		}
		return alike("UNBOUNDED FOLLOWING")
	}
	lower := g.IntN(4)
	upper := max(1, lower) + g.IntN(5-max(1, lower))
	// What a frame that ends before it begins holds of NULL keys is a matter of
	// opinion.
	nearer, further := g.IntN(3), 2+g.IntN(2)
	if n = further; lower == 3 {
		n = nearer
	}
	from := at(lower)
	if n = nearer; upper == 3 {
		n = further
	}
	frame = format(" "+unit+" BETWEEN %s AND %s", from, at(upper))
	if g.IntN(4) == 0 {
		frame = format("%s EXCLUDE "+g.pick("CURRENT ROW", "GROUP", "TIES", "NO OTHERS"), frame)
	}
	if unit == "ROWS" || valued {
		return all, frame
	}
	return terms[0], frame
}

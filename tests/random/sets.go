package random

import (
	"fmt"
	"slices"
	"strings"
)

// sets groups a relation by several sets of its columns. SQLite does one after the
// other.
func (g *queries) sets(in relation) relation {
	var keys []column
	for _, i := range g.Perm(len(in.cols)) {
		if c := in.cols[i]; c.kind != double && c.kind != timestamp && len(keys) < 3 { // a time may be a window's, which is in all sets
			keys = append(keys, c)
		}
	}
	if len(keys) == 0 {
		return g.group(in)
	}
	keys = keys[:1+g.IntN(len(keys))]
	clause, sets := g.groupingSets(keys)
	aggs, cols := g.aggregates(in, 1+g.IntN(3))
	aggs = append(aggs, alike("COUNT(*)"))
	cols = append(cols, column{g.name("c"), value{kind: integer, most: in.rows}})
	out := relation{rows: in.rows * float64(len(sets))}
	var shown []column
	for range keys {
		shown = append(shown, column{name: g.name("c")})
	}
	grouping := g.name("c")
	var items []string
	for i, k := range keys {
		shown[i].value = k.value
		items = append(items, k.name+" AS "+shown[i].name)
	}
	items = append(items, "GROUPING("+keys[0].name+") AS "+grouping)
	out.cols = append(append(shown, column{grouping, value{kind: integer, most: 1}}), cols...)
	tail := format(" FROM %s%s", g.from(in), g.where(g.exprs(in)))
	var calls []pair
	for i, c := range cols {
		calls = append(calls, format("%s AS "+c.name, aggs[i]))
	}
	rest := format(", %s%s", join(calls, ", "), tail)
	out.text.ours = "SELECT " + strings.Join(items, ", ") + rest.ours + " GROUP BY " + clause
	var parts []string
	for _, set := range sets {
		var items, by []string
		for i, k := range keys {
			if slices.Contains(set, i) {
				items, by = append(items, k.name+" AS "+shown[i].name), append(by, k.name)
			} else {
				items = append(items, "NULL AS "+shown[i].name)
			}
		}
		flag := "1"
		if slices.Contains(set, 0) {
			flag = "0"
		}
		part := "SELECT " + strings.Join(items, ", ") + ", " + flag + " AS " + grouping + rest.theirs
		if len(by) > 0 {
			part += " GROUP BY " + strings.Join(by, ", ")
		}
		parts = append(parts, part)
	}
	out.text.theirs = strings.Join(parts, " UNION ALL ")
	return out
}

// groupingSets are sets of the keys, by their places, and the clause that asks for
// them.
func (g *queries) groupingSets(keys []column) (clause string, sets [][]int) {
	names := func(set []int) string {
		var list []string
		for _, i := range set {
			list = append(list, keys[i].name)
		}
		return "(" + strings.Join(list, ", ") + ")"
	}
	all := make([]int, len(keys))
	for i := range all {
		all[i] = i
	}
	switch g.IntN(3) {
	case 0:
		for n := len(keys); n >= 0; n-- {
			sets = append(sets, all[:n])
		}
		return "ROLLUP " + names(all), sets
	case 1:
		for mask := range 1 << len(keys) {
			sets = append(sets, slices.DeleteFunc(slices.Clone(all), func(i int) bool { return mask>>i&1 == 0 }))
		}
		return "CUBE " + names(all), sets
	}
	var texts []string
	for range 1 + g.IntN(3) {
		set := slices.DeleteFunc(slices.Clone(all), func(int) bool { return g.IntN(2) == 0 })
		sets, texts = append(sets, set), append(texts, names(set))
	}
	// Each key is in a set.
	sets, texts = append(sets, all), append(texts, names(all))
	return "GROUPING SETS (" + strings.Join(texts, ", ") + ")", sets
}

// counted is INTERSECT ALL or EXCEPT ALL of two queries with these columns. SQLite
// has them for sets only: it numbers rows that are alike.
func counted(op string, left, right pair, cols []column) pair {
	var names []string
	for _, c := range cols {
		names = append(names, c.name)
	}
	list := strings.Join(names, ", ")
	numbered := func(text string) string {
		return fmt.Sprintf("SELECT *, ROW_NUMBER() OVER (PARTITION BY %s) FROM (%s)", list, text)
	}
	return pair{
		left.ours + " " + op + " ALL " + right.ours,
		fmt.Sprintf("SELECT %s FROM (%s %s %s)", list, numbered(left.theirs), op, numbered(right.theirs)),
	}
}

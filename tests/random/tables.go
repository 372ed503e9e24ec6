package random

import (
	"fmt"
	"slices"
)

// qualified are the columns of the base table under a name, and timestamps besides.
func qualified(name string, more ...string) []column {
	cols := slices.Clone(base.cols)
	for _, m := range more {
		cols = append(cols, column{m, value{kind: timestamp}})
	}
	for i := range cols {
		cols[i].name = name + "." + cols[i].name
	}
	return cols
}

// condition adds what else a join may ask, over the columns of both sides.
func (g *queries) condition(on pair, cols []column) pair {
	if g.IntN(3) == 0 {
		both := exprs{g.Rand, cols}
		on = format("%s AND %s", on, both.boolean(g.IntN(2)))
	}
	return on
}

// windowJoin joins the rows of equal windows of the base table.
func (g *queries) windowJoin() relation {
	size := []int{1, 10, 60}[g.IntN(3)]
	ms := size * 1000
	floor := fmt.Sprintf("ts - ((ts %% %d) + %d) %% %d", ms, ms, ms)
	side := func(name string) pair {
		return pair{
			fmt.Sprintf("(SELECT * FROM TUMBLE(TABLE r, DESCRIPTOR(ts), INTERVAL '%d' SECOND)) AS %s", size, name),
			fmt.Sprintf("(SELECT r.*, %s AS window_start, %s + %d AS window_end FROM r WHERE ts IS NOT NULL) AS %s", floor, floor, ms, name),
		}
	}
	l, r := g.name("t"), g.name("t")
	lc, rc := qualified(l, "window_start", "window_end"), qualified(r, "window_start", "window_end")
	on := alike(fmt.Sprintf("%s.window_start = %s.window_start AND %s.window_end = %s.window_end", l, r, r, l))
	if key, ok := g.equality(lc, rc); ok && g.IntN(3) > 0 {
		on = format("%s AND %s", on, key)
	}
	cols := append(lc, rc...)
	kind := g.pick(" JOIN ", " JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN ")
	return g.joined(side(l), side(r), cols, alike(kind), g.condition(on, cols), maxRows*maxRows)
}

// lookup joins the base table with a table in which keys are looked up; as it has all
// its rows before, it is a join like any other there.
func (g *queries) lookup() relation {
	l, r := g.name("t"), g.name("t")
	lc, rc := qualified(l), qualified(r)
	on, _ := g.equality(lc, rc)
	cols := append(lc, rc...)
	return g.joined(
		pair{"(SELECT *, PROCTIME() AS p FROM r) AS " + l, "r AS " + l},
		pair{"lk FOR SYSTEM_TIME AS OF " + l + ".p AS " + r, "lk AS " + r},
		cols, alike(g.pick(" JOIN ", " LEFT JOIN ")), g.condition(on, cols), maxRows*maxRows)
}

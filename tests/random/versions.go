package random

import (
	"fmt"
	"strings"
)

// asof joins the base table with the last row of the table v up to each row's time,
// as an ASOF join or as a temporal one, over a table whose key says what its rows are
// versions of. No two rows of v have one time, so which one is the last is clear.
func (g *queries) asof() relation {
	l, r := g.name("t"), g.name("t")
	left := g.pick("r", "v")
	lc, rc := qualified(l), qualified(r)
	kind, comparison, table, key := g.pick(" JOIN ", " LEFT JOIN "), ">=", "v", ""
	asof := g.IntN(2) == 0
	if asof {
		comparison = g.pick(">=", ">")
		for key == "" {
			on, _ := g.equality(lc, rc)
			// SQLite looks for the row in a query of its own.
			if key = on.ours; strings.HasSuffix(key, ".ts") {
				key = ""
			}
		}
	} else {
		column := g.pick("k", "a")
		table, key = "v"+column, fmt.Sprintf("%s.%s = %s.%s", l, column, r, column)
	}
	x := g.name("x")
	theirs := fmt.Sprintf("%s.id = (SELECT %s.id FROM v AS %s WHERE %s AND %s.ts %s %s.ts ORDER BY %s.ts DESC LIMIT 1)",
		r, x, x, strings.ReplaceAll(key, r+".", x+"."), l, comparison, x, x)
	on := pair{key, theirs}
	cols := append(lc, rc...)
	right := pair{fmt.Sprintf("%s FOR SYSTEM_TIME AS OF %s.ts AS %s", table, l, r), "v AS " + r}
	join := alike(kind)
	if asof {
		join.ours = " ASOF" + kind
		right.ours = fmt.Sprintf("v AS %s MATCH_CONDITION (%s.ts %s %s.ts)", r, l, comparison, r)
	} else {
		on = g.condition(on, cols)
	}
	return g.joined(alike(left+" AS "+l), right, cols, join, on, 2*maxRows)
}

package group

// The aggregate without keys, and the total of an empty grouping set, have a row
// over no rows too. Their groups are there from the first flush on and are never
// deleted, so that a commit shows them whatever has come and gone.

// makeEmpty makes the groups that have a row over no rows, once per run. Where groups
// are forgotten in time, a total comes back with its next row, or at the end of input.
func (g *aggregation) makeEmpty(end bool) {
	if g.made || g.mem != nil && !end {
		return
	}
	g.made = true
	g.track()
	if g.home {
		g.agg.Global(g.groups)
	}
	for _, n := range g.totals {
		g.agg.Total(g.groups, n)
	}
}

// permanent says whether a group has a row over no rows.
func (g *aggregation) permanent(id uint32) bool {
	if len(g.o.Keys) == 0 {
		return true
	}
	if len(g.totals) == 0 {
		return false
	}
	n := g.agg.LastKey(g.groups, id)
	for _, t := range g.totals {
		if n == t {
			return true
		}
	}
	return false
}

// gone says whether a group has lost its last row, and with it its result.
func (g *aggregation) gone(id uint32) bool {
	return g.retract && g.groups.Rows(id) == 0 && !g.permanent(id)
}

// track has groups remember what changes from here on: a restore is no change.
func (g *aggregation) track() {
	if !g.tracked {
		g.groups.Track(g.before)
		g.tracked = true
	}
}

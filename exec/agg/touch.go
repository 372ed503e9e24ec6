package agg

import "github.com/streamsql/streamsql/exec/hash"

// An updating GROUP BY wants to know which groups have changed since it last
// sent changes, and what it last said of each. Both are header flags, so they
// cost no memory and are kept with the row.

// Track makes g remember the groups that change. before, if not nil, is called
// with groups that are about to change for the first time since the last
// ResetTouched, so that their old results can still be emitted.
func (g *Groups) Track(before func(ids []uint32)) { g.track, g.before = true, before }

func (g *Groups) touch(refs *hash.Refs) {
	if !g.track {
		return
	}
	from := len(g.touched)
	for i, row := range refs.Rows {
		if h := row.Header(); *h&flagTouched == 0 {
			*h |= flagTouched
			g.touched = append(g.touched, refs.IDs[i])
		}
	}
	if g.before != nil && len(g.touched) > from {
		g.before(g.touched[from:])
	}
}

// Pending says that the group has changed since the last ResetTouched.
func (g *Groups) Pending(id uint32) bool { return *g.table.Row(id).Header()&flagTouched != 0 }

// GroupsOf gives the groups of keys that have the layout of this Aggregator's, in
// refs; those that are not there it makes, with no rows.
func (a *Aggregator) GroupsOf(g *Groups, k *hash.Keys, refs *hash.Refs) []uint32 {
	g.table.Upsert(k, refs)
	return refs.IDs
}

// Touched lists the groups that have changed since the last ResetTouched.
func (g *Groups) Touched() []uint32 { return g.touched }

// Untouch forgets that groups, some of those touched, have changed: the owner
// deals with them while they are in cache, and calls DropTouched after the last.
func (g *Groups) Untouch(ids []uint32) {
	for _, id := range ids {
		g.table.Rows().Mark(id)
		*g.table.Row(id).Header() &^= flagTouched
	}
}

// ResetTouched forgets which groups have changed.
func (g *Groups) ResetTouched() {
	for _, id := range g.touched {
		if g.table.Rows().Live(id) {
			g.table.Rows().Mark(id)
			*g.table.Row(id).Header() &^= flagTouched
		}
	}
	g.touched = g.touched[:0]
}

// DropTouched is ResetTouched once all touched groups are given to Untouch.
func (g *Groups) DropTouched() { g.touched = g.touched[:0] }

// Emitted says whether SetEmitted has been called last with true for the group.
func (g *Groups) Emitted(id uint32) bool { return *g.table.Row(id).Header()&flagEmitted != 0 }

// SetEmitted notes that the group's result is (or is no longer) part of what has
// been sent downstream.
func (g *Groups) SetEmitted(id uint32, emitted bool) {
	h := g.table.Row(id).Header()
	if emitted == (*h&flagEmitted != 0) {
		return
	}
	g.table.Rows().Mark(id)
	*h ^= flagEmitted
}

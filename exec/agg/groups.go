package agg

import (
	"slices"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/statestore/table"
)

// Groups is the state of some groups: all of a GROUP BY in a shard, or those of
// one window pane. What it holds is in parts of statestore/table, and so is
// frozen and restored with them.
type Groups struct {
	table    *hash.Table
	strs     *table.Arena  // long strings of MIN and MAX, states of functions in Go; nil: none of these
	spills   *table.Rows   // superaccumulators; nil: no sums of doubles
	distinct []*hash.Table // by distinct set
	bags     []*hash.Table // by bag
	sketches sketches      // of APPROX_COUNT_DISTINCT

	track   bool
	before  func(ids []uint32)
	touched []uint32
}

// Parts is the number of parts that the Groups of a take: see Open.
func (a *Aggregator) Parts() uint32 { return 6 + 2*uint32(len(a.distincts)+len(a.bags)) }

// Open makes Groups of parts first..first+Parts()-1 of st in a time bucket. What
// a restore has put there is what they start with; else they are empty. With st
// nil they stand alone, for state that does not outlive a batch.
func (a *Aggregator) Open(st *table.Table, first uint32, bucket int64) *Groups {
	rows := func(part uint32, width int) *table.Rows {
		if st == nil {
			return table.NewRows(width)
		}
		return st.Rows(first+part, bucket, width)
	}
	arena := func(part uint32) *table.Arena {
		if st == nil {
			return table.NewArena()
		}
		return st.Arena(first+part, bucket)
	}
	open := func(l *hash.Layout, part uint32, state int) *hash.Table {
		var strings *table.Arena
		if l.HasStrings() {
			strings = arena(part + 1)
		}
		return hash.Attach(l, rows(part, 1+l.Words()+state), strings)
	}
	g := &Groups{table: open(a.layout, 0, a.words)}
	if len(a.views) > 0 || a.strings {
		g.strs = arena(2)
	}
	if len(a.sums) > 0 {
		g.spills = rows(3, superWords)
	}
	if len(a.hlls) > 0 {
		g.sketches = sketches{few: rows(4, fewWords), registers: rows(5, hllWords)}
	}
	part := uint32(6)
	for _, d := range a.distincts {
		g.distinct = append(g.distinct, open(d.layout, part, d.words))
		part += 2
	}
	for _, b := range a.bags {
		t := open(b.rec.layout, part, b.words())
		g.bags = append(g.bags, t)
		part += 2
		if b.rec.ordered() {
			t.Each(func(_ []uint32, rows []hash.Row) { a.resume(b.rec, rows) })
		}
	}
	for _, b := range a.bests {
		if b.rec.ordered() {
			g.table.Each(func(_ []uint32, rows []hash.Row) {
				for _, row := range rows {
					a.resume(b.rec, []hash.Row{b.of(row)})
				}
			})
		}
	}
	return g
}

// Len is the number of groups.
func (g *Groups) Len() int { return g.table.Len() }

// Bytes is the memory taken, in bytes.
func (g *Groups) Bytes() int {
	n := g.table.Bytes() + 4*cap(g.touched)
	if g.strs != nil {
		n += g.strs.Size()
	}
	if g.spills != nil {
		n += g.spills.Bytes()
	}
	for _, d := range slices.Concat(g.distinct, g.bags) {
		n += d.Bytes()
	}
	if g.sketches.few != nil {
		n += g.sketches.few.Bytes() + g.sketches.registers.Bytes()
	}
	return n
}

// Each calls fn with the ids of all groups, some at a time. fn must not add or
// delete groups.
func (g *Groups) Each(fn func(ids []uint32)) {
	g.table.Each(func(ids []uint32, _ []hash.Row) { fn(ids) })
}

// Rows counts the rows in a group. Only with Config.Retract or a COUNT(*).
func (g *Groups) Rows(id uint32) int64 { return rowCount(g.table.Row(id)) }

// Clear removes all groups and keeps the memory, for Groups that pre-aggregate
// one batch after the other. Only for Groups that stand alone.
func (g *Groups) Clear() {
	g.table.Clear()
	if g.strs != nil && g.strs.Size() > 0 {
		g.strs = table.NewArena()
	}
	if g.spills != nil {
		g.spills.Reset()
	}
	for _, d := range g.distinct {
		d.Clear()
	}
	for _, b := range g.bags {
		b.Clear()
	}
	if g.sketches.few != nil {
		g.sketches.few.Reset()
		g.sketches.registers.Reset()
	}
	g.touched = g.touched[:0]
}

// Header flags of a group's row.
const (
	flagTouched = hash.FlagBit
	flagEmitted = hash.FlagBit << 1
)

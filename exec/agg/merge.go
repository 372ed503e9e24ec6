package agg

import (
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// Merge adds the groups of src to those of dst, which must be another: a pane to
// a window, or the state of an old shard to a new one. Only groups whose key
// group keep accepts are taken; nil takes all. src does not change.
func (a *Aggregator) Merge(dst, src *Groups, keep func(group int) bool) {
	a.merge(dst, src, keep)
	for i, d := range a.distincts {
		src.distinct[i].Each(func(_ []uint32, rows []hash.Row) {
			a.mergeSet(dst, d, rows, a.newID, src.distinct[i].Source())
		})
	}
	for i, b := range a.bags {
		src.bags[i].Each(func(_ []uint32, rows []hash.Row) {
			a.mergeSet(dst, b, rows, a.newID, src.bags[i].Source())
		})
	}
}

// merge adds the groups of src to their namesakes in dst, and leaves in a.newID
// where each has gone.
func (a *Aggregator) merge(dst, src *Groups, keep func(group int) bool) {
	from := src.origin()
	if keep == nil {
		dst.table.Reserve(src.Len())
	}
	a.newID = a.newID[:0]
	for range src.table.Rows().Cap() {
		a.newID = append(a.newID, skipped)
	}
	if keep == nil {
		src.table.Each(func(ids []uint32, rows []hash.Row) { a.mergeRows(dst, ids, rows, from) })
		return
	}
	src.table.EachHashOf(a.spread, func(ids []uint32, rows []hash.Row, hashes []uint64) {
		a.walk, a.ids = a.walk[:0], a.ids[:0]
		for i, h := range hashes {
			if keep(hash.Group(h)) {
				a.walk, a.ids = append(a.walk, rows[i]), append(a.ids, ids[i])
			}
		}
		if len(a.ids) > 0 {
			a.mergeRows(dst, a.ids, a.walk, from)
		}
	})
}

func (a *Aggregator) mergeRows(dst *Groups, ids []uint32, rows []hash.Row, from *origin) {
	a.combineRows(dst, rows, from, accumulator.merge, 1)
	for i, id := range ids {
		a.newID[id] = a.refs.IDs[i]
	}
}

// origin is where the rows of g have what they refer to.
func (g *Groups) origin() *origin {
	return &origin{keys: g.table.Source(), strs: hash.Source{Arena: g.strs}, spills: spillSource{rows: g.spills}, sketches: &g.sketches}
}

// skipped stands for a group that is not merged.
const skipped = ^uint32(0)

// combineRows applies op to groups in rows of this Aggregator's form. It leaves
// their groups in dst in a.refs.
func (a *Aggregator) combineRows(dst *Groups, src []hash.Row, from *origin,
	op func(acc accumulator, g *Groups, dst, src []hash.Row, from *origin), sign int64) {
	dst.table.Upsert(a.enc.FromRows(src, from.keys), &a.refs)
	a.combineAt(dst, src, from, op, sign)
}

// combineAt is combineRows with the groups in dst in a.refs already.
func (a *Aggregator) combineAt(dst *Groups, src []hash.Row, from *origin,
	op func(acc accumulator, g *Groups, dst, src []hash.Row, from *origin), sign int64) {
	dst.touch(&a.refs)
	if a.countRows {
		for i, row := range a.refs.Rows {
			*row.Header() += uint64(sign * rowCount(src[i]) << 16)
		}
	}
	for _, l := range a.lanes {
		for _, acc := range l.accs {
			op(acc, dst, a.refs.Rows, src, from)
		}
	}
	for _, b := range a.bests {
		b.merge(dst, a.refs.Rows, src, from)
	}
	for _, f := range a.folds {
		f.merge(dst, a.refs.Rows, src, from)
	}
}

// A set is a table of what groups hold, keyed by group first.
type set interface {
	merge(g *Groups, src []hash.Row, ids []uint32, rows []hash.Row, strings hash.Source)
}

// mergeSet adds rows of a set whose group i is group newID[i] of dst.
func (a *Aggregator) mergeSet(dst *Groups, d set, src []hash.Row, newID []uint32, strings hash.Source) {
	var ids []uint32
	var rows, taken []hash.Row
	for _, row := range src {
		id := newID[*hash.At[uint64](row, 1)]
		if id == skipped {
			continue
		}
		ids, taken = append(ids, id), append(taken, row)
		rows = append(rows, dst.table.Row(id))
	}
	if len(ids) > 0 {
		d.merge(dst, taken, ids, rows, strings)
	}
}

// Global gives the only group of a Config without keys, made without rows if
// there is none: such a query has a result over no rows too.
func (a *Aggregator) Global(g *Groups) uint32 {
	if len(a.keys) > 0 {
		panic("agg: Global with grouping columns")
	}
	a.ensure(g, a.enc.Encode(nil, colvec.All(1)))
	return a.refs.IDs[0]
}

// Delete removes groups, for example those without rows.
func (a *Aggregator) Delete(g *Groups, ids []uint32) {
	for _, id := range ids {
		row := g.table.Row(id)
		for _, v := range a.views {
			v.release(g, row)
		}
		for _, b := range a.bests {
			b.free(g, b.of(row))
		}
		for _, b := range a.bags {
			b.release(g, row)
		}
		for _, h := range a.hlls {
			h.release(g, row)
		}
		for _, s := range a.sums {
			if spill, ok := hash.At[expansion](row, s.word).spilled(); ok {
				g.spills.Free(spill)
			}
		}
	}
	g.table.Delete(ids)
}

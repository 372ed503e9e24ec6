package agg

import (
	"github.com/streamsql/streamsql/exec/hash"
)

// Merge adds the groups of src to those of dst, which must be another: a pane to
// a window, or the state of an old shard to a new one. Only groups whose key
// group keep accepts are taken; nil takes all. src does not change.
func (a *Aggregator) Merge(dst, src *Groups, keep func(group int) bool) {
	from := &origin{keys: src.table.Source(), strs: hash.Source{Arena: src.strs}, spills: spillSource{rows: src.spills}}
	var newID []uint32 // per id in src; skipped where not merged
	if len(a.distincts) > 0 {
		newID = make([]uint32, src.table.Rows().Cap())
		for i := range newID {
			newID[i] = skipped
		}
	}
	var rows []hash.Row
	var ids []uint32
	src.table.EachHash(func(srcIDs []uint32, srcRows []hash.Row, hashes []uint64) {
		rows, ids = rows[:0], ids[:0]
		for i, h := range hashes {
			if keep == nil || keep(hash.Group(h)) {
				rows, ids = append(rows, srcRows[i]), append(ids, srcIDs[i])
			}
		}
		a.mergeRows(dst, rows, from)
		for i, id := range ids {
			if newID != nil {
				newID[id] = a.refs.IDs[i]
			}
		}
	})
	for i, d := range a.distincts {
		src.distinct[i].Each(func(_ []uint32, srcRows []hash.Row) {
			a.mergeDistinct(dst, d, srcRows, newID, src.distinct[i].Source())
		})
	}
}

// skipped stands for a group that is not merged.
const skipped = ^uint32(0)

// mergeRows adds groups in rows of this Aggregator's form. It leaves their
// groups in dst in a.refs.
func (a *Aggregator) mergeRows(dst *Groups, src []hash.Row, from *origin) {
	dst.table.Upsert(a.enc.FromRows(src, from.keys), &a.refs)
	dst.touch(&a.refs)
	if a.countRows {
		for i, row := range a.refs.Rows {
			*row.Header() += *src[i].Header() &^ (hash.CountOne - 1)
		}
	}
	for _, l := range a.lanes {
		for _, acc := range l.accs {
			acc.merge(dst, a.refs.Rows, src, from)
		}
	}
}

// mergeDistinct adds rows of a distinct set whose group i is group newID[i] of dst.
func (a *Aggregator) mergeDistinct(dst *Groups, d *distinct, src []hash.Row, newID []uint32, strings hash.Source) {
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

// Delete removes groups, for example those without rows.
func (a *Aggregator) Delete(g *Groups, ids []uint32) {
	for _, id := range ids {
		row := g.table.Row(id)
		for _, v := range a.views {
			v.release(g, row)
		}
		for _, s := range a.sums {
			if spill, ok := hash.At[expansion](row, s.word).spilled(); ok {
				g.spills.Free(spill)
			}
		}
	}
	g.table.Delete(ids)
}

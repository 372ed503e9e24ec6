package agg

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// A caller whose groups grow together while rows come (sessions) gives each a
// number, which is their only key, and tells the Aggregator when two have become
// one.

// Locate gives the groups of the keys in rows of cols, which hold the key
// columns alone, and makes those that are not there. The result holds until the
// next call of the Aggregator.
func (a *Aggregator) Locate(g *Groups, cols []arrow.Array, rows colvec.Rows) []uint32 {
	g.table.Upsert(a.enc.Encode(cols, rows), &a.refs)
	g.touch(&a.refs)
	return a.refs.IDs
}

// HasSets says whether groups have sets of DISTINCT values, which make Drop and
// Combine go through the sets of all groups.
func (a *Aggregator) HasSets() bool { return len(a.distincts) > 0 }

// Combine adds group from[i] of src to group into[i] of dst, which may be the
// same Groups; no group is in both lists. The groups of src stay as they are.
func (a *Aggregator) Combine(dst *Groups, into []uint32, src *Groups, from []uint32) {
	if len(from) == 0 {
		return
	}
	dst.table.Rows().MarkAll(into)
	a.refs.IDs, a.refs.Rows = append(a.refs.IDs[:0], into...), a.refs.Rows[:0]
	a.walk = a.walk[:0]
	for i, id := range into {
		a.refs.Rows = append(a.refs.Rows, dst.table.Row(id))
		a.walk = append(a.walk, src.table.Row(from[i]))
	}
	dst.touch(&a.refs)
	if a.countRows {
		for i, row := range a.refs.Rows {
			*row.Header() += uint64(rowCount(a.walk[i]) << 16)
		}
	}
	at := &origin{keys: src.table.Source(), strs: hash.Source{Arena: src.strs}, spills: spillSource{rows: src.spills}, sketches: &src.sketches}
	for _, l := range a.lanes {
		for _, acc := range l.accs {
			acc.merge(dst, a.refs.Rows, a.walk, at)
		}
	}
	for _, b := range a.bests {
		b.merge(dst, a.refs.Rows, a.walk, at)
	}
	for _, f := range a.folds {
		f.merge(dst, a.refs.Rows, a.walk, at)
	}
	for _, b := range a.bags {
		for i, id := range into {
			b.copy(dst, id, src, from[i])
		}
	}
	if len(a.distincts) == 0 {
		return
	}
	a.numbers(src, from, into)
	for i, d := range a.distincts {
		set := src.distinct[i]
		width := set.Rows().Width()
		for ids := range slices.Chunk(a.setRows(set), chunkRows) {
			// Copies: the set may be the one that they are added to.
			words := make([]uint64, 0, len(ids)*width)
			rows := make([]hash.Row, len(ids))
			for j, id := range ids {
				words = append(words, set.Row(id).Words(width)...)
				rows[j] = hash.RowOf(words[j*width:])
			}
			a.mergeSet(dst, d, rows, a.newID, set.Source())
		}
	}
}

// Drop removes groups with all that is theirs.
func (a *Aggregator) Drop(g *Groups, ids []uint32) {
	if len(ids) == 0 {
		return
	}
	if len(a.distincts) > 0 {
		a.numbers(g, ids, ids)
		for i := range a.distincts {
			g.distinct[i].Delete(a.setRows(g.distinct[i]))
		}
	}
	a.Delete(g, ids)
}

// numbers makes a.newID say to[i] for group ids[i] of g and skipped for others.
func (a *Aggregator) numbers(g *Groups, ids, to []uint32) {
	a.newID = a.newID[:0]
	for range g.table.Rows().Cap() {
		a.newID = append(a.newID, skipped)
	}
	for i, id := range ids {
		a.newID[id] = to[i]
	}
}

// setRows lists the rows of a distinct set that belong to groups of a.newID.
func (a *Aggregator) setRows(set *hash.Table) []uint32 {
	var found []uint32
	set.Each(func(ids []uint32, rows []hash.Row) {
		for i, row := range rows {
			if a.newID[*hash.At[uint64](row, 1)] != skipped {
				found = append(found, ids[i])
			}
		}
	})
	return found
}

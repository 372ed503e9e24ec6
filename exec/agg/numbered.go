package agg

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// Groups by number: the caller knows the group of each row, as a function over a
// frame does. Groups that stand alone can be had without keys (Config.Keys
// empty), one for each frame or partition; others are found by key once.

// Add makes n groups without rows and appends their numbers to ids. Only for
// Groups that stand alone and are not used by key.
func (a *Aggregator) Add(g *Groups, n int, ids []uint32) []uint32 {
	for range n {
		ids = append(ids, g.table.Rows().Alloc())
	}
	return ids
}

// Find appends the numbers of the groups of rows to ids; those that were not
// there are made, without rows.
func (a *Aggregator) Find(g *Groups, cols []arrow.Array, rows colvec.Rows, ids []uint32) []uint32 {
	for i, k := range a.keys {
		a.cols[i] = cols[k.Column]
	}
	g.table.Upsert(a.enc.Encode(a.cols, rows), &a.refs)
	g.touch(&a.refs)
	return append(ids, a.refs.IDs...)
}

// UpdateAt adds rows of a batch to the groups ids, one for each row, in order.
func (a *Aggregator) UpdateAt(g *Groups, ids []uint32, cols []arrow.Array, rows colvec.Rows) {
	a.applyAt(g, ids, cols, rows, false)
}

// RetractAt takes rows of a batch out of the groups ids. Only with
// Config.Retract.
func (a *Aggregator) RetractAt(g *Groups, ids []uint32, cols []arrow.Array, rows colvec.Rows) {
	if !a.retract {
		panic("agg: RetractAt without Config.Retract")
	}
	a.applyAt(g, ids, cols, rows, true)
}

func (a *Aggregator) applyAt(g *Groups, ids []uint32, cols []arrow.Array, rows colvec.Rows, retract bool) {
	if cap(a.refs.IDs) < chunkRows || cap(a.refs.Rows) < chunkRows { // both of one capacity, as a table wants them
		a.refs = hash.Refs{IDs: make([]uint32, 0, chunkRows), Rows: make([]hash.Row, 0, chunkRows)}
	}
	for from := 0; from < rows.Len(); from += chunkRows {
		to := min(from+chunkRows, rows.Len())
		r := rows.Slice(from, to)
		a.refs.IDs, a.refs.Rows = append(a.refs.IDs[:0], ids[from:to]...), a.refs.Rows[:0]
		g.table.Rows().MarkAll(a.refs.IDs)
		for _, id := range a.refs.IDs {
			a.refs.Rows = append(a.refs.Rows, g.table.Row(id))
		}
		g.touch(&a.refs)
		a.feed(g, cols, r, retract)
	}
}

// EmitCopies is EmitCaptured with the errors of results: row i is copy from+i.
func (a *Aggregator) EmitCopies(g *Groups, c *Captured, from, to int, alloc memory.Allocator, fail Fail) []arrow.Array {
	width := g.table.Rows().Width()
	a.out = a.out[:0]
	for i := from; i < to; i++ {
		a.out = append(a.out, hash.RowOf(c.words[i*width:]))
	}
	return a.emitRows(g, alloc, fail)
}

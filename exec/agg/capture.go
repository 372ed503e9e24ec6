package agg

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/hash"
)

// Captured holds copies of groups as they were, whose results can still be
// emitted after the groups have changed.
type Captured struct {
	n     int
	words []uint64
}

// Len is the number of copies.
func (c *Captured) Len() int { return c.n }

// Reset drops the copies and keeps the memory.
func (c *Captured) Reset() { c.n, c.words = 0, c.words[:0] }

// Capture copies groups behind those that c holds. It does nothing and gives
// false if one of them refers to what may change under the copy: a MIN or MAX
// that is a long string, a sum that has left its row, what stands in tables of its own.
func (a *Aggregator) Capture(g *Groups, ids []uint32, c *Captured) bool {
	if len(a.bags)+len(a.hlls) > 0 {
		return false
	}
	width := g.table.Rows().Width()
	at := len(c.words)
	for _, id := range ids {
		row := g.table.Row(id)
		if a.refers(row) {
			c.words = c.words[:at]
			return false
		}
		c.words = append(c.words, row.Words(width)...)
	}
	c.n += len(ids)
	return true
}

// CaptureAll is Capture of all groups of g, for copies that are emitted when the
// groups may be gone: it takes no long strings as keys either.
func (a *Aggregator) CaptureAll(g *Groups, c *Captured) bool {
	if len(a.bags)+len(a.hlls) > 0 {
		return false
	}
	width := g.table.Rows().Width()
	at, ok := len(c.words), true
	g.table.Each(func(_ []uint32, rows []hash.Row) {
		for _, row := range rows {
			ok = ok && !a.layout.HasLong(row) && !a.refers(row)
			c.words = append(c.words, row.Words(width)...)
		}
	})
	if !ok {
		c.words = c.words[:at]
		return false
	}
	c.n += g.Len()
	return true
}

// refers says that the state of a group stands in part outside its row.
func (a *Aggregator) refers(row hash.Row) bool {
	for _, b := range a.bests {
		if b.long(row) {
			return true
		}
	}
	for _, v := range a.views {
		w := hash.At[[2]uint64](row, v.word)
		if hash.ViewLen([2]uint64{w[0] &^ viewPresent}) > hash.InlineBytes {
			return true
		}
	}
	for _, s := range a.sums {
		if _, ok := hash.At[expansion](row, s.word).spilled(); ok {
			return true
		}
	}
	return false
}

// EmitCaptured is Emit for copies from..to-1 of groups of g.
func (a *Aggregator) EmitCaptured(g *Groups, c *Captured, from, to int, alloc memory.Allocator) []arrow.Array {
	width := g.table.Rows().Width()
	a.out = a.out[:0]
	for i := from; i < to; i++ {
		a.out = append(a.out, hash.RowOf(c.words[i*width:]))
	}
	return a.emitRows(g, alloc, func(int, string, string) {})
}

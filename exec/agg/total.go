package agg

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// A total is the group of an empty grouping set: its last key, a BIGINT, is the
// number of the set, all others are NULL. It has a result over no rows too.

// totalKey encodes the key of a total.
func (a *Aggregator) totalKey(number int64) *hash.Keys {
	last := len(a.keys) - 1
	a.cols[last] = nil
	for i := range last {
		a.cols[i] = array.NewNull(1)
	}
	return a.enc.EncodeNumbered(nil, a.cols, colvec.All(1), last, number)
}

// TotalGroup is the key group of a total.
func (a *Aggregator) TotalGroup(number int64) int { return hash.Group(a.totalKey(number).Hash[0]) }

// EmitTotal gives the row of a total over no rows.
func (a *Aggregator) EmitTotal(number int64, alloc memory.Allocator) []arrow.Array {
	g := a.Open(nil, 0, 0)
	g.table.Upsert(a.totalKey(number), &a.refs)
	return a.Emit(g, a.refs.IDs, alloc, func(int, string, string) {})
}

// LastKey is the last key of a group, which must be a BIGINT.
func (a *Aggregator) LastKey(g *Groups, id uint32) int64 {
	return a.layout.Int(len(a.keys)-1, g.table.Row(id))
}

package agg

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// EmitEmpty gives the one row of an aggregate without keys over no rows: COUNT
// is 0, everything else NULL.
func (a *Aggregator) EmitEmpty(alloc memory.Allocator) []arrow.Array {
	g := a.Open(nil, 0, 0)
	g.table.Upsert(a.enc.Encode(nil, colvec.All(1)), &a.refs)
	return a.Emit(g, a.refs.IDs, alloc, func(int, string, string) {})
}

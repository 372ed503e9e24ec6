package format

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
)

// KindColumn gives the kinds of a batch's rows as a column of texts: +I, -U, +U,
// -D. The caller releases it.
func KindColumn(b *connectors.Batch) arrow.Array {
	kinds := array.NewStringBuilder(memory.DefaultAllocator)
	defer kinds.Release()
	for i := range b.N {
		kind := catalog.Insert
		if b.Kinds != nil {
			kind = b.Kinds[i]
		}
		kinds.Append(kind.String())
	}
	return kinds.NewArray()
}

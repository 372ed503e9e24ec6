package kafka

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format/columns"
)

// spread gives a metadata column by row, of one by record: of is the record that
// each row comes from.
func spread(a arrow.Array, t catalog.Type, of []int32, alloc memory.Allocator) arrow.Array {
	out := columns.New(t, alloc)
	for row, record := range of {
		spreadCell(out, row, a, int(record))
	}
	return out.Finish(len(of))
}

func spreadCell(out *columns.Column, row int, a arrow.Array, i int) {
	if a.IsNull(i) {
		return
	}
	switch a := a.(type) {
	case *array.String:
		out.PutBytes(row, []byte(a.Value(i)))
	case *array.Binary:
		out.PutBytes(row, a.Value(i))
	case *array.Int32:
		out.PutInt32(row, a.Value(i))
	case *array.Int64:
		out.PutInt64(row, a.Value(i))
	case *array.Timestamp:
		out.PutInt64(row, int64(a.Value(i)))
	case *array.Map:
		from, to := a.ValueOffsets(i)
		at := out.Elems()
		for k := from; k < to; k++ {
			spreadCell(out.Child(0), at+int(k-from), a.Keys(), int(k))
			spreadCell(out.Child(1), at+int(k-from), a.Items(), int(k))
		}
		out.PutList(row, at+int(to-from))
	}
}

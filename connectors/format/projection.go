package format

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
)

// NotRead is CellError.Col of a column that is checked only.
const NotRead = -2

// Projection takes the columns wanted out of those declared, which are decoded
// whole so that all of them are checked (DecodeConfig.ValidateAll).
type Projection []pick

// pick is one column of a Projection.
type pick struct {
	from          int // index of the declared column
	whole, pruned catalog.Type
}

// NewProjection finds the wanted columns among the declared ones.
func NewProjection(cfg DecodeConfig) (Projection, error) {
	out := make(Projection, len(cfg.Columns))
	for i, c := range cfg.Columns {
		from := slices.IndexFunc(cfg.Declared, func(f catalog.Field) bool { return f.Name == c.Name })
		if from < 0 {
			return nil, fmt.Errorf("column %s is not declared", catalog.QuoteName(c.Name))
		}
		out[i] = pick{from, cfg.Declared[from].Type, c.Type}
	}
	return out, nil
}

// Apply replaces the declared columns by the wanted ones.
func (p Projection) Apply(recs *connectors.Records) {
	whole := recs.Cols
	recs.Cols = make([]arrow.Array, len(p))
	index := make([]int16, len(whole))
	for i := range index {
		index[i] = NotRead
	}
	for i, c := range p {
		data := prune(whole[c.from].Data(), c.whole, c.pruned)
		recs.Cols[i] = array.MakeFromData(data)
		data.Release()
		index[c.from] = int16(i)
	}
	for _, a := range whole {
		a.Release()
	}
	for i := range recs.Errors {
		if e := &recs.Errors[i]; e.Col >= 0 {
			e.Col = index[e.Col]
		}
	}
	slices.SortStableFunc(recs.Errors, func(a, b connectors.CellError) int {
		return cmp.Or(cmp.Compare(a.Row, b.Row), cmp.Compare(a.Col, b.Col))
	})
}

// prune leaves out the members of ROWs that the narrower type does not have.
// The result is to be released; it shares the buffers.
func prune(data arrow.ArrayData, from, to catalog.Type) arrow.ArrayData {
	if from.Equal(to) {
		data.Retain()
		return data
	}
	var children []arrow.ArrayData
	switch to.Kind {
	case catalog.KindRow:
		for _, f := range to.Fields {
			k := slices.IndexFunc(from.Fields, func(g catalog.Field) bool { return g.Name == f.Name })
			children = append(children, prune(data.Children()[k], from.Fields[k].Type, f.Type))
		}
	case catalog.KindArray:
		children = append(children, prune(data.Children()[0], *from.Elem, *to.Elem))
	case catalog.KindMap:
		entries := data.Children()[0]
		key := prune(entries.Children()[0], *from.Key, *to.Key)
		value := prune(entries.Children()[1], *from.Elem, *to.Elem)
		entry := to.Arrow().(*arrow.MapType).Elem()
		children = append(children, rebuild(entries, entry, []arrow.ArrayData{key, value}))
	}
	return rebuild(data, to.Arrow(), children)
}

// rebuild makes array data of another type with the buffers of data and new
// children, which it takes over.
func rebuild(data arrow.ArrayData, t arrow.DataType, children []arrow.ArrayData) arrow.ArrayData {
	buffers := append([]*memory.Buffer{}, data.Buffers()...)
	out := array.NewData(t, data.Len(), buffers, children, data.NullN(), data.Offset())
	for _, c := range children {
		c.Release()
	}
	return out
}

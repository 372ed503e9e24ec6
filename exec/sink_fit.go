package exec

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/exec/op"
)

// unfit says whether a row may be among those of a batch that the sink's columns don't
// take.
func (w *sinkWriter) unfit(b *op.Batch) bool {
	for _, c := range w.notNull {
		if b.Cols[c].NullN() > 0 {
			return true
		}
	}
	for _, c := range w.short {
		texts := b.Cols[c].(*array.String)
		for r := range b.N {
			if w.tooLong(c, texts, r) {
				return true
			}
		}
	}
	return false
}

// tooLong says whether a text has more characters than its column.
func (w *sinkWriter) tooLong(c int, texts *array.String, r int) bool {
	limit := w.s.op.Columns[c].Type.Precision
	return texts.IsValid(r) && len(texts.Value(r)) > limit && utf8.RuneCountInString(texts.Value(r)) > limit
}

// dropUnfit judges rows with a NULL in a NOT NULL column or a text that is too long,
// and gives the others; nil: there are none.
func (w *sinkWriter) dropUnfit(b *op.Batch, out op.Output) (*op.Batch, error) {
	sel := make([]int32, 0, b.N)
	w.letters = w.letters[:0]
	for r := range b.N {
		if l, ok := w.misfit(b, r); ok {
			w.letters = append(w.letters, l)
			continue
		}
		sel = append(sel, int32(r))
	}
	if err := w.judge(b, out); err != nil || len(sel) == 0 {
		return nil, err
	}
	return b.Gather(sel, w.ctx.Alloc), nil
}

// misfit gives the letter of a row that the sink's columns don't take.
func (w *sinkWriter) misfit(b *op.Batch, r int) (op.Letter, bool) {
	for _, c := range w.notNull {
		if b.Cols[c].IsNull(r) {
			name := w.s.op.Columns[c].Name
			return op.Letter{Row: r, Code: "NOT_NULL", Columns: name,
				Message: fmt.Sprintf("column %s of sink %s is NOT NULL, the row has NULL", name, w.s.op.Name)}, true
		}
	}
	for _, c := range w.short {
		if texts := b.Cols[c].(*array.String); w.tooLong(c, texts, r) {
			col := w.s.op.Columns[c]
			return op.Letter{Row: r, Code: "TOO_LONG", Columns: col.Name,
				Message: fmt.Sprintf("column %s of sink %s is %s, the row has %d characters", col.Name, w.s.op.Name, col.Type, utf8.RuneCountInString(texts.Value(r)))}, true
		}
	}
	return op.Letter{}, false
}

// padded gives the batch with blanks behind texts that are shorter than their CHAR(n).
// The caller releases it.
func (w *sinkWriter) padded(b *op.Batch) *op.Batch {
	out := *b
	out.Cols = append([]arrow.Array(nil), b.Cols...)
	out.Retain()
	for _, c := range w.short {
		t := w.s.op.Columns[c].Type
		if !t.Fixed {
			continue
		}
		texts := b.Cols[c].(*array.String)
		made := array.NewStringBuilder(w.ctx.Alloc)
		for r := range b.N {
			if texts.IsNull(r) {
				made.AppendNull()
				continue
			}
			v := texts.Value(r)
			made.Append(v + strings.Repeat(" ", max(t.Precision-utf8.RuneCountInString(v), 0)))
		}
		out.Cols[c].Release()
		out.Cols[c] = made.NewArray()
		made.Release()
	}
	return &out
}

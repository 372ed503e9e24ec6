package exec

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/op"
)

// bounds say which values a column, or a part of one, does not take: NULL, texts
// beyond the length of VARCHAR(n) and CHAR(n).
type bounds struct {
	col     int // of the sink; of a part its place in its ROW, 0: key, 1: value of a MAP
	name    string
	typ     catalog.Type
	notNull bool
	parts   []bounds // those with bounds, of ARRAY its elements
}

// boundsOf gives the bounds of a type; ok is false if it takes every value.
func boundsOf(t catalog.Type, notNull bool) (b bounds, ok bool) {
	b = bounds{typ: t, notNull: notNull}
	part := func(at int, name string, t catalog.Type, notNull bool) {
		if p, ok := boundsOf(t, notNull); ok {
			p.col, p.name = at, name
			b.parts = append(b.parts, p)
		}
	}
	switch t.Kind {
	case catalog.KindArray:
		part(0, "an element of", *t.Elem, false)
	case catalog.KindMap:
		part(0, "a key of", *t.Key, false)
		part(1, "a value of", *t.Elem, false)
	case catalog.KindRow:
		for i, f := range t.Fields {
			part(i, "member "+catalog.QuoteName(f.Name)+" of", f.Type, f.NotNull)
		}
	}
	return b, notNull || len(b.parts) > 0 || t.Kind == catalog.KindString && t.Precision > 0
}

// misfit is a value that is beyond its bounds. within names the part of the column,
// innermost first; "": the column itself.
type misfit struct {
	at     *bounds
	within string
	chars  int // of a text that is too long; 0: NULL
}

// misfit finds a value of row r of a column that is beyond the bounds.
func (b *bounds) misfit(a arrow.Array, r int) (m misfit, ok bool) {
	if a.IsNull(r) {
		return misfit{at: b}, b.notNull
	}
	switch b.typ.Kind {
	case catalog.KindString:
		v := a.(*array.String).Value(r)
		if limit := b.typ.Precision; limit > 0 && len(v) > limit {
			chars := utf8.RuneCountInString(v)
			return misfit{at: b, chars: chars}, chars > limit
		}
		return misfit{}, false
	case catalog.KindArray, catalog.KindMap:
		offs, elems := column.Offsets(a), column.Elements(a)
		for i := range b.parts {
			p, of := &b.parts[i], elems
			if b.typ.Kind == catalog.KindMap {
				of = elems.(*array.Struct).Field(p.col)
			}
			for e := offs[r]; e < offs[r+1]; e++ {
				if m, ok := p.misfit(of, int(e)); ok {
					return m.in(p), true
				}
			}
		}
	case catalog.KindRow:
		for i := range b.parts {
			p := &b.parts[i]
			if m, ok := p.misfit(a.(*array.Struct).Field(p.col), r); ok {
				return m.in(p), true
			}
		}
	}
	return misfit{}, false
}

// in says where a value is that is beyond the bounds of a part.
func (m misfit) in(p *bounds) misfit {
	m.within += p.name + " "
	return m
}

// unfit says whether a row may be among those of a batch that the sink's columns don't
// take.
func (w *sinkWriter) unfit(b *op.Batch) bool {
	for i := range w.bounds {
		l := &w.bounds[i]
		a := b.Cols[l.col]
		if l.notNull && column.Nulls(a) > 0 {
			return true
		}
		if len(l.parts) == 0 && (l.typ.Kind != catalog.KindString || l.typ.Precision == 0) {
			continue
		}
		for r := range b.N {
			if _, ok := l.misfit(a, r); ok {
				return true
			}
		}
	}
	return false
}

// dropUnfit judges rows with values beyond the bounds of the sink's columns, and gives
// the others; nil: there are none.
func (w *sinkWriter) dropUnfit(b *op.Batch, out op.Output) (*op.Batch, error) {
	sel := make([]int32, 0, b.N)
	w.letters = w.letters[:0]
	for r := range b.N {
		if l, ok := w.letter(b, r); ok {
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

// letter gives the letter of a row that the sink's columns don't take.
func (w *sinkWriter) letter(b *op.Batch, r int) (op.Letter, bool) {
	for i := range w.bounds {
		l := &w.bounds[i]
		m, ok := l.misfit(b.Cols[l.col], r)
		if !ok {
			continue
		}
		name := w.s.op.Columns[l.col].Name
		where := fmt.Sprintf("%scolumn %s of sink %s", m.within, name, w.s.op.Name)
		if m.chars == 0 {
			return op.Letter{Row: r, Code: "NOT_NULL", Columns: name, Message: where + " is NOT NULL, the row has NULL"}, true
		}
		return op.Letter{Row: r, Code: "TOO_LONG", Columns: name, Message: fmt.Sprintf("%s is %s, the row has %d characters", where, m.at.typ, m.chars)}, true
	}
	return op.Letter{}, false
}

// hasChars says whether a CHAR(n) is in a type.
func hasChars(t catalog.Type) bool {
	return t.Fixed || t.Key != nil && hasChars(*t.Key) || t.Elem != nil && hasChars(*t.Elem) ||
		slices.ContainsFunc(t.Fields, func(f catalog.Field) bool { return hasChars(f.Type) })
}

// padded gives the batch with blanks behind texts that are shorter than their CHAR(n).
// The caller releases it.
func (w *sinkWriter) padded(b *op.Batch) *op.Batch {
	out := *b
	out.Cols = append([]arrow.Array(nil), b.Cols...)
	out.Retain()
	for _, c := range w.pads {
		made := padded(w.s.op.Columns[c].Type, b.Cols[c], w.ctx.Alloc)
		out.Cols[c].Release()
		out.Cols[c] = made
	}
	return &out
}

// padded gives a column of a type with the texts of CHAR(n) in it filled up.
func padded(t catalog.Type, a arrow.Array, alloc memory.Allocator) arrow.Array {
	var children []arrow.Array
	switch {
	case !hasChars(t):
		a.Retain()
		return a
	case t.Kind == catalog.KindString:
		return filledUp(t, a.(*array.String), alloc)
	case t.Kind == catalog.KindArray:
		children = []arrow.Array{padded(*t.Elem, column.Elements(a), alloc)}
	case t.Kind == catalog.KindMap:
		pair := catalog.RowOf(catalog.Field{Type: *t.Key}, catalog.Field{Type: *t.Elem})
		children = []arrow.Array{padded(pair, column.Elements(a), alloc)}
	default:
		for i, f := range t.Fields {
			part := array.MakeFromData(a.Data().Children()[i]) // whole: a may be a slice of it
			children = append(children, padded(f.Type, part, alloc))
			part.Release()
		}
	}
	parts := make([]arrow.ArrayData, len(children))
	for i, c := range children {
		parts[i] = c.Data()
		defer c.Release()
	}
	d := array.NewData(a.DataType(), a.Len(), a.Data().Buffers(), parts, a.Data().NullN(), a.Data().Offset())
	defer d.Release()
	return array.MakeFromData(d)
}

// filledUp gives texts with blanks behind those that are shorter than their CHAR(n).
func filledUp(t catalog.Type, texts *array.String, alloc memory.Allocator) arrow.Array {
	made := array.NewStringBuilder(alloc)
	defer made.Release()
	var text []byte
	for r := range texts.Len() {
		if texts.IsNull(r) {
			made.AppendNull()
			continue
		}
		v := texts.Value(r)
		text = append(text[:0], v...)
		for range t.Precision - utf8.RuneCountInString(v) {
			text = append(text, ' ')
		}
		made.BinaryBuilder.Append(text)
	}
	return made.NewArray()
}

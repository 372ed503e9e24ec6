package cast

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
)

// JSONWriter gives the function that appends row i of a column of type t as JSON:
// null, numbers and booleans as they are, ARRAY as an array, MAP and ROW as
// objects, all else as a text in quotes.
func JSONWriter(a arrow.Array, t catalog.Type, c *catalog.EvalContext) func(dst []byte, i int) []byte {
	if t.IsNested() || t.IsFloating() || t.Kind == catalog.KindBytes || column.AllNull(a) {
		return func(dst []byte, i int) []byte { return appendJSON(dst, a, i, t, c) }
	}
	text, valid := Texter(a, t, c), column.Validity(a)
	raw := t.Kind == catalog.KindBoolean || t.IsInteger() || t.Kind == catalog.KindDecimal || t.Kind == catalog.KindJSON
	var scratch []byte
	return func(dst []byte, i int) []byte {
		switch {
		case !valid.Get(i):
			return append(dst, "null"...)
		case raw:
			return text(dst, i)
		}
		scratch = text(scratch[:0], i)
		return appendQuoted(dst, scratch)
	}
}

// AppendQuoted appends a text as a JSON string.
func AppendQuoted(dst, text []byte) []byte { return appendQuoted(dst, text) }

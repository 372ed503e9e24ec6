package cast

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
)

// AppendJSON appends row i of a column of type t as JSON: null, numbers and
// booleans as they are, ARRAY as an array, MAP and ROW as objects, all else as a
// text in quotes.
func AppendJSON(dst []byte, a arrow.Array, i int, t catalog.Type, c *catalog.EvalContext) []byte {
	return appendJSON(dst, a, i, t, c)
}

// AppendQuoted appends a text as a JSON string.
func AppendQuoted(dst, text []byte) []byte { return appendQuoted(dst, text) }

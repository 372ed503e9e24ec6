package format

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format/json"
)

// AppendText appends the text of one value to dst. Row i must not be NULL.
type AppendText func(dst []byte, i int) []byte

// Text gives the text of the values of a, a column of type t, as CSV and tables
// show it: a STRING is its own text, all else is what JSON has for it, without
// quotes (dates, times, BYTES, NaN) but for nested values and JSON, which are JSON
// as it is. The function belongs to one goroutine.
func Text(a arrow.Array, t catalog.Type) (AppendText, error) {
	if s, ok := a.(*array.String); ok && t.Kind == catalog.KindString {
		return func(dst []byte, i int) []byte { return append(dst, s.Value(i)...) }, nil
	}
	e := json.NewEncoder([]catalog.Field{{Name: "", Type: t}}, json.EncoderOptions{})
	if err := e.Bind([]arrow.Array{a}); err != nil {
		return nil, err
	}
	before, after := len(`{"":`), len(`}`)
	if quoted(t) {
		before, after = before+1, after+1
	}
	float := t.IsFloating()
	return func(dst []byte, i int) []byte {
		from := len(dst)
		dst = e.AppendRow(dst, i)
		lead, tail := before, after
		if float && dst[from+lead] == '"' { // NaN, Infinity
			lead, tail = lead+1, tail+1
		}
		n := copy(dst[from:], dst[from+lead:len(dst)-tail])
		return dst[:from+n]
	}, nil
}

// quoted says whether JSON has values of t as strings, always.
func quoted(t catalog.Type) bool {
	switch t.Kind {
	case catalog.KindBytes, catalog.KindDate, catalog.KindTime, catalog.KindTimestamp, catalog.KindTimestampLTZ,
		catalog.KindIntervalDay, catalog.KindIntervalMonth:
		return true
	}
	return false
}

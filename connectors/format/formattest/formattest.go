// Package formattest gives the tests of formats rows that are written as JSON objects,
// and gives rows back as such.
package formattest

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/json"
	"github.com/streamsql/streamsql/connectors/format/ndjson"
)

// Batch reads objects, a row each, into columns.
func Batch(t testing.TB, fields []catalog.Field, objects ...string) *connectors.Batch {
	t.Helper()
	return BatchWith(t, catalog.Options{}, fields, objects...)
}

// BatchWith is Batch with options of the format 'json', without prefix.
func BatchWith(t testing.TB, o catalog.Options, fields []catalog.Field, objects ...string) *connectors.Batch {
	t.Helper()
	d, err := ndjson.Format().Decode(format.DecodeConfig{Options: o, Columns: fields, Declared: fields})
	if err != nil {
		t.Fatal(err)
	}
	m := d.(format.Messages).NewMessageDecoder(memory.DefaultAllocator)
	for _, s := range objects {
		if err := m.Append([]byte(s), []format.Span{{End: int32(len(s))}}); err != nil {
			t.Fatal(err)
		}
	}
	recs, err := m.Finish()
	if err != nil || len(recs.Errors) > 0 {
		t.Fatal(err, recs.Errors)
	}
	return &connectors.Batch{N: recs.N, Cols: recs.Cols}
}

// Objects gives n rows as objects.
func Objects(t testing.TB, fields []catalog.Field, cols []arrow.Array, n int) []string {
	t.Helper()
	e := json.NewEncoder(fields, json.EncoderOptions{})
	if err := e.Bind(cols); err != nil {
		t.Fatal(err)
	}
	var out []string
	for i := range n {
		out = append(out, string(e.AppendRow(nil, i)))
	}
	return out
}

package protobuf

import (
	"errors"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/connectortest"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/formattest"
)

const oldStyle = `syntax = "proto2"; package o; message M {
  optional int32 i = 1 [default = -5]; optional string s = 2 [default = "none"]; optional double d = 3 [default = 1.5]; optional bool b = 4 [default = true];
  enum E { X = 1; Y = 2; } optional E e = 5 [default = Y]; optional sint64 z = 6 [default = -7]; optional bytes y = 7 [default = "ab"]; optional uint64 u = 8 [default = 9];
  optional float f = 9; optional M m = 10; oneof c { int32 one = 11; } repeated int32 list = 12; optional fixed32 x = 13 [default = 3];
  repeated string texts = 14; map<string, string> by = 15; required int32 r = 16;
}`

func oldWorld() connectors.Env {
	fs := connectortest.NewMemFS()
	fs.WriteFile("/o.proto", []byte(oldStyle))
	return connectors.Env{FS: fs, Dir: "/"}
}

// TestDefaults: fields that are not in a message are NULL, or the default that
// their definition says.
func TestDefaults(t *testing.T) {
	fields := []catalog.Field{col("i", catalog.Int), col("s", catalog.String), col("d", catalog.Double), col("b", catalog.Boolean), col("e", catalog.String), col("z", catalog.BigInt), col("y", catalog.Bytes),
		col("u", catalog.BigInt), col("f", catalog.Float), col("m", catalog.RowOf(col("i", catalog.Int))), col("one", catalog.Int), col("list", catalog.ArrayOf(catalog.Int)), col("x", catalog.BigInt)}
	nothing := `{"i":null,"s":null,"d":null,"b":null,"e":null,"z":null,"y":null,"u":null,"f":null,"m":null,"one":null,"list":[],"x":null}`
	for set, want := range map[string]string{"false": nothing, "true": `{"i":-5,"s":"none","d":1.5,"b":true,"e":"Y","z":-7,"y":"YWI=","u":9,"f":0.0,"m":null,"one":null,"list":[],"x":3}`} {
		d, err := Format().Decode(format.DecodeConfig{Options: catalog.Options{optMessage: "o.M", optFile: "o.proto", optDefaults: set}, Columns: fields, Declared: fields, Env: oldWorld()})
		if err != nil {
			t.Fatal(err)
		}
		if got := rows(t, d.(format.Messages).NewMessageDecoder(memory.DefaultAllocator), fields, nil, []byte{8, 1}); got[0] != want || got[1][:6] != `{"i":1` {
			t.Errorf("%s: got %q\nwant %s", set, got, want)
		}
	}
}

// TestRefused: NULL within ARRAY and MAP, values beyond a field and texts that are no
// value of an enum are rows that can't be written; a text may stand for NULL.
func TestRefused(t *testing.T) {
	fields := []catalog.Field{col("texts", catalog.ArrayOf(catalog.String)), col("by", catalog.MapOf(catalog.String, catalog.String)), col("e", catalog.String), col("x", catalog.BigInt), col("r", catalog.Int)}
	lines := []string{`{"texts":["a","b"],"by":{"k":"v"},"e":"X","x":1,"r":1}`, `{"texts":["a",null],"r":1}`, `{"by":{"k":null},"r":1}`, `{"e":"Z","r":1}`, `{"x":-1,"r":1}`, `{"texts":[]}`, `{"texts":["c"],"r":2}`}
	batch := formattest.Batch(t, fields, lines...)
	for _, test := range []struct {
		options       catalog.Options
		refused, rows []string
	}{
		{catalog.Options{}, []string{"NOT_NULL texts[]", "NOT_NULL by[]", "BAD_FORMAT e", "OUT_OF_RANGE x", "NOT_NULL r"}, []string{`["a","b"]`, `["c"]`}},
		{catalog.Options{optNullText: "-"}, []string{"BAD_FORMAT e", "OUT_OF_RANGE x", "NOT_NULL r"}, []string{`["a","b"]`, `["a","-"]`, `[]`, `["c"]`}},
	} {
		test.options[optMessage], test.options[optFile] = "o.M", "o.proto"
		e, err := Format().Encode(format.EncodeConfig{Options: test.options, Columns: fields, Env: oldWorld()})
		if err != nil {
			t.Fatal(err)
		}
		buf, spans, err := e.(format.MessageEncoding).NewMessageEncoder().AppendMessages(nil, nil, batch)
		var refused *connectors.RefusedRows
		if !errors.As(err, &refused) || len(spans) != len(lines) {
			t.Fatal(err)
		}
		var codes, read []string
		for _, r := range refused.Rows {
			codes = append(codes, r.Code+" "+r.Column)
			if !spans[r.Row].IsNull() {
				t.Errorf("row %d has a message", r.Row)
			}
		}
		d, err := Format().Decode(format.DecodeConfig{Options: test.options, Columns: fields[:1], Declared: fields, Env: oldWorld()})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range spans {
			if !s.IsNull() {
				for _, row := range rows(t, d.(format.Messages).NewMessageDecoder(memory.DefaultAllocator), fields[:1], s.Of(buf)) {
					read = append(read, row[len(`{"texts":`):len(row)-1])
				}
			}
		}
		if !slices.Equal(codes, test.refused) || !slices.Equal(read, test.rows) {
			t.Errorf("%v: refused %q, read %q", test.options, codes, read)
		}
	}
}

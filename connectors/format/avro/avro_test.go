package avro

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	hamba "github.com/hamba/avro/v2"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/formattest"
)

func field(name string, t catalog.Type) catalog.Field { return catalog.Field{Name: name, Type: t} }

var (
	inner  = catalog.RowOf(field("x", catalog.Int), catalog.Field{Name: "y", Type: catalog.String, NotNull: true})
	time6  = catalog.Type{Kind: catalog.KindTime, Precision: 6}
	ltz6   = catalog.Type{Kind: catalog.KindTimestampLTZ, Precision: 6}
	varied = []catalog.Field{
		field("b", catalog.Boolean), field("i8", catalog.TinyInt), field("i16", catalog.SmallInt), field("i", catalog.Int), {Name: "l", Type: catalog.BigInt, NotNull: true},
		field("f", catalog.Float), field("d", catalog.Double), field("n", catalog.Decimal(10, 2)), field("s", catalog.String), field("y", catalog.Bytes),
		field("day", catalog.Date), field("tm", catalog.Time), field("t6", time6), field("ts", catalog.Timestamp3), field("us", catalog.Timestamp6), field("z", catalog.TimestampLTZ3), field("z6", ltz6),
		field("a", catalog.ArrayOf(catalog.Int)), field("m", catalog.MapOf(catalog.String, catalog.ArrayOf(catalog.String))), field("r", inner), field("rs", catalog.ArrayOf(inner)),
	}
	variedRows = []string{
		`{"b":true,"i8":-5,"i16":300,"i":-70000,"l":5000000000,"f":1.5,"d":0.1,"n":-1.50,"s":"é\n","y":"AAEC","day":"2024-02-29","tm":"23:59:59","t6":"01:02:03.000004","ts":"1969-12-31 23:59:59.999","us":"2024-05-01 10:00:00.000001","z":"2024-05-01 10:00:00.123Z","z6":"1900-01-01 00:00:00.000001Z","a":[1,null,-3],"m":{"k":["v",null],"":[]},"r":{"x":null,"y":""},"rs":[{"x":1,"y":"a"},null]}`,
		`{"b":null,"i8":null,"i16":null,"i":null,"l":-1,"f":null,"d":null,"n":null,"s":null,"y":null,"day":null,"tm":null,"t6":null,"ts":null,"us":null,"z":null,"z6":null,"a":null,"m":null,"r":null,"rs":null}`,
		`{"b":false,"i8":127,"i16":-32768,"i":2147483647,"l":-9223372036854775808,"f":"NaN","d":"-Infinity","n":99999999.99,"s":"","y":"","day":"0001-01-01","tm":"00:00:00","t6":"00:00:00.000000","ts":"9999-12-31 23:59:59.999","us":"0001-01-01 00:00:00.000000","z":"1970-01-01 00:00:00.000Z","z6":"1970-01-01 00:00:00.000000Z","a":[],"m":{},"r":{"x":0,"y":"q"},"rs":[]}`,
	}
)

// jsonOf gives rows as JSON, errors behind.
func jsonOf(t testing.TB, fields []catalog.Field, recs *connectors.Records) []string {
	t.Helper()
	out := formattest.Objects(t, fields, recs.Cols, recs.N)
	for _, e := range recs.Errors {
		out = append(out, fmt.Sprintf("row %d col %d: %s %s", e.Row, e.Col, e.Code, e.Column))
	}
	for _, c := range recs.Cols {
		c.Release()
	}
	return out
}

func messageDecoder(t testing.TB, schema, reader string, fields []catalog.Field) format.MessageDecoder {
	t.Helper()
	d, err := Format().Decode(format.DecodeConfig{Options: catalog.Options{optSchema: schema, optReaderSchema: reader}, Columns: fields, Declared: fields})
	if err != nil {
		t.Fatal(err)
	}
	return d.(format.Messages).NewMessageDecoder(memory.NewCheckedAllocator(memory.DefaultAllocator))
}

func decode(t testing.TB, d format.MessageDecoder, messages ...[]byte) *connectors.Records {
	t.Helper()
	for _, m := range messages {
		if err := d.Append(append([]byte("xx"), m...), []format.Span{{Start: 2, End: int32(2 + len(m))}}); err != nil {
			t.Fatal(err)
		}
	}
	recs, err := d.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return recs
}

func encode(t testing.TB, schema string, fields []catalog.Field, b *connectors.Batch) [][]byte {
	t.Helper()
	e, err := Format().Encode(format.EncodeConfig{Options: catalog.Options{optSchema: schema}, Columns: fields})
	if err != nil {
		t.Fatal(err)
	}
	buf, spans, err := e.(format.MessageEncoding).NewMessageEncoder().AppendMessages(nil, nil, b)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for _, s := range spans {
		out = append(out, s.Of(buf))
	}
	return out
}

// TestAllTypes: all types of SQL are written as the derived schema has them, which
// hamba's decoder takes, and read back.
func TestAllTypes(t *testing.T) {
	messages := encode(t, "", varied, formattest.Batch(t, varied, variedRows...))
	if got := jsonOf(t, varied, decode(t, messageDecoder(t, "", "", varied), messages...)); !slices.Equal(got, variedRows) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(variedRows, "\n"))
	}
	text, err := SchemaOf(varied, catalog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := hamba.MustParse(text)
	var v map[string]any
	if err := hamba.Unmarshal(s, messages[0], &v); err != nil {
		t.Fatal(err)
	}
	n := v["n"].(*big.Rat)
	if v["i16"] != 300 || v["s"] != "é\n" || n.Cmp(big.NewRat(-3, 2)) != 0 || fmt.Sprint(v["a"]) != "map[array:[1 <nil> -3]]" || v["l"] != int64(5000000000) {
		t.Errorf("hamba reads %v", v)
	}
	// The schema names the columns that it was made of; TINYINT and SMALLINT are int.
	fields, err := Fields(text)
	if err != nil || len(fields) != len(varied) || !fields[4].NotNull || fields[4].Type.Kind != catalog.KindBigInt || !fields[7].Type.Equal(varied[7].Type) || fields[1].Type.Kind != catalog.KindInt {
		t.Errorf("%v, %v", fields, err)
	}
}

// TestResolution: columns are found by name, aliases and defaults of the reader's
// schema; numbers are promoted; branches of unions count where they come.
func TestResolution(t *testing.T) {
	writer := `{"type":"record","name":"R","fields":[
		{"name":"skipped","type":{"type":"map","values":{"type":"array","items":{"type":"record","name":"Q","fields":[{"name":"q","type":["null","Q"]},{"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}},{"name":"f","type":{"type":"fixed","name":"F","size":3}}]}}}},
		{"name":"old","type":"int"},{"name":"l","type":"int"},{"name":"d","type":"float"},{"name":"u","type":["null","int","string"]},
		{"name":"en","type":"E"},{"name":"fx","type":"F"},{"name":"dec","type":{"type":"fixed","name":"D","size":5,"logicalType":"decimal","precision":10,"scale":3}},
		{"name":"r","type":{"type":"record","name":"I","fields":[{"name":"gone","type":"string"},{"name":"k","type":"string"}]}},{"name":"nano","type":{"type":"long","logicalType":"timestamp-nanos"}},{"name":"t","type":"string"}]}`
	reader := `{"type":"record","name":"R","fields":[{"name":"renamed","type":"long","aliases":["old"]},{"name":"def","type":"string","default":"dé"},{"name":"bytes","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":1},"default":"\u0001\u00ff"},
		{"name":"arr","type":{"type":"array","items":"int"},"default":[1,2]},{"name":"nul","type":["null","int"],"default":null},
		{"name":"r","type":{"type":"record","name":"I","fields":[{"name":"key","type":"string","aliases":["k"]},{"name":"more","type":"int","default":7}]}}]}`
	fields := []catalog.Field{
		field("t", catalog.Bytes), field("renamed", catalog.SmallInt), field("def", catalog.String), field("bytes", catalog.Decimal(10, 2)), field("arr", catalog.ArrayOf(catalog.BigInt)), {Name: "nul", Type: catalog.Int, NotNull: true},
		field("l", catalog.Double), field("d", catalog.Double), field("u", catalog.BigInt), field("en", catalog.String), field("fx", catalog.Bytes), field("dec", catalog.Decimal(5, 1)),
		field("r", catalog.RowOf(field("more", catalog.TinyInt), field("key", catalog.String))), field("nano", catalog.Timestamp6), field("none", catalog.Int),
	}
	value := func(old int, u any, dec int64) []byte {
		b, err := hamba.Marshal(hamba.MustParse(writer), map[string]any{
			"skipped": map[string]any{"a": []any{map[string]any{"q": map[string]any{"Q": map[string]any{"q": nil, "e": "B", "f": [3]byte{1}}}, "e": "A", "f": [3]byte{}}}},
			"old":     old, "l": -7, "d": float32(0.5), "u": u, "en": "B", "fx": [3]byte{1, 2, 3}, "dec": big.NewRat(dec, 1000),
			"r": map[string]any{"gone": "g", "k": "kk"}, "nano": int64(1_500_000_000_123_456_789), "t": "x",
		})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	d := messageDecoder(t, writer, reader, fields)
	got := jsonOf(t, fields, decode(t, d, value(5, 7, -1250), value(40000, map[string]any{"string": "x"}, 99_999_999)))
	row := `{"t":"eA==","renamed":%s,"def":"dé","bytes":51.10,"arr":[1,2],"nul":null,"l":-7.0,"d":0.5,"u":%s,"en":"B","fx":"AQID","dec":%s,"r":{"more":7,"key":"kk"},"nano":"2017-07-14 02:40:00.123456","none":null}`
	want := []string{fmt.Sprintf(row, "5", "7", "-1.3"), fmt.Sprintf(row, "null", "null", "null"), "row 0 col 5: NOT_NULL nul",
		"row 1 col 1: OUT_OF_RANGE renamed", "row 1 col 5: NOT_NULL nul", "row 1 col 8: WRONG_TYPE u", "row 1 col 11: OUT_OF_RANGE dec"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestBad: what breaks off, goes on too long or can't be is one error of the record.
func TestBad(t *testing.T) {
	fields := []catalog.Field{field("s", catalog.String), field("a", catalog.ArrayOf(catalog.Int)), field("ts", catalog.Timestamp3), field("m", catalog.MapOf(catalog.String, catalog.Int))}
	schema := `{"type":"record","name":"R","fields":[{"name":"s","type":"string"},{"name":"a","type":{"type":"array","items":"int"}},{"name":"ts","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"m","type":{"type":"map","values":"int"}}]}`
	d := messageDecoder(t, schema, "", fields)
	good := []byte{2, 'a', 2, 4, 0, 0, 0}
	for _, bad := range [][]byte{{}, {2}, {2, 'a', 2, 4}, {3, 'a'}, append(slices.Clone(good), 0), {2, 'a', 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0}, {0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}} {
		got := jsonOf(t, fields, decode(t, d, good, bad, good))
		whole := `{"s":"a","a":[2],"ts":"1970-01-01 00:00:00.000","m":{}}`
		want := []string{whole, `{"s":null,"a":null,"ts":null,"m":null}`, whole, "row 1 col -1: MALFORMED_RECORD "}
		if !slices.Equal(got, want) {
			t.Errorf("% x: got %q\nwant %q", bad, got, want)
		}
	}
	got := jsonOf(t, fields, decode(t, d, []byte{2, 0xff, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 4, 2, 'k', 2, 2, 'k', 4, 0}, []byte{0, 3, 4, 2, 4, 0, 0, 0}))
	want := []string{`{"s":null,"a":[],"ts":null,"m":{"k":2}}`, `{"s":"","a":[1,2],"ts":"1970-01-01 00:00:00.000","m":{}}`, "row 0 col 0: BAD_UTF8 s", "row 0 col 2: BAD_TIMESTAMP ts"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	got = jsonOf(t, fields, decode(t, d, []byte{0, 0, 0, 4, 2, 0xff, 2, 2, 'k', 4, 0}))
	if want := []string{`{"s":"","a":[],"ts":"1970-01-01 00:00:00.000","m":null}`, "row 0 col 3: BAD_UTF8 m[]"}; !slices.Equal(got, want) {
		t.Errorf("a key that is no text: got %q\nwant %q", got, want)
	}
	for _, test := range []struct{ schema, want string }{
		{`"int"`, "not a record"}, {`{"type":"record"`, "avro"}, {`{"type":"record","name":"R","fields":[{"name":"s","type":"int"}]}`, "column s: int of Avro does not fit STRING"},
		{`{"type":"record","name":"R","fields":[{"name":"a","type":["null","int","string"]}]}`, "column a: union of null, int, string of Avro does not fit ARRAY"},
	} {
		if _, err := Format().Decode(format.DecodeConfig{Options: catalog.Options{optSchema: test.schema}, Columns: fields}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.schema, err, test.want)
		}
	}
}

// TestEncode: a schema of one's own, with its defaults, enums and fixed; what it
// can't hold is an error.
func TestEncode(t *testing.T) {
	schema := `{"type":"record","name":"R","fields":[{"name":"e","type":["string","null",{"type":"enum","name":"E","symbols":["A","B"]}]},{"name":"more","type":"int","default":5},{"name":"n","type":["null","int"],"default":null},
		{"name":"d","type":["null",{"type":"fixed","name":"D","size":4,"logicalType":"decimal","precision":9,"scale":3}]},{"name":"ts","type":{"type":"long","logicalType":"local-timestamp-micros"}}]}`
	fields := []catalog.Field{field("d", catalog.Decimal(5, 2)), field("e", catalog.String), field("ts", catalog.Timestamp3)}
	messages := encode(t, schema, fields, formattest.Batch(t, fields, `{"d":-1.5,"e":"B","ts":"1969-12-31 23:59:59.999"}`, `{"d":null,"e":null,"ts":"1970-01-01 00:00:01"}`))
	var v map[string]any
	if err := hamba.Unmarshal(hamba.MustParse(schema), messages[0], &v); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(v["e"]) != "map[string:B]" || v["more"] != 5 || v["n"] != nil {
		t.Errorf("%v", v)
	}
	all := append(fields, field("more", catalog.Int))
	got := jsonOf(t, all, decode(t, messageDecoder(t, schema, "", all), messages...))
	if want := []string{`{"d":-1.50,"e":"B","ts":"1969-12-31 23:59:59.999","more":5}`, `{"d":null,"e":null,"ts":"1970-01-01 00:00:01.000","more":5}`}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	for _, test := range []struct {
		schema, row, want string
		fields            []catalog.Field
	}{
		{`{"type":"record","name":"R","fields":[{"name":"e","type":{"type":"enum","name":"E","symbols":["A"]}}]}`, `{"e":"B"}`, "no symbol", fields[1:2]},
		{`{"type":"record","name":"R","fields":[{"name":"e","type":"string"}]}`, `{"e":null}`, "column e: NULL", fields[1:2]},
		{`{"type":"record","name":"R","fields":[{"name":"x","type":"string"}]}`, "", "no field e", fields[1:2]},
		{`{"type":"record","name":"R","fields":[{"name":"e","type":"string"},{"name":"x","type":"string"}]}`, "", "has no default", fields[1:2]},
		{`{"type":"record","name":"R","fields":[{"name":"e","type":"int"}]}`, "", "can't be written", fields[1:2]},
		{`{"type":"record","name":"R","fields":[{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}}]}`, "", "can't be written", fields[:1]},
	} {
		e, err := Format().Encode(format.EncodeConfig{Options: catalog.Options{optSchema: test.schema}, Columns: test.fields})
		if err == nil {
			_, _, err = e.(format.MessageEncoding).NewMessageEncoder().AppendMessages(nil, nil, formattest.Batch(t, test.fields, test.row))
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.schema, err, test.want)
		}
	}
}

// FuzzDecode holds the decoder against hamba's: bytes that both take, read, written
// and read by hamba, are the same value.
func FuzzDecode(f *testing.F) {
	fields := slices.DeleteFunc(slices.Clone(varied), func(c catalog.Field) bool {
		return c.Type.Kind == catalog.KindTinyInt || c.Type.Kind == catalog.KindSmallInt
	})
	for i := range fields {
		if fields[i].Name == "tm" {
			fields[i].Type.Precision = 3 // as the schema has it, so that nothing is cut off
		}
	}
	text, err := SchemaOf(fields, catalog.Options{})
	if err != nil {
		f.Fatal(err)
	}
	s := hamba.MustParse(text)
	var rows []string
	for _, r := range variedRows {
		rows = append(rows, strings.NewReplacer(`"i8":-5,"i16":300,`, "", `"i8":null,"i16":null,`, "", `"i8":127,"i16":-32768,`, "").Replace(r))
	}
	for _, m := range encode(f, "", fields, formattest.Batch(f, fields, rows...)) {
		f.Add(m)
	}
	d := messageDecoder(f, "", "", fields)
	e, err := Format().Encode(format.EncodeConfig{Options: catalog.Options{}, Columns: fields})
	if err != nil {
		f.Fatal(err)
	}
	enc := e.(format.MessageEncoding).NewMessageEncoder()
	f.Fuzz(func(t *testing.T, message []byte) {
		recs := decode(t, d, message)
		var want, got map[string]any
		r := bytes.NewReader(message)
		err := hamba.NewDecoderForSchema(s, r).Decode(&want)
		if err != nil && len(recs.Errors) == 0 && !strings.Contains(err.Error(), "max") {
			t.Fatalf("hamba: %v; here: %v", err, jsonOf(t, fields, recs))
		}
		if err != nil || len(recs.Errors) > 0 {
			return
		}
		buf, spans, err := enc.AppendMessages(nil, nil, &connectors.Batch{N: 1, Cols: recs.Cols})
		if err != nil {
			t.Fatal(err)
		}
		if err := hamba.Unmarshal(s, spans[0].Of(buf), &got); err != nil {
			t.Fatal(err)
		}
		for _, v := range []map[string]any{want, got} { // NaN is not equal to itself
			for _, k := range []string{"f", "d"} {
				switch x := v[k].(type) {
				case float32:
					v[k] = math.Float32bits(x)
				case float64:
					v[k] = math.Float64bits(x)
				}
			}
		}
		if fmt.Sprint(want) != fmt.Sprint(got) && !reflect.DeepEqual(want, got) {
			t.Fatalf("hamba has %v, here it is %v", want, got)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	fields := []catalog.Field{field("auction", catalog.BigInt), field("bidder", catalog.BigInt), field("price", catalog.BigInt), field("channel", catalog.String), field("url", catalog.String), field("ts", catalog.Timestamp3), field("extra", catalog.String)}
	row := `{"auction":1000,"bidder":2001,"price":100000,"channel":"channel-1","url":"https://www.nexmark.com/abo/item.htm?query=1&channel_id=1","ts":"2024-05-01 10:00:00","extra":"` + strings.Repeat("x", 100) + `"}`
	m := encode(b, "", fields, formattest.Batch(b, fields, row))[0]
	var buf []byte
	var spans []format.Span
	for range 1000 {
		spans = append(spans, format.Span{Start: int32(len(buf)), End: int32(len(buf) + len(m))})
		buf = append(buf, m...)
	}
	for name, columns := range map[string][]catalog.Field{"all": fields, "two": fields[1:3]} {
		b.Run(name, func(b *testing.B) {
			d, err := Format().Decode(format.DecodeConfig{Options: catalog.Options{}, Columns: columns, Declared: fields})
			if err != nil {
				b.Fatal(err)
			}
			dec := d.(format.Messages).NewMessageDecoder(memory.DefaultAllocator)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				if err := dec.Append(buf, spans); err != nil {
					b.Fatal(err)
				}
				recs, err := dec.Finish()
				if err != nil || recs.N != 1000 {
					b.Fatal(err)
				}
				for _, c := range recs.Cols {
					c.Release()
				}
			}
		})
	}
}

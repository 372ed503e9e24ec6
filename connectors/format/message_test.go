package format_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/csv"
	"github.com/streamsql/streamsql/connectors/format/ndjson"
	"github.com/streamsql/streamsql/connectors/format/raw"
)

var formats = format.Set{ndjson.Format(), csv.Format(), raw.Format()}

// texts gives each row as the number of its record, its kind and its columns, and
// releases them. Errors follow.
func texts(t *testing.T, recs *connectors.Records, cols []catalog.Field) []string {
	t.Helper()
	rows := make([]string, recs.N)
	for i := range rows {
		kind := catalog.Insert
		if recs.Kinds != nil {
			kind = recs.Kinds[i]
		}
		rows[i] = fmt.Sprintf("%d %s", recs.Record(i), kind)
	}
	for k, a := range recs.Cols {
		if a.Len() != recs.N {
			t.Fatalf("column %d has %d rows of %d", k, a.Len(), recs.N)
		}
		text, err := format.Text(a, cols[k].Type)
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			cell := "NULL"
			if a.IsValid(i) {
				cell = string(text(nil, i))
			}
			rows[i] += " " + cell
		}
		a.Release()
	}
	for _, e := range recs.Errors {
		rows = append(rows, fmt.Sprintf("%d %d %s %s", e.Row, e.Col, e.Code, e.Column))
	}
	return rows
}

// cut lays messages into buffers of up to three, each after some bytes that are
// none of them.
func cut(messages []string) (bufs [][]byte, spans [][]format.Span) {
	for part := range slices.Chunk(messages, 3) {
		buf := []byte("??")
		var at []format.Span
		for _, m := range part {
			if m == "NULL" {
				at = append(at, format.NoValue)
				continue
			}
			from := len(buf)
			buf = append(append(buf, m...), '"', '}')
			at = append(at, format.Span{Start: int32(from), End: int32(len(buf) - 2)})
		}
		bufs, spans = append(bufs, buf), append(spans, at)
	}
	return bufs, spans
}

// TestMessages: messages from several buffers, some without a value, make the rows
// that they should, batch after batch.
func TestMessages(t *testing.T) {
	two := []catalog.Field{{Name: "i", Type: catalog.Int, NotNull: true}, {Name: "s", Type: catalog.String}}
	nested := append(two[:2:2], catalog.Field{Name: "a", Type: catalog.ArrayOf(catalog.Int)})
	for _, test := range []struct {
		format, options string
		columns         []catalog.Field
		upsert          bool
		messages, want  string
	}{
		{"json", "", two, false, `{"i":1,"s":"a"};{"i":2};{"i":"x"};NULL;{"i":4,"s":"é"};;{"s":"z"}`,
			"0 +I 1 a;1 +I 2 NULL;2 +I NULL NULL;4 +I 4 é;5 +I NULL NULL;6 +I NULL z;2 0 WRONG_TYPE i;4 -1 MALFORMED_RECORD ;5 0 NOT_NULL i"},
		{"json", "", two, true, `{"i":1,"s":"a"};NULL;{"i":2};NULL`, "0 +I 1 a;1 -D NULL NULL;2 +I 2 NULL;3 -D NULL NULL"},
		{"json", "", two, false, "NULL;NULL", ""},
		{"json", "", two, false, "{\"i\":1,\n\"s\":\"b\"}\n;{\"i\":2}", "0 +I 1 b;1 +I 2 NULL"},
		{"csv", "", nested, false, `1,a,[1];NULL;2,"b` + "\n" + `c",;x,y,[q;5`,
			"0 +I 1 a [1];2 +I 2 b\nc NULL;3 +I NULL y NULL;4 +I NULL NULL NULL;2 0 BAD_NUMBER i;2 2 BAD_FORMAT a;3 -1 MALFORMED_RECORD "},
		{"csv", "", nested, true, `NULL;1,a,[1];NULL`, "0 -D NULL NULL NULL;1 +I 1 a [1];2 -D NULL NULL NULL"},
		{"csv", "header=true", two, false, "i,s;1,x", "0 +I NULL s;1 +I 1 x;0 0 BAD_NUMBER i"},
		{"raw", "", two[1:], false, "a;;NULL;é;\xff", "0 +I a;1 +I ;2 +I NULL;3 +I é;4 +I NULL;4 0 BAD_UTF8 s"},
		{"raw", "", two[1:], true, "a;NULL", "0 +I a;1 -D NULL"},
		{"raw", "", two[:1], false, "\x00\x00\x01\x02;abc;NULL", "0 +I 258;1 +I NULL;2 +I NULL;1 0 WRONG_LENGTH i;2 0 NOT_NULL i"},
		{"raw", "endianness=little-endian", two[:1], false, "\x02\x01\x00\x00", "0 +I 258"},
	} {
		options := catalog.Options{}
		if name, value, ok := strings.Cut(test.options, "="); ok {
			options[name] = value
		}
		d, err := formats.Decode(test.format, format.DecodeConfig{Options: options, Columns: test.columns, Declared: test.columns, Upsert: test.upsert})
		if err != nil {
			t.Fatal(err)
		}
		alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
		dec := d.(format.Messages).NewMessageDecoder(alloc)
		bufs, spans := cut(strings.Split(test.messages, ";"))
		for range 3 {
			for i, buf := range bufs {
				buf = slices.Clone(buf)
				if err := dec.Append(buf, spans[i]); err != nil {
					t.Fatal(err)
				}
				clear(buf) // the decoder may not go on reading it
			}
			recs, err := dec.Finish()
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(texts(t, recs, test.columns), ";"); got != test.want {
				t.Errorf("%s %q:\n got %q\nwant %q", test.format, test.messages, got, test.want)
			}
			if err := dec.Append(bufs[0], spans[0]); err != nil {
				t.Fatal(err)
			}
			dec.Release()
		}
		alloc.AssertSize(t, 0)
	}
}

// TestMessagesWritten: what a MessageEncoder writes reads back as the same rows,
// and rows that leave the table have no value under upsert.
func TestMessagesWritten(t *testing.T) {
	cols := []catalog.Field{{Name: "i", Type: catalog.Int}, {Name: "s", Type: catalog.String}, {Name: "f", Type: catalog.Double}}
	rows := []string{`{"i":1,"s":"a,\"b","f":1.5}`, `{"i":null,"s":"","f":null}`, `{"i":-3,"s":"x\ny","f":"NaN"}`}
	kinds := []catalog.RowKind{catalog.Insert, catalog.Delete, catalog.UpdateAfter}
	decode := func(name string, columns []catalog.Field, messages []string, upsert bool) *connectors.Records {
		d, err := formats.Decode(name, format.DecodeConfig{Options: catalog.Options{}, Columns: columns, Declared: columns, Upsert: upsert})
		if err != nil {
			t.Fatal(err)
		}
		dec := d.(format.Messages).NewMessageDecoder(memory.DefaultAllocator)
		bufs, spans := cut(messages)
		for i, buf := range bufs {
			if err := dec.Append(buf, spans[i]); err != nil {
				t.Fatal(err)
			}
		}
		recs, err := dec.Finish()
		if err != nil {
			t.Fatal(err)
		}
		return recs
	}
	for name, columns := range map[string][]catalog.Field{"json": cols, "csv": cols, "raw": cols[2:]} {
		for _, upsert := range []bool{false, true} {
			source := decode("json", columns, rows, false)
			e, err := formats.Encode(name, format.EncodeConfig{Options: catalog.Options{}, Columns: columns, Upsert: upsert})
			if err != nil {
				t.Fatal(err)
			}
			enc := e.(format.MessageEncoding).NewMessageEncoder()
			b := &connectors.Batch{N: 3, Cols: slices.Clone(source.Cols), Kinds: kinds}
			buf, spans, err := enc.AppendMessages([]byte("before"), []format.Span{{Start: 0, End: 6}}, b)
			if err != nil {
				t.Fatal(err)
			}
			if len(spans) != 4 || spans[1].Start != 6 || upsert && !spans[2].IsNull() || !upsert && name != "raw" && spans[2].IsNull() {
				t.Errorf("%s: spans %v", name, spans)
			}
			var messages []string
			for _, s := range spans[1:] {
				m := "NULL"
				if !s.IsNull() {
					m = string(s.Of(buf))
				}
				messages = append(messages, m)
			}
			want := texts(t, source, columns)
			if upsert {
				want[1] = "1 -D" + strings.Repeat(" NULL", len(columns))
			}
			if got := texts(t, decode(name, columns, messages, upsert), columns); !slices.Equal(got, want) {
				t.Errorf("%s: got %q\nwant %q", name, got, want)
			}
		}
	}
}

// TestRawTypes writes and reads every type that raw has.
func TestRawTypes(t *testing.T) {
	for _, order := range []string{"big-endian", "little-endian"} {
		for typ, value := range map[*catalog.Type]string{
			&catalog.Boolean: "true", &catalog.TinyInt: "-5", &catalog.SmallInt: "-300", &catalog.Int: "-70000", &catalog.BigInt: "-5000000000",
			&catalog.Float: "1.5", &catalog.Double: fmt.Sprint(math.Pi), &catalog.String: `"text"`, &catalog.Bytes: `"AAEC"`,
		} {
			cols := []catalog.Field{{Name: "v", Type: *typ}}
			options := catalog.Options{"endianness": order}
			source, err := formats.Decode("json", format.DecodeConfig{Options: catalog.Options{}, Columns: cols, Declared: cols})
			if err != nil {
				t.Fatal(err)
			}
			decode := func(d format.Decoding, buf []byte, s format.Span) *connectors.Records {
				dec := d.(format.Messages).NewMessageDecoder(memory.DefaultAllocator)
				if err := dec.Append(buf, []format.Span{s}); err != nil {
					t.Fatal(err)
				}
				recs, err := dec.Finish()
				if err != nil {
					t.Fatal(err)
				}
				return recs
			}
			text := fmt.Appendf(nil, `{"v":%s}`, value)
			recs := decode(source, text, format.Span{End: int32(len(text))})
			e, err := formats.Encode("raw", format.EncodeConfig{Options: options, Columns: cols})
			if err != nil {
				t.Fatal(err)
			}
			buf, spans, err := e.(format.MessageEncoding).NewMessageEncoder().AppendMessages(nil, nil, &connectors.Batch{N: 1, Cols: []arrow.Array{recs.Cols[0]}})
			if err != nil {
				t.Fatal(err)
			}
			d, err := formats.Decode("raw", format.DecodeConfig{Options: options, Columns: cols, Declared: cols})
			if err != nil {
				t.Fatal(err)
			}
			want := texts(t, recs, cols)
			if got := texts(t, decode(d, buf, spans[0]), cols); !slices.Equal(got, want) {
				t.Errorf("%s %s: %q, want %q", order, typ, got, want)
			}
		}
	}
	for _, bad := range [][]catalog.Field{{}, {{Name: "a", Type: catalog.Int}, {Name: "b", Type: catalog.Int}}, {{Name: "a", Type: catalog.Date}}} {
		if _, err := formats.Encode("raw", format.EncodeConfig{Options: catalog.Options{}, Columns: bad}); err == nil {
			t.Errorf("raw takes %v", bad)
		}
	}
}

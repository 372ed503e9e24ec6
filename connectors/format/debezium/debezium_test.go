package debezium_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/canal"
	"github.com/streamsql/streamsql/connectors/format/debezium"
)

var columns = []catalog.Field{{Name: "id", Type: catalog.Int, NotNull: true}, {Name: "s", Type: catalog.String}}

func messages(t testing.TB, f *format.Format, cfg format.DecodeConfig) format.MessageDecoder {
	t.Helper()
	if cfg.Options == nil {
		cfg.Options = catalog.Options{}
	}
	cfg.Declared = columns
	if cfg.Columns == nil {
		cfg.Columns = columns
	}
	d, err := f.Decode(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d.(format.Messages).NewMessageDecoder(memory.DefaultAllocator)
}

// rows gives the rows of messages ("NULL" has no value) as text, errors behind.
func rows(t testing.TB, d format.MessageDecoder, texts ...string) []string {
	t.Helper()
	for _, m := range texts {
		s := format.Span{End: int32(len(m))}
		if m == "NULL" {
			s = format.NoValue
		}
		if err := d.Append([]byte(m), []format.Span{s}); err != nil {
			t.Fatal(err)
		}
	}
	recs, err := d.Finish()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i := range recs.N {
		kind := catalog.Insert
		if recs.Kinds != nil {
			kind = recs.Kinds[i]
		}
		row := fmt.Sprintf("%d %s", recs.Record(i), kind)
		for k, c := range recs.Cols {
			text, err := format.Text(c, columns[k].Type)
			if err != nil {
				t.Fatal(err)
			}
			if c.IsNull(i) {
				row += " NULL"
			} else {
				row += " " + string(text(nil, i))
			}
		}
		out = append(out, row)
	}
	for _, e := range recs.Errors {
		out = append(out, fmt.Sprintf("row %d: %s %s", e.Row, e.Code, e.Column))
	}
	return out
}

// TestRows: which rows come of which record; tombstones and log messages are none.
func TestRows(t *testing.T) {
	got := rows(t, messages(t, debezium.Format(), format.DecodeConfig{}),
		"NULL", `{"op":"m"}`, `{"after":{"id":1,"s":"a"},"op":"r"}`, "NULL",
		` { "op" : "u" , "before" : {"id":1,"s":"a"} , "after" : {"s":"b","id":1} } `,
		`{"before":{"id":1,"s":"b"},"after":null,"op":"d"}`, "NULL",
		`{"before":{"s":"b"},"op":"d"}`, `{"before":5,"op":"d"}`, `{"op":"d"}`, `{"op":1}`, `{}`, `[]`, ``, `{"op":"x"}`, `{"payload":{"op":"c"}}`)
	want := []string{
		"2 +I 1 a", "4 -U 1 a", "4 +U 1 b", "5 -D 1 b", "7 -D NULL b", "8 -D NULL NULL", "9 +I NULL NULL", "10 +I NULL NULL", "11 +I NULL NULL",
		"12 +I NULL NULL", "13 +I NULL NULL", "14 +I NULL NULL", "15 +I NULL NULL",
		"row 4: NOT_NULL id", "row 5: MALFORMED_RECORD ", "row 6: NO_IMAGE ", "row 7: MALFORMED_RECORD ", "row 8: MALFORMED_RECORD ", "row 9: MALFORMED_RECORD ",
		"row 10: MALFORMED_RECORD ", "row 11: UNKNOWN_OP ", "row 12: MALFORMED_RECORD ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestValidateAll: with decode.validate=all an error in what is not read counts.
func TestValidateAll(t *testing.T) {
	for all, want := range map[bool][]string{false: {"0 -D 1"}, true: {"0 -D 1", "row 0: BAD_UTF8 s"}} {
		d := messages(t, debezium.Format(), format.DecodeConfig{Columns: columns[:1], ValidateAll: all})
		if got := rows(t, d, "{\"before\":{\"id\":1,\"s\":\"\xff\"},\"op\":\"d\"}"); !slices.Equal(got, want) {
			t.Errorf("%v: got %q, want %q", all, got, want)
		}
	}
}

// TestWritten: what is written reads back as the rows that enter and leave.
func TestWritten(t *testing.T) {
	for name, f := range map[string]*format.Format{"debezium": debezium.Format(), "canal": canal.Format()} {
		d := messages(t, debezium.Format(), format.DecodeConfig{})
		for _, m := range []string{`{"after":{"id":1,"s":"a"},"op":"c"}`, `{"before":{"id":1,"s":"a"},"after":{"id":1,"s":null},"op":"u"}`, `{"before":{"id":1,"s":null},"op":"d"}`} {
			if err := d.Append([]byte(m), []format.Span{{End: int32(len(m))}}); err != nil {
				t.Fatal(err)
			}
		}
		recs, err := d.Finish()
		if err != nil {
			t.Fatal(err)
		}
		for _, upsert := range []bool{false, true} {
			e, err := f.Encode(format.EncodeConfig{Options: catalog.Options{}, Columns: columns, Upsert: upsert})
			if err != nil {
				t.Fatal(err)
			}
			b := &connectors.Batch{N: recs.N, Cols: recs.Cols, Kinds: recs.Kinds}
			buf, spans, err := e.(format.MessageEncoding).NewMessageEncoder().AppendMessages(nil, nil, b)
			if err != nil {
				t.Fatal(err)
			}
			var texts []string
			for _, s := range spans {
				if s.IsNull() {
					texts = append(texts, "NULL")
				} else {
					texts = append(texts, string(s.Of(buf)))
				}
			}
			want := []string{"0 +I 1 a", "1 -D 1 a", "2 +I 1 NULL", "3 -D 1 NULL"}
			if upsert {
				want = []string{"0 +I 1 a", "2 +I 1 NULL"}
			}
			if got := rows(t, messages(t, f, format.DecodeConfig{}), texts...); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
			lines, err := e.NewEncoder().Append(nil, b)
			if err != nil || strings.Count(string(lines), "\n") != 4 {
				t.Errorf("%s: %v %q", name, err, lines)
			}
		}
	}
}

// TestCanal: records of several rows, the forms of old, and what is none.
func TestCanal(t *testing.T) {
	got := rows(t, messages(t, canal.Format(), format.DecodeConfig{Options: catalog.Options{"database.include": "a|b"}}),
		`{"type":"INSERT","database":"a","data":[{"id":"1","s":"x"},{"id":2,"s":null}]}`,
		`{"type":"UPDATE","database":"b","data":[{"id":"1","s":"y"},{"id":"2","s":"z"}],"old":[{"s":"x"},{}]}`,
		`{"type":"UPDATE","database":"b","data":[{}],"old":[{"id":"7"}]}`,
		`{"type":"INSERT","database":"ab","data":[{"id":"1","s":"x"}]}`, `{"type":"INSERT","data":[{"id":"1","s":"x"}]}`,
		`{"type":"DELETE","database":"a","data":[]}`, "NULL", `{"type":"ALTER","database":"a","isDdl":true}`,
		`{"type":"UPDATE","database":"a","data":[{"id":"1"}],"old":null}`, `{"type":"UPDATE","database":"a","data":[{"id":"1"}],"old":[]}`,
		`{"type":"TRUNCATE","database":"a","isDdl":true}`, `{"type":"MERGE","database":"a"}`, `{"type":"INSERT","database":"a"}`, `{"database":"a"}`,
		`{"type":"UPDATE","database":"a","data":[4],"old":[{"id":"1"}]}`)
	want := []string{
		"0 +I 1 x", "0 +I 2 NULL", "1 -U 1 x", "1 +U 1 y", "1 -U 2 z", "1 +U 2 z", "2 -U 7 NULL", "2 +U NULL NULL", "8 +I NULL NULL", "9 +I NULL NULL",
		"10 +I NULL NULL", "11 +I NULL NULL", "12 +I NULL NULL", "13 +I NULL NULL", "14 -U NULL NULL", "14 +U NULL NULL",
		"row 7: NOT_NULL id", "row 8: NO_IMAGE ", "row 9: MALFORMED_RECORD ", "row 10: UNKNOWN_OP ", "row 11: UNKNOWN_OP ", "row 12: NO_IMAGE ", "row 13: MALFORMED_RECORD ",
		"row 14: MALFORMED_RECORD ", "row 15: MALFORMED_RECORD ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if _, err := canal.Format().Decode(format.DecodeConfig{Options: catalog.Options{"table.include": "("}, Columns: columns}); err == nil {
		t.Error("a broken pattern is taken")
	}
}

// FuzzRecords: no record stops the decoders, and a record has at least one row if
// it is bad.
func FuzzRecords(f *testing.F) {
	for _, m := range []string{
		`{"before":{"id":1,"s":"a"},"after":{"s":"b","id":1},"op":"u"}`, `{"op":"d","before":{}}`, `{"payload":null}`, `{"type":"UPDATE","data":[{"id":"1"}],"old":[{"s":1}]}`,
		`{"type":"INSERT","data":[{},[],1]}`, `{"type":"UPDATE","data":[1],"old":[" "]}`, `{"type":"UPDATE","data":[{ }],"old":[{ }]}`,
	} {
		f.Add(m)
	}
	decoders := []format.MessageDecoder{messages(f, debezium.Format(), format.DecodeConfig{}), messages(f, canal.Format(), format.DecodeConfig{}),
		messages(f, debezium.Format(), format.DecodeConfig{Options: catalog.Options{"schema-include": "true"}})}
	f.Fuzz(func(t *testing.T, m string) {
		for _, d := range decoders {
			for _, row := range rows(t, d, m, `{"op":"m","type":"X","isDdl":true,"payload":null}`) {
				if strings.HasPrefix(row, "1 ") {
					t.Fatalf("%q: the record behind it has the row %s", m, row)
				}
			}
		}
	})
}

func BenchmarkUpdates(b *testing.B) {
	for _, c := range []struct {
		name    string
		format  *format.Format
		message string
	}{
		{"debezium", debezium.Format(), `{"before":{"id":1004,"s":"Anne Kretchmar"},"after":{"id":1004,"s":"Anne Marie Kretchmar"},"source":{"version":"2.7","connector":"mysql","name":"server1","ts_ms":1559033904863,"snapshot":"false","db":"inventory","table":"customers"},"op":"u","ts_ms":1589362330904}`},
		{"canal", canal.Format(), `{"data":[{"id":"1004","s":"Anne Marie Kretchmar"}],"database":"inventory","es":1589373560000,"id":9,"isDdl":false,"mysqlType":{"id":"INTEGER","s":"VARCHAR(255)"},"old":[{"s":"Anne Kretchmar"}],"pkNames":["id"],"sql":"","sqlType":{"id":4,"s":12},"table":"customers","ts":1589373560798,"type":"UPDATE"}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			d := messages(b, c.format, format.DecodeConfig{})
			var buf []byte
			var spans []format.Span
			for range 1000 {
				spans = append(spans, format.Span{Start: int32(len(buf)), End: int32(len(buf) + len(c.message))})
				buf = append(buf, c.message...)
			}
			b.SetBytes(int64(len(buf)))
			for b.Loop() {
				if err := d.Append(buf, spans); err != nil {
					b.Fatal(err)
				}
				recs, err := d.Finish()
				if err != nil || recs.N != 2000 {
					b.Fatal(err)
				}
				for _, c := range recs.Cols {
					c.Release()
				}
			}
		})
	}
}

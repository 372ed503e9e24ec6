package ndjson_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/ndjson"
)

var person = catalog.RowOf(catalog.Field{Name: "id", Type: catalog.BigInt}, catalog.Field{Name: "name", Type: catalog.String},
	catalog.Field{Name: "tags", Type: catalog.ArrayOf(catalog.RowOf(catalog.Field{Name: "k", Type: catalog.Int}, catalog.Field{Name: "v", Type: catalog.Int}))})

// decode gives the rows of data as texts, errors behind.
func decode(t *testing.T, cfg format.DecodeConfig, data string) (rows []string, errs []connectors.CellError) {
	t.Helper()
	d, err := ndjson.Format().Decode(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s, isHeader, err := d.Stream(nil)
	if err != nil || isHeader || d.Headed() {
		t.Fatal(isHeader, err)
	}
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	cut := d.Cut([]byte(data), connectors.Limits{Records: 1000, Bytes: 1 << 20}, true)
	if cut.Bytes != len(data) {
		t.Fatalf("%d of %d bytes", cut.Bytes, len(data))
	}
	recs, err := s.NewDecoder(alloc).Decode([]byte(data), cut.Records)
	if err != nil {
		t.Fatal(err)
	}
	rows = make([]string, recs.N)
	for k, c := range recs.Cols {
		text, err := format.Text(c, cfg.Columns[k].Type)
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			cell := "NULL"
			if c.IsValid(i) {
				cell = string(text(nil, i))
			}
			rows[i] = strings.TrimPrefix(rows[i]+"|"+cell, "|")
		}
		c.Release()
	}
	return rows, recs.Errors
}

// Columns are pruned ROWs of what is declared; with ValidateAll what is declared
// is checked whole and gives the same rows.
func TestPruned(t *testing.T) {
	declared := []catalog.Field{{Name: "a", Type: catalog.Int}, {Name: "p", Type: person}, {Name: "m", Type: catalog.MapOf(catalog.String, person)}, {Name: "z", Type: catalog.Timestamp3}}
	tags := catalog.ArrayOf(catalog.RowOf(catalog.Field{Name: "v", Type: catalog.Int}))
	cols := []catalog.Field{
		{Name: "m", Type: catalog.MapOf(catalog.String, catalog.RowOf(catalog.Field{Name: "name", Type: catalog.String}))},
		{Name: "p", Type: catalog.RowOf(catalog.Field{Name: "tags", Type: tags}, catalog.Field{Name: "id", Type: catalog.BigInt})},
	}
	data := `{"a":1,"p":{"id":5,"name":"x","tags":[{"k":1,"v":2},null,{"v":3}]},"m":{"q":{"id":1,"name":"y"}},"z":"2024-01-15 10:00:00"}
{"a":"x","p":{"id":5,"name":"x","tags":[]},"m":{},"z":"soon"}
{"a":1,"p":null,"m":{"q":null}}
{"a":1,"p":{"id":"x","tags":[{"k":true,"v":1}]}}
{"p":{"id":"x"},"m":{"q":7},"z":1}
`
	want := []string{`{"q":{"name":"y"}}|{"tags":[{"v":2},null,{"v":3}],"id":5}`, `{}|{"tags":[],"id":5}`, `{"q":null}|NULL`, `NULL|{"tags":[{"v":1}],"id":null}`, `{"q":null}|{"tags":null,"id":null}`}
	for _, all := range []bool{false, true} {
		rows, errs := decode(t, format.DecodeConfig{Options: catalog.Options{}, Columns: cols, Declared: declared, ValidateAll: all}, data)
		if !slices.Equal(rows, want) {
			t.Errorf("all %v: got %q\nwant %q", all, rows, want)
		}
		var got []string
		for _, e := range errs {
			got = append(got, fmt.Sprintf("%d %d %s %s", e.Row, e.Col, e.Code, e.Column))
		}
		wantErrs := []string{"3 1 WRONG_TYPE p.id", "4 0 WRONG_TYPE m[]", "4 1 WRONG_TYPE p.id"}
		if all {
			wantErrs = []string{"1 -2 WRONG_TYPE a", "1 -2 BAD_TIMESTAMP z", "3 1 WRONG_TYPE p.id", "3 1 WRONG_TYPE p.tags[].k", "4 -2 WRONG_TYPE z", "4 0 WRONG_TYPE m[]", "4 1 WRONG_TYPE p.id"}
		}
		if !slices.Equal(got, wantErrs) {
			t.Errorf("all %v: errors %q, want %q", all, got, wantErrs)
		}
	}
}

// Errors carry a code, the path of the member and the value.
func TestErrors(t *testing.T) {
	cols := []catalog.Field{{Name: "i", Type: catalog.TinyInt}, {Name: "s", Type: catalog.String, NotNull: true}, {Name: "t", Type: catalog.Timestamp3}}
	for _, test := range []struct{ in, code, column, detail string }{
		{`{"i":300,"s":"a"}`, "OUT_OF_RANGE", "i", "300: "},
		{`{"i":1.5,"s":"a"}`, "BAD_NUMBER", "i", "1.5: "},
		{`{"i":"` + strings.Repeat("x", 100) + `","s":"a"}`, "WRONG_TYPE", "i", `"` + strings.Repeat("x", 39) + "...: "},
		{`{"i":nul,"s":"a"}`, "BAD_LITERAL", "i", ""},
		{`{"i":1}`, "NOT_NULL", "s", ""},
		{"{\"i\":1,\"s\":\"\xff\"}", "BAD_UTF8", "s", ""},
		{`{"i":1,"s":"a","t":"yesterday"}`, "BAD_TIMESTAMP", "t", `"yesterday": `},
		{`{"i":1,"s":"a"`, "MALFORMED_RECORD", "", "malformed"},
		{`[1]`, "MALFORMED_RECORD", "", "malformed record (at byte 0): an array"},
		{`{"i":1,"s":"` + strings.Repeat("a", 300) + `"}`, "MALFORMED_RECORD", "", "the record is longer than 200 bytes"},
	} {
		_, errs := decode(t, format.DecodeConfig{Options: catalog.Options{}, Columns: cols, MaxRecordBytes: 200}, test.in+"\n")
		if len(errs) != 1 || errs[0].Code != test.code || errs[0].Column != test.column || !strings.HasPrefix(errs[0].Detail, test.detail) {
			t.Errorf("%s: %+v, want %+v", test.in, errs, test)
		}
	}
}

func TestOptions(t *testing.T) {
	cols := []catalog.Field{{Name: "i", Type: catalog.Int}, {Name: "t", Type: catalog.Timestamp3}}
	rows, errs := decode(t, format.DecodeConfig{Options: catalog.Options{"timestamp-format.standard": "ISO-8601", "quoted-numbers": "true"}, Columns: cols},
		`{"i":"7","t":"2024-01-15T10:00:00"}`)
	if len(errs) > 0 || rows[0] != "7|2024-01-15 10:00:00.000" {
		t.Errorf("%q %v", rows, errs)
	}
	_, errs = decode(t, format.DecodeConfig{Options: catalog.Options{}, Columns: cols}, `{"i":"7","t":"2024-01-15T10:00:00"}`)
	if len(errs) != 2 {
		t.Errorf("by default: %v", errs)
	}
}

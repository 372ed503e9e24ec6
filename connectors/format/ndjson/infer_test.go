package ndjson

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format"
)

// inferred gives the columns of streams; one that ends in "..." is longer.
func inferred(o catalog.Options, rows int, messages bool, streams ...string) (string, error) {
	fields, err := Format().Infer(format.InferConfig{Options: o, Rows: rows, Messages: messages, Samples: func(yield func(format.Sample, error) bool) {
		for i, s := range streams {
			data, cut := strings.CutSuffix(s, "...")
			if !yield(format.Sample{Name: fmt.Sprint(i), Data: []byte(data), Whole: !cut}, nil) {
				return
			}
		}
	}})
	return strings.TrimSuffix(strings.TrimPrefix(catalog.RowOf(fields...).String(), "ROW<"), ">"), err
}

// Expected: by hand, from the rules of the page on columns.
func TestInfer(t *testing.T) {
	for _, test := range []struct {
		name     string
		options  catalog.Options
		rows     int
		messages bool
		streams  []string
		want     string
	}{
		{name: "order of appearance, over records and files", streams: []string{"{\"b\":1,\"a\":true}\n\n{\"a\":false,\"c\":null}\n", "\ufeff{\"d\":\"x\",\"b\":1.5}"}, want: "b DOUBLE, a BOOLEAN, c STRING, d STRING"},
		{name: "bad records", streams: []string{"{\"a\":1,}\n[1]\n3\n{\"a\":2}\n{\"b\""}, want: "a BIGINT"},
		{name: "the last line is cut off", streams: []string{"{\"a\":1}\n{\"a\":1.5}..."}, want: "a BIGINT"},
		{name: "the first rows only", rows: 2, streams: []string{"{\"a\":1}\n", "{\"a\":2}\n{\"a\":\"x\"}\n"}, want: "a BIGINT"},
		{name: "nested", streams: []string{`{"r":{"x":[{"y":1},{"z":"2024-05-01"}],"e":{}},"m":[[1],[]]}`}, want: "r ROW<x ARRAY<ROW<y BIGINT, z DATE>>, e STRING>, m ARRAY<ARRAY<BIGINT>>"},
		{name: "names", streams: []string{`{"":1,"a b":1,"\u00e9":1,"a b":"twice"}`}, want: "`a b` STRING, `é` BIGINT"},
		{name: "ISO", options: catalog.Options{optTimestamps: "ISO-8601"}, streams: []string{`{"a":"2024-05-01T10:00:00","b":"2024-05-01 10:00:00","c":"2024-05-01T10:00:00+02:00"}`}, want: "a TIMESTAMP(6), b STRING, c TIMESTAMP_LTZ(6)"},
		{name: "numbers in strings", options: catalog.Options{OptQuotedNumbers: "true"}, streams: []string{`{"a":"1","b":"1.5","c":"007","d":["2"]}`, `{"a":2}`}, want: "a BIGINT, b DOUBLE, c STRING, d ARRAY<BIGINT>"},
		{name: "with an offset", options: catalog.Options{optTimestamps: "ISO-8601-WITH-OFFSET"}, streams: []string{`{"a":"2024-05-01T10:00:00+02:00"}`}, want: "a TIMESTAMP_LTZ(6)"},
		{name: "messages", messages: true, streams: []string{"{\"a\":\n1}", `{"b":"x"}`}, want: "a BIGINT, b STRING"},
	} {
		if test.rows == 0 {
			test.rows = 100
		}
		got, err := inferred(test.options, test.rows, test.messages, test.streams...)
		if err != nil || got != test.want {
			t.Errorf("%s: got %s (%v), want %s", test.name, got, err, test.want)
		}
	}
	if got, err := inferred(nil, 10, false, "[1]\n", ""); err == nil || !strings.Contains(err.Error(), "no JSON object") {
		t.Errorf("without an object: %s, %v", got, err)
	}
}

// TestInferReads: what was looked at can be read into the columns that it gave,
// without an error.
func TestInferReads(t *testing.T) {
	lines := []string{
		`{"i":1,"d":1.25,"s":"é","b":true,"t":"2024-05-01 10:00:00.123456","z":"2024-05-01 10:00:00Z","day":"2024-05-01","w":99999999999999999999,"a":[1,null,2],"r":{"x":null,"y":{"z":[]}}}`,
		`{"i":-5,"d":3,"s":5,"b":null,"a":[],"r":{"y":null,"x":{"k":[1,{"o":2}]}},"mixed":{"a":1}}`,
		`{"mixed":[1,2],"s":{"any":"thing"}}`,
	}
	text := strings.Join(lines, "\n") + "\n"
	fields, err := Format().Infer(format.InferConfig{Rows: 10, Samples: func(yield func(format.Sample, error) bool) {
		yield(format.Sample{Data: []byte(text), Whole: true}, nil)
	}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := Format().Decode(format.DecodeConfig{Options: catalog.Options{}, Columns: fields, Declared: fields})
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := d.Stream(nil)
	if err != nil {
		t.Fatal(err)
	}
	recs, err := s.NewDecoder(memory.DefaultAllocator).Decode([]byte(text), len(lines))
	if err != nil || recs.N != len(lines) || len(recs.Errors) > 0 {
		t.Fatal(err, recs.Errors)
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name + " " + f.Type.String()
	}
	if want := []string{"i BIGINT", "d DOUBLE", "s STRING", "b BOOLEAN", "t TIMESTAMP(6)", "z TIMESTAMP_LTZ(6)", "day DATE", "w DECIMAL(38, 0)", "a ARRAY<BIGINT>",
		"r ROW<x ROW<k ARRAY<STRING>>, y ROW<z ARRAY<STRING>>>", "mixed STRING"}; !slices.Equal(names, want) {
		t.Errorf("got %q", names)
	}
}

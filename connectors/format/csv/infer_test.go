package csv

import (
	"fmt"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format"
)

// Expected: by hand, from the rules of the page on columns.
func TestInfer(t *testing.T) {
	for _, test := range []struct {
		name    string
		options catalog.Options
		rows    int
		files   []string // one that ends in "..." is longer
		want    string   // columns, or what the error says
	}{
		{name: "types", files: []string{"i,d,s,b,t,z,day,w,zip,none,q\n1,1.5,x,TRUE,2024-05-01T10:00:00,2024-05-01 10:00:00Z,2024-05-01,99999999999999999999,00123,,\"7\"\n-2,3,\"a\nb\",false, 2024-05-01 10:00:00.5 ,2024-05-01 10:00:00+01:00,2024-05-02,1,12345,,8"},
			want: "i BIGINT, d DOUBLE, s STRING, b BOOLEAN, t TIMESTAMP(6), z TIMESTAMP_LTZ(6), day DATE, w DECIMAL(38, 0), zip STRING, none STRING, q BIGINT"},
		{name: "NULL", options: catalog.Options{optNull: "N/A"}, files: []string{"a,b\nN/A,1\n5,\n"}, want: "a BIGINT, b STRING"},
		{name: "options", options: catalog.Options{optDelimiter: ";", optComments: "true"}, files: []string{"# c\na;b\n# 1;x\n1;2,5\n"}, want: "a BIGINT, b STRING"},
		{name: "one column", files: []string{"a\r\n1\r\n\r\n2\r\n"}, want: "a BIGINT"},
		{name: "malformed records", files: []string{"a,b\n1,2\nx\ny,y,y\n\"z\"z,1\n3,4\n"}, want: "a BIGINT, b BIGINT"},
		{name: "the last record is cut off", files: []string{"a,b\n1,2\n3,\"x..."}, want: "a BIGINT, b BIGINT"},
		{name: "files by the names of their headers", files: []string{"\ufeffa,b\n1,2\n", "", "b,a\nx,5\n", "other\nx\n"}, want: "a BIGINT, b STRING"},
		{name: "the first rows only", rows: 2, files: []string{"a\n1\n", "a\n2\nx\n"}, want: "a BIGINT"},
		{name: "header only", files: []string{"a,b"}, want: "a STRING, b STRING"},
		{name: "no header", files: []string{"1,2\n"}, want: "the number 1"},
		{name: "twice", files: []string{"a,A\n"}, want: `"A" twice`},
		{name: "without a name", files: []string{"a,\n1,2\n"}, want: "an empty field"},
		{name: "empty", files: []string{""}, want: "no header"},
		{name: "by position", options: catalog.Options{optHeader: "false"}, files: []string{"a\n"}, want: "names only in the header"},
	} {
		rows := max(test.rows, 1)
		if test.rows == 0 {
			rows = 100
		}
		fields, err := Format().Infer(format.InferConfig{Options: test.options, Rows: rows, Samples: func(yield func(format.Sample, error) bool) {
			for i, f := range test.files {
				data, cut := strings.CutSuffix(f, "...")
				if !yield(format.Sample{Name: fmt.Sprint(i), Data: []byte(data), Whole: !cut}, nil) {
					return
				}
			}
		}})
		got := strings.TrimSuffix(strings.TrimPrefix(catalog.RowOf(fields...).String(), "ROW<"), ">")
		if err != nil {
			got = err.Error()
		}
		if got != test.want && (err == nil || !strings.Contains(got, test.want)) {
			t.Errorf("%s: got %s\nwant %s", test.name, got, test.want)
		}
	}
}

package parquet_test

import (
	"os"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format"
	pq "github.com/streamsql/streamsql/connectors/format/parquet"
)

// TestEncodings: the columns of a file are read that are encoded in a way that is
// known; another one is named. The file is DuckDB 2.0.0's, written with
//
//	COPY (SELECT i AS id, (i/3.0)::FLOAT AS f FROM range(0, 50) r(i)) TO ... (FORMAT parquet, PARQUET_VERSION v2)
func TestEncodings(t *testing.T) {
	data, err := os.ReadFile("testdata/encodings.parquet")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		column catalog.Field
		want   string
	}{
		{catalog.Field{Name: "id", Type: catalog.BigInt}, ""},
		{catalog.Field{Name: "f", Type: catalog.Float}, "column f is encoded as BYTE_STREAM_SPLIT"},
	} {
		d, err := pq.Format().Blocks(format.DecodeConfig{Options: catalog.Options{}, Columns: []catalog.Field{test.column}})
		if err != nil {
			t.Fatal(err)
		}
		rows, sum, err := read(d, data)
		switch {
		case test.want == "" && (err != nil || rows != 50 || sum != 49*50/2):
			t.Errorf("%s: %d rows, sum %d, %v", test.column.Name, rows, sum, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v", test.column.Name, err)
		}
	}
}

package parquet_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/json"
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

// TestForeignFiles: files of other writers, made by hand: what they hold is read, or
// refused with what can't be read. All but the last are pyarrow 26.0.1's.
func TestForeignFiles(t *testing.T) {
	for file, want := range map[string]string{
		// LZ4_RAW, pages of version 2, dictionaries and large texts by the schema of Arrow.
		"arrow-types-lz4": `{"c":"a","l":[1,null],"s":"` + strings.Repeat("x", 40) + `"} {"c":"b","l":[],"s":"` + strings.Repeat("y", 40) + `"} {"c":null,"l":null,"s":"` + strings.Repeat("x", 40) + `"} {"c":"a","l":[7],"s":null}`,
		"rle-booleans":    "the values of column b are encoded as RLE",
		"delta-fixed":     "column f of values of a fixed length is encoded as DELTA_BYTE_ARRAY",
		// NULL, [1,2,3], [4,5,6], NULL, [7,8,9] of INTEGER[3] by DuckDB 2.0.0; pyarrow can't read it either.
		"duckdb-fixed-lists": "column lf: the file is damaged: lists of 13 elements, of which 9 are there",
	} {
		data, err := os.ReadFile("testdata/" + file + ".parquet")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := texts(data); strings.Join(got, " ") != want && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %s, %v, want %s", file, got, err, want)
		}
	}
}

// texts gives the rows of a file as JSON, all columns as they are inferred.
func texts(data []byte) ([]string, error) {
	cols, err := pq.Format().Infer(format.InferConfig{File: bytes.NewReader(data), Size: int64(len(data))})
	if err != nil {
		return nil, err
	}
	d, err := pq.Format().Blocks(format.DecodeConfig{Options: catalog.Options{}, Columns: cols, Declared: cols})
	if err != nil {
		return nil, err
	}
	f, err := d.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	info, err := f.Block(0)
	if err != nil {
		return nil, err
	}
	block, err := f.Load(0)
	if err != nil {
		return nil, err
	}
	part, err := block.Cut(0, info.Records)
	if err != nil {
		return nil, err
	}
	recs, err := part.Decode(memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	e := json.NewEncoder(cols, json.EncoderOptions{})
	if err := e.Bind(recs.Cols); err != nil {
		return nil, err
	}
	var out []string
	for i := range recs.N {
		out = append(out, string(e.AppendRow(nil, i)))
	}
	return out, nil
}

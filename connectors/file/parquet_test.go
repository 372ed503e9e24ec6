package file_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/connectortest"
)

// parquetFile writes n rows, row groups of so many.
func parquetFile(t testing.TB, first, n, group int, codec compress.Compression) []byte {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "pad", Type: arrow.BinaryTypes.String}, {Name: "id", Type: arrow.PrimitiveTypes.Int32}, {Name: "text", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "tags", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64), Nullable: true}, {Name: "ts", Type: &arrow.TimestampType{Unit: arrow.Nanosecond}},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for i := first; i < first+n; i++ {
		b.Field(0).(*array.StringBuilder).Append("pad")
		b.Field(1).(*array.Int32Builder).Append(int32(i))
		if i%3 > 0 {
			b.Field(2).(*array.StringBuilder).Append(fmt.Sprint("text ", i))
		} else {
			b.Field(2).AppendNull()
		}
		tags := b.Field(3).(*array.ListBuilder)
		tags.Append(true)
		for k := range i % 4 {
			tags.ValueBuilder().(*array.Int64Builder).Append(int64(k))
		}
		b.Field(4).(*array.TimestampBuilder).Append(arrow.Timestamp(i)*1e9 + 123456789)
	}
	var buf bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &buf, parquet.NewWriterProperties(parquet.WithCompression(codec), parquet.WithMaxRowGroupLength(int64(group))), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(b.NewRecord()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestParquetFiles reads Parquet files in every way: row groups that are cut into
// chunks, a list, times finer than the column, a column that is not there.
func TestParquetFiles(t *testing.T) {
	w := newWorld(nil)
	w.fs.WriteFile("/in/a.parquet", parquetFile(t, 0, 100, 30, compress.Codecs.Snappy))
	w.fs.WriteFile("/in/b.parquet", parquetFile(t, 100, 41, 100, compress.Codecs.Zstd))
	cols := append(idAndText[:2:2],
		connectors.ScanColumn{Name: "tags", Type: catalog.ArrayOf(catalog.Int)}, connectors.ScanColumn{Name: "ts", Type: catalog.Timestamp3},
		connectors.ScanColumn{Name: "line", Type: catalog.BigInt, Metadata: "file.line"}, connectors.ScanColumn{Name: "none", Type: catalog.Int})
	var want []string
	for i := range 141 {
		text, line := fmt.Sprint("text ", i), i+1
		if i%3 == 0 {
			text = "NULL"
		}
		if i >= 100 {
			line -= 100
		}
		tags := []string{"[]", "[0]", "[0,1]", "[0,1,2]"}[i%4]
		want = append(want, fmt.Sprintf("%d|%s|%s|1970-01-01 00:%02d:%02d.123|%d|NULL", i, text, tags, i/60, i%60, line))
	}
	connectortest.TestSource(t, connectortest.SourceTest{
		Open: func(t testing.TB) connectors.Source {
			return openSource(t, connectors.Env{FS: w.fs}, cols, with("/in", "format", "parquet"))
		},
		Columns: cols, Want: map[string][]string{"files": want},
	})
}

// TestParquetDecodedLater: chunks are decoded when the reader has left their files and
// is closed.
func TestParquetDecodedLater(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"a.parquet", "b.parquet"} {
		if err := os.WriteFile(filepath.Join(dir, name), parquetFile(t, 100*i, 100, 30, compress.Codecs.Snappy), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := openSource(t, connectors.Env{}, idAndText, with(dir, "format", "parquet"))
	r, err := s.Open(context.Background(), connectors.Split{ID: "files", Bounded: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var chunks []connectors.Chunk
	for err == nil {
		var c connectors.Chunk
		if c, err = r.Fetch(context.Background(), connectors.Limits{Records: 20, Bytes: 1 << 20}); c != nil {
			chunks = append(chunks, c)
		}
	}
	if err != io.EOF {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, c := range chunks {
		recs, err := c.Decode(memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		rows += recs.N
		c.Release()
	}
	if rows != 200 {
		t.Errorf("%d rows, want 200", rows)
	}
}

package parquet_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/formattest"
	pq "github.com/streamsql/streamsql/connectors/format/parquet"
)

var update = flag.Bool("update", false, "write testdata/written.parquet anew; then DuckDB must be asked again")

func col(name string, t catalog.Type) catalog.Field { return catalog.Field{Name: name, Type: t} }

// all has a column of every type.
var all = []catalog.Field{
	col("b", catalog.Boolean), col("t", catalog.TinyInt), col("s", catalog.SmallInt), col("i", catalog.Int), {Name: "l", Type: catalog.BigInt, NotNull: true},
	col("f", catalog.Float), col("d", catalog.Double), col("d9", catalog.Decimal(9, 2)), col("d18", catalog.Decimal(18, 3)), col("d38", catalog.Decimal(38, 10)),
	col("str", catalog.String), col("bin", catalog.Bytes), col("dt", catalog.Date), col("tm", catalog.Type{Kind: catalog.KindTime, Precision: 6}),
	col("ts", catalog.Timestamp6), col("tz", catalog.TimestampLTZ3), col("arr", catalog.ArrayOf(catalog.String)), col("mp", catalog.MapOf(catalog.String, catalog.Int)),
	col("r", catalog.RowOf(col("x", catalog.Decimal(20, 0)), catalog.Field{Name: "must", Type: catalog.Int, NotNull: true}, col("y", catalog.ArrayOf(catalog.RowOf(col("z", catalog.Double)))))),
	col("aa", catalog.ArrayOf(catalog.ArrayOf(catalog.Int))), col("mm", catalog.MapOf(catalog.String, catalog.MapOf(catalog.String, catalog.ArrayOf(catalog.Date)))),
}

var allRows = []string{
	`{"b":true,"t":-128,"s":-32768,"i":-2147483648,"l":-9223372036854775808,"f":1.5,"d":-2.25,"d9":-1234567.89,"d18":-123456789012345.678,"d38":-1234567890123456789012345678.9012345678,"str":"häß","bin":"AAEC/w==","dt":"1969-12-31","tm":"23:59:59.123456","ts":"1969-12-31 23:59:59.999999","tz":"2024-02-29 12:00:00.123Z","arr":["a",null,""],"mp":{"k":1,"z":null},"r":{"x":-7,"must":1,"y":[{"z":1.25},null,{"z":null}]},"aa":[[1,2],[],null,[null,3]],"mm":{"5":{"a":["2024-02-29",null],"b":[],"c":null},"-6":{},"7":null}}`,
	`{"b":null,"t":null,"s":null,"i":null,"l":-1,"f":null,"d":null,"d9":null,"d18":null,"d38":null,"str":null,"bin":null,"dt":null,"tm":null,"ts":null,"tz":null,"arr":null,"mp":null,"r":null,"aa":null,"mm":null}`,
	`{"b":false,"t":127,"s":32767,"i":2147483647,"l":9223372036854775807,"f":-0.0,"d":1e+300,"d9":9999999.99,"d18":999999999999999.999,"d38":9999999999999999999999999999.9999999999,"str":"","bin":"","dt":"9999-12-31","tm":"00:00:00.000000","ts":"9999-12-31 23:59:59.999999","tz":"0001-01-01 00:00:00.000Z","arr":[],"mp":{},"r":{"x":null,"must":2,"y":[]},"aa":[],"mm":{}}`,
}

func encoder(t testing.TB, fields []catalog.Field, o catalog.Options) format.FileEncoder {
	t.Helper()
	if o["block.size"] == "" {
		o["block.size"] = "67108864"
	}
	e, err := pq.Format().EncodeFiles(format.EncodeConfig{Options: o, Columns: fields})
	if err != nil {
		t.Fatal(err)
	}
	return e.NewFileEncoder()
}

// fileOf writes batches as a file.
func fileOf(t testing.TB, fields []catalog.Field, o catalog.Options, batches ...*connectors.Batch) (data []byte) {
	t.Helper()
	enc := encoder(t, fields, o)
	var err error
	for _, b := range batches {
		if data, err = enc.Append(data, b); err != nil {
			t.Fatal(err)
		}
	}
	if data, err = enc.Finish(data); err != nil {
		t.Fatal(err)
	}
	return data
}

// jsonOf reads a file as a source does, and gives its rows as JSON.
func jsonOf(t testing.TB, fields []catalog.Field, data []byte) (rows []string) {
	t.Helper()
	d, err := pq.Format().Blocks(format.DecodeConfig{Options: catalog.Options{}, Columns: fields, Declared: fields})
	if err != nil {
		t.Fatal(err)
	}
	f, err := d.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for place := int64(0); ; {
		info, err := f.Block(place)
		if err != nil {
			return rows // the end
		}
		block, err := f.Load(place)
		if err != nil {
			t.Fatal(err)
		}
		part, err := block.Cut(0, info.Records)
		if err != nil {
			t.Fatal(err)
		}
		recs, err := part.Decode(memory.DefaultAllocator)
		if err != nil || len(recs.Errors) > 0 {
			t.Fatal(err, recs.Errors)
		}
		rows = append(rows, formattest.Objects(t, fields, recs.Cols, recs.N)...)
		place = info.Next
	}
}

func wantRows(t testing.TB, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("row %d: got\n%s\nwant\n%s", i, got[i], want[i])
		}
	}
}

// TestWriteAllTypes: values of all types come back, in each codec.
func TestWriteAllTypes(t *testing.T) {
	for codec, name := range map[string]string{"": "SNAPPY", "snappy": "SNAPPY", "zstd": "ZSTD", "gzip": "GZIP", "none": "UNCOMPRESSED", "uncompressed": "UNCOMPRESSED"} {
		data := fileOf(t, all, catalog.Options{"compression": codec}, formattest.Batch(t, all, allRows...), formattest.Batch(t, all), formattest.Batch(t, all, allRows[1:]...))
		wantRows(t, jsonOf(t, all, data), slices.Concat(allRows, allRows[1:]))
		r, err := file.NewParquetReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		c, err := r.MetaData().RowGroup(0).ColumnChunk(0)
		if err != nil || c.Compression().String() != name {
			t.Errorf("%q: codec %v, %v", codec, c.Compression(), err)
		}
	}
	if data := fileOf(t, all, catalog.Options{}, formattest.Batch(t, all)); len(data) > 0 {
		t.Errorf("a file of no row has %d bytes", len(data))
	}
	// The reader infers the types that were written, precisions aside.
	data := fileOf(t, all, catalog.Options{}, formattest.Batch(t, all, allRows...))
	got, err := pq.Format().Infer(format.InferConfig{File: bytes.NewReader(data), Size: int64(len(data))})
	if err != nil || len(got) != len(all) {
		t.Fatal(got, err)
	}
	for i, f := range got {
		if f.Name != all[i].Name || f.Type.Kind != all[i].Type.Kind || f.NotNull != all[i].NotNull {
			t.Errorf("%v is inferred, %v was written", f, all[i])
		}
	}
}

// TestWrittenForOthers: the file that is written is testdata/written.parquet, byte for
// byte, which DuckDB 2.0.0 reads as written.txt has it:
//
//	SET timezone = 'UTC';
//	SELECT to_json(x) FROM 'written.parquet' x;
//	DESCRIBE SELECT * FROM 'written.parquet';
//
// What DuckDB reads was compared with allRows by eye: they differ in how JSON shows
// BLOB, TIME and TIMESTAMP WITH TIME ZONE, and in nothing else.
func TestWrittenForOthers(t *testing.T) {
	data := fileOf(t, all, catalog.Options{"compression": "none"}, formattest.Batch(t, all, allRows...))
	if *update {
		if err := os.WriteFile("testdata/written.parquet", data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/written.parquet")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, want) {
		t.Errorf("%d bytes are written, unlike the %d that DuckDB has read", len(data), len(want))
	}
}

// randomRow makes a row of nested, long, repeated and missing values.
func randomRow(rng *rand.Rand, i int) string {
	null := func(s string) string {
		if rng.IntN(4) == 0 {
			return "null"
		}
		return s
	}
	list := func(n int, element func() string) string {
		if rng.IntN(50) == 0 {
			n *= 500 // over several steps and pages
		}
		var out []string
		for range rng.IntN(n + 1) {
			out = append(out, element())
		}
		return null("[" + strings.Join(out, ",") + "]")
	}
	number := func() string { return null(fmt.Sprint(rng.IntN(2000) - 1000)) }
	big := func() string { return null(fmt.Sprintf("%d%018d.%05d", rng.IntN(1e9), rng.IntN(1e18), rng.IntN(1e5))) }
	text := func() string {
		return null(fmt.Sprintf("%q", strings.Repeat("x", rng.IntN(30))+fmt.Sprint(rng.IntN(1000))))
	}
	inner := func() string {
		return null(fmt.Sprintf(`{"n":%s,"must":%d,"s":%s,"l":%s}`, big(), rng.IntN(100), text(), list(2, big)))
	}
	return fmt.Sprintf(`{"id":%d,"n":%s,"b":%s,"s":%s,"l":%s,"ll":%s,"r":%s,"rs":%s,"m":%s}`, i, big(), null(fmt.Sprint(rng.IntN(2) == 0)), text(),
		list(3, number), list(3, func() string { return list(3, text) }), inner(), list(3, inner),
		null(fmt.Sprintf(`{"a":%s,"b":%s}`, inner(), list(2, number)[:0]+inner())))
}

// TestWriteRandom: rows come back, from parts of arrays and in many row groups.
func TestWriteRandom(t *testing.T) {
	inner := catalog.RowOf(col("n", catalog.Decimal(38, 5)), catalog.Field{Name: "must", Type: catalog.Int, NotNull: true}, col("s", catalog.String), col("l", catalog.ArrayOf(catalog.Decimal(38, 5))))
	fields := []catalog.Field{
		{Name: "id", Type: catalog.BigInt, NotNull: true}, col("n", catalog.Decimal(38, 5)), col("b", catalog.Boolean), col("s", catalog.String),
		col("l", catalog.ArrayOf(catalog.SmallInt)), col("ll", catalog.ArrayOf(catalog.ArrayOf(catalog.String))), col("r", inner), col("rs", catalog.ArrayOf(inner)), col("m", catalog.MapOf(catalog.String, inner)),
	}
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var rows []string
		for i := range 3000 {
			rows = append(rows, randomRow(rng, i))
		}
		whole := formattest.Batch(t, fields, rows...)
		var batches []*connectors.Batch
		for at := 0; at < whole.N; {
			n := min(1+rng.IntN(2000), whole.N-at)
			b := &connectors.Batch{N: n}
			for _, c := range whole.Cols {
				b.Cols = append(b.Cols, array.NewSlice(c, int64(at), int64(at+n)))
			}
			batches, at = append(batches, b), at+n
		}
		data := fileOf(t, fields, catalog.Options{"block.size": []string{"1", "100000", "67108864"}[seed%3]}, batches...)
		// What the decoder of JSON has made of the rows, written as JSON again.
		wantRows(t, jsonOf(t, fields, data), formattest.Objects(t, fields, whole.Cols, whole.N))
	}
}

// TestWriteKeepsNoArrays: the least and greatest texts of a row group, which stand in the
// footer, are those that were written though the arrays are used again.
func TestWriteKeepsNoArrays(t *testing.T) {
	fields := []catalog.Field{col("s", catalog.String), col("n", catalog.Decimal(38, 0))}
	enc := encoder(t, fields, catalog.Options{})
	b := formattest.Batch(t, fields, `{"s":"bb","n":5}`, `{"s":"aa","n":-5}`)
	data, err := enc.Append(nil, b)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b.Cols {
		for _, buf := range c.Data().Buffers()[1:] {
			if buf != nil {
				clear(buf.Bytes())
			}
		}
	}
	if data, err = enc.Finish(data); err != nil {
		t.Fatal(err)
	}
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"aa bb", "-5 5"} {
		c, err := r.MetaData().RowGroup(0).ColumnChunk(i)
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.Statistics()
		if err != nil {
			t.Fatal(err)
		}
		got := string(s.EncodeMin()) + " " + string(s.EncodeMax())
		if i == 1 {
			got = fmt.Sprintf("%d %d", int8(s.EncodeMin()[15]), int8(s.EncodeMax()[15]))
		}
		if got != want {
			t.Errorf("statistics of column %d: %q, want %q", i, got, want)
		}
	}
}

// TestWriteRefused: a NULL where there must be none refuses its row alone, however deep
// it stands.
func TestWriteRefused(t *testing.T) {
	must := catalog.Field{Name: "must", Type: catalog.Int, NotNull: true}
	fields := []catalog.Field{col("id", catalog.Int), col("a", catalog.ArrayOf(catalog.RowOf(must))), col("m", catalog.MapOf(catalog.String, catalog.RowOf(must)))}
	loose := []catalog.Field{fields[0], col("a", catalog.ArrayOf(catalog.RowOf(col("must", catalog.Int)))), col("m", catalog.MapOf(catalog.String, catalog.RowOf(col("must", catalog.Int))))}
	rows := []string{
		`{"id":0,"a":[{"must":null}],"m":null}`, `{"id":1,"a":[null,{"must":1}],"m":{"k":null}}`, `{"id":2,"a":[],"m":{"k":{"must":2},"l":{"must":null}}}`,
		`{"id":3,"a":null,"m":{"k":{"must":3}}}`, `{"id":4,"a":[{"must":4},{"must":null}],"m":null}`,
	}
	enc := encoder(t, fields, catalog.Options{})
	data, err := enc.Append(nil, formattest.Batch(t, loose, rows...))
	var refused *connectors.RefusedRows
	if !errors.As(err, &refused) {
		t.Fatal(err)
	}
	var got []string
	for _, r := range refused.Rows {
		got = append(got, fmt.Sprint(r.Row, " ", r.Code, " ", r.Column))
	}
	if want := []string{"0 NOT_NULL a[].must", "2 NOT_NULL m[value].must", "4 NOT_NULL a[].must"}; !slices.Equal(got, want) {
		t.Errorf("refused %q, want %q", got, want)
	}
	if data, err = enc.Finish(data); err != nil {
		t.Fatal(err)
	}
	wantRows(t, jsonOf(t, fields, data), []string{rows[1], rows[3]})
}

// TestRowGroups: a row group ends at its size.
func TestRowGroups(t *testing.T) {
	fields := []catalog.Field{col("s", catalog.String)}
	b := array.NewStringBuilder(memory.DefaultAllocator)
	for range 10_000 {
		b.Append(strings.Repeat("x", 100))
	}
	data := fileOf(t, fields, catalog.Options{"block.size": "250000"}, &connectors.Batch{N: 10_000, Cols: []arrow.Array{b.NewArray()}})
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	// 1024 rows at a time of 106 bytes each: three of them are more than 250 kB.
	if n, first := r.NumRowGroups(), r.MetaData().RowGroup(0).NumRows(); n != 4 || first != 3*1024 {
		t.Errorf("%d row groups, the first of %d rows", n, first)
	}
}

func BenchmarkEncode(b *testing.B) {
	fields := []catalog.Field{col("id", catalog.BigInt), col("s", catalog.String), col("d", catalog.Double), col("ts", catalog.Timestamp6)}
	var rows []string
	for i := range 16384 {
		rows = append(rows, fmt.Sprintf(`{"id":%d,"s":"text of row %d","d":%d.5,"ts":"2024-01-01 10:%02d:00.000000"}`, i, i%1000, i, i%60))
	}
	batch := formattest.Batch(b, fields, rows...)
	n := 0
	for b.Loop() {
		enc := encoder(b, fields, catalog.Options{})
		var data []byte
		var err error
		for range 16 {
			if data, err = enc.Append(data, batch); err != nil {
				b.Fatal(err)
			}
			n += batch.N
		}
		if _, err := enc.Finish(data); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Mrows/s")
}

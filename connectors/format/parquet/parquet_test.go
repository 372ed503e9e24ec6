package parquet_test

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format"
	pq "github.com/streamsql/streamsql/connectors/format/parquet"
)

var fields = []catalog.Field{{Name: "id", Type: catalog.BigInt, NotNull: true}, {Name: "s", Type: catalog.String}, {Name: "none", Type: catalog.Double}}

// nestedFields have what the library decodes on goroutines of its own.
var nestedFields = append(slices.Clip(fields), catalog.Field{Name: "m", Type: catalog.MapOf(catalog.String, catalog.Int)},
	catalog.Field{Name: "r", Type: catalog.RowOf(catalog.Field{Name: "a", Type: catalog.Int}, catalog.Field{Name: "l", Type: catalog.ArrayOf(catalog.Double)})})

// writtenOf is a file of n rows, in row groups of so many, with the columns of
// nestedFields if nested.
func writtenOf(t testing.TB, n, groups int, nested bool) []byte {
	t.Helper()
	cols := []arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: "s", Type: arrow.BinaryTypes.String, Nullable: true}}
	if nested {
		for _, f := range nestedFields[len(fields):] {
			cols = append(cols, arrow.Field{Name: f.Name, Type: f.Type.Arrow(), Nullable: true})
		}
	}
	schema := arrow.NewSchema(cols, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for i := range n {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		if i%3 == 0 {
			b.Field(1).AppendNull()
		} else {
			b.Field(1).(*array.StringBuilder).Append("text of a row")
		}
		if nested {
			if err := b.Field(2).AppendValueFromString(`[{"key":"k","value":1},{"key":"l","value":null}]`); err != nil {
				t.Fatal(err)
			}
			if err := b.Field(3).AppendValueFromString(`{"a":5,"l":[1.5,null]}`); err != nil {
				t.Fatal(err)
			}
		}
	}
	rec := b.NewRecord()
	defer rec.Release()
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &out, parquet.NewWriterProperties(parquet.WithMaxRowGroupLength(int64(groups))), pqarrow.DefaultWriterProps())
	if err == nil {
		err = w.WriteBuffered(rec)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// read gives the number of rows of a file, and their sum of id.
func read(d format.BlockDecoding, data []byte) (rows int, sum int64, err error) {
	f, err := d.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return 0, 0, err
	}
	for place := int64(0); ; {
		info, err := f.Block(place)
		if err == io.EOF {
			return rows, sum, nil
		}
		if err != nil {
			return rows, sum, err
		}
		block, err := f.Load(place)
		if err != nil {
			return rows, sum, err
		}
		part, err := block.Cut(0, info.Records)
		if err != nil {
			return rows, sum, err
		}
		recs, err := part.Decode(memory.DefaultAllocator)
		if err != nil {
			return rows, sum, err
		}
		for i := range recs.N {
			sum += recs.Cols[0].(*array.Int64).Value(i)
		}
		rows += recs.N
		for _, c := range recs.Cols {
			c.Release()
		}
		place = info.Next
	}
}

func decodingOf(t testing.TB, fields []catalog.Field) format.BlockDecoding {
	t.Helper()
	d, err := pq.Format().Blocks(format.DecodeConfig{Options: catalog.Options{}, Columns: fields, Declared: fields})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// FuzzRead: a file that has a byte changed, or is cut, is read or refused with an
// error; the whole one is what arrow-go's writer was given.
func FuzzRead(f *testing.F) {
	whole := writtenOf(f, 100, 40, true)
	d := decodingOf(f, nestedFields)
	if rows, sum, err := read(d, whole); rows != 100 || sum != 4950 || err != nil {
		f.Fatalf("%d rows, sum %d, %v", rows, sum, err)
	}
	f.Add(uint16(0), byte(0), uint16(len(whole)))
	f.Add(uint16(4), byte(0xff), uint16(len(whole)))
	f.Add(uint16(len(whole)-6), byte(1), uint16(len(whole)))
	f.Add(uint16(len(whole)-60), byte(0x7f), uint16(len(whole)))
	f.Add(uint16(9), byte(9), uint16(len(whole)-9))
	f.Fuzz(func(t *testing.T, at uint16, with byte, length uint16) {
		data := bytes.Clone(whole[:min(int(length), len(whole))])
		if len(data) > 0 {
			data[int(at)%len(data)] ^= with
		}
		if _, _, err := read(d, data); err == nil && len(data) < len(whole) {
			t.Fatal("a file that is cut is read")
		}
	})
}

// TestDamage changes one byte of a file after the other, in two ways: it is read or
// refused, and no panic of the library gets through, on none of its goroutines.
func TestDamage(t *testing.T) {
	whole := writtenOf(t, 4, 2, true)
	d := decodingOf(t, nestedFields)
	if rows, _, err := read(d, whole); rows != 4 || err != nil {
		t.Fatalf("%d rows, %v", rows, err)
	}
	for at := 0; at < len(whole); at += 5 {
		for _, with := range []byte{0xff, 1} {
			data := bytes.Clone(whole)
			data[at] ^= with
			_, _, _ = read(d, data)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, nested := range []bool{false, true} {
		b.Run(map[bool]string{false: "flat", true: "nested"}[nested], func(b *testing.B) {
			const n = 20_000
			columns := fields
			if nested {
				columns = nestedFields
			}
			data, d := writtenOf(b, n, n, nested), decodingOf(b, columns)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if rows, _, err := read(d, data); rows != n || err != nil {
					b.Fatal(rows, err)
				}
			}
		})
	}
}

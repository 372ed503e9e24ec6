package colvec

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
)

var types = []catalog.Type{
	catalog.Boolean, catalog.TinyInt, catalog.SmallInt, catalog.Int, catalog.BigInt, catalog.Float, catalog.Double,
	catalog.Decimal(20, 3), catalog.String, catalog.Bytes, catalog.Date, catalog.Time, catalog.Timestamp6,
	catalog.TimestampLTZ3, catalog.IntervalDay, catalog.IntervalMonth,
}

func random(rng *rand.Rand, t catalog.Type) any {
	switch {
	case rng.IntN(4) == 0:
		return nil
	case t.Kind == catalog.KindBoolean:
		return rng.IntN(2) == 0
	case t.IsFloating():
		return float64(rng.IntN(100)) / 4
	case t.Kind == catalog.KindDecimal:
		return decimal128.New(int64(rng.IntN(3)-1), rng.Uint64())
	case t.Kind == catalog.KindString:
		return "text"[:rng.IntN(5)]
	case t.Kind == catalog.KindBytes:
		return []byte("bytes")[:rng.IntN(6)]
	}
	return int64(rng.IntN(256) - 128)
}

// read gives row i of r by way of this package.
func read(a arrow.Array, r Rows, i int) any {
	if !ValidityOf(a).Valid(r.At(i)) {
		return nil
	}
	switch id := a.DataType().ID(); id {
	case arrow.FLOAT32, arrow.FLOAT64:
		v, _ := Floats(a, r, nil)
		return v[i]
	case arrow.DECIMAL128:
		v, _ := Decimals(a, r, nil)
		return v[i]
	case arrow.STRING, arrow.BINARY:
		offs, data := Binary(a)
		b := data[offs[r.At(i)]:offs[r.At(i)+1]]
		if id == arrow.STRING {
			return string(b)
		}
		return slices.Clone(b)
	case arrow.BOOL:
		v, _ := Ints(a, r, nil)
		return v[i] != 0
	}
	v, _ := Ints(a, r, nil)
	return v[i]
}

// rebuild makes a column of rows r of a with the Column functions.
func rebuild(a arrow.Array, r Rows, valid *memory.Buffer) arrow.Array {
	alloc, n := memory.DefaultAllocator, r.Len()
	switch a.DataType().ID() {
	case arrow.FLOAT32, arrow.FLOAT64:
		v, _ := Floats(a, r, nil)
		return FloatColumn(a.DataType(), n, valid, alloc, func(i int) float64 { return v[i] })
	case arrow.DECIMAL128:
		v, _ := Decimals(a, r, nil)
		return DecimalColumn(a.DataType(), n, valid, alloc, func(i int) decimal128.Num { return v[i] })
	case arrow.STRING, arrow.BINARY:
		offs, data := Binary(a)
		return BytesColumn(a.DataType(), n, valid, alloc, func(i int, dst []byte) []byte {
			return append(dst, data[offs[r.At(i)]:offs[r.At(i)+1]]...)
		})
	}
	v, _ := Ints(a, r, nil)
	return IntColumn(a.DataType(), n, valid, alloc, func(i int) int64 { return v[i] })
}

func TestColumns(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, typ := range types {
		t.Run(typ.String(), func(t *testing.T) {
			for range 30 {
				vals := make([]any, 100)
				for i := range vals {
					vals[i] = random(rng, typ)
				}
				whole, err := column.FromValues(vals, typ, memory.DefaultAllocator)
				if err != nil {
					t.Fatal(err)
				}
				from := rng.IntN(100)
				a := column.Slice(whole, from, 100)
				vals = vals[from:]
				r := All(len(vals))
				if rng.IntN(2) == 0 {
					sel := []int32{}
					for i := range vals {
						if rng.IntN(2) == 0 {
							sel = append(sel, int32(i))
						}
					}
					r = Selected(sel)
				}
				if n := r.Len(); n > 3 {
					r = r.Slice(1, n-1)
				}
				check(t, a, r, vals, typ)
			}
		})
	}
}

func check(t *testing.T, a arrow.Array, r Rows, vals []any, typ catalog.Type) {
	t.Helper()
	keep := make([]int32, r.Len())
	var want []int32
	valid := column.NewZeroed(memory.DefaultAllocator, column.BitmapBytes(r.Len()))
	for i := range keep {
		keep[i] = int32(i)
		v := vals[r.At(i)]
		if v != nil {
			want = append(want, int32(i))
			column.SetBit(valid.Bytes(), i)
		}
		if got := read(a, r, i); !same(got, v) {
			t.Fatalf("row %d is %v, want %v", i, got, v)
		}
	}
	if got := ValidityOf(a).And(r, keep); !slices.Equal(got, want) {
		t.Fatalf("not NULL are %v, want %v", got, want)
	}
	again := rebuild(a, r, valid)
	for i := range r.Len() {
		if got := column.Value(again, i, typ); !same(got, vals[r.At(i)]) {
			t.Fatalf("rebuilt row %d is %v, want %v", i, got, vals[r.At(i)])
		}
	}
	if typ.Kind != catalog.KindBoolean {
		return
	}
	for i := range keep {
		keep[i] = int32(i)
	}
	for _, i := range True(a, r, keep[:r.Len()]) {
		if vals[r.At(int(i))] != true {
			t.Fatalf("row %d is %v and counts as TRUE", i, vals[r.At(int(i))])
		}
		vals[r.At(int(i))] = false
	}
	for i := range r.Len() {
		if vals[r.At(i)] == true {
			t.Fatalf("row %d is TRUE and is not listed", i)
		}
	}
}

func same(a, b any) bool {
	if x, ok := a.([]byte); ok {
		y, ok := b.([]byte)
		return ok && slices.Equal(x, y)
	}
	return a == b
}

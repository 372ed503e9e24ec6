package over

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/planner"
)

// randomValue makes a value of a type, often one at the edge of something.
func randomValue(r *rand.Rand, t catalog.Type) any {
	if r.IntN(5) == 0 {
		return nil
	}
	ints := func(bits int) any {
		return []int64{0, 1, -1, math.MinInt64 >> (64 - bits), math.MaxInt64 >> (64 - bits), int64(r.Uint64()) >> (64 - bits)}[r.IntN(6)]
	}
	switch t.Kind {
	case catalog.KindBoolean:
		return r.IntN(2) == 0
	case catalog.KindTinyInt:
		return ints(8)
	case catalog.KindSmallInt:
		return ints(16)
	case catalog.KindInt:
		return ints(32)
	case catalog.KindBigInt:
		return ints(64)
	case catalog.KindDate:
		return r.Int64N(40000) - 20000
	case catalog.KindTimestamp:
		return r.Int64() - math.MaxInt64/2
	case catalog.KindFloat:
		return float64([]float32{0, -1.5, 1.5, math.MaxFloat32, -math.MaxFloat32, float32(math.Inf(1)), float32(math.Inf(-1))}[r.IntN(7)])
	case catalog.KindDouble:
		return []float64{0, -1.5, 1e300, -1e300, math.Inf(1), math.Inf(-1), math.NaN(), r.NormFloat64(), math.SmallestNonzeroFloat64}[r.IntN(9)]
	case catalog.KindDecimal:
		return decimal128.New(r.Int64N(100)-50, r.Uint64())
	case catalog.KindString:
		return []string{"", "a", "ab", "b", "\x00", "a\x00", "a\x00\x00b", "a\x00\xffb", "\xc3\xa9", "aaaaaaaaaaaaaaaaaaaaaaaa"}[r.IntN(10)]
	case catalog.KindBytes:
		return [][]byte{{}, {0}, {0, 0}, {0, 1}, {0, 255}, {255}, {1}}[r.IntN(7)]
	case catalog.KindArray:
		list := make([]any, r.IntN(4))
		for i := range list {
			list[i] = randomValue(r, *t.Elem)
		}
		return list
	case catalog.KindRow:
		var row []any
		for _, f := range t.Fields {
			row = append(row, randomValue(r, f.Type))
		}
		return row
	}
	panic(t)
}

func testTypes() []catalog.Type {
	row := catalog.RowOf(catalog.Field{Name: "s", Type: catalog.String}, catalog.Field{Name: "l", Type: catalog.ArrayOf(catalog.Int)})
	return []catalog.Type{
		catalog.Boolean, catalog.TinyInt, catalog.SmallInt, catalog.Int, catalog.BigInt, catalog.Date, catalog.Timestamp3,
		catalog.Float, catalog.Double, catalog.Decimal(38, 4), catalog.String, catalog.Bytes,
		catalog.ArrayOf(catalog.String), row, catalog.ArrayOf(row),
	}
}

// TestRecords: a record gives back the values that it was written of, and records
// compare as the order of the rows says, then as all columns do.
func TestRecords(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	types := testTypes()
	for range 60 {
		n := 1 + r.IntN(60)
		var cols []planner.Column
		var arrays []arrow.Array
		for range 1 + r.IntN(4) {
			typ := types[r.IntN(len(types))]
			values := make([]any, n)
			for i := range values {
				values[i] = randomValue(r, typ)
			}
			a, err := column.FromValues(values, typ, memory.DefaultAllocator)
			if err != nil {
				t.Fatal(err)
			}
			cols, arrays = append(cols, planner.Column{Name: fmt.Sprint(len(cols)), Type: typ}), append(arrays, a)
		}
		var order []planner.SortKey
		var by []arrow.Array
		var keys []column.SortKey
		for range r.IntN(3) {
			k := planner.SortKey{Col: r.IntN(len(cols)), Desc: r.IntN(2) == 0, NullsFirst: r.IntN(2) == 0}
			order = append(order, k)
			by, keys = append(by, arrays[k.Col]), append(keys, column.SortKey{Descending: k.Desc, NullsFirst: k.NullsFirst})
		}
		peers := len(by)
		for _, a := range arrays {
			by, keys = append(by, a), append(keys, column.SortKey{})
		}
		rec := newRecorder(cols, order, 0)
		vectors := rec.vectors(arrays)
		records, lengths := make([][]byte, n), make([]int, n)
		rest := make([][]byte, n)
		for i := range n {
			records[i], lengths[i] = rec.append(nil, vectors, i)
			rest[i] = records[i][lengths[i]:]
		}
		compare := column.RowComparator(by, by, keys)
		var same func(i, j int) int
		if peers > 0 {
			same = column.RowComparator(by[:peers], by[:peers], keys[:peers])
		}
		for i := range n {
			for j := range n {
				if got, want := bytes.Compare(records[i], records[j]), compare(i, j); got != sign(want) {
					t.Fatalf("rows %d and %d of %v in order of %v compare as %d, want %d", i, j, cols, order, got, want)
				}
				if same != nil && bytes.Equal(records[i][:lengths[i]], records[j][:lengths[j]]) != (same(i, j) == 0) {
					t.Fatalf("rows %d and %d: peers %v", i, j, order)
				}
			}
		}
		want := make([]bool, len(cols))
		for c := range want {
			want[c] = r.IntN(3) > 0
		}
		for c, a := range rec.read(slices.Clone(rest), want, memory.DefaultAllocator) {
			if !want[c] {
				if a != nil {
					t.Fatalf("column %d is not wanted", c)
				}
				continue
			}
			for i := range n {
				got, old := column.Value(a, i, cols[c].Type), column.Value(arrays[c], i, cols[c].Type)
				if fmt.Sprint(got) != fmt.Sprint(old) {
					t.Fatalf("%v: %v is read as %v", cols[c].Type, old, got)
				}
			}
		}
	}
}

func sign(c int) int {
	switch {
	case c < 0:
		return -1
	case c > 0:
		return 1
	}
	return 0
}

// TestTermsOfFloats: zeros are peers, and NaN is one value, but a row gives back
// what it had.
func TestTermsOfFloats(t *testing.T) {
	values := []any{math.Copysign(0, -1), 0.0, math.NaN(), math.Float64frombits(0x7ff8000000000001), -1.0}
	a, err := column.FromValues(values, catalog.Double, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	rec := newRecorder([]planner.Column{{Name: "x", Type: catalog.Double}}, []planner.SortKey{{}}, 0)
	v := rec.vectors([]arrow.Array{a})
	var terms, rest [][]byte
	for i := range values {
		b, n := rec.append(nil, v, i)
		terms, rest = append(terms, b[:n]), append(rest, b[n:])
	}
	if !bytes.Equal(terms[0], terms[1]) || !bytes.Equal(terms[2], terms[3]) || bytes.Compare(terms[4], terms[0]) >= 0 || bytes.Compare(terms[1], terms[2]) >= 0 {
		t.Errorf("terms: %x", terms)
	}
	out := column.Fixed[float64](rec.read(rest, nil, memory.DefaultAllocator)[0])
	if !math.Signbit(out[0]) || math.Signbit(out[1]) || !math.IsNaN(out[2]) {
		t.Errorf("read %v", out)
	}
}

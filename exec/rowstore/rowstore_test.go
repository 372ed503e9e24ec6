package rowstore

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/statestore/table"
)

// everyType has one column of each kind, nested ones of each shape.
func everyType() []catalog.Type {
	row := catalog.RowOf(catalog.Field{Name: "a", Type: catalog.Int}, catalog.Field{Name: "b", Type: catalog.String},
		catalog.Field{Name: "c", Type: catalog.ArrayOf(catalog.Double)})
	return []catalog.Type{
		catalog.Null, catalog.Boolean, catalog.TinyInt, catalog.SmallInt, catalog.Int, catalog.BigInt, catalog.Float, catalog.Double,
		catalog.Decimal(38, 10), catalog.String, catalog.Bytes, catalog.Date, catalog.Time, catalog.Timestamp3, catalog.TimestampLTZ3,
		catalog.IntervalDay, catalog.IntervalMonth, catalog.ArrayOf(catalog.BigInt), catalog.MapOf(catalog.String, catalog.Int), row, catalog.JSON,
		catalog.ArrayOf(row), catalog.MapOf(catalog.Date, catalog.ArrayOf(catalog.Boolean)), catalog.RowOf(catalog.Field{Name: "d", Type: catalog.Decimal(5, 2)}, catalog.Field{Name: "e", Type: catalog.Bytes}),
	}
}

// randomValue gives a value of a type, NULL now and then.
func randomValue(rng *rand.Rand, t catalog.Type) any {
	if t.Kind == catalog.KindNull || rng.IntN(5) == 0 {
		return nil
	}
	switch t.Kind {
	case catalog.KindBoolean:
		return rng.IntN(2) == 0
	case catalog.KindTinyInt:
		return int64(int8(rng.Uint64()))
	case catalog.KindSmallInt:
		return int64(int16(rng.Uint64()))
	case catalog.KindInt, catalog.KindDate, catalog.KindIntervalMonth:
		return int64(int32(rng.Uint64()))
	case catalog.KindFloat:
		return []float64{0, math.Copysign(0, -1), 1.5, math.Inf(1)}[rng.IntN(4)]
	case catalog.KindDouble:
		return []float64{0, math.Copysign(0, -1), 1.1, math.Inf(-1)}[rng.IntN(4)]
	case catalog.KindDecimal:
		return decimal128.New(int64(rng.Uint64())>>20, rng.Uint64())
	case catalog.KindString, catalog.KindJSON:
		return fmt.Sprintf("%0*d", rng.IntN(30), rng.IntN(3))
	case catalog.KindBytes:
		return []byte(fmt.Sprintf("%0*d", rng.IntN(30), rng.IntN(3)))
	case catalog.KindRow:
		list := make([]any, len(t.Fields))
		for i, f := range t.Fields {
			list[i] = randomValue(rng, f.Type)
		}
		return list
	case catalog.KindArray:
		list := make([]any, rng.IntN(4))
		for i := range list {
			list[i] = randomValue(rng, *t.Elem)
		}
		return list
	case catalog.KindMap:
		list := make([]any, 0, 6)
		for range rng.IntN(3) {
			key := randomValue(rng, *t.Key)
			for key == nil {
				key = randomValue(rng, *t.Key)
			}
			list = append(list, key, randomValue(rng, *t.Elem))
		}
		return list
	}
	return int64(rng.Uint64() >> 1)
}

const ownWords = 3

// put stores rows of a batch and gives where they are.
func put(e *Encoder, rows *table.Rows, arena *table.Arena, cols []arrow.Array, r colvec.Rows) []uint32 {
	ids := make([]uint32, r.Len())
	for i := range ids {
		ids[i] = rows.Alloc()
	}
	at := make([]hash.Row, r.Len())
	for i, id := range ids {
		at[i] = hash.RowOf(rows.At(id))
	}
	e.Put(cols, r, at, arena)
	return ids
}

// What is put into rows comes back the same, bit by bit, from several tables at
// once, with rows of NULLs between; copied to another table too.
func TestRoundTrip(t *testing.T) {
	types := everyType()
	f := NewFormat(ownWords, types)
	rng := rand.New(rand.NewPCG(1, 2))
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	e := f.NewEncoder()
	var refs Refs
	var want [][]any // by column
	for range types {
		want = append(want, nil)
	}
	for range 3 {
		rows, arena := table.NewRows(f.Words()), table.NewArena()
		n := 150
		values := make([][]any, len(types))
		cols := make([]arrow.Array, len(types))
		for c, typ := range types {
			for range n {
				values[c] = append(values[c], randomValue(rng, typ))
			}
			a, err := column.FromValues(values[c], typ, alloc)
			if err != nil {
				t.Fatal(err)
			}
			cols[c] = a
		}
		var sel []int32
		for i := range n {
			if rng.IntN(3) > 0 {
				sel = append(sel, int32(i))
			}
		}
		ids := put(e, rows, arena, cols, colvec.Selected(sel))
		for _, a := range cols {
			a.Release()
		}
		if rng.IntN(2) == 0 {
			other, otherArena := table.NewRows(f.Words()), table.NewArena()
			for i, id := range ids {
				ids[i] = other.Alloc()
				f.Copy(hash.RowOf(rows.At(id)), arena, other.At(ids[i]), otherArena)
			}
			rows, arena = other, otherArena
		}
		for i, id := range ids {
			refs.Add(hash.RowOf(rows.At(id)), arena)
			for c := range types {
				want[c] = append(want[c], values[c][sel[i]])
			}
			if i%7 == 0 {
				refs.Add(hash.Row{}, nil)
				for c := range types {
					want[c] = append(want[c], nil)
				}
			}
		}
	}
	got := f.AppendColumns(nil, &refs, alloc)
	for c, typ := range types {
		if !arrow.TypeEqual(got[c].DataType(), typ.Arrow()) {
			t.Errorf("%s: a column of %s", typ, got[c].DataType())
		}
		for i := range want[c] {
			v := column.Value(got[c], i, typ)
			same := reflect.DeepEqual(v, want[c][i])
			if x, ok := v.(float64); ok && same {
				same = math.Float64bits(x) == math.Float64bits(want[c][i].(float64))
			}
			if !same {
				t.Fatalf("%s, row %d: %#v, put was %#v", typ, i, v, want[c][i])
			}
		}
		got[c].Release()
	}
}

// Rows without NULLs among their key columns are equal iff their values are.
func TestEqual(t *testing.T) {
	types := []catalog.Type{catalog.BigInt, catalog.String, catalog.Double, catalog.Decimal(20, 2)}
	f := NewFormat(0, types)
	long := "a string of more than twelve bytes"
	values := [][]any{
		{int64(1), "a", 0.0, decimal128.New(0, 1)},
		{int64(1), "a", math.Copysign(0, -1), decimal128.New(0, 1)},
		{int64(1), long, 0.0, decimal128.New(0, 1)},
		{int64(1), long, math.NaN(), decimal128.New(0, 1)},
		{int64(1), long, math.NaN(), decimal128.New(1, 1)},
		{int64(2), long + "!", 0.0, decimal128.New(0, 1)},
	}
	cols := make([]arrow.Array, len(types))
	for c, typ := range types {
		var vs []any
		for _, row := range values {
			vs = append(vs, row[c])
		}
		a, err := column.FromValues(vs, typ, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		cols[c] = a
	}
	same := func(x, y any) bool {
		if v, ok := x.(float64); ok {
			w := y.(float64)
			return v == w || v != v && w != w
		}
		return x == y
	}
	var rows [2]*table.Rows
	var arenas [2]*table.Arena
	for k := range rows {
		rows[k], arenas[k] = table.NewRows(f.Words()), table.NewArena()
		arenas[k].Append(make([]byte, 100*k+1)) // references differ
		put(f.NewEncoder(), rows[k], arenas[k], cols, colvec.All(len(values)))
	}
	for i := range values {
		for j := range values {
			for _, keys := range [][]int{{0}, {1}, {2}, {3}, {0, 1, 2, 3}} {
				want := true
				for _, k := range keys {
					want = want && same(values[i][k], values[j][k])
				}
				got := f.Equal(hash.RowOf(rows[0].At(uint32(i))), arenas[0], keys, f, hash.RowOf(rows[1].At(uint32(j))), arenas[1], keys)
				if got != want {
					t.Errorf("rows %v and %v by columns %v: %v", values[i], values[j], keys, got)
				}
			}
		}
	}
}

// Freed strings give their arena's chunks back, once what is left has moved.
func TestFreeAndTidy(t *testing.T) {
	f := NewFormat(0, []catalog.Type{catalog.String})
	rows, arena := table.NewRows(f.Words()), table.NewArena()
	var vs []any
	for i := range 60_000 {
		vs = append(vs, fmt.Sprintf("string number %060d", i))
	}
	a, err := column.FromValues(vs, catalog.String, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	ids := put(f.NewEncoder(), rows, arena, []arrow.Array{a}, colvec.All(len(vs)))
	before := arena.Size()
	for i, id := range ids {
		if i%10 != 0 {
			f.Free(hash.RowOf(rows.At(id)), arena)
			rows.Free(id)
		}
	}
	edits := 0
	rows.Each(func(id uint32, row []uint64) { f.Tidy(hash.RowOf(row), arena, func() { edits++ }) })
	if edits == 0 || arena.Size() > before/2 {
		t.Errorf("%d rows moved, %d bytes of %d are left", edits, arena.Size(), before)
	}
	var refs Refs
	rows.Each(func(id uint32, row []uint64) { refs.Add(hash.RowOf(row), arena) })
	got := f.Column(0, &refs, memory.DefaultAllocator)
	for i := range refs.Len() {
		if v := column.Value(got, i, catalog.String); v != vs[10*i] {
			t.Fatalf("row %d is %v", i, v)
		}
	}
}

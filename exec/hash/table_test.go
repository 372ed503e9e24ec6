package hash

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/statestore/table"
)

// randomValue gives a value of type t in the form of catalog.Literal.Value,
// from a small domain, NULLs and corner values included.
func randomValue(rng *rand.Rand, t catalog.Type) any {
	if rng.IntN(6) == 0 || t.Kind == catalog.KindNull {
		return nil
	}
	switch t.Kind {
	case catalog.KindBoolean:
		return rng.IntN(2) == 0
	case catalog.KindTinyInt:
		return int64(int8(rng.IntN(4) - 2))
	case catalog.KindSmallInt:
		return []int64{0, -1, math.MaxInt16, math.MinInt16}[rng.IntN(4)]
	case catalog.KindInt, catalog.KindDate, catalog.KindIntervalMonth:
		return []int64{0, -1, 7, math.MaxInt32, math.MinInt32}[rng.IntN(5)]
	case catalog.KindFloat, catalog.KindDouble:
		return []float64{0, math.Copysign(0, -1), 1.5, -2, math.NaN(), math.Inf(1), math.Float64frombits(0xfff8000000000123)}[rng.IntN(7)]
	case catalog.KindDecimal:
		return []decimal128.Num{decimal128.FromI64(0), decimal128.FromI64(-1), decimal128.New(5, 0), decimal128.New(-5, 7)}[rng.IntN(4)]
	case catalog.KindString:
		return strings.Repeat("aé"[:rng.IntN(3)], 1) + strings.Repeat("xyz", rng.IntN(9)) + string(rune('a'+rng.IntN(3)))
	case catalog.KindBytes:
		return bytes.Repeat([]byte{0, 1, 0xff}[:rng.IntN(4)], rng.IntN(8))
	case catalog.KindArray:
		list := make([]any, rng.IntN(3))
		for i := range list {
			list[i] = randomValue(rng, *t.Elem)
		}
		return list
	case catalog.KindMap:
		list := []any{"a", randomValue(rng, *t.Elem), "b", randomValue(rng, *t.Elem)}
		if rng.IntN(2) == 0 {
			list[0], list[1], list[2], list[3] = list[2], list[3], list[0], list[1]
		}
		return list[:2*rng.IntN(3)]
	case catalog.KindRow:
		list := make([]any, len(t.Fields))
		for i, f := range t.Fields {
			list[i] = randomValue(rng, f.Type)
		}
		return list
	}
	return []int64{0, 1, -1, math.MaxInt64, math.MinInt64, 1 << 40}[rng.IntN(6)]
}

// canonical is the value that equal keys have in common, for comparison by ==.
func canonical(v any) string {
	switch v := v.(type) {
	case float64:
		if v == 0 {
			v = 0
		}
		if math.IsNaN(v) {
			return "NaN"
		}
		return fmt.Sprint("f", math.Abs(v) == 0, v+0)
	case []byte:
		return fmt.Sprintf("b%x", v)
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = canonical(x)
		}
		if len(v) == 4 && v[0] == "b" && v[2] == "a" { // a map
			parts[0], parts[1], parts[2], parts[3] = parts[2], parts[3], parts[0], parts[1]
		}
		return fmt.Sprint("l", len(parts), parts)
	}
	return fmt.Sprintf("%T:%v", v, v)
}

var keyTypes = []catalog.Type{
	catalog.Boolean, catalog.TinyInt, catalog.SmallInt, catalog.Int, catalog.BigInt, catalog.Float, catalog.Double,
	catalog.Decimal(38, 2), catalog.String, catalog.Bytes, catalog.Date, catalog.Time, catalog.Timestamp3,
	catalog.TimestampLTZ3, catalog.IntervalDay, catalog.IntervalMonth, catalog.Null,
	catalog.ArrayOf(catalog.Double), catalog.MapOf(catalog.String, catalog.Int),
	catalog.RowOf(catalog.Field{Name: "a", Type: catalog.Boolean}, catalog.Field{Name: "b", Type: catalog.ArrayOf(catalog.SmallInt)}),
}

func randomColumns(t testing.TB, rng *rand.Rand, types []catalog.Type, n int) (cols []arrow.Array, keys []string) {
	keys = make([]string, n)
	for _, typ := range types {
		vals := make([]any, n)
		for i := range vals {
			vals[i] = randomValue(rng, typ)
			keys[i] += canonical(vals[i]) + "|"
		}
		c, err := column.FromValues(vals, typ, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		cols = append(cols, c)
	}
	return cols, keys
}

func rowKeys(t testing.TB, cols []arrow.Array, types []catalog.Type) []string {
	keys := make([]string, cols[0].Len())
	for c, col := range cols {
		if !arrow.TypeEqual(col.DataType(), types[c].Arrow()) {
			t.Fatalf("column of type %s for %s", col.DataType(), types[c])
		}
		for i := range keys {
			keys[i] += canonical(column.Value(col, i, types[c])) + "|"
		}
	}
	return keys
}

// Every list of key types against a Go map, with the hashes as they are and cut
// down so that nearly all collide.
func TestTableModel(t *testing.T) {
	lists := [][]catalog.Type{{catalog.BigInt, catalog.BigInt}, {catalog.Int, catalog.Int}, {catalog.String, catalog.String}, {catalog.Boolean, catalog.Int, catalog.TinyInt, catalog.BigInt, catalog.SmallInt, catalog.TinyInt}, keyTypes}
	for _, typ := range keyTypes {
		lists = append(lists, []catalog.Type{typ})
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for range 20 {
		var l []catalog.Type
		for range 1 + rng.IntN(4) {
			l = append(l, keyTypes[rng.IntN(len(keyTypes))])
		}
		lists = append(lists, l)
	}
	for _, types := range lists {
		for _, mask := range []uint64{^uint64(0), 3} {
			t.Run(fmt.Sprint(types, mask == 3), func(t *testing.T) { testTable(t, rng, types, mask) })
		}
	}
}

func testTable(t *testing.T, rng *rand.Rand, types []catalog.Type, mask uint64) {
	l, err := NewLayout(types)
	if err != nil {
		t.Fatal(err)
	}
	tab := NewTable(l, 1)
	enc := NewEncoder(l)
	model := map[string]uint32{}
	hashes := map[string]uint64{}
	count := map[string]uint64{}
	var refs Refs
	for range 30 {
		n := 1 + rng.IntN(70)
		cols, keys := randomColumns(t, rng, types, n)
		r := colvec.All(n)
		if rng.IntN(2) == 0 { // a selection of a slice
			from := rng.IntN(n)
			for i := range cols {
				cols[i] = column.Slice(cols[i], from, n)
			}
			keys = keys[from:]
			sel := []int32{}
			var picked []string
			for i := range keys {
				if rng.IntN(3) > 0 {
					sel = append(sel, int32(i))
					picked = append(picked, keys[i])
				}
			}
			r, keys = colvec.Selected(sel), picked
		}
		k := enc.Encode(cols, r)
		for i, key := range keys {
			if h, ok := hashes[key]; ok && h != k.Hash[i] {
				t.Fatalf("key %s has two hashes", key)
			}
			hashes[key] = k.Hash[i]
		}
		if mask != ^uint64(0) {
			for i := range k.Hash {
				k.Hash[i] &= mask
			}
		}
		tab.Upsert(k, &refs)
		for i, key := range keys {
			id := refs.IDs[i]
			if want, ok := model[key]; ok && want != id {
				t.Fatalf("key %s was row %d and is %d", key, want, id)
			}
			model[key] = id
			if tab.Row(id) != refs.Rows[i] {
				t.Fatalf("row %d stands elsewhere than its Ref", id)
			}
			*At[uint64](refs.Rows[i], tab.StateWord())++
			count[key]++
		}
	}
	if tab.Len() != len(model) {
		t.Fatalf("%d rows for %d keys", tab.Len(), len(model))
	}
	check := func(tab *Table) {
		t.Helper()
		seen := 0
		tab.Each(func(ids []uint32, rows []Row) {
			cols := make([]arrow.Array, len(types))
			for c := range types {
				cols[c] = tab.KeyColumn(c, rows, memory.DefaultAllocator)
			}
			for i, key := range rowKeys(t, cols, types) {
				if id, ok := model[key]; !ok || id != ids[i] {
					t.Fatalf("row %d reads as key %s, which is row %d (%v)", ids[i], key, id, ok)
				}
				if got := *At[uint64](rows[i], tab.StateWord()); got != count[key] {
					t.Fatalf("key %s counts %d, want %d", key, got, count[key])
				}
				seen++
			}
		})
		if seen != len(model) {
			t.Fatalf("%d rows walked, want %d", seen, len(model))
		}
	}
	check(tab)
	// Hashes from stored rows are those from columns.
	tab.EachHash(func(ids []uint32, rows []Row, hs []uint64) {
		byID := map[uint32]uint64{}
		for key, id := range model {
			byID[id] = hashes[key]
		}
		for i, id := range ids {
			if hs[i] != byID[id] {
				t.Fatalf("row %d hashes to %x, its columns to %x", id, hs[i], byID[id])
			}
		}
	})
	// The index rebuilt from the rows finds the same ids; and deletion.
	again := Attach(l, tab.Rows(), tab.Arena())
	check(again)
	var gone []uint32
	for key, id := range model {
		if rng.IntN(2) == 0 {
			gone = append(gone, id)
			delete(model, key)
		}
	}
	again.Delete(gone)
	check(again)
	cols, keys := randomColumns(t, rng, types, 200)
	again.Upsert(enc.Encode(cols, colvec.All(200)), &refs)
	for i, key := range keys {
		if id, ok := model[key]; ok && id != refs.IDs[i] {
			t.Fatalf("key %s was row %d and is %d", key, id, refs.IDs[i])
		} else if !ok {
			model[key], count[key] = refs.IDs[i], 0
		}
	}
	check(again)
	again.Clear()
	if again.Len() != 0 {
		t.Fatal("Clear left rows")
	}
}

// The table at a size where its index has many segments and its rows many pages.
func TestTableGrowth(t *testing.T) {
	l, err := NewLayout([]catalog.Type{catalog.BigInt})
	if err != nil {
		t.Fatal(err)
	}
	tab := NewTable(l, 2)
	enc := NewEncoder(l)
	var refs Refs
	const keys, batch = 700_000, 4096
	vals := make([]any, batch)
	for at := 0; at < 2*keys; at += batch {
		for i := range vals {
			vals[i] = int64((at+i)%keys) * 1_000_003
		}
		c, err := column.FromValues(vals, catalog.BigInt, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		tab.Upsert(enc.Encode([]arrow.Array{c}, colvec.All(batch)), &refs)
		for i, row := range refs.Rows {
			if want := uint32((at + i) % keys); refs.IDs[i] != want || *At[int64](row, 1) != vals[i] {
				t.Fatalf("key %d is row %d, want %d", vals[i], refs.IDs[i], want)
			}
		}
	}
	if tab.Len() != keys || len(tab.idx.segs) < 16 {
		t.Fatalf("%d keys in %d segments", tab.Len(), len(tab.idx.segs))
	}
	indexIDs(t, &tab.idx)
}

// The definition of the hash is part of the stored format: these values stay.
func TestHashIsStable(t *testing.T) {
	l, err := NewLayout([]catalog.Type{catalog.BigInt, catalog.String, catalog.Double})
	if err != nil {
		t.Fatal(err)
	}
	rows := [][]any{{int64(1), "", 0.0}, {int64(-1), "abc", 1.5}, {nil, "exactly-16-bytes", nil}, {int64(7), "a string of more than sixteen bytes", math.NaN()}}
	want := []uint64{0xe43d3c28226a65a1, 0xcc7a09d6c01164f0, 0x19b75ec57d6429a1, 0x5f956131b5daa88a}
	cols := make([]arrow.Array, 3)
	for c, typ := range []catalog.Type{catalog.BigInt, catalog.String, catalog.Double} {
		var vals []any
		for _, r := range rows {
			vals = append(vals, r[c])
		}
		if cols[c], err = column.FromValues(vals, typ, memory.DefaultAllocator); err != nil {
			t.Fatal(err)
		}
	}
	for i, h := range NewEncoder(l).Encode(cols, colvec.All(len(rows))).Hash {
		if h != want[i] {
			t.Errorf("row %d hashes to %#x, want %#x", i, h, want[i])
		}
	}
}

// An INT and a BIGINT of one value have one key group, and groups fill evenly.
func TestHashSpread(t *testing.T) {
	narrow, _ := NewLayout([]catalog.Type{catalog.Int, catalog.TinyInt})
	wide, _ := NewLayout([]catalog.Type{catalog.BigInt, catalog.BigInt})
	const n = 256 * 1024
	vals, tiny := make([]any, n), make([]any, n)
	for i := range vals {
		vals[i], tiny[i] = int64(i-5), int64(i%3-1)
	}
	make2 := func(a, b catalog.Type) []arrow.Array {
		x, err := column.FromValues(vals, a, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		y, err := column.FromValues(tiny, b, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		return []arrow.Array{x, y}
	}
	a := NewEncoder(narrow).Encode(make2(catalog.Int, catalog.TinyInt), colvec.All(n)).Hash
	b := NewEncoder(wide).Encode(make2(catalog.BigInt, catalog.BigInt), colvec.All(n)).Hash
	var groups [KeyGroups]int
	low := map[uint32]int{}
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("row %d hashes to %x as INT and %x as BIGINT", i, a[i], b[i])
		}
		groups[Group(a[i])]++
		low[uint32(a[i])]++
	}
	for g, c := range groups { // 1024 expected, standard deviation 32
		if c < 1024-6*32 || c > 1024+6*32 {
			t.Errorf("key group %d has %d keys of %d", g, c, n)
		}
	}
	if d := n - len(low); d > 40 { // n*n/2/2^32 = 8 expected
		t.Errorf("%d collisions in the lower 32 bits", d)
	}
}

func TestViews(t *testing.T) {
	s := "0123456789abcdefghij"
	for n := range len(s) {
		v := MakeView([]byte(s[:n]), 0)
		if got := string(AppendView([]byte("x"), v, Source{Data: []byte(s)})); got != "x"+s[:n] || ViewLen(v) != n {
			t.Errorf("view of %q reads %q", s[:n], got)
		}
	}
}

// NewTable makes an empty table whose rows have state words of the owner.
func NewTable(l *Layout, state int) *Table {
	return newTable(l, table.NewRows(1+l.words+state))
}

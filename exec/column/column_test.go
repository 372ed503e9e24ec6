package column

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
)

var kinds = []catalog.Type{
	catalog.Boolean, catalog.TinyInt, catalog.SmallInt, catalog.Int, catalog.BigInt, catalog.Float, catalog.Double, catalog.Decimal(20, 3), catalog.String, catalog.Bytes,
	catalog.Date, catalog.Time, catalog.Timestamp3, catalog.TimestampLTZ3, catalog.IntervalDay, catalog.IntervalMonth, catalog.Null,
	catalog.ArrayOf(catalog.Int), catalog.ArrayOf(catalog.ArrayOf(catalog.String)), catalog.MapOf(catalog.String, catalog.BigInt),
	catalog.RowOf(catalog.Field{Name: "a", Type: catalog.Int}, catalog.Field{Name: "b", Type: catalog.ArrayOf(catalog.String)}),
}

// value makes a random value of a type, NULL at times.
func value(r *rand.Rand, t catalog.Type) any {
	if r.IntN(4) == 0 || t.Kind == catalog.KindNull {
		return nil
	}
	switch t.Kind {
	case catalog.KindBoolean:
		return r.IntN(2) == 0
	case catalog.KindFloat, catalog.KindDouble:
		return []float64{1.5, -2, 0, math.Inf(-1)}[r.IntN(4)]
	case catalog.KindDecimal:
		return decimal128.FromI64(r.Int64N(100) - 50)
	case catalog.KindString:
		return string("abcdefgh"[:r.IntN(9)])
	case catalog.KindBytes:
		return []byte("abcdefgh"[:r.IntN(9)])
	case catalog.KindArray:
		out := make([]any, r.IntN(4))
		for i := range out {
			out[i] = value(r, *t.Elem)
		}
		return out
	case catalog.KindMap:
		var out []any
		for i := range r.IntN(3) {
			out = append(out, fmt.Sprint("k", i), value(r, *t.Elem))
		}
		if out == nil {
			return []any{}
		}
		return out
	case catalog.KindRow:
		return []any{value(r, t.Fields[0].Type), value(r, t.Fields[1].Type)}
	default:
		return r.Int64N(100) - 50
	}
}

// sample makes a column with an offset, and its values.
func sample(t *testing.T, r *rand.Rand, typ catalog.Type, n int) (arrow.Array, []any) {
	t.Helper()
	off := r.IntN(70)
	values := make([]any, off+n)
	for i := range values {
		values[i] = value(r, typ)
	}
	all, err := FromValues(values, typ, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	return Slice(all, off, off+n), values[off:]
}

func wantValues(t *testing.T, what string, typ catalog.Type, a arrow.Array, want []any) {
	t.Helper()
	if a.Len() != len(want) {
		t.Fatalf("%s of %v: %d rows, want %d", what, typ, a.Len(), len(want))
	}
	nulls := 0
	for i, w := range want {
		if got := Value(a, i, typ); fmt.Sprint(got) != fmt.Sprint(w) {
			t.Fatalf("%s of %v: row %d = %v, want %v", what, typ, i, got, w)
		}
		if w == nil {
			nulls++
		}
	}
	if Nulls(a) != nulls || a.NullN() != nulls {
		t.Fatalf("%s of %v: %d and %d NULLs, want %d", what, typ, Nulls(a), a.NullN(), nulls)
	}
}

func TestGather(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	checked := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer checked.AssertSize(t, 0)
	for _, typ := range kinds {
		for range 40 {
			n := r.IntN(200)
			a, values := sample(t, r, typ, n)
			var sel []int32
			var want, padded []any
			holes := []int32{}
			switch r.IntN(3) {
			case 0: // ascending
				for i := range n {
					if r.IntN(3) > 0 {
						sel = append(sel, int32(i))
					}
				}
			case 1: // a run
				from := r.IntN(n + 1)
				for i := from; i < from+r.IntN(n-from+1); i++ {
					sel = append(sel, int32(i))
				}
			default: // any order, repeated
				for range n {
					sel = append(sel, int32(r.IntN(n)))
				}
			}
			for _, i := range sel {
				want = append(want, values[i])
				if r.IntN(3) == 0 {
					holes, padded = append(holes, -1), append(padded, nil)
				}
				holes, padded = append(holes, i), append(padded, values[i])
			}
			g := Gather(a, sel, checked)
			wantValues(t, "Gather", typ, g, want)
			g.Release()
			g = GatherOrNull(a, holes, checked)
			wantValues(t, "GatherOrNull", typ, g, padded)
			g.Release()
		}
	}
}

func TestConcat(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, typ := range kinds {
		for range 20 {
			var cols []arrow.Array
			var want []any
			for range 1 + r.IntN(4) {
				a, v := sample(t, r, typ, r.IntN(80))
				cols, want = append(cols, a), append(want, v...)
			}
			c, err := Concat(cols, memory.DefaultAllocator)
			if err != nil {
				t.Fatal(err)
			}
			wantValues(t, "Concat", typ, c, want)
		}
	}
}

func TestPick(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	checked := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer checked.AssertSize(t, 0)
	for _, typ := range kinds {
		for round := range 30 {
			n := 1 + r.IntN(150)
			sources := 1 + r.IntN(4)
			if round == 0 {
				sources = 300 // more than a byte counts
			}
			p := NewPick(n, sources, typ.Arrow(), checked)
			want := make([]any, n)
			for range sources {
				var sel []int32
				if r.IntN(4) > 0 {
					sel = []int32{}
					for i := range n {
						if r.IntN(2) == 0 {
							sel = append(sel, int32(i))
						}
					}
				}
				rows := sel
				if sel == nil {
					rows = make([]int32, n)
					for i := range rows {
						rows[i] = int32(i)
					}
				}
				if r.IntN(2) == 0 {
					a, values := sample(t, r, typ, n)
					p.Add(a, sel)
					for _, i := range rows {
						want[i] = values[i]
					}
				} else {
					a, values := sample(t, r, typ, 1)
					p.AddConstant(a, sel)
					for _, i := range rows {
						want[i] = values[0]
					}
				}
			}
			out, err := p.Finish()
			if err != nil {
				t.Fatal(err)
			}
			wantValues(t, "Pick", typ, out, want)
			out.Release()
			p.Release()
		}
	}
}

func TestRepeatAndNull(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	checked := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer checked.AssertSize(t, 0)
	for _, typ := range kinds {
		for _, n := range []int{0, 1, 2, 65} {
			v := value(r, typ)
			a, err := Repeat(&catalog.Literal{Value: v, T: typ}, n, checked)
			if err != nil {
				t.Fatal(err)
			}
			wantValues(t, "Repeat", typ, a, slices.Repeat([]any{v}, n))
			a.Release()
			a = NewNull(checked, typ.Arrow(), n)
			wantValues(t, "NewNull", typ, a, make([]any, n))
			a.Release()
		}
	}
}

// compareValues is the order of values by kind, written apart from Comparator.
func compareValues(a, b any) int {
	switch x := a.(type) {
	case bool:
		return boolToInt(x) - boolToInt(b.(bool))
	case int64:
		return int(x - b.(int64))
	case float64:
		if x < b.(float64) {
			return -1
		}
		return boolToInt(x > b.(float64))
	case decimal128.Num:
		return x.BigInt().Cmp(b.(decimal128.Num).BigInt())
	case string:
		return bytes.Compare([]byte(x), []byte(b.(string)))
	case []byte:
		return bytes.Compare(x, b.([]byte))
	case []any:
		y := b.([]any)
		for i := range min(len(x), len(y)) {
			if (x[i] == nil) != (y[i] == nil) {
				return boolToInt(x[i] == nil) - boolToInt(y[i] == nil)
			}
			if x[i] != nil {
				if c := compareValues(x[i], y[i]); c != 0 {
					return c
				}
			}
		}
		return len(x) - len(y)
	}
	return 0
}

// sorted gives the numbers of n rows in the order of keys.
func sorted(cols []arrow.Array, keys []SortKey, n int) []int32 {
	compare := RowComparator(cols, cols, keys)
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(i)
	}
	slices.SortStableFunc(rows, func(i, j int32) int { return compare(int(i), int(j)) })
	return rows
}

// TestRowComparator sorts rows by two columns.
func TestRowComparator(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, typ := range kinds {
		for range 20 {
			n := r.IntN(100)
			first, a := sample(t, r, typ, n)
			second, b := sample(t, r, catalog.Int, n)
			keys := []SortKey{{Descending: r.IntN(2) == 0, NullsFirst: r.IntN(2) == 0}, {Descending: r.IntN(2) == 0, NullsFirst: r.IntN(2) == 0}}
			order := func(k SortKey, x, y any) int {
				if x == nil || y == nil {
					c := boolToInt(x == nil) - boolToInt(y == nil)
					if k.NullsFirst {
						c = -c
					}
					return c
				}
				if k.Descending {
					return compareValues(y, x)
				}
				return compareValues(x, y)
			}
			want := make([]int32, n)
			for i := range want {
				want[i] = int32(i)
			}
			slices.SortStableFunc(want, func(i, j int32) int {
				if c := order(keys[0], a[i], a[j]); c != 0 {
					return c
				}
				return order(keys[1], b[i], b[j])
			})
			if got := sorted([]arrow.Array{first, second}, keys, n); !slices.Equal(got, want) {
				t.Fatalf("%v by %v: %v, want %v", typ, keys, got, want)
			}
		}
	}
}

func TestFloatOrder(t *testing.T) {
	nan := math.NaN()
	a, err := FromValues([]any{nan, 1.0, math.Inf(1), math.Inf(-1), nan, 0.0, math.Copysign(0, -1), nil}, catalog.Double, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	got := sorted([]arrow.Array{a}, []SortKey{{}}, 8)
	if !slices.Equal(got, []int32{3, 5, 6, 1, 2, 0, 4, 7}) {
		t.Errorf("order %v", got)
	}
}

func TestBits(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for range 2000 {
		size := r.IntN(40)
		b := Bits{make([]byte, size), r.IntN(8*size + 1)}
		for i := range b.Bytes {
			b.Bytes[i] = byte(r.Uint32())
		}
		n := 8*size - b.Off
		if r.IntN(2) == 0 && n > 0 {
			n = r.IntN(n)
		}
		count := 0
		var rows []int32
		for i := range n {
			set := b.Bytes[(b.Off+i)/8]>>((b.Off+i)%8)&1 != 0
			if b.Get(i) != set || b.Word(i, n)&1 != 0 != set {
				t.Fatalf("bit %d of %v", i, b)
			}
			if set {
				count++
				rows = append(rows, int32(i))
			}
			if w := b.Word(i, n); n-i < 64 && w>>(n-i) != 0 {
				t.Fatalf("Word(%d, %d) has bits beyond the end", i, n)
			}
		}
		if b.Count(n) != count || !slices.Equal(b.AppendSet(nil, n), rows) {
			t.Fatalf("Count or AppendSet of %v", b)
		}
	}
}

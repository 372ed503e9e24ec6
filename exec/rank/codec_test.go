package rank

import (
	"bytes"
	"cmp"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/planner"
)

var recordTypes = []catalog.Type{
	catalog.Boolean, catalog.TinyInt, catalog.SmallInt, catalog.Int, catalog.BigInt, catalog.Float, catalog.Double, catalog.Decimal(38, 3),
	catalog.String, catalog.Bytes, catalog.Date, catalog.Timestamp3, catalog.IntervalMonth, catalog.IntervalDay,
	catalog.ArrayOf(catalog.String), catalog.ArrayOf(catalog.Double),
	catalog.RowOf(catalog.Field{Name: "a", Type: catalog.Int}, catalog.Field{Name: "b", Type: catalog.ArrayOf(catalog.Int)}),
	catalog.MapOf(catalog.String, catalog.Double),
}

// randomValue gives a value of a type, NULL now and then, often one that was
// there before.
func randomValue(rng *rand.Rand, t catalog.Type) any {
	if rng.IntN(6) == 0 {
		return nil
	}
	whole := func(of ...int64) int64 { return of[rng.IntN(len(of))] }
	switch t.Kind {
	case catalog.KindBoolean:
		return rng.IntN(2) == 0
	case catalog.KindTinyInt:
		return whole(math.MinInt8, -1, 0, 1, math.MaxInt8)
	case catalog.KindSmallInt:
		return whole(math.MinInt16, -257, -1, 0, 255, math.MaxInt16)
	case catalog.KindInt, catalog.KindDate, catalog.KindIntervalMonth:
		return whole(math.MinInt32, -65537, -1, 0, 1, 65536, math.MaxInt32)
	case catalog.KindFloat:
		return float64(float32(randomFloat(rng)))
	case catalog.KindDouble:
		return randomFloat(rng)
	case catalog.KindDecimal:
		v := []decimal128.Num{decimal128.FromI64(0), decimal128.FromI64(-1), decimal128.FromI64(1), decimal128.New(5, 3), decimal128.New(-5, 3), decimal128.New(5, math.MaxUint64), decimal128.FromI64(math.MinInt64)}
		return v[rng.IntN(len(v))]
	case catalog.KindString:
		return string(randomBytes(rng))
	case catalog.KindBytes:
		return randomBytes(rng)
	case catalog.KindArray:
		var out []any
		for range rng.IntN(3) {
			out = append(out, randomValue(rng, *t.Elem))
		}
		return out
	case catalog.KindRow:
		var out []any
		for _, f := range t.Fields {
			out = append(out, randomValue(rng, f.Type))
		}
		return out
	case catalog.KindMap:
		out := []any{}
		for _, k := range []string{"a", "b"}[:rng.IntN(3)] {
			out = append(out, k, randomValue(rng, *t.Elem))
		}
		return out
	}
	return whole(math.MinInt64, -1_000_000, -1, 0, 1, 1_000_000, math.MaxInt64)
}

func randomFloat(rng *rand.Rand) float64 {
	f := []float64{0, math.Copysign(0, -1), 1.5, -1.5, math.Inf(1), math.Inf(-1), math.NaN(), 1e-40, 3}
	return f[rng.IntN(len(f))]
}

func randomBytes(rng *rand.Rand) []byte {
	b := make([]byte, rng.IntN(5))
	for i := range b {
		b[i] = []byte{0, 1, 'a', 0x7f}[rng.IntN(4)]
	}
	return b
}

func columnOf(t testing.TB, rng *rand.Rand, typ catalog.Type, n int) arrow.Array {
	values := make([]any, n)
	for i := range values {
		values[i] = randomValue(rng, typ)
	}
	a, err := column.FromValues(values, typ, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// The bytes of records sort as the rows do, for every type, direction and place
// of NULLs, and give the rows back.
func TestRecords(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 1))
	const n = 60
	for _, typ := range recordTypes {
		for _, key := range []planner.SortKey{{}, {Desc: true}, {NullsFirst: true}, {Desc: true, NullsFirst: true}} {
			cols := []planner.Column{{Name: "v", Type: typ}, {Name: "id", Type: catalog.BigInt}}
			keys := []planner.SortKey{key}
			if !typ.IsComparable() {
				keys = nil
			}
			c := newCodec(cols, keys, -1)
			batch := []arrow.Array{columnOf(t, rng, typ, n), columnOf(t, rng, catalog.BigInt, n)}
			w := c.open(batch)
			words := c.words(batch, n, nil)
			recs, keyLens := make([][]byte, n), make([]int, n)
			for i := range n {
				recs[i], keyLens[i] = w.append(nil, i, words[i])
			}
			want := column.RowComparator(batch[:1], batch[:1], []column.SortKey{{Descending: key.Desc, NullsFirst: key.NullsFirst}})
			for i := range n {
				for j := range n {
					if keys == nil {
						continue
					}
					if got := bytes.Compare(recs[i][:keyLens[i]], recs[j][:keyLens[j]]); got != cmp.Compare(want(i, j), 0) {
						t.Fatalf("%s %+v: rows %v and %v compare as %d, want %d", typ, key, column.Value(batch[0], i, typ), column.Value(batch[0], j, typ), got, want(i, j))
					}
					if words[i] < words[j] && want(i, j) >= 0 {
						t.Fatalf("%s %+v: words of rows %v and %v", typ, key, column.Value(batch[0], i, typ), column.Value(batch[0], j, typ))
					}
				}
			}
			r := c.reader(nil, memory.DefaultAllocator)
			for _, rec := range recs {
				r.read(rec)
			}
			back := r.columns()
			for k := range cols {
				same := column.NullsLast(batch[k], back[k])
				for i := range n {
					if same(i, i) != 0 {
						t.Fatalf("%s %+v: row %d was %v, is %v", typ, key, i, column.Value(batch[k], i, cols[k].Type), column.Value(back[k], i, cols[k].Type))
					}
				}
			}
			if typ.Kind == catalog.KindDouble {
				x, y := column.Fixed[float64](batch[0]), column.Fixed[float64](back[0])
				for i := range n {
					if batch[0].IsValid(i) && math.Float64bits(x[i]) != math.Float64bits(y[i]) {
						t.Fatalf("%v came back as %v", x[i], y[i])
					}
				}
			}
			r.release()
		}
	}
}

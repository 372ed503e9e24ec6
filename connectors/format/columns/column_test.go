package columns

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/internal/bufpool"
)

// put draws slot i and gives the model of it: nil, or a Go value; lists are
// []any, rows [2]any.
func put(t *rapid.T, c *Column, typ catalog.Type, i int) any {
	if rapid.IntRange(0, 3).Draw(t, "null") == 0 {
		return nil
	}
	v := rapid.Int8().Draw(t, "value")
	switch typ.Kind {
	case catalog.KindBoolean:
		c.PutBool(i, v > 0)
		return v > 0
	case catalog.KindTinyInt:
		c.PutInt8(i, v)
	case catalog.KindSmallInt:
		c.PutInt16(i, int16(v))
	case catalog.KindInt:
		c.PutInt32(i, int32(v))
	case catalog.KindBigInt:
		c.PutInt64(i, int64(v))
	case catalog.KindFloat:
		c.PutFloat32(i, float32(v))
	case catalog.KindDouble:
		c.PutFloat64(i, float64(v))
	case catalog.KindDecimal:
		c.PutDecimal(i, decimal128.FromI64(int64(v)))
	case catalog.KindString:
		s := fmt.Sprintf("text %d", v)
		c.PutBytes(i, []byte(s))
		return s
	case catalog.KindArray:
		list := []any{}
		start := c.Elems()
		for k := range rapid.IntRange(0, 3).Draw(t, "elems") {
			list = append(list, put(t, c.Child(0), *typ.Elem, start+k))
		}
		c.PutList(i, start+len(list))
		return list
	case catalog.KindRow:
		c.PutRow(i)
		row := [2]any{}
		for k, f := range typ.Fields {
			row[k] = put(t, c.Child(k), f.Type, i)
		}
		return row
	}
	return fmt.Sprint(v)
}

func get(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(i)
	case *array.String:
		return a.Value(i)
	case *array.Decimal128:
		return a.Value(i).BigInt().String()
	case *array.List:
		start, end := a.ValueOffsets(i)
		list := []any{}
		for j := start; j < end; j++ {
			list = append(list, get(a.ListValues(), int(j)))
		}
		return list
	case *array.Struct:
		return [2]any{get(a.Field(0), i), get(a.Field(1), i)}
	}
	return a.ValueStr(i)
}

// TestModel writes, skips, takes back and takes out random slots of every storage, over
// several batches from one pool, and compares with a slice of values.
func TestModel(t *testing.T) {
	row := func(a, b catalog.Type) catalog.Type {
		return catalog.RowOf(catalog.Field{Name: "a", Type: a}, catalog.Field{Name: "b", Type: b})
	}
	types := []catalog.Type{
		catalog.Boolean, catalog.TinyInt, catalog.SmallInt, catalog.Int, catalog.BigInt, catalog.Float, catalog.Double, catalog.Decimal(10, 0), catalog.String,
		catalog.ArrayOf(catalog.String), catalog.ArrayOf(catalog.ArrayOf(catalog.Boolean)), row(catalog.Int, catalog.String),
		catalog.ArrayOf(row(catalog.ArrayOf(catalog.BigInt), catalog.Boolean)), catalog.ArrayOf(row(catalog.String, catalog.ArrayOf(catalog.String))), row(row(catalog.Boolean, catalog.String), catalog.ArrayOf(catalog.Int)),
	}
	pool := bufpool.New(1 << 20)
	for _, typ := range types {
		c := New(typ, pool)
		rapid.Check(t, func(t *rapid.T) {
			var want []any
			for range rapid.IntRange(0, 30).Draw(t, "steps") {
				switch rapid.IntRange(0, 5).Draw(t, "step") {
				default:
					for range rapid.SampledFrom([]int{0, 0, 0, 1, 300}).Draw(t, "gap") {
						want = append(want, nil)
					}
					want = append(want, put(t, c, typ, len(want)))
				case 1:
					n := rapid.IntRange(max(0, len(want)-5), len(want)).Draw(t, "keep")
					c.Truncate(n)
					want = want[:n]
				case 2:
					from := rapid.IntRange(max(0, len(want)-20), len(want)).Draw(t, "from")
					drop := rapid.SliceOfN(rapid.Bool(), len(want)-from, len(want)-from).Draw(t, "drop")
					c.Compact(from, drop)
					kept := want[:from]
					for i, gone := range drop {
						if !gone {
							kept = append(kept, want[from+i])
						}
					}
					want = kept
				}
			}
			a := c.Finish(len(want))
			defer a.Release()
			if a.Len() != len(want) || a.NullN() != nulls(want) {
				t.Fatalf("%s: %d slots, %d NULL; want %d, %d", typ, a.Len(), a.NullN(), len(want), nulls(want))
			}
			for i, w := range want {
				if got := get(a, i); !reflect.DeepEqual(got, w) {
					t.Fatalf("%s: slot %d is %v, want %v", typ, i, got, w)
				}
			}
			if v, ok := a.(*array.Int64); ok {
				for i, x := range v.Int64Values() {
					if a.IsNull(i) && x != 0 {
						t.Fatalf("NULL slot %d holds %d", i, x)
					}
				}
			}
		})
	}
}

func nulls(values []any) int {
	n := 0
	for _, v := range values {
		if v == nil {
			n++
		}
	}
	return n
}

// TestRelease: what a column allocates it frees, finished or not.
func TestRelease(t *testing.T) {
	checked := memory.NewCheckedAllocator(memory.DefaultAllocator)
	typ := catalog.RowOf(catalog.Field{Name: "m", Type: catalog.MapOf(catalog.String, catalog.Int)}, catalog.Field{Name: "b", Type: catalog.Boolean})
	c := New(typ, checked)
	fill := func() {
		for i := range 1000 {
			c.PutRow(i)
			c.Child(0).Child(0).PutBytes(i, []byte("key"))
			c.Child(0).Child(1).PutInt32(i, 1)
			c.Child(0).PutList(i, i+1)
		}
	}
	fill()
	c.Release()
	fill()
	c.Finish(700).Release()
	c.Finish(0).Release()
	checked.AssertSize(t, 0)
}

package column

import (
	"bytes"
	"cmp"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
)

// Comparator gives the order of the values of two columns of one type: negative,
// zero or positive for row i of a against row j of b, neither of which is NULL.
//
// Texts and bytes go by bytes, FALSE before TRUE; NaN equals NaN and is greater
// than every number; arrays and rows go member by member, a NULL member last,
// then the shorter array first. Maps are compared as arrays of their entries in
// the order of the entries' keys.
func Comparator(a, b arrow.Array) func(i, j int) int {
	switch dt := a.DataType().(type) {
	case *arrow.BooleanType:
		x := Booleans(a)
		y := Booleans(b)
		return func(i, j int) int { return boolToInt(x.Get(i)) - boolToInt(y.Get(j)) }
	case *arrow.Int8Type:
		return ordered[int8](a, b)
	case *arrow.Int16Type:
		return ordered[int16](a, b)
	case *arrow.Int32Type, *arrow.Date32Type, *arrow.MonthIntervalType:
		return ordered[int32](a, b)
	case *arrow.Int64Type, *arrow.TimestampType, *arrow.Time64Type, *arrow.DurationType:
		return ordered[int64](a, b)
	case *arrow.Float32Type:
		return floats[float32](a, b)
	case *arrow.Float64Type:
		return floats[float64](a, b)
	case *arrow.Decimal128Type:
		x, y := Fixed[decimal128.Num](a), Fixed[decimal128.Num](b)
		return func(i, j int) int { return x[i].Cmp(y[j]) }
	case *arrow.StringType, *arrow.BinaryType:
		ao, ad, bo, bd := Offsets(a), Data(a), Offsets(b), Data(b)
		return func(i, j int) int { return bytes.Compare(ad[ao[i]:ao[i+1]], bd[bo[j]:bo[j+1]]) }
	case *arrow.MapType:
		x, y := KeyWriter(a), KeyWriter(b)
		var p, q []byte
		return func(i, j int) int {
			p, q = x(p[:0], i), y(q[:0], j)
			return bytes.Compare(p, q)
		}
	case *arrow.ListType:
		ao, bo := Offsets(a), Offsets(b)
		elem := NullsLast(Elements(a), Elements(b))
		return func(i, j int) int {
			p, q := int(ao[i]), int(bo[j])
			for ; p < int(ao[i+1]) && q < int(bo[j+1]); p, q = p+1, q+1 {
				if c := elem(p, q); c != 0 {
					return c
				}
			}
			return cmp.Compare(int(ao[i+1])-p, int(bo[j+1])-q)
		}
	case *arrow.StructType:
		s, t := a.(*array.Struct), b.(*array.Struct)
		members := make([]func(i, j int) int, s.NumField())
		for k := range members {
			members[k] = NullsLast(s.Field(k), t.Field(k))
		}
		return func(i, j int) int {
			for _, m := range members {
				if c := m(i, j); c != 0 {
					return c
				}
			}
			return 0
		}
	case *arrow.NullType:
		return func(int, int) int { return 0 }
	default:
		panic(fmt.Sprintf("column: no order for %s", dt)) // no catalog.Type has it
	}
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func ordered[T cmp.Ordered](a, b arrow.Array) func(i, j int) int {
	x, y := Fixed[T](a), Fixed[T](b)
	return func(i, j int) int { return cmp.Compare(x[i], y[j]) }
}

func floats[T ~float32 | ~float64](a, b arrow.Array) func(i, j int) int {
	x, y := Fixed[T](a), Fixed[T](b)
	return func(i, j int) int {
		v, w := x[i], y[j]
		switch {
		case v < w:
			return -1
		case v > w:
			return 1
		case v == w:
			return 0
		}
		return boolToInt(v != v) - boolToInt(w != w)
	}
}

// NullsLast is a Comparator that takes NULLs too: they are equal and come last.
func NullsLast(a, b arrow.Array) func(i, j int) int {
	values := Comparator(a, b)
	if AllNull(a) {
		return values
	}
	x, y := Validity(a), Validity(b)
	if x.All() && y.All() {
		return values
	}
	return func(i, j int) int {
		if v, w := x.Get(i), y.Get(j); !v || !w {
			return boolToInt(!v) - boolToInt(!w)
		}
		return values(i, j)
	}
}

// SortKey says how one column takes part in an order.
type SortKey struct {
	Descending bool
	NullsFirst bool
}

// RowComparator gives the order of rows of two batches by several columns, a[k]
// and b[k] being ordered as keys[k] says. The batches may be the same one.
func RowComparator(a, b []arrow.Array, keys []SortKey) func(i, j int) int {
	parts := make([]func(i, j int) int, len(keys))
	for k, key := range keys {
		parts[k] = keyComparator(a[k], b[k], key)
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return func(i, j int) int {
		for _, p := range parts {
			if c := p(i, j); c != 0 {
				return c
			}
		}
		return 0
	}
}

func keyComparator(a, b arrow.Array, key SortKey) func(i, j int) int {
	values := Comparator(a, b)
	if key.Descending {
		up := values
		values = func(i, j int) int { return -up(i, j) }
	}
	if AllNull(a) {
		return values
	}
	x, y := Validity(a), Validity(b)
	if x.All() && y.All() {
		return values
	}
	null := 1
	if key.NullsFirst {
		null = -1
	}
	return func(i, j int) int {
		if v, w := x.Get(i), y.Get(j); !v || !w {
			return null * (boolToInt(!v) - boolToInt(!w))
		}
		return values(i, j)
	}
}

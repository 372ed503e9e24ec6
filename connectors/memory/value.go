package memory

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format/columns"
)

// put writes a Go value to slot i of a column. whole is the type that a ROW's
// values are given for, pruned what the column has of it. It takes
//
//	BOOLEAN bool; integers any Go integer; FLOAT, DOUBLE float64, float32 or int;
//	DECIMAL string ("1.50"), int or decimal128.Num at the column's scale;
//	STRING, JSON string; BYTES []byte; DATE, TIMESTAMP, TIMESTAMP_LTZ time.Time (its
//	wall clock as UTC; the instant for LTZ) or an integer (days; us since 1970);
//	TIME, day intervals time.Duration or an integer (us); month intervals an integer;
//	ARRAY a slice; MAP a map; ROW []any by position or map[string]any by name.
func put(c *columns.Column, i int, v any, whole, pruned catalog.Type) error {
	if v == nil {
		return nil
	}
	wrong := fmt.Errorf("%T %v is no %s", v, v, pruned)
	switch pruned.Kind {
	case catalog.KindBoolean:
		b, ok := v.(bool)
		if !ok {
			return wrong
		}
		c.PutBool(i, b)
	case catalog.KindTinyInt, catalog.KindSmallInt, catalog.KindInt, catalog.KindBigInt, catalog.KindIntervalMonth,
		catalog.KindDate, catalog.KindTime, catalog.KindTimestamp, catalog.KindTimestampLTZ, catalog.KindIntervalDay:
		n, ok := integer(v, pruned)
		if !ok {
			return wrong
		}
		putInteger(c, i, n, pruned)
	case catalog.KindFloat, catalog.KindDouble:
		f, ok := float(v)
		if !ok {
			return wrong
		}
		if pruned.Kind == catalog.KindFloat {
			c.PutFloat32(i, float32(f))
		} else {
			c.PutFloat64(i, f)
		}
	case catalog.KindDecimal:
		d, ok := decimal(v, pruned)
		if !ok {
			return wrong
		}
		c.PutDecimal(i, d)
	case catalog.KindString, catalog.KindJSON, catalog.KindBytes:
		var text []byte
		switch v := v.(type) {
		case string:
			text = []byte(v)
		case []byte:
			text = v
		default:
			return wrong
		}
		if pruned.Kind != catalog.KindBytes && !utf8.Valid(text) {
			return fmt.Errorf("%q is no valid UTF-8", text)
		}
		c.PutBytes(i, text)
	case catalog.KindArray, catalog.KindMap, catalog.KindRow:
		return putNested(c, i, v, whole, pruned)
	default:
		return wrong
	}
	return nil
}

func integer(v any, t catalog.Type) (int64, bool) {
	switch v := v.(type) {
	case time.Time:
		switch t.Kind {
		case catalog.KindTimestampLTZ:
			return v.UnixMicro(), true
		case catalog.KindTimestamp, catalog.KindDate:
			_, offset := v.Zone()
			us := v.UnixMicro() + int64(offset)*1e6
			if t.Kind == catalog.KindDate {
				return int64(math.Floor(float64(us) / 86400e6)), true
			}
			return us, true
		}
		return 0, false
	case time.Duration:
		return v.Microseconds(), t.Kind == catalog.KindTime || t.Kind == catalog.KindIntervalDay
	}
	r := reflect.ValueOf(v)
	var n int64
	switch {
	case r.CanInt():
		n = r.Int()
	case r.CanUint() && r.Uint() <= math.MaxInt64:
		n = int64(r.Uint())
	default:
		return 0, false
	}
	width := map[catalog.Kind]int{catalog.KindTinyInt: 8, catalog.KindSmallInt: 16, catalog.KindInt: 32, catalog.KindDate: 32, catalog.KindIntervalMonth: 32}[t.Kind]
	if width > 0 && (n < -1<<(width-1) || n >= 1<<(width-1)) {
		return 0, false
	}
	return n, true
}

func putInteger(c *columns.Column, i int, n int64, t catalog.Type) {
	switch t.Kind {
	case catalog.KindTinyInt:
		c.PutInt8(i, int8(n))
	case catalog.KindSmallInt:
		c.PutInt16(i, int16(n))
	case catalog.KindInt, catalog.KindDate, catalog.KindIntervalMonth:
		c.PutInt32(i, int32(n))
	default:
		c.PutInt64(i, n)
	}
}

func float(v any) (float64, bool) {
	r := reflect.ValueOf(v)
	switch {
	case r.CanFloat():
		return r.Float(), true
	case r.CanInt():
		return float64(r.Int()), true
	}
	return 0, false
}

func decimal(v any, t catalog.Type) (decimal128.Num, bool) {
	if d, ok := v.(decimal128.Num); ok {
		return d, true
	}
	var r big.Rat
	switch v := v.(type) {
	case string:
		if _, ok := r.SetString(v); !ok {
			return decimal128.Num{}, false
		}
	default:
		n, ok := integer(v, catalog.BigInt)
		if !ok {
			return decimal128.Num{}, false
		}
		r.SetInt64(n)
	}
	scaled := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Scale)), nil)
	r.Mul(&r, new(big.Rat).SetInt(scaled))
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Precision)), nil)
	if !r.IsInt() || r.Num().CmpAbs(limit) >= 0 {
		return decimal128.Num{}, false
	}
	return decimal128.FromBigInt(r.Num()), true
}

func putNested(c *columns.Column, i int, v any, whole, pruned catalog.Type) error {
	r := reflect.ValueOf(v)
	wrong := fmt.Errorf("%T is no %s", v, pruned)
	switch pruned.Kind {
	case catalog.KindArray:
		if r.Kind() != reflect.Slice {
			return wrong
		}
		at := c.Elems()
		for k := range r.Len() {
			if err := put(c.Child(0), at+k, r.Index(k).Interface(), *whole.Elem, *pruned.Elem); err != nil {
				return err
			}
		}
		c.PutList(i, at+r.Len())
	case catalog.KindMap:
		if r.Kind() != reflect.Map {
			return wrong
		}
		at := c.Elems()
		keys := r.MapKeys()
		sortValues(keys)
		for k, key := range keys {
			if err := put(c.Child(0), at+k, key.Interface(), *whole.Key, *pruned.Key); err != nil {
				return err
			}
			if err := put(c.Child(1), at+k, r.MapIndex(key).Interface(), *whole.Elem, *pruned.Elem); err != nil {
				return err
			}
		}
		c.PutList(i, at+len(keys))
	default:
		c.PutRow(i)
		for k, f := range pruned.Fields {
			at := fieldIndex(whole.Fields, f.Name)
			var member any
			switch v := v.(type) {
			case []any:
				if at < len(v) {
					member = v[at]
				}
			case map[string]any:
				member = v[f.Name]
			default:
				return wrong
			}
			if err := put(c.Child(k), i, member, whole.Fields[at].Type, f.Type); err != nil {
				return err
			}
		}
	}
	return nil
}

// decimalText gives a decimal with all digits of its scale.
func decimalText(d decimal128.Num, scale int) string {
	unscaled := new(big.Rat).SetInt(d.BigInt())
	unscaled.Quo(unscaled, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)))
	return unscaled.FloatString(scale)
}

// sortValues puts map keys into a fixed order, so that equal rows make equal columns.
func sortValues(keys []reflect.Value) {
	less := func(a, b reflect.Value) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }
	for i := 1; i < len(keys); i++ {
		for j := i; j > 0 && less(keys[j], keys[j-1]) < 0; j-- {
			keys[j], keys[j-1] = keys[j-1], keys[j]
		}
	}
}

// Value gives the value of row i of a column of type t as a Go value: nil, bool,
// int64 (all integers, intervals in us or months), float64, string (STRING, JSON
// and the digits of DECIMAL), []byte, time.Time in UTC (DATE, TIMESTAMP,
// TIMESTAMP_LTZ), time.Duration (TIME), []any (ARRAY and ROW), map[any]any (MAP).
func Value(a arrow.Array, i int, t catalog.Type) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(i)
	case *array.Int8:
		return int64(a.Value(i))
	case *array.Int16:
		return int64(a.Value(i))
	case *array.Int32:
		return int64(a.Value(i))
	case *array.Int64:
		return a.Value(i)
	case *array.Float32:
		return float64(a.Value(i))
	case *array.Float64:
		return a.Value(i)
	case *array.Decimal128:
		return decimalText(a.Value(i), t.Scale)
	case *array.String:
		return strings.Clone(a.Value(i))
	case *array.Binary:
		return append([]byte{}, a.Value(i)...)
	case *array.Date32:
		return time.Unix(int64(a.Value(i))*86400, 0).UTC()
	case *array.Time64:
		return time.Duration(a.Value(i)) * time.Microsecond
	case *array.Timestamp:
		return time.UnixMicro(int64(a.Value(i))).UTC()
	case *array.Duration:
		return int64(a.Value(i))
	case *array.MonthInterval:
		return int64(a.Value(i))
	case *array.Map:
		from, to := a.ValueOffsets(i)
		m := map[any]any{}
		for k := int(from); k < int(to); k++ {
			m[Value(a.Keys(), k, *t.Key)] = Value(a.Items(), k, *t.Elem)
		}
		return m
	case *array.List:
		from, to := a.ValueOffsets(i)
		list := []any{}
		for k := int(from); k < int(to); k++ {
			list = append(list, Value(a.ListValues(), k, *t.Elem))
		}
		return list
	case *array.Struct:
		row := make([]any, len(t.Fields))
		for k, f := range t.Fields {
			row[k] = Value(a.Field(k), i, f.Type)
		}
		return row
	}
	return nil
}

package expr

import (
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/decimal"
)

// LiteralValue brings a Go value, with its members, to the form of
// catalog.Literal.Value. An error says that it is none of type t.
func LiteralValue(v any, t catalog.Type) (any, error) {
	if v == nil {
		return nil, nil
	}
	v, err := widened(v, t)
	if err != nil {
		return nil, err
	}
	ok := true
	switch x := v.(type) {
	case bool:
		ok = t.Kind == catalog.KindBoolean
	case int64:
		if t.IsInteger() {
			if bits := []uint{8, 16, 32, 64}[t.Kind-catalog.KindTinyInt]; x>>(bits-1) != x>>63 {
				return nil, fmt.Errorf("%d is beyond %s", x, t)
			}
			break
		}
		switch t.Kind {
		case catalog.KindDate:
			ok = x == int64(int32(x))
		case catalog.KindTime, catalog.KindTimestamp, catalog.KindTimestampLTZ:
		default:
			ok = t.IsInterval()
		}
	case float64:
		ok = t.IsFloating()
	case decimal128.Num:
		if ok = t.Kind == catalog.KindDecimal; ok && !decimal.Fits(x, t.Precision) {
			return nil, fmt.Errorf("%s is beyond %s", x.ToString(int32(t.Scale)), t)
		}
	case string:
		if ok = t.IsText(); ok && !utf8.ValidString(x) {
			return nil, fmt.Errorf("%q is not UTF-8", x)
		}
	case []byte:
		ok = t.Kind == catalog.KindBytes
	case []any:
		return members(x, t)
	default:
		ok = false
	}
	if !ok {
		return nil, fmt.Errorf("%T (%v) is no value of %s", v, v, t)
	}
	return v, nil
}

// members is LiteralValue of an ARRAY, a MAP (keys and values in turn) or a ROW.
func members(list []any, t catalog.Type) (any, error) {
	typeOf := func(i int) catalog.Type { return *t.Elem }
	switch t.Kind {
	case catalog.KindArray:
	case catalog.KindMap:
		if len(list)%2 != 0 {
			return nil, fmt.Errorf("%v is no value of %s", list, t)
		}
		typeOf = func(i int) catalog.Type {
			if i%2 == 0 {
				return *t.Key
			}
			return *t.Elem
		}
	case catalog.KindRow:
		if len(list) != len(t.Fields) {
			return nil, fmt.Errorf("%d members are no value of %s", len(list), t)
		}
		typeOf = func(i int) catalog.Type { return t.Fields[i].Type }
	default:
		return nil, fmt.Errorf("%v is no value of %s", list, t)
	}
	out := make([]any, len(list))
	for i, x := range list {
		var err error
		if out[i], err = LiteralValue(x, typeOf(i)); err != nil {
			return nil, err
		}
		if out[i] == nil && t.Kind == catalog.KindMap && i%2 == 0 {
			return nil, fmt.Errorf("a key of a map is NULL")
		}
	}
	return out, nil
}

// widened gives Go's other types for a value of type t the form of the one that
// stands for it.
func widened(v any, t catalog.Type) (any, error) {
	switch x := v.(type) {
	case int:
		return int64(x), nil
	case int8:
		return int64(x), nil
	case int16:
		return int64(x), nil
	case int32:
		return int64(x), nil
	case uint8:
		return int64(x), nil
	case uint16:
		return int64(x), nil
	case uint32:
		return int64(x), nil
	case uint:
		return widened(uint64(x), t)
	case uint64:
		if x > math.MaxInt64 {
			return nil, fmt.Errorf("%d is beyond %s", x, t)
		}
		return int64(x), nil
	case float32:
		return float64(x), nil
	case time.Time:
		switch t.Kind {
		case catalog.KindDate:
			return time.Date(x.Year(), x.Month(), x.Day(), 0, 0, 0, 0, time.UTC).Unix() / 86400, nil
		case catalog.KindTimestamp: // the wall clock as it shows
			_, offset := x.Zone()
			return x.UnixMicro() + int64(offset)*1e6, nil
		case catalog.KindTimestampLTZ:
			return x.UnixMicro(), nil
		}
	case time.Duration:
		if t.Kind == catalog.KindIntervalDay || t.Kind == catalog.KindTime {
			return x.Microseconds(), nil
		}
	case string:
		if t.Kind == catalog.KindDecimal {
			n, problem := decimal.Parse([]byte(x), t.Precision, t.Scale)
			if problem != decimal.None {
				return nil, fmt.Errorf("'%s' is no %s", x, t)
			}
			return n, nil
		}
	}
	return v, nil
}

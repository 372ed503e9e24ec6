package format

import (
	"math"
	"math/big"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
)

// JSONOf gives the text of the values of a as JSON: numbers as numbers (NaN and
// the infinities as strings), BOOLEAN as true and false, JSON as it is, ROW and
// MAP as objects, ARRAY as an array, all else as strings of their text. NULL is
// null: the function may be called for it.
func (x Texts) JSONOf(a arrow.Array, t catalog.Type) AppendText {
	value := x.jsonValue(a, t)
	if a.NullN() == 0 {
		return value
	}
	return func(dst []byte, i int) []byte {
		if a.IsNull(i) {
			return append(dst, "null"...)
		}
		return value(dst, i)
	}
}

func (x Texts) jsonValue(a arrow.Array, t catalog.Type) AppendText {
	switch a := a.(type) {
	case *array.Null:
		return func(dst []byte, _ int) []byte { return append(dst, "null"...) }
	case *array.String:
		if t.Kind == catalog.KindJSON {
			break
		}
		return func(dst []byte, i int) []byte { return AppendJSONString(dst, a.Value(i)) }
	case *array.Float32, *array.Float64:
		return x.jsonFloat(a, t)
	case *array.Boolean, *array.Int8, *array.Int16, *array.Int32, *array.Int64, *array.Decimal128,
		*array.List, *array.Map, *array.Struct:
	default: // texts without anything to escape
		text := x.Of(a, t)
		return func(dst []byte, i int) []byte { return append(text(append(dst, '"'), i), '"') }
	}
	return x.Of(a, t)
}

func (x Texts) jsonFloat(a arrow.Array, t catalog.Type) AppendText {
	text := x.Of(a, t)
	value := func(i int) float64 {
		if f, ok := a.(*array.Float64); ok {
			return f.Value(i)
		}
		return float64(a.(*array.Float32).Value(i))
	}
	return func(dst []byte, i int) []byte {
		if f := value(i); f-f != 0 || math.IsNaN(f) {
			return append(text(append(dst, '"'), i), '"')
		}
		return text(dst, i)
	}
}

// nested gives ARRAY, MAP and ROW values as JSON.
func (x Texts) nested(a arrow.Array, t catalog.Type) AppendText {
	switch a := a.(type) {
	case *array.Map: // before List, which it embeds
		return x.mapText(a, t)
	case *array.List:
		element := x.JSONOf(a.ListValues(), *t.Elem)
		return func(dst []byte, i int) []byte {
			from, to := a.ValueOffsets(i)
			dst = append(dst, '[')
			for k := from; k < to; k++ {
				if k > from {
					dst = append(dst, ',')
				}
				dst = element(dst, int(k))
			}
			return append(dst, ']')
		}
	default:
		row := a.(*array.Struct)
		cols := make([]arrow.Array, len(t.Fields))
		for k := range cols {
			cols[k] = row.Field(k)
		}
		return x.Object(cols, t.Fields)
	}
}

func (x Texts) mapText(a *array.Map, t catalog.Type) AppendText {
	keys, key, value := a.Keys(), x.Of(a.Keys(), *t.Key), x.JSONOf(a.Items(), *t.Elem)
	plain, isText := keys.(*array.String)
	return func(dst []byte, i int) []byte {
		from, to := a.ValueOffsets(i)
		dst = append(dst, '{')
		for k := int(from); k < int(to); k++ {
			if k > int(from) {
				dst = append(dst, ',')
			}
			switch {
			case keys.IsNull(k):
				dst = append(dst, `""`...)
			case isText:
				dst = AppendJSONString(dst, plain.Value(k))
			default:
				dst = AppendJSONString(dst, string(key(nil, k)))
			}
			dst = value(append(dst, ':'), k)
		}
		return append(dst, '}')
	}
}

// Object gives the rows of cols as JSON objects, with all members present.
func (x Texts) Object(cols []arrow.Array, fields []catalog.Field) AppendText {
	type member struct {
		name  []byte // {"name": or ,"name":
		value AppendText
	}
	members := make([]member, len(fields))
	for k, f := range fields {
		sep := byte(',')
		if k == 0 {
			sep = '{'
		}
		members[k] = member{append(AppendJSONString([]byte{sep}, f.Name), ':'), x.JSONOf(cols[k], f.Type)}
	}
	return func(dst []byte, i int) []byte {
		if len(members) == 0 {
			dst = append(dst, '{')
		}
		for k := range members {
			dst = members[k].value(append(dst, members[k].name...), i)
		}
		return append(dst, '}')
	}
}

// escapes says which bytes a JSON string can't hold as they are: 'u' for \u00xx.
var escapes = func() (table [256]byte) {
	for b := range 0x20 {
		table[b] = 'u'
	}
	table['"'], table['\\'] = '"', '\\'
	table['\n'], table['\r'], table['\t'], table['\b'], table['\f'] = 'n', 'r', 't', 'b', 'f'
	return table
}()

// AppendJSONString appends s as a JSON string.
func AppendJSONString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		e := escapes[s[i]]
		if e == 0 {
			continue
		}
		dst = append(dst, s[from:i]...)
		dst = append(dst, '\\', e)
		if e == 'u' {
			dst = append(dst, '0', '0', hex[s[i]>>4], hex[s[i]&15])
		}
		from = i + 1
	}
	return append(append(dst, s[from:]...), '"')
}

// AppendDecimal appends n with scale digits after the point.
func AppendDecimal(dst []byte, n decimal128.Num, scale int) []byte {
	var buf [48]byte
	digits := buf[:0]
	if n.HighBits() == int64(n.LowBits())>>63 { // fits 64 bits
		v := int64(n.LowBits())
		u := uint64(v)
		if v < 0 {
			dst, u = append(dst, '-'), -u
		}
		digits = strconv.AppendUint(digits, u, 10)
	} else {
		v := n.BigInt()
		if v.Sign() < 0 {
			dst, v = append(dst, '-'), new(big.Int).Neg(v)
		}
		digits = v.Append(digits, 10)
	}
	if scale <= 0 {
		return append(dst, digits...)
	}
	if len(digits) <= scale {
		dst = append(dst, '0', '.')
		for range scale - len(digits) {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	point := len(digits) - scale
	dst = append(append(dst, digits[:point]...), '.')
	return append(dst, digits[point:]...)
}

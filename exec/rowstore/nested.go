package rowstore

import (
	"encoding/binary"
	"math"

	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
)

// A nested value as bytes: 0 for NULL, else 1 and the value. Integers and what is
// counted in them are varints, floats 8 bytes, decimals 16, strings have their
// length before them; ARRAY and MAP the number of elements (of a MAP, keys and
// values); a ROW's members follow each other. The form is part of the stored
// state.

// appendValue appends a value in the form of catalog.Literal.Value.
func appendValue(dst []byte, v any, t catalog.Type) []byte {
	if v == nil {
		return append(dst, 0)
	}
	dst = append(dst, 1)
	switch v := v.(type) {
	case bool:
		if v {
			return append(dst, 1)
		}
		return append(dst, 0)
	case int64:
		return binary.AppendVarint(dst, v)
	case float64:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
	case decimal128.Num:
		dst = binary.LittleEndian.AppendUint64(dst, v.LowBits())
		return binary.LittleEndian.AppendUint64(dst, uint64(v.HighBits()))
	case string:
		return append(binary.AppendUvarint(dst, uint64(len(v))), v...)
	case []byte:
		return append(binary.AppendUvarint(dst, uint64(len(v))), v...)
	}
	list := v.([]any)
	switch t.Kind {
	case catalog.KindRow:
		for i, x := range list {
			dst = appendValue(dst, x, t.Fields[i].Type)
		}
	case catalog.KindMap:
		dst = binary.AppendUvarint(dst, uint64(len(list)))
		for i, x := range list {
			of := t.Key
			if i%2 == 1 {
				of = t.Elem
			}
			dst = appendValue(dst, x, *of)
		}
	default:
		dst = binary.AppendUvarint(dst, uint64(len(list)))
		for _, x := range list {
			dst = appendValue(dst, x, *t.Elem)
		}
	}
	return dst
}

// valueReader reads what appendValue wrote.
type valueReader struct{ b []byte }

func (d *valueReader) take(n int) []byte {
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *valueReader) uvarint() int {
	v, n := binary.Uvarint(d.b)
	d.b = d.b[n:]
	return int(v)
}

func (d *valueReader) value(t catalog.Type) any {
	if d.take(1)[0] == 0 {
		return nil
	}
	switch t.Kind {
	case catalog.KindBoolean:
		return d.take(1)[0] != 0
	case catalog.KindFloat, catalog.KindDouble:
		return math.Float64frombits(binary.LittleEndian.Uint64(d.take(8)))
	case catalog.KindDecimal:
		lo := binary.LittleEndian.Uint64(d.take(8))
		return decimal128.New(int64(binary.LittleEndian.Uint64(d.take(8))), lo)
	case catalog.KindString, catalog.KindJSON:
		return string(d.take(d.uvarint()))
	case catalog.KindBytes:
		return append([]byte{}, d.take(d.uvarint())...)
	case catalog.KindRow:
		list := make([]any, len(t.Fields))
		for i := range list {
			list[i] = d.value(t.Fields[i].Type)
		}
		return list
	case catalog.KindMap:
		list := make([]any, d.uvarint())
		for i := range list {
			of := t.Key
			if i%2 == 1 {
				of = t.Elem
			}
			list[i] = d.value(*of)
		}
		return list
	case catalog.KindArray:
		list := make([]any, d.uvarint())
		for i := range list {
			list[i] = d.value(*t.Elem)
		}
		return list
	}
	v, n := binary.Varint(d.b)
	d.b = d.b[n:]
	return v
}

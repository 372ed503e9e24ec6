package column

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
)

// The key of an ARRAY, MAP or ROW is the value as bytes: two values are equal iff
// their keys are, and bytes.Compare orders keys as Comparator orders values. None
// is the beginning of another one.
//
//	integers, times  8 bytes, big-endian, sign bit flipped
//	floats           the bits of the float64 with one zero and one NaN, all of them
//	                 flipped if negative, else the sign alone
//	decimals         16 bytes as an integer
//	strings, bytes   0x00 as 0x00 0xff, then 0x00 0x00
//	arrays           each element as a member, then 0x00
//	maps             the same of its entries, each its key and value as members, in
//	                 the order of their bytes: that of the entries does not matter
//	rows             their members
//	a member         0x01 and the value, or 0x02 for NULL
//
// The form is part of the stored state.
const (
	keyEnd     = 0x00
	keyPresent = 0x01
	keyNull    = 0x02
	keyEscape  = 0xff
)

// KeyWriter gives the function that appends the key of row i of a column, which
// must not be NULL there.
func KeyWriter(a arrow.Array) func(dst []byte, i int) []byte {
	switch dt := a.DataType().(type) {
	case *arrow.BooleanType:
		x := Booleans(a)
		return func(dst []byte, i int) []byte { return append(dst, byte(boolToInt(x.Get(i)))) }
	case *arrow.Int8Type:
		return intKeys[int8](a)
	case *arrow.Int16Type:
		return intKeys[int16](a)
	case *arrow.Int32Type, *arrow.Date32Type, *arrow.MonthIntervalType:
		return intKeys[int32](a)
	case *arrow.Int64Type, *arrow.TimestampType, *arrow.Time64Type, *arrow.DurationType:
		return intKeys[int64](a)
	case *arrow.Float32Type:
		return floatKeys[float32](a)
	case *arrow.Float64Type:
		return floatKeys[float64](a)
	case *arrow.Decimal128Type:
		x := Fixed[decimal128.Num](a)
		return func(dst []byte, i int) []byte {
			dst = binary.BigEndian.AppendUint64(dst, uint64(x[i].HighBits())^signBit)
			return binary.BigEndian.AppendUint64(dst, x[i].LowBits())
		}
	case *arrow.StringType, *arrow.BinaryType:
		offs, data := Offsets(a), Data(a)
		return func(dst []byte, i int) []byte { return appendTextKey(dst, data[offs[i]:offs[i+1]]) }
	case *arrow.MapType:
		return mapKeys(a)
	case *arrow.ListType:
		offs, elem := Offsets(a), memberWriter(Elements(a))
		return func(dst []byte, i int) []byte {
			for k := int(offs[i]); k < int(offs[i+1]); k++ {
				dst = elem(dst, k)
			}
			return append(dst, keyEnd)
		}
	case *arrow.StructType:
		s := a.(*array.Struct)
		members := make([]func(dst []byte, i int) []byte, s.NumField())
		for k := range members {
			members[k] = memberWriter(s.Field(k))
		}
		return func(dst []byte, i int) []byte {
			for _, m := range members {
				dst = m(dst, i)
			}
			return dst
		}
	case *arrow.NullType:
		return func(dst []byte, _ int) []byte { return dst }
	default:
		panic(fmt.Sprintf("column: no key for %s", dt)) // no catalog.Type has it
	}
}

// memberWriter is KeyWriter for a value within another, which may be NULL.
func memberWriter(a arrow.Array) func(dst []byte, i int) []byte {
	if AllNull(a) {
		return func(dst []byte, _ int) []byte { return append(dst, keyNull) }
	}
	value, valid := KeyWriter(a), Validity(a)
	return func(dst []byte, i int) []byte {
		if !valid.Get(i) {
			return append(dst, keyNull)
		}
		return value(append(dst, keyPresent), i)
	}
}

const signBit = 1 << 63

func intKeys[T int8 | int16 | int32 | int64](a arrow.Array) func(dst []byte, i int) []byte {
	x := Fixed[T](a)
	return func(dst []byte, i int) []byte { return binary.BigEndian.AppendUint64(dst, uint64(int64(x[i]))^signBit) }
}

func floatKeys[T ~float32 | ~float64](a arrow.Array) func(dst []byte, i int) []byte {
	x := Fixed[T](a)
	return func(dst []byte, i int) []byte {
		f := float64(x[i])
		switch {
		case f == 0:
			f = 0
		case f != f:
			f = math.NaN()
		}
		b := math.Float64bits(f)
		return binary.BigEndian.AppendUint64(dst, b^(uint64(int64(b)>>63)|signBit))
	}
}

func appendTextKey(dst, s []byte) []byte {
	for {
		i := bytes.IndexByte(s, 0)
		if i < 0 {
			return append(append(dst, s...), keyEnd, keyEnd)
		}
		dst = append(append(dst, s[:i]...), 0, keyEscape)
		s = s[i+1:]
	}
}

func mapKeys(a arrow.Array) func(dst []byte, i int) []byte {
	entries := Elements(a).(*array.Struct)
	offs, key, value := Offsets(a), memberWriter(entries.Field(0)), memberWriter(entries.Field(1))
	var buf []byte
	var ends []int
	var parts [][]byte
	return func(dst []byte, i int) []byte {
		buf, ends, parts = buf[:0], ends[:0], parts[:0]
		for k := int(offs[i]); k < int(offs[i+1]); k++ {
			buf = value(key(append(buf, keyPresent), k), k)
			ends = append(ends, len(buf))
		}
		from := 0
		for _, end := range ends {
			parts = append(parts, buf[from:end])
			from = end
		}
		slices.SortFunc(parts, bytes.Compare)
		for _, p := range parts {
			dst = append(dst, p...)
		}
		return append(dst, keyEnd)
	}
}

// AppendKey appends the value of a key to a builder of the column's type, and
// gives what follows the key.
func AppendKey(b array.Builder, key []byte) []byte {
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(key[0] != 0)
		return key[1:]
	case *array.Float32Builder:
		b.Append(float32(keyFloat(key)))
	case *array.Float64Builder:
		b.Append(keyFloat(key))
	case *array.Decimal128Builder:
		b.Append(decimal128.New(keyInt(key), binary.BigEndian.Uint64(key[8:])))
		return key[16:]
	case *array.StringBuilder:
		s, rest := keyText(key)
		b.BinaryBuilder.Append(s)
		return rest
	case *array.BinaryBuilder:
		s, rest := keyText(key)
		b.Append(s)
		return rest
	case *array.MapBuilder:
		b.Append(true)
		for key[0] != keyEnd {
			key = appendMember(b.ItemBuilder(), appendMember(b.KeyBuilder(), key[1:]))
		}
		return key[1:]
	case *array.ListBuilder:
		b.Append(true)
		for key[0] != keyEnd {
			key = appendMember(b.ValueBuilder(), key)
		}
		return key[1:]
	case *array.StructBuilder:
		b.Append(true)
		for k := range b.NumField() {
			key = appendMember(b.FieldBuilder(k), key)
		}
		return key
	default:
		AppendInt(b, keyInt(key))
	}
	return key[8:]
}

// AppendInt appends the low bits of v to a builder of integers or times of any width.
func AppendInt(b array.Builder, v int64) {
	switch b := b.(type) {
	case *array.Int64Builder:
		b.Append(v)
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v))
	case *array.Int32Builder:
		b.Append(int32(v))
	case *array.Date32Builder:
		b.Append(arrow.Date32(v))
	case *array.Time64Builder:
		b.Append(arrow.Time64(v))
	case *array.DurationBuilder:
		b.Append(arrow.Duration(v))
	case *array.MonthIntervalBuilder:
		b.Append(arrow.MonthInterval(v))
	case *array.Int16Builder:
		b.Append(int16(v))
	case *array.Int8Builder:
		b.Append(int8(v))
	default:
		panic(fmt.Sprintf("column: %s is no type of integers", b.Type())) // no catalog.Type has it
	}
}

func appendMember(b array.Builder, key []byte) []byte {
	if key[0] == keyNull {
		b.AppendNull()
		return key[1:]
	}
	return AppendKey(b, key[1:])
}

func keyInt(key []byte) int64 { return int64(binary.BigEndian.Uint64(key) ^ signBit) }

func keyFloat(key []byte) float64 {
	b := binary.BigEndian.Uint64(key)
	return math.Float64frombits(b ^ (^uint64(int64(b)>>63) | signBit))
}

// keyText gives the text that a key begins with, without its escapes.
func keyText(key []byte) (text, rest []byte) {
	i := bytes.IndexByte(key, 0)
	if key[i+1] == keyEnd {
		return key[:i], key[i+2:]
	}
	for {
		text = append(text, key[:i]...)
		if key[i+1] == keyEnd {
			return text, key[i+2:]
		}
		text, key = append(text, 0), key[i+2:]
		i = bytes.IndexByte(key, 0)
	}
}

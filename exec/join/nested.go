package join

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// appendValue appends value i of a column to dst, in a form that nestedBuilder
// reads: numbers as 8 bytes (decimals 16), texts with their length before them,
// lists with their number of elements, and before each member or element a byte
// that says whether it is there.
func appendValue(dst []byte, a arrow.Array, i int) []byte {
	part := func(dst []byte, a arrow.Array, i int) []byte {
		if a.IsNull(i) {
			return append(dst, 0)
		}
		return appendValue(append(dst, 1), a, i)
	}
	switch a := a.(type) {
	case *array.Struct:
		for f := range a.NumField() {
			dst = part(dst, a.Field(f), i)
		}
		return dst
	case *array.Map:
		from, to := a.ValueOffsets(i)
		dst = binary.AppendUvarint(dst, uint64(to-from))
		for k := from; k < to; k++ {
			dst = part(appendValue(dst, a.Keys(), int(k)), a.Items(), int(k))
		}
		return dst
	case *array.List:
		from, to := a.ValueOffsets(i)
		dst = binary.AppendUvarint(dst, uint64(to-from))
		for k := from; k < to; k++ {
			dst = part(dst, a.ListValues(), int(k))
		}
		return dst
	case *array.String:
		return append(binary.AppendUvarint(dst, uint64(len(a.Value(i)))), a.Value(i)...)
	case *array.Binary:
		return append(binary.AppendUvarint(dst, uint64(len(a.Value(i)))), a.Value(i)...)
	case *array.Float64:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(a.Value(i)))
	case *array.Float32:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(float64(a.Value(i))))
	case *array.Decimal128:
		v := a.Value(i)
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(dst, v.LowBits()), uint64(v.HighBits()))
	case *array.Null:
		return dst
	}
	v, _ := colvec.Ints(a, colvec.Rows{From: i, To: i + 1}, nil)
	return binary.LittleEndian.AppendUint64(dst, uint64(v[0]))
}

// nestedColumn makes a column of n values in the form of appendValue; nil is NULL.
func nestedColumn(dt arrow.DataType, n int, alloc memory.Allocator, value func(i int) []byte) (arrow.Array, error) {
	b := array.NewBuilder(alloc, dt)
	defer b.Release()
	for i := range n {
		v := value(i)
		if v == nil {
			b.AppendNull()
			continue
		}
		r := valueReader{b: v}
		r.value(b)
		if r.err != nil || len(r.b) != 0 {
			return nil, fmt.Errorf("join: a damaged value of type %s", dt)
		}
	}
	return b.NewArray(), nil
}

// valueReader reads what appendValue has written.
type valueReader struct {
	b   []byte
	err error
}

func (r *valueReader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.err = fmt.Errorf("join: a value ends early")
		r.b = nil
		return make([]byte, n%1024)
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *valueReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.err = fmt.Errorf("join: a value ends early")
		r.b = nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *valueReader) word() uint64 {
	if len(r.b) < 8 {
		r.err = fmt.Errorf("join: a value ends early")
		r.b = nil
		return 0
	}
	return binary.LittleEndian.Uint64(r.take(8))
}

// part reads a member or an element.
func (r *valueReader) part(b array.Builder) {
	if there := r.take(1); r.err != nil || there[0] == 0 {
		b.AppendNull()
		return
	}
	r.value(b)
}

func (r *valueReader) value(b array.Builder) {
	switch b := b.(type) {
	case *array.StructBuilder:
		b.Append(true)
		for f := range b.NumField() {
			r.part(b.FieldBuilder(f))
		}
	case *array.MapBuilder:
		b.Append(true)
		for n := r.uvarint(); n > 0 && r.err == nil; n-- {
			r.value(b.KeyBuilder())
			r.part(b.ItemBuilder())
		}
	case *array.ListBuilder:
		b.Append(true)
		for n := r.uvarint(); n > 0 && r.err == nil; n-- {
			r.part(b.ValueBuilder())
		}
	case *array.StringBuilder:
		b.Append(string(r.take(r.uvarint())))
	case *array.BinaryBuilder:
		b.Append(r.take(r.uvarint()))
	case *array.Float64Builder:
		b.Append(math.Float64frombits(r.word()))
	case *array.Float32Builder:
		b.Append(float32(math.Float64frombits(r.word())))
	case *array.Decimal128Builder:
		lo, hi := r.word(), r.word()
		b.Append(decimal128.New(int64(hi), lo))
	case *array.BooleanBuilder:
		b.Append(r.word() != 0)
	case *array.Int8Builder:
		b.Append(int8(r.word()))
	case *array.Int16Builder:
		b.Append(int16(r.word()))
	case *array.Int32Builder:
		b.Append(int32(r.word()))
	case *array.Int64Builder:
		b.Append(int64(r.word()))
	case *array.Date32Builder:
		b.Append(arrow.Date32(r.word()))
	case *array.Time64Builder:
		b.Append(arrow.Time64(r.word()))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(r.word()))
	case *array.DurationBuilder:
		b.Append(arrow.Duration(r.word()))
	case *array.MonthIntervalBuilder:
		b.Append(arrow.MonthInterval(r.word()))
	case *array.NullBuilder:
		b.AppendNull()
	default:
		r.err = fmt.Errorf("join: no values of type %s are kept", b.Type())
	}
}

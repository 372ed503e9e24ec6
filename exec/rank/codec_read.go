package rank

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/column"
)

// reader reads records back into columns.
type reader struct {
	c    *codec
	want []bool // by column
	bld  []array.Builder
	tmp  []byte
}

// reader makes a reader of some columns; nil: all.
func (c *codec) reader(cols []int, alloc memory.Allocator) *reader {
	r := &reader{c: c, want: make([]bool, len(c.types)), bld: make([]array.Builder, len(c.types))}
	for i := range c.types {
		r.want[i] = cols == nil
	}
	for _, i := range cols {
		r.want[i] = true
	}
	for i, dt := range c.types {
		if r.want[i] {
			r.bld[i] = array.NewBuilder(alloc, dt)
		}
	}
	return r
}

// read appends a row.
func (r *reader) read(rec []byte) {
	if r.c.arrival {
		rec = rec[arrivalBytes:]
	}
	for _, f := range r.c.fields {
		var b array.Builder
		if !f.hidden {
			b = r.bld[f.col]
		}
		rec = r.field(rec, r.c.types[f.col], f.desc, b)
	}
}

// columns gives what has been read; columns that were not wanted are nil.
func (r *reader) columns() []arrow.Array {
	out := make([]arrow.Array, len(r.bld))
	for i, b := range r.bld {
		if b != nil {
			out[i] = b.NewArray()
		}
	}
	return out
}

func (r *reader) release() {
	for _, b := range r.bld {
		if b != nil {
			b.Release()
		}
	}
}

// field reads a field into b, or over it if b is nil, and gives what is left.
func (r *reader) field(rec []byte, dt arrow.DataType, desc bool, b array.Builder) []byte {
	marker := rec[0]
	rec = rec[1:]
	if marker != present {
		if b != nil {
			b.AppendNull()
		}
		return rec
	}
	return r.value(rec, dt, desc, b)
}

// number takes an integer of n bytes, with the sign bit as it was.
func number(rec []byte, n int, desc bool) (uint64, []byte) {
	var v uint64
	switch n {
	case 1:
		v = uint64(rec[0])
	case 2:
		v = uint64(binary.BigEndian.Uint16(rec))
	case 4:
		v = uint64(binary.BigEndian.Uint32(rec))
	default:
		v = binary.BigEndian.Uint64(rec)
	}
	if desc {
		v = ^v
	}
	return v ^ 1<<(8*n-1), rec[n:]
}

// unordered undoes floatOrder on bits whose sign bit number has flipped already.
func unordered(v uint64, sign uint) uint64 {
	if v>>sign&1 != 0 {
		return ^v | 1<<sign // was negative
	}
	return v
}

// value reads a value that is not NULL.
func (r *reader) value(rec []byte, dt arrow.DataType, desc bool, b array.Builder) []byte {
	var v uint64
	switch dt := dt.(type) {
	case *arrow.BooleanType:
		v = uint64(rec[0])
		if desc {
			v ^= 0xff
		}
		if b != nil {
			b.(*array.BooleanBuilder).Append(v != 0)
		}
		return rec[1:]
	case *arrow.Int8Type:
		return integer(rec, 1, desc, b)
	case *arrow.Int16Type:
		return integer(rec, 2, desc, b)
	case *arrow.Int32Type, *arrow.Date32Type, *arrow.MonthIntervalType:
		return integer(rec, 4, desc, b)
	case *arrow.Int64Type, *arrow.TimestampType, *arrow.Time64Type, *arrow.DurationType:
		return integer(rec, 8, desc, b)
	case *arrow.Float32Type:
		if v, rec = number(rec, 4, desc); b != nil {
			b.(*array.Float32Builder).Append(math.Float32frombits(uint32(unordered(v, 31))))
		}
	case *arrow.Float64Type:
		if v, rec = number(rec, 8, desc); b != nil {
			b.(*array.Float64Builder).Append(math.Float64frombits(unordered(v, 63)))
		}
	case *arrow.Decimal128Type:
		var low uint64
		v, rec = number(rec, 8, desc)
		low, rec = number(rec, 8, desc)
		if b != nil {
			b.(*array.Decimal128Builder).Append(decimal128.New(int64(v), low^1<<63))
		}
	case *arrow.StringType, *arrow.BinaryType:
		return r.text(rec, desc, b)
	case *arrow.ListType:
		return r.list(rec, dt.Elem(), desc, b)
	case *arrow.MapType:
		return r.list(rec, dt.Elem(), desc, b)
	case *arrow.StructType:
		return r.row(rec, dt, desc, b)
	}
	return rec
}

// integer reads an integer of n bytes.
func integer(rec []byte, n int, desc bool, b array.Builder) []byte {
	v, rest := number(rec, n, desc)
	if b != nil {
		column.AppendInt(b, int64(v))
	}
	return rest
}

// text reads a string.
func (r *reader) text(rec []byte, desc bool, b array.Builder) []byte {
	zero := byte(0)
	if desc {
		zero = 0xff
	}
	r.tmp = r.tmp[:0]
	for {
		i := bytes.IndexByte(rec, zero)
		s, after := rec[:i], rec[i+1]
		rec = rec[i+2:]
		if desc {
			after = ^after
		}
		if after == terminate && len(r.tmp) == 0 && !desc {
			appendBytes(b, s)
			return rec
		}
		r.tmp = append(r.tmp, s...)
		if after == terminate {
			break
		}
		r.tmp = append(r.tmp, zero)
	}
	if desc {
		invert(r.tmp)
	}
	appendBytes(b, r.tmp)
	return rec
}

func appendBytes(b array.Builder, s []byte) {
	switch b := b.(type) {
	case *array.StringBuilder:
		b.BinaryBuilder.Append(s)
	case *array.BinaryBuilder:
		b.Append(s)
	}
}

// list reads an ARRAY or MAP.
func (r *reader) list(rec []byte, elem arrow.DataType, desc bool, b array.Builder) []byte {
	var values array.Builder
	switch b := b.(type) {
	case *array.ListBuilder:
		b.Append(true)
		values = b.ValueBuilder()
	case *array.MapBuilder:
		b.Append(true)
		values = b.ValueBuilder()
	}
	for {
		more := rec[0]
		if desc {
			more = ^more
		}
		rec = rec[1:]
		if more == noElement {
			return rec
		}
		rec = r.inner(rec, elem, desc, values)
	}
}

// row reads a ROW.
func (r *reader) row(rec []byte, dt *arrow.StructType, desc bool, b array.Builder) []byte {
	s, _ := b.(*array.StructBuilder)
	if s != nil {
		s.Append(true)
	}
	for i, f := range dt.Fields() {
		var member array.Builder
		if s != nil {
			member = s.FieldBuilder(i)
		}
		rec = r.inner(rec, f.Type, desc, member)
	}
	return rec
}

// inner reads a field within a value, whose marker is inverted with it.
func (r *reader) inner(rec []byte, dt arrow.DataType, desc bool, b array.Builder) []byte {
	marker := rec[0]
	if desc {
		marker = ^marker
	}
	rec = rec[1:]
	if marker != present {
		if b != nil {
			b.AppendNull()
		}
		return rec
	}
	return r.value(rec, dt, desc, b)
}

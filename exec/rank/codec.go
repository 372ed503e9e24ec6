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
	"github.com/streamsql/streamsql/planner"
)

// A record is a row as bytes. Each field is a marker, which puts NULLs where they
// belong, then the value in a form whose bytes sort as the values do and none of
// which is the beginning of another:
//
//	integers, times  big-endian, sign bit flipped
//	floats           IEEE 754 bits, all of them flipped if negative, else the sign
//	decimals         16 bytes as an integer
//	strings, bytes   0x00 as 0x00 0xff, then 0x00 0x01
//	arrays, maps     each element with 0x01 before it, then 0x00
//	rows             the members one after the other
//
// For DESC the bytes of the value are inverted.
const (
	nullFirst = 0x00
	present   = 0x01
	nullLast  = 0x02

	moreElements = 0x01
	noElement    = 0x00

	escape    = 0xff // after 0x00: the byte 0x00 itself
	terminate = 0x01 // after 0x00: the end
)

// field is a part of a record: a column in an order.
type field struct {
	col              int
	desc, nullsFirst bool
	// hidden says that the field is there for the order alone and is not read
	// back: -0.0 sorts as 0.0, and all NaNs are one.
	hidden bool
}

// codec turns rows of one schema into records and back.
type codec struct {
	types  []arrow.DataType
	fields []field
	// keys is the number of fields that are the terms of ORDER BY.
	keys int
	// arrival says that rows stand in the order of arrival, the last one first: a
	// record then begins with its word, 8 bytes, which falls from row to row.
	arrival bool
	next    uint64 // word of the next row
}

// arrivalBytes is the length of the word that a record begins with.
const arrivalBytes = 8

// newCodec makes the codec for rows with cols, ordered by keys, then by column tie
// (-1: none), then by all other columns.
func newCodec(cols []planner.Column, keys []planner.SortKey, tie int) *codec {
	c := &codec{keys: len(keys)}
	inKey := make([]bool, len(cols))
	for _, col := range cols {
		c.types = append(c.types, col.Type.Arrow())
	}
	for _, k := range keys {
		hidden := hasFloats(c.types[k.Col]) || inKey[k.Col]
		inKey[k.Col] = inKey[k.Col] || !hidden
		c.fields = append(c.fields, field{col: k.Col, desc: k.Desc, nullsFirst: k.NullsFirst, hidden: hidden})
	}
	if tie >= 0 && !inKey[tie] {
		inKey[tie] = true
		c.fields = append(c.fields, field{col: tie})
	}
	for i := range cols {
		if !inKey[i] {
			c.fields = append(c.fields, field{col: i})
		}
	}
	return c
}

// hasFloats says whether values of a type hold floating-point numbers.
func hasFloats(dt arrow.DataType) bool {
	switch dt := dt.(type) {
	case *arrow.Float32Type, *arrow.Float64Type:
		return true
	case *arrow.MapType:
		return hasFloats(dt.Elem())
	case *arrow.ListType:
		return hasFloats(dt.Elem())
	case *arrow.StructType:
		for _, f := range dt.Fields() {
			if hasFloats(f.Type) {
				return true
			}
		}
	}
	return false
}

// writer appends the records of one batch.
type writer struct {
	c     *codec
	parts []func(dst []byte, row int) []byte
}

// open makes a writer for the columns of a batch.
func (c *codec) open(cols []arrow.Array) *writer {
	w := &writer{c: c}
	for _, f := range c.fields {
		w.parts = append(w.parts, fieldWriter(cols[f.col], f))
	}
	return w
}

// append appends the record of a row with its word; keyLen is the length of its
// key.
func (w *writer) append(dst []byte, row int, word uint64) (out []byte, keyLen int) {
	start := len(dst)
	if w.c.arrival {
		dst = binary.BigEndian.AppendUint64(dst, word)
		for _, p := range w.parts {
			dst = p(dst, row)
		}
		return dst, arrivalBytes
	}
	for i, p := range w.parts {
		if i == w.c.keys {
			keyLen = len(dst) - start
		}
		dst = p(dst, row)
	}
	if w.c.keys == len(w.parts) {
		keyLen = len(dst) - start
	}
	return dst, keyLen
}

// fieldWriter appends a field with its marker.
func fieldWriter(a arrow.Array, f field) func(dst []byte, row int) []byte {
	null := byte(nullLast)
	if f.nullsFirst {
		null = nullFirst
	}
	if column.AllNull(a) {
		return func(dst []byte, _ int) []byte { return append(dst, null) }
	}
	value := valueWriter(a, f.hidden)
	valid := column.Validity(a)
	all, desc := valid.All(), f.desc
	return func(dst []byte, row int) []byte {
		if !all && !valid.Get(row) {
			return append(dst, null)
		}
		dst = append(dst, present)
		from := len(dst)
		dst = value(dst, row)
		if desc {
			invert(dst[from:])
		}
		return dst
	}
}

func invert(b []byte) {
	for len(b) >= 8 {
		binary.NativeEndian.PutUint64(b, ^binary.NativeEndian.Uint64(b))
		b = b[8:]
	}
	for i := range b {
		b[i] = ^b[i]
	}
}

// valueWriter appends the values of a column, none of which is NULL. With plain,
// floats that are equal have equal bytes.
func valueWriter(a arrow.Array, plain bool) func(dst []byte, row int) []byte {
	switch dt := a.DataType().(type) {
	case *arrow.BooleanType:
		bits := column.Booleans(a)
		return func(dst []byte, row int) []byte {
			if bits.Get(row) {
				return append(dst, 1)
			}
			return append(dst, 0)
		}
	case *arrow.Int8Type:
		v := column.Fixed[int8](a)
		return func(dst []byte, row int) []byte { return append(dst, byte(v[row])^0x80) }
	case *arrow.Int16Type:
		v := column.Fixed[int16](a)
		return func(dst []byte, row int) []byte { return binary.BigEndian.AppendUint16(dst, uint16(v[row])^(1<<15)) }
	case *arrow.Int32Type, *arrow.Date32Type, *arrow.MonthIntervalType:
		v := column.Fixed[int32](a)
		return func(dst []byte, row int) []byte { return binary.BigEndian.AppendUint32(dst, uint32(v[row])^(1<<31)) }
	case *arrow.Int64Type, *arrow.TimestampType, *arrow.Time64Type, *arrow.DurationType:
		v := column.Fixed[int64](a)
		return func(dst []byte, row int) []byte { return binary.BigEndian.AppendUint64(dst, uint64(v[row])^(1<<63)) }
	case *arrow.Float32Type:
		v := column.Fixed[float32](a)
		return func(dst []byte, row int) []byte {
			f := v[row]
			if plain {
				f = float32(plainFloat(float64(f)))
			}
			b := math.Float32bits(f)
			if b>>31 != 0 {
				return binary.BigEndian.AppendUint32(dst, ^b)
			}
			return binary.BigEndian.AppendUint32(dst, b|1<<31)
		}
	case *arrow.Float64Type:
		v := column.Fixed[float64](a)
		return func(dst []byte, row int) []byte {
			f := v[row]
			if plain {
				f = plainFloat(f)
			}
			return binary.BigEndian.AppendUint64(dst, floatOrder(f))
		}
	case *arrow.Decimal128Type:
		v := column.Fixed[decimal128.Num](a)
		return func(dst []byte, row int) []byte {
			dst = binary.BigEndian.AppendUint64(dst, uint64(v[row].HighBits())^(1<<63))
			return binary.BigEndian.AppendUint64(dst, v[row].LowBits())
		}
	case *arrow.StringType, *arrow.BinaryType:
		offs, data := column.Offsets(a), column.Data(a)
		return func(dst []byte, row int) []byte { return appendText(dst, data[offs[row]:offs[row+1]]) }
	case *arrow.ListType, *arrow.MapType:
		offs := column.Offsets(a)
		elem := fieldWriter(column.Elements(a), field{hidden: plain})
		return func(dst []byte, row int) []byte {
			for i := offs[row]; i < offs[row+1]; i++ {
				dst = elem(append(dst, moreElements), int(i))
			}
			return append(dst, noElement)
		}
	case *arrow.StructType:
		s := a.(*array.Struct)
		members := make([]func(dst []byte, row int) []byte, s.NumField())
		for i := range members {
			members[i] = fieldWriter(s.Field(i), field{hidden: plain})
		}
		return func(dst []byte, row int) []byte {
			for _, m := range members {
				dst = m(dst, row)
			}
			return dst
		}
	case *arrow.NullType:
		return func(dst []byte, _ int) []byte { return dst }
	default:
		panic("rank: no record for " + dt.String()) // no catalog.Type has it
	}
}

// plainFloat gives one zero and one NaN.
func plainFloat(f float64) float64 {
	switch {
	case f == 0:
		return 0
	case f != f:
		return math.NaN()
	}
	return f
}

// floatOrder gives bits that sort as floats do; NaN, which is positive, is above
// infinity.
func floatOrder(f float64) uint64 {
	b := math.Float64bits(f)
	if b>>63 != 0 {
		return ^b
	}
	return b | 1<<63
}

// appendText appends a string so that its end sorts before any byte.
func appendText(dst, s []byte) []byte {
	for {
		i := bytes.IndexByte(s, 0)
		if i < 0 {
			dst = append(dst, s...)
			return append(dst, 0, terminate)
		}
		dst = append(dst, s[:i+1]...)
		dst = append(dst, escape)
		s = s[i+1:]
	}
}

// words gives, for each row, a number that sorts as the first term of the order
// does: a row with a greater number comes later. Equal numbers say nothing.
func (c *codec) words(cols []arrow.Array, n int, out []uint64) []uint64 {
	out = out[:0]
	if c.arrival {
		for range n {
			out = append(out, c.next)
			c.next--
		}
		return out
	}
	if c.keys == 0 {
		return append(out, make([]uint64, n)...)
	}
	f := c.fields[0]
	a := cols[f.col]
	if column.AllNull(a) {
		return append(out, make([]uint64, n)...)
	}
	value := firstWord(a)
	valid := column.Validity(a)
	all := valid.All()
	null := uint64(math.MaxUint64)
	if f.nullsFirst {
		null = 0
	}
	for i := range n {
		switch {
		case !all && !valid.Get(i):
			out = append(out, null)
		case f.desc:
			out = append(out, ^value(i))
		default:
			out = append(out, value(i))
		}
	}
	return out
}

// firstWord gives the word of a value that is not NULL.
func firstWord(a arrow.Array) func(row int) uint64 {
	switch a.DataType().(type) {
	case *arrow.Int8Type:
		v := column.Fixed[int8](a)
		return func(row int) uint64 { return uint64(v[row]) ^ 1<<63 }
	case *arrow.Int16Type:
		v := column.Fixed[int16](a)
		return func(row int) uint64 { return uint64(v[row]) ^ 1<<63 }
	case *arrow.Int32Type, *arrow.Date32Type, *arrow.MonthIntervalType:
		v := column.Fixed[int32](a)
		return func(row int) uint64 { return uint64(v[row]) ^ 1<<63 }
	case *arrow.Int64Type, *arrow.TimestampType, *arrow.Time64Type, *arrow.DurationType:
		v := column.Fixed[int64](a)
		return func(row int) uint64 { return uint64(v[row]) ^ 1<<63 }
	case *arrow.Float32Type:
		v := column.Fixed[float32](a)
		return func(row int) uint64 { return floatOrder(plainFloat(float64(v[row]))) }
	case *arrow.Float64Type:
		v := column.Fixed[float64](a)
		return func(row int) uint64 { return floatOrder(plainFloat(v[row])) }
	case *arrow.Decimal128Type:
		v := column.Fixed[decimal128.Num](a)
		return func(row int) uint64 {
			// Nearly all decimals fit a word; the others are the greatest and least.
			switch n := v[row]; {
			case n.HighBits() == 0 && n.LowBits()>>63 == 0, n.HighBits() == -1 && n.LowBits()>>63 == 1:
				return n.LowBits() ^ 1<<63
			case n.HighBits() < 0:
				return 0
			}
			return math.MaxUint64
		}
	case *arrow.StringType, *arrow.BinaryType:
		offs, data := column.Offsets(a), column.Data(a)
		return func(row int) uint64 {
			s := data[offs[row]:offs[row+1]]
			if len(s) >= 8 {
				return binary.BigEndian.Uint64(s)
			}
			var b [8]byte
			copy(b[:], s)
			return binary.BigEndian.Uint64(b[:])
		}
	}
	return func(int) uint64 { return 0 }
}

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
		if v, rec = number(rec, 1, desc); b != nil {
			b.(*array.Int8Builder).Append(int8(v))
		}
	case *arrow.Int16Type:
		if v, rec = number(rec, 2, desc); b != nil {
			b.(*array.Int16Builder).Append(int16(v))
		}
	case *arrow.Int32Type, *arrow.Date32Type, *arrow.MonthIntervalType, *arrow.Float32Type:
		if v, rec = number(rec, 4, desc); b != nil {
			append32(b, uint32(v))
		}
	case *arrow.Int64Type, *arrow.TimestampType, *arrow.Time64Type, *arrow.DurationType, *arrow.Float64Type:
		if v, rec = number(rec, 8, desc); b != nil {
			append64(b, v)
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

func append32(b array.Builder, v uint32) {
	switch b := b.(type) {
	case *array.Int32Builder:
		b.Append(int32(v))
	case *array.Date32Builder:
		b.Append(arrow.Date32(int32(v)))
	case *array.MonthIntervalBuilder:
		b.Append(arrow.MonthInterval(int32(v)))
	case *array.Float32Builder:
		b.Append(math.Float32frombits(uint32(unordered(uint64(v), 31))))
	}
}

func append64(b array.Builder, v uint64) {
	switch b := b.(type) {
	case *array.Int64Builder:
		b.Append(int64(v))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(int64(v)))
	case *array.Time64Builder:
		b.Append(arrow.Time64(int64(v)))
	case *array.DurationBuilder:
		b.Append(arrow.Duration(int64(v)))
	case *array.Float64Builder:
		b.Append(math.Float64frombits(unordered(v, 63)))
	}
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

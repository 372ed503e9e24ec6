package rank

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/exec/column"
)

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

package rank

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

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

// codecVersion is that of records in the store.
const codecVersion = 1

// String is the codec as commits have it: see op.Stateful.
func (c *codec) String() string {
	text := fmt.Sprintf("records %d", codecVersion)
	if c.arrival {
		text += " by arrival"
	}
	for _, f := range c.fields {
		text += fmt.Sprintf(" %d %s", f.col, c.types[f.col])
		if f.desc {
			text += " desc"
		}
		if f.nullsFirst {
			text += " nulls first"
		}
		if f.hidden {
			text += " hidden"
		}
	}
	return text
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

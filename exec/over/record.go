package over

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/planner"
)

// A record is a row as bytes: the terms of the order, then all columns. Compared
// as bytes, records are in the order of the terms, and among equal terms in that
// of the columns, NULLs last. Each value is
//
//	byte     0 NULL that comes first, 1 value, 2 NULL that comes last
//	value    integers big-endian with the sign bit turned over, floats by their
//	         bits in the order of numbers, texts with 0 written as 0 255 and 0 1
//	         at the end; all bits turned over where the order is descending
//	ARRAY    elements, then a byte 0; MAP likewise, of its entries
//	ROW      members
const (
	nullFirst = 0
	present   = 1
	nullLast  = 2
)

// form is how a value is written.
type form uint8

const (
	formNull form = iota
	formInt
	formFloat
	formDecimal
	formBytes
	formList
	formRow
)

// valueType is the type of a value, prepared for writing and reading.
type valueType struct {
	dt    arrow.DataType
	form  form
	width int // bytes of an integer or a float
	kids  []*valueType
}

func newValueType(dt arrow.DataType) *valueType {
	t := &valueType{dt: dt}
	switch d := dt.(type) {
	case *arrow.NullType:
	case *arrow.Float32Type, *arrow.Float64Type:
		t.form, t.width = formFloat, d.(arrow.FixedWidthDataType).BitWidth()/8
	case *arrow.Decimal128Type:
		t.form = formDecimal
	case *arrow.StringType, *arrow.BinaryType:
		t.form = formBytes
	case *arrow.MapType:
		t.form, t.kids = formList, []*valueType{newValueType(d.Elem())}
	case *arrow.ListType:
		t.form, t.kids = formList, []*valueType{newValueType(d.Elem())}
	case *arrow.StructType:
		t.form = formRow
		for _, f := range d.Fields() {
			t.kids = append(t.kids, newValueType(f.Type))
		}
	case arrow.FixedWidthDataType:
		t.form, t.width = formInt, max(1, d.BitWidth()/8)
	default:
		panic(fmt.Sprintf("over: a column of type %s", dt)) // no catalog.Type has it
	}
	return t
}

// vector is a column to be written.
type vector struct {
	t      *valueType
	all    bool
	valid  colvec.Validity
	ints   []int64
	floats []float64
	decs   []decimal128.Num
	offs   []int32
	data   []byte
	kids   []*vector
}

func newVector(t *valueType, a arrow.Array) *vector {
	v := &vector{t: t, valid: colvec.ValidityOf(a)}
	v.all = v.valid.AllValid()
	rows := colvec.All(a.Len())
	switch t.form {
	case formInt:
		v.ints, _ = colvec.Ints(a, rows, nil)
	case formFloat:
		v.floats, _ = colvec.Floats(a, rows, nil)
	case formDecimal:
		v.decs, _ = colvec.Decimals(a, rows, nil)
	case formBytes:
		v.offs, v.data = colvec.Binary(a)
	case formList:
		v.offs = column.Offsets(a)
		v.kids = []*vector{newVector(t.kids[0], column.Elements(a))}
	case formRow:
		s := a.(*array.Struct)
		for i, k := range t.kids {
			v.kids = append(v.kids, newVector(k, s.Field(i)))
		}
	}
	return v
}

// append writes value i, with its NULLs last.
func (v *vector) append(dst []byte, i int) []byte {
	if v.t.form == formNull || !v.all && !v.valid.Valid(i) {
		return append(dst, nullLast)
	}
	dst = append(dst, present)
	switch v.t.form {
	case formInt:
		u := uint64(v.ints[i])
		switch v.t.width {
		case 1:
			return append(dst, byte(u)^0x80)
		case 2:
			return binary.BigEndian.AppendUint16(dst, uint16(u)^1<<15)
		case 4:
			return binary.BigEndian.AppendUint32(dst, uint32(u)^1<<31)
		}
		return binary.BigEndian.AppendUint64(dst, u^1<<63)
	case formFloat:
		if v.t.width == 4 {
			b := math.Float32bits(float32(v.floats[i]))
			return binary.BigEndian.AppendUint32(dst, b^(uint32(int32(b)>>31)|1<<31))
		}
		return appendFloat(dst, math.Float64bits(v.floats[i]))
	case formDecimal:
		d := v.decs[i]
		dst = binary.BigEndian.AppendUint64(dst, uint64(d.HighBits())^1<<63)
		return binary.BigEndian.AppendUint64(dst, d.LowBits())
	case formBytes:
		return appendText(dst, v.data[v.offs[i]:v.offs[i+1]])
	case formList:
		for k := v.offs[i]; k < v.offs[i+1]; k++ {
			dst = v.kids[0].append(dst, int(k))
		}
		return append(dst, 0)
	default:
		for _, k := range v.kids {
			dst = k.append(dst, i)
		}
		return dst
	}
}

func appendFloat(dst []byte, b uint64) []byte {
	return binary.BigEndian.AppendUint64(dst, b^(uint64(int64(b)>>63)|1<<63))
}

func appendText(dst, s []byte) []byte {
	for {
		k := bytes.IndexByte(s, 0)
		if k < 0 {
			return append(append(dst, s...), 0, 1)
		}
		dst = append(append(dst, s[:k]...), 0, 0xff)
		s = s[k+1:]
	}
}

// appendTerm writes value i as a term of an order. Zeros are equal there, and
// so are all NaNs.
func (v *vector) appendTerm(dst []byte, i int, key planner.SortKey) []byte {
	if v.t.form == formNull || !v.all && !v.valid.Valid(i) {
		if key.NullsFirst {
			return append(dst, nullFirst)
		}
		return append(dst, nullLast)
	}
	from := len(dst) + 1
	if v.t.form == formFloat {
		dst = appendFloat(append(dst, present), hash.FloatKey(v.floats[i]))
	} else {
		dst = v.append(dst, i)
	}
	if key.Desc {
		for k := from; k < len(dst); k++ {
			dst[k] = ^dst[k]
		}
	}
	return dst
}

// recorder writes and reads records of the rows of one input.
type recorder struct {
	cols  []*valueType // nil: not written
	order []planner.SortKey
	ties  int // positions of a row in its source, which stand between terms and columns
}

func newRecorder(cols []planner.Column, order []planner.SortKey, ties int) *recorder {
	r := &recorder{order: order, ties: ties}
	for _, c := range cols {
		r.cols = append(r.cols, newValueType(c.Type.Arrow()))
	}
	return r
}

// recordVersion is that of records in the store.
const recordVersion = 1

// String is the recorder as commits have it: see op.Stateful.
func (r *recorder) String() string {
	text := fmt.Sprintf("records %d", recordVersion)
	for i, c := range r.cols {
		if c != nil {
			text += fmt.Sprintf(" %d %s", i, c.dt)
		}
	}
	for _, k := range r.order {
		text += fmt.Sprintf(" by %d", k.Col)
		if k.Desc {
			text += " desc"
		}
		if k.NullsFirst {
			text += " nulls first"
		}
	}
	if r.ties > 0 {
		text += " by position"
	}
	return text
}

// only is a recorder of some columns, for rows that have come out.
func (r *recorder) only(want []bool) *recorder {
	n := &recorder{order: r.order, cols: slices.Clone(r.cols)}
	for c := range n.cols {
		if !want[c] {
			n.cols[c] = nil
		}
	}
	return n
}

// vectors prepares the columns of a batch for append. The positions of rows, if
// there are any, are the columns after the recorder's own.
func (r *recorder) vectors(cols []arrow.Array) []*vector {
	out := make([]*vector, len(r.cols)+r.ties)
	needed := make([]bool, len(out))
	for _, k := range r.order {
		needed[k.Col] = true
	}
	for i := range out {
		t := position
		if i < len(r.cols) {
			if t = r.cols[i]; t == nil && needed[i] {
				t = newValueType(cols[i].DataType())
			}
		}
		if t != nil {
			out[i] = newVector(t, cols[i])
		}
	}
	return out
}

// position is the type of a row's position in its source.
var position = newValueType(arrow.PrimitiveTypes.Int64)

// positionBytes is the length of a position in a record.
const positionBytes = 9

// append writes row i; key is the length of the terms of the order.
func (r *recorder) append(dst []byte, cols []*vector, i int) (out []byte, key int) {
	from := len(dst)
	for _, k := range r.order {
		dst = cols[k.Col].appendTerm(dst, i, k)
	}
	key = len(dst) - from
	for _, c := range cols[len(r.cols):] {
		dst = c.append(dst, i)
	}
	for c, t := range r.cols {
		if t != nil {
			dst = cols[c].append(dst, i)
		}
	}
	return dst, key
}

// readAll reads the rows ids of a store.
func (r *recorder) readAll(s *store, ids []uint32, want []bool, alloc memory.Allocator) []arrow.Array {
	rows := make([][]byte, len(ids))
	for i, id := range ids {
		rows[i] = s.columns(id)[r.ties*positionBytes:]
	}
	return r.read(rows, want, alloc)
}

// read gives columns of rows, each beginning behind the terms of its order; nil
// for columns that are not wanted (want nil: all). It moves along rows.
func (r *recorder) read(rows [][]byte, want []bool, alloc memory.Allocator) []arrow.Array {
	out := make([]arrow.Array, len(r.cols))
	last := len(r.cols) - 1
	for want != nil && last >= 0 && !want[last] {
		last--
	}
	for c, t := range r.cols[:last+1] {
		if t == nil {
			continue
		}
		if want == nil || want[c] {
			out[c] = t.read(rows, alloc)
			continue
		}
		for i := range rows {
			rows[i] = t.skip(rows[i])
		}
	}
	return out
}

// skip gives what follows the value at the beginning of b.
func (t *valueType) skip(b []byte) []byte {
	if b[0] != present {
		return b[1:]
	}
	b = b[1:]
	switch t.form {
	case formInt, formFloat:
		return b[t.width:]
	case formDecimal:
		return b[16:]
	case formBytes:
		for {
			k := bytes.IndexByte(b, 0)
			end := b[k+1] == 1
			b = b[k+2:]
			if end {
				return b
			}
		}
	case formList:
		for b[0] != 0 {
			b = t.kids[0].skip(b)
		}
		return b[1:]
	case formRow:
		for _, k := range t.kids {
			b = k.skip(b)
		}
	}
	return b
}

// read gives the values at the beginnings of rows as a column, and moves rows
// behind them. A row that is nil is NULL.
func (t *valueType) read(rows [][]byte, alloc memory.Allocator) arrow.Array {
	n := len(rows)
	var valid *memory.Buffer
	for i, b := range rows {
		if b == nil || b[0] != present {
			if valid == nil {
				valid = column.NewBuffer(alloc, column.BitmapBytes(n))
				for k := range valid.Bytes() {
					valid.Bytes()[k] = 0xff
				}
			}
			column.ClearBit(valid.Bytes(), i)
		}
	}
	switch t.form {
	case formNull:
		for i := range rows {
			rows[i] = after(rows[i])
		}
		if valid != nil {
			valid.Release()
		}
		return array.NewNull(n)
	case formInt:
		return colvec.IntColumn(t.dt, n, valid, alloc, func(i int) int64 { return t.readInt(&rows[i]) })
	case formFloat:
		return colvec.FloatColumn(t.dt, n, valid, alloc, func(i int) float64 { return t.readFloat(&rows[i]) })
	case formDecimal:
		return colvec.DecimalColumn(t.dt, n, valid, alloc, func(i int) decimal128.Num {
			b := rows[i]
			if b == nil || b[0] != present {
				rows[i] = after(b)
				return decimal128.Num{}
			}
			rows[i] = b[17:]
			return decimal128.New(int64(binary.BigEndian.Uint64(b[1:])^1<<63), binary.BigEndian.Uint64(b[9:]))
		})
	case formBytes:
		return colvec.BytesColumn(t.dt, n, valid, alloc, func(i int, dst []byte) []byte { return readText(&rows[i], dst) })
	case formList:
		return t.readList(rows, valid, alloc)
	}
	inner := make([][]byte, n)
	for i, b := range rows {
		if b == nil || b[0] != present {
			rows[i] = after(b)
		} else {
			inner[i] = b[1:]
		}
	}
	kids := make([]arrow.Array, len(t.kids))
	for k, kid := range t.kids {
		kids[k] = kid.read(inner, alloc)
	}
	for i, b := range inner {
		if b != nil {
			rows[i] = b
		}
	}
	return column.Make(t.dt, n, -1, []*memory.Buffer{valid}, kids...)
}

// after is what follows a NULL.
func after(b []byte) []byte {
	if b == nil {
		return nil
	}
	return b[1:]
}

func (t *valueType) readInt(row *[]byte) int64 {
	b := *row
	if b == nil || b[0] != present {
		*row = after(b)
		return 0
	}
	*row = b[1+t.width:]
	switch t.width {
	case 1:
		return int64(int8(b[1] ^ 0x80))
	case 2:
		return int64(int16(binary.BigEndian.Uint16(b[1:]) ^ 1<<15))
	case 4:
		return int64(int32(binary.BigEndian.Uint32(b[1:]) ^ 1<<31))
	}
	return int64(binary.BigEndian.Uint64(b[1:]) ^ 1<<63)
}

func (t *valueType) readFloat(row *[]byte) float64 {
	b := *row
	if b == nil || b[0] != present {
		*row = after(b)
		return 0
	}
	*row = b[1+t.width:]
	if t.width == 4 {
		u := binary.BigEndian.Uint32(b[1:])
		return float64(math.Float32frombits(u ^ (uint32(int32(^u)>>31) | 1<<31)))
	}
	u := binary.BigEndian.Uint64(b[1:])
	return math.Float64frombits(u ^ (uint64(int64(^u)>>63) | 1<<63))
}

func readText(row *[]byte, dst []byte) []byte {
	b := *row
	if b == nil || b[0] != present {
		*row = after(b)
		return dst
	}
	for b = b[1:]; ; {
		k := bytes.IndexByte(b, 0)
		dst = append(dst, b[:k]...)
		end := b[k+1] == 1
		b = b[k+2:]
		if end {
			*row = b
			return dst
		}
		dst = append(dst, 0)
	}
}

func (t *valueType) readList(rows [][]byte, valid *memory.Buffer, alloc memory.Allocator) arrow.Array {
	n := len(rows)
	buf := column.NewBuffer(alloc, 4*(n+1))
	offs := column.As[int32](buf, n+1)
	var elems [][]byte
	for i, b := range rows {
		offs[i] = int32(len(elems))
		if b == nil || b[0] != present {
			rows[i] = after(b)
			continue
		}
		for b = b[1:]; b[0] != 0; b = t.kids[0].skip(b) {
			elems = append(elems, b)
		}
		rows[i] = b[1:]
	}
	offs[n] = int32(len(elems))
	return column.Make(t.dt, n, -1, []*memory.Buffer{valid, buf}, t.kids[0].read(elems, alloc))
}

package column

import (
	"fmt"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Gather gives the rows sel of a column, in that order, as a column of len(sel)
// rows. Rows may repeat and stand in any order; an unbroken ascending run is a
// slice without copying.
func Gather(a arrow.Array, sel []int32, alloc memory.Allocator) arrow.Array {
	n := len(sel)
	if n > 0 && isRun(sel) {
		return Slice(a, int(sel[0]), int(sel[0])+n)
	}
	dt := a.DataType()
	switch dt := dt.(type) {
	case *arrow.NullType:
		return array.NewNull(n)
	case *arrow.BooleanType:
		valid, nulls := gatherValidity(a, sel, alloc)
		values := gatherBits(Booleans(a), sel, alloc)
		return Make(dt, n, nulls, []*memory.Buffer{valid, values})
	case *arrow.StringType, *arrow.BinaryType:
		return gatherBytes(a, sel, alloc)
	case *arrow.MapType, *arrow.ListType:
		return gatherList(a, sel, alloc)
	case *arrow.StructType:
		s := a.(*array.Struct)
		valid, nulls := gatherValidity(a, sel, alloc)
		children := make([]arrow.Array, s.NumField())
		for i := range children {
			children[i] = Gather(s.Field(i), sel, alloc)
		}
		return Make(dt, n, nulls, []*memory.Buffer{valid}, children...)
	case arrow.FixedWidthDataType:
		valid, nulls := gatherValidity(a, sel, alloc)
		return Make(dt, n, nulls, []*memory.Buffer{valid, gatherFixed(a, dt.BitWidth()/8, sel, alloc)})
	default:
		panic(fmt.Sprintf("column: no gather for %s", dt)) // no catalog.Type has it
	}
}

func isRun(sel []int32) bool {
	n := len(sel)
	if int(sel[n-1]-sel[0]) != n-1 {
		return false
	}
	for i, r := range sel {
		if r != sel[0]+int32(i) {
			return false
		}
	}
	return true
}

// Fixed gives the values of a fixed-width column as a slice of n T, whose size
// must be the width of the column's type.
func Fixed[T any](a arrow.Array) []T {
	n := a.Len()
	b := a.Data().Buffers()[1]
	if n == 0 || b == nil {
		return nil
	}
	var zero T
	off := a.Data().Offset()
	if (off+n)*int(unsafe.Sizeof(zero)) > b.Len() {
		panic("column: buffer shorter than its rows")
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b.Bytes()))), off+n)[off:]
}

// As gives a buffer's bytes as n values of T.
func As[T any](b *memory.Buffer, n int) []T {
	if n == 0 {
		return nil
	}
	var zero T
	if n*int(unsafe.Sizeof(zero)) > b.Len() {
		panic("column: buffer shorter than its rows")
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b.Bytes()))), n)
}

func gatherFixed(a arrow.Array, width int, sel []int32, alloc memory.Allocator) *memory.Buffer {
	out := NewBuffer(alloc, width*len(sel))
	switch width {
	case 1:
		take[uint8](a, sel, out)
	case 2:
		take[uint16](a, sel, out)
	case 4:
		take[uint32](a, sel, out)
	case 8:
		take[uint64](a, sel, out)
	case 16:
		take[[2]uint64](a, sel, out)
	default:
		panic(fmt.Sprintf("column: no gather for width %d", width))
	}
	return out
}

func take[T any](a arrow.Array, sel []int32, out *memory.Buffer) {
	in, dst := Fixed[T](a), As[T](out, len(sel))
	for i, r := range sel {
		dst[i] = in[r]
	}
}

func gatherBits(b Bits, sel []int32, alloc memory.Allocator) *memory.Buffer {
	out := NewBuffer(alloc, BitmapBytes(len(sel)))
	dst := out.Bytes()
	for i := 0; i < len(sel); i += 64 {
		var w uint64
		for k, r := range sel[i:min(i+64, len(sel))] {
			p := b.Off + int(r)
			w |= uint64(b.Bytes[p>>3]>>(p&7)&1) << k
		}
		PutWord(dst, i, w)
	}
	return out
}

func gatherValidity(a arrow.Array, sel []int32, alloc memory.Allocator) (valid *memory.Buffer, nulls int) {
	v := Validity(a)
	if v.All() {
		return nil, 0
	}
	return gatherBits(v, sel, alloc), -1
}

// Offsets gives the n+1 offsets of a STRING, BYTES, ARRAY or MAP column.
func Offsets(a arrow.Array) []int32 {
	b := a.Data().Buffers()[1]
	if b == nil || b.Len() == 0 {
		return []int32{0}
	}
	off, n := a.Data().Offset(), a.Len()
	return As[int32](b, off+n+1)[off:]
}

// Data gives the bytes of a STRING or BYTES column, to which Offsets refer.
func Data(a arrow.Array) []byte {
	if b := a.Data().Buffers()[2]; b != nil {
		return b.Bytes()
	}
	return nil
}

func gatherBytes(a arrow.Array, sel []int32, alloc memory.Allocator) arrow.Array {
	n := len(sel)
	valid, nulls := gatherValidity(a, sel, alloc)
	in, data := Offsets(a), Data(a)
	offBuf := NewBuffer(alloc, 4*(n+1))
	offs := As[int32](offBuf, n+1)
	total := int32(0)
	for i, r := range sel {
		offs[i] = total
		total += in[r+1] - in[r]
	}
	offs[n] = total
	out := NewBuffer(alloc, int(total))
	dst := out.Bytes()
	// Neighbouring rows lie side by side: one copy a run.
	for i := 0; i < n; {
		first := sel[i]
		j := i + 1
		for j < n && sel[j] == first+int32(j-i) {
			j++
		}
		from, to := in[first], in[first+int32(j-i)]
		copy(dst[offs[i]:], data[from:to])
		i = j
	}
	return Make(a.DataType(), n, nulls, []*memory.Buffer{valid, offBuf, out})
}

func gatherList(a arrow.Array, sel []int32, alloc memory.Allocator) arrow.Array {
	n := len(sel)
	valid, nulls := gatherValidity(a, sel, alloc)
	in := Offsets(a)
	offBuf := NewBuffer(alloc, 4*(n+1))
	offs := As[int32](offBuf, n+1)
	total := int32(0)
	for i, r := range sel {
		offs[i] = total
		total += in[r+1] - in[r]
	}
	offs[n] = total
	inner := make([]int32, 0, total)
	for _, r := range sel {
		for k := in[r]; k < in[r+1]; k++ {
			inner = append(inner, k)
		}
	}
	elems := Elements(a)
	child := Gather(elems, inner, alloc)
	return Make(a.DataType(), n, nulls, []*memory.Buffer{valid, offBuf}, child)
}

// Elements gives the elements of an ARRAY column, or the (key, value) structs
// of a MAP column, to which Offsets refer.
func Elements(a arrow.Array) arrow.Array {
	switch l := a.(type) {
	case *array.Map:
		return l.ListValues()
	case *array.List:
		return l.ListValues()
	default:
		panic(fmt.Sprintf("column: %s has no elements", a.DataType()))
	}
}

// Concat puts columns of one type one after the other.
func Concat(cols []arrow.Array, alloc memory.Allocator) (arrow.Array, error) {
	if len(cols) == 1 {
		cols[0].Retain()
		return cols[0], nil
	}
	out, err := array.Concatenate(cols, alloc)
	if err != nil {
		return nil, fmt.Errorf("concatenating columns: %w", err)
	}
	return out, nil
}

// GatherOrNull is Gather where a row number of -1 gives NULL: the padded side of
// an outer join.
func GatherOrNull(a arrow.Array, sel []int32, alloc memory.Allocator) arrow.Array {
	holes := false
	for _, r := range sel {
		holes = holes || r < 0
	}
	if !holes {
		return Gather(a, sel, alloc)
	}
	if a.Len() == 0 || AllNull(a) {
		return NewNull(alloc, a.DataType(), len(sel))
	}
	filled := make([]int32, len(sel))
	there := make([]uint64, (len(sel)+63)/64)
	for i, r := range sel {
		if r >= 0 {
			filled[i] = r
			there[i>>6] |= 1 << (i & 63)
		}
	}
	g := Gather(a, filled, alloc)
	defer g.Release()
	return maskBits(g, func(i, n int) uint64 { return there[i>>6] }, alloc)
}

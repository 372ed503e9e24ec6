package column

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/internal/header"
)

// NewBuffer gives a buffer of size bytes with any content.
func NewBuffer(alloc memory.Allocator, size int) *memory.Buffer {
	return memory.NewBufferWithAllocator(alloc.Allocate(size), alloc)
}

// NewZeroed gives a buffer of size zero bytes.
func NewZeroed(alloc memory.Allocator, size int) *memory.Buffer {
	b := NewBuffer(alloc, size)
	clear(b.Bytes())
	return b
}

// Make makes an array of n rows out of buffers (validity first, nil if no row
// is NULL) and takes over the references to them and to the children. nulls is
// the number of NULLs, counted here if negative; a validity bitmap without
// clear bits is dropped.
func Make(dt arrow.DataType, n int, nulls int, buffers []*memory.Buffer, children ...arrow.Array) arrow.Array {
	if len(buffers) > 0 && buffers[0] != nil {
		if nulls < 0 {
			nulls = n - Bits{Bytes: buffers[0].Bytes()}.Count(n)
		}
		if nulls == 0 {
			buffers[0].Release()
			buffers[0] = nil
		}
	} else {
		nulls = 0
	}
	if dt.ID() == arrow.MAP && (children[0].Data().Offset() != 0 || children[0].Data().Children()[0].NullN() != 0) {
		children[0] = rebased(children[0].(*array.Struct))
	}
	var datas []arrow.ArrayData
	if len(children) > 0 {
		datas = make([]arrow.ArrayData, len(children))
		for i, c := range children {
			datas[i] = c.Data()
		}
	}
	data := header.New(dt, n, nulls, datas, buffers...)
	for _, b := range buffers {
		if b != nil {
			b.Release()
		}
	}
	for _, c := range children {
		c.Release()
	}
	a := array.MakeFromData(data)
	data.Release()
	return a
}

// rebased gives the entries of a map as a struct of their own, in place of s:
// array.Map looks neither at an offset nor at an end, so NULL keys outside are some to it.
func rebased(s *array.Struct) arrow.Array {
	fields := make([]arrow.Array, s.NumField())
	for i := range fields {
		fields[i] = s.Field(i)
		fields[i].Retain()
		fields[i].NullN() // counts: array.Map takes keys of which it is not known for NULL
	}
	out := Make(s.DataType(), s.Len(), 0, []*memory.Buffer{nil}, fields...)
	s.Release()
	return out
}

// Slice gives rows from to below to of a column without copying, with the
// number of its NULLs known.
func Slice(a arrow.Array, from, to int) arrow.Array {
	if from == 0 && to == a.Len() {
		a.Retain()
		return a
	}
	if a.DataType().ID() == arrow.NULL {
		return array.NewNull(to - from)
	}
	d := a.Data()
	nulls := 0
	if v := Validity(a); !v.All() {
		v.Off += from
		nulls = to - from - v.Count(to-from)
	}
	buffers := d.Buffers()
	data := array.NewData(d.DataType(), to-from, buffers, d.Children(), nulls, d.Offset()+from)
	out := array.MakeFromData(data)
	data.Release()
	return out
}

// NewNull gives a column of n NULLs of a type.
func NewNull(alloc memory.Allocator, dt arrow.DataType, n int) arrow.Array {
	switch dt := dt.(type) {
	case *arrow.NullType:
		return array.NewNull(n)
	case *arrow.BooleanType:
		return Make(dt, n, n, []*memory.Buffer{NewZeroed(alloc, BitmapBytes(n)), NewZeroed(alloc, BitmapBytes(n))})
	case *arrow.StringType, *arrow.BinaryType:
		return Make(dt, n, n, []*memory.Buffer{NewZeroed(alloc, BitmapBytes(n)), NewZeroed(alloc, 4*(n+1)), nil})
	case *arrow.MapType:
		return nullList(alloc, dt, dt.Elem(), n)
	case *arrow.ListType:
		return nullList(alloc, dt, dt.Elem(), n)
	case *arrow.StructType:
		children := make([]arrow.Array, dt.NumFields())
		for i, f := range dt.Fields() {
			children[i] = NewNull(alloc, f.Type, n)
		}
		return Make(dt, n, n, []*memory.Buffer{NewZeroed(alloc, BitmapBytes(n))}, children...)
	case arrow.FixedWidthDataType:
		return Make(dt, n, n, []*memory.Buffer{NewZeroed(alloc, BitmapBytes(n)), NewZeroed(alloc, n*dt.BitWidth()/8)})
	default:
		return array.MakeArrayOfNull(alloc, dt, n)
	}
}

func nullList(alloc memory.Allocator, dt, elem arrow.DataType, n int) arrow.Array {
	return Make(dt, n, n, []*memory.Buffer{NewZeroed(alloc, BitmapBytes(n)), NewZeroed(alloc, 4*(n+1))},
		NewNull(alloc, elem, 0))
}

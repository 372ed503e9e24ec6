package header

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// TestReferences: what an array holds goes back when the last reference to it has
// gone, as with array.NewData; the headers of a list live and die apart.
func TestReferences(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	values := func(v ...int64) []byte {
		b := mem.Allocate(32)
		copy(arrow.Int64Traits.CastFromBytes(b), v)
		return b
	}
	list := NewList(2)
	var members []arrow.ArrayData
	for i := range 2 {
		h := list.Next()
		h.None()
		h.Add(values(int64(i), 10), 16, mem)
		members = append(members, h.Data(arrow.PrimitiveTypes.Int64, 2, 0, nil))
	}
	row := arrow.StructOf(arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int64}, arrow.Field{Name: "b", Type: arrow.PrimitiveTypes.Int64})
	data := New(row, 2, 0, members, nil)
	members[0].Release()
	members[1].Release()
	a := array.MakeFromData(data)
	data.Release()
	field := a.(*array.Struct).Field(1)
	field.Retain()
	a.Release()
	if v := field.(*array.Int64).Int64Values(); len(v) != 2 || v[0] != 1 || v[1] != 10 {
		t.Errorf("a member of a row that is gone: %v", v)
	}
	field.Release()

	buf := memory.NewBufferWithAllocator(values(5), mem)
	one := New(arrow.PrimitiveTypes.Int64, 1, 0, nil, nil, buf)
	buf.Release()
	if b := one.Buffers(); len(b) != 2 || b[0] != nil || b[1].Bytes()[0] != 5 {
		t.Errorf("buffers %v", b)
	}
	one.Release()
}

// TestAllocations: a header is one allocation, those of a list are one together with
// their buffers.
func TestAllocations(t *testing.T) {
	mem := memory.NewGoAllocator()
	bytes := make([]byte, 64)
	b := memory.NewBufferBytes(bytes)
	for what, f := range map[string]func(){
		"one": func() { New(arrow.PrimitiveTypes.Int64, 1, 0, nil, nil, b).Release() },
		"list": func() {
			l := NewList(3)
			for range 3 {
				h := l.Next()
				h.Add(bytes, 1, mem)
				h.Add(bytes, 8, mem)
				h.Data(arrow.PrimitiveTypes.Int64, 1, 0, nil).Release()
			}
		},
	} {
		if n := testing.AllocsPerRun(10, f); n != 1 {
			t.Errorf("%s: %g allocations", what, n)
		}
	}
}

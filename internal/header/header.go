// Package header makes the headers of Arrow arrays with few allocations. The values
// of a batch come from a pool, but each array has its array.Data, buffers and a list
// of them besides, and these are what the garbage collector sees of a stream.
package header

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// New makes the header of n rows, nulls of them NULL, of at most three buffers. It
// does as array.NewData: it takes references to buffers and children and has one to
// itself, which is the caller's. It keeps the slice children, but not buffers.
func New(dt arrow.DataType, n, nulls int, children []arrow.ArrayData, buffers ...*memory.Buffer) *array.Data {
	h := new(struct {
		data    array.Data
		buffers [3]*memory.Buffer
	})
	k := copy(h.buffers[:], buffers)
	return begin(&h.data, dt, n, nulls, children, h.buffers[:k:k])
}

func begin(d *array.Data, dt arrow.DataType, n, nulls int, children []arrow.ArrayData, buffers []*memory.Buffer) *array.Data {
	d.Reset(dt, n, buffers, children, nulls, 0)
	d.Retain() // a zero Data has no reference to itself
	return d
}

// Whole is a header with its buffers: validity, offsets or values, values.
type Whole struct {
	data    array.Data
	buffers [3]*memory.Buffer
	own     [3]memory.Buffer
	n       int
}

// List is room for headers that are made together.
type List []Whole

// NewList gives room for n headers in one allocation, which stays as long as one of
// them does.
func NewList(n int) List { return make(List, n) }

// Next gives the next header of the list.
func (l *List) Next() *Whole {
	h := &(*l)[0]
	*l = (*l)[1:]
	return h
}

// Add makes the first n bytes of b, which mem has given and gets back in the end, the
// next buffer.
func (h *Whole) Add(b []byte, n int, mem memory.Allocator) {
	h.own[h.n] = *memory.NewBufferWithAllocator(b, mem)
	h.buffers[h.n] = &h.own[h.n]
	h.own[h.n].ResizeNoShrink(n)
	h.n++
}

// None says that there is no next buffer: a validity where nothing is NULL.
func (h *Whole) None() { h.n++ }

// Data gives the header of n rows, nulls of them NULL. The buffers are its own; it
// takes references to the children, and has one to itself, which is the caller's.
func (h *Whole) Data(dt arrow.DataType, n, nulls int, children []arrow.ArrayData) *array.Data {
	d := begin(&h.data, dt, n, nulls, children, h.buffers[:h.n:h.n])
	for _, b := range h.buffers[:h.n] {
		if b != nil {
			b.Release()
		}
	}
	return d
}

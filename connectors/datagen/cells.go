package datagen

import (
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors/datagen/draw"
)

// cells are the places of a column to fill: of a table's column one per row, of
// an array's elements one per element.
type cells struct {
	// seeds are the streams of the places, the same for all columns; each column
	// derives its own by its salt.
	seeds []draw.Stream
	// rows are the numbers of the rows that the cells are in.
	rows []int64
	// absent marks cells of a ROW that is NULL: they are NULL too. nil: none.
	absent []bool
}

func newCells(capacity int) cells {
	return cells{seeds: make([]draw.Stream, 0, capacity), rows: make([]int64, 0, capacity)}
}

func (c cells) len() int { return len(c.seeds) }

// column makes the values of one column or of a part of one.
type column interface {
	// fill gives the values of the cells. The caller releases the array.
	fill(alloc memory.Allocator, c cells) arrow.Array
	// bytes is about how many bytes a cell takes.
	bytes() int
}

// base is what all columns have in common.
type base struct {
	dt   arrow.DataType
	salt uint64 // hash of the path of names
	// nulls: a cell is NULL if its first draw is below it; 0: never.
	nulls uint64
}

// The draws of a cell, by what they decide.
const (
	nullDraw   = 0
	lengthDraw = 1
	valueDraw  = 2 // and the following ones
)

// stream gives the randomness of cell i.
func (b *base) stream(c cells, i int) draw.Stream {
	return draw.Stream(draw.Mix(uint64(c.seeds[i]) ^ b.salt))
}

// absent says which of the cells are NULL; nil if none is.
func (b *base) absent(c cells) []bool {
	if b.nulls == 0 {
		return c.absent
	}
	absent := make([]bool, c.len())
	for i := range absent {
		absent[i] = b.stream(c, i).Draw(nullDraw) < b.nulls || c.absent != nil && c.absent[i]
	}
	return absent
}

// finish gives the array of some buffers (without the validity) and lets go of
// them and of the children.
func (b *base) finish(alloc memory.Allocator, n int, absent []bool, buffers []*memory.Buffer, children []arrow.ArrayData) arrow.Array {
	all := make([]*memory.Buffer, 1, 1+len(buffers))
	nulls := 0
	if absent != nil {
		validity := newBuffer(alloc, int(bitutil.BytesForBits(int64(n))))
		bits := validity.Bytes()
		clear(bits)
		for i, a := range absent {
			if a {
				nulls++
			} else {
				bitutil.SetBit(bits, i)
			}
		}
		all[0] = validity
	}
	all = append(all, buffers...)
	data := array.NewData(b.dt, n, all, children, nulls, 0)
	defer data.Release()
	for _, buffer := range all {
		if buffer != nil {
			buffer.Release()
		}
	}
	for _, c := range children {
		c.Release()
	}
	return array.MakeFromData(data)
}

func newBuffer(alloc memory.Allocator, size int) *memory.Buffer {
	b := memory.NewResizableBuffer(alloc)
	b.Resize(size)
	return b
}

// fixed gives a new buffer of n values of T, and the values.
func fixed[T arrow.FixedWidthType](alloc memory.Allocator, n int) (*memory.Buffer, []T) {
	var zero T
	b := newBuffer(alloc, n*int(unsafe.Sizeof(zero)))
	return b, arrow.GetData[T](b.Bytes())
}

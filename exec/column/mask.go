package column

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Mask gives child with NULL where parent is NULL: the members of a NULL row
// are NULL. Only the validity is new. Both have the same number of rows.
func Mask(child, parent arrow.Array, alloc memory.Allocator) arrow.Array {
	p := Validity(parent)
	if p.All() || AllNull(child) {
		child.Retain()
		return child
	}
	return maskBits(child, p.Word, alloc)
}

// maskBits keeps those rows valid for which word (as Bits.Word) has a bit.
func maskBits(child arrow.Array, word func(i, n int) uint64, alloc memory.Allocator) arrow.Array {
	n, c := child.Len(), Validity(child)
	d := child.Data()
	off := d.Offset()
	buf := NewZeroed(alloc, BitmapBytes(off+n)+8)
	words := As[uint64](buf, buf.Len()/8)
	at, shift := off/64, uint(off%64)
	set := 0
	for i := 0; i < n; i += 64 {
		w := c.Word(i, n) & word(i, n)
		set += onesCount(w)
		words[at+i/64] |= w << shift
		if shift != 0 {
			words[at+i/64+1] |= w >> (64 - shift)
		}
	}
	buffers := append([]*memory.Buffer{buf}, d.Buffers()[1:]...)
	data := array.NewData(d.DataType(), n, buffers, d.Children(), n-set, off)
	buf.Release()
	out := array.MakeFromData(data)
	data.Release()
	return out
}

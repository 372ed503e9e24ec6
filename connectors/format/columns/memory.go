package columns

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"

	"github.com/streamsql/streamsql/internal/header"
)

// Reserve makes room for slots slots, so that a batch of known size allocates once.
func (c *Column) Reserve(slots int) {
	c.wantSlots = max(c.wantSlots, slots)
	if c.kind == storeRow {
		for _, child := range c.children {
			child.Reserve(slots)
		}
	}
}

// seek makes slot i the next one: it allocates, and decides the slots up to i as NULL.
func (c *Column) seek(i int) {
	if i >= c.slots {
		c.growSlots(i + 1)
	}
	if i > c.rows {
		c.fill(i)
	}
}

// fill decides the slots from rows up to i as NULL. Validity and values are
// zero already; offsets must be written.
func (c *Column) fill(i int) {
	switch c.kind {
	case storeBytes, storeList, storeMap:
		last := c.offsets[c.rows]
		gap := c.offsets[c.rows+1 : i+1]
		for k := range gap {
			gap[k] = last
		}
	}
	c.rows = i
}

func (c *Column) growSlots(need int) {
	slots := max(need, 2*c.slots, c.wantSlots, minSlots)
	slots = (slots + 511) &^ 511 // whole cache lines of bitmap
	usedBits := (c.rows + 7) / 8
	c.valid = c.regrow(c.valid, usedBits, slots/8)
	clear(c.valid[usedBits:])
	switch c.kind {
	case storeBits:
		c.fixed = c.regrow(c.fixed, usedBits, slots/8)
		clear(c.fixed[usedBits:])
	case storeFixed:
		c.fixed = c.regrow(c.fixed, c.rows*c.width, slots*c.width)
		clear(c.fixed[c.rows*c.width:])
		c.view()
	case storeBytes, storeList, storeMap:
		old := arrow.Int32Traits.CastToBytes(c.offsets)
		c.offsets = arrow.Int32Traits.CastFromBytes(c.regrow(old, min(len(old), 4*(c.rows+1)), 4*(slots+1)))
		c.offsets[0] = 0
	}
	c.slots = slots
}

// view points the typed slice that the Put method of the column's type uses at fixed.
func (c *Column) view() {
	switch c.dtype.ID() {
	case arrow.INT8:
		c.i8 = arrow.Int8Traits.CastFromBytes(c.fixed)
	case arrow.INT16:
		c.i16 = arrow.Int16Traits.CastFromBytes(c.fixed)
	case arrow.FLOAT32:
		c.f32 = arrow.Float32Traits.CastFromBytes(c.fixed)
	case arrow.FLOAT64:
		c.f64 = arrow.Float64Traits.CastFromBytes(c.fixed)
	case arrow.DECIMAL128:
		c.dec = arrow.Decimal128Traits.CastFromBytes(c.fixed)
	default:
		if c.width == 4 {
			c.i32 = arrow.Int32Traits.CastFromBytes(c.fixed)
		} else {
			c.i64 = arrow.Int64Traits.CastFromBytes(c.fixed)
		}
	}
}

func (c *Column) growData(need int) {
	c.data = c.regrow(c.data, c.used, max(c.used+need, 2*len(c.data), c.wantBytes, 64))
}

// regrow moves the first used bytes of b to a buffer of size bytes and gives b back.
func (c *Column) regrow(b []byte, used, size int) []byte {
	grown := c.mem.Allocate(size)
	copy(grown, b[:used])
	if b != nil {
		c.mem.Free(b)
	}
	return grown
}

// Finish gives the array of the first n slots and empties the column; what
// was written beyond them is dropped. The caller releases the array.
func (c *Column) Finish(n int) arrow.Array {
	headers := header.NewList(c.headers)
	data := c.finish(n, &headers)
	defer data.Release()
	return array.MakeFromData(data)
}

func (c *Column) finish(n int, headers *header.List) *array.Data {
	c.Truncate(n)
	h := headers.Next()
	if c.kind == storeNull {
		c.rows = 0
		h.None()
		return h.Data(c.dtype, n, n, nil)
	}
	if n > c.rows || c.slots == 0 {
		c.seek(max(n, 1))
	}
	nulls := n - bitutil.CountSetBits(c.valid, 0, n)
	if nulls > 0 {
		h.Add(c.valid, bitutil.CeilByte(n)/8, c.mem)
	} else {
		h.None()
		c.mem.Free(c.valid)
	}
	c.wantSlots = max(n, c.wantSlots-c.wantSlots/8)
	var children []arrow.ArrayData
	if len(c.children) > 0 {
		children = make([]arrow.ArrayData, 0, len(c.children))
	}
	switch c.kind {
	case storeBits:
		h.Add(c.fixed, bitutil.CeilByte(n)/8, c.mem)
	case storeFixed:
		h.Add(c.fixed, n*c.width, c.mem)
	case storeBytes:
		c.wantBytes = max(c.used+c.used/8, c.wantBytes-c.wantBytes/8)
		h.Add(arrow.Int32Traits.CastToBytes(c.offsets), 4*(n+1), c.mem)
		h.Add(c.data, c.used, c.mem)
	case storeList:
		h.Add(arrow.Int32Traits.CastToBytes(c.offsets), 4*(n+1), c.mem)
		children = append(children, c.children[0].finish(c.elems, headers))
	case storeMap:
		h.Add(arrow.Int32Traits.CastToBytes(c.offsets), 4*(n+1), c.mem)
		key, value := c.children[0].finish(c.elems, headers), c.children[1].finish(c.elems, headers)
		entry := c.dtype.(*arrow.MapType).Elem()
		entries := headers.Next()
		entries.None()
		children = append(children, entries.Data(entry, c.elems, 0, []arrow.ArrayData{key, value}))
		key.Release()
		value.Release()
	case storeRow:
		for _, child := range c.children {
			children = append(children, child.finish(n, headers))
		}
	}
	out := h.Data(c.dtype, n, nulls, children)
	for _, child := range children {
		child.Release()
	}
	c.forget()
	return out
}

// Release gives the buffers of an unfinished batch back and empties the column.
func (c *Column) Release() {
	for _, child := range c.children {
		child.Release()
	}
	for _, b := range [][]byte{c.valid, c.fixed, arrow.Int32Traits.CastToBytes(c.offsets), c.data} {
		if len(b) > 0 {
			c.mem.Free(b)
		}
	}
	c.forget()
}

// forget drops the buffers, which belong to someone else now.
func (c *Column) forget() {
	c.rows, c.slots, c.elems, c.used = 0, 0, 0, 0
	c.valid, c.fixed, c.offsets, c.data = nil, nil, nil, nil
	c.i8, c.i16, c.i32, c.i64 = nil, nil, nil, nil
	c.f32, c.f64, c.dec = nil, nil, nil
}

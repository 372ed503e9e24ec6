package datagen

import (
	"bytes"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors/datagen/draw"
)

// rowValues are ROWs: each member has a generator.
type rowValues struct {
	base
	members []column
}

func (b *rowValues) fill(alloc memory.Allocator, c cells) arrow.Array {
	absent := b.absent(c)
	inner := cells{seeds: c.seeds, rows: c.rows, absent: absent}
	children := make([]arrow.ArrayData, len(b.members))
	for i, m := range b.members {
		values := m.fill(alloc, inner)
		children[i] = values.Data()
		children[i].Retain()
		values.Release()
	}
	return b.finish(alloc, c.len(), absent, nil, children)
}

func (b *rowValues) bytes() int {
	n := 0
	for _, m := range b.members {
		n += m.bytes()
	}
	return n
}

// arrays are ARRAYs of random elements.
type arrays struct {
	base
	length  lengths
	element column
}

func (b *arrays) fill(alloc memory.Allocator, c cells) arrow.Array {
	absent := b.absent(c)
	offsetBuffer, _, inner := b.elements(alloc, c, absent, b.length)
	values := b.element.fill(alloc, inner)
	values.Data().Retain()
	defer values.Release()
	return b.finish(alloc, c.len(), absent, []*memory.Buffer{offsetBuffer}, []arrow.ArrayData{values.Data()})
}

func (b *arrays) bytes() int { return collectionBytes(b.length, b.element.bytes()) }

// collectionBytes is about how many bytes a collection takes. It stops counting at
// a number that no row may have, so that nested collections don't overflow it.
func collectionBytes(l lengths, element int) int {
	return min(4+l.max*element, 1<<40)
}

// elements gives the offsets and the cells of the elements of collections.
func (b *base) elements(alloc memory.Allocator, c cells, absent []bool, length lengths) (*memory.Buffer, []int32, cells) {
	n := c.len()
	buffer, offsets := fixed[int32](alloc, n+1)
	inner := newCells(n * length.max)
	for i := range n {
		offsets[i] = int32(len(inner.seeds))
		if absent != nil && absent[i] {
			continue
		}
		s := b.stream(c, i)
		for k := range length.of(s) {
			inner.seeds = append(inner.seeds, draw.New(uint64(s), int64(k)))
			inner.rows = append(inner.rows, c.rows[i])
		}
	}
	offsets[n] = int32(len(inner.seeds))
	return buffer, offsets, inner
}

// maps are MAPs of random entries. Where two entries of a map have one key, the
// first stays; so a map can be shorter than its length.
type maps struct {
	base
	length     lengths
	key, value column
}

func (b *maps) fill(alloc memory.Allocator, c cells) arrow.Array {
	absent := b.absent(c)
	offsetBuffer, offsets, inner := b.elements(alloc, c, absent, b.length)
	keys := b.key.fill(alloc, inner)
	if distinct, dropped := b.distinct(keys, offsets, inner); dropped {
		keys.Release()
		inner = distinct
		keys = b.key.fill(alloc, inner)
	}
	values := b.value.fill(alloc, inner)

	entryType := b.dt.(*arrow.MapType).Elem()
	entries := array.NewData(entryType, inner.len(), []*memory.Buffer{nil}, []arrow.ArrayData{keys.Data(), values.Data()}, 0, 0)
	keys.Release()
	values.Release()
	return b.finish(alloc, c.len(), absent, []*memory.Buffer{offsetBuffer}, []arrow.ArrayData{entries})
}

// distinct drops the cells whose key stands earlier in its map and moves the
// offsets; a key depends on its cell alone, so the others keep theirs.
func (b *maps) distinct(keys arrow.Array, offsets []int32, all cells) (left cells, dropped bool) {
	equal := equality(keys)
	left = newCells(all.len())
	from := offsets[0]
	for m := range len(offsets) - 1 {
		to := offsets[m+1]
		offsets[m] = int32(len(left.seeds))
		for i := from; i < to; i++ {
			known := false
			for j := from; j < i && !known; j++ {
				known = equal(int(i), int(j))
			}
			if known {
				dropped = true
				continue
			}
			left.seeds = append(left.seeds, all.seeds[i])
			left.rows = append(left.rows, all.rows[i])
		}
		from = to
	}
	offsets[len(offsets)-1] = int32(len(left.seeds))
	return left, dropped
}

// equality gives a comparison of values of an array without NULLs.
func equality(a arrow.Array) func(i, j int) bool {
	switch a := a.(type) {
	case *array.String:
		return func(i, j int) bool { return a.Value(i) == a.Value(j) }
	case *array.Binary:
		return func(i, j int) bool { return bytes.Equal(a.Value(i), a.Value(j)) }
	case *array.Boolean:
		return func(i, j int) bool { return a.Value(i) == a.Value(j) }
	}
	if t, ok := a.DataType().(arrow.FixedWidthDataType); ok {
		values, width := a.Data().Buffers()[1].Bytes(), t.Bytes()
		return func(i, j int) bool {
			return bytes.Equal(values[i*width:(i+1)*width], values[j*width:(j+1)*width])
		}
	}
	// Nested keys.
	return func(i, j int) bool {
		return array.SliceEqual(a, int64(i), int64(i)+1, a, int64(j), int64(j)+1)
	}
}

func (b *maps) bytes() int { return collectionBytes(b.length, b.key.bytes()+b.value.bytes()) }

package datagen

import (
	"encoding/binary"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors/datagen/draw"
)

// lengths says how long strings and collections are: max, or with variable
// uniform from 1 to max (0 if max is 0).
type lengths struct {
	max      int
	variable bool
}

func (l lengths) of(s draw.Stream) int {
	if !l.variable || l.max == 0 {
		return l.max
	}
	return 1 + int(draw.Below32(uint32(s.Draw(lengthDraw)), uint32(l.max)))
}

// texts are random hexadecimal digits, or bytes for BYTES. quoted makes them JSON
// strings.
type texts struct {
	base
	length lengths
	raw    bool
	quoted bool
}

const hexDigits = "0123456789abcdef"

func (b *texts) fill(alloc memory.Allocator, c cells) arrow.Array {
	n := c.len()
	absent := b.absent(c)
	offsetBuffer, offsets := fixed[int32](alloc, n+1)
	total := 0
	for i := range n {
		offsets[i] = int32(total)
		if absent != nil && absent[i] {
			continue
		}
		total += b.length.of(b.stream(c, i))
		if b.quoted {
			total += 2
		}
	}
	offsets[n] = int32(total)
	data := newBuffer(alloc, total)
	for i := range n {
		if cell := data.Bytes()[offsets[i]:offsets[i+1]]; len(cell) > 0 {
			b.put(cell, b.stream(c, i))
		}
	}
	return b.finish(alloc, n, absent, []*memory.Buffer{offsetBuffer, data}, nil)
}

// put fills a cell.
func (b *texts) put(cell []byte, s draw.Stream) {
	if b.quoted {
		cell[0], cell[len(cell)-1] = '"', '"'
		cell = cell[1 : len(cell)-1]
	}
	for at := uint64(valueDraw); len(cell) > 0; at++ {
		r := s.Draw(at)
		if b.raw {
			var eight [8]byte
			binary.LittleEndian.PutUint64(eight[:], r)
			cell = cell[copy(cell, eight[:]):]
			continue
		}
		n := min(len(cell), 16)
		for i := range n {
			cell[i] = hexDigits[r&15]
			r >>= 4
		}
		cell = cell[n:]
	}
}

func (b *texts) bytes() int { return 6 + b.length.max }

// textSequence counts in decimal text: row n has start + n.
type textSequence struct {
	base
	start int64
}

func (b *textSequence) fill(alloc memory.Allocator, c cells) arrow.Array {
	n := c.len()
	absent := b.absent(c)
	offsetBuffer, offsets := fixed[int32](alloc, n+1)
	text := make([]byte, 0, 8*n)
	for i := range n {
		offsets[i] = int32(len(text))
		if absent == nil || !absent[i] {
			text = strconv.AppendInt(text, b.start+c.rows[i], 10)
		}
	}
	offsets[n] = int32(len(text))
	data := newBuffer(alloc, len(text))
	copy(data.Bytes(), text)
	return b.finish(alloc, n, absent, []*memory.Buffer{offsetBuffer, data}, nil)
}

func (b *textSequence) bytes() int { return 16 }

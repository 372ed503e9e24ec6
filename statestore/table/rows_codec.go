package table

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/streamsql/streamsql/internal/cursor"
)

// A block of rows:
//
//	byte    kind
//	byte    0
//	uint16  width
//	uint32  ids in use when it was frozen (Rows.Cap)
//	uint32  number of rows stored
//	uint32  number of entries
//	rows    width little-endian words each
//	entries uvarint of zigzag(id - id of the entry before) << 1 | deleted; the
//	        first counts from 0; the entries not deleted are the rows, in order
const rowsHeaderWords = 2

// rowsBlock is a block in the making. Header and rows are in place, from the
// front of buf. From its back grow notes of three words, one for each word of
// the dirty bitmap that has rows in the block: its index, its entries as a mask,
// and those of them that are rows. finish turns the notes into entries, in the
// space that is left between.
type rowsBlock struct {
	buf   []uint64
	end   int // words of header and rows
	notes int // number of notes
	space int // words left
	n     int // entries
	rows  int // those that are rows
}

const (
	noteWords     = 3
	blockOverhead = rowsHeaderWords + sumBytes/8
)

// spaceFor is how many words the rows and entries of one bitmap word need at
// most: the first entry may have 5 bytes, the others two.
func spaceFor(rows, entries, width int) int {
	return rows*width + noteWords + (2*entries+3+7)/8
}

// bufferFor is the size of buffer that rows of a width need: a bitmap word's
// rows always fit.
func bufferFor(width int) int {
	return max(blockWords, blockOverhead+spaceFor(64, 64, width))
}

func (b *rowsBlock) note(w int, entries, rows uint64) {
	b.notes++
	at := len(b.buf) - noteWords*b.notes
	note := b.buf[at : at+noteWords]
	note[0], note[1], note[2] = uint64(w), entries, rows
}

// finish completes the block: n is the number of ids in use.
func (b *rowsBlock) finish(width int, n uint32) []byte {
	toLittle(b.buf[rowsHeaderWords:b.end])
	block := wordBytes(b.buf)[:8*b.end]
	block[0], block[1] = byte(kindRows), 0
	binary.LittleEndian.PutUint16(block[2:], uint16(width))
	binary.LittleEndian.PutUint32(block[4:], n)
	binary.LittleEndian.PutUint32(block[8:], uint32(b.rows))
	binary.LittleEndian.PutUint32(block[12:], uint32(b.n))
	prev := 0
	for i := 1; i <= b.notes; i++ {
		at := len(b.buf) - noteWords*i
		w, m, rows := b.buf[at], b.buf[at+1], b.buf[at+2]
		for ; m != 0; m &= m - 1 {
			bit := bits.TrailingZeros64(m)
			id := int(w)<<6 + bit
			d := id - prev
			v := uint64(d<<1^d>>63)<<1 | ^rows>>bit&1
			prev = id
			if v < 0x80 {
				block = append(block, byte(v))
			} else {
				block = binary.AppendUvarint(block, v)
			}
		}
	}
	return block
}

// apply replays a block.
func (r *Rows) apply(b []byte, generation uint64) error {
	if len(b) < 8*rowsHeaderWords {
		return cursor.ErrShort
	}
	if w := int(binary.LittleEndian.Uint16(b[2:])); w != r.width {
		return fmt.Errorf("rows of %d words among rows of %d", w, r.width)
	}
	n := binary.LittleEndian.Uint32(b[4:])
	rows := int(binary.LittleEndian.Uint32(b[8:]))
	entries := int(binary.LittleEndian.Uint32(b[12:]))
	b = b[8*rowsHeaderWords:]
	if rows*8*r.width > len(b) || entries < rows {
		return cursor.ErrShort
	}
	ids := b[rows*8*r.width:]
	b = b[:rows*8*r.width]
	r.grow(n)
	if r.ages.full() {
		r.renumber()
	}
	now := r.ages.current(generation)
	id := 0
	for range entries {
		var v uint64
		if len(ids) > 0 && ids[0] < 0x80 {
			v, ids = uint64(ids[0]), ids[1:]
		} else {
			k := 0
			if v, k = binary.Uvarint(ids); k <= 0 {
				return cursor.ErrShort
			}
			ids = ids[k:]
		}
		id += int(v>>2) ^ -int(v>>1&1)
		if uint(id) >= uint(n) {
			return fmt.Errorf("row %d of %d", id, n)
		}
		bit := uint64(1) << (id & 63)
		if v&1 != 0 {
			if r.live[id>>6]&bit != 0 {
				r.live[id>>6] &^= bit
				r.used--
			}
			continue
		}
		if len(b) < 8*r.width {
			return cursor.ErrShort
		}
		if r.live[id>>6]&bit == 0 {
			r.live[id>>6] |= bit
			r.used++
		}
		page, at := id>>r.shift, id&int(r.mask)
		r.age[page][at] = now
		row := r.pages[page][at*r.width : (at+1)*r.width]
		for j := range row {
			row[j] = binary.LittleEndian.Uint64(b[8*j:])
		}
		b = b[8*r.width:]
	}
	if len(ids) > 0 || len(b) > 0 {
		return cursor.ErrLong
	}
	return nil
}

// loaded rebuilds what is not stored: the list of free ids.
func (r *Rows) loaded(liveFrom uint64) error {
	r.ages.liveFrom = liveFrom
	for w := len(r.live) - 1; w >= 0; w-- {
		dead := ^r.live[w]
		if rest := int(r.n) - w<<6; rest < 64 {
			dead &= 1<<rest - 1
		}
		for dead != 0 {
			i := 63 - bits.LeadingZeros64(dead)
			r.free = append(r.free, uint32(w<<6+i))
			dead &^= 1 << i
		}
	}
	if checked {
		r.last = r.take()
	}
	return nil
}

package table

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/streamsql/streamsql/statestore"
)

// A block of rows:
//
//	byte    kind
//	byte    0
//	uint16  width
//	uint32  ids in use when it was written (Rows.Cap)
//	uint32  number of rows stored
//	uint32  number of entries
//	rows    width little-endian words each
//	entries uvarint of (id - id of the entry before) << 1 | deleted; the first
//	        counts from -1; the entries not deleted are the rows, in order
const rowsHeaderWords = 2

// frozenRows is a part's share of a freeze.
type frozenRows struct {
	blocks []rowsBlock
	sum    partStats
}

// rowsBlock is a block in the making: header and rows are in place, the entries
// are appended by finish.
type rowsBlock struct {
	buf  []uint64
	end  int // words of buf in use
	rows uint32
	idx  []uint32 // words of the dirty bitmap
	mask []uint64 // the rows of the word that are in the block
	live []uint64 // those of them that are not deleted
}

// entryReserve is how many words an entry may need: 5 bytes, rounded up.
const entryReserve = 1

// freeze copies what is dirty, and what the cut wants evacuated.
func (r *Rows) freeze(cut statestore.Cut, pool *bufferPool) frozenPart {
	r.ages.begin(cut)
	if r.ages.full() {
		r.renumber()
	}
	f := &frozenRows{}
	if r.used == 0 {
		// Nothing to keep: all that was written before can go, deletions included.
		clear(r.dirty)
		r.ages.emptied(cut.Epoch)
		f.sum = partStats{liveFrom: r.ages.liveFrom}
		return f
	}
	now := r.ages.current(cut.Generation)
	from, to, old, ends := r.ages.sweep(cut, len(r.dirty))
	wordsPerPage := 1 << (r.shift - 6)
	const overhead = rowsHeaderWords + sumBytes/8
	bufWords := max(blockWords, overhead+64*(r.width+entryReserve)) // room for 64 rows at least
	var b *rowsBlock
	var rows, deleted, evacuated int
	room := 0 // rows and deletions that still fit into b
	for w, d := range r.dirty {
		m := d
		if w >= from && w < to {
			a := r.age[w/wordsPerPage][w%wordsPerPage<<6:]
			m |= olderMask(a, old) & r.live[w]
		}
		if m == 0 {
			continue
		}
		r.dirty[w] = 0
		n := bits.OnesCount64(m)
		if room < n {
			f.blocks = append(f.blocks, rowsBlock{buf: pool.get(bufWords), end: rowsHeaderWords})
			b = &f.blocks[len(f.blocks)-1]
			room = (bufWords - overhead) / (r.width + entryReserve)
		}
		room -= n
		live := m & r.live[w]
		b.idx = append(b.idx, uint32(w))
		b.mask = append(b.mask, m)
		b.live = append(b.live, live)
		k := bits.OnesCount64(live)
		b.rows += uint32(k)
		rows += k
		deleted += n - k
		evacuated += bits.OnesCount64(live &^ d)
		b.end = r.gather(b.buf, b.end, w, live, now)
	}
	if ends {
		r.ages.swept()
	}
	for i := range f.blocks {
		f.blocks[i].header(r)
	}
	size := 8*r.width + 1
	f.sum = partStats{
		liveFrom:  r.ages.liveFrom,
		liveBytes: int64(r.used) * int64(size),
		changed:   rows + deleted - evacuated,
		evacuated: evacuated, evacuatedBytes: int64(evacuated) * int64(size),
	}
	return f
}

// gather copies the rows of one bitmap word behind dst[end], stamps their ages
// and returns the new end.
func (r *Rows) gather(dst []uint64, end, w int, live uint64, now uint8) int {
	first := w << 6
	page := r.pages[first>>r.shift]
	first &= int(r.mask)
	age := r.age[w<<6>>r.shift][first : first+64]
	width := r.width
	for live != 0 {
		i := bits.TrailingZeros64(live)
		age[i] = now
		off := (first + i) * width
		src := page[off : off+width]
		out := dst[end : end+len(src)]
		for j := range src {
			out[j] = src[j]
		}
		end += width
		live &= live - 1
	}
	return end
}

func (r *Rows) renumber() {
	by := r.ages.renumber()
	for _, page := range r.age {
		for i, a := range page {
			page[i] = a - min(a, by)
		}
	}
}

func (b *rowsBlock) header(r *Rows) {
	h := wordBytes(b.buf[:rowsHeaderWords])
	n := 0
	for _, m := range b.mask {
		n += bits.OnesCount64(m)
	}
	h[0], h[1] = byte(kindRows), 0
	binary.LittleEndian.PutUint16(h[2:], uint16(r.width))
	binary.LittleEndian.PutUint32(h[4:], r.n)
	binary.LittleEndian.PutUint32(h[8:], b.rows)
	binary.LittleEndian.PutUint32(h[12:], uint32(n))
}

// finish appends the entries and returns the block.
func (b *rowsBlock) finish() []byte {
	toLittle(b.buf[rowsHeaderWords:b.end])
	block := wordBytes(b.buf)[:8*b.end]
	prev := -1
	for i, w := range b.idx {
		for m := b.mask[i]; m != 0; m &= m - 1 {
			bit := bits.TrailingZeros64(m)
			id := int(w)<<6 + bit
			v := uint64(id-prev) << 1
			if b.live[i]>>bit&1 == 0 {
				v |= 1
			}
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

func (f *frozenRows) stats() partStats { return f.sum }

func (f *frozenRows) write(put func(block []byte)) {
	for i := range f.blocks {
		put(f.blocks[i].finish())
	}
}

func (f *frozenRows) release(pool *bufferPool) {
	var bufs [][]uint64
	for i := range f.blocks {
		bufs = append(bufs, f.blocks[i].buf)
	}
	f.blocks = nil
	pool.put(bufs)
}

// apply replays a block.
func (r *Rows) apply(b []byte, generation uint64) error {
	if len(b) < 8*rowsHeaderWords {
		return errShortBlock
	}
	if w := int(binary.LittleEndian.Uint16(b[2:])); w != r.width {
		return fmt.Errorf("rows of %d words among rows of %d", w, r.width)
	}
	n := binary.LittleEndian.Uint32(b[4:])
	rows := int(binary.LittleEndian.Uint32(b[8:]))
	entries := int(binary.LittleEndian.Uint32(b[12:]))
	b = b[8*rowsHeaderWords:]
	if rows*8*r.width > len(b) || entries < rows {
		return errShortBlock
	}
	ids := b[rows*8*r.width:]
	b = b[:rows*8*r.width]
	r.grow(n)
	if r.ages.full() {
		r.renumber()
	}
	now := r.ages.current(generation)
	id := -1
	for range entries {
		var v uint64
		if len(ids) > 0 && ids[0] < 0x80 {
			v, ids = uint64(ids[0]), ids[1:]
		} else {
			k := 0
			if v, k = binary.Uvarint(ids); k <= 0 {
				return errShortBlock
			}
			ids = ids[k:]
		}
		id += int(v >> 1)
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
			return errShortBlock
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
		return errLongBlock
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
	return nil
}

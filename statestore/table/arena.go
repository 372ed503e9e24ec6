package table

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/streamsql/streamsql/internal/cursor"
	"github.com/streamsql/streamsql/statestore"
)

// Arena holds byte strings that rows refer to by position. Bytes are only ever
// appended, so a freeze has to note how far each chunk has come and copies
// nothing.
//
// Space is given back by chunks: when the strings of one have all been freed, it
// goes. A chunk that is mostly dead is sparse; the owner moves what is left in
// it (Move) as it comes across references to it, for only the owner knows where
// they are.
type Arena struct {
	chunks []chunk
	tail   int   // chunk being appended to; -1: none
	free   []int // chunks without memory, to be used again
	size   int   // bytes in chunks
	live   int   // bytes not freed
	dirty  []int // chunks changed since the last freeze

	ages ages

	mem    *space       // of the chunks; nil: Go's heap
	gone   [][]byte     // memory of chunks that is to be given back at the next freeze
	frozen *frozenArena // the last freeze
}

type chunk struct {
	data   []byte // grows up to its capacity; the bytes below len never change
	live   int    // bytes not freed
	stored int    // bytes that the log has
	age    uint8  // of the oldest bytes
	dirty  bool
	torn   bool // while loading: the first bytes have not come yet
}

const (
	chunkBytes = 1 << 20
	firstChunk = 4 << 10
)

// NewArena makes an empty arena.
func NewArena() *Arena { return &Arena{tail: -1} }

func (a *Arena) in(mem *space) *Arena {
	a.mem = mem
	return a
}

// drop gives all memory back: to what is being written, if that reads it, or else at
// once.
func (a *Arena) drop() {
	for i := range a.chunks {
		a.retire(a.chunks[i].data)
	}
	a.chunks = nil
	if f := a.frozen; f != nil && f.keep(a.gone) {
		a.gone = nil
	}
	a.giveBack()
}

// retire takes the memory of a chunk that has no use for it any more.
func (a *Arena) retire(b []byte) {
	if a.mem != nil && b != nil {
		a.gone = append(a.gone, b)
	}
}

// giveBack gives the memory of chunks back that are gone.
func (a *Arena) giveBack() {
	for _, b := range a.gone {
		a.mem.free(b)
	}
	clear(a.gone)
	a.gone = a.gone[:0]
}

// Size is the number of bytes held, Live that of those not freed.
func (a *Arena) Size() int { return a.size }

func (a *Arena) memory() int { return a.size }

// Live is the number of bytes not freed.
func (a *Arena) Live() int { return a.live }

// Append copies b into the arena and returns its position. No bytes have a
// position as good as any other; they take part in nothing.
func (a *Arena) Append(b []byte) (pos uint64) {
	if len(b) == 0 {
		return 0
	}
	if a.tail < 0 || len(a.chunks[a.tail].data)+len(b) > cap(a.chunks[a.tail].data) {
		a.room(len(b))
	}
	c := &a.chunks[a.tail]
	pos = uint64(a.tail)<<32 | uint64(len(c.data))
	c.data = append(c.data, b...)
	c.live += len(b)
	a.size += len(b)
	a.live += len(b)
	a.touch(a.tail)
	return pos
}

// room sees to a tail with space for n bytes. The first chunk of an arena starts
// small and grows; full chunks never move.
func (a *Arena) room(n int) {
	if a.tail >= 0 {
		c := &a.chunks[a.tail]
		if want := len(c.data) + n; want <= chunkBytes {
			grown := a.mem.bytes(min(chunkBytes, max(2*cap(c.data), want)))
			a.retire(c.data)
			c.data = grown[:copy(grown, c.data)]
			return
		}
		if c.live == 0 {
			a.release(a.tail)
		}
	}
	size := max(n, chunkBytes)
	if len(a.chunks) == 0 {
		size = max(n, firstChunk)
	}
	if k := len(a.free); k > 0 {
		a.tail = a.free[k-1]
		a.free = a.free[:k-1]
	} else {
		a.tail = len(a.chunks)
		a.chunks = append(a.chunks, chunk{})
	}
	c := &a.chunks[a.tail]
	*c = chunk{data: a.mem.bytes(size)[:0], dirty: c.dirty}
}

func (a *Arena) touch(i int) {
	if c := &a.chunks[i]; !c.dirty {
		c.dirty = true
		a.dirty = append(a.dirty, i)
	}
}

// At returns n bytes from a position on. They never change, and remain valid until the
// next freeze even if they are freed.
func (a *Arena) At(pos uint64, n int) []byte {
	if n == 0 {
		return nil
	}
	off := int(uint32(pos))
	return a.chunks[pos>>32].data[off : off+n : off+n]
}

// Free gives n bytes at a position back.
func (a *Arena) Free(pos uint64, n int) {
	if n == 0 {
		return
	}
	i := int(pos >> 32)
	c := &a.chunks[i]
	c.live -= n
	a.live -= n
	if c.live < 0 {
		panic("table: arena bytes freed twice")
	}
	a.touch(i)
	if c.live == 0 && i != a.tail {
		a.release(i)
	}
}

// release lets a chunk's memory go. The log is told at the next freeze.
func (a *Arena) release(i int) {
	c := &a.chunks[i]
	if c.data == nil {
		return
	}
	a.size -= len(c.data)
	a.retire(c.data)
	c.data, c.stored = nil, 0
	a.free = append(a.free, i)
	a.touch(i)
	if i == a.tail {
		a.tail = -1
	}
}

// Sparse reports whether the chunk of a position is mostly dead, so that what is
// live there should move.
func (a *Arena) Sparse(pos uint64) bool {
	i := int(pos >> 32)
	return i != a.tail && i < len(a.chunks) && 2*a.chunks[i].live < len(a.chunks[i].data)
}

// Move appends a copy of n bytes and frees the old ones.
func (a *Arena) Move(pos uint64, n int) uint64 {
	to := a.Append(a.At(pos, n))
	a.Free(pos, n)
	return to
}

// A block of an arena is a sequence of pieces:
//
//	byte    kind
//	uvarint number of pieces
//	each:   uvarint chunk, uvarint offset, uvarint live bytes of the chunk after
//	        this piece, uvarint length, bytes
//
// A piece at offset 0 replaces what the chunk held; a piece of length 0 at
// offset 0 frees it.
type frozenArena struct {
	pieces []piece
	pool   *bufferPool
	sum    partStats

	mem  *space
	mu   sync.Mutex
	over bool     // nothing reads the pieces any more
	kept [][]byte // memory that is to be given back then
}

// keep takes memory that the pieces may stand in, to be given back when they have been
// written; false: they have been.
func (f *frozenArena) keep(memory [][]byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.over {
		f.kept = append(f.kept, memory...)
	}
	return !f.over
}

// written says that nothing reads the pieces any more.
func (f *frozenArena) written() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, b := range f.kept {
		f.mem.free(b)
	}
	f.pieces, f.kept, f.over = nil, nil, true
}

type piece struct {
	chunk, from, live int
	data              []byte
}

func (a *Arena) freeze(cut statestore.Cut, pool *bufferPool) frozenPart {
	a.ages.begin(cut)
	if a.ages.full() {
		by := a.ages.renumber()
		for i := range a.chunks {
			a.chunks[i].age -= min(a.chunks[i].age, by)
		}
	}
	a.giveBack() // the last freeze has been written
	f := &frozenArena{pool: pool, mem: a.mem}
	a.frozen = f
	now := a.ages.current(cut.Generation)
	from, to, old, ends := a.ages.sweep(cut, len(a.chunks))
	for i := from; i < to; i++ {
		if c := &a.chunks[i]; c.age < old && c.data != nil {
			f.sum.evacuated++
			f.sum.evacuatedBytes += int64(c.stored)
			c.stored = 0
			a.touch(i)
		}
	}
	for _, i := range a.dirty {
		c := &a.chunks[i]
		c.dirty = false
		if c.stored == 0 {
			c.age = now
		}
		f.pieces = append(f.pieces, piece{chunk: i, from: c.stored, live: c.live, data: c.data[c.stored:]})
		f.sum.changed++
		c.stored = len(c.data)
	}
	a.dirty = a.dirty[:0]
	if ends {
		a.ages.swept()
	}
	if a.size == 0 {
		f.pieces = nil
		a.ages.emptied(cut.Epoch)
	}
	f.sum.liveFrom, f.sum.liveBytes = a.ages.liveFrom, int64(a.size)
	f.sum.changed -= f.sum.evacuated
	return f
}

func (f *frozenArena) stats() partStats { return f.sum }

func (f *frozenArena) release(*bufferPool) {}

// pieceOverhead is what a piece takes beside its bytes, at most.
const pieceOverhead = 4 * binary.MaxVarintLen32

// write cuts the pieces so that they fill blocks. Large blocks are made in buffers of
// the pool and given back as soon as the store has them.
func (f *frozenArena) write(put putFunc) {
	const most = blockBytes - sumBytes - 1 - binary.MaxVarintLen32
	var cut []piece
	for i := 0; i < len(f.pieces); {
		cut = cut[:0]
		size := 0
		for i < len(f.pieces) && size+pieceOverhead < most {
			p := &f.pieces[i]
			n := min(len(p.data), most-size-pieceOverhead)
			cut = append(cut, piece{chunk: p.chunk, from: p.from, live: p.live, data: p.data[:n]})
			size += n + pieceOverhead
			if n < len(p.data) {
				p.from, p.data = p.from+n, p.data[n:]
				break
			}
			i++
		}
		b, back := f.buffer(size + blockBytes - most)
		b = append(b, byte(kindArena))
		b = binary.AppendUvarint(b, uint64(len(cut)))
		for _, p := range cut {
			b = binary.AppendUvarint(b, uint64(p.chunk))
			b = binary.AppendUvarint(b, uint64(p.from))
			b = binary.AppendUvarint(b, uint64(p.live))
			b = binary.AppendUvarint(b, uint64(len(p.data)))
			b = append(b, p.data...)
		}
		put(b, back)
	}
	f.written()
}

// buffer gives room for a block of n bytes, the checksum included.
func (f *frozenArena) buffer(n int) (b []byte, back func()) {
	if f.pool == nil || n < blockBytes/4 {
		return make([]byte, 0, n), nil
	}
	lent := f.pool.get(blockWords)
	return wordBytes(lent)[:0], func() { f.pool.put([][]uint64{lent}) }
}

// apply replays a block.
func (a *Arena) apply(b []byte, generation uint64) error {
	if a.ages.full() {
		by := a.ages.renumber()
		for i := range a.chunks {
			a.chunks[i].age -= min(a.chunks[i].age, by)
		}
	}
	now := a.ages.current(generation)
	d := cursor.Reader{Rest: b[1:]}
	for range d.Uvarint() {
		i, from := int(d.Uvarint()), int(d.Uvarint())
		live, data := int(d.Uvarint()), d.Bytes(d.Uvarint())
		if d.Err != nil {
			break
		}
		for len(a.chunks) <= i {
			a.chunks = append(a.chunks, chunk{})
		}
		c := &a.chunks[i]
		if from == 0 {
			a.mem.free(c.data)
			*c = chunk{age: now}
		}
		if from != len(c.data) || c.torn {
			// Its beginning was in an epoch that is gone, so the whole chunk was
			// written again later.
			a.mem.free(c.data)
			*c = chunk{torn: true}
			continue
		}
		if want := len(c.data) + len(data); want > cap(c.data) {
			grown := a.mem.bytes(max(want, min(chunkBytes, 2*want)))
			n := copy(grown, c.data)
			a.mem.free(c.data)
			c.data = grown[:n]
		}
		c.data = append(c.data, data...)
		c.live, c.stored = live, len(c.data)
	}
	return d.End()
}

func (a *Arena) loaded(liveFrom uint64) error {
	a.ages.liveFrom = liveFrom
	for i := range a.chunks {
		c := &a.chunks[i]
		if c.torn {
			return fmt.Errorf("the beginning of chunk %d is missing", i)
		}
		if c.data == nil {
			a.free = append(a.free, i)
			continue
		}
		a.size += len(c.data)
		a.live += c.live
		if len(c.data) < chunkBytes && (a.tail < 0 || len(c.data) < len(a.chunks[a.tail].data)) {
			a.tail = i
		}
	}
	return nil
}

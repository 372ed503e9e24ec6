package table

import (
	"fmt"
	"iter"
	"math/bits"
	"sync"
	"unsafe"
)

// kind of a part; the first byte of each of its blocks.
type kind uint8

const (
	kindRows kind = 1 + iota
	kindArena
	kindBlobs
)

// String is used in messages.
func (k kind) String() string {
	switch k {
	case kindRows:
		return "rows"
	case kindArena:
		return "arena"
	case kindBlobs:
		return "blobs"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

const (
	// blockWords is the size of the buffers that blocks are made in: 512 KiB.
	blockWords = 64 << 10
	// blockBytes is when a block of bytes is full.
	blockBytes = 512 << 10
	// sumBytes is left free behind a block, for the store's checksum.
	sumBytes = 8
)

// bufferPool keeps block buffers from one commit to the next: memory fresh from
// the kernel would cost a freeze more than the copying does.
type bufferPool struct {
	mu   sync.Mutex
	free [][]uint64
	lent int
	high int // most lent at once since the last trim
	mem  *space
}

func (p *bufferPool) get(words int) []uint64 {
	if words != blockWords {
		return p.mem.words(words)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lent++
	p.high = max(p.high, p.lent)
	if n := len(p.free); n > 0 {
		b := p.free[n-1]
		p.free = p.free[:n-1]
		return b
	}
	return p.mem.words(blockWords)
}

// put takes buffers back, and lets go of those that recent commits had no use
// for.
func (p *bufferPool) put(buffers [][]uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range buffers {
		if len(b) == blockWords {
			p.free = append(p.free, b)
			p.lent--
		} else {
			p.mem.freeWords(b)
		}
	}
	if p.lent == 0 {
		keep := min(len(p.free), p.high)
		for i := range p.free[keep:] {
			p.mem.freeWords(p.free[keep+i])
			p.free[keep+i] = nil
		}
		p.free = p.free[:keep]
		p.high -= p.high / 8
	}
}

// wordBytes views words as bytes, in the machine's order.
func wordBytes(w []uint64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w))), len(w)*8)
}

// littleEndian reports the machine's byte order; blocks are little-endian.
func littleEndian() bool {
	x := uint16(1)
	return *(*byte)(unsafe.Pointer(&x)) == 1
}

// toLittle makes native words little-endian, in place.
func toLittle(w []uint64) {
	if littleEndian() {
		return
	}
	for i, x := range w {
		w[i] = bits.ReverseBytes64(x)
	}
}

// bitsOf yields the positions of the set bits, ascending.
func bitsOf(m uint64) iter.Seq[int] {
	return func(yield func(int) bool) {
		for ; m != 0; m &= m - 1 {
			if !yield(bits.TrailingZeros64(m)) {
				return
			}
		}
	}
}

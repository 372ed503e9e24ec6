package column

import (
	"math/bits"
	"sync"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Recycler is a memory.Allocator that gives freed memory out again, so that a
// pipeline which releases its batches allocates nothing once it is warm. Memory
// comes in sizes of powers of two and is not cleared. It may be used by several
// goroutines.
type Recycler struct {
	mu     sync.Mutex
	free   [maxClass + 1][][]byte
	held   int // bytes in free
	budget int
}

var _ memory.Allocator = (*Recycler)(nil)

const (
	minClass = 6  // 64 bytes
	maxClass = 26 // 64 MiB; larger blocks are not kept
)

// NewRecycler gives a recycler that keeps at most budget bytes of free memory.
func NewRecycler(budget int) *Recycler { return &Recycler{budget: budget} }

func class(size int) int { return max(minClass, bits.Len(uint(size-1))) }

// Allocate implements memory.Allocator.
func (r *Recycler) Allocate(size int) []byte {
	if size <= 0 {
		return nil
	}
	c := class(size)
	if c > maxClass {
		return newAligned(size)
	}
	r.mu.Lock()
	if l := len(r.free[c]); l > 0 {
		b := r.free[c][l-1]
		r.free[c] = r.free[c][:l-1]
		r.held -= 1 << c
		r.mu.Unlock()
		return b[:size]
	}
	r.mu.Unlock()
	return newAligned(1 << c)[:size]
}

// newAligned gives size bytes that start on a word: Go aligns blocks without
// pointers of 8 bytes and more by 8 at least.
func newAligned(size int) []byte {
	words := make([]uint64, (size+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), size)
}

// Reallocate implements memory.Allocator.
func (r *Recycler) Reallocate(size int, b []byte) []byte {
	if size <= cap(b) {
		return b[:size]
	}
	n := r.Allocate(size)
	copy(n, b)
	r.Free(b)
	return n
}

// Free implements memory.Allocator.
func (r *Recycler) Free(b []byte) {
	c := cap(b)
	if c < 1<<minClass || c&(c-1) != 0 || c > 1<<maxClass {
		return // not one of ours, or too large to keep
	}
	k := bits.TrailingZeros(uint(c))
	r.mu.Lock()
	if r.held+c <= r.budget {
		r.free[k] = append(r.free[k], b[:c])
		r.held += c
	}
	r.mu.Unlock()
}

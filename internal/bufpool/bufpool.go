// Package bufpool keeps the memory of dead Arrow buffers for the next ones.
package bufpool

import (
	"math/bits"
	"sync"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Pool is a memory.Allocator that keeps freed buffers for the next batch. A
// pipeline allocates the same few sizes again and again; without a pool each
// batch costs fresh zeroed pages and work for the garbage collector.
//
// Sizes are rounded up to quarter steps between powers of two, all multiples of
// 64 bytes, for which Go's allocator gives the alignment that Arrow asks. Memory
// that is never freed is collected as any other. Contents are undefined after
// Allocate.
//
// A Pool is safe for concurrent use: arrays are released on other goroutines
// than the one that made them.
type Pool struct {
	limit int

	mu   sync.Mutex
	kept int
	free [classes][][]byte
}

// Buffers of 2^minExp to 2^maxExp bytes are kept.
const (
	minExp  = 8  // 256 B
	maxExp  = 26 // 64 MiB
	classes = (maxExp-minExp)*4 + 1
)

var _ memory.Allocator = (*Pool)(nil)

// New makes a pool that keeps at most limit bytes of freed buffers.
func New(limit int) *Pool { return &Pool{limit: limit} }

// Allocate gives a buffer of size bytes, not zeroed.
func (p *Pool) Allocate(size int) []byte {
	class := classOf(size)
	if class >= classes {
		return make([]byte, size)
	}
	p.mu.Lock()
	stack := p.free[class]
	if n := len(stack); n > 0 {
		b := stack[n-1]
		stack[n-1] = nil
		p.free[class] = stack[:n-1]
		p.kept -= classSize(class)
		p.mu.Unlock()
		return b[:size]
	}
	p.mu.Unlock()
	return make([]byte, size, classSize(class))
}

// Reallocate gives a buffer of size bytes that begins with the contents of b.
func (p *Pool) Reallocate(size int, b []byte) []byte {
	if size <= cap(b) {
		return b[:size]
	}
	grown := p.Allocate(size)
	copy(grown, b)
	p.Free(b)
	return grown
}

// Free takes b back, which nobody may touch any more.
func (p *Pool) Free(b []byte) {
	class := classOf(cap(b))
	if class >= classes || cap(b) != classSize(class) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept+cap(b) > p.limit {
		return
	}
	p.kept += cap(b)
	p.free[class] = append(p.free[class], b[:cap(b)])
}

// classOf gives the number of the smallest class that holds size bytes;
// classes or more if there is none.
func classOf(size int) int {
	if size <= 1<<minExp {
		return 0
	}
	exp := bits.Len(uint(size-1)) - 1 // 2^exp < size <= 2^(exp+1)
	quarter := (size - 1 - 1<<exp) >> (exp - 2)
	return (exp-minExp)*4 + quarter + 1
}

// classSize gives the bytes of a buffer of the class.
func classSize(class int) int {
	if class == 0 {
		return 1 << minExp
	}
	exp, quarter := minExp+(class-1)/4, (class-1)%4
	return 1<<exp + (quarter+1)<<(exp-2)
}

package kafka

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// buffer is the memory of one fetch response. It goes back to its pool when all
// pieces and chunks cut from it have let go.
type buffer struct {
	data []byte // the whole allocation
	refs atomic.Int32
	pool *bufferPool
}

func (b *buffer) retain() { b.refs.Add(1) }

func (b *buffer) release() {
	if b.refs.Add(-1) == 0 && b.pool != nil {
		b.pool.put(b.data)
	}
}

// bufferPool keeps the memory of responses by its size, a power of two.
type bufferPool struct {
	mu   sync.Mutex
	free [31][][]byte
	kept int
}

// maxKept bounds what the pool holds.
const maxKept = 64 << 20

// get gives room for n bytes.
func (p *bufferPool) get(n int) []byte {
	class := bits.Len(uint(max(n, 4096) - 1))
	p.mu.Lock()
	defer p.mu.Unlock()
	if class < len(p.free) {
		if list := p.free[class]; len(list) > 0 {
			b := list[len(list)-1]
			p.free[class] = list[:len(list)-1]
			p.kept -= len(b)
			return b
		}
	}
	return make([]byte, 1<<class)
}

func (p *bufferPool) put(b []byte) {
	b = b[:cap(b)]
	class := bits.Len(uint(len(b) - 1))
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(b) != 1<<class || class >= len(p.free) || p.kept+len(b) > maxKept {
		return
	}
	p.free[class] = append(p.free[class], b)
	p.kept += len(b)
}

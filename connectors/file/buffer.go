package file

import (
	"sync"
	"sync/atomic"
)

// buffer holds text that chunks were cut from. It goes back to its pool when the
// reader and all chunks have let go of it.
type buffer struct {
	data []byte // the whole allocation
	refs atomic.Int32
	pool *bufferPool
}

func (b *buffer) retain() { b.refs.Add(1) }

func (b *buffer) release() {
	if b.refs.Add(-1) == 0 {
		b.pool.put(b)
	}
}

// bufferPool keeps a few buffers of the usual size.
type bufferPool struct {
	mu   sync.Mutex
	free []*buffer
}

const (
	minBuffer  = 256 << 10
	maxPooled  = 8 << 20 // larger buffers, for very long records, are not kept
	maxFree    = 16
	pieceBytes = 256 << 10 // what is read at a time
	bufferSlop = 64 << 10  // room for the rest of a record behind a full chunk
)

// get gives a buffer of at least size bytes with one reference.
func (p *bufferPool) get(size int) *buffer {
	p.mu.Lock()
	for i := len(p.free) - 1; i >= 0; i-- {
		if b := p.free[i]; len(b.data) >= size {
			p.free = append(p.free[:i], p.free[i+1:]...)
			p.mu.Unlock()
			b.refs.Store(1)
			return b
		}
	}
	p.mu.Unlock()
	b := &buffer{data: make([]byte, size), pool: p}
	b.refs.Store(1)
	return b
}

func (p *bufferPool) put(b *buffer) {
	if len(b.data) > maxPooled {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < maxFree {
		p.free = append(p.free, b)
	}
}

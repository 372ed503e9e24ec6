package table

import (
	"runtime"
	"sync"
	"unsafe"
)

// space is where one Table keeps its larger memory: outside Go's heap, since state
// is without pointers and lives long. What stands in Go's heap would let as much
// garbage pile up beside it before the collector runs, and what a dropped bucket
// leaves behind would have to wait for the collector and be zeroed before it serves
// again.
//
// Memory is given back when its part is dropped, or else by a cleanup once nothing
// refers to the space. Every part, and all that is under way to the store, refers to
// it. Nil is a space too: Go's heap, for parts that stand in no Table.
type space struct {
	blocks *blockSet
}

// blockSet has the blocks that a space holds, by address. It is not reachable from
// them, and must not reach the space.
type blockSet struct {
	mu   sync.Mutex
	held map[unsafe.Pointer]grant
	once sync.Once
}

type grant struct {
	size int
	from *blocks
}

func newSpace() *space { return &space{blocks: &blockSet{held: map[unsafe.Pointer]grant{}}} }

// bytes gives n bytes of any contents, which are filled one after the other.
func (s *space) bytes(n int) []byte { return s.take(n, sequential) }

// words gives n words of any contents.
func (s *space) words(n int) []uint64 {
	if n*8 < minHuge {
		return s.takeWords(n, sequential)
	}
	return s.takeWords(n, random)
}

// takeWords is take of words.
func (s *space) takeWords(n int, from *blocks) []uint64 {
	if s == nil || 8*n < minBlock {
		return make([]uint64, n)
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(s.take(8*n, from)))), n)
}

func (s *space) take(n int, from *blocks) []byte {
	if s == nil || n < minBlock {
		return make([]byte, n)
	}
	p := from.get(n)
	if p == nil {
		return make([]byte, n)
	}
	b := s.blocks
	b.once.Do(func() { runtime.AddCleanup(s, (*blockSet).freeAll, b) })
	b.mu.Lock()
	b.held[p] = grant{n, from}
	b.mu.Unlock()
	return unsafe.Slice((*byte)(p), n)
}

// free takes memory back that bytes gave.
func (s *space) free(b []byte) {
	if s != nil && cap(b) >= minBlock {
		s.blocks.free(unsafe.Pointer(unsafe.SliceData(b)))
	}
}

// freeWords takes memory back that words gave.
func (s *space) freeWords(w []uint64) {
	if s != nil && 8*cap(w) >= minBlock {
		s.blocks.free(unsafe.Pointer(unsafe.SliceData(w)))
	}
}

func (b *blockSet) free(p unsafe.Pointer) {
	b.mu.Lock()
	held, ok := b.held[p]
	delete(b.held, p)
	b.mu.Unlock()
	if ok { // else it is of Go's heap
		held.from.put(p, held.size)
	}
}

func (b *blockSet) freeAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for p, held := range b.held {
		held.from.put(p, held.size)
	}
	clear(b.held)
	sequential.cleaned()
	random.cleaned()
}

// The memory of all spaces of the process. What is met at random stands on huge pages:
// a TLB miss costs as much as a row. What is filled front to back does not: clearing
// 4 KiB leaves them in cache for what comes, clearing 2 MiB does not, and a virtual
// machine may have to fetch those from its host first.
var (
	sequential = newBlocks(false)
	random     = newBlocks(true)
)

func newBlocks(huge bool) *blocks {
	return &blocks{huge: huge, warm: map[int][]unsafe.Pointer{}, cold: map[int][]unsafe.Pointer{}, collect: firstCollect}
}

// blocks hands out memory in multiples of blockUnit that the kernel gave. A block
// keeps its size for ever: tables ask for the same few again and again.
type blocks struct {
	huge bool // pages

	mu   sync.Mutex
	warm map[int][]unsafe.Pointer // free blocks by size, in memory
	cold map[int][]unsafe.Pointer // and those whose pages the kernel has again
	slab []byte                   // rest of the last one
	used int                      // bytes handed out
	idle int                      // bytes of warm
	// collect is at how many used bytes the collector is to look for spaces that
	// nothing refers to: it does not see what they hold.
	collect int
}

const (
	slabBytes    = 8 << 20
	minHuge      = 4 << 20 // smaller pages of rows are for the caches
	firstCollect = 512 << 20
	// Free blocks stay in memory up to this many bytes, or this part of what is used.
	idleBytes, idlePart = 32 << 20, 16
)

// get gives a block of at least n bytes; nil: the kernel has none.
func (m *blocks) get(n int) unsafe.Pointer {
	n = blockSize(n)
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.take(n)
	if p == nil {
		return nil
	}
	if m.used += n; m.used > m.collect {
		m.collect = 2 * m.used
		go runtime.GC()
	}
	return p
}

func (m *blocks) take(n int) unsafe.Pointer {
	if p := pop(m.warm, n); p != nil {
		m.idle -= n
		return p
	}
	if n > slabBytes/4 || guarded {
		if p := pop(m.cold, n); p != nil {
			return p
		}
		return unsafe.Pointer(unsafe.SliceData(mapMemory(n, m.huge)))
	}
	if len(m.slab) < n && !m.cutUp(n) {
		if p := pop(m.cold, n); p != nil {
			return p
		}
		m.endSlab()
		if m.slab = mapMemory(slabBytes, m.huge); m.slab == nil {
			return nil
		}
	}
	p := unsafe.Pointer(unsafe.SliceData(m.slab))
	m.slab = m.slab[n:]
	return p
}

// cutUp makes the largest free block in memory the slab, if it is of at least n bytes:
// what growing tables leave behind serves others.
func (m *blocks) cutUp(n int) bool {
	most := 0
	for size, list := range m.warm {
		if len(list) > 0 {
			most = max(most, size)
		}
	}
	if most < n {
		return false
	}
	m.endSlab()
	m.slab = unsafe.Slice((*byte)(pop(m.warm, most)), most)
	m.idle -= most
	return true
}

// endSlab makes what is left of the slab a free block.
func (m *blocks) endSlab() {
	if rest := len(m.slab); rest > 0 {
		m.cold[rest] = append(m.cold[rest], unsafe.Pointer(unsafe.SliceData(m.slab)))
	}
}

func pop(free map[int][]unsafe.Pointer, n int) unsafe.Pointer {
	list := free[n]
	if len(list) == 0 {
		return nil
	}
	p := list[len(list)-1]
	free[n] = list[:len(list)-1]
	return p
}

// put takes a block back.
func (m *blocks) put(p unsafe.Pointer, n int) {
	n = blockSize(n)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used -= n
	if guarded {
		guard(p, n)
		return
	}
	if m.idle+n > max(idleBytes, m.used/idlePart) {
		releasePages(p, n)
		m.cold[n] = append(m.cold[n], p)
		return
	}
	m.idle += n
	m.warm[n] = append(m.warm[n], p)
}

// cleaned says that a space was found that nothing refers to.
func (m *blocks) cleaned() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.collect = max(firstCollect, 2*m.used)
}

func blockSize(n int) int { return (n + blockUnit - 1) &^ (blockUnit - 1) }

package hash

import "github.com/streamsql/streamsql/statestore/table"

// maxSegment is the number of slots of a full-grown segment: 256 KiB. Splitting
// one takes about a tenth of a millisecond, which is the longest that growth
// ever holds up a batch.
const (
	maxSegmentBits = 15
	maxSegment     = 1 << maxSegmentBits
	minSegment     = 1 << 4
	// maxDepth uses up the 32 bits. Only keys made to collide get there; their
	// segment grows in one piece.
	maxDepth = 32 - maxSegmentBits
)

// index maps 32 bits of a key's hash to row ids: extendible hashing (Fagin et
// al. 1979) whose buckets are open-addressing segments with linear probing.
//
// A slot is hash<<32 | id+1; 0 is free. The lower 15 bits of the hash are the
// home slot, the bits above choose the segment, and all 32 of them are the salt
// that decides, nearly always rightly, whether a row is worth a look. Since a
// slot knows its hash, growth never touches rows.
type index struct {
	// dir has 1<<depth entries; entries that agree in a segment's depth lowest
	// bits share it. A single segment may be smaller than maxSegment.
	dir   [][]uint64
	owner []uint32 // dir position -> position in segs
	segs  []segment
	depth uint
	n     int

	scratch []uint64    // a segment being split
	rows    *table.Rows // lends the slots
}

type segment struct {
	slots []uint64
	used  int
	depth uint   // how many directory bits all its entries share
	first uint32 // and those bits
}

func segmentLimit(slots int) int { return slots - slots/4 }

func (x *index) init(slots int) {
	for i := range x.segs {
		x.rows.Return(x.segs[i].slots)
	}
	s := x.rows.Lend(slots)
	x.dir = [][]uint64{s}
	x.owner = []uint32{0}
	x.segs = []segment{{slots: s}}
	x.depth, x.n = 0, 0
}

// reset empties the index. It keeps a single segment's memory.
func (x *index) reset() {
	if len(x.segs) == 1 {
		clear(x.segs[0].slots)
		x.segs[0].used = 0
		x.n = 0
		return
	}
	x.init(minSegment)
}

func (x *index) dirMask() uint32 { return uint32(len(x.dir) - 1) }

// insert adds an id under a hash that is not there yet or stands for another
// key. It may move slots.
func (x *index) insert(h uint32, id uint32) {
	d := h >> maxSegmentBits & x.dirMask()
	s := &x.segs[x.owner[d]]
	for s.used >= segmentLimit(len(s.slots)) {
		x.grow(x.owner[d])
		d = h >> maxSegmentBits & x.dirMask()
		s = &x.segs[x.owner[d]]
	}
	place(s.slots, uint64(h)<<32|uint64(id+1))
	s.used++
	x.n++
}

func place(slots []uint64, e uint64) {
	mask := uint32(len(slots) - 1)
	i := uint32(e>>32) & mask
	for slots[i] != 0 {
		i = (i + 1) & mask
	}
	slots[i] = e
}

// grow doubles a small lone segment or splits a full-grown one in two.
func (x *index) grow(i uint32) {
	s := &x.segs[i]
	if len(s.slots) < maxSegment || s.depth == maxDepth {
		slots := x.rows.Lend(2 * len(s.slots))
		for _, e := range s.slots {
			if e != 0 {
				place(slots, e)
			}
		}
		x.rows.Return(s.slots)
		s.slots = slots
		for d := uint32(0); d < uint32(len(x.dir)); d++ {
			if x.owner[d] == i {
				x.dir[d] = slots
			}
		}
		return
	}
	if s.depth == x.depth {
		x.dir = append(x.dir, x.dir...)
		x.owner = append(x.owner, x.owner...)
		x.depth++
	}
	x.scratch = append(x.scratch[:0], s.slots...)
	old := x.scratch
	bit := uint32(1) << s.depth
	s.depth++
	twin := segment{slots: x.rows.Lend(maxSegment), depth: s.depth, first: s.first | bit}
	clear(s.slots)
	s.used = 0
	for _, e := range old {
		if e == 0 {
			continue
		}
		if uint32(e>>32)>>maxSegmentBits&bit == 0 {
			place(s.slots, e)
			s.used++
		} else {
			place(twin.slots, e)
			twin.used++
		}
	}
	ti := uint32(len(x.segs))
	for d := s.first; d < uint32(len(x.dir)); d += bit {
		if d&bit == 0 {
			x.dir[d] = s.slots
		} else {
			x.dir[d] = twin.slots
			x.owner[d] = ti
		}
	}
	x.segs = append(x.segs, twin)
}

// remove takes out the slot of id, closing the gap so that no tombstone is left
// (Knuth, TAOCP 3, 6.4 algorithm R).
func (x *index) remove(h uint32, id uint32) bool {
	s := &x.segs[x.owner[h>>maxSegmentBits&x.dirMask()]]
	mask := uint32(len(s.slots) - 1)
	want := uint64(h)<<32 | uint64(id+1)
	i := h & mask
	for s.slots[i] != want {
		if s.slots[i] == 0 {
			return false
		}
		i = (i + 1) & mask
	}
	for j := i; ; {
		j = (j + 1) & mask
		e := s.slots[j]
		if e == 0 {
			break
		}
		home := uint32(e>>32) & mask
		if (j-home)&mask >= (j-i)&mask {
			s.slots[i] = e
			i = j
		}
	}
	s.slots[i] = 0
	s.used--
	x.n--
	return true
}

// bytes is the memory of the index.
func (x *index) bytes() int {
	n := len(x.dir)*24 + len(x.owner)*4 + len(x.scratch)*8
	for i := range x.segs {
		n += len(x.segs[i].slots) * 8
	}
	return n
}

package table

import "unsafe"

// Rows is a paged array of rows of fixed width, in 64-bit words. It holds no
// pointers into itself, and full pages never move.
//
// Mark a row, or call Edit, BEFORE changing it: what is not marked is not
// stored, and a row that changes unmarked while the last freeze is still being
// copied may get into the wrong epoch.
type Rows struct {
	width int
	shift uint
	mask  uint32
	pages [][]uint64
	age   [][]uint8 // per page, per row
	n     uint32    // ids handed out, free ones included
	free  []uint32
	live  []uint64 // bit per row
	dirty []uint64 // bit per row
	used  int      // live rows

	ages    ages
	capture *capture  // the freeze in progress; nil if none
	last    *snapshot // of the last freeze; nil: none, or nobody checks
	clean   []uint64  // the bitmap that takes dirty's place at the next freeze
	atOnce  int       // captureAtOnce, or less in tests

	mem  *space     // of the pages; nil: Go's heap
	lent [][]uint64 // see Lend
}

const (
	pageBytes = 8 << 20
	firstPage = 64 // rows; a multiple of 64
)

// NewRows makes an empty array of rows of width words.
func NewRows(width int) *Rows {
	shift := uint(6)
	for width*8<<(shift+1) <= pageBytes {
		shift++
	}
	return &Rows{width: width, shift: shift, mask: 1<<shift - 1, atOnce: captureAtOnce}
}

func (r *Rows) in(mem *space) *Rows {
	r.mem = mem
	return r
}

// Lend gives n words of zeros beside the rows, for an index over them. They are the
// borrower's until it returns them, or the rows are dropped.
func (r *Rows) Lend(n int) []uint64 {
	w := r.mem.takeWords(n, random)
	if r.mem != nil && 8*n >= minBlock {
		clear(w) // of another part before
		r.lent = append(r.lent, w)
	}
	return w
}

// Return takes words back that Lend gave.
func (r *Rows) Return(words []uint64) {
	for i, w := range r.lent {
		if unsafe.SliceData(w) == unsafe.SliceData(words) {
			r.mem.freeWords(w)
			last := len(r.lent) - 1
			r.lent[i] = r.lent[last]
			r.lent = r.lent[:last]
			return
		}
	}
}

// drop gives all memory back.
func (r *Rows) drop() {
	r.settleAll()
	for _, list := range [][][]uint64{r.pages, r.lent} {
		for _, w := range list {
			r.mem.freeWords(w)
		}
	}
	r.pages, r.lent = nil, nil
}

// Width is the number of words in a row.
func (r *Rows) Width() int { return r.width }

// Len is the number of rows.
func (r *Rows) Len() int { return r.used }

// Cap is one more than the greatest id ever in use.
func (r *Rows) Cap() uint32 { return r.n }

// Bytes is the memory taken.
func (r *Rows) Bytes() int {
	n := 8*(len(r.live)+len(r.dirty)+len(r.clean)) + 4*cap(r.free)
	for i := range r.pages {
		n += 8*len(r.pages[i]) + len(r.age[i])
	}
	return n
}

func (r *Rows) memory() int { return r.Bytes() }

// At is the row with the id, to be read. It holds until the next Alloc.
func (r *Rows) At(id uint32) []uint64 {
	off := int(id&r.mask) * r.width
	return r.pages[id>>r.shift][off : off+r.width : off+r.width]
}

// Pages are the words of all rows, for loops that index them on their own: row
// id starts at word (id & (1<<shift - 1)) * Width() of page id>>shift. They hold
// until the next Alloc.
func (r *Rows) Pages() (pages [][]uint64, shift uint) { return r.pages, r.shift }

// Mark says that the row is about to change.
func (r *Rows) Mark(id uint32) {
	if r.capture != nil {
		r.settle(id)
	}
	r.dirty[id>>6] |= 1 << (id & 63)
}

// Edit marks the row and returns it, to be changed. It holds until the next
// Alloc, and must not be changed after the next freeze.
func (r *Rows) Edit(id uint32) []uint64 {
	r.Mark(id)
	return r.At(id)
}

// MarkAll says that the rows are about to change.
func (r *Rows) MarkAll(ids []uint32) {
	for i := 0; r.capture != nil && i < len(ids); i++ {
		r.settle(ids[i])
	}
	d := r.dirty
	for _, id := range ids {
		d[id>>6] |= 1 << (id & 63)
	}
}

// Live reports whether the id is in use.
func (r *Rows) Live(id uint32) bool { return id < r.n && r.live[id>>6]>>(id&63)&1 != 0 }

// Alloc gives a row of zeros, marked.
func (r *Rows) Alloc() uint32 {
	var id uint32
	if k := len(r.free); k > 0 {
		id = r.free[k-1]
		r.free = r.free[:k-1]
	} else {
		id = r.n
		r.grow(id + 1)
	}
	if r.capture != nil {
		r.settle(id)
	}
	clear(r.At(id)) // after settle: a freed row may still be the last freeze's
	bit := uint64(1) << (id & 63)
	r.live[id>>6] |= bit
	r.dirty[id>>6] |= bit
	r.used++
	return id
}

// Append makes a row of each Width() words, marked, and gives the first one's id;
// the others follow it, behind all that were ever in use.
func (r *Rows) Append(words []uint64) uint32 {
	first := r.n
	n := uint32(len(words) / r.width)
	if r.capture != nil && first > 0 {
		r.settle(first - 1) // the new ones may stand in the same unit
	}
	r.grow(first + n)
	for id := first; id < first+n; {
		at := int(id&r.mask) * r.width
		k := copy(r.pages[id>>r.shift][at:], words)
		words = words[k:]
		id += uint32(k / r.width)
	}
	for id := first; id < first+n; {
		from := id & 63
		k := min(64-from, first+n-id)
		m := (^uint64(0) >> (64 - k)) << from
		r.live[id>>6] |= m
		r.dirty[id>>6] |= m
		id += k
	}
	r.used += int(n)
	return first
}

// Reserve makes room for the first n rows at once, as far as they are in the first
// page.
func (r *Rows) Reserve(n int) {
	if len(r.pages) > 0 || n == 0 {
		return
	}
	rows := firstPage
	for rows < n && rows < 1<<r.shift {
		rows *= 2
	}
	r.pages = append(r.pages, r.mem.words(rows*r.width))
	r.age = append(r.age, make([]uint8, rows))
}

// grow makes room for ids below n.
func (r *Rows) grow(n uint32) {
	if n <= r.n {
		return
	}
	r.n = n
	for len(r.live) < int(n+63)>>6 {
		r.live = append(r.live, 0)
		r.dirty = append(r.dirty, 0)
	}
	full := 1 << r.shift
	last := int(n-1) >> r.shift
	for p := max(0, len(r.pages)-1); p <= last; p++ {
		rows := full
		if p == 0 && last == 0 {
			rows = min(full, firstPage)
			for rows < int(n) {
				rows *= 2
			}
		}
		switch {
		case p == len(r.pages):
			r.pages = append(r.pages, r.mem.words(rows*r.width))
			r.age = append(r.age, make([]uint8, rows))
		case rows > len(r.age[p]):
			r.settleAll()
			page, age := r.mem.words(rows*r.width), make([]uint8, rows)
			copy(page, r.pages[p])
			copy(age, r.age[p])
			r.mem.freeWords(r.pages[p])
			r.pages[p], r.age[p] = page, age
		}
	}
}

// Free gives the row back. Its id may be handed out again.
func (r *Rows) Free(id uint32) {
	bit := uint64(1) << (id & 63)
	if r.live[id>>6]&bit == 0 {
		panic("table: row freed twice")
	}
	if r.capture != nil {
		r.settle(id)
	}
	r.live[id>>6] &^= bit
	r.dirty[id>>6] |= bit
	r.free = append(r.free, id)
	r.used--
}

// keptBytes is the memory up to which the rows of a dropped bucket are used again.
const keptBytes = 1 << 20

// renew makes r as good as new, with the memory it has. false: that is too much, or
// a freeze still needs it.
func (r *Rows) renew() bool {
	if guarded || r.capture != nil && !r.capture.done.Load() || r.Bytes() > keptBytes {
		return false
	}
	for _, w := range r.lent {
		r.mem.freeWords(w)
	}
	r.lent = nil
	r.Reset()
	r.capture, r.ages = nil, ages{}
	return true
}

// Reset frees all rows and keeps their memory, which is handed out again in
// order. Only for rows that stand in no Table.
func (r *Rows) Reset() {
	r.n, r.used, r.free = 0, 0, r.free[:0]
	r.live, r.dirty = r.live[:0], r.dirty[:0]
}

// Each calls fn for every row, by ascending id. fn must not call Alloc.
func (r *Rows) Each(fn func(id uint32, row []uint64)) {
	for w, m := range r.live {
		for b := range bitsOf(m) {
			id := uint32(w<<6 + b)
			fn(id, r.At(id))
		}
	}
}

package table

import (
	"math/bits"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/streamsql/streamsql/statestore"
)

const (
	// unitRows is how many rows are captured at a time, by either side.
	unitRows  = 512
	unitWords = unitRows / 64
	// captureAtOnce is the number of rows up to which a freeze is done with.
	captureAtOnce = 16 << 10
)

// States of a unit.
const (
	unitPending uint32 = iota
	unitClaimed
	unitCaptured
)

// capture is a freeze of Rows in progress: the copying of the dirty rows, by
// units. The writer works through all units in order. The operator goes on with
// the next epoch meanwhile; before it changes a row it captures the row's unit,
// if the writer has not come to it yet (copy on write). Hence a barrier stops
// the operator for microseconds, and what the copying costs is spread out.
//
// The fields up to units are as of the freeze. Operator and writer each have a
// collector of their own; the state of the units orders everything else between
// them.
type capture struct {
	width    int
	shift    uint
	n        uint32
	pages    [][]uint64
	age      [][]uint8
	live     []uint64
	dirty    []uint64 // cleared as units are captured
	now, old uint8    // ages: given to what is captured, and below which rows are evacuated
	from, to int      // bitmap words in which to look for the latter
	liveFrom uint64
	used     int
	gather   gatherFunc
	pool     *bufferPool
	was      *snapshot

	units    []atomic.Uint32
	done     atomic.Bool // all units are captured
	operator collector
	writer   collector
}

// collector is where one side puts what it captures.
type collector struct {
	blocks                   []rowsBlock
	rows, deleted, evacuated int
}

// freeze starts a capture of what is dirty and of what the cut wants evacuated.
func (r *Rows) freeze(cut statestore.Cut, pool *bufferPool) frozenPart {
	if r.capture != nil && !r.capture.done.Load() {
		panic("table: frozen again before the last freeze was written")
	}
	r.capture = nil
	if checked {
		r.last.unmarked(r)
		r.last = r.take()
	}
	r.ages.begin(cut)
	if r.ages.full() {
		r.renumber()
	}
	c := &capture{
		width: r.width, shift: r.shift, n: r.n, pages: r.pages, age: r.age, live: r.live, used: r.used,
		gather: gatherer(r.width), pool: pool, was: r.last,
	}
	if r.used == 0 {
		// Nothing to keep: all that was written before can go, deletions included.
		clear(r.dirty)
		r.ages.emptied(cut.Epoch)
		c.liveFrom = r.ages.liveFrom
		c.done.Store(true)
		return c
	}
	c.now = r.ages.current(cut.Generation)
	var ends bool
	c.from, c.to, c.old, ends = r.ages.sweep(cut, len(r.dirty))
	if ends {
		r.ages.swept()
	}
	c.liveFrom = r.ages.liveFrom
	// The bitmaps change places; the other one is all zeros.
	c.dirty = r.dirty
	for len(r.clean) < len(r.dirty) {
		r.clean = append(r.clean, 0)
	}
	r.dirty, r.clean = r.clean[:len(r.dirty)], r.dirty
	c.units = make([]atomic.Uint32, (int(r.n)+unitRows-1)/unitRows)
	dirty := 0
	for _, m := range c.dirty {
		dirty += bits.OnesCount64(m)
	}
	if !checked && dirty <= r.atOnce && (c.to-c.from)*64 <= r.atOnce {
		c.captureAll(&c.operator)
	} else {
		r.capture = c
	}
	return c
}

// settle has the unit of a row captured, so that the row may change. The
// operator calls it through Mark and the like, while there is a capture.
func (r *Rows) settle(id uint32) {
	c := r.capture
	if c.done.Load() {
		r.capture = nil
		return
	}
	if u := int(id / unitRows); u < len(c.units) && c.units[u].Load() != unitCaptured {
		c.ensure(u, &c.operator)
	}
}

// settleAll ends the capture, before pages move.
func (r *Rows) settleAll() {
	if c := r.capture; c != nil {
		c.captureAll(&c.operator)
		r.capture = nil
	}
}

// captureAll returns when all units are captured.
func (c *capture) captureAll(to *collector) {
	if c.done.Load() {
		return
	}
	for u := range c.units {
		c.ensure(u, to)
	}
	c.done.Store(true)
}

// ensure captures a unit, or waits for the other side to be done with it.
func (c *capture) ensure(u int, to *collector) {
	if c.units[u].CompareAndSwap(unitPending, unitClaimed) {
		c.unit(u, to)
		c.units[u].Store(unitCaptured)
		return
	}
	for c.units[u].Load() != unitCaptured {
		runtime.Gosched()
	}
}

// unit copies the rows of a unit that are dirty or to be evacuated.
func (c *capture) unit(u int, to *collector) {
	pageWords := 1 << (c.shift - 6)
	words := c.dirty[u*unitWords : min((u+1)*unitWords, len(c.dirty))]
	for i, d := range words {
		w := u*unitWords + i
		m := d
		if w >= c.from && w < c.to {
			m |= olderMask(c.age[w/pageWords][w%pageWords<<6:], c.old) & c.live[w]
		}
		if m == 0 {
			continue
		}
		words[i] = 0
		live := m & c.live[w]
		n, k := bits.OnesCount64(m), bits.OnesCount64(live)
		b := to.block(c, spaceFor(k, n, c.width))
		b.note(w, m, live)
		b.n += n
		b.rows += k
		if checked {
			c.was.stored(c, w, live)
		}
		at := w % pageWords << 6
		c.gather(b.buf[b.end:], c.pages[w/pageWords], c.age[w/pageWords][at:at+64], at, live, c.now, c.width)
		b.end += k * c.width
		to.rows += k
		to.deleted += n - k
		to.evacuated += bits.OnesCount64(live &^ d)
	}
}

// block returns a block with the given number of words to spare, which it takes.
func (to *collector) block(c *capture, words int) *rowsBlock {
	if n := len(to.blocks); n > 0 && to.blocks[n-1].space >= words {
		to.blocks[n-1].space -= words
		return &to.blocks[n-1]
	}
	buf := c.pool.get(bufferFor(c.width))
	to.blocks = append(to.blocks, rowsBlock{buf: buf, end: rowsHeaderWords, space: len(buf) - blockOverhead - words})
	return &to.blocks[len(to.blocks)-1]
}

func (c *capture) write(put putFunc) {
	c.captureAll(&c.writer)
	for _, from := range []*collector{&c.operator, &c.writer} {
		for i := range from.blocks {
			put(from.blocks[i].finish(c.width, c.n), nil)
		}
	}
}

// stats holds once write has returned.
func (c *capture) stats() partStats {
	size := 8*c.width + 1
	evacuated := c.operator.evacuated + c.writer.evacuated
	return partStats{
		liveFrom:       c.liveFrom,
		liveBytes:      int64(c.used) * int64(size),
		changed:        c.operator.rows + c.operator.deleted + c.writer.rows + c.writer.deleted - evacuated,
		evacuated:      evacuated,
		evacuatedBytes: int64(evacuated) * int64(size),
	}
}

func (c *capture) release(pool *bufferPool) {
	var bufs [][]uint64
	for _, from := range []*collector{&c.operator, &c.writer} {
		for i := range from.blocks {
			bufs = append(bufs, from.blocks[i].buf)
		}
		from.blocks = nil
	}
	pool.put(bufs)
}

func (r *Rows) renumber() {
	by := r.ages.renumber()
	for _, page := range r.age {
		for i, a := range page {
			page[i] = a - min(a, by)
		}
	}
}

// gatherFunc copies the rows of one bitmap word from a page to dst and stamps
// their ages. at is the number in the page of the word's first row.
type gatherFunc func(dst, page []uint64, age []uint8, at int, rows uint64, now uint8, width int)

// gatherer returns the function for rows of a width; the common ones have their
// own, in which a row is copied without a loop.
func gatherer(width int) gatherFunc {
	switch width {
	case 1:
		return gatherArrays[[1]uint64]
	case 2:
		return gatherArrays[[2]uint64]
	case 3:
		return gatherArrays[[3]uint64]
	case 4:
		return gatherArrays[[4]uint64]
	case 5:
		return gatherArrays[[5]uint64]
	case 6:
		return gatherArrays[[6]uint64]
	}
	return gatherSlices
}

func gatherArrays[Row any](dst, page []uint64, age []uint8, at int, rows uint64, now uint8, width int) {
	to := unsafe.Slice((*Row)(unsafe.Pointer(unsafe.SliceData(dst))), len(dst)/width)
	from := unsafe.Slice((*Row)(unsafe.Pointer(unsafe.SliceData(page))), len(page)/width)[at : at+64]
	age = age[:64]
	for k := 0; rows != 0; k++ {
		i := bits.TrailingZeros64(rows) & 63
		to[k] = from[i]
		age[i] = now
		rows &= rows - 1
	}
}

func gatherSlices(dst, page []uint64, age []uint8, at int, rows uint64, now uint8, width int) {
	for ; rows != 0; rows &= rows - 1 {
		i := bits.TrailingZeros64(rows)
		copy(dst[:width], page[(at+i)*width:])
		dst = dst[width:]
		age[i] = now
	}
}

//go:build memcheck

package table

import (
	"fmt"
	"slices"
)

// With this tag each freeze looks for rows that have changed unmarked since the last
// one, and each row that is stored is compared with what it was at its freeze: whoever
// changes a row before it is marked is found. A freeze leaves the copying to Write then,
// however little there is, so that the operator is ahead of it as often as can be.
const checked = true

// snapshot is what rows were at a freeze.
type snapshot struct {
	width int
	live  []uint64
	words []uint64
}

// take makes the snapshot of r.
func (r *Rows) take() *snapshot {
	s := &snapshot{width: r.width, live: slices.Clone(r.live), words: make([]uint64, int(r.n)*r.width)}
	r.Each(func(id uint32, row []uint64) { copy(s.row(int(id)), row) })
	return s
}

func (s *snapshot) row(id int) []uint64 { return s.words[id*s.width : (id+1)*s.width] }

// unmarked panics if a row is not what it was and is not marked.
func (s *snapshot) unmarked(r *Rows) {
	if s == nil {
		return
	}
	for id := range int(r.n) {
		bit := uint64(1) << (id & 63)
		if r.dirty[id>>6]&bit != 0 {
			continue
		}
		was := id>>6 < len(s.live) && s.live[id>>6]&bit != 0
		if is := r.live[id>>6]&bit != 0; is != was {
			panic(fmt.Sprintf("table: row %d is unmarked, and live %t after %t", id, is, was))
		} else if is && !slices.Equal(r.At(uint32(id)), s.row(id)) {
			panic(fmt.Sprintf("table: row %d has changed unmarked: %x after %x", id, r.At(uint32(id)), s.row(id)))
		}
	}
}

// stored panics if a row of bitmap word w, about to be stored, is not what it was at
// the freeze.
func (s *snapshot) stored(c *capture, w int, rows uint64) {
	for b := range bitsOf(rows) {
		id := w<<6 + b
		off := id & (1<<c.shift - 1) * c.width
		if now := c.pages[id>>c.shift][off : off+c.width]; !slices.Equal(now, s.row(id)) {
			panic(fmt.Sprintf("table: row %d was changed before it was marked: %x after %x", id, now, s.row(id)))
		}
	}
}

package table

import (
	"encoding/binary"

	"github.com/streamsql/streamsql/statestore"
)

// maxAge is the greatest age: comparing eight ages at once wants their top bits
// free.
const maxAge = 127

// ages numbers the generations that a part's rows were last written in: an age
// is an index into starts. It also drives the sweep that evacuates old ones.
type ages struct {
	starts   []uint64 // first epochs of generations, ascending
	liveFrom uint64   // nothing that was written in older epochs is needed; 0: nothing was written
	retired  uint64   // no row is of a generation before this one

	target uint64 // the sweep in progress evacuates generations before this one; 0: none
	cursor int    // next unit (of the part's choice) to sweep
}

// begin is called at each freeze.
func (a *ages) begin(cut statestore.Cut) {
	if a.liveFrom == 0 {
		a.liveFrom = cut.Epoch
	}
}

// current returns the age of what is written in a generation.
func (a *ages) current(generation uint64) uint8 {
	n := len(a.starts)
	if n == 0 || a.starts[n-1] < generation && n <= maxAge {
		a.starts = append(a.starts, generation)
		n++
	}
	// With no age left, rows count as older than they are: they are evacuated
	// too early, which is harmless.
	return uint8(n - 1)
}

// full reports that ages have run out and renumber would make room.
func (a *ages) full() bool {
	return len(a.starts) > maxAge && a.below(a.retired) > 0
}

// renumber drops the ages that no live row has any more and returns by how much
// the others sink.
func (a *ages) renumber() uint8 {
	n := a.below(a.retired)
	a.starts = append(a.starts[:0], a.starts[n:]...)
	return n
}

// below counts the generations that started before an epoch: ages less than
// that are older.
func (a *ages) below(epoch uint64) uint8 {
	n := 0
	for n < len(a.starts) && a.starts[n] < epoch {
		n++
	}
	return uint8(n)
}

// sweep returns which units, of n, this cut is to search for rows with an age
// below old, and whether that ends the sweep.
func (a *ages) sweep(cut statestore.Cut, n int) (from, to int, old uint8, ends bool) {
	if a.target == 0 {
		if cut.EvacuateBefore <= a.liveFrom {
			return 0, 0, 0, false
		}
		a.target, a.cursor = cut.EvacuateBefore, 0
	}
	from = min(a.cursor, n)
	to = min(n, from+int(cut.Fraction*float64(n))+1)
	a.cursor = to
	return from, to, a.below(a.target), to == n
}

// swept ends the sweep: nothing before its target is needed.
func (a *ages) swept() {
	a.liveFrom, a.retired, a.target = a.target, a.target, 0
}

// emptied says that the part has nothing to store as of an epoch.
func (a *ages) emptied(epoch uint64) {
	a.starts = a.starts[:0]
	a.liveFrom, a.target = epoch, 0
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// olderMask returns a bit for each of 64 ages that is less than old.
func olderMask(age []uint8, old uint8) (mask uint64) {
	_ = age[63]
	for i := 0; i < 64; i += 8 {
		x := binary.LittleEndian.Uint64(age[i:])
		// Byte-wise: the top bit of (x|0x80)-old stays set iff x >= old.
		less := ^((x | highBits) - lowBits*uint64(old)) & highBits
		mask |= ((less >> 7) * 0x0102040810204080) >> 56 << i
	}
	return mask
}

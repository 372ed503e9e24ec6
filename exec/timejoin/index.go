package timejoin

import (
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/statestore/table"
)

// index finds rows by the hash of their key: open addressing with linear
// probing, one slot per hash, which holds the newest row; the others follow by
// the links in the rows. It is not stored but built again.
//
// A slot is the lower half of the hash, then id+1; 0 is free.
type index struct {
	slots []uint64
	used  int
}

const minSlots = 16

// find gives the newest row of a hash, and whether there is one. hashWord is
// where rows keep their hash.
func (x *index) find(h uint64, rows *table.Rows, hashWord int) (id uint32, ok bool) {
	if x.used == 0 {
		return 0, false
	}
	mask := uint32(len(x.slots) - 1)
	for i := uint32(h) & mask; ; i = (i + 1) & mask {
		e := x.slots[i]
		if e == 0 {
			return 0, false
		}
		if uint32(e>>32) == uint32(h) {
			if id := uint32(e) - 1; rows.At(id)[hashWord] == h {
				return id, true
			}
		}
	}
}

// put makes a row the newest of its hash and gives the one before, as id+1; 0:
// there was none.
func (x *index) put(h uint64, id uint32, rows *table.Rows, hashWord int) (before uint32) {
	if 4*(x.used+1) > 3*len(x.slots) {
		x.grow()
	}
	entry := uint64(uint32(h))<<32 | uint64(id+1)
	mask := uint32(len(x.slots) - 1)
	for i := uint32(h) & mask; ; i = (i + 1) & mask {
		e := x.slots[i]
		if e == 0 {
			x.slots[i] = entry
			x.used++
			return 0
		}
		if uint32(e>>32) == uint32(h) && rows.At(uint32(e) - 1)[hashWord] == h {
			x.slots[i] = entry
			return uint32(e)
		}
	}
}

// set makes id+1 the first row of a hash that is there; 0 takes the hash out.
func (x *index) set(h uint64, next uint32, rows *table.Rows, hashWord int) {
	mask := uint32(len(x.slots) - 1)
	i := uint32(h) & mask
	for uint32(x.slots[i]>>32) != uint32(h) || rows.At(uint32(x.slots[i]) - 1)[hashWord] != h {
		i = (i + 1) & mask
	}
	if next != 0 {
		x.slots[i] = uint64(uint32(h))<<32 | uint64(next)
		return
	}
	// Close the gap (Knuth, TAOCP 3, 6.4 algorithm R).
	for j := i; ; {
		j = (j + 1) & mask
		e := x.slots[j]
		if e == 0 {
			break
		}
		home := uint32(e>>32) & mask
		if (j-home)&mask >= (j-i)&mask {
			x.slots[i] = e
			i = j
		}
	}
	x.slots[i] = 0
	x.used--
}

func (x *index) grow() {
	old := x.slots
	x.slots = make([]uint64, max(minSlots, 2*len(old)))
	mask := uint32(len(x.slots) - 1)
	for _, e := range old {
		if e == 0 {
			continue
		}
		i := uint32(e>>32) & mask
		for x.slots[i] != 0 {
			i = (i + 1) & mask
		}
		x.slots[i] = e
	}
}

// rowOf is the row of an id.
func rowOf(rows *table.Rows, id uint32) hash.Row { return hash.RowOf(rows.At(id)) }

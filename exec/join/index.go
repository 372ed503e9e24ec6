package join

// rowIndex finds rows by a hash: open addressing with linear probing, the hash
// beside the row id in a slot. It is made anew at a restore.
type rowIndex struct {
	slots []uint64 // hash << 32 | id+1; 0: empty
	n     int
}

func newRowIndex(rows int) *rowIndex {
	size := 64
	for size/4*3 < rows {
		size *= 2
	}
	return &rowIndex{slots: make([]uint64, size)}
}

// spread places a hash: rows of one key group share the upper bits of theirs.
func spread(h uint32) uint32 { return h * 0x9e3779b1 }

func (x *rowIndex) home(h uint32) uint32 {
	return spread(h) & uint32(len(x.slots)-1)
}

// find gives a row with the hash for which is holds.
func (x *rowIndex) find(h uint32, is func(id uint32) bool) (uint32, bool) {
	mask := uint32(len(x.slots) - 1)
	for i := x.home(h); x.slots[i] != 0; i = (i + 1) & mask {
		if e := x.slots[i]; uint32(e>>32) == h && is(uint32(e)-1) {
			return uint32(e) - 1, true
		}
	}
	return 0, false
}

func (x *rowIndex) insert(h, id uint32) {
	if x.n++; x.n > len(x.slots)/4*3 {
		old := x.slots
		x.slots = make([]uint64, 2*len(old))
		for _, e := range old {
			if e != 0 {
				x.place(e)
			}
		}
	}
	x.place(uint64(h)<<32 | uint64(id+1))
}

func (x *rowIndex) place(e uint64) {
	mask := uint32(len(x.slots) - 1)
	i := x.home(uint32(e >> 32))
	for x.slots[i] != 0 {
		i = (i + 1) & mask
	}
	x.slots[i] = e
}

// remove takes a row out if it is there. Those behind it move up, so that no hole
// ends a search early.
func (x *rowIndex) remove(h, id uint32) {
	mask := uint32(len(x.slots) - 1)
	want := uint64(h)<<32 | uint64(id+1)
	i := x.home(h)
	for ; x.slots[i] != want; i = (i + 1) & mask {
		if x.slots[i] == 0 {
			return
		}
	}
	x.n--
	for j := (i + 1) & mask; x.slots[j] != 0; j = (j + 1) & mask {
		if home := x.home(uint32(x.slots[j] >> 32)); (j-home)&mask >= (j-i)&mask {
			x.slots[i] = x.slots[j]
			i = j
		}
	}
	x.slots[i] = 0
}

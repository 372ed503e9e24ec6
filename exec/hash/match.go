package hash

import (
	"bytes"
	"unsafe"
)

// The match functions compare each key with the row that its candidate slot
// names. They set refs where it is the key's row and list the other keys in
// t.miss, whose number they return. There is one for each common form of key,
// since the comparison is what a lookup waits for.

func (t *Table) matchWord(k *Keys, refs *Refs) int {
	n := k.N
	t.point(refs)
	cand, hashes, keys := t.cand[:n], k.Hash[:n], k.Words[0][:n]
	rows, miss, got := refs.Rows[:n], t.miss[:n], t.got[:n]
	for i, row := range rows {
		got[i] = *At[uint64](row, 1)
	}
	nulls := k.Nulls
	m := 0
	for i, e := range cand {
		null := uint8(0)
		if nulls != nil {
			null = nulls[i]
		}
		if uint32(e>>32) != uint32(hashes[i]) || got[i] != keys[i] || uint8(*rows[i].Header()) != null || e == 0 {
			miss[m] = int32(i)
			m++
		}
	}
	return m
}

// point sets refs to the rows of the candidates; where there is none, to any row.
func (t *Table) point(refs *Refs) {
	pages, shift := t.rows.Pages()
	width, mask := t.rows.Width(), uint32(1)<<shift-1
	ids, rows := refs.IDs[:len(t.cand)], refs.Rows[:len(t.cand)]
	for i, e := range t.cand {
		id := uint32(e) - 1
		if e == 0 {
			id = 0
		}
		ids[i] = id
		rows[i] = Row{unsafe.Pointer(&pages[id>>shift][int(id&mask)*width])}
	}
}

func (t *Table) matchPair(k *Keys, refs *Refs) int {
	pages, shift := t.rows.Pages()
	width, mask := t.rows.Width(), uint32(1)<<shift-1
	n := k.N
	cand, hashes, k0, k1 := t.cand[:n], k.Hash[:n], k.Words[0][:n], k.Words[1][:n]
	ids, rows, miss := refs.IDs[:n], refs.Rows[:n], t.miss[:n]
	nulls := k.Nulls
	m := 0
	for i, e := range cand {
		if uint32(e>>32) == uint32(hashes[i]) && e != 0 {
			id := uint32(e) - 1
			row := Row{unsafe.Pointer(&pages[id>>shift][int(id&mask)*width])}
			null := uint8(0)
			if nulls != nil {
				null = nulls[i]
			}
			w := At[[2]uint64](row, 1)
			if w[0] == k0[i] && w[1] == k1[i] && uint8(*row.Header()) == null {
				ids[i], rows[i] = id, row
				continue
			}
		}
		miss[m] = int32(i)
		m++
	}
	return m
}

func (t *Table) matchView(k *Keys, refs *Refs) int {
	n := k.N
	t.point(refs)
	cand, hashes, k0, k1 := t.cand[:n], k.Hash[:n], k.Words[0][:n], k.Words[1][:n]
	rows, miss, got := refs.Rows[:n], t.miss[:n], t.got[:n]
	for i, row := range rows {
		got[i] = *At[uint64](row, 1)
	}
	t.touchLong(cand, rows, got)
	nulls, src := k.Nulls, k.src[0]
	m := 0
	for i, e := range cand {
		if uint32(e>>32) == uint32(hashes[i]) && got[i] == k0[i] && e != 0 {
			null := uint8(0)
			if nulls != nil {
				null = nulls[i]
			}
			if uint8(*rows[i].Header()) == null {
				w1 := *At[uint64](rows[i], 2)
				if length := viewLen(k0[i]); length <= InlineBytes {
					if w1 == k1[i] {
						continue
					}
				} else if bytes.Equal(t.arena.At(w1, length), src.Bytes(k1[i], length)) {
					continue
				}
			}
		}
		miss[m] = int32(i)
		m++
	}
	return m
}

// touchLong loads the start of each long string among the candidates' keys, whose
// first words are in got, ahead of their comparison. Where there is no candidate
// the row is any one, and may hold what was there before the table was cleared.
func (t *Table) touchLong(cand []uint64, rows []Row, got []uint64) {
	var sum byte
	for i, w0 := range got {
		if cand[i] != 0 && viewLen(w0) > InlineBytes {
			sum += t.arena.At(*At[uint64](rows[i], 2), 1)[0]
		}
	}
	t.touched = sum
}

func (t *Table) matchAny(k *Keys, refs *Refs) int {
	miss := t.miss[:k.N]
	m := 0
	for i, e := range t.cand[:k.N] {
		if uint32(e>>32) == uint32(k.Hash[i]) && e != 0 {
			id := uint32(e) - 1
			if row := t.Row(id); t.equal(row, k, i) {
				refs.IDs[i], refs.Rows[i] = id, row
				continue
			}
		}
		miss[m] = int32(i)
		m++
	}
	return m
}

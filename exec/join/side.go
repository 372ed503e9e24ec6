package join

import (
	"bytes"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/statestore/table"
)

// part keeps rows of one input: all of them, or those of a segment. A row is words of
// table.Rows:
//
//	linkWord   the next row of its key | the one before it << 32, each as id+1
//	posWord    where its values stand in the arena
//	sizeWord   their length | the number of its partners << 32
//	sameWord   only where rows are taken back: the upper half of the hash of its
//	           key and values | the next row with the same ones << 32, as id+1
//	keyWord    beside it: the id of the row's key
type part struct {
	rows  *table.Rows
	arena *table.Arena
	// index finds rows by their values; nil: no row is ever taken back.
	index *rowIndex
}

const (
	linkWord = iota
	posWord
	sizeWord
	sameWord
	keyWord
)

const low = 1<<32 - 1

// open takes the parts first and first+1 of a bucket of st.
func (p *part) open(st *table.Table, first uint32, bucket int64, updates bool) {
	width := sizeWord + 1
	if updates {
		width = keyWord + 1
	}
	p.rows, p.arena = st.Rows(first, bucket, width), st.Arena(first+1, bucket)
	if updates {
		p.index = newRowIndex(p.rows.Len())
		p.reindex()
	}
}

// reindex fills the index after a restore.
func (p *part) reindex() {
	if p.rows.Len() == 0 {
		return
	}
	behind := make([]bool, p.rows.Cap())
	p.rows.Each(func(_ uint32, row []uint64) {
		if next := row[sameWord] >> 32; next != 0 {
			behind[next-1] = true
		}
	})
	p.rows.Each(func(id uint32, row []uint64) {
		if !behind[id] {
			p.index.insert(uint32(row[sameWord]), id)
		}
	})
}

// values are the encoded values of a row.
func (p *part) values(id uint32) []byte {
	row := p.rows.At(id)
	return p.arena.At(row[posWord], int(row[sizeWord]&low))
}

// partners is the number of a row's partners.
func (p *part) partners(id uint32) uint32 { return uint32(p.rows.At(id)[sizeWord] >> 32) }

// addPartner counts a partner more, or one less, and gives the number before.
func (p *part) addPartner(id uint32, adds bool) uint32 {
	row := p.rows.Edit(id)
	before := uint32(row[sizeWord] >> 32)
	if adds {
		row[sizeWord] += 1 << 32
	} else {
		row[sizeWord] -= 1 << 32
	}
	return before
}

// next is the row after a row in its chain; 0: none. Rows are given as id+1.
func (p *part) next(id1 uint32) uint32 { return uint32(p.rows.At(id1 - 1)[linkWord]) }

// insert puts a row of key number key, whose hash is h, at the head of a chain and
// gives the new head.
func (p *part) insert(head, key uint32, h uint64, values []byte, partners uint32) uint32 {
	id := p.rows.Alloc()
	row := p.rows.At(id) // Alloc has marked it
	row[linkWord] = uint64(head)
	row[posWord] = p.arena.Append(values)
	row[sizeWord] = uint64(len(values)) | uint64(partners)<<32
	if p.index == nil {
		return id + 1
	}
	if head != 0 {
		p.rows.Edit(head - 1)[linkWord] |= uint64(id+1) << 32
	}
	vh := valueHash(h, values)
	row[sameWord], row[keyWord] = uint64(vh), uint64(key)
	if first, ok := p.find(vh, key, values); ok {
		of := p.rows.Edit(first)
		row[sameWord] |= of[sameWord] &^ low
		of[sameWord] = of[sameWord]&low | uint64(id+1)<<32
	} else {
		p.index.insert(vh, id)
	}
	return id + 1
}

// find looks for a row of a key with these values.
func (p *part) find(vh uint32, key uint32, values []byte) (uint32, bool) {
	return p.index.find(vh, func(id uint32) bool {
		return uint32(p.rows.At(id)[keyWord]) == key && bytes.Equal(p.values(id), values)
	})
}

// remove takes a row with these values out of the chain of head. It gives the new
// head and the number of partners that the row had; ok is false if there is none.
func (p *part) remove(head, key uint32, h uint64, values []byte) (newHead, partners uint32, ok bool) {
	vh := valueHash(h, values)
	id, ok := p.find(vh, key, values)
	if !ok {
		return head, 0, false
	}
	if row := p.rows.At(id); row[sameWord]>>32 != 0 {
		// Of several such rows the one behind the first goes: the index stays.
		second := uint32(row[sameWord]>>32) - 1
		p.rows.Edit(id)[sameWord] = row[sameWord]&low | p.rows.At(second)[sameWord]&^low
		id = second
	} else {
		p.index.remove(vh, id)
	}
	partners = p.partners(id)
	link := p.rows.At(id)[linkWord]
	next, prev := uint32(link), uint32(link>>32)
	if next != 0 {
		row := p.rows.Edit(next - 1)
		row[linkWord] = row[linkWord]&low | uint64(prev)<<32
	}
	if prev == 0 {
		head = next
	} else {
		row := p.rows.Edit(prev - 1)
		row[linkWord] = row[linkWord]&^low | uint64(next)
	}
	p.free(id)
	return head, partners, true
}

// free gives a row's memory back.
func (p *part) free(id uint32) {
	row := p.rows.At(id)
	p.arena.Free(row[posWord], int(row[sizeWord]&low))
	p.rows.Free(id)
}

// drop forgets a whole chain and gives the number of its rows.
func (p *part) drop(head uint32) (n int64) {
	for head != 0 {
		id := head - 1
		head = p.next(head)
		if p.index != nil {
			p.unindex(id)
		}
		p.free(id)
		n++
	}
	return n
}

// unindex takes a row of a chain that goes as a whole out of the index, if it is
// the one of its values that stands there.
func (p *part) unindex(id uint32) { p.index.remove(uint32(p.rows.At(id)[sameWord]), id) }

// minSparse is the size from which on an arena is worth tidying, in bytes.
const minSparse = 4 << 20

// tidy moves values together when most of the arena is of rows that have gone.
func (p *part) tidy() {
	if p.arena.Size() < minSparse || p.arena.Live() > p.arena.Size()/2 {
		return
	}
	p.rows.Each(func(id uint32, row []uint64) {
		if n := int(row[sizeWord] & low); n > 0 && p.arena.Sparse(row[posWord]) {
			p.rows.Edit(id)[posWord] = p.arena.Move(row[posWord], n)
		}
	})
}

// valueHash is the hash by which a row is found again: of its key and its values.
func valueHash(key uint64, values []byte) uint32 { return uint32(hash.Bytes(key, values) >> 32) }

package join

import (
	"bytes"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/statestore/table"
)

// side keeps the rows of one input. A row is words of table.Rows:
//
//	linkWord   the next row of its key | the one before it << 32, each as id+1
//	posWord    where its values stand in the arena
//	sizeWord   their length | the number of its partners << 32
//	sameWord   only where rows are taken back: the upper half of the hash of its
//	           key and values | the next row with the same ones << 32, as id+1
//	keyWord    beside it: the id of the row's key
type side struct {
	codec *codec
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

// open takes the side's parts, first and first+1, from st.
func (s *side) open(st *table.Table, first uint32, updates bool) {
	width := sizeWord + 1
	if updates {
		width = keyWord + 1
	}
	s.rows, s.arena = st.Rows(first, 0, width), st.Arena(first+1, 0)
	if updates {
		s.index = newRowIndex(s.rows.Len())
		s.reindex()
	}
}

// reindex fills the index after a restore.
func (s *side) reindex() {
	if s.rows.Len() == 0 {
		return
	}
	behind := make([]bool, s.rows.Cap())
	s.rows.Each(func(_ uint32, row []uint64) {
		if next := row[sameWord] >> 32; next != 0 {
			behind[next-1] = true
		}
	})
	s.rows.Each(func(id uint32, row []uint64) {
		if !behind[id] {
			s.index.insert(uint32(row[sameWord]), id)
		}
	})
}

// values are the encoded values of a row.
func (s *side) values(id uint32) []byte {
	row := s.rows.At(id)
	return s.arena.At(row[posWord], int(row[sizeWord]&low))
}

// partners is the number of a row's partners.
func (s *side) partners(id uint32) uint32 { return uint32(s.rows.At(id)[sizeWord] >> 32) }

// addPartner counts a partner more, or one less, and gives the number before.
func (s *side) addPartner(id uint32, adds bool) uint32 {
	row := s.rows.Edit(id)
	before := uint32(row[sizeWord] >> 32)
	if adds {
		row[sizeWord] += 1 << 32
	} else {
		row[sizeWord] -= 1 << 32
	}
	return before
}

// next is the row after a row in its chain; 0: none. Rows are given as id+1.
func (s *side) next(id1 uint32) uint32 { return uint32(s.rows.At(id1 - 1)[linkWord]) }

// insert puts a row of key number key, whose hash is h, at the head of a chain and
// gives the new head.
func (s *side) insert(head, key uint32, h uint64, values []byte, partners uint32) uint32 {
	id := s.rows.Alloc()
	row := s.rows.At(id) // Alloc has marked it
	row[linkWord] = uint64(head)
	row[posWord] = s.arena.Append(values)
	row[sizeWord] = uint64(len(values)) | uint64(partners)<<32
	if s.index == nil {
		return id + 1
	}
	if head != 0 {
		s.rows.Edit(head - 1)[linkWord] |= uint64(id+1) << 32
	}
	vh := valueHash(h, values)
	row[sameWord], row[keyWord] = uint64(vh), uint64(key)
	if first, ok := s.find(vh, key, values); ok {
		of := s.rows.Edit(first)
		row[sameWord] |= of[sameWord] &^ low
		of[sameWord] = of[sameWord]&low | uint64(id+1)<<32
	} else {
		s.index.insert(vh, id)
	}
	return id + 1
}

// find looks for a row of a key with these values.
func (s *side) find(vh uint32, key uint32, values []byte) (uint32, bool) {
	return s.index.find(vh, func(id uint32) bool {
		return uint32(s.rows.At(id)[keyWord]) == key && bytes.Equal(s.values(id), values)
	})
}

// remove takes a row with these values out of the chain of head. It gives the new
// head and the number of partners that the row had; ok is false if there is none.
func (s *side) remove(head, key uint32, h uint64, values []byte) (newHead, partners uint32, ok bool) {
	vh := valueHash(h, values)
	id, ok := s.find(vh, key, values)
	if !ok {
		return head, 0, false
	}
	if row := s.rows.At(id); row[sameWord]>>32 != 0 {
		// Of several such rows the one behind the first goes: the index stays.
		second := uint32(row[sameWord]>>32) - 1
		s.rows.Edit(id)[sameWord] = row[sameWord]&low | s.rows.At(second)[sameWord]&^low
		id = second
	} else {
		s.index.remove(vh, id)
	}
	partners = s.partners(id)
	link := s.rows.At(id)[linkWord]
	next, prev := uint32(link), uint32(link>>32)
	if next != 0 {
		row := s.rows.Edit(next - 1)
		row[linkWord] = row[linkWord]&low | uint64(prev)<<32
	}
	if prev == 0 {
		head = next
	} else {
		row := s.rows.Edit(prev - 1)
		row[linkWord] = row[linkWord]&^low | uint64(next)
	}
	s.free(id)
	return head, partners, true
}

// free gives a row's memory back.
func (s *side) free(id uint32) {
	row := s.rows.At(id)
	s.arena.Free(row[posWord], int(row[sizeWord]&low))
	s.rows.Free(id)
}

// drop forgets a whole chain and gives the number of its rows.
func (s *side) drop(head uint32) (n int64) {
	for head != 0 {
		id := head - 1
		head = s.next(head)
		if s.index != nil {
			s.unindex(id)
		}
		s.free(id)
		n++
	}
	return n
}

// unindex takes a row of a chain that goes as a whole out of the index, if it is
// the one of its values that stands there.
func (s *side) unindex(id uint32) { s.index.remove(uint32(s.rows.At(id)[sameWord]), id) }

// minSparse is the size from which on an arena is worth tidying, in bytes.
const minSparse = 4 << 20

// tidy moves values together when most of the arena is of rows that have gone.
func (s *side) tidy() {
	if s.arena.Size() < minSparse || s.arena.Live() > s.arena.Size()/2 {
		return
	}
	s.rows.Each(func(id uint32, row []uint64) {
		if n := int(row[sizeWord] & low); n > 0 && s.arena.Sparse(row[posWord]) {
			s.rows.Edit(id)[posWord] = s.arena.Move(row[posWord], n)
		}
	})
}

// valueHash is the hash by which a row is found again: of its key and its values.
func valueHash(key uint64, values []byte) uint32 { return uint32(hash.Bytes(key, values) >> 32) }

package over

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/streamsql/streamsql/statestore/table"
)

// store holds records in the state of the operator. A row of it is
//
//	partition | length of the order's terms << 32
//	time, us; or what the operator keeps in its place
//	number of the row: rows put later have greater ones
//	position of the record in the arena
//	length of the record | flags << 32
type store struct {
	rows *table.Rows
	mem  *table.Arena
	next uint64 // number of the next row
	hand uint32 // next row to look at for moving its record
}

const storeWords = 5

// newStore opens parts first and first+1 of a table.
func newStore(st *table.Table, first uint32) *store {
	s := &store{rows: st.Rows(first, 0, storeWords), mem: st.Arena(first+1, 0)}
	s.rows.Each(func(_ uint32, row []uint64) { s.next = max(s.next, row[2]+1) })
	return s
}

// put adds a record.
func (s *store) put(part uint32, key int, time int64, rec []byte) uint32 {
	id := s.rows.Alloc()
	row := s.rows.At(id)
	row[0] = uint64(part) | uint64(key)<<32
	row[1], row[2] = uint64(time), s.next
	row[3], row[4] = s.mem.Append(rec), uint64(len(rec))
	s.next++
	s.tidy()
	return id
}

// tidy moves one record out of a sparse chunk, if the hand points at one.
func (s *store) tidy() {
	if s.mem.Size() <= 2*s.mem.Live()+(1<<16) {
		return
	}
	for range 2 {
		if s.hand >= s.rows.Cap() {
			s.hand = 0
		}
		if s.rows.Live(s.hand) {
			if row := s.rows.At(s.hand); s.mem.Sparse(row[3]) {
				s.rows.Mark(s.hand)
				row[3] = s.mem.Move(row[3], s.length(row))
			}
		}
		s.hand++
	}
}

// drop removes a row.
func (s *store) drop(id uint32) {
	row := s.rows.At(id)
	s.mem.Free(row[3], s.length(row))
	s.rows.Free(id)
}

func (s *store) length(row []uint64) int { return int(uint32(row[4])) }

// record gives the whole record of a row.
func (s *store) record(id uint32) []byte {
	row := s.rows.At(id)
	return s.mem.At(row[3], s.length(row))
}

// terms gives the terms of the order of a row: equal bytes mean peers.
func (s *store) terms(id uint32) []byte {
	row := s.rows.At(id)
	return s.mem.At(row[3], s.length(row))[:row[0]>>32]
}

// columns gives the record of a row behind the terms of the order.
func (s *store) columns(id uint32) []byte {
	row := s.rows.At(id)
	return s.mem.At(row[3], s.length(row))[row[0]>>32:]
}

func (s *store) part(id uint32) uint32 { return uint32(s.rows.At(id)[0]) }
func (s *store) time(id uint32) int64  { return int64(s.rows.At(id)[1]) }

// compare orders rows by their records; equal ones by when they came.
func (s *store) compare(a, b uint32) int {
	if c := bytes.Compare(s.record(a), s.record(b)); c != 0 {
		return c
	}
	return s.compareAge(a, b)
}

// compareAge orders rows by when they came.
func (s *store) compareAge(a, b uint32) int {
	return cmp.Compare(s.rows.At(a)[2], s.rows.At(b)[2])
}

// byPart gives the rows of each partition, ordered.
func (s *store) byPart(compare func(a, b uint32) int) [][]uint32 {
	var lists [][]uint32
	s.rows.Each(func(id uint32, row []uint64) {
		p := uint32(row[0])
		for int(p) >= len(lists) {
			lists = append(lists, nil)
		}
		lists[p] = append(lists[p], id)
	})
	for _, l := range lists {
		slices.SortFunc(l, compare)
	}
	return lists
}

// adopt takes over the rows of another store whose partition has a new number;
// those without one are left.
func (s *store) adopt(old *store, parts []uint32, each func(id uint32)) {
	var ids []uint32
	old.rows.Each(func(id uint32, row []uint64) {
		if parts[uint32(row[0])] != noPart {
			ids = append(ids, id)
		}
	})
	slices.SortFunc(ids, old.compareAge)
	for _, id := range ids {
		row := old.rows.At(id)
		n := s.put(parts[uint32(row[0])], int(row[0]>>32), int64(row[1]), old.record(id))
		s.rows.At(n)[4] = row[4]
		if each != nil {
			each(n)
		}
	}
}

// noPart stands for the partition of another shard.
const noPart = ^uint32(0)

package window

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// ordered is the sessions of a key that has many, by time. No two of them touch, and
// the list of the key's sessions has them in the same order, the last one first, so
// that the one before a session in the list is the one after it here. It is no state:
// a long list is put in order when it is walked.
//
// Sessions may touch where one is closed for a row that begins another beside it.
// The list is then in no order until they are gone.
type ordered struct{ ids []uint32 }

// manySessions is the length from which on a list is put in order; as many walks lie
// between two tries that fail.
const manySessions = 16

// tidy puts the sessions of a key in order, if no two of them touch.
func (s *sessions) tidy(key uint32, head *uint64) {
	if s.untidy > 0 {
		s.untidy--
		return
	}
	o := &ordered{}
	for link := *head; link != 0; link = s.rows.At(uint32(link - 1))[sessionLink] >> 32 {
		o.ids = append(o.ids, uint32(link-1))
	}
	slices.SortFunc(o.ids, func(a, b uint32) int { return cmp.Compare(s.endOf(a), s.endOf(b)) })
	for i, id := range o.ids[1:] {
		if s.startOf(id) <= s.endOf(o.ids[i]) {
			s.untidy = manySessions
			return
		}
	}
	link := uint64(0)
	for _, id := range o.ids {
		r := s.rows.Edit(id)
		r[sessionLink] = r[sessionLink]&math.MaxUint32 | link<<32
		link = uint64(id) + 1
	}
	s.keys.Rows().Mark(key)
	*head = link
	s.order[key] = o
}

func (s *sessions) startOf(id uint32) int64 { return int64(s.rows.At(id)[sessionStart]) }
func (s *sessions) endOf(id uint32) int64   { return int64(s.rows.At(id)[sessionEnd]) }

// find is the place of the first session that ends at a time or later.
func (s *sessions) find(o *ordered, end int64) int {
	n := len(o.ids)
	if n == 0 || s.endOf(o.ids[n-1]) < end {
		return n
	}
	if s.endOf(o.ids[0]) >= end {
		return 0
	}
	return sort.Search(n, func(i int) bool { return s.endOf(o.ids[i]) >= end })
}

// cut takes the session at a place out of the order and the list.
func (s *sessions) cut(o *ordered, i int, key uint32, head *uint64) {
	next := s.rows.At(o.ids[i])[sessionLink] >> 32
	s.follow(o, i+1, next, head)
	if i == 0 {
		o.ids = o.ids[1:]
	} else {
		o.ids = slices.Delete(o.ids, i, i+1)
	}
	if len(o.ids) < manySessions/2 {
		delete(s.order, key)
	}
}

// follow makes link what comes in the list after the session at place i, or first if
// there is none.
func (s *sessions) follow(o *ordered, i int, link uint64, head *uint64) {
	if i == len(o.ids) {
		*head = link
		return
	}
	r := s.rows.Edit(o.ids[i])
	r[sessionLink] = r[sessionLink]&math.MaxUint32 | link<<32
}

// placeOrdered is place for a key whose sessions are in order.
func (s *sessions) placeOrdered(o *ordered, row int32, from, to, w int64, key uint32, head *uint64) {
	i := s.find(o, from)
	for i < len(o.ids) && s.closes(s.rows.At(o.ids[i])) <= w {
		i++ // closed for the row: what ends later may not be
	}
	if i == len(o.ids) || s.startOf(o.ids[i]) > to {
		id, made := s.begin(row, from, to, w, key, head)
		if !made {
			return
		}
		if i > 0 && s.endOf(o.ids[i-1]) >= from {
			delete(s.order, key) // it touches one that is closed
			return
		}
		// begin has put it first.
		r := s.rows.At(id)
		if i < len(o.ids) {
			*head = r[sessionLink] >> 32
			above := s.rows.At(o.ids[i])[sessionLink] >> 32
			s.follow(o, i, uint64(id)+1, head)
			r[sessionLink] = r[sessionLink]&math.MaxUint32 | above<<32
		}
		o.ids = slices.Insert(o.ids, i, id)
		return
	}
	kept := o.ids[i]
	for i+1 < len(o.ids) && s.startOf(o.ids[i+1]) <= to {
		id := o.ids[i+1]
		r := s.rows.At(id)
		s.extend(kept, int64(r[sessionStart]), int64(r[sessionEnd]), int64(r[sessionRows]&^fresh))
		s.cut(o, i+1, key, head)
		s.absorb(id, kept)
	}
	s.join(row, kept, from, to)
	if i > 0 && s.endOf(o.ids[i-1]) >= s.startOf(kept) {
		delete(s.order, key)
	}
}

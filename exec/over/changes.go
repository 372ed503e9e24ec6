package over

import (
	"bytes"
	"fmt"
	"slices"
)

// delta is what has come for a partition and is not yet among its rows: rows to
// be added, and rows to be taken out (flagTaken), in order of arrival.
type delta []uint32

// flagTaken marks a row of a store as one that takes an equal one back.
const flagTaken = 1 << 32

func (s *store) taken(id uint32) bool { return s.rows.At(id)[4]&flagTaken != 0 }

func (s *store) setTaken(id uint32) { s.rows.Edit(id)[4] |= flagTaken }

// settle puts a delta into the ordered rows of a partition. gone are rows of old
// that are no longer among them; they are still in the store. Rows that cancel
// out within the delta, and the retractions, have been dropped. lost counts those
// retractions whose row is not there, which forgets allows.
func (s *store) settle(old []uint32, d delta, forgets bool) (rows, gone []uint32, cancelled, lost int64, err error) {
	slices.SortFunc(d, s.compare)
	var plus []uint32
	next := 0 // of old
	rows = make([]uint32, 0, len(old)+len(d))
	for i := 0; i < len(d); {
		rec := s.record(d[i])
		j := i
		plus = plus[:0]
		var minus []uint32
		for ; j < len(d) && bytes.Equal(s.record(d[j]), rec); j++ {
			if s.taken(d[j]) {
				minus = append(minus, d[j])
			} else {
				plus = append(plus, d[j])
			}
		}
		for next < len(old) && bytes.Compare(s.record(old[next]), rec) < 0 {
			rows = append(rows, old[next])
			next++
		}
		for _, m := range minus {
			switch {
			case len(plus) > 0:
				s.drop(plus[len(plus)-1])
				plus = plus[:len(plus)-1]
			case next < len(old) && bytes.Equal(s.record(old[next]), rec):
				gone = append(gone, old[next])
				next++
			case forgets:
				lost++
				cancelled -= 2
			default:
				return nil, nil, 0, 0, fmt.Errorf("a retraction without its row: %q", rec)
			}
			s.drop(m)
			cancelled += 2
		}
		for next < len(old) && bytes.Equal(s.record(old[next]), rec) {
			rows = append(rows, old[next])
			next++
		}
		rows = append(rows, plus...)
		i = j
	}
	return append(rows, old[next:]...), gone, cancelled, lost, nil
}

// affected finds which rows of a partition, before and after a change, may have
// another result: old[a:b] and new[a:c].
func (s *store) affected(old, new []uint32, r reach) (a, b, c int) {
	for a < len(old) && a < len(new) && old[a] == new[a] {
		a++
	}
	tail := 0
	for tail < len(old)-a && tail < len(new)-a && old[len(old)-1-tail] == new[len(new)-1-tail] {
		tail++
	}
	if r.peers {
		a = min(s.peersFrom(old, a), s.peersFrom(new, a))
		tail = 0
	}
	a = max(0, a-r.back)
	tail = max(0, tail-r.ahead)
	return a, len(old) - tail, len(new) - tail
}

// peersFrom is the first of the rows that are peers of row i, or of the one
// before it.
func (s *store) peersFrom(rows []uint32, i int) int {
	for i > 0 && i < len(rows) && bytes.Equal(s.terms(rows[i-1]), s.terms(rows[i])) {
		i--
	}
	return i
}

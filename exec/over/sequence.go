package over

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/planner"
)

// sequence is what calls are computed over: rows of partitions, one partition
// after the other, each in order. A position is an index of rows.
type sequence struct {
	// cols are the input's columns, nil where no call reads them; n is their
	// length. rows are row numbers in them.
	cols []arrow.Array
	n    int
	rows []int32
	// peer says that the row at a position has the same sort keys as the one
	// before it in its partition.
	peer  []bool
	parts []stretch
	order []planner.SortKey
	alloc memory.Allocator

	wanted     int     // rows that results are wanted for
	start, end []int32 // of the group of peers at a position
	group      []int32 // its number within the sequence
	first      []int32 // of a group, its first position; one more entry at the end
}

// stretch is a partition, or a part of one, in a sequence.
type stretch struct {
	from, to int
	// first to last-1 are the positions that results are wanted for.
	first, last int
	// before and groups count the rows of the partition, and the groups of
	// peers, that come before from.
	before, groups int64
	// held is, for each frame over a span (frameAggs.span), the first position
	// whose row is in the groups that are kept.
	held []int
}

// lay finds the groups of peers.
func (s *sequence) lay() {
	n := len(s.rows)
	s.start, s.end, s.group = make([]int32, n), make([]int32, n), make([]int32, n)
	s.first, s.wanted = s.first[:0], 0
	for _, p := range s.parts {
		s.wanted += p.last - p.first
		for i := p.from; i < p.to; i++ {
			if i == p.from || !s.peer[i] {
				s.first = append(s.first, int32(i))
			}
			s.group[i] = int32(len(s.first) - 1)
			s.start[i] = s.first[len(s.first)-1]
		}
		for i := p.to - 1; i >= p.from; i-- {
			if i == p.to-1 || s.group[i+1] != s.group[i] {
				s.end[i] = int32(i + 1)
			} else {
				s.end[i] = s.end[i+1]
			}
		}
	}
	s.first = append(s.first, int32(n))
}

// each calls f for every position that a result is wanted for; k numbers them.
func (s *sequence) each(f func(k, i int, p *stretch)) {
	k := 0
	for q := range s.parts {
		p := &s.parts[q]
		for i := p.first; i < p.last; i++ {
			f(k, i, p)
			k++
		}
	}
}

// positions gives the row numbers of the wanted positions.
func (s *sequence) positions() []int32 {
	out := make([]int32, 0, s.wanted)
	s.each(func(_, i int, _ *stretch) { out = append(out, s.rows[i]) })
	return out
}

// pick gives the values of a column at positions; -1 gives NULL.
func (s *sequence) pick(col int, at []int32) arrow.Array {
	sel := make([]int32, len(at))
	for k, p := range at {
		if sel[k] = p; p >= 0 {
			sel[k] = s.rows[p]
		}
	}
	return column.GatherOrNull(s.cols[col], sel, s.alloc)
}

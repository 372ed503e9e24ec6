package over

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/planner"
)

// compute gives the results of calls that are no aggregates for the wanted
// positions of a sequence.
func compute(s *sequence, c *planner.OverCall) arrow.Array {
	switch c.Kind {
	case planner.OverRowNumber, planner.OverRank, planner.OverDenseRank, planner.OverNTile:
		return s.numbers(c)
	case planner.OverPercentRank, planner.OverCumeDist:
		return s.shares(c)
	case planner.OverLag, planner.OverLead:
		return s.distant(c)
	}
	return s.pick(c.Args[0], s.frameValue(c))
}

// numbers computes what counts rows.
func (s *sequence) numbers(c *planner.OverCall) arrow.Array {
	out := make([]int64, s.wanted)
	s.each(func(k, i int, p *stretch) {
		switch c.Kind {
		case planner.OverRowNumber:
			out[k] = p.before + int64(i-p.from) + 1
		case planner.OverRank:
			out[k] = p.before + int64(int(s.start[i])-p.from) + 1
		case planner.OverDenseRank:
			out[k] = p.groups + int64(s.group[i]-s.group[p.from]) + 1
		default:
			out[k] = bucket(int64(i-p.from), int64(p.to-p.from), c.N)
		}
	})
	return colvec.IntColumn(c.Type.Arrow(), len(out), nil, s.alloc, func(i int) int64 { return out[i] })
}

// bucket is NTILE: row i of n in one of b buckets, the first of which have one
// row more.
func bucket(i, n, b int64) int64 {
	size, more := n/b, n%b
	if i < more*(size+1) {
		return i/(size+1) + 1
	}
	return more + (i-more*(size+1))/size + 1
}

// shares computes PERCENT_RANK and CUME_DIST.
func (s *sequence) shares(c *planner.OverCall) arrow.Array {
	out := make([]float64, s.wanted)
	s.each(func(k, i int, p *stretch) {
		n := p.to - p.from
		switch {
		case c.Kind == planner.OverCumeDist:
			out[k] = float64(int(s.end[i])-p.from) / float64(n)
		case n > 1:
			out[k] = float64(int(s.start[i])-p.from) / float64(n-1)
		}
	})
	return colvec.FloatColumn(c.Type.Arrow(), len(out), nil, s.alloc, func(i int) float64 { return out[i] })
}

// counted lists the positions whose value counts for a call: all, or those that
// are not NULL. before[i] is how many of them come before position i.
func (s *sequence) counted(c *planner.OverCall) (at, before []int32) {
	before = make([]int32, len(s.rows)+1)
	valid := colvec.ValidityOf(s.cols[c.Args[0]])
	for i, r := range s.rows {
		before[i] = int32(len(at))
		if !c.IgnoreNulls || valid.Valid(int(r)) {
			at = append(at, int32(i))
		}
	}
	before[len(s.rows)] = int32(len(at))
	return at, before
}

// distant computes LAG and LEAD.
func (s *sequence) distant(c *planner.OverCall) arrow.Array {
	at, before := s.counted(c)
	out := make([]int32, s.wanted)
	beyond := false
	s.each(func(k, i int, p *stretch) {
		var n int64
		switch {
		case c.N == 0:
			out[k] = int32(i)
			return
		case c.Kind == planner.OverLag:
			n = int64(before[i]) - c.N
		default:
			n = int64(before[i+1]) + c.N - 1
		}
		out[k] = -1
		if n >= int64(before[p.from]) && n < int64(before[p.to]) {
			out[k] = at[n]
		}
		beyond = beyond || out[k] < 0
	})
	if len(c.Args) < 2 || !beyond {
		return s.pick(c.Args[0], out)
	}
	both, err := column.Concat([]arrow.Array{s.cols[c.Args[0]], s.cols[c.Args[1]]}, s.alloc)
	if err != nil {
		panic(err) // the binder has given both one type
	}
	defer both.Release()
	sel := make([]int32, len(out))
	s.each(func(k, i int, _ *stretch) {
		if out[k] < 0 {
			sel[k] = int32(s.n) + s.rows[i]
		} else {
			sel[k] = s.rows[out[k]]
		}
	})
	return column.Gather(both, sel, s.alloc)
}

// frameValue finds the positions of FIRST_VALUE, LAST_VALUE and NTH_VALUE; -1:
// there is none.
func (s *sequence) frameValue(c *planner.OverCall) []int32 {
	lo, hi := s.bounds(c.Frame)
	at, before := s.counted(c)
	out := make([]int32, s.wanted)
	s.each(func(k, i int, _ *stretch) {
		out[k] = -1
		if lo[k] >= hi[k] {
			return
		}
		from, to := before[lo[k]], before[hi[k]]
		if c.Frame.Exclude != planner.ExcludeNone {
			out[k] = s.without(c, at[from:to], i)
			return
		}
		n := int64(from)
		switch c.Kind {
		case planner.OverLastValue:
			n = int64(to) - 1
		case planner.OverNthValue:
			n = int64(from) + c.N - 1
		}
		if n >= int64(from) && n < int64(to) {
			out[k] = at[n]
		}
	})
	return out
}

// without finds the position of a frame's value among those that EXCLUDE leaves.
func (s *sequence) without(c *planner.OverCall, at []int32, i int) int32 {
	found, n := int32(-1), int64(0)
	for _, j := range at {
		if s.excluded(c.Frame.Exclude, i, int(j)) {
			continue
		}
		n++
		switch {
		case c.Kind == planner.OverFirstValue, c.Kind == planner.OverNthValue && n == c.N:
			return j
		case c.Kind == planner.OverLastValue:
			found = j
		}
	}
	return found
}

// excluded says whether EXCLUDE takes position j out of the frame of i.
func (s *sequence) excluded(e planner.FrameExclusion, i, j int) bool {
	switch e {
	case planner.ExcludeCurrentRow:
		return j == i
	case planner.ExcludeGroup:
		return s.group[j] == s.group[i]
	case planner.ExcludeTies:
		return j != i && s.group[j] == s.group[i]
	}
	return false
}

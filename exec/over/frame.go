package over

import (
	"math"
	"time"

	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/planner"
)

// bounds gives, for each wanted position, the frame as positions from lo to
// hi-1; lo >= hi is an empty frame. Within a partition neither ever falls.
func (s *sequence) bounds(f planner.Frame) (lo, hi []int32) {
	lo, hi = make([]int32, s.wanted), make([]int32, s.wanted)
	lower, upper := s.bound(f.Unit, f.Lower, false), s.bound(f.Unit, f.Upper, true)
	s.each(func(k, i int, p *stretch) {
		lo[k] = int32(max(p.from, min(p.to, lower(i, p))))
		hi[k] = int32(max(p.from, min(p.to, upper(i, p))))
	})
	return lo, hi
}

// bound gives the function that finds one end of the frame of a position; upper
// ends are one beyond.
func (s *sequence) bound(unit planner.FrameUnit, b planner.FrameBound, upper bool) func(i int, p *stretch) int {
	one := 0
	if upper {
		one = 1
	}
	d := int(min(b.Rows, math.MaxInt32))
	if b.Kind == planner.Preceding {
		d = -d
	}
	switch {
	case b.Kind == planner.UnboundedPreceding:
		return func(_ int, p *stretch) int { return p.from }
	case b.Kind == planner.UnboundedFollowing:
		return func(_ int, p *stretch) int { return p.to }
	case unit == planner.RowsFrame && b.Kind == planner.CurrentRow:
		return func(i int, _ *stretch) int { return i + one }
	case unit == planner.RowsFrame:
		return func(i int, _ *stretch) int { return i + d + one }
	case b.Kind == planner.CurrentRow && upper:
		return func(i int, _ *stretch) int { return int(s.end[i]) }
	case b.Kind == planner.CurrentRow:
		return func(i int, _ *stretch) int { return int(s.start[i]) }
	case unit == planner.GroupsFrame:
		return func(i int, p *stretch) int {
			g := int(s.group[i]) + d + one
			least, most := int(s.group[p.from]), int(s.group[p.to-1])+1
			return int(s.first[max(least, min(most, g))])
		}
	}
	return s.distance(b, upper)
}

// distance is an end of a RANGE frame at a distance from the current row's sort
// key. Rows without a key are each other's peers and nobody else's.
func (s *sequence) distance(b planner.FrameBound, upper bool) func(i int, p *stretch) int {
	key := s.order[0]
	valid := colvec.ValidityOf(s.cols[key.Col])
	compare := s.keys(b, (b.Kind == planner.Following) != key.Desc)
	at, in := 0, -1 // the last answer, and the partition that it was for
	return func(i int, p *stretch) int {
		if !valid.Valid(int(s.rows[i])) {
			if upper {
				return int(s.end[i])
			}
			return int(s.start[i])
		}
		if in != p.from {
			at, in = p.from, p.from
		}
		for at < p.to {
			c := 0
			switch {
			case valid.Valid(int(s.rows[at])):
				if c = compare(int(s.rows[at]), int(s.rows[i])); key.Desc {
					c = -c
				}
			case key.NullsFirst:
				c = -1
			default:
				c = 1
			}
			if c > 0 || c == 0 && !upper {
				break
			}
			at++
		}
		return at
	}
}

// keys gives the comparison of the sort key of row j with that of row i moved by
// the bound's distance, upwards if add is set.
func (s *sequence) keys(b planner.FrameBound, add bool) func(j, i int) int {
	a := s.cols[s.order[0].Col]
	rows := colvec.All(a.Len())
	switch v := b.Range.Value.(type) {
	case float64:
		x, _ := colvec.Floats(a, rows, nil)
		if !add {
			v = -v
		}
		return func(j, i int) int { return compareFloats(x[j], x[i]+v) }
	case decimal128.Num:
		x, _ := colvec.Decimals(a, rows, nil)
		if !add {
			v = v.Negate()
		}
		return func(j, i int) int { return compareMoved(x[j], x[i], v) }
	}
	x, _ := colvec.Ints(a, rows, nil)
	by, unit := b.Range.Value.(int64), int64(1)
	if !add {
		by = -by
	}
	t := b.Range.T
	if t.Kind == catalog.KindIntervalMonth {
		days := a.DataType().Name() == "date32"
		return func(j, i int) int { return compareInts(x[j], addMonths(x[i], by, days)) }
	}
	if t.Kind == catalog.KindIntervalDay && a.DataType().Name() == "date32" {
		unit = 24 * 3600 * 1e6
	}
	return func(j, i int) int {
		base := x[i] * unit
		if sum := base + by; by > 0 == (sum > base) || by == 0 {
			return compareInts(x[j]*unit, sum)
		}
		return compareInts(0, by) // beyond every value
	}
}

func compareInts(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// addClipped is a + b, or the end of the range.
func addClipped(a, b int64) int64 {
	c := a + b
	switch {
	case b > 0 && c < a:
		return math.MaxInt64
	case b < 0 && c > a:
		return math.MinInt64
	}
	return c
}

// compareFloats orders floats, NaN last.
func compareFloats(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	case a == b || a != a && b != b:
		return 0
	case a != a:
		return 1
	}
	return -1
}

// compareMoved compares a with b + d. Both are less than 10^38 away from 0, so
// that a sum of two is one of 129 bits at most: it is halved instead.
func compareMoved(a, b, d decimal128.Num) int {
	sum := b.Add(d)
	if b.Sign() != 0 && b.Sign() == d.Sign() && sum.Sign() != b.Sign() {
		return -d.Sign() // beyond every value
	}
	return a.Cmp(sum)
}

// addMonths moves a time (us since 1970, or days) by months; a day that the
// month does not have is its last one.
func addMonths(v, months int64, days bool) int64 {
	const day = 24 * 3600 * 1e6
	us := v
	if days {
		us = v * day
	}
	t := time.UnixMicro(us).UTC()
	first := time.Date(t.Year(), t.Month()+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	to := first.AddDate(0, 0, min(t.Day(), last)-1).UnixMicro() + us - t.Truncate(24*time.Hour).UnixMicro()
	if days {
		return to / day
	}
	return to
}

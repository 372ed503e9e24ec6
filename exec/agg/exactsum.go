package agg

import (
	"math"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/statestore/table"
)

// An expansion is an exact sum of doubles as an unevaluated sum of three
// (Shewchuk, Adaptive Precision Floating-Point Arithmetic, 1997): each addition
// leaves a rounded result and its error, itself a double, which is passed on to
// the next term. Two terms hold 106 bits, which money, counts and measurements
// hardly ever leave; the third and then a superaccumulator take the rest, so
// the sum is exact whatever comes.
//
// Once spilled, the second term is a NaN that carries the number of the
// superaccumulator, and the others are zero. A NaN there fails the test of the
// fast path without a test of its own.
//
// Which terms stand for a sum depends on the order of additions; their sum, and
// so the rounded result, does not.
type expansion [3]float64

const (
	expansionWords = 3

	spillBox  = 0x7ffc << 48 // a quiet NaN that no arithmetic makes
	spillMask = 0xffff << 48
)

// spilled gives the number of the superaccumulator.
func (s *expansion) spilled() (id uint32, ok bool) {
	b := math.Float64bits(s[1])
	return uint32(b), b&spillMask == spillBox
}

func (s *expansion) box(id uint32) {
	*s = expansion{0, math.Float64frombits(spillBox | uint64(id)), 0}
}

func twoSum(a, b float64) (sum, err float64) {
	sum = a + b
	t := sum - a
	return sum, (a - (sum - t)) + (b - t)
}

// floatSum is SUM of doubles: an expansion in each row.
type floatSum struct{ word int }

func (f floatSum) update(g *Groups, in *vector) {
	for i, row := range in.rows {
		s := hash.At[expansion](row, f.word)
		t0, e := twoSum(s[0], in.floats[i])
		t1, e := twoSum(s[1], e)
		if e != 0 { // or NaN: overflow, NaN, infinity, spilled
			s.addSlow(in.floats[i], 1, g.spills)
			continue
		}
		s[0], s[1] = t0, t1
	}
}

func (f floatSum) retract(g *Groups, in *vector) {
	for i, row := range in.rows {
		hash.At[expansion](row, f.word).add(in.floats[i], -1, g.spills)
	}
}

// add adds sign*x.
func (s *expansion) add(x float64, sign int, spills *table.Rows) {
	y := x
	if sign < 0 {
		y = -x
	}
	t0, e := twoSum(s[0], y)
	t1, e := twoSum(s[1], e)
	if e != 0 {
		s.addSlow(x, sign, spills)
		return
	}
	s[0], s[1] = t0, t1
}

// addSlow adds sign*x where two terms do not take it.
func (s *expansion) addSlow(x float64, sign int, spills *table.Rows) {
	if id, ok := s.spilled(); ok {
		spills.Mark(id)
		superAt(spills, id).add(x, sign)
		return
	}
	y := x
	if sign < 0 {
		y = -x
	}
	terms := *s
	if terms.grow(y) {
		*s = terms
		return
	}
	id := spills.Alloc()
	acc := superAt(spills, id)
	for _, t := range s {
		acc.add(t, 1)
	}
	acc.add(x, sign)
	s.box(id)
}

// grow adds y to the three terms and makes them non-overlapping. It reports
// whether the result needs no more than three terms and none of them overflows.
func (s *expansion) grow(y float64) bool {
	// Shewchuk's grow-expansion, with zeros dropped: after it the parts are
	// non-overlapping and ascending.
	var parts [4]float64
	n := 0
	for _, x := range [4]float64{s[2], s[1], s[0], y} {
		k := 0
		for _, p := range parts[:n] {
			sum, err := twoSum(x, p)
			if err != 0 {
				parts[k] = err
				k++
			}
			x = sum
		}
		if x-x != 0 {
			return false
		}
		if x != 0 {
			parts[k] = x
			k++
		}
		n = k
	}
	if n > expansionWords {
		return false
	}
	*s = expansion{}
	for i := range n {
		s[i] = parts[n-1-i]
	}
	return true
}

// merge adds the sum of src, or subtracts it with sign -1.
func (s *expansion) merge(src *expansion, sign int, spills *table.Rows, from spillSource) {
	id, ok := src.spilled()
	if !ok {
		for _, t := range src {
			if t != 0 {
				s.add(t, sign, spills)
			}
		}
		return
	}
	mine, ok := s.spilled()
	if !ok {
		mine = spills.Alloc()
		acc := superAt(spills, mine)
		for _, t := range s {
			acc.add(t, 1)
		}
		s.box(mine)
	}
	spills.Mark(mine)
	superAt(spills, mine).merge(from.at(id), sign)
}

// round gives the double nearest to the sum, ties to even; zero is +0.
func (s *expansion) round(spills *table.Rows) float64 {
	if id, ok := s.spilled(); ok {
		return superAt(spills, id).round()
	}
	if s[2] == 0 {
		return s[0] + s[1] // one rounding of an exact sum
	}
	var acc superacc
	for _, t := range s {
		acc.add(t, 1)
	}
	return acc.round()
}

// spillSource is where the superaccumulators of merged rows stand: in a table's
// rows, or one after the other in a Partial.
type spillSource struct {
	rows *table.Rows
	flat []uint64
}

func (s spillSource) at(id uint32) *superacc {
	if s.rows != nil {
		return superAt(s.rows, id)
	}
	return (*superacc)(s.flat[int(id)*superWords:])
}

func superAt(spills *table.Rows, id uint32) *superacc { return (*superacc)(spills.At(id)) }

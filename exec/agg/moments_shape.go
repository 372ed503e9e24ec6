package agg

import (
	"math/big"
)

// fourthBits is the width of a product of four sums; see sumBits.
const fourthBits = 4*sumBits + 256

// term is c * n^k * the factors, exactly.
func (m *moments) term(c int64, k int, factors ...*big.Float) *big.Float {
	t := wide(fourthBits).SetInt64(c)
	for range k {
		t.Mul(t, m.n)
	}
	for _, f := range factors {
		t.Mul(t, f)
	}
	return t
}

// total is the sum of terms.
func total(terms ...*big.Float) *big.Float {
	sum := wide(fourthBits)
	for _, t := range terms {
		sum.Add(sum, t)
	}
	return sum
}

// skewness is that of the population of which n values are a sample: the third
// central moment over the 1.5th power of the second, times sqrt(n(n-1))/(n-2).
// False: fewer than three values, or all of them equal.
func (m *moments) skewness(n int64) (float64, bool) {
	second := m.spread(m.xx, m.x, m.x) // n^2 times the second central moment
	if n < 3 || second.Sign() <= 0 {
		return 0, false
	}
	// n^3 times the third one.
	third := total(m.term(1, 2, m.xxx), m.term(-3, 1, m.x, m.xx), m.term(2, 0, m.x, m.x, m.x))
	count := big.NewInt(n)
	factor := wide(256).SetInt(count.Mul(count, big.NewInt(n-1)))
	// A root of 256 bits: far more than the result has.
	root := wide(256).Quo(factor, second)
	root.Sqrt(root)
	top := wide(256).Mul(third, root)
	return ratio(top, wide(256).Mul(second, wide(64).SetInt64(n-2))), true
}

// kurtosis is the excess over 3, that of a normal distribution, of the fourth
// central moment over the square of the second: of the n values, or of the
// population of which they are a sample. False: fewer than two values (four of a
// sample), or all of them equal.
func (m *moments) kurtosis(n int64, sample bool) (float64, bool) {
	second := m.spread(m.xx, m.x, m.x) // n^2 times the second central moment
	if second.Sign() <= 0 || sample && n < 4 {
		return 0, false
	}
	// n^4 times the fourth one.
	fourth := total(m.term(1, 3, m.xxxx), m.term(-4, 2, m.x, m.xxx), m.term(6, 1, m.x, m.x, m.xx), m.term(-3, 0, m.x, m.x, m.x, m.x))
	square := wide(2*squareBits).Mul(second, second)
	times := func(c int64, x *big.Float) *big.Float { return wide(2*squareBits+128).Mul(wide(64).SetInt64(c), x) }
	if !sample {
		return ratio(total(fourth, times(-3, square)), square), true
	}
	top := total(times(n+1, fourth), times(-3*(n-1), square))
	return ratio(times(n-1, top), times(n-2, times(n-3, square))), true
}

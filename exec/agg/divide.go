package agg

import (
	"math"
	"math/big"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
)

// quotient gives the double nearest to sum/n, ties to even, for a sum in 128
// bits and n > 0.
func quotient(lo, hi, n uint64) float64 {
	negative := int64(hi) < 0
	if negative {
		var b uint64
		lo, b = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, b)
	}
	q := quotientOf(lo, hi, n)
	if negative {
		return -q
	}
	return q
}

func quotientOf(lo, hi, n uint64) float64 {
	const exact = 1 << 53
	if hi == 0 && lo <= exact && n <= exact {
		return float64(lo) / float64(n) // one rounding
	}
	if hi == 0 && lo/n == 0 {
		f, _ := new(big.Rat).SetFrac(new(big.Int).SetUint64(lo), new(big.Int).SetUint64(n)).Float64()
		return f
	}
	// The quotient is at least 1: with 64 bits after the point it has enough,
	// and what is left of the dividend decides ties.
	var mag [superLimbs]uint64
	var rem uint64
	mag[2], rem = hi/n, hi%n
	mag[1], rem = bits.Div64(rem, lo, n)
	mag[0], rem = bits.Div64(rem, 0, n)
	if rem != 0 {
		mag[0] |= 1 // far below the last bit that stays
	}
	high := 191
	for high > 0 && mag[high>>6]>>(high&63) == 0 {
		high--
	}
	return math.Ldexp(roundAt(mag[:3], high), 1074-64)
}

// decimalOf gives a sum as a DECIMAL; false if it has more than 38 digits.
func decimalOf(w [3]uint64) (decimal128.Num, bool) {
	if w[2] != uint64(int64(w[1])>>63) {
		return decimal128.Num{}, false
	}
	d := decimal128.New(int64(w[1]), w[0])
	return d, d.FitsInPrecision(catalog.MaxDecimalPrecision)
}

// decimalQuotient gives sum * 10^up / n, rounded half away from zero.
func decimalQuotient(w [3]uint64, n uint64, up int) (decimal128.Num, bool) {
	scale := pow10[up]
	if lo := int64(w[0]); w[1] == uint64(lo>>63) && w[2] == w[1] {
		// The common case: the sum fits 64 bits, the dividend 128.
		abs := uint64(lo)
		if lo < 0 {
			abs = -abs
		}
		hi, low := bits.Mul64(abs, scale)
		qh := hi / n
		ql, rem := bits.Div64(hi%n, low, n)
		if rem >= n-rem {
			var c uint64
			ql, c = bits.Add64(ql, 1, 0)
			qh += c
		}
		d := decimal128.New(int64(qh), ql)
		if lo < 0 {
			d = d.Negate()
		}
		return d, true
	}
	sum := new(big.Int)
	for i := 2; i >= 0; i-- {
		sum.Lsh(sum, 64).Or(sum, new(big.Int).SetUint64(w[i]))
	}
	if w[2]>>63 != 0 {
		sum.Sub(sum, new(big.Int).Lsh(big.NewInt(1), 192))
	}
	negative := sum.Sign() < 0
	sum.Abs(sum).Mul(sum, new(big.Int).SetUint64(scale))
	div := new(big.Int).SetUint64(n)
	q, rem := sum.QuoRem(sum, div, new(big.Int))
	if rem.Lsh(rem, 1).Cmp(div) >= 0 {
		q.Add(q, big.NewInt(1))
	}
	if q.BitLen() > 127 {
		return decimal128.Num{}, false
	}
	d := decimal128.FromBigInt(q)
	if negative {
		d = d.Negate()
	}
	return d, d.FitsInPrecision(catalog.MaxDecimalPrecision)
}

var pow10 = [...]uint64{1, 10, 100, 1000, 10_000, 100_000, 1_000_000}

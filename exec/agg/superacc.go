package agg

import (
	"math"
	"math/bits"
)

// A superaccumulator is the exact sum of any number of doubles (up to 2^76 of
// them) as one fixed-point number wide enough for all of them (Kulisch): limbs
// in two's complement, the lowest first, the lowest bit worth 2^-1074. NaN and
// the infinities are counted beside it, so that they can be taken away again.
type superacc [superWords]uint64

const (
	superLimbs = 34
	superNaN   = superLimbs     // number of NaNs
	superPlus  = superLimbs + 1 // number of +Inf
	superMinus = superLimbs + 2 // number of -Inf
	superWords = superLimbs + 3
)

// add adds sign*x; sign is 1 or -1.
func (a *superacc) add(x float64, sign int) {
	b := math.Float64bits(x)
	exp := int(b >> 52 & 0x7ff)
	m := b & (1<<52 - 1)
	if exp == 0x7ff {
		i := superNaN
		if m == 0 {
			i = superPlus + int(b>>63)
		}
		a[i] += uint64(sign)
		return
	}
	if exp != 0 {
		m |= 1 << 52
		exp--
	}
	limb, off := exp>>6, uint(exp&63)
	lo, hi := m<<off, m>>(64-off)
	if (b>>63 != 0) != (sign < 0) {
		var c uint64
		a[limb], c = bits.Sub64(a[limb], lo, 0)
		a[limb+1], c = bits.Sub64(a[limb+1], hi, c)
		for i := limb + 2; c != 0 && i < superLimbs; i++ {
			a[i], c = bits.Sub64(a[i], 0, c)
		}
		return
	}
	var c uint64
	a[limb], c = bits.Add64(a[limb], lo, 0)
	a[limb+1], c = bits.Add64(a[limb+1], hi, c)
	for i := limb + 2; c != 0 && i < superLimbs; i++ {
		a[i], c = bits.Add64(a[i], 0, c)
	}
}

// merge adds another sum, or subtracts it with sign -1.
func (a *superacc) merge(b *superacc, sign int) {
	var c uint64
	if sign < 0 {
		for i := range superLimbs {
			a[i], c = bits.Sub64(a[i], b[i], c)
		}
	} else {
		for i := range superLimbs {
			a[i], c = bits.Add64(a[i], b[i], c)
		}
	}
	for i := superLimbs; i < superWords; i++ {
		a[i] += uint64(sign) * b[i]
	}
}

// round gives the double nearest to the sum, ties to even.
func (a *superacc) round() float64 {
	switch {
	case a[superNaN] != 0 || a[superPlus] != 0 && a[superMinus] != 0:
		return math.NaN()
	case a[superPlus] != 0:
		return math.Inf(1)
	case a[superMinus] != 0:
		return math.Inf(-1)
	}
	mag := [superLimbs]uint64(a[:superLimbs])
	negative := mag[superLimbs-1]>>63 != 0
	if negative {
		c := uint64(1)
		for i := range mag {
			mag[i], c = bits.Add64(^mag[i], 0, c)
		}
	}
	top := superLimbs - 1
	for top >= 0 && mag[top] == 0 {
		top--
	}
	if top < 0 {
		return 0
	}
	high := top<<6 + bits.Len64(mag[top]) - 1 // position of the highest bit
	r := roundAt(mag[:], high)
	if negative {
		return -r
	}
	return r
}

// roundAt rounds a magnitude in units of 2^-1074 whose highest bit is at
// position high.
func roundAt(mag []uint64, high int) float64 {
	if high < 53 { // subnormal, or small enough to be exact
		return float64(mag[0]) * 0x1p-1074
	}
	low := high - 52 // position of the lowest bit that stays
	m := mag[low>>6] >> (low & 63)
	if low&63 != 0 && low>>6+1 < len(mag) {
		m |= mag[low>>6+1] << (64 - low&63)
	}
	m &= 1<<53 - 1
	half := low - 1
	if mag[half>>6]>>(half&63)&1 != 0 {
		sticky := mag[half>>6]&(1<<(half&63)-1) != 0
		for i := 0; !sticky && i < half>>6; i++ {
			sticky = mag[i] != 0
		}
		if sticky || m&1 != 0 {
			m++ // may reach 1<<53: then the addition below carries into the exponent
		}
	}
	exp := uint64(low + 1)
	b := exp<<52 + (m - 1<<52)
	if b >= 0x7ff<<52 {
		return math.Inf(1)
	}
	return math.Float64frombits(b)
}

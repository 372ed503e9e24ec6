package decimal

import (
	"math/big"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
)

// Num is a decimal's unscaled value.
type Num = decimal128.Num

// pow10 holds 10^0 to 10^19, what 64 bits hold.
var pow10 = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = 10 * p[i-1]
	}
	return p
}()

// Pow10 is 10^k, 0 <= k <= 38.
func Pow10(k int) Num { return decimal128.GetScaleMultiplier(k) }

// Fits says whether n has at most p digits.
func Fits(n Num, p int) bool {
	if _, ok := Int64(n); ok && p >= 19 {
		return true
	}
	hi, lo := magnitude(n)
	l := Pow10(p)
	lh, ll := uint64(l.HighBits()), l.LowBits()
	return hi < lh || hi == lh && lo < ll
}

// Int64 gives n as an int64 if it fits.
func Int64(n Num) (v int64, ok bool) {
	v = int64(n.LowBits())
	return v, n.HighBits() == v>>63
}

func magnitude(n Num) (hi, lo uint64) {
	hi, lo = uint64(n.HighBits()), n.LowBits()
	if int64(hi) < 0 {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	return hi, lo
}

func signed(hi, lo uint64, negative bool) Num {
	if negative {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	return decimal128.New(int64(hi), lo)
}

// MulInt64 is the exact product of two 64-bit integers.
func MulInt64(a, b int64) Num {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	// The unsigned product counts 2^64*b too much where a < 0, and so for b.
	hi -= uint64(a>>63)&uint64(b) + uint64(b>>63)&uint64(a)
	return decimal128.New(int64(hi), lo)
}

// ScaleUp is n * 10^k; ok is false if it needs more than 38 digits.
func ScaleUp(n Num, k int) (Num, bool) {
	if k == 0 {
		return n, true
	}
	if v, ok := Int64(n); ok && k <= 18 {
		return MulInt64(v, int64(pow10[k])), true
	}
	hi, lo := magnitude(n)
	for k > 0 {
		step := min(k, 19)
		var over bool
		if hi, lo, over = mul128by64(hi, lo, pow10[step]); over {
			return Num{}, false
		}
		k -= step
	}
	r := signed(hi, lo, n.Sign() < 0)
	return r, Fits(r, 38)
}

func mul128by64(hi, lo, m uint64) (h, l uint64, over bool) {
	c, l := bits.Mul64(lo, m)
	oh, h := bits.Mul64(hi, m)
	h, carry := bits.Add64(h, c, 0)
	return h, l, oh != 0 || carry != 0 || h>>63 != 0
}

func div128by64(hi, lo, d uint64) (qh, ql, rem uint64) {
	qh, rem = hi/d, hi%d
	ql, rem = bits.Div64(rem, lo, d)
	return qh, ql, rem
}

// ScaleDown is n / 10^k, rounded half up.
func ScaleDown(n Num, k int) Num {
	hi, lo := scaleDown(n, k-1)
	if k <= 0 {
		return n
	}
	hi, lo, digit := div128by64(hi, lo, 10)
	if digit >= 5 {
		var carry uint64
		lo, carry = bits.Add64(lo, 1, 0)
		hi += carry
	}
	return signed(hi, lo, n.Sign() < 0)
}

// Truncate is n / 10^k, rounded towards zero.
func Truncate(n Num, k int) Num {
	hi, lo := scaleDown(n, k)
	return signed(hi, lo, n.Sign() < 0)
}

func scaleDown(n Num, k int) (hi, lo uint64) {
	hi, lo = magnitude(n)
	for k > 0 {
		step := min(k, 19)
		hi, lo, _ = div128by64(hi, lo, pow10[step])
		k -= step
	}
	return hi, lo
}

// Rescale brings n from one scale to another, rounded half up, and checks that
// it fits p digits.
func Rescale(n Num, from, to, p int) (Num, bool) {
	ok := true
	switch {
	case to > from:
		if n, ok = ScaleUp(n, to-from); !ok {
			return Num{}, false
		}
	case to < from:
		n = ScaleDown(n, from-to)
	}
	return n, Fits(n, p)
}

// Multiply is a * b with drop digits after the point rounded away.
func Multiply(a, b Num, drop, p int) (Num, bool) {
	if x, ok := Int64(a); ok {
		if y, ok := Int64(b); ok {
			r := MulInt64(x, y)
			if drop > 0 {
				r = ScaleDown(r, drop)
			}
			return r, Fits(r, p)
		}
	}
	negative := (a.Sign() < 0) != (b.Sign() < 0)
	ah, al := magnitude(a)
	bh, bl := magnitude(b)
	// 256 bits: w3 w2 w1 w0.
	h00, w0 := bits.Mul64(al, bl)
	h01, l01 := bits.Mul64(al, bh)
	h10, l10 := bits.Mul64(ah, bl)
	h11, l11 := bits.Mul64(ah, bh)
	w1, c1 := bits.Add64(h00, l01, 0)
	w1, c2 := bits.Add64(w1, l10, 0)
	w2, c3 := bits.Add64(h01, h10, c1)
	w2, c4 := bits.Add64(w2, l11, c2)
	w3 := h11 + c3 + c4
	if drop > 0 {
		for k := drop - 1; k > 0; {
			step := min(k, 19)
			w3, w2, w1, w0, _ = div256by64(w3, w2, w1, w0, pow10[step])
			k -= step
		}
		var digit uint64
		w3, w2, w1, w0, digit = div256by64(w3, w2, w1, w0, 10)
		if digit >= 5 {
			var c uint64
			w0, c = bits.Add64(w0, 1, 0)
			w1, c = bits.Add64(w1, 0, c)
			w2, c = bits.Add64(w2, 0, c)
			w3 += c
		}
	}
	if w3 != 0 || w2 != 0 || w1>>63 != 0 {
		return Num{}, false
	}
	r := signed(w1, w0, negative)
	return r, Fits(r, p)
}

func div256by64(w3, w2, w1, w0, d uint64) (q3, q2, q1, q0, rem uint64) {
	q3, rem = w3/d, w3%d
	q2, rem = bits.Div64(rem, w2, d)
	q1, rem = bits.Div64(rem, w1, d)
	q0, rem = bits.Div64(rem, w0, d)
	return q3, q2, q1, q0, rem
}

// Divide is a * 10^shift / b, rounded half up; b is not zero. shift may be
// negative.
func Divide(a, b Num, shift, p int) (Num, bool) {
	negative := (a.Sign() < 0) != (b.Sign() < 0)
	ah, al := magnitude(a)
	bh, bl := magnitude(b)
	if ah == 0 && bh == 0 && shift >= 0 && shift <= 19 {
		nh, nl := bits.Mul64(al, pow10[shift])
		qh, ql, rem := div128by64(nh, nl, bl)
		if rem >= bl-rem {
			var carry uint64
			ql, carry = bits.Add64(ql, 1, 0)
			qh += carry
		}
		if qh>>63 != 0 {
			return Num{}, false
		}
		r := signed(qh, ql, negative)
		return r, Fits(r, p)
	}
	n, d := new(big.Int).Abs(a.BigInt()), new(big.Int).Abs(b.BigInt())
	if shift >= 0 {
		n.Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(shift)), nil))
	} else {
		d.Mul(d, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-shift)), nil))
	}
	q, rem := n.QuoRem(n, d, new(big.Int))
	if rem.Lsh(rem, 1).Cmp(d) >= 0 {
		q.Add(q, big.NewInt(1))
	}
	if q.BitLen() > 127 {
		return Num{}, false
	}
	if negative {
		q.Neg(q)
	}
	r := decimal128.FromBigInt(q)
	return r, Fits(r, p)
}

// Mod is the remainder of a / b, both of one scale, with the sign of a; b is
// not zero.
func Mod(a, b Num) Num {
	if x, ok := Int64(a); ok {
		if y, ok := Int64(b); ok {
			if y == -1 {
				return Num{}
			}
			return decimal128.FromI64(x % y)
		}
	}
	_, r := a.Div(b)
	return r
}

// Compare compares numbers of any scales.
func Compare(a Num, aScale int, b Num, bScale int) int {
	if aScale == bScale {
		return a.Cmp(b)
	}
	x, xOK := ScaleUp(a, max(0, bScale-aScale))
	y, yOK := ScaleUp(b, max(0, aScale-bScale))
	switch {
	case !xOK: // beyond what b can be
		return a.Sign()
	case !yOK:
		return -b.Sign()
	}
	return x.Cmp(y)
}

// AddScaled is a + b for any scales, as DECIMAL(p, s).
func AddScaled(a Num, aScale int, b Num, bScale int, p, s int) (Num, bool) {
	scale := max(aScale, bScale)
	x, xOK := ScaleUp(a, scale-aScale)
	y, yOK := ScaleUp(b, scale-bScale)
	// Two numbers of 38 digits may leave 127 bits.
	if r := x.Add(y); xOK && yOK && (x.HighBits()^r.HighBits())&(y.HighBits()^r.HighBits()) >= 0 {
		if s < scale {
			r = ScaleDown(r, scale-s)
		}
		return r, Fits(r, p)
	}
	sum := new(big.Int).Add(bigScaled(a, scale-aScale), bigScaled(b, scale-bScale))
	return fromBig(sum, scale-s, p)
}

func bigScaled(n Num, k int) *big.Int {
	return new(big.Int).Mul(n.BigInt(), bigPow10(k))
}

func bigPow10(k int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(k)), nil) }

// fromBig gives v / 10^drop rounded half up, if it has at most p digits.
func fromBig(v *big.Int, drop, p int) (Num, bool) {
	negative := v.Sign() < 0
	v.Abs(v)
	if drop > 0 {
		d := bigPow10(drop)
		rem := new(big.Int)
		v.QuoRem(v, d, rem)
		if rem.Lsh(rem, 1).Cmp(d) >= 0 {
			v.Add(v, big.NewInt(1))
		}
	}
	if v.BitLen() > 127 {
		return Num{}, false
	}
	if negative {
		v.Neg(v)
	}
	n := decimal128.FromBigInt(v)
	return n, Fits(n, p)
}

// ModScaled is the remainder of a / b for any scales, as DECIMAL(p, s) with s at
// least both; it has the sign of a.
func ModScaled(a Num, aScale int, b Num, bScale int, p, s int) (Num, bool) {
	scale := max(aScale, bScale)
	x, xOK := ScaleUp(a, scale-aScale)
	y, yOK := ScaleUp(b, scale-bScale)
	if xOK && yOK && s == scale {
		r := Mod(x, y)
		return r, Fits(r, p)
	}
	rem := new(big.Int).Rem(bigScaled(a, scale-aScale), bigScaled(b, scale-bScale))
	return fromBig(rem, scale-s, p)
}

// Quotient is the whole part of a / b for any scales, towards zero.
func Quotient(a Num, aScale int, b Num, bScale int) (Num, bool) {
	scale := max(aScale, bScale)
	q := new(big.Int).Quo(bigScaled(a, scale-aScale), bigScaled(b, scale-bScale))
	return fromBig(q, 0, catalog.MaxDecimalPrecision)
}

// Whole is n / 10^scale rounded down, or up, to a whole number.
func Whole(n Num, scale int, up bool) Num {
	q := Truncate(n, scale)
	if back, ok := ScaleUp(q, scale); ok && back == n {
		return q
	}
	switch {
	case up && n.Sign() > 0:
		return q.Add(decimal128.FromI64(1))
	case !up && n.Sign() < 0:
		return q.Sub(decimal128.FromI64(1))
	}
	return q
}

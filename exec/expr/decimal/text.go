package decimal

import (
	"math"
	"math/bits"
	"strconv"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow/decimal128"
)

// Append appends n with scale digits after the point: -0.50.
func Append(dst []byte, n Num, scale int) []byte {
	hi, lo := magnitude(n)
	if n.Sign() < 0 {
		dst = append(dst, '-')
	}
	var digits [40]byte
	at := len(digits)
	for hi != 0 {
		var rem uint64
		hi, lo, rem = div128by64(hi, lo, pow10[18])
		for range 18 {
			at--
			digits[at] = byte('0' + rem%10)
			rem /= 10
		}
	}
	for lo != 0 {
		at--
		digits[at] = byte('0' + lo%10)
		lo /= 10
	}
	for len(digits)-at <= scale {
		at--
		digits[at] = '0'
	}
	point := len(digits) - scale
	dst = append(dst, digits[at:point]...)
	if scale > 0 {
		dst = append(dst, '.')
		dst = append(dst, digits[point:]...)
	}
	return dst
}

// Problem says why a text or number is no decimal of a type.
type Problem uint8

// The problems.
const (
	None     Problem = iota
	Syntax           // not a number
	Overflow         // too many digits before the point
)

// Parse reads a number such as -12.5, .5, 3., 1e-3 and rounds it half up to
// scale s.
func Parse(text []byte, p, s int) (Num, Problem) {
	i, negative := 0, false
	if i < len(text) && (text[i] == '-' || text[i] == '+') {
		negative = text[i] == '-'
		i++
	}
	// The digits are read into hi:lo as far as they fit; exp10 is the power of
	// ten of the last digit read.
	var hi, lo uint64
	exp10, seen, after := 0, false, false
	sticky := byte(0) // first digit that did not fit
	full := false
	for ; i < len(text); i++ {
		c := text[i]
		if c == '.' && !after {
			after = true
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		seen = true
		if !full {
			h, l, over := mul128by64(hi, lo, 10)
			if !over {
				var carry uint64
				l, carry = bits.Add64(l, uint64(c-'0'), 0)
				h += carry
				over = h>>63 != 0
			}
			if !over {
				hi, lo = h, l
				if after {
					exp10--
				}
				continue
			}
			full, sticky = true, c
		}
		if !after {
			exp10++
		}
	}
	if !seen {
		return Num{}, Syntax
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		e, err := strconv.Atoi(unsafe.String(unsafe.SliceData(text[i+1:]), len(text)-i-1))
		if err != nil {
			if ne, ok := err.(*strconv.NumError); !ok || ne.Err != strconv.ErrRange {
				return Num{}, Syntax
			}
			e = max(-1<<20, min(1<<20, e))
		}
		exp10 += max(-1<<20, min(1<<20, e))
		i = len(text)
	}
	if i != len(text) {
		return Num{}, Syntax
	}
	n := decimal128.New(int64(hi), lo)
	switch shift := exp10 + s; {
	case hi == 0 && lo == 0:
		return Num{}, None
	case shift > 0 || full && shift == 0 && !Fits(n, p):
		var ok bool
		if full || shift > 38 {
			return Num{}, Overflow
		}
		if n, ok = ScaleUp(n, shift); !ok {
			return Num{}, Overflow
		}
	case shift == 0:
		if full && sticky >= '5' {
			n = n.Add(decimal128.FromI64(1))
		}
	case shift < -40:
		n = Num{}
	default:
		n = ScaleDown(n, -shift)
	}
	if !Fits(n, p) {
		return Num{}, Overflow
	}
	if negative {
		n = n.Negate()
	}
	return n, None
}

// FromFloat gives the decimal nearest to the shortest text of f, so that 0.285
// is 0.29 with two digits.
func FromFloat(f float64, size, p, s int) (Num, Problem) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Num{}, Overflow
	}
	var buf [32]byte
	return Parse(strconv.AppendFloat(buf[:0], f, 'e', -1, size), p, s)
}

// exact10 are the powers of ten that a double holds exactly.
var exact10 = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
	1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// Float64 gives the double nearest to n.
func Float64(n Num, scale int) float64 {
	if v, ok := Int64(n); ok && v > -1<<53 && v < 1<<53 && scale < len(exact10) {
		return float64(v) / exact10[scale] // both exact: rounded once
	}
	var buf [48]byte
	f, _ := strconv.ParseFloat(string(Append(buf[:0], n, scale)), 64)
	return f
}

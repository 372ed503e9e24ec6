package json

import (
	"bytes"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow/decimal128"
)

// decimal decodes a number, or a string that holds one, into a DECIMAL column:
// exactly, but for digits beyond the scale, which are rounded half up (away
// from zero).
func (d *Decoder) decimal(n *node, b []byte, p, row int) int {
	q := p
	negative := at(b, q) == '-'
	if negative {
		q++
	}
	whole, v := digits(b, q)
	leadingZero := whole > 1 && at(b, q) == '0'
	q += whole
	fraction := 0
	if at(b, q) == '.' {
		var w uint64
		fraction, w = digits(b, q+1)
		if whole+fraction <= maxDigits {
			v = v*powersOfTen[fraction] + w
		}
		if fraction == 0 {
			whole = 0 // a point needs digits behind it
		}
		q += 1 + fraction
	}
	pad := n.typ.Scale - fraction
	if whole > 0 && !leadingZero && pad >= 0 && whole+fraction+pad < maxDigits &&
		whole <= n.typ.Precision-n.typ.Scale && delimiter[at(b, q)] {
		i := int64(v * powersOfTen[pad])
		if negative {
			i = -i
		}
		n.column.PutDecimal(row, decimal128.FromI64(i))
		return q
	}
	return d.otherDecimal(n, b, p, row)
}

// otherDecimal decodes the decimals that decimal does not: strings, exponents,
// many digits.
func (d *Decoder) otherDecimal(n *node, b []byte, p, row int) int {
	var number []byte
	end := 0
	if at(b, p) == '"' {
		var ok bool
		if number, end, ok = d.stringText(n, b, p); !ok {
			return end
		}
		if !validNumber(number) {
			d.cellError(n, ErrFormat, p)
			return end
		}
	} else {
		end = skipWord(b, p)
		number = b[p:end]
		if !validNumber(number) {
			return d.misfit(n, b, p, ErrType)
		}
	}
	v, ok := parseDecimal(number, n.typ.Precision, n.typ.Scale)
	if !ok {
		d.cellError(n, ErrRange, p)
		return end
	}
	n.column.PutDecimal(row, v)
	return end
}

// parseDecimal is ParseDecimal of a valid JSON number.
func parseDecimal(number []byte, precision, scale int) (decimal128.Num, bool) {
	negative := number[0] == '-'
	if negative {
		number = number[1:]
	}
	var exponent []byte
	if i := bytes.IndexAny(number, "eE"); i >= 0 {
		number, exponent = number[:i], number[i+1:]
	}
	return ParseDecimal(number, exponent, negative, precision, scale)
}

// ParseDecimal gives the value of digits, with or without a point, times ten to the
// exponent (digits, with or without a sign; empty: 0), as a DECIMAL: times 10^scale and
// rounded half up, away from zero. It is false if that has more than precision digits.
// It takes time linear in the length of the number, whatever its exponent.
func ParseDecimal(number, power []byte, negative bool, precision, scale int) (decimal128.Num, bool) {
	exponent := int64(0)
	if len(power) > 0 {
		exponent = parseExponent(power)
	}
	// The value is 0.DIGITS times 10^point.
	whole, fraction, _ := bytes.Cut(number, []byte{'.'})
	point := int64(len(whole)) + exponent
	digit := func(i int) byte {
		if i < len(whole) {
			return whole[i]
		}
		return fraction[i-len(whole)]
	}
	total := len(whole) + len(fraction)
	first := 0
	for first < total && digit(first) == '0' {
		first++
	}
	if first == total {
		return decimal128.Num{}, true
	}
	keep := point - int64(first) + int64(scale) // digits of the result
	if keep < 0 {
		return decimal128.Num{}, true
	}
	if keep > int64(precision) {
		return decimal128.Num{}, false
	}
	var high, low uint64 // low has the last 19 digits kept
	for i := 0; i < int(keep); i++ {
		c := uint64(0)
		if first+i < total {
			c = uint64(digit(first+i) - '0')
		}
		if int(keep)-i > maxDigits {
			high = high*10 + c
		} else {
			low = low*10 + c
		}
	}
	hi, lo := bits.Mul64(high, powersOfTen[maxDigits])
	lo, carry := bits.Add64(lo, low, 0)
	hi += carry
	if next := first + int(keep); next < total && digit(next) >= '5' {
		lo, carry = bits.Add64(lo, 1, 0)
		hi += carry
	}
	v := decimal128.New(int64(hi), lo)
	if !v.FitsInPrecision(int32(precision)) {
		return decimal128.Num{}, false // 9.99 became 10.0
	}
	if negative {
		v = v.Negate()
	}
	return v, true
}

// parseExponent reads the digits behind an e, up to a number beyond the length
// of any record.
func parseExponent(s []byte) int64 {
	negative := s[0] == '-'
	if negative || s[0] == '+' {
		s = s[1:]
	}
	v := int64(0)
	for _, c := range s {
		v = min(v*10+int64(c-'0'), 1<<40)
	}
	if negative {
		return -v
	}
	return v
}

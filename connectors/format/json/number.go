package json

import (
	"math"
	"strconv"
)

// digitRun gives the number of digits that the 8 bytes of w begin with, and
// their value.
func digitRun(w uint64) (n int, v uint64) {
	t := w ^ ones*'0'                         // digits become 0 to 9
	other := (t + ones*(0x80-10) | t) & highs // the lowest mark is right
	if other == 0 {
		return 8, eightDigits(t)
	}
	n = firstMark(other)
	return n, eightDigits(t << (64 - 8*n)) // zeros in front; all zero for n = 0
}

// eightDigits gives the value of eight decimal digits, one a byte, the first one
// lowest: pairs are joined, then fours, then all. After Johnny Lee's parser,
// as in Daniel Lemire, "Quickly parsing eight digits".
func eightDigits(t uint64) uint64 {
	const mask = 0x000000FF000000FF
	t = t*10 + t>>8
	return (t&mask*(100+1000000<<32) + t>>16&mask*(1+10000<<32)) >> 32
}

var powersOfTen = [20]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

// maxDigits is how many digits digits reads: what always fits 64 bits.
const maxDigits = 19

// digits reads the run of digits at b[p:] up to its 19th digit. The caller
// looks at what follows.
func digits(b []byte, p int) (n int, v uint64) {
	n, v = digitRun(load64(b, p))
	if n < 8 {
		return n, v
	}
	for {
		k, w := digitRun(load64(b, p+n))
		if n+k > maxDigits {
			for n < maxDigits {
				v = v*10 + uint64(at(b, p+n)-'0')
				n++
			}
			return n, v
		}
		v = v*powersOfTen[k] + w
		n += k
		if k < 8 {
			return n, v
		}
	}
}

// integer decodes an integer into a TINYINT to BIGINT column.
func (d *Decoder) integer(n *node, b []byte, p, row int) int {
	// Up to seven digits, which fit INT: most numbers.
	t := load64(b, p) ^ ones*'0'
	if other := (t + ones*(0x80-10) | t) & highs; other != 0 && t&0xff != 0 {
		end := p + firstMark(other)
		if v := eightDigits(t << (64 - 8*firstMark(other))); delimiter[at(b, end)] && end > p {
			switch n.op {
			case opInt64:
				n.column.PutInt64(row, int64(v))
				return end
			case opInt32:
				n.column.PutInt32(row, int32(v))
				return end
			}
		}
	}
	q := p
	negative := at(b, q) == '-'
	if negative {
		q++
	}
	size, v := digits(b, q)
	end := q + size
	if size == 0 || !delimiter[at(b, end)] || size > 1 && at(b, q) == '0' {
		return d.otherInteger(n, b, p, row)
	}
	limit := uint64(n.max)
	if negative {
		limit++
	}
	if v > limit {
		return d.misfit(n, b, p, ErrRange)
	}
	i := int64(v)
	if negative {
		i = -i
	}
	switch n.op {
	case opInt64:
		n.column.PutInt64(row, i)
	case opInt32:
		n.column.PutInt32(row, int32(i))
	case opInt16:
		n.column.PutInt16(row, int16(i))
	default:
		n.column.PutInt8(row, int8(i))
	}
	return end
}

// otherInteger says what is wrong with a value that integer can't take, or
// decodes it out of its quotes.
func (d *Decoder) otherInteger(n *node, b []byte, p, row int) int {
	if at(b, p) == '"' && d.schema.opts.QuotedNumbers {
		return d.quoted(n, b, p, row)
	}
	end := skipWord(b, p)
	word := b[p:end]
	if !validNumber(word) {
		return d.misfit(n, b, p, ErrType)
	}
	for _, c := range word {
		if c == '.' || c == 'e' || c == 'E' {
			return d.misfit(n, b, p, ErrNotInteger)
		}
	}
	return d.misfit(n, b, p, ErrRange)
}

// quoted decodes the number that the string at b[p] holds.
func (d *Decoder) quoted(n *node, b []byte, p, row int) int {
	content, end, ok := d.stringText(n, b, p)
	if !ok {
		return end
	}
	if !validNumber(content) {
		d.cellError(n, ErrFormat, p)
		return end
	}
	d.number = append(append(d.number[:0], content...), spaces[:]...)
	errs := len(d.errs)
	d.value(n, d.number[:len(content)+1], 0, row)
	if len(d.errs) > errs {
		d.errs[len(d.errs)-1].Offset = int32(p - d.start)
	}
	return end
}

// spaces end a number that has no text behind it.
var spaces = [padding + 1]byte{' '}

// exactPowers are the powers of ten that a float64 holds exactly.
var exactPowers = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// float decodes a number into a FLOAT or DOUBLE column, correctly rounded. A
// number of few digits without exponent is a quotient of two numbers that a
// float64 holds exactly, so one division rounds it correctly (Clinger 1990).
func (d *Decoder) float(n *node, b []byte, p, row int) int {
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
	if n.op == opFloat64 && whole > 0 && !leadingZero && whole+fraction <= maxDigits && v < 1<<53 && delimiter[at(b, q)] {
		f := float64(v) / exactPowers[fraction]
		if negative {
			f = -f
		}
		n.column.PutFloat64(row, f)
		return q
	}
	return d.otherFloat(n, b, p, row)
}

// otherFloat decodes what float does not: exponents, many digits, FLOAT; and
// the three values that JSON has no numbers for, as strings.
func (d *Decoder) otherFloat(n *node, b []byte, p, row int) int {
	if at(b, p) == '"' {
		if end := d.stringEnd(b, p+1); end >= 0 {
			switch string(b[p+1 : end-1]) {
			case "NaN":
				return d.putFloat(n, row, math.NaN(), end)
			case "Infinity":
				return d.putFloat(n, row, math.Inf(1), end)
			case "-Infinity":
				return d.putFloat(n, row, math.Inf(-1), end)
			}
		}
		if d.schema.opts.QuotedNumbers {
			return d.quoted(n, b, p, row)
		}
		return d.misfit(n, b, p, ErrType)
	}
	end := skipWord(b, p)
	if !validNumber(b[p:end]) {
		return d.misfit(n, b, p, ErrType)
	}
	width := 64
	if n.op == opFloat32 {
		width = 32
	}
	f, err := strconv.ParseFloat(text(b[p:end]), width)
	if err != nil {
		return d.misfit(n, b, p, ErrRange)
	}
	return d.putFloat(n, row, f, end)
}

func (d *Decoder) putFloat(n *node, row int, f float64, end int) int {
	if n.op == opFloat32 {
		n.column.PutFloat32(row, float32(f))
	} else {
		n.column.PutFloat64(row, f)
	}
	return end
}

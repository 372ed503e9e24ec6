package json

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow/decimal128"
)

func appendInt(dst []byte, v int64) []byte { return strconv.AppendInt(dst, v, 10) }

// appendFloat appends the shortest number that reads back as f, with a point or
// an exponent, so that a reader that guesses types does not take it for an
// integer.
func appendFloat(dst []byte, f float64, width int) []byte {
	abs := math.Abs(f)
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	case abs != 0 && (abs < 1e-4 || abs >= 1e16):
		return strconv.AppendFloat(dst, f, 'e', -1, width)
	}
	dst = strconv.AppendFloat(dst, f, 'f', -1, width)
	if math.Trunc(f) == f {
		dst = append(dst, '.', '0')
	}
	return dst
}

// appendDecimal appends a decimal with all digits of its scale.
func appendDecimal(dst []byte, v decimal128.Num, scale int) []byte {
	if v.Sign() < 0 {
		dst = append(dst, '-')
		v = v.Negate()
	}
	// 39 digits: twice 19 and what is above.
	var text [40]byte
	end := len(text)
	high, low := bits.Div64(uint64(v.HighBits()), v.LowBits(), powersOfTen[maxDigits])
	i := putDigits(text[:], end, low)
	if high > 0 {
		for i > end-maxDigits {
			i--
			text[i] = '0'
		}
		i = putDigits(text[:], i, high)
	}
	for i > end-scale-1 { // at least one digit before the point
		i--
		text[i] = '0'
	}
	dst = append(dst, text[i:end-scale]...)
	if scale > 0 {
		dst = append(append(dst, '.'), text[end-scale:]...)
	}
	return dst
}

// putDigits writes v in decimal so that it ends before text[end], and gives
// where it begins; nothing for 0.
func putDigits(text []byte, end int, v uint64) int {
	for v > 0 {
		end--
		text[end] = byte('0' + v%10)
		v /= 10
	}
	return end
}

const hexDigits = "0123456789abcdef"

// AppendString appends s in quotes, with escapes for quotes, backslashes and
// control characters. Invalid UTF-8 becomes U+FFFD.
func AppendString(dst []byte, s []byte) []byte {
	dst = append(dst, '"')
	n, high := plainRun(s)
	if n == len(s) && high&highs == 0 {
		return append(append(dst, s...), '"')
	}
	if high&highs != 0 && !utf8.Valid(s) {
		return appendRepaired(dst, s)
	}
	for {
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return append(dst, '"')
		}
		dst = appendEscape(dst, s[n])
		s = s[n+1:]
		n, _ = plainRun(s)
	}
}

// plainRun gives the number of bytes at the start of s that need no escape; if
// all do, high has a byte's top bit set if one of s has.
func plainRun(s []byte) (n int, high uint64) {
	for ; n+8 <= len(s); n += 8 {
		w := binary.LittleEndian.Uint64(s[n:])
		if m := special(w); m != 0 {
			return n + firstMark(m), highs
		}
		high |= w
	}
	if n == len(s) {
		return n, high
	}
	if len(s) >= 8 { // the last word overlaps what has been seen
		last := len(s) - 8
		w := binary.LittleEndian.Uint64(s[last:])
		if m := special(w); m != 0 {
			return last + firstMark(m), highs
		}
		return len(s), high | w
	}
	for ; n < len(s); n++ {
		if c := s[n]; c < ' ' || c == '"' || c == '\\' {
			return n, highs
		}
		high |= uint64(s[n])
	}
	return n, high
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// appendRepaired appends s, which is not valid UTF-8, and the closing quote.
func appendRepaired(dst []byte, s []byte) []byte {
	for len(s) > 0 {
		r, size := utf8.DecodeRune(s)
		switch c := s[0]; {
		case r == utf8.RuneError && size == 1:
			dst = utf8.AppendRune(dst, utf8.RuneError)
		case c < ' ' || c == '"' || c == '\\':
			dst = appendEscape(dst, c)
		default:
			dst = append(dst, s[:size]...)
		}
		s = s[size:]
	}
	return append(dst, '"')
}

// appendJSON appends a JSON text. Line ends in it can only be white space; they
// become spaces, so that a row stays on its line.
func appendJSON(dst []byte, s []byte) []byte {
	start := len(dst)
	dst = append(dst, s...)
	for i := start; i < len(dst); i++ {
		if c := dst[i]; c == '\n' || c == '\r' {
			dst[i] = ' '
		}
	}
	return dst
}

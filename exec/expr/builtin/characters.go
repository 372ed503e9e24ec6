package builtin

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode"
	"unicode/utf8"
)

// Texts are UTF-8; positions and lengths count characters (code points).

// charCount counts characters: the bytes that don't continue one, eight at a
// time.
func charCount(s []byte) int {
	const high = 0x8080808080808080
	n := len(s)
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := binary.LittleEndian.Uint64(s[i:])
		// Continuation bytes are 10xxxxxx.
		n -= bits.OnesCount64(w &^ (w << 1) & high)
	}
	for ; i < len(s); i++ {
		if s[i]&0xc0 == 0x80 {
			n--
		}
	}
	return n
}

// charOffset gives the byte at which character k (from 0) starts, len(s) if there
// are no more than k.
func charOffset(s []byte, k int) int {
	i := 0
	for ; k > 0 && i < len(s); k-- {
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, size := utf8.DecodeRune(s[i:])
		i += size
	}
	return i
}

// substring gives length characters from position from: 1 is the first, 0 too;
// a negative one counts from the end, and beyond the start there is nothing.
func substring(s []byte, from, length int64) []byte {
	switch {
	case from > 0:
		from--
	case from < 0:
		if from += int64(charCount(s)); from < 0 {
			return s[:0]
		}
	}
	if from > int64(len(s)) {
		return s[:0]
	}
	s = s[charOffset(s, int(from)):]
	if length >= int64(len(s)) {
		return s
	}
	return s[:charOffset(s, int(length))]
}

func isASCII(s []byte) bool {
	const high = 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		if binary.LittleEndian.Uint64(s[i:])&high != 0 {
			return false
		}
	}
	for ; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func upper(dst, s []byte) []byte {
	if !isASCII(s) {
		return append(dst, bytes.ToUpper(s)...)
	}
	at := len(dst)
	dst = append(dst, s...)
	flipCase(dst[at:], 'a')
	return dst
}

// flipCase turns the case of the letters from first ('a' or 'A') to its z in a
// text of ASCII, eight bytes at a time.
func flipCase(s []byte, first byte) {
	const ones = 0x0101010101010101
	low, high := uint64(0x80-first)*ones, uint64(0x80-first-26)*ones
	for len(s) >= 8 {
		w := binary.LittleEndian.Uint64(s)
		// Bit 7 of each sum says: at least first; beyond its z.
		letters := (w + low) &^ (w + high) & (0x80 * ones)
		binary.LittleEndian.PutUint64(s, w^letters>>2)
		s = s[8:]
	}
	for i, c := range s {
		if c-first < 26 {
			s[i] = c ^ 0x20
		}
	}
}

func lower(dst, s []byte) []byte {
	if !isASCII(s) {
		return append(dst, bytes.ToLower(s)...)
	}
	at := len(dst)
	dst = append(dst, s...)
	flipCase(dst[at:], 'A')
	return dst
}

// capitalised gives each word an upper case first letter, the rest in lower case.
func capitalised(dst, s []byte) []byte {
	inWord := false
	for _, r := range string(s) {
		switch letter := unicode.IsLetter(r) || unicode.IsDigit(r); {
		case letter && !inWord:
			r, inWord = unicode.ToUpper(r), true
		case letter:
			r = unicode.ToLower(r)
		default:
			inWord = false
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

func reversed(dst, s []byte) []byte {
	for len(s) > 0 {
		_, size := utf8.DecodeLastRune(s)
		dst = append(dst, s[len(s)-size:]...)
		s = s[:len(s)-size]
	}
	return dst
}

// replaced replaces what is equal to from, found from the left.
func replaced(dst, s, from, to []byte) []byte {
	if len(from) == 0 {
		return append(dst, s...)
	}
	for {
		i := -1
		if len(from) == 1 {
			i = bytes.IndexByte(s, from[0])
		} else {
			i = bytes.Index(s, from)
		}
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		dst = append(dst, to...)
		s = s[i+len(from):]
	}
}

// trimmed cuts characters that stand in chars from the ends.
func trimmed(s, chars []byte, left, right bool) []byte {
	if len(chars) == 1 && chars[0] < utf8.RuneSelf {
		c := chars[0]
		for left && len(s) > 0 && s[0] == c {
			s = s[1:]
		}
		for right && len(s) > 0 && s[len(s)-1] == c {
			s = s[:len(s)-1]
		}
		return s
	}
	if left {
		s = bytes.TrimLeft(s, string(chars))
	}
	if right {
		s = bytes.TrimRight(s, string(chars))
	}
	return s
}

// padding gives k characters of an endless repetition of pad; nothing if pad has
// no character.
func padding(dst, pad []byte, k int) []byte {
	n := charCount(pad)
	for k > 0 && n > 0 {
		if n > k {
			return append(dst, pad[:charOffset(pad, k)]...)
		}
		dst = append(dst, pad...)
		k -= n
	}
	return dst
}

// locate gives the position of the nth needle at or after position start, 0 if
// there is none.
func locate(s, needle []byte, start, nth int64) int64 {
	if start < 1 || nth < 1 || start > int64(len(s))+1 {
		return 0
	}
	at := charOffset(s, int(start-1))
	for {
		i := bytes.Index(s[at:], needle)
		if i < 0 {
			return 0
		}
		if nth--; nth == 0 {
			return int64(charCount(s[:at+i])) + 1
		}
		_, size := utf8.DecodeRune(s[at+i:])
		if size == 0 {
			return 0
		}
		at += i + size
	}
}

// field gives part k (from 0) of s between separators.
func field(s, sep []byte, k int64) ([]byte, bool) {
	if k < 0 || len(s) == 0 {
		return nil, false
	}
	if len(sep) == 0 {
		return s, k == 0
	}
	if len(sep) == 1 {
		return fieldByte(s, sep[0], k)
	}
	for ; k > 0; k-- {
		i := bytes.Index(s, sep)
		if i < 0 {
			return nil, false
		}
		s = s[i+len(sep):]
	}
	end := bytes.Index(s, sep)
	if end < 0 {
		end = len(s)
	}
	return s[:end], true
}

// translated replaces each character of from by the one at its place in to;
// without a counterpart it is dropped.
func translated(dst, s []byte, from, to []rune) []byte {
	for _, r := range string(s) {
		k := -1
		for i, f := range from {
			if f == r {
				k = i
				break
			}
		}
		switch {
		case k < 0:
			dst = utf8.AppendRune(dst, r)
		case k < len(to):
			dst = utf8.AppendRune(dst, to[k])
		}
	}
	return dst
}

func validUTF8(s []byte) bool { return isASCII(s) || utf8.Valid(s) }

// fieldByte is field for a separator of one byte.
func fieldByte(s []byte, sep byte, k int64) ([]byte, bool) {
	from := 0
	if k > 0 {
		if from = nthByte(s, sep, k) + 1; from == 0 {
			return nil, false
		}
	}
	s = s[from:]
	if end := nthByte(s, sep, 1); end >= 0 {
		s = s[:end]
	}
	return s, true
}

// nthByte gives the place of the nth c (from 1), -1 if there are fewer. Eight
// bytes at a time: no byte of the mask is disturbed by its neighbours, so the
// marks can be counted.
func nthByte(s []byte, c byte, n int64) int {
	const ones = 0x0101010101010101
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := binary.LittleEndian.Uint64(s[i:]) ^ uint64(c)*ones
		marks := ^((x&(0x7f*ones) + 0x7f*ones) | x | 0x7f*ones)
		found := int64(bits.OnesCount64(marks))
		if found < n {
			n -= found
			continue
		}
		for ; n > 1; n-- {
			marks &= marks - 1
		}
		return i + bits.TrailingZeros64(marks)/8
	}
	for ; i < len(s); i++ {
		if s[i] == c {
			if n--; n == 0 {
				return i
			}
		}
	}
	return -1
}

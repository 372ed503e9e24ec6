package json

import (
	"unicode/utf16"
	"unicode/utf8"
)

// escapes gives what a backslash and a letter stand for, 0 for none.
var escapes = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// special marks the bytes of w that a string can't hold as they are: quotes,
// backslashes and control characters. The lowest mark is right.
//
// Quotes and control characters are found in one comparison: flipping bit 1
// maps '"' to 0x20, just above the control characters, which stay below it, and
// maps 0x20 and 0x21 above it.
func special(w uint64) uint64 {
	return bytesBelow(w^(ones*2), 0x21) | bytesEqual(w, '\\')
}

// copyString writes the text of the string that begins at b[p], behind its
// quote, to dst, without its escapes. dst must have room for the bytes up to
// the end of b and stringSlack more. It gives the bytes written and the position
// behind the closing quote, which is -1 if there is none before the end of b or
// the text is in error; then n is 0.
func copyString(dst, b []byte, p int) (n, end int, code ErrorCode) {
	high := uint32(0)
	for p < len(b) {
		var size int
		var h uint32
		if hasAVX2 {
			size, h = copyPlainAVX2(pointer(dst, n), pointer(b, p), len(b)-p)
		} else {
			size, h = copyPlainWords(dst, n, b, p)
		}
		high |= h
		n += size
		p += size
		if p >= len(b) {
			break
		}
		switch c := at(b, p); c {
		case '"':
			if high != 0 && !utf8.Valid(dst[:n]) {
				return 0, -1, ErrUTF8
			}
			return n, p + 1, ErrNone
		case '\\':
			c = at(b, p+1)
			if e := escapes[c]; e != 0 {
				dst[n] = e
				n++
				p += 2
			} else if r, size := unicodeEscape(b, p); size > 0 {
				n += utf8.EncodeRune(dst[n:n+utf8.UTFMax], r)
				p += size
			} else {
				return 0, -1, ErrEscape
			}
		default:
			return 0, -1, ErrControl
		}
	}
	return 0, -1, ErrNone
}

// stringSlack is scanSlack, and the 8 bytes by which a scan may overrun.
const stringSlack = scanSlack + 8

// checkString is copyString without the copy; for a string that is closed it
// always gives the end.
func checkString(b []byte, p int) (end int, code ErrorCode) {
	start := p
	for p < len(b) {
		if p = indexSpecial(b, p); p >= len(b) {
			break
		}
		switch at(b, p) {
		case '"':
			if !utf8.Valid(b[start:p]) {
				return p + 1, ErrUTF8
			}
			return p + 1, ErrNone
		case '\\':
			if escapes[at(b, p+1)] != 0 {
				p += 2
			} else if _, size := unicodeEscape(b, p); size > 0 {
				p += size
			} else {
				return skipString(b, start), ErrEscape
			}
		default:
			return skipString(b, start), ErrControl
		}
	}
	return -1, ErrNone
}

// unicodeEscape reads the \uXXXX at b[p:], or a pair of them that stands for
// one character. Half a pair gives U+FFFD. The size is 0 if it is none.
func unicodeEscape(b []byte, p int) (r rune, size int) {
	r = hex4(b, p)
	if r < 0 {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		if low := hex4(b, p+6); low >= 0 {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 12
			}
		}
		return utf8.RuneError, 6
	}
	return r, 6
}

// hex4 gives the value of the \uXXXX at b[p:], -1 if it is none.
func hex4(b []byte, p int) rune {
	if p+6 > len(b) || b[p] != '\\' || b[p+1] != 'u' {
		return -1
	}
	r := rune(0)
	for _, c := range b[p+2 : p+6] {
		switch {
		case isDigit(c):
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// unescape gives the text of the string b[p:end], which includes its closing
// quote. The text is good until the next call.
func (d *Decoder) unescape(b []byte, p, end int) ([]byte, ErrorCode) {
	if need := end - p + stringSlack; cap(d.scratch) < need {
		d.scratch = make([]byte, need+need/2)
	}
	n, _, code := copyString(d.scratch[:cap(d.scratch)], b[:end], p)
	return d.scratch[:n], code
}

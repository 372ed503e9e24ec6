package json

import "bytes"

// Scanning for the bytes of a string that are special: quotes, backslashes and
// control characters. Up to padding bytes behind the slices are read, and up to
// scanSlack bytes behind the copy are written.

// scanSlack is how many bytes more than the text a copy may overwrite.
const scanSlack = 32

// copyPlainWords copies bytes of b from p on to dst[n:], up to the first special
// one. It gives their number, which leads to the end of b or beyond if there is
// none, and in high a bit if one of them is 0x80 or more.
func copyPlainWords(dst []byte, n int, b []byte, p int) (size int, high uint32) {
	seen := uint64(0)
	for p+size < len(b) {
		w := load64(b, p+size)
		store64(dst, n+size, w)
		mask := special(w)
		if mask != 0 {
			k := firstMark(mask)
			seen |= w & (1<<(8*k) - 1)
			size += k
			break
		}
		seen |= w
		size += 8
	}
	if seen&highs != 0 {
		high = 1
	}
	return size, high
}

// indexSpecial gives the position of the first special byte of b from p on, the
// end of b or beyond if there is none.
func indexSpecial(b []byte, p int) int {
	for p < len(b) {
		if mask := special(load64(b, p)); mask != 0 {
			return p + firstMark(mask)
		}
		p += 8
	}
	return p
}

// indexQuote gives the position of the first quote or line feed of b from p on,
// the end of b or beyond if there is none.
func indexQuote(b []byte, p int) int {
	if hasAVX2 {
		return p + indexQuoteAVX2(pointer(b, p), len(b)-p)
	}
	return indexQuoteBytes(b, p)
}

// indexQuoteBytes is indexQuote by way of the library's scans.
func indexQuoteBytes(b []byte, p int) int {
	end := len(b)
	if i := bytes.IndexByte(b[p:], '"'); i >= 0 {
		end = p + i
	}
	if i := bytes.IndexByte(b[p:end], '\n'); i >= 0 {
		end = p + i
	}
	return end
}

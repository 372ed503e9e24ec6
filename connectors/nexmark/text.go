package nexmark

import "github.com/streamsql/streamsql/connectors/datagen/draw"

// Words (names, descriptions, parts of URLs) have a length uniform in [3, max) and
// letters a-z, a special character with probability 1/13, and no blanks at the
// ends.
const minWord = 3

// letterCodes is the number of equally likely codes of a word's character: 26 of
// them are the special one and 12 each letter.
const letterCodes = 13 * 26

// newWordLetters makes the table that maps a code to its character; specials are 0.
func newWordLetters() *[letterCodes]byte {
	var t [letterCodes]byte
	for c := 26; c < letterCodes; c++ {
		t[c] = byte('a' + c%26)
	}
	return &t
}

// appendWord appends a word of fewer than max characters before trimming. It uses
// the draws from at on: one for the length and one for each three characters.
func (g *Generator) appendWord(dst []byte, s draw.Stream, at uint64, max uint32, special byte) []byte {
	n := int(minWord + draw.Below32(uint32(s.Draw(at)), max-minWord))
	start := len(dst)
	for n > 0 {
		at++
		r := s.Draw(at)
		for range min(n, 3) {
			// 20 bits a character: their bias is 1 in 3,000.
			c := g.letters[r&0xfffff*letterCodes>>20]
			if c == 0 {
				c = special
			}
			dst = append(dst, c)
			r >>= 20
		}
		n -= 3
	}
	if special != ' ' {
		return dst
	}
	for len(dst) > start && dst[len(dst)-1] == ' ' {
		dst = dst[:len(dst)-1]
	}
	blanks := 0
	for start+blanks < len(dst) && dst[start+blanks] == ' ' {
		blanks++
	}
	if blanks > 0 {
		copy(dst[start:], dst[start+blanks:])
		dst = dst[:len(dst)-blanks]
	}
	return dst
}

package builtin

import (
	"fmt"

	"github.com/streamsql/streamsql/catalog"
)

// maxLevenshtein bounds the characters of a text that LEVENSHTEIN takes: its work grows
// with the product of two.
const maxLevenshtein = 10_000

// soundFunctions compare texts by how near they are.
func soundFunctions() []*catalog.Function {
	return []*catalog.Function{
		scalar(texts, called("LEVENSHTEIN", "EDITDIST3"), "(a STRING, b STRING) -> INT",
			fmt.Sprintf("How many characters must be inserted, deleted or replaced to make b of a. NULL if an argument is NULL. Texts of more than %d characters are an error of the row (%s).", maxLevenshtein, codeTooLarge),
			shows("LEVENSHTEIN('kitten', 'sitting')", "3"),
			failing(intType, row(intType, func(c *catalog.EvalContext, a arguments) func(i int) (int32, bool) {
				x, y := a.text(0), a.text(1)
				var m levenshtein
				return func(i int) (int32, bool) {
					d, ok := m.distance(x(i), y(i))
					if !ok {
						c.Fail(i, codeTooLarge, fmt.Sprintf("LEVENSHTEIN of more than %d characters", maxLevenshtein))
					}
					return d, ok
				}
			}), str, str)),
		scalar(texts, called("SOUNDEX"), "(s STRING) -> STRING",
			"The Soundex code of s: its first letter and three digits for the sound of the others. A text that does not begin with a letter from A to Z is its own code. NULL if s is NULL.",
			shows("SOUNDEX('Robert')", "R163", "SOUNDEX('Tymczak')", "T522"),
			overload(str, textToText(str, soundex), str)),
	}
}

// levenshtein is the table of Wagner and Fischer (1974), one row of it.
type levenshtein struct {
	a, b []rune
	row  []int32
}

func (m *levenshtein) distance(x, y []byte) (int32, bool) {
	m.a, m.b = m.a[:0], m.b[:0]
	for _, r := range string(x) {
		m.a = append(m.a, r)
	}
	for _, r := range string(y) {
		m.b = append(m.b, r)
	}
	if max(len(m.a), len(m.b)) > maxLevenshtein {
		return 0, false
	}
	m.row = m.row[:0]
	for j := range len(m.b) + 1 {
		m.row = append(m.row, int32(j))
	}
	for i, r := range m.a {
		diagonal := m.row[0]
		m.row[0] = int32(i + 1)
		for j, q := range m.b {
			cost := diagonal
			if r != q {
				cost = min(diagonal, m.row[j], m.row[j+1]) + 1
			}
			diagonal, m.row[j+1] = m.row[j+1], cost
		}
	}
	return m.row[len(m.b)], true
}

// soundex codes a name as the American National Archives do.
func soundex(dst, s []byte) []byte {
	const codes = "01230120022455012623010202" // of A to Z; 0 has no sound
	if len(s) == 0 || s[0]|0x20 < 'a' || s[0]|0x20 > 'z' {
		return append(dst, s...)
	}
	from := len(dst)
	dst = append(dst, s[0]&^0x20)
	last := codes[s[0]|0x20-'a']
	for _, c := range s[1:] {
		if c |= 0x20; c < 'a' || c > 'z' {
			last = '0'
			continue
		}
		code := codes[c-'a']
		if code != '0' && code != last {
			if dst = append(dst, code); len(dst)-from == 4 {
				return dst
			}
		}
		if c != 'h' && c != 'w' { // these don't part two letters of one sound
			last = code
		}
	}
	for len(dst)-from < 4 {
		dst = append(dst, '0')
	}
	return dst
}

package builtin

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// partFunctions take texts apart at separators.
func partFunctions() []*catalog.Function {
	return []*catalog.Function{
		scalar(texts, called("SPLIT_PART"), "(s STRING, separator STRING, n INT) -> STRING",
			"Part n of s between separators, counted from 1, or from the end with a negative n; empty if there is no such part. NULL if an argument is NULL or n is 0.",
			shows("SPLIT_PART('a,b,c', ',', 2)", "b", "SPLIT_PART('a,b,c', ',', -1)", "c", "SPLIT_PART('a,b', ',', 5)", ""),
			overload(str, rowText(str, func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
				s, sep, n := a.text(0), a.text(1), a.integer(2)
				return func(i int) ([]byte, bool) { return splitPart(s(i), sep(i), n(i)) }
			}), str, str, intType)),
		scalar(texts, called("SUBSTRING_INDEX"), "(s STRING, separator STRING, n INT) -> STRING",
			"s up to the nth separator, or, with a negative n, what stands behind the nth one from the end; s itself if there are fewer, empty if n is 0. NULL if an argument is NULL.",
			shows("SUBSTRING_INDEX('www.apache.org', '.', 2)", "www.apache", "SUBSTRING_INDEX('www.apache.org', '.', -1)", "org"),
			overload(str, rowText(str, func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
				s, sep, n := a.text(0), a.text(1), a.integer(2)
				return func(i int) ([]byte, bool) { return substringIndex(s(i), sep(i), n(i)), true }
			}), str, str, intType)),
		scalar(texts, called("FIND_IN_SET"), "(x STRING, list STRING) -> INT",
			"The position, from 1, of x among the parts of list between commas; 0 if it is none of them. NULL if an argument is NULL.",
			shows("FIND_IN_SET('b', 'a,b,c')", "2", "FIND_IN_SET('d', 'a,b,c')", "0"),
			overload(intType, row(intType, func(_ *catalog.EvalContext, a arguments) func(i int) (int32, bool) {
				x, list := a.text(0), a.text(1)
				return func(i int) (int32, bool) {
					rest, what := list(i), x(i)
					for k := int32(1); len(list(i)) > 0; k++ {
						part, tail, more := bytes.Cut(rest, []byte{','})
						if bytes.Equal(part, what) {
							return k, true
						}
						if rest = tail; !more {
							break
						}
					}
					return 0, true
				}
			}), str, str)),
	}
}

// splitPart gives part n of s.
func splitPart(s, sep []byte, n int64) ([]byte, bool) {
	switch {
	case n == 0:
		return nil, false
	case len(sep) == 0 || len(s) == 0: // one part, the whole
		if n == 1 || n == -1 {
			return s, true
		}
		return nil, true
	}
	if n < 0 {
		n += int64(bytes.Count(s, sep)) + 2
		if n < 1 {
			return nil, true
		}
	}
	for ; ; n-- {
		part, rest, more := bytes.Cut(s, sep)
		if n == 1 {
			return part, true
		}
		if !more {
			return nil, true
		}
		s = rest
	}
}

func substringIndex(s, sep []byte, n int64) []byte {
	if n == 0 || len(sep) == 0 {
		return nil
	}
	at := 0
	if n > 0 {
		for ; n > 0; n-- {
			k := bytes.Index(s[at:], sep)
			if k < 0 {
				return s
			}
			at += k + len(sep)
		}
		return s[:at-len(sep)]
	}
	end := len(s)
	for ; n < 0; n++ {
		k := bytes.LastIndex(s[:end], sep)
		if k < 0 {
			return s
		}
		end = k
	}
	return s[end+len(sep):]
}

// characterTests ask what a text is made of.
func characterTests() []*catalog.Function {
	all := func(f func(r rune) bool) func(s []byte) bool {
		return func(s []byte) bool {
			for len(s) > 0 {
				r, size := utf8.DecodeRune(s)
				if !f(r) {
					return false
				}
				s = s[size:]
			}
			return true
		}
	}
	var fns []*catalog.Function
	for _, f := range []struct {
		name, doc string
		examples  []catalog.Example
		test      func(s []byte) bool
	}{
		{"IS_ALPHA", "Whether s is of letters only, and not empty.", shows("IS_ALPHA('aé')", "true", "IS_ALPHA('a1')", "false"),
			func(s []byte) bool { return len(s) > 0 && all(unicode.IsLetter)(s) }},
		{"IS_DIGIT", "Whether s is of digits only, and not empty.", shows("IS_DIGIT('017')", "true", "IS_DIGIT('1.5')", "false"),
			func(s []byte) bool { return len(s) > 0 && all(unicode.IsDigit)(s) }},
		{"IS_DECIMAL", "Whether s is a number in decimal digits: a sign, digits, a point with digits, an exponent.",
			shows("IS_DECIMAL('-1.50')", "true", "IS_DECIMAL('1e5')", "true", "IS_DECIMAL('x1')", "false"), isDecimal},
	} {
		fns = append(fns, scalar(texts, called(f.name), "(s STRING) -> BOOLEAN", f.doc+" FALSE if s is NULL.", f.examples, signature{
			params: []catalog.Type{str}, result: catalog.Boolean, lax: true,
			kernel: kernel.Func(func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
				valid, s, all := column.Validity(args[0]), kernel.TextsOf(args[0]), kernel.Nullable{}
				return kernel.BoolColumn(c.Alloc, n, sel, &all, func(i int) bool { return valid.Get(i) && f.test(s.At(i)) }), nil
			})}))
	}
	return fns
}

// isDecimal says whether a text is a number in decimal notation.
func isDecimal(s []byte) bool {
	digits := func() (n int) {
		for len(s) > 0 && s[0]-'0' <= 9 {
			s = s[1:]
			n++
		}
		return n
	}
	sign := func() {
		if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
			s = s[1:]
		}
	}
	sign()
	n := digits()
	if len(s) > 0 && s[0] == '.' {
		s = s[1:]
		n += digits()
	}
	if n == 0 {
		return false
	}
	if len(s) > 0 && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		sign()
		return digits() > 0 && len(s) == 0
	}
	return len(s) == 0
}

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

const maxLevenshtein = 10_000

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

// textFunctions are the rest.
func textFunctions() []*catalog.Function {
	bitLength := fixedKernel(intType, stateless(func(_ *catalog.EvalContext, a arguments) func(i int) (int32, bool) {
		s := a.text(0)
		return func(i int) (int32, bool) { return int32(8 * len(s(i))), true }
	}))
	return slices.Concat(partFunctions(), characterTests(), soundFunctions(), []*catalog.Function{
		scalar(texts, called("BIT_LENGTH"), "(s STRING | BYTES) -> INT", "The number of bits of s, in UTF-8. NULL if s is NULL.", shows("BIT_LENGTH('é')", "16"),
			overload(intType, bitLength, str), overload(intType, bitLength, catalog.Bytes)),
		scalar(texts, called("UNICODE", "ORD"), "(s STRING) -> INT", "The Unicode code of the first character of s; 0 if s is empty. NULL if s is NULL.", shows("UNICODE('é')", "233"),
			overload(intType, row(intType, func(_ *catalog.EvalContext, a arguments) func(i int) (int32, bool) {
				s := a.text(0)
				return func(i int) (int32, bool) {
					if len(s(i)) == 0 {
						return 0, true
					}
					r, _ := utf8.DecodeRune(s(i))
					return r, true
				}
			}), str)),
		scalar(texts, called("SPACE"), "(n INT) -> STRING", fmt.Sprintf("n blanks; empty if n is not positive. NULL if n is NULL. More than %d MiB is an error of the row (%s).", maxText>>20, codeTooLarge),
			shows("'<' || SPACE(2) || '>'", "<  >"), failing(str, rowText(str, func(c *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
				n := a.integer(0)
				var blanks []byte
				return func(i int) ([]byte, bool) {
					k := max(n(i), 0)
					if k > maxText {
						return nil, tooLarge(c, i, k)
					}
					for int64(len(blanks)) < k {
						blanks = append(blanks, ' ')
					}
					return blanks[:k], true
				}
			}), intType)),
		{
			Name: "ELT", Category: texts, Signatures: []string{"ELT(n INT, a, b, ...) -> common type"},
			Doc: "The nth of the values behind n, from 1. NULL if there is none, n is NULL or the value is; only the value that is taken is evaluated.", Examples: shows("ELT(2, 'a', 'b')", "b", "ELT(3, 'a', 'b')", "NULL"),
			Resolve: resolveElt,
		},
	})
}

// resolveElt makes a CASE of ELT.
func resolveElt(args []catalog.Arg) (*catalog.Overload, error) {
	if err := argCount("ELT", args, 2, math.MaxInt); err != nil {
		return nil, err
	}
	t, ok := catalog.CommonTypeOf(argTypes(args[1:])...)
	if !ok || !catalog.CanCast(args[0].Type, intType, true) {
		return nil, noOverload("ELT", args)
	}
	params := append([]catalog.Type{intType}, same(t, len(args)-1)...)
	eq := comparisons()[equal]
	return macro(params, t, func(args []catalog.Expr) catalog.Expr {
		out := &catalog.Case{T: t}
		for k, v := range args[1:] {
			n := &catalog.Literal{Value: int64(k + 1), T: intType}
			out.Whens = append(out.Whens, catalog.When{Then: v, Cond: &catalog.Call{Fn: eq, Args: []catalog.Expr{args[0], n}, Overload: &catalog.Overload{
				Params: same(intType, 2), Result: catalog.Boolean, Strict: true, Kernel: comparisonKernel(equal, intType, intType),
			}}})
		}
		return out
	}), nil
}

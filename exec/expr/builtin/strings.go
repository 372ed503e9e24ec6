package builtin

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// codeTooLarge is the code of a text that would be longer than maxText.
const codeTooLarge = "TOO_LARGE"

// maxText bounds what one call can make of a short text, in bytes.
const maxText = 1 << 20

var (
	str     = catalog.String
	intType = catalog.Int
)

func simpleText(name, doc, sig string, examples []catalog.Example, k catalog.Kernel) *catalog.Function {
	return &catalog.Function{
		Name: name, Category: texts, Doc: doc + " NULL if s is NULL.", Signatures: []string{sig}, Examples: examples,
		Resolve: choose(name, signature{params: []catalog.Type{str}, result: str, kernel: k}),
	}
}

func stringFunctions() []*catalog.Function {
	return append([]*catalog.Function{
		withAliases(simpleText("UPPER", "s in upper case.", "UPPER(s STRING) -> STRING",
			[]catalog.Example{{SQL: "UPPER('äöü')", Result: "ÄÖÜ"}, {SQL: "UPPER('aBc')", Result: "ABC"}}, caseKernel(upper, 'a')), "UCASE"),
		withAliases(simpleText("LOWER", "s in lower case.", "LOWER(s STRING) -> STRING",
			[]catalog.Example{{SQL: "LOWER('ÄbC')", Result: "äbc"}, {SQL: "LOWER('Apple')", Result: "apple"}}, caseKernel(lower, 'A')), "LCASE"),
		simpleText("INITCAP", "s with each word in lower case but its first letter. A word is a run of letters and digits.", "INITCAP(s STRING) -> STRING",
			[]catalog.Example{{SQL: "INITCAP('hELLO new-world')", Result: "Hello New-World"}}, textToText(str, capitalised)),
		simpleText("REVERSE", "The characters of s from the last to the first.", "REVERSE(s STRING) -> STRING",
			[]catalog.Example{{SQL: "REVERSE('aäb')", Result: "bäa"}}, textToText(str, reversed)),
		{
			Name: "CHAR_LENGTH", Aliases: []string{"CHARACTER_LENGTH", "LENGTH", "LEN"}, Category: texts,
			Signatures: []string{"CHAR_LENGTH(s STRING) -> INT", "LENGTH(b BYTES) -> INT"},
			Doc:        "The number of characters of s; of BYTES the number of bytes. NULL if s is NULL.",
			Examples:   []catalog.Example{{SQL: "CHAR_LENGTH('aäb')", Result: "3"}, {SQL: "LENGTH('')", Result: "0"}},
			Resolve: choose("CHAR_LENGTH",
				signature{params: []catalog.Type{str}, result: intType, kernel: lengthKernel(charCount)},
				signature{params: []catalog.Type{catalog.Bytes}, result: intType, kernel: lengthKernel(nil)}),
		},
		{
			Name: "OCTET_LENGTH", Aliases: []string{"STRLEN"}, Category: texts,
			Signatures: []string{"OCTET_LENGTH(s STRING | BYTES) -> INT"},
			Doc:        "The number of bytes of s, in UTF-8. NULL if s is NULL.",
			Examples:   []catalog.Example{{SQL: "OCTET_LENGTH('aäb')", Result: "4"}},
			Resolve: choose("OCTET_LENGTH",
				signature{params: []catalog.Type{str}, result: intType, kernel: lengthKernel(nil)},
				signature{params: []catalog.Type{catalog.Bytes}, result: intType, kernel: lengthKernel(nil)}),
		},
		{
			Name: "SUBSTRING", Aliases: []string{"SUBSTR", "MID"}, Category: texts,
			Signatures: []string{"SUBSTRING(s STRING, start INT [, length INT]) -> STRING", "SUBSTRING(s FROM start [FOR length]) -> STRING"},
			Doc: "length characters of s from position start; to the end without length. The first position is 1 (0 counts as 1), a negative one " +
				"counts from the end. Empty beyond the text. NULL if an argument is NULL or length is negative.",
			Examples: []catalog.Example{
				{SQL: "SUBSTRING('abcdef', 2, 3)", Result: "bcd"}, {SQL: "SUBSTRING('äöü' FROM 2)", Result: "öü"},
				{SQL: "SUBSTRING('abc', -2)", Result: "bc"}, {SQL: "SUBSTRING('abc', 7)", Result: ""},
			},
			Resolve: choose("SUBSTRING",
				signature{params: []catalog.Type{str, intType}, result: str, kernel: substringKernel(2)},
				signature{params: []catalog.Type{str, intType, intType}, result: str, kernel: substringKernel(3)}),
		},
		{
			Name: "LEFT", Category: texts,
			Signatures: []string{"LEFT(s STRING, n INT) -> STRING"},
			Doc:        "The first n characters; empty if n is not positive. NULL if an argument is NULL.",
			Examples:   []catalog.Example{{SQL: "LEFT('äöü', 2)", Result: "äö"}, {SQL: "LEFT('abc', -1)", Result: ""}},
			Resolve: choose("LEFT", signature{params: []catalog.Type{str, intType}, result: str, kernel: partKernel(func(s []byte, n int64) []byte {
				return substring(s, 1, max(n, 0))
			})}),
		},
		{
			Name: "RIGHT", Category: texts,
			Signatures: []string{"RIGHT(s STRING, n INT) -> STRING"},
			Doc:        "The last n characters; empty if n is not positive. NULL if an argument is NULL.",
			Examples:   []catalog.Example{{SQL: "RIGHT('äöü', 2)", Result: "öü"}, {SQL: "RIGHT('abc', 5)", Result: "abc"}},
			Resolve: choose("RIGHT", signature{params: []catalog.Type{str, intType}, result: str, kernel: partKernel(func(s []byte, n int64) []byte {
				if n <= 0 {
					return nil
				}
				return s[charOffset(s, charCount(s)-int(min(n, int64(len(s))))):]
			})}),
		},
		{
			Name: "TRIM", Category: texts,
			Signatures: []string{"TRIM(s STRING) -> STRING", "TRIM([BOTH | LEADING | TRAILING] [chars] FROM s) -> STRING"},
			Doc:        "s without the characters that stand in chars (default: blank) at both ends, its start or its end. NULL if an argument is NULL.",
			Examples: []catalog.Example{
				{SQL: "TRIM('  a b ')", Result: "a b"}, {SQL: "TRIM(LEADING 'x' FROM 'xxax')", Result: "ax"}, {SQL: "TRIM('ab' FROM 'abcba')", Result: "c"},
			},
			Resolve: resolveTrim,
		},
		trimFunction("LTRIM", "start", "LTRIM('  a ')", "a ", true, false),
		trimFunction("RTRIM", "end", "RTRIM('abxx', 'x')", "ab", false, true),
		trimFunction("BTRIM", "start and end", "BTRIM('xxaxx', 'x')", "a", true, true),
		{
			Name: "REPLACE", Category: texts,
			Signatures: []string{"REPLACE(s STRING, from STRING, to STRING) -> STRING"},
			Doc:        "s with every from replaced by to; s itself if from is empty. NULL if an argument is NULL.",
			Examples:   []catalog.Example{{SQL: "REPLACE('abcabc', 'bc', 'X')", Result: "aXaX"}, {SQL: "REPLACE('abc', '', 'X')", Result: "abc"}},
			Resolve: choose("REPLACE", signature{params: []catalog.Type{str, str, str}, result: str, kernel: textKernel(str, stateless(
				func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
					s, from, to := a.text(0), a.text(1), a.text(2)
					var scratch []byte
					return func(i int) ([]byte, bool) {
						scratch = replaced(scratch[:0], s(i), from(i), to(i))
						return scratch, true
					}
				}))}),
		},
		{
			Name: "TRANSLATE", Category: texts,
			Signatures: []string{"TRANSLATE(s STRING, from STRING, to STRING) -> STRING"},
			Doc: "s with each character that stands in from replaced by the one at the same place in to, or dropped if to is shorter. " +
				"NULL if an argument is NULL.",
			Examples: []catalog.Example{{SQL: "TRANSLATE('2-4(5)', '-()', '/')", Result: "2/45"}},
			Resolve: choose("TRANSLATE", signature{params: []catalog.Type{str, str, str}, result: str, kernel: textKernel(str, stateless(
				func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
					s, from, to := a.text(0), a.text(1), a.text(2)
					var scratch []byte
					return func(i int) ([]byte, bool) {
						scratch = translated(scratch[:0], s(i), []rune(string(from(i))), []rune(string(to(i))))
						return scratch, true
					}
				}))}),
		},
		{
			Name: "OVERLAY", Category: texts,
			Signatures: []string{"OVERLAY(s STRING, new STRING, start INT [, length INT]) -> STRING", "OVERLAY(s PLACING new FROM start [FOR length])"},
			Doc: "s with length characters (default: the length of new) from position start replaced by new; s itself if start is not a position of it. " +
				"NULL if an argument is NULL.",
			Examples: []catalog.Example{{SQL: "OVERLAY('xxxxxtest', 'xxxx', 6)", Result: "xxxxxxxxx"}, {SQL: "OVERLAY('abcdef', 'X', 2, 3)", Result: "aXef"}},
			Resolve: choose("OVERLAY",
				signature{params: []catalog.Type{str, str, intType}, result: str, kernel: overlayKernel(3)},
				signature{params: []catalog.Type{str, str, intType, intType}, result: str, kernel: overlayKernel(4)}),
		},
		padFunction("LPAD", "left", "LPAD('7', 3, '0')", "007", true),
		padFunction("RPAD", "right", "RPAD('ab', 5, 'xy')", "abxyx", false),
		{
			Name: "REPEAT", Category: texts,
			Signatures: []string{"REPEAT(s STRING, n INT) -> STRING"},
			Doc:        fmt.Sprintf("s n times; empty if n is not positive. NULL if an argument is NULL. More than %d MiB is an error of the row (%s).", maxText>>20, codeTooLarge),
			Examples:   []catalog.Example{{SQL: "REPEAT('ab', 3)", Result: "ababab"}},
			Resolve: choose("REPEAT", signature{params: []catalog.Type{str, intType}, result: str, canFail: true, kernel: textKernel(str, stateless(
				func(c *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
					s, n := a.text(0), a.integer(1)
					return func(i int) ([]byte, bool) {
						k := max(n(i), 0)
						if k*int64(len(s(i))) > maxText {
							return nil, tooLarge(c, i, k*int64(len(s(i))))
						}
						return bytes.Repeat(s(i), int(k)), true
					}
				}))}),
		},
		{
			Name: "SPLIT_INDEX", Category: texts,
			Signatures: []string{"SPLIT_INDEX(s STRING, separator STRING, index INT) -> STRING"},
			Doc:        "Part index of s between separators, counted from 0. NULL if there is no such part, s is empty or an argument is NULL.",
			Examples: []catalog.Example{
				{SQL: "SPLIT_INDEX('a/b//c', '/', 1)", Result: "b"}, {SQL: "SPLIT_INDEX('a/b//c', '/', 2)", Result: ""}, {SQL: "SPLIT_INDEX('a/b', '/', 2)", Result: "NULL"},
			},
			Resolve: choose("SPLIT_INDEX", signature{params: []catalog.Type{str, str, intType}, result: str, kernel: textKernel(str, stateless(
				func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
					if sep, ok := a.lits.text(1); ok && len(sep) == 1 {
						if k, ok := a.lits.integer(2); ok && k >= 0 {
							s, c := kernel.TextsOf(a.cols[0]), sep[0]
							return func(i int) ([]byte, bool) {
								if text := s.At(i); len(text) > 0 {
									return fieldByte(text, c, k)
								}
								return nil, false
							}
						}
					}
					s, sep, k := a.text(0), a.text(1), a.integer(2)
					return func(i int) ([]byte, bool) { return field(s(i), sep(i), k(i)) }
				}))}),
		},
		{
			Name: "CHR", Aliases: []string{"CHAR"}, Category: texts,
			Signatures: []string{"CHR(n INT) -> STRING"},
			Doc:        "The character of code n modulo 256 (Latin-1); empty if n is negative. NULL if n is NULL.",
			Examples:   []catalog.Example{{SQL: "CHR(97)", Result: "a"}, {SQL: "CHR(353)", Result: "a"}},
			Resolve: choose("CHR", signature{params: []catalog.Type{catalog.BigInt}, result: str, kernel: textKernel(str, stateless(
				func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
					n := a.integer(0)
					var buf [2]byte
					return func(i int) ([]byte, bool) {
						if n(i) < 0 {
							return nil, true
						}
						return utf8.AppendRune(buf[:0], rune(n(i)&0xff)), true
					}
				}))}),
		},
	}, append(searchFunctions(), concatFunctions()...)...)
}

func tooLarge(c *catalog.EvalContext, i int, size int64) bool {
	c.Fail(i, codeTooLarge, fmt.Sprintf("a text of %d bytes is more than %d", size, maxText))
	return false
}

func partKernel(f func(s []byte, n int64) []byte) catalog.Kernel {
	return textKernel(str, stateless(func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
		s, n := a.text(0), a.integer(1)
		return func(i int) ([]byte, bool) { return f(s(i), n(i)), true }
	}))
}

func substringKernel(args int) catalog.Kernel {
	return textKernel(str, stateless(func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
		s, from := a.text(0), a.integer(1)
		length := func(int) int64 { return math.MaxInt64 }
		if args == 3 {
			length = a.integer(2)
		}
		return func(i int) ([]byte, bool) {
			n := length(i)
			if n < 0 {
				return nil, false
			}
			return substring(s(i), from(i), n), true
		}
	}))
}

func overlayKernel(args int) catalog.Kernel {
	return textKernel(str, stateless(func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
		s, placed, from := a.text(0), a.text(1), a.integer(2)
		length := func(i int) int64 { return int64(charCount(placed(i))) }
		if args == 4 {
			length = a.integer(3)
		}
		var out []byte
		return func(i int) ([]byte, bool) {
			text, at := s(i), from(i)
			if at < 1 || at > int64(charCount(text)) {
				return text, true
			}
			start := charOffset(text, int(at-1))
			end := start + charOffset(text[start:], int(max(0, min(length(i), int64(len(text))))))
			out = append(append(append(out[:0], text[:start]...), placed(i)...), text[end:]...)
			return out, true
		}
	}))
}

func resolveTrim(args []catalog.Arg) (*catalog.Overload, error) {
	if len(args) != 3 {
		return choose("TRIM",
			signature{params: []catalog.Type{str}, result: str, kernel: trimKernel(0, -1, true, true)},
			signature{params: []catalog.Type{str, str}, result: str, kernel: trimKernel(0, 1, true, true)})(args)
	}
	mode := ""
	if args[0].Const != nil {
		mode, _ = args[0].Const.Value.(string)
	}
	left, right := true, true
	switch strings.ToUpper(mode) {
	case "BOTH":
	case "LEADING":
		right = false
	case "TRAILING":
		left = false
	default:
		return nil, fmt.Errorf("TRIM takes BOTH, LEADING or TRAILING, not %q", mode)
	}
	return choose("TRIM", signature{params: []catalog.Type{str, str, str}, result: str, kernel: trimKernel(2, 1, left, right)})(args)
}

// trimKernel trims argument text by the characters of argument chars (-1: blank).
func trimKernel(text, chars int, left, right bool) catalog.Kernel {
	return textKernel(str, stateless(func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
		s := a.text(text)
		set := func(int) []byte { return []byte{' '} }
		if chars >= 0 {
			set = a.text(chars)
		}
		return func(i int) ([]byte, bool) { return trimmed(s(i), set(i), left, right), true }
	}))
}

func trimFunction(name, end, sql, result string, left, right bool) *catalog.Function {
	return &catalog.Function{
		Name: name, Category: texts,
		Signatures: []string{name + "(s STRING [, chars STRING]) -> STRING"},
		Doc:        "s without the characters that stand in chars (default: blank) at its " + end + ". NULL if an argument is NULL.",
		Examples:   []catalog.Example{{SQL: sql, Result: result}},
		Resolve: choose(name,
			signature{params: []catalog.Type{str}, result: str, kernel: trimKernel(0, -1, left, right)},
			signature{params: []catalog.Type{str, str}, result: str, kernel: trimKernel(0, 1, left, right)}),
	}
}

func padFunction(name, side, sql, result string, left bool) *catalog.Function {
	pad := func(args int) catalog.Kernel {
		return textKernel(str, stateless(func(c *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
			s, n := a.text(0), a.integer(1)
			fill := func(int) []byte { return []byte{' '} }
			if args == 3 {
				fill = a.text(2)
			}
			var out []byte
			return func(i int) ([]byte, bool) {
				text, want, with := s(i), n(i), fill(i)
				have := int64(charCount(text))
				switch {
				case want < 0 || want > have && len(with) == 0:
					return nil, false
				case want <= have:
					return text[:charOffset(text, int(want))], true
				case want*utf8.UTFMax > maxText:
					return nil, tooLarge(c, i, want)
				}
				out = out[:0]
				if !left {
					out = append(out, text...)
				}
				if out = padding(out, with, int(want-have)); left {
					out = append(out, text...)
				}
				return out, true
			}
		}))
	}
	return &catalog.Function{
		Name: name, Category: texts,
		Signatures: []string{name + "(s STRING, n INT [, pad STRING]) -> STRING"},
		Doc: "s brought to n characters: filled up on the " + side + " with pad (default: blank), or cut on the right. " +
			"NULL if an argument is NULL, n is negative, or pad is empty and needed. Too long a text is an error of the row (" + codeTooLarge + ").",
		Examples: []catalog.Example{{SQL: sql, Result: result}, {SQL: name + "('abc', 2, 'x')", Result: "ab"}},
		Resolve: choose(name,
			signature{params: []catalog.Type{str, intType}, result: str, canFail: true, kernel: pad(2)},
			signature{params: []catalog.Type{str, intType, str}, result: str, canFail: true, kernel: pad(3)}),
	}
}

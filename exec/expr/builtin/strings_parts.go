package builtin

import (
	"bytes"

	"github.com/streamsql/streamsql/catalog"
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

package builtin

import (
	"math"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

const regexpErrors = regexpDoc + " NULL if an argument is NULL. Errors as for RLIKE."

// regexpMatches are the functions of regular expressions that count, place and
// list matches.
func regexpMatches() []*catalog.Function {
	define := func(n names, params, doc string, examples []catalog.Example, list ...signature) *catalog.Function {
		f := scalar(patterns, n, params, doc+regexpErrors, examples, list...)
		f.Resolve = checkPattern(n[0], 1, f.Resolve)
		return f
	}
	search := func(f func(p *searchPattern, s []byte) int32) catalog.Kernel {
		return fixedKernel(intType, func(lits constants) func(c *catalog.EvalContext, a arguments) func(i int) (int32, bool) {
			fixed := regexpMatcher(lits, 1)
			return func(c *catalog.EvalContext, a arguments) func(i int) (int32, bool) {
				s, pattern := a.text(0), openPattern(c, a, 1, fixed)
				return func(i int) (int32, bool) {
					p := pattern(i)
					if p == nil {
						return 0, false
					}
					return f(p, s(i)), true
				}
			}
		})
	}
	return []*catalog.Function{
		define(called("REGEXP_COUNT"), "(s STRING, pattern STRING) -> INT", "How many matches of the regular expression s has, none overlapping another.",
			shows("REGEXP_COUNT('banana', 'an')", "2", "REGEXP_COUNT('abc', 'x')", "0"),
			failing(intType, search(func(p *searchPattern, s []byte) int32 {
				if !p.mayMatch(s) {
					return 0
				}
				return int32(len(p.re.FindAllIndex(s, -1)))
			}), str, str)),
		define(called("REGEXP_INSTR"), "(s STRING, pattern STRING) -> INT", "The position, from 1, of the first match of the regular expression in s; 0 without a match.",
			shows("REGEXP_INSTR('höher', '[e-h]e')", "3"),
			failing(intType, search(func(p *searchPattern, s []byte) int32 {
				if !p.mayMatch(s) {
					return 0
				}
				m := p.re.FindIndex(s)
				if m == nil {
					return 0
				}
				return int32(charCount(s[:m[0]]) + 1)
			}), str, str)),
		define(called("REGEXP_SUBSTR"), "(s STRING, pattern STRING) -> STRING", "The first match of the regular expression in s; NULL without a match.",
			shows("REGEXP_SUBSTR('id=42;', '[0-9]+')", "42", "REGEXP_SUBSTR('abc', 'x')", "NULL"),
			failing(str, textKernel(str, func(lits constants) func(c *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
				fixed := regexpMatcher(lits, 1)
				return func(c *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
					s, pattern := a.text(0), openPattern(c, a, 1, fixed)
					return func(i int) ([]byte, bool) {
						p := pattern(i)
						if p == nil {
							return nil, false
						}
						return p.group(s(i), 0)
					}
				}
			}), str, str)),
		define(called("REGEXP_EXTRACT_ALL"), "(s STRING, pattern STRING [, group INT]) -> ARRAY<STRING>",
			"What a group holds in each match of the regular expression in s, as an array; group 0 is the whole match. The default is group 1 if the pattern has one, else 0. A group that took no part in its match is NULL; the array is NULL if there is no such group.",
			shows("REGEXP_EXTRACT_ALL('a1b22', '[0-9]+')", `["1","22"]`, "REGEXP_EXTRACT_ALL('k=1,l=2', '([a-z])=([0-9])', 2)", `["1","2"]`, "REGEXP_EXTRACT_ALL('abc', 'x')", "[]"),
			failing(catalog.ArrayOf(str), extractAll(2), str, str), failing(catalog.ArrayOf(str), extractAll(3), str, str, intType)),
		define(called("REGEXP_SPLIT", "REGEXP_SPLIT_TO_ARRAY", "STRING_SPLIT_REGEX", "STR_SPLIT_REGEX"), "(s STRING, pattern STRING) -> ARRAY<STRING>", "The parts of s between the matches of the regular expression; one that matches the empty text splits between characters too.",
			shows("REGEXP_SPLIT('a1b22c', '[0-9]+')", `["a","b","c"]`, "REGEXP_SPLIT('abc', '')", `["a","b","c"]`), failing(catalog.ArrayOf(str), regexpSplit(), str, str)),
	}
}

// textLists is a kernel that gives arrays of texts row by row; f adds the
// elements of a row and says whether it is not NULL.
func textLists(prepare func(lits constants) func(c *catalog.EvalContext, a arguments, out *lists) func(i int) bool) catalog.Kernel {
	bound := func(lits constants) kernel.Func {
		open := prepare(lits)
		return func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
			out := newLists(c.Alloc, n)
			valid := kernel.NewNullable(c.Alloc, n, args...)
			row := open(c, arguments{cols: args, lits: lits}, out)
			kernel.ForEach(n, sel, &valid, func(i int) {
				out.begin(i)
				if !row(i) {
					out.undo()
					valid.SetNull(i)
				}
			})
			return out.finish(valid.Buffer())
		}
	}
	return kernel.Bindable{Kernel: bound(nil), Bind: func(lits []*catalog.Literal) catalog.Kernel { return bound(lits) }}
}

func extractAll(args int) catalog.Kernel {
	return textLists(func(lits constants) func(c *catalog.EvalContext, a arguments, out *lists) func(i int) bool {
		fixed := regexpMatcher(lits, 1)
		return func(c *catalog.EvalContext, a arguments, out *lists) func(i int) bool {
			s, pattern := a.text(0), openPattern(c, a, 1, fixed)
			group := func(int) int64 { return math.MinInt64 }
			if args == 3 {
				group = a.integer(2)
			}
			return func(i int) bool {
				p := pattern(i)
				if p == nil {
					return false
				}
				k := group(i)
				if k == math.MinInt64 {
					k = int64(min(1, p.re.NumSubexp()))
				}
				if k < 0 || k > int64(p.re.NumSubexp()) {
					return false
				}
				text := s(i)
				if !p.mayMatch(text) {
					return true
				}
				for _, m := range p.re.FindAllSubmatchIndex(text, -1) {
					if m[2*k] < 0 {
						out.addNull()
					} else {
						out.add(text[m[2*k]:m[2*k+1]])
					}
				}
				return true
			}
		}
	})
}

func regexpSplit() catalog.Kernel {
	return textLists(func(lits constants) func(c *catalog.EvalContext, a arguments, out *lists) func(i int) bool {
		fixed := regexpMatcher(lits, 1)
		return func(c *catalog.EvalContext, a arguments, out *lists) func(i int) bool {
			s, pattern := a.text(0), openPattern(c, a, 1, fixed)
			return func(i int) bool {
				p := pattern(i)
				if p == nil {
					return false
				}
				text, at := s(i), 0
				for _, m := range p.re.FindAllIndex(text, -1) {
					// An empty match splits between two characters.
					if m[1] > m[0] || m[0] > 0 && m[0] < len(text) {
						out.add(text[at:m[0]])
						at = m[1]
					}
				}
				out.add(text[at:])
				return true
			}
		}
	})
}

package builtin

import (
	"fmt"
	"strings"

	"github.com/streamsql/streamsql/catalog"
)

const regexpDoc = " The syntax is RE2's: as Java's, but without references back and looking around."

// regexpMatcher prepares the pattern in argument k.
func regexpMatcher(lits constants, k int) *matcher[*searchPattern] {
	if pattern, ok := lits.text(k); ok {
		p, err := compileSearch(pattern)
		return &matcher[*searchPattern]{fixed: true, p: p, err: err}
	}
	return nil
}

// openPattern gives the pattern of each row; a wrong one is an error of the row.
func openPattern(c *catalog.EvalContext, a arguments, k int, fixed *matcher[*searchPattern]) func(i int) *searchPattern {
	if fixed != nil && fixed.err == nil {
		return func(int) *searchPattern { return fixed.p }
	}
	text := a.text(k)
	m := &matcher[*searchPattern]{compile: compileSearch}
	return func(i int) *searchPattern {
		p, err := m.get(text(i))
		if err != nil {
			c.Fail(i, codeBadPattern, err.Error())
			return nil
		}
		return p
	}
}

// checkPattern refuses a constant pattern that is wrong at planning. With one that
// is right no row can be in error.
func checkPattern(name string, k int, resolve func(args []catalog.Arg) (*catalog.Overload, error)) func(args []catalog.Arg) (*catalog.Overload, error) {
	return func(args []catalog.Arg) (*catalog.Overload, error) {
		if k < len(args) && args[k].Const != nil {
			if pattern, ok := args[k].Const.Value.(string); ok {
				if _, err := compileSearch(pattern); err != nil {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
			}
			o, err := resolve(args)
			if err == nil {
				o.CanFail = false
			}
			return o, err
		}
		return resolve(args)
	}
}

func regexpFunctions() []*catalog.Function {
	rlike := func(not bool) catalog.Kernel {
		return boolKernel(func(lits constants) func(c *catalog.EvalContext, a arguments) func(i int) (bool, bool) {
			fixed := regexpMatcher(lits, 1)
			return func(c *catalog.EvalContext, a arguments) func(i int) (bool, bool) {
				s, pattern := a.text(0), openPattern(c, a, 1, fixed)
				return func(i int) (bool, bool) {
					p := pattern(i)
					return p != nil && p.match(s(i)) != not, p != nil
				}
			}
		})
	}
	extract := func(args int) catalog.Kernel {
		return textKernel(str, func(lits constants) func(c *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
			fixed := regexpMatcher(lits, 1)
			return func(c *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
				s, pattern := a.text(0), openPattern(c, a, 1, fixed)
				group := func(int) int64 { return 0 }
				if args == 3 {
					group = a.integer(2)
				}
				return func(i int) ([]byte, bool) {
					p := pattern(i)
					if p == nil {
						return nil, false
					}
					return p.group(s(i), int(group(i)))
				}
			}
		})
	}
	replace := textKernel(str, func(lits constants) func(c *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
		fixed := regexpMatcher(lits, 1)
		return func(c *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
			s, pattern, with := a.text(0), openPattern(c, a, 1, fixed), a.text(2)
			return func(i int) ([]byte, bool) {
				p := pattern(i)
				if p == nil {
					return nil, false
				}
				if len(p.needle) > 0 && !p.match(s(i)) {
					return s(i), true
				}
				return p.re.ReplaceAll(s(i), []byte(template(string(with(i))))), true
			}
		}
	})
	two := []catalog.Type{str, str}
	return []*catalog.Function{
		{
			Name: "RLIKE", Aliases: []string{"REGEXP", "REGEXP_LIKE", "REGEXP_MATCHES"}, Category: patterns,
			Signatures: []string{"s RLIKE pattern -> BOOLEAN", "REGEXP(s STRING, pattern STRING) -> BOOLEAN"},
			Doc: "Whether some part of s matches the regular expression." + regexpDoc + " NULL if an argument is NULL. A wrong pattern is an error at " +
				"planning, or of the row (" + codeBadPattern + ") if it is no constant.",
			Examples: []catalog.Example{{SQL: "'stream' RLIKE 'r.a'", Result: "true"}, {SQL: "'stream' RLIKE '^r'", Result: "false"}},
			Resolve:  checkPattern("RLIKE", 1, choose("RLIKE", signature{params: two, result: catalog.Boolean, canFail: true, kernel: rlike(false)})),
		},
		{
			Name: "NOT RLIKE", Aliases: []string{"NOT REGEXP"}, Category: patterns,
			Signatures: []string{"s NOT RLIKE pattern -> BOOLEAN"}, Doc: "NOT (s RLIKE pattern).",
			Examples: []catalog.Example{{SQL: "'stream' NOT RLIKE '^r'", Result: "true"}},
			Resolve:  checkPattern("RLIKE", 1, choose("NOT RLIKE", signature{params: two, result: catalog.Boolean, canFail: true, kernel: rlike(true)})),
		},
		{
			Name: "REGEXP_EXTRACT", Category: patterns,
			Signatures: []string{"REGEXP_EXTRACT(s STRING, pattern STRING [, group INT]) -> STRING"},
			Doc: "What a group of the first match of the regular expression in s holds; group 0 (the default) is the whole match." + regexpDoc +
				" NULL without a match, if there is no such group or it took no part, or if an argument is NULL. Errors as for RLIKE.",
			Examples: []catalog.Example{
				{SQL: "REGEXP_EXTRACT('a=1&channel_id=77&b', '(&|^)channel_id=([^&]*)', 2)", Result: "77"},
				{SQL: "REGEXP_EXTRACT('foothebar', 'foo(.*?)(bar)')", Result: "foothebar"}, {SQL: "REGEXP_EXTRACT('abc', 'x')", Result: "NULL"},
			},
			Resolve: checkPattern("REGEXP_EXTRACT", 1, choose("REGEXP_EXTRACT",
				signature{params: two, result: str, canFail: true, kernel: extract(2)},
				signature{params: []catalog.Type{str, str, intType}, result: str, canFail: true, kernel: extract(3)})),
		},
		{
			Name: "REGEXP_REPLACE", Category: patterns,
			Signatures: []string{"REGEXP_REPLACE(s STRING, pattern STRING, new STRING) -> STRING"},
			Doc: "s with every match of the regular expression replaced by new, in which $1 stands for what group 1 holds and \\$ for a dollar sign." + regexpDoc +
				" NULL if an argument is NULL. Errors as for RLIKE.",
			Examples: []catalog.Example{{SQL: "REGEXP_REPLACE('foobar', 'oo|ar', '')", Result: "fb"}, {SQL: "REGEXP_REPLACE('a1b2', '([a-z])([0-9])', '$2$1')", Result: "1a2b"}},
			Resolve: checkPattern("REGEXP_REPLACE", 1, choose("REGEXP_REPLACE",
				signature{params: []catalog.Type{str, str, str}, result: str, canFail: true, kernel: replace})),
		},
	}
}

// template translates Java's replacement text ($1, \$) into Go's (${1}, $$).
func template(java string) string {
	if !strings.ContainsAny(java, `$\`) {
		return java
	}
	var b strings.Builder
	for i := 0; i < len(java); i++ {
		switch c := java[i]; {
		case c == '\\' && i+1 < len(java):
			i++
			if java[i] == '$' {
				b.WriteByte('$')
			}
			b.WriteByte(java[i])
		case c == '$' && i+1 < len(java) && java[i+1] >= '0' && java[i+1] <= '9':
			j := i + 1
			for j < len(java) && java[j] >= '0' && java[j] <= '9' {
				j++
			}
			b.WriteString("${" + java[i+1:j] + "}")
			i = j - 1
		case c == '$':
			b.WriteString("$$")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

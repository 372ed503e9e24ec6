package builtin

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// codeBadPattern is the code of a pattern that is none.
const codeBadPattern = "BAD_PATTERN"

// likePattern is a compiled LIKE pattern.
type likePattern struct {
	// parts are the literals between % signs, if there is no _; the first one is
	// a prefix and the last one a suffix (both may be empty).
	parts [][]byte
	// symbols are the pattern's characters otherwise.
	symbols []rune
}

const (
	anyChar rune = -1 // _
	anyText rune = -2 // %
)

var errEscape = errors.New("an escape character stands before %, _ or itself alone")

// compileLike compiles a pattern; escape is 0 for none.
func compileLike(pattern string, escape rune) (*likePattern, error) {
	p := &likePattern{}
	var part []byte
	escaped, single := false, false
	for _, r := range pattern {
		switch {
		case escaped:
			if r != '%' && r != '_' && r != escape {
				return nil, errEscape
			}
			escaped = false
		case escape != 0 && r == escape:
			escaped = true
			continue
		case r == '%':
			p.symbols = append(p.symbols, anyText)
			p.parts = append(p.parts, part)
			part = nil
			continue
		case r == '_':
			p.symbols = append(p.symbols, anyChar)
			single = true
			continue
		}
		p.symbols = append(p.symbols, r)
		part = utf8.AppendRune(part, r)
	}
	if escaped {
		return nil, errEscape
	}
	p.parts = append(p.parts, part)
	if single {
		p.parts = nil
	}
	return p, nil
}

func (p *likePattern) match(s []byte) bool {
	if p.parts == nil {
		return p.matchSymbols(s)
	}
	first, last := p.parts[0], p.parts[len(p.parts)-1]
	if len(p.parts) == 1 {
		return bytes.Equal(s, first)
	}
	if len(s) < len(first)+len(last) || !bytes.HasPrefix(s, first) || !bytes.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range p.parts[1 : len(p.parts)-1] {
		i := bytes.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}

// matchSymbols goes back to the last % only: an earlier one need not take more.
func (p *likePattern) matchSymbols(s []byte) bool {
	at, k := 0, 0
	retryAt, retryK := -1, -1
	for at < len(s) {
		r, size := utf8.DecodeRune(s[at:])
		switch {
		case k < len(p.symbols) && p.symbols[k] == anyText:
			k++
			retryAt, retryK = at, k
			continue
		case k < len(p.symbols) && (p.symbols[k] == anyChar || p.symbols[k] == r):
			k++
			at += size
			continue
		case retryK < 0:
			return false
		}
		_, skip := utf8.DecodeRune(s[retryAt:])
		retryAt += skip
		at, k = retryAt, retryK
	}
	for k < len(p.symbols) && p.symbols[k] == anyText {
		k++
	}
	return k == len(p.symbols)
}

// matcher compiles a pattern once if it is constant, else for each new text.
type matcher[P any] struct {
	compile func(pattern string) (P, error)
	fixed   bool
	last    string
	have    bool
	p       P
	err     error
}

func (m *matcher[P]) get(pattern []byte) (P, error) {
	if !m.fixed && (!m.have || m.last != string(pattern)) {
		m.last, m.have = string(pattern), true
		m.p, m.err = m.compile(m.last)
	}
	return m.p, m.err
}

// likeMaker makes the row function of LIKE or SIMILAR TO: arguments text,
// pattern and perhaps escape.
func likeMaker[P any](not bool, compile func(pattern string, escape rune) (P, error), match func(p P, s []byte) bool) maker[bool] {
	return func(lits constants) func(c *catalog.EvalContext, a arguments) func(i int) (bool, bool) {
		var fixed *matcher[P]
		if pattern, ok := lits.text(1); ok {
			escape, escOK := "", true
			if len(lits) == 3 {
				escape, escOK = lits.text(2)
			}
			if escOK {
				if esc, err := escapeChar([]byte(escape), len(lits) == 3); err == nil {
					p, err := compile(pattern, esc)
					fixed = &matcher[P]{fixed: true, p: p, err: err}
				}
			}
		}
		return func(c *catalog.EvalContext, a arguments) func(i int) (bool, bool) {
			s := a.text(0)
			if fixed != nil && fixed.err == nil {
				p := fixed.p
				return func(i int) (bool, bool) { return match(p, s(i)) != not, true }
			}
			pattern := a.text(1)
			escape := func(int) []byte { return nil }
			if a.has(2) {
				escape = a.text(2)
			}
			var esc rune
			m := &matcher[P]{compile: func(text string) (P, error) { return compile(text, esc) }}
			return func(i int) (bool, bool) {
				e, err := escapeChar(escape(i), a.has(2))
				if e != esc {
					esc, m.have = e, false
				}
				var p P
				if err == nil {
					p, err = m.get(pattern(i))
				}
				if err != nil {
					c.Fail(i, codeBadPattern, fmt.Sprintf("pattern '%s': %v", pattern(i), err))
					return false, false
				}
				return match(p, s(i)) != not, true
			}
		}
	}
}

func escapeChar(s []byte, given bool) (rune, error) {
	if !given {
		return 0, nil
	}
	r, size := utf8.DecodeRune(s)
	if size != len(s) || size == 0 {
		return 0, errors.New("ESCAPE takes one character")
	}
	return r, nil
}

// likeFunctions are LIKE and SIMILAR TO with their negations.
func likeFunctions() []*catalog.Function {
	like := func(not bool) maker[bool] {
		return likeMaker(not, compileLike, func(p *likePattern, s []byte) bool { return p.match(s) })
	}
	similar := func(not bool) maker[bool] {
		return likeMaker(not, compileSimilar, (*searchPattern).match)
	}
	return []*catalog.Function{
		{
			Name: "LIKE", Category: patterns, Signatures: []string{"s LIKE pattern [ESCAPE c] -> BOOLEAN"},
			Doc: "Whether the whole of s matches the pattern: % stands for any text, _ for one character, and c before one of these (or itself) " +
				"takes its meaning away; without ESCAPE nothing does. NULL if an argument is NULL. A wrong use of c is an error of the row (" + codeBadPattern + ").",
			Examples: []catalog.Example{
				{SQL: "'stream' LIKE 'st%m'", Result: "true"}, {SQL: "'stream' LIKE 'str_m'", Result: "false"}, {SQL: "'10%' LIKE '10!%' ESCAPE '!'", Result: "true"},
			},
			Resolve: resolvePattern("LIKE", boolKernel(like(false))),
		},
		{
			Name: "NOT LIKE", Category: patterns, Signatures: []string{"s NOT LIKE pattern [ESCAPE c] -> BOOLEAN"},
			Doc: "NOT (s LIKE pattern).", Examples: []catalog.Example{{SQL: "'stream' NOT LIKE 'x%'", Result: "true"}},
			Resolve: resolvePattern("NOT LIKE", boolKernel(like(true))),
		},
		{
			Name: "SIMILAR TO", Category: patterns, Signatures: []string{"s SIMILAR TO pattern [ESCAPE c] -> BOOLEAN"},
			Doc: "Whether the whole of s matches the pattern of the SQL standard: % and _ as for LIKE, and of regular expressions |, *, +, ?, {m,n}, " +
				"( ) and [ ]. NULL if an argument is NULL. A wrong pattern is an error of the row (" + codeBadPattern + ").",
			Examples: []catalog.Example{{SQL: "'abc' SIMILAR TO '%(b|d)%'", Result: "true"}, {SQL: "'a.c' SIMILAR TO 'a.d'", Result: "false"}},
			Resolve:  resolvePattern("SIMILAR TO", boolKernel(similar(false))),
		},
		{
			Name: "NOT SIMILAR TO", Category: patterns, Signatures: []string{"s NOT SIMILAR TO pattern [ESCAPE c] -> BOOLEAN"},
			Doc: "NOT (s SIMILAR TO pattern).", Examples: []catalog.Example{{SQL: "'abc' NOT SIMILAR TO 'b'", Result: "true"}},
			Resolve: resolvePattern("NOT SIMILAR TO", boolKernel(similar(true))),
		},
	}
}

func resolvePattern(name string, k catalog.Kernel) func(args []catalog.Arg) (*catalog.Overload, error) {
	resolve := choose(name,
		signature{params: []catalog.Type{str, str}, result: catalog.Boolean, canFail: true, kernel: k},
		signature{params: []catalog.Type{str, str, str}, result: catalog.Boolean, canFail: true, kernel: k})
	return func(args []catalog.Arg) (*catalog.Overload, error) {
		o, err := resolve(args)
		if err == nil && len(args) == 2 && strings.HasSuffix(name, "LIKE") {
			o.CanFail = false // without ESCAPE every text is a pattern
		}
		return o, err
	}
}

var _ kernel.ConstBinder = boolRows{}

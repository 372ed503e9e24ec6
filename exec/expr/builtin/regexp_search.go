package builtin

import (
	"bytes"
	"regexp"
	"regexp/syntax"
	"strings"
)

// searchPattern finds a regular expression in texts. Two things spare the
// automaton, which takes about a microsecond a text: a literal that every match
// contains is looked for first; and a pattern of the form
//
//	[a character, a class or the start] literal (class* or literal)...
//
// such as (&|^)channel_id=([^&]*) is matched by hand.
type searchPattern struct {
	re     *regexp.Regexp
	needle []byte // in every match; empty: none known
	simple *anchoredPattern
}

func compileSearch(pattern string) (*searchPattern, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	p := &searchPattern{re: re}
	if tree, err := syntax.Parse(pattern, syntax.Perl); err == nil {
		p.needle = []byte(mandatory(tree))
		p.simple = anchor(tree)
	}
	return p, nil
}

// compileSimilar translates a SIMILAR TO pattern.
func compileSimilar(pattern string, escape rune) (*searchPattern, error) {
	var b strings.Builder
	b.WriteString(`(?s)\A(?:`)
	escaped, class := false, false
	for _, r := range pattern {
		switch {
		case escaped:
			b.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case escape != 0 && r == escape:
			escaped = true
		case class:
			if r == '\\' {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
			class = r != ']'
		case r == '%':
			b.WriteString(".*")
		case r == '_':
			b.WriteByte('.')
		case strings.ContainsRune("|*+?{}()", r):
			b.WriteRune(r)
		case r == '[':
			b.WriteRune(r)
			class = true
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	if escaped {
		return nil, errEscape
	}
	b.WriteString(`)\z`)
	return compileSearch(b.String())
}

func (p *searchPattern) match(s []byte) bool {
	if p.simple != nil {
		_, ok := p.simple.find(s, 0)
		return ok
	}
	return p.mayMatch(s) && p.re.Match(s)
}

func (p *searchPattern) mayMatch(s []byte) bool {
	return len(p.needle) == 0 || bytes.Contains(s, p.needle)
}

// group gives what a group of the first match holds; false if there is no match
// or the group takes no part in it.
func (p *searchPattern) group(s []byte, k int) ([]byte, bool) {
	if k < 0 || k > p.re.NumSubexp() {
		return nil, false
	}
	if p.simple != nil {
		return p.simple.find(s, k)
	}
	if !p.mayMatch(s) {
		return nil, false
	}
	m := p.re.FindSubmatchIndex(s)
	if m == nil || m[2*k] < 0 {
		return nil, false
	}
	return s[m[2*k]:m[2*k+1]], true
}

// mandatory gives the longest literal that every match contains.
func mandatory(t *syntax.Regexp) string {
	switch t.Op {
	case syntax.OpLiteral:
		if t.Flags&syntax.FoldCase == 0 {
			return string(t.Rune)
		}
	case syntax.OpCapture, syntax.OpPlus:
		return mandatory(t.Sub[0])
	case syntax.OpRepeat:
		if t.Min > 0 {
			return mandatory(t.Sub[0])
		}
	case syntax.OpConcat:
		best := ""
		for _, s := range t.Sub {
			if m := mandatory(s); len(m) > len(best) {
				best = m
			}
		}
		return best
	}
	return ""
}

// anchoredPattern is a pattern around a literal. It works on bytes: a class may
// hold all characters beyond ASCII or none.
type anchoredPattern struct {
	before  *byteSet // what may stand in front of the literal; nil: anything
	start   bool     // the start of the text will do in its place
	literal []byte
	rare    int // index of the byte of literal to look for
	after   []patternItem
	groups  map[int][2]int // group: first item, item after the last; item -1 is before
}

// patternItem is a literal or a greedy repetition of a class.
type patternItem struct {
	literal []byte
	class   *byteSet
	min     int
}

type byteSet [256]bool

// anchor recognises a pattern that an anchoredPattern can match; nil if it is
// none.
func anchor(t *syntax.Regexp) *anchoredPattern {
	items := []*syntax.Regexp{t}
	if t.Op == syntax.OpConcat {
		items = t.Sub
	}
	p := &anchoredPattern{groups: map[int][2]int{}}
	if len(items) > 1 && p.front(items[0]) {
		items = items[1:]
	}
	if len(items) == 0 || items[0].Op != syntax.OpLiteral || items[0].Flags&syntax.FoldCase != 0 {
		return nil
	}
	p.literal = []byte(string(items[0].Rune))
	for i, b := range p.literal {
		if commonness(b) < commonness(p.literal[p.rare]) {
			p.rare = i
		}
	}
	for _, it := range items[1:] {
		cap := 0
		if it.Op == syntax.OpCapture {
			cap, it = it.Cap, it.Sub[0]
		}
		item, ok := simpleItem(it)
		if !ok {
			return nil
		}
		if cap > 0 {
			p.groups[cap] = [2]int{len(p.after), len(p.after) + 1}
		}
		p.after = append(p.after, item)
	}
	// Greedy repetitions must not have to give back: what follows one does not
	// start with what it takes.
	for i, it := range p.after {
		if it.class == nil {
			continue
		}
		for _, next := range p.after[i+1:] {
			if next.class != nil {
				for b := range 256 {
					if it.class[b] && next.class[b] {
						return nil
					}
				}
				if next.min > 0 {
					break
				}
				continue
			}
			if it.class[next.literal[0]] {
				return nil
			}
			break
		}
	}
	return p
}

// front takes a group or item as what stands before the literal.
func (p *anchoredPattern) front(t *syntax.Regexp) bool {
	cap := 0
	if t.Op == syntax.OpCapture {
		cap, t = t.Cap, t.Sub[0]
	}
	set := &byteSet{}
	alternatives := []*syntax.Regexp{t}
	if t.Op == syntax.OpAlternate {
		alternatives = t.Sub
	} else if t.Op == syntax.OpLiteral {
		return false // part of the literal
	}
	for _, a := range alternatives {
		switch {
		case a.Op == syntax.OpBeginText:
			p.start = true
		case a.Op == syntax.OpLiteral && len(a.Rune) == 1 && a.Rune[0] < 0x80 && a.Flags&syntax.FoldCase == 0:
			set[a.Rune[0]] = true
		case a.Op == syntax.OpCharClass:
			for i := 0; i < len(a.Rune); i += 2 {
				if a.Rune[i+1] >= 0x80 {
					p.start = false
					return false
				}
				for r := a.Rune[i]; r <= a.Rune[i+1]; r++ {
					set[r] = true
				}
			}
		default:
			p.start = false
			return false
		}
	}
	p.before = set
	if cap > 0 {
		p.groups[cap] = [2]int{-1, -1}
	}
	return true
}

func simpleItem(t *syntax.Regexp) (patternItem, bool) {
	min := 0
	switch t.Op {
	case syntax.OpLiteral:
		return patternItem{literal: []byte(string(t.Rune))}, t.Flags&syntax.FoldCase == 0
	case syntax.OpPlus:
		min = 1
	case syntax.OpStar:
	default:
		return patternItem{}, false
	}
	if t.Flags&syntax.NonGreedy != 0 {
		return patternItem{}, false
	}
	set := &byteSet{}
	switch of := t.Sub[0]; of.Op {
	case syntax.OpCharClass:
		for i := 0; i < len(of.Rune); i += 2 {
			from, to := of.Rune[i], of.Rune[i+1]
			switch {
			case to < 0x80:
			case from <= 0x80 && to == 0x10ffff:
				for b := 0x80; b < 0x100; b++ {
					set[b] = true
				}
				to = 0x7f
			default:
				return patternItem{}, false
			}
			for r := from; r <= to; r++ {
				set[r] = true
			}
		}
	case syntax.OpAnyChar:
		for b := range set {
			set[b] = true
		}
	case syntax.OpAnyCharNotNL:
		for b := range set {
			set[b] = b != '\n'
		}
	default:
		return patternItem{}, false
	}
	return patternItem{class: set, min: min}, true
}

// commonness ranks bytes by how often texts have them: a search for a rare one
// stops seldom.
func commonness(b byte) int {
	switch {
	case b >= 'a' && b <= 'z' || b == ' ':
		return 3
	case b >= '0' && b <= '9' || b == '/' || b == '.' || b == '-':
		return 2
	case b == '=' || b == '&' || b == ',' || b == ':' || b == '"':
		return 1
	}
	return 0
}

// next gives the place of the literal at or after from, -1 if there is none.
func (p *anchoredPattern) next(s []byte, from int) int {
	for at := from + p.rare; at < len(s); at++ {
		i := bytes.IndexByte(s[at:], p.literal[p.rare])
		if i < 0 {
			return -1
		}
		at += i
		if begin := at - p.rare; bytes.HasPrefix(s[begin:], p.literal) {
			return begin
		}
	}
	return -1
}

// find gives group k of the first match.
func (p *anchoredPattern) find(s []byte, k int) ([]byte, bool) {
	for from := 0; ; {
		at := p.next(s, from)
		if at < 0 {
			return nil, false
		}
		from = at + 1
		start := at
		if p.before != nil {
			switch {
			case at > 0 && p.before[s[at-1]]:
				start--
			case at > 0 || !p.start:
				continue
			}
		}
		end := at + len(p.literal)
		var group [2]int
		span, want := p.groups[k]
		if want && span[0] < 0 {
			group = [2]int{start, at}
		}
		ok := true
		for n, it := range p.after {
			begin := end
			if it.class == nil {
				if ok = bytes.HasPrefix(s[end:], it.literal); !ok {
					break
				}
				end += len(it.literal)
			} else {
				for end < len(s) && it.class[s[end]] {
					end++
				}
				if ok = end-begin >= it.min; !ok {
					break
				}
			}
			if want && span[0] == n {
				group = [2]int{begin, end}
			}
		}
		if !ok {
			continue
		}
		switch {
		case k == 0:
			return s[start:end], true
		case want:
			return s[group[0]:group[1]], true
		}
		return nil, false
	}
}

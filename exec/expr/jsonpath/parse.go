package jsonpath

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Path is a parsed path. It is immutable and may be shared.
type Path struct {
	strict bool
	steps  []step
}

type stepKind uint8

const (
	memberStep   stepKind = iota // .name
	membersStep                  // .*
	indexStep                    // [n, m to k]
	elementsStep                 // [*]
	deepStep                     // ..name, ..* (no name)
	filterStep                   // ?(...)
)

type step struct {
	kind   stepKind
	name   string
	ranges []indexRange
	filter *condition
}

// indexRange is [from to to]; a bound with last counts back from the last one.
type indexRange struct{ from, to bound }

type bound struct {
	n    int
	last bool
}

type conditionKind uint8

const (
	orCondition conditionKind = iota
	andCondition
	notCondition
	existsCondition
	compareCondition
	prefixCondition
	regexCondition
)

type condition struct {
	kind        conditionKind
	args        []*condition
	op          string
	left, right operand
	text        string
	re          *regexp.Regexp
}

// operand is a path from the value at hand (@), from the document ($), or a
// constant.
type operand struct {
	path  []step
	root  bool
	value *constant
}

type constantKind uint8

const (
	nullConstant constantKind = iota
	boolConstant
	numberConstant
	textConstant
)

type constant struct {
	kind constantKind
	text string // of a number and a text
	b    bool
}

// Parse reads a path.
func Parse(text string) (p *Path, err error) {
	r := &reader{text: text}
	defer func() {
		if e := recover(); e != nil {
			bad, ok := e.(syntaxError)
			if !ok {
				panic(e)
			}
			p, err = nil, fmt.Errorf("JSON path '%s', character %d: %s", text, utf8.RuneCountInString(text[:min(r.at, len(text))])+1, string(bad))
		}
	}()
	p = &Path{}
	r.blank()
	if r.word("strict") {
		p.strict = true
	} else {
		r.word("lax")
	}
	r.blank()
	if !r.take("$") {
		r.fail("a path begins with $: $.member[index]")
	}
	p.steps = r.steps()
	r.blank()
	if r.at < len(r.text) {
		r.fail("this is no step of a path")
	}
	return p, nil
}

type syntaxError string

type reader struct {
	text  string
	at    int
	depth int
}

func (r *reader) fail(format string, args ...any) { panic(syntaxError(fmt.Sprintf(format, args...))) }

func (r *reader) blank() {
	for r.at < len(r.text) && (r.text[r.at] == ' ' || r.text[r.at] == '\t' || r.text[r.at] == '\n') {
		r.at++
	}
}

func (r *reader) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *reader) take(s string) bool {
	if strings.HasPrefix(r.text[r.at:], s) {
		r.at += len(s)
		return true
	}
	return false
}

func (r *reader) want(s string) {
	r.blank()
	if !r.take(s) {
		r.fail("want %s", s)
	}
}

// word takes a word that is not the start of a longer one.
func (r *reader) word(w string) bool {
	rest := r.text[r.at:]
	if len(rest) < len(w) || !strings.EqualFold(rest[:len(w)], w) || len(rest) > len(w) && isNameByte(rest[len(w)]) {
		return false
	}
	r.at += len(w)
	return true
}

func isNameByte(c byte) bool {
	return c == '_' || c == '$' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c >= 0x80
}

func (r *reader) name() string {
	if q := r.peek(); q == '"' {
		return r.quoted()
	}
	from := r.at
	for r.at < len(r.text) && (isNameByte(r.text[r.at]) || r.text[r.at] == '-' && r.at > from) {
		r.at++
	}
	if r.at == from {
		r.fail("want the name of a member")
	}
	return r.text[from:r.at]
}

// quoted reads a text in single or double quotes, with the escapes of JSON.
func (r *reader) quoted() string {
	quote := r.text[r.at]
	r.at++
	var b strings.Builder
	for r.at < len(r.text) {
		c := r.text[r.at]
		r.at++
		switch {
		case c == quote:
			return b.String()
		case c == '\\' && r.at < len(r.text):
			e := r.text[r.at]
			r.at++
			switch e {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			case 'r':
				b.WriteByte('\r')
			case 'b':
				b.WriteByte('\b')
			case 'f':
				b.WriteByte('\f')
			case 'u':
				if r.at+4 > len(r.text) {
					r.fail("\\u wants four hexadecimal digits")
				}
				n, err := strconv.ParseUint(r.text[r.at:r.at+4], 16, 16)
				if err != nil {
					r.fail("\\u wants four hexadecimal digits")
				}
				r.at += 4
				b.WriteRune(rune(n))
			default:
				b.WriteByte(e)
			}
		default:
			b.WriteByte(c)
		}
	}
	r.fail("the quote is not closed")
	return ""
}

func (r *reader) steps() []step {
	var out []step
	for {
		mark := r.at
		r.blank()
		switch {
		case r.take(".."):
			if r.take("*") {
				out = append(out, step{kind: deepStep})
			} else {
				out = append(out, step{kind: deepStep, name: r.name()})
			}
		case r.take("."):
			r.blank()
			switch {
			case r.take("*"):
				out = append(out, step{kind: membersStep})
			case r.peek() == '[': // $.['name'], as Flink's manual has it
			default:
				name := r.name()
				if r.peek() == '(' {
					r.fail("there is no method %s()", name)
				}
				out = append(out, step{kind: memberStep, name: name})
			}
		case r.take("["):
			out = append(out, r.subscripts())
		case r.take("?"):
			out = append(out, r.filter())
		default:
			r.at = mark
			return out
		}
	}
}

// subscripts reads what stands within brackets.
func (r *reader) subscripts() step {
	r.blank()
	switch c := r.peek(); {
	case r.take("*"):
		r.want("]")
		return step{kind: elementsStep}
	case r.take("?"):
		s := r.filter()
		r.want("]")
		return s
	case c == '\'' || c == '"':
		s := step{kind: memberStep, name: r.quoted()}
		r.want("]")
		return s
	}
	s := step{kind: indexStep}
	for {
		from := r.bound()
		to := from
		r.blank()
		if r.word("to") {
			to = r.bound()
		}
		s.ranges = append(s.ranges, indexRange{from, to})
		r.blank()
		if r.take("]") {
			return s
		}
		if !r.take(",") {
			r.fail("want , or ]")
		}
	}
}

func (r *reader) bound() bound {
	r.blank()
	if r.word("last") {
		r.blank()
		if r.take("-") {
			r.blank()
			return bound{r.integer(), true}
		}
		return bound{0, true}
	}
	return bound{r.integer(), false}
}

func (r *reader) integer() int {
	from := r.at
	for r.peek()-'0' <= 9 {
		r.at++
	}
	n, err := strconv.ParseInt(r.text[from:r.at], 10, 31)
	if err != nil {
		r.at = from
		r.fail("want an index")
	}
	return int(n)
}

func (r *reader) filter() step {
	r.want("(")
	c := r.or()
	r.want(")")
	return step{kind: filterStep, filter: c}
}

func (r *reader) or() *condition {
	if r.depth++; r.depth > 100 {
		r.fail("the condition is nested too deeply")
	}
	defer func() { r.depth-- }()
	left := r.and()
	for r.blank(); r.take("||"); r.blank() {
		left = &condition{kind: orCondition, args: []*condition{left, r.and()}}
	}
	return left
}

func (r *reader) and() *condition {
	left := r.not()
	for r.blank(); r.take("&&"); r.blank() {
		left = &condition{kind: andCondition, args: []*condition{left, r.not()}}
	}
	return left
}

func (r *reader) not() *condition {
	r.blank()
	switch {
	case r.peek() == '!' && !strings.HasPrefix(r.text[r.at:], "!="):
		r.at++
		r.blank()
		return &condition{kind: notCondition, args: []*condition{r.not()}}
	case r.take("("):
		c := r.or()
		r.want(")")
		return c
	case r.word("exists"):
		r.want("(")
		r.blank()
		c := &condition{kind: existsCondition, left: r.operand()}
		r.want(")")
		return c
	}
	return r.comparison()
}

func (r *reader) comparison() *condition {
	left := r.operand()
	r.blank()
	switch {
	case r.word("like_regex"):
		r.blank()
		pattern := r.quotedText()
		r.blank()
		if r.word("flag") {
			r.blank()
			pattern = "(?" + r.quotedText() + ")" + pattern
		}
		re, err := regexp.Compile(pattern)
		if err != nil {
			r.fail("%v", err)
		}
		return &condition{kind: regexCondition, left: left, re: re}
	case r.word("starts"):
		r.blank()
		if !r.word("with") {
			r.fail("want starts with")
		}
		r.blank()
		return &condition{kind: prefixCondition, left: left, text: r.quotedText()}
	}
	for _, op := range []string{"==", "=", "!=", "<>", "<=", ">=", "<", ">"} {
		if r.take(op) {
			r.blank()
			switch op {
			case "=":
				op = "=="
			case "<>":
				op = "!="
			}
			return &condition{kind: compareCondition, op: op, left: left, right: r.operand()}
		}
	}
	if left.value != nil {
		r.fail("want a comparison")
	}
	return &condition{kind: existsCondition, left: left}
}

func (r *reader) quotedText() string {
	if c := r.peek(); c != '"' && c != '\'' {
		r.fail("want a text in quotes")
	}
	return r.quoted()
}

func (r *reader) operand() operand {
	switch c := r.peek(); {
	case r.take("@"):
		return operand{path: r.steps()}
	case r.take("$"):
		return operand{path: r.steps(), root: true}
	case c == '"' || c == '\'':
		return operand{value: &constant{kind: textConstant, text: r.quoted()}}
	case r.word("true"):
		return operand{value: &constant{kind: boolConstant, b: true}}
	case r.word("false"):
		return operand{value: &constant{kind: boolConstant}}
	case r.word("null"):
		return operand{value: &constant{kind: nullConstant}}
	}
	from := r.at
	for c := r.peek(); c-'0' <= 9 || c == '-' || c == '+' || c == '.' || (c == 'e' || c == 'E') && r.at > from; c = r.peek() {
		r.at++
	}
	text := r.text[from:r.at]
	if _, err := strconv.ParseFloat(text, 64); err != nil {
		r.at = from
		r.fail("want @, $ or a constant")
	}
	return operand{value: &constant{kind: numberConstant, text: text}}
}

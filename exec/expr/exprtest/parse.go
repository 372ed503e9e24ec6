// Package exprtest is a small reader of SQL expressions for the tests of
// exec/expr, which must not depend on the parser and planner. It binds names to
// columns, resolves functions and adds casts as the planner does.
package exprtest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/streamsql/streamsql/catalog"
)

// Scope is what names mean in an expression.
type Scope struct {
	Functions catalog.FunctionSet
	Columns   []catalog.Field
}

// Parse reads and binds one expression.
func (s Scope) Parse(sql string) (e catalog.Expr, err error) {
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(failure)
			if !ok {
				panic(r)
			}
			err = fmt.Errorf("%s: %w", sql, f.error)
		}
	}()
	p := &parser{scope: s, tokens: lex(sql)}
	e = p.expr(0)
	if p.peek() != "" {
		fail("unexpected %q", p.peek())
	}
	return e, nil
}

type failure struct{ error }

func fail(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

type parser struct {
	scope  Scope
	tokens []string
}

// lex cuts a text into words, numbers, strings ('...'), names ("..." or `...`)
// and signs.
func lex(sql string) []string {
	var out []string
	for i := 0; i < len(sql); {
		c := sql[i]
		j := i + 1
		switch {
		case c == ' ' || c == '\n' || c == '\t':
			i++
			continue
		case c == '\'' || c == '"' || c == '`':
			for ; ; j++ {
				if j >= len(sql) {
					fail("open string")
				}
				if sql[j] == c {
					if j+1 < len(sql) && sql[j+1] == c {
						j++
						continue
					}
					break
				}
			}
			j++
		case isLetter(c):
			for j < len(sql) && (isLetter(sql[j]) || isDigit(sql[j])) {
				j++
			}
		case isDigit(c) || c == '.' && j < len(sql) && isDigit(sql[j]):
			for j < len(sql) && (isDigit(sql[j]) || sql[j] == '.' || sql[j] == 'e' || sql[j] == 'E' ||
				(sql[j] == '-' || sql[j] == '+') && (sql[j-1] == 'e' || sql[j-1] == 'E')) {
				j++
			}
		default:
			if j < len(sql) {
				switch sql[i : j+1] {
				case "<>", "<=", ">=", "!=", "||", "::", "=>":
					j++
				}
			}
		}
		out = append(out, sql[i:j])
		i = j
	}
	return out
}

func isLetter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *parser) next() string {
	t := p.peek()
	if t == "" {
		fail("unexpected end")
	}
	p.tokens = p.tokens[1:]
	return t
}

// is takes words if they come next.
func (p *parser) is(words ...string) bool {
	if len(p.tokens) < len(words) {
		return false
	}
	for i, w := range words {
		if !strings.EqualFold(p.tokens[i], w) {
			return false
		}
	}
	p.tokens = p.tokens[len(words):]
	return true
}

func (p *parser) want(word string) {
	if !p.is(word) {
		fail("want %s, not %q", word, p.peek())
	}
}

// Levels of precedence.
const (
	levelOr = iota + 1
	levelAnd
	levelNot
	levelCompare
	levelAdd
	levelMultiply
	levelSign
)

func (p *parser) expr(level int) catalog.Expr {
	left := p.prefix()
	for {
		switch {
		case level < levelOr && p.is("OR"):
			left = &catalog.Or{Args: []catalog.Expr{p.boolean(left), p.boolean(p.expr(levelOr))}}
		case level < levelAnd && p.is("AND"):
			left = &catalog.And{Args: []catalog.Expr{p.boolean(left), p.boolean(p.expr(levelAnd))}}
		case level < levelCompare && p.is("IS"):
			left = p.isTest(left)
		case level < levelCompare && p.is("NOT", "BETWEEN"):
			left = p.call("NOT", p.between(left))
		case level < levelCompare && p.is("BETWEEN"):
			left = p.between(left)
		case level < levelCompare && p.is("NOT", "IN"):
			left = p.call("NOT IN", append([]catalog.Expr{left}, p.parenthesised()...)...)
		case level < levelCompare && p.is("IN"):
			left = p.call("IN", append([]catalog.Expr{left}, p.parenthesised()...)...)
		case level < levelCompare && p.isPattern():
			left = p.pattern(left)
		case level < levelCompare && oneOf(p.peek(), "=", "<>", "!=", "<", "<=", ">", ">="):
			left = p.call(p.next(), left, p.expr(levelCompare))
		case level < levelAdd && oneOf(p.peek(), "+", "-", "||"):
			left = p.call(p.next(), left, p.expr(levelAdd))
		case level < levelMultiply && oneOf(strings.ToUpper(p.peek()), "*", "/", "%", "DIV"):
			left = p.call(strings.ToUpper(p.next()), left, p.expr(levelMultiply))
		case level < levelSign && p.is("AT", "TIME", "ZONE"):
			left = p.call("AT TIME ZONE", left, p.expr(levelSign))
		case p.is("["):
			left = p.call("ITEM", left, p.expr(0))
			p.want("]")
		case p.is("::"):
			left = &catalog.Cast{Of: left, T: p.dataType()}
		case p.peek() == ".":
			p.next()
			left = member(left, unquote(p.next()))
		default:
			return left
		}
	}
}

func oneOf(s string, list ...string) bool {
	for _, x := range list {
		if s == x {
			return true
		}
	}
	return false
}

// boolean gives a bare NULL as a condition the type that it has there.
func (p *parser) boolean(e catalog.Expr) catalog.Expr { return coerce(e, catalog.Boolean) }

func coerce(e catalog.Expr, t catalog.Type) catalog.Expr {
	if e.Type().Equal(t) {
		return e
	}
	return &catalog.Cast{Of: e, T: t}
}

func member(of catalog.Expr, name string) catalog.Expr {
	for i, f := range of.Type().Fields {
		if strings.EqualFold(f.Name, name) {
			return &catalog.Member{Of: of, Index: i, T: f.Type}
		}
	}
	fail("%s has no member %s", of.Type(), name)
	return nil
}

func (p *parser) isTest(x catalog.Expr) catalog.Expr {
	name := "IS "
	if p.is("NOT") {
		name += "NOT "
	}
	if p.is("DISTINCT", "FROM") {
		return p.call(name+"DISTINCT FROM", x, p.expr(levelCompare))
	}
	name += strings.ToUpper(p.next())
	if name == "IS JSON" || name == "IS NOT JSON" {
		for _, kind := range []string{"OBJECT", "ARRAY", "SCALAR"} {
			if p.is(kind) {
				name += " " + kind
			}
		}
	}
	return p.call(name, x)
}

func (p *parser) between(x catalog.Expr) catalog.Expr {
	low := p.expr(levelCompare)
	p.want("AND")
	high := p.expr(levelCompare)
	return &catalog.And{Args: []catalog.Expr{p.call(">=", x, low), p.call("<=", x, high)}}
}

func (p *parser) isPattern() bool {
	at := 0
	if strings.EqualFold(p.peek(), "NOT") {
		at = 1
	}
	return len(p.tokens) > at && oneOf(strings.ToUpper(p.tokens[at]), "LIKE", "ILIKE", "RLIKE", "REGEXP", "SIMILAR")
}

func (p *parser) pattern(x catalog.Expr) catalog.Expr {
	name := ""
	if p.is("NOT") {
		name = "NOT "
	}
	name += strings.ToUpper(p.next())
	if strings.HasSuffix(name, "SIMILAR") {
		p.want("TO")
		name += " TO"
	}
	args := []catalog.Expr{x, p.expr(levelCompare)}
	if p.is("ESCAPE") {
		args = append(args, p.expr(levelCompare))
	}
	return p.call(name, args...)
}

func (p *parser) parenthesised() []catalog.Expr {
	p.want("(")
	return p.list(")")
}

func (p *parser) list(end string) []catalog.Expr {
	var out []catalog.Expr
	for !p.is(end) {
		if len(out) > 0 {
			p.want(",")
		}
		out = append(out, p.expr(0))
	}
	return out
}

// call resolves a function and casts its arguments to the parameters.
func (p *parser) call(name string, args ...catalog.Expr) catalog.Expr {
	fn, ok := p.scope.Functions.Lookup(name)
	if !ok {
		fail("no function %s", name)
	}
	list := make([]catalog.Arg, len(args))
	for i, a := range args {
		list[i].Type = a.Type()
		if l, ok := a.(*catalog.Literal); ok {
			list[i].Const = l
		}
	}
	o, err := fn.Resolve(list)
	if err != nil {
		panic(failure{err})
	}
	cast := make([]catalog.Expr, len(args))
	for i, a := range args {
		cast[i] = coerce(a, o.Params[i])
	}
	return &catalog.Call{Fn: fn, Overload: o, Args: cast}
}

func unquote(t string) string {
	if c := t[0]; c == '\'' || c == '"' || c == '`' {
		return strings.ReplaceAll(t[1:len(t)-1], string([]byte{c, c}), string(c))
	}
	return t
}

func (p *parser) integer() int {
	n, err := strconv.Atoi(p.next())
	if err != nil {
		fail("want a number: %v", err)
	}
	return n
}

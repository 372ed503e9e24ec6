package exprtest

import (
	"strings"

	"github.com/streamsql/streamsql/catalog"
)

// json reads on after the ( of JSON_VALUE, JSON_QUERY and JSON_EXISTS.
func (p *parser) json(name string) catalog.Expr {
	args := []catalog.Expr{p.expr(0)}
	p.want(",")
	args = append(args, p.expr(0))
	t := catalog.String
	var clauses []string
	if p.is("RETURNING") {
		t = p.dataType()
		clauses = append(clauses, "RETURNING "+t.String())
	}
	if p.is("WITH") {
		kind := "UNCONDITIONAL"
		if p.is("CONDITIONAL") {
			kind = "CONDITIONAL"
		} else {
			p.is("UNCONDITIONAL")
		}
		p.is("ARRAY")
		p.want("WRAPPER")
		clauses = append(clauses, "WITH "+kind+" WRAPPER")
	}
	defaults := [2]catalog.Expr{&catalog.Literal{T: t}, &catalog.Literal{T: t}}
	for !p.is(")") {
		words := strings.ToUpper(p.next())
		var value catalog.Expr
		switch words {
		case "DEFAULT":
			value = p.expr(levelAdd)
		case "EMPTY":
			words += " " + strings.ToUpper(p.next())
		}
		p.want("ON")
		k := 0
		if p.is("ERROR") {
			k = 1
		} else {
			p.want("EMPTY")
		}
		if value != nil {
			defaults[k] = constantOf(value, t)
		}
		clauses = append(clauses, words+[]string{" ON EMPTY", " ON ERROR"}[k])
	}
	if len(clauses) > 0 {
		args = append(args, &catalog.Literal{Value: strings.Join(clauses, " "), T: catalog.String})
		if name == "JSON_VALUE" {
			args = append(args, &catalog.Literal{T: t}, defaults[0], defaults[1])
		}
	}
	return p.call(name, args...)
}

// constantOf gives a constant of another type, as far as tests need it.
func constantOf(e catalog.Expr, t catalog.Type) catalog.Expr {
	if c, ok := e.(*catalog.Call); ok && c.Fn.Name == "UNARY -" {
		if l, ok := c.Args[0].(*catalog.Literal); ok {
			if v, ok := l.Value.(int64); ok {
				e = &catalog.Literal{Value: -v, T: l.T}
			}
		}
	}
	l, ok := e.(*catalog.Literal)
	if !ok {
		fail("DEFAULT takes a constant")
	}
	if v, ok := l.Value.(int64); ok && t.IsFloating() {
		return &catalog.Literal{Value: float64(v), T: t}
	}
	return &catalog.Literal{Value: l.Value, T: t}
}

// jsonMake reads on after the ( of JSON_OBJECT and JSON_ARRAY.
func (p *parser) jsonMake(name string) catalog.Expr {
	mode := ""
	var args []catalog.Expr
	for !p.is(")") {
		if p.is("NULL", "ON", "NULL") {
			mode = "NULL ON NULL"
			continue
		}
		if p.is("ABSENT", "ON", "NULL") {
			mode = "ABSENT ON NULL"
			continue
		}
		if len(args) > 0 {
			p.want(",")
		}
		if name == "JSON_OBJECT" {
			p.is("KEY")
			args = append(args, p.expr(0))
			p.want("VALUE")
		}
		args = append(args, p.expr(0))
	}
	return p.call(name, append([]catalog.Expr{&catalog.Literal{Value: mode, T: catalog.String}}, args...)...)
}

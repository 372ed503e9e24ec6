package exprtest

import (
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
)

func (p *parser) prefix() catalog.Expr {
	t := p.next()
	word := strings.ToUpper(t)
	switch {
	case t == "(":
		e := p.expr(0)
		if p.is(",") {
			return p.overlaps(e)
		}
		p.want(")")
		return e
	case t == "-":
		return p.call("UNARY -", p.expr(levelSign))
	case t == "+":
		return p.call("UNARY +", p.expr(levelSign))
	case t[0] == '\'':
		s := unquote(t)
		return &catalog.Literal{Value: s, T: catalog.Type{Kind: catalog.KindString, Precision: len([]rune(s)), Fixed: s != ""}}
	case isDigit(t[0]) || t[0] == '.':
		return number(t)
	case word == "NOT":
		return p.call("NOT", p.boolean(p.expr(levelNot)))
	case word == "TRUE" || word == "FALSE":
		return &catalog.Literal{Value: word == "TRUE", T: catalog.Boolean}
	case word == "NULL":
		return &catalog.Literal{T: catalog.Null}
	case word == "CASE":
		return p.caseOf()
	case word == "X" && strings.HasPrefix(p.peek(), "'"):
		s := unquote(p.next())
		b := make([]byte, len(s)/2)
		for i := range b {
			v, err := strconv.ParseUint(s[2*i:2*i+2], 16, 8)
			if err != nil {
				fail("%v", err)
			}
			b[i] = byte(v)
		}
		return &catalog.Literal{Value: b, T: catalog.Bytes}
	case word == "INTERVAL" && strings.HasPrefix(p.peek(), "'"):
		return p.interval()
	case oneOf(word, "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_LTZ") && strings.HasPrefix(p.peek(), "'"):
		return p.timeLiteral(word)
	case word == "ARRAY" && p.is("["):
		return p.call("ARRAY", p.list("]")...)
	case word == "MAP" && p.is("["):
		return p.call("MAP", p.list("]")...)
	case p.peek() == "(" && t[0] != '`' && t[0] != '"':
		p.next()
		return p.function(word)
	}
	for i, c := range p.scope.Columns {
		if strings.EqualFold(c.Name, unquote(t)) {
			return &catalog.ColumnRef{Index: i, Name: c.Name, T: c.Type}
		}
	}
	if fn, ok := p.scope.Functions.Lookup(word); ok { // CURRENT_DATE
		return p.call(fn.Name)
	}
	fail("no column %s", t)
	return nil
}

// overlaps reads on after (from, of (from, to) OVERLAPS (from, to).
func (p *parser) overlaps(from catalog.Expr) catalog.Expr {
	to := func(from catalog.Expr) catalog.Expr {
		e := p.expr(0)
		p.want(")")
		if e.Type().IsInterval() {
			return p.call("+", from, e)
		}
		return e
	}
	end := to(from)
	p.want("OVERLAPS")
	p.want("(")
	second := p.expr(0)
	p.want(",")
	return p.call("OVERLAPS", from, end, second, to(second))
}

func number(t string) catalog.Expr {
	if strings.ContainsAny(t, "eE") {
		f, err := strconv.ParseFloat(t, 64)
		if err != nil {
			fail("%v", err)
		}
		return &catalog.Literal{Value: f, T: catalog.Double}
	}
	whole, frac, point := strings.Cut(t, ".")
	if !point {
		if v, err := strconv.ParseInt(t, 10, 64); err == nil {
			if v == int64(int32(v)) {
				return &catalog.Literal{Value: v, T: catalog.Int}
			}
			return &catalog.Literal{Value: v, T: catalog.BigInt}
		}
	}
	digits := strings.TrimLeft(whole, "0") + frac
	n, err := decimal128.FromString("0"+strings.TrimLeft(digits, "0"), 38, 0)
	if err != nil {
		fail("%v", err)
	}
	return &catalog.Literal{Value: n, T: catalog.Decimal(max(1, len(digits)), len(frac))}
}

func (p *parser) caseOf() catalog.Expr {
	var operand catalog.Expr
	if !p.is("WHEN") {
		operand = p.expr(0)
		p.want("WHEN")
	}
	e := &catalog.Case{}
	types := []catalog.Type{}
	for {
		cond := p.expr(0)
		if operand != nil {
			cond = p.call("=", operand, cond)
		}
		p.want("THEN")
		then := p.expr(0)
		e.Whens = append(e.Whens, catalog.When{Cond: p.boolean(cond), Then: then})
		types = append(types, then.Type())
		if !p.is("WHEN") {
			break
		}
	}
	if p.is("ELSE") {
		e.Else = p.expr(0)
		types = append(types, e.Else.Type())
	}
	p.want("END")
	t, ok := catalog.CommonTypeOf(types...)
	if !ok {
		fail("CASE of %v", types)
	}
	e.T = t
	for i := range e.Whens {
		e.Whens[i].Then = coerce(e.Whens[i].Then, t)
	}
	if e.Else != nil {
		e.Else = coerce(e.Else, t)
	}
	return e
}

func (p *parser) interval() catalog.Expr {
	text, unit := unquote(p.next()), strings.TrimSuffix(strings.ToUpper(p.next()), "S")
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		fail("interval %s: %v", text, err)
	}
	switch unit {
	case "YEAR":
		return &catalog.Literal{Value: int64(f) * 12, T: catalog.IntervalMonth}
	case "MONTH":
		return &catalog.Literal{Value: int64(f), T: catalog.IntervalMonth}
	}
	us := map[string]float64{"WEEK": 7 * 86400e6, "DAY": 86400e6, "HOUR": 3600e6, "MINUTE": 60e6, "SECOND": 1e6, "MILLISECOND": 1e3}[unit]
	if us == 0 {
		fail("interval unit %s", unit)
	}
	return &catalog.Literal{Value: int64(f * us), T: catalog.IntervalDay}
}

// timeLiteral reads by package time, not by the engine's own code.
func (p *parser) timeLiteral(word string) catalog.Expr {
	text := unquote(p.next())
	parse := func(layouts ...string) time.Time {
		for _, l := range layouts {
			if t, err := time.ParseInLocation(l, text, time.UTC); err == nil {
				return t
			}
		}
		fail("%s '%s'", word, text)
		return time.Time{}
	}
	switch word {
	case "DATE":
		return &catalog.Literal{Value: parse("2006-01-02").Unix() / 86400, T: catalog.Date}
	case "TIME":
		t := parse("15:04:05.999999999")
		return &catalog.Literal{Value: int64(t.Hour())*3600e6 + int64(t.Minute())*60e6 + int64(t.Second())*1e6 + int64(t.Nanosecond())/1000, T: catalog.Type{Kind: catalog.KindTime, Precision: 3}}
	}
	t := catalog.Type{Kind: catalog.KindTimestamp, Precision: 3}
	if word == "TIMESTAMP_LTZ" {
		t.Kind = catalog.KindTimestampLTZ
	}
	if _, frac, ok := strings.Cut(text, "."); ok && len(frac) > 3 {
		t.Precision = 6
	}
	return &catalog.Literal{Value: parse("2006-01-02 15:04:05.999999999").UnixMicro(), T: t}
}

// function reads the arguments of name( with the special forms of SQL.
func (p *parser) function(name string) catalog.Expr {
	text := func(s string) catalog.Expr { return &catalog.Literal{Value: s, T: catalog.String} }
	end := func(e catalog.Expr) catalog.Expr { p.want(")"); return e }
	switch name {
	case "CAST", "TRY_CAST":
		of := p.expr(0)
		p.want("AS")
		e := &catalog.Cast{Of: of, T: p.dataType(), Safe: name == "TRY_CAST"}
		if !catalog.CanCast(of.Type(), e.T, false) {
			fail("no cast from %s to %s", of.Type(), e.T)
		}
		return end(e)
	case "COALESCE":
		args := p.list(")")
		types := make([]catalog.Type, len(args))
		for i, a := range args {
			types[i] = a.Type()
		}
		t, ok := catalog.CommonTypeOf(types...)
		if !ok {
			fail("COALESCE of %v", types)
		}
		for i, a := range args {
			args[i] = coerce(a, t)
		}
		return &catalog.Coalesce{Args: args, T: t}
	case "EXTRACT":
		unit := p.next()
		p.want("FROM")
		return end(p.call(name, text(unquote(unit)), p.expr(0)))
	case "TIMESTAMPADD", "TIMESTAMPDIFF":
		args := []catalog.Expr{text(p.next())}
		p.want(",")
		return p.call(name, append(args, p.list(")")...)...)
	case "TRIM":
		for _, mode := range []string{"BOTH", "LEADING", "TRAILING"} {
			if p.is(mode) {
				var chars catalog.Expr = text(" ")
				if !p.is("FROM") {
					chars = p.expr(0)
					p.want("FROM")
				}
				return end(p.call(name, text(mode), chars, p.expr(0)))
			}
		}
		x := p.expr(0)
		if p.is("FROM") {
			return end(p.call(name, text("BOTH"), x, p.expr(0)))
		}
		return end(p.call(name, x))
	case "JSON_VALUE", "JSON_QUERY", "JSON_EXISTS":
		return p.json(name)
	case "JSON_OBJECT", "JSON_ARRAY":
		return p.jsonMake(name)
	case "FROM_JSON":
		x := p.expr(0)
		p.want(",")
		schema := unquote(p.next())
		inner := &parser{scope: p.scope, tokens: lex(schema)}
		if !oneOf(inner.peek(), "ROW", "ARRAY", "MAP") { // members alone
			inner.tokens = lex("ROW<" + schema + ">")
		}
		return end(p.call(name, x, text(schema), &catalog.Literal{T: inner.dataType()}))
	case "POSITION":
		needle := p.expr(levelCompare)
		p.want("IN")
		return end(p.call(name, needle, p.expr(0)))
	}
	var args []catalog.Expr
	for !p.is(")") {
		if len(args) > 0 && !p.is("FROM") && !p.is("FOR") {
			if p.is("TO") { // FLOOR(x TO DAY)
				args = append(args, text(p.next()))
				continue
			}
			p.want(",")
		}
		args = append(args, p.expr(0))
	}
	return p.call(name, args...)
}

func (p *parser) dataType() catalog.Type {
	word := strings.ToUpper(p.next())
	number := func() int {
		if !p.is("(") {
			return -1
		}
		n := p.integer()
		if p.peek() != "," {
			p.want(")")
		}
		return n
	}
	switch word {
	case "BOOLEAN":
		return catalog.Boolean
	case "TINYINT":
		return catalog.TinyInt
	case "SMALLINT":
		return catalog.SmallInt
	case "INT", "INTEGER":
		return catalog.Int
	case "BIGINT":
		return catalog.BigInt
	case "FLOAT":
		return catalog.Float
	case "DOUBLE":
		return catalog.Double
	case "STRING":
		return catalog.String
	case "BYTES":
		return catalog.Bytes
	case "JSON":
		return catalog.JSON
	case "DATE":
		return catalog.Date
	case "VARCHAR", "CHAR":
		return catalog.Type{Kind: catalog.KindString, Precision: max(0, number()), Fixed: word == "CHAR"}
	case "TIME":
		return catalog.Type{Kind: catalog.KindTime, Precision: max(0, number())}
	case "TIMESTAMP", "TIMESTAMP_LTZ":
		kind := catalog.KindTimestamp
		if word != "TIMESTAMP" {
			kind = catalog.KindTimestampLTZ
		}
		if n := number(); n >= 0 {
			return catalog.Type{Kind: kind, Precision: n}
		}
		return catalog.Type{Kind: kind, Precision: 6}
	case "DECIMAL":
		t := catalog.Decimal(10, 0)
		if n := number(); n >= 0 {
			t.Precision = n
		}
		if p.is(",") {
			t.Scale = p.integer()
			p.want(")")
		}
		return t
	case "ARRAY":
		p.want("<")
		t := catalog.ArrayOf(p.dataType())
		p.want(">")
		return t
	case "MAP":
		p.want("<")
		key := p.dataType()
		p.want(",")
		t := catalog.MapOf(key, p.dataType())
		p.want(">")
		return t
	case "ROW":
		p.want("<")
		var fields []catalog.Field
		for {
			name := unquote(p.next())
			fields = append(fields, catalog.Field{Name: name, Type: p.dataType()})
			if !p.is(",") {
				break
			}
		}
		p.want(">")
		return catalog.RowOf(fields...)
	}
	fail("no type %s", word)
	return catalog.Type{}
}

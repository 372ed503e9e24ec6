package parser

func (p *parser) jsonCall(t *token) Expr {
	p.next()
	p.expectOp("(")
	switch t.upper {
	case "JSON_VALUE":
		return p.jsonFunc(t, JSONValue)
	case "JSON_QUERY":
		return p.jsonFunc(t, JSONQuery)
	case "JSON_EXISTS":
		return p.jsonFunc(t, JSONExists)
	case "JSON_OBJECT":
		return p.jsonObject(t)
	case "JSON_ARRAY":
		return p.jsonArray(t)
	}
	return p.jsonAggregate(t)
}

func (p *parser) jsonFunc(t *token, kind JSONFuncKind) Expr {
	f := &JSONFunc{Kind: kind}
	f.X = p.expression()
	p.expectOp(",")
	f.Path = p.expression()
	if kind != JSONExists && p.acceptWord("RETURNING") {
		f.Returning = p.dataType()
	}
	if kind == JSONQuery {
		f.Wrapper = p.jsonWrapper()
	}
	for p.err == nil && !p.isOp(")") {
		b := p.jsonBehavior(kind)
		p.expectWord("ON")
		slot := &f.OnError
		switch {
		case kind != JSONExists && p.acceptWord("EMPTY"):
			slot = &f.OnEmpty
		case p.acceptWord("ERROR"):
		default:
			p.unexpected("EMPTY or ERROR", "EMPTY", "ERROR")
		}
		if *slot != nil {
			p.fail(p.from(b.Start), "this is given twice", "")
		}
		b.Span = p.from(b.Start)
		*slot = b
	}
	p.expectOp(")")
	f.Span = p.from(t.Start)
	return f
}

func (p *parser) jsonWrapper() JSONWrapper {
	w := WrapperDefault
	switch {
	case p.acceptWord("WITHOUT"):
		w = WithoutWrapper
	case p.acceptWord("WITH", "CONDITIONAL"):
		w = WithConditionalWrapper
	case p.acceptWord("WITH"):
		p.acceptWord("UNCONDITIONAL")
		w = WithUnconditionalWrapper
	default:
		return w
	}
	p.acceptWord("ARRAY")
	p.expectWord("WRAPPER")
	return w
}

// jsonBehavior reads what stands before ON EMPTY and ON ERROR.
func (p *parser) jsonBehavior(kind JSONFuncKind) *JSONBehavior {
	start := p.peek().Start
	b := &JSONBehavior{}
	expected := "ERROR ON ERROR, TRUE, FALSE or UNKNOWN ON ERROR"
	switch {
	case p.acceptWord("ERROR"):
		b.Kind = JSONError
	case kind == JSONExists && p.acceptWord("TRUE"):
		b.Kind = JSONTrue
	case kind == JSONExists && p.acceptWord("FALSE"):
		b.Kind = JSONFalse
	case kind == JSONExists && p.acceptWord("UNKNOWN"):
		b.Kind = JSONUnknown
	case kind != JSONExists && p.acceptWord("NULL"):
		b.Kind = JSONNull
	case kind == JSONValue && p.acceptWord("DEFAULT"):
		b.Kind = JSONDefault
		b.Default = p.expression()
	case kind == JSONQuery && p.acceptWord("EMPTY", "ARRAY"):
		b.Kind = JSONEmptyArray
	case kind == JSONQuery && p.acceptWord("EMPTY", "OBJECT"):
		b.Kind = JSONEmptyObject
	default:
		switch kind {
		case JSONValue:
			expected = "RETURNING, or NULL, ERROR or DEFAULT ... ON EMPTY or ERROR"
		case JSONQuery:
			expected = "a WRAPPER, or NULL, ERROR, EMPTY ARRAY or EMPTY OBJECT ON EMPTY or ERROR"
		}
		p.unexpected(expected, "RETURNING", "NULL", "ERROR", "DEFAULT", "EMPTY", "WITH", "WITHOUT")
	}
	b.Span = p.from(start)
	return b
}

// jsonObject reads JSON_OBJECT([KEY] k VALUE v, 'k': v [NULL | ABSENT ON NULL]).
func (p *parser) jsonObject(t *token) Expr {
	o := &JSONObject{Keys: []Expr{}, Values: []Expr{}}
	for p.err == nil && !p.isOp(")") {
		if o.Nulls = p.jsonNulls(); o.Nulls != JSONNullsDefault {
			break
		}
		if len(o.Keys) > 0 {
			p.expectOp(",")
		}
		o.Keys = append(o.Keys, p.jsonKey())
		if !p.acceptOp(":") {
			p.expectWord("VALUE")
		}
		o.Values = append(o.Values, p.expression())
	}
	p.expectOp(")")
	o.Span = p.from(t.Start)
	return o
}

func (p *parser) jsonKey() Expr {
	if n := p.peekAt(1); n.kind == tokString || n.isName() && n.upper != "VALUE" {
		p.acceptWord("KEY") // else it is a column or function of that name
	}
	return p.expression()
}

func (p *parser) jsonArray(t *token) Expr {
	a := &JSONArray{Elems: []Expr{}}
	for p.err == nil && !p.isOp(")") {
		if a.Nulls = p.jsonNulls(); a.Nulls != JSONNullsDefault {
			break
		}
		if len(a.Elems) > 0 {
			p.expectOp(",")
		}
		a.Elems = append(a.Elems, p.expression())
	}
	p.expectOp(")")
	a.Span = p.from(t.Start)
	return a
}

// jsonAggregate reads JSON_OBJECTAGG([KEY] k VALUE v ...), where a comma may stand
// for VALUE, and JSON_ARRAYAGG([DISTINCT] x [ORDER BY y] ...), both with
// [NULL | ABSENT ON NULL], and the clauses behind them.
func (p *parser) jsonAggregate(t *token) Expr {
	c := &Call{Name: &Name{Span: t.Span, Parts: []Ident{t.ident()}}}
	switch {
	case t.upper == "JSON_OBJECTAGG" && p.acceptOp(")"):
		p.fail(p.from(t.Start), "JSON_OBJECTAGG takes a key and a value", "write JSON_OBJECTAGG(KEY k VALUE v)")
	case t.upper == "JSON_OBJECTAGG":
		c.Args = append(c.Args, p.jsonKey())
		if !p.acceptOp(":") && !p.acceptOp(",") {
			p.expectWord("VALUE")
		}
		c.Args = append(c.Args, p.expression())
	case p.acceptOp(")"):
		p.fail(p.from(t.Start), "JSON_ARRAYAGG takes a value", "")
	default:
		c.Distinct = p.acceptWord("DISTINCT")
		c.Args = append(c.Args, p.expression())
		if p.acceptBy("ORDER") {
			c.OrderBy = p.orderItems()
		}
	}
	c.OnNull = p.jsonNulls()
	if !p.acceptOp(")") {
		p.unexpected("')'", "NULL", "ABSENT", "ORDER")
	}
	p.callClauses(c)
	c.Span = p.from(t.Start)
	return c
}

func (p *parser) jsonNulls() JSONNulls {
	switch {
	case p.acceptWord("NULL", "ON", "NULL"):
		return NullOnNull
	case p.acceptWord("ABSENT", "ON", "NULL"):
		return AbsentOnNull
	}
	return JSONNullsDefault
}

package parser

// callLike writes calls and constructors.
func (p *printer) callLike(e Expr) {
	switch e := e.(type) {
	case *Call:
		p.call(e)
	case *NamedArg:
		p.ident(e.Name)
		p.put(" => ")
		p.expr(e.Value, precLowest)
	case *UnitArg:
		p.put(e.Unit.String())
	case *Extract:
		p.put("EXTRACT(", e.Unit.String(), " FROM ")
		p.expr(e.X, precLowest)
		p.put(")")
	case *RoundTime:
		p.when(e.Ceil, "CEIL(")
		p.when(!e.Ceil, "FLOOR(")
		least := precPrimary // TO would go on an INTERVAL at the end of an operand
		if _, ok := e.X.(*IntervalLit); ok {
			least++
		}
		p.expr(e.X, least)
		p.put(" TO ", e.Unit.String(), ")")
	case *Trim:
		p.put("TRIM(", e.Side.String(), " ")
		if e.Chars != nil {
			p.expr(e.Chars, precLowest)
			p.put(" ")
		}
		p.put("FROM ")
		p.expr(e.X, precLowest)
		p.put(")")
	case *MatchSemantics:
		p.when(e.Final, "FINAL ")
		p.when(!e.Final, "RUNNING ")
		p.expr(e.X, precSuffix)
	case *ArrayLit:
		p.put("ARRAY[")
		p.exprs(e.Elems)
		p.put("]")
	case *MapLit:
		p.put("MAP[")
		p.list(len(e.Keys), func(i int) {
			p.expr(e.Keys[i], precLowest)
			p.put(", ")
			p.expr(e.Values[i], precLowest)
		})
		p.put("]")
	case *RowExpr:
		p.put("ROW(")
		p.exprs(e.Elems)
		p.put(")")
	case *JSONFunc:
		p.jsonFunc(e)
	case *JSONObject:
		p.put("JSON_OBJECT(")
		p.list(len(e.Keys), func(i int) { p.jsonMember(e.Keys[i], e.Values[i]) })
		p.jsonNulls(e.Nulls, len(e.Keys) > 0)
		p.put(")")
	case *JSONArray:
		p.put("JSON_ARRAY(")
		p.exprs(e.Elems)
		p.jsonNulls(e.Nulls, len(e.Elems) > 0)
		p.put(")")
	}
}

// isBare says whether a call is written without parentheses.
func (p *printer) isBare(c *Call) bool {
	return len(c.Name.Parts) == 1 && !c.Name.Parts[0].Quoted && niladic[upperASCII(c.Name.Parts[0].Text)] &&
		len(c.Args) == 0 && !c.Star && !c.Distinct && c.OrderBy == nil && c.WithinGroup == nil && c.Filter == nil &&
		c.Nulls == NullsUnspecified && c.Over == nil
}

func (p *printer) call(c *Call) {
	p.name(c.Name)
	if p.isBare(c) {
		return
	}
	p.put("(")
	p.when(c.Distinct, "DISTINCT ")
	p.when(c.Star, "*")
	function := ""
	if len(c.Name.Parts) == 1 && !c.Name.Parts[0].Quoted {
		function = upperASCII(c.Name.Parts[0].Text)
	}
	if function == "JSON_OBJECTAGG" && len(c.Args) == 2 {
		p.jsonMember(c.Args[0], c.Args[1])
	} else {
		p.list(len(c.Args), func(i int) {
			least := precLowest
			if i == 0 && function == "POSITION" {
				least = precAdd // IN may follow
			}
			p.expr(c.Args[i], least)
		})
	}
	if c.OrderBy != nil {
		p.orderBy(" ORDER BY ", c.OrderBy)
	}
	p.jsonNulls(c.OnNull, true)
	p.put(")")
	if c.WithinGroup != nil {
		p.orderBy(" WITHIN GROUP (ORDER BY ", c.WithinGroup)
		p.put(")")
	}
	if c.Filter != nil {
		p.clause(" FILTER (WHERE ", c.Filter)
		p.put(")")
	}
	p.when(c.Nulls == IgnoreNulls, " IGNORE NULLS")
	p.when(c.Nulls == RespectNulls, " RESPECT NULLS")
	if c.Over != nil {
		p.put(" OVER ")
		if c.Over.Name != nil {
			p.ident(*c.Over.Name)
		} else {
			p.windowSpec(c.Over.Spec)
		}
	}
}

func (p *printer) jsonMember(key, value Expr) {
	if text, ok := key.(*StringLit); ok {
		p.str(text)
	} else { // a column named key must not look like the word KEY
		p.put("(")
		p.expr(key, precLowest)
		p.put(")")
	}
	p.put(" VALUE ")
	p.expr(value, precLowest)
}

func (p *printer) jsonNulls(n JSONNulls, blank bool) {
	p.when(blank && n != JSONNullsDefault, " ")
	p.when(n == NullOnNull, "NULL ON NULL")
	p.when(n == AbsentOnNull, "ABSENT ON NULL")
}

func (p *printer) jsonFunc(f *JSONFunc) {
	p.put(f.Kind.String(), "(")
	p.expr(f.X, precLowest)
	p.put(", ")
	p.expr(f.Path, precLowest)
	if f.Returning != nil {
		p.put(" RETURNING ")
		p.dataType(f.Returning)
	}
	p.when(f.Wrapper == WithoutWrapper, " WITHOUT ARRAY WRAPPER")
	p.when(f.Wrapper == WithConditionalWrapper, " WITH CONDITIONAL ARRAY WRAPPER")
	p.when(f.Wrapper == WithUnconditionalWrapper, " WITH UNCONDITIONAL ARRAY WRAPPER")
	p.jsonBehavior(f.OnEmpty, " ON EMPTY")
	p.jsonBehavior(f.OnError, " ON ERROR")
	p.put(")")
}

func (p *printer) jsonBehavior(b *JSONBehavior, on string) {
	if b == nil {
		return
	}
	p.put(" ", b.Kind.String())
	p.clause(" ", b.Default)
	p.put(on)
}

package parser

import "encoding/hex"

// primary reads an operand that is not a parenthesis, a CASE or a plain call.
func (p *parser) primary() Expr {
	p.nest()
	defer p.unnest()
	t := p.peek()
	switch t.kind {
	case tokString:
		return p.stringLit("a value")
	case tokNumber:
		p.pos++
		return &NumberLit{Span: t.Span, Text: t.text, Kind: numberKind(t.text)}
	case tokBytes:
		p.pos++
		value, err := hex.DecodeString(t.text)
		if err != nil {
			p.fail(t.Span, "bytes are written in hexadecimal digits", "as in X'CAFE'")
		}
		return &BytesLit{Span: t.Span, Value: value}
	case tokQuoted:
		return p.columnRef()
	case tokWord:
		return p.wordPrimary(t)
	case tokOp:
		if t.text == "(" { // isQueryAt
			q := p.parenQuery()
			return &Subquery{Span: p.from(t.Start), Query: q}
		}
	}
	p.unexpected("an expression")
	return &NullLit{Span: t.Span}
}

func numberKind(text string) NumberKind {
	kind := NumberInteger
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case 'e', 'E':
			return NumberFloat
		case '.':
			kind = NumberDecimal
		}
	}
	return kind
}

// datetimeTypes are the words that make a literal of a string that follows.
var datetimeTypes = map[string]TypeKind{
	"DATE": TypeDate, "TIME": TypeTime, "TIMESTAMP": TypeTimestamp, "TIMESTAMP_LTZ": TypeTimestampLTZ, "TIMESTAMPTZ": TypeTimestampLTZ,
}

// operandWords are the reserved words that FINAL and RUNNING may stand before.
var operandWords = words("CASE CAST TRY_CAST LEFT RIGHT")

func (p *parser) wordPrimary(t *token) Expr {
	next := p.peekAt(1)
	switch t.upper {
	case "NULL":
		p.pos++
		return &NullLit{Span: t.Span}
	case "TRUE", "FALSE":
		p.pos++
		return &BoolLit{Span: t.Span, Value: t.upper == "TRUE"}
	case "INTERVAL":
		return p.interval()
	case "CAST", "TRY_CAST":
		return p.cast()
	case "EXISTS":
		p.pos++
		if !p.isOp("(") || !p.isQueryAt(p.pos) {
			p.unexpected("a query in parentheses")
			return &NullLit{}
		}
		q := p.parenQuery()
		return &Exists{Span: p.from(t.Start), Query: q}
	case "ARRAY":
		if next.isOp("[") {
			return p.arrayLit()
		}
	case "MAP":
		if next.isOp("[") {
			return p.mapLit()
		}
	case "ROW":
		if next.isOp("(") {
			return p.rowLit()
		}
	case "MULTISET":
		if next.isOp("[") {
			p.fail(t.Span, "MULTISET is not supported", "use ARRAY[...]")
		}
	case "FINAL", "RUNNING":
		if p.inMatch && (next.canAlias() || operandWords[next.upper]) {
			return p.matchSemantics()
		}
	case "EXTRACT", "FLOOR", "CEIL", "CEILING", "TRIM", "POSITION":
		if next.isOp("(") {
			return p.clauseCall(t)
		}
	case "JSON_VALUE", "JSON_QUERY", "JSON_EXISTS", "JSON_OBJECT", "JSON_OBJECTAGG", "JSON_ARRAY", "JSON_ARRAYAGG":
		if next.isOp("(") {
			return p.jsonCall(t)
		}
	case "UNNEST":
		p.fail(t.Span, "UNNEST is not a value", "it stands in FROM: CROSS JOIN UNNEST(a) AS t(x)")
	case "SAFE_CAST":
		if next.isOp("(") {
			p.fail(t.Span, "unknown function SAFE_CAST", "write TRY_CAST(x AS type)")
		}
	}
	if kind, ok := datetimeTypes[t.upper]; ok && next.kind == tokString {
		p.pos++
		s := p.next()
		return &DatetimeLit{Span: t.To(s.Span), Kind: kind, Text: s.text}
	}
	if !t.isName() {
		p.unexpected("an expression")
		return &NullLit{Span: t.Span}
	}
	if niladic[t.upper] && !next.isOp(".") {
		p.pos++
		return &Call{Span: t.Span, Name: &Name{Span: t.Span, Parts: []Ident{t.ident()}}}
	}
	return p.columnRef()
}

func (p *parser) columnRef() Expr {
	n := p.name("an expression")
	return &ColumnRef{Span: n.Span, Parts: n.Parts}
}

func (p *parser) cast() Expr {
	t := p.next()
	c := &Cast{Try: t.upper == "TRY_CAST"}
	p.expectOp("(")
	c.X = p.expression()
	p.expectWord("AS")
	c.Type = p.dataType()
	p.expectOp(")")
	c.Span = p.from(t.Start)
	return c
}

// bracketList reads [a, b, c], which may be empty.
func (p *parser) bracketList() []Expr {
	list := []Expr{}
	p.expectOp("[")
	if !p.isOp("]") {
		list = p.expressions()
	}
	p.expectOp("]")
	return list
}

func (p *parser) arrayLit() Expr {
	start := p.next().Start
	elems := p.bracketList()
	return &ArrayLit{Span: p.from(start), Elems: elems}
}

func (p *parser) mapLit() Expr {
	start := p.next().Start
	list := p.bracketList()
	m := &MapLit{Span: p.from(start), Keys: []Expr{}, Values: []Expr{}}
	if len(list)%2 != 0 {
		p.fail(m.Span, "MAP has a key without a value", "write MAP[key, value, key, value]")
		return m
	}
	for i := 0; i < len(list); i += 2 {
		m.Keys = append(m.Keys, list[i])
		m.Values = append(m.Values, list[i+1])
	}
	return m
}

func (p *parser) rowLit() Expr {
	start := p.next().Start
	r := &RowExpr{}
	p.parenList(func() { r.Elems = append(r.Elems, p.expression()) })
	r.Span = p.from(start)
	return r
}

func (p *parser) matchSemantics() Expr {
	t := p.next()
	n := len(p.canon.toks)
	p.writeOperand()
	x, _ := p.fold(n)
	if _, twice := x.(*MatchSemantics); twice {
		p.fail(t.Span, "FINAL and RUNNING stand once before a call", "")
	}
	return &MatchSemantics{Span: p.from(t.Start), Final: t.upper == "FINAL", X: x}
}

// clauseCall reads the functions whose arguments have words between them that the
// general call does not know.
func (p *parser) clauseCall(t *token) Expr {
	p.next()
	p.expectOp("(")
	var e Expr
	switch t.upper {
	case "EXTRACT":
		x := &Extract{Unit: p.timeUnit()}
		p.expectWord("FROM")
		x.X = p.expression()
		p.expectOp(")")
		x.Span = p.from(t.Start)
		e = x
	case "TRIM":
		e = p.trim(t)
	case "POSITION":
		c := &Call{Name: &Name{Span: t.Span, Parts: []Ident{t.ident()}}}
		c.Args = append(c.Args, p.arithmetic())
		if !p.acceptOp(",") {
			p.expectWord("IN")
		}
		c.Args = append(c.Args, p.expression())
		p.expectOp(")")
		c.Span = p.from(t.Start)
		e = c
	default: // FLOOR, CEIL
		x := p.expression()
		if p.acceptWord("TO") {
			r := &RoundTime{Ceil: t.upper != "FLOOR", X: x, Unit: p.timeUnit()}
			p.expectOp(")")
			r.Span = p.from(t.Start)
			return r
		}
		c := &Call{Name: &Name{Span: t.Span, Parts: []Ident{t.ident()}}, Args: []Expr{x}}
		for p.acceptOp(",") {
			c.Args = append(c.Args, p.expression())
		}
		p.expectOp(")")
		c.Span = p.from(t.Start)
		e = c
	}
	return e
}

// trim reads the arguments of TRIM: [LEADING | TRAILING | BOTH] [chars] [FROM] x,
// or x, chars.
func (p *parser) trim(t *token) Expr {
	trim := &Trim{Side: TrimBoth}
	sided := true
	next := p.peekAt(1)
	switch plain := next.isOp(")") || next.isOp(",") || next.isOp("."); {
	case !plain && p.acceptWord("BOTH"):
	case !plain && p.acceptWord("LEADING"):
		trim.Side = TrimLeading
	case !plain && p.acceptWord("TRAILING"):
		trim.Side = TrimTrailing
	default:
		sided = false
	}
	switch {
	case p.acceptWord("FROM"):
		if !sided {
			p.pos--
			p.unexpected("an expression")
		}
		trim.X = p.expression()
	default:
		trim.X = p.expression()
		if p.acceptWord("FROM") {
			trim.Chars = trim.X
			trim.X = p.expression()
		} else if !sided && p.acceptOp(",") {
			trim.Chars = p.expression()
		}
	}
	p.expectOp(")")
	trim.Span = p.from(t.Start)
	return trim
}

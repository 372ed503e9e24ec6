package parser

// expression reads a scalar expression.
func (p *parser) expression() Expr {
	n := len(p.canon.toks)
	p.writeExpr(false)
	e, _ := p.fold(n)
	return e
}

// arithmetic reads an expression without comparisons, predicates and AND, OR, NOT
// outside of parentheses: an operand of LIKE, BETWEEN and of the bounds of frames.
func (p *parser) arithmetic() Expr {
	e, _ := p.arithmeticSpan()
	return e
}

func (p *parser) arithmeticSpan() (Expr, Span) {
	n := len(p.canon.toks)
	p.writeExpr(true)
	return p.fold(n)
}

// expressions reads a comma-separated list.
func (p *parser) expressions() []Expr {
	var list []Expr
	p.commaList(func() { list = append(list, p.expression()) })
	return list
}

// writeExpr reads an expression and writes its canonical tokens: operands, each
// perhaps with signs before it, and operators between them. It ends at the first
// token that can't go on an expression.
func (p *parser) writeExpr(arithmetic bool) {
	p.nest()
	defer p.unnest()
	canNot := !arithmetic // NOT stands at the start and after AND, OR, NOT
	for operand := false; p.err == nil; {
		if !operand {
			p.prefixes(canNot)
			p.writeOperand()
		}
		for p.err == nil && !arithmetic && p.predicate() {
		}
		op, text, words := p.binaryOp(arithmetic)
		if op == 0 {
			return
		}
		start := p.peek().Start
		p.pos += words
		p.canon.operator(text, p.from(start), operator{kind: opBinary, binary: op})
		operand = op.IsComparison() && p.quantified() // x = ANY (...) has its operand
		canNot = op == And || op == Or
	}
}

// prefixes takes the signs and NOTs before an operand. NOT binds looser than what
// stands before it anywhere else than at the start and after AND, OR and NOT.
func (p *parser) prefixes(canNot bool) {
	for p.err == nil {
		t := p.peek()
		switch {
		case t.isOp("-"):
			p.canon.operator("-", t.Span, operator{kind: opUnary, unary: Negate})
			canNot = false
		case t.isOp("+"):
			p.canon.operator("+", t.Span, operator{kind: opUnary, unary: Plus})
			canNot = false
		case t.upper == "NOT" && canNot:
			p.canon.operator("NOT", t.Span, operator{kind: opUnary, unary: Not})
		case t.upper == "NOT":
			p.fail(t.Span, "NOT can't stand here", "put parentheses around it: a = (NOT b)")
		default:
			return
		}
		p.pos++
	}
}

// binaryOp returns the operator at hand, which it does not take, its canonical text
// and the number of its tokens; 0 if there is none.
func (p *parser) binaryOp(arithmetic bool) (op BinaryOp, text string, words int) {
	t := p.peek()
	if t.kind == tokOp {
		switch op = signs[t.text]; {
		case op == 0 || arithmetic && op < Add:
			return 0, "", 0
		case op == Add || op == Sub:
			return op, "+", 1
		case op > Sub:
			return op, "*", 1
		}
		return op, "=", 1
	}
	switch {
	case t.upper == "DIV":
		return IntDiv, "*", 1
	case arithmetic:
	case t.upper == "AND":
		return And, "AND", 1
	case t.upper == "OR":
		return Or, "OR", 1
	case t.upper == "OVERLAPS":
		return Overlaps, "=", 1
	case p.isWord("IS", "DISTINCT", "FROM"):
		return IsDistinctFrom, "=", 3
	case p.isWord("IS", "NOT", "DISTINCT", "FROM"):
		return IsNotDistinctFrom, "=", 4
	}
	return 0, "", 0
}

// signs are the operators that are not words.
var signs = map[string]BinaryOp{
	"=": Eq, "<>": NotEq, "!=": NotEq, "<": Less, "<=": LessEq, ">": Greater, ">=": GreaterEq,
	"+": Add, "-": Sub, "*": Mul, "/": Div, "%": Mod, "||": Concat,
}

// quantified takes ANY (query), SOME (query) or ALL (query).
func (p *parser) quantified() bool {
	t := p.peek()
	if t.upper != "ANY" && t.upper != "SOME" && t.upper != "ALL" || !p.peekAt(1).isOp("(") {
		return false
	}
	p.pos++
	if !p.isQueryAt(p.pos) {
		p.fail(p.peek().Span, t.upper+" takes a query", "write x IN (a, b, c) for a list")
		return true
	}
	q := &Quantified{All: t.upper == "ALL", Query: p.parenQuery()}
	q.Span = p.from(t.Start)
	p.canon.leaf(q, q.Span)
	return true
}

// predicate takes IS, LIKE, BETWEEN or IN with what belongs to it, after an operand.
func (p *parser) predicate() bool {
	start := p.peek()
	not := false
	ahead := start
	if start.upper == "NOT" {
		not = true
		ahead = p.peekAt(1)
	}
	switch ahead.upper {
	case "IS":
		return !not && p.isTest()
	case "LIKE", "ILIKE", "RLIKE", "REGEXP", "SIMILAR":
		p.skipNot(not)
		p.like(start, not)
	case "BETWEEN":
		p.skipNot(not)
		p.between(start, not)
	case "IN":
		p.skipNot(not)
		p.in(start, not)
	default:
		if not {
			p.pos++
			p.unexpected("LIKE, BETWEEN or IN", "LIKE", "BETWEEN", "IN", "SIMILAR", "RLIKE")
		}
		return false
	}
	return true
}

func (p *parser) skipNot(not bool) {
	if not {
		p.pos++
	}
}

var isTestWords = map[string]IsTest{"NULL": IsNull, "TRUE": IsTrue, "FALSE": IsFalse, "UNKNOWN": IsUnknown, "JSON": IsJSON}

// isTest takes IS [NOT] NULL and the like; IS DISTINCT FROM is a binary operator.
func (p *parser) isTest() bool {
	if p.isWord("IS", "DISTINCT", "FROM") || p.isWord("IS", "NOT", "DISTINCT", "FROM") {
		return false
	}
	start := p.next().Start
	op := operator{kind: opIs, not: p.acceptWord("NOT")}
	if op.test = isTestWords[p.peek().upper]; op.test == 0 {
		p.unexpected("NULL, TRUE, FALSE, UNKNOWN, JSON or DISTINCT FROM", "NULL", "TRUE", "FALSE", "UNKNOWN", "DISTINCT", "NOT")
		return false
	}
	p.next()
	if op.test == IsJSON {
		switch {
		case p.acceptWord("OBJECT"):
			op.test = IsJSONObject
		case p.acceptWord("ARRAY"):
			op.test = IsJSONArray
		case p.acceptWord("SCALAR"):
			op.test = IsJSONScalar
		default:
			p.acceptWord("VALUE")
		}
	}
	p.canon.operator("IS NULL", p.from(start), op)
	return true
}

func (p *parser) like(start *token, not bool) {
	op := operator{kind: opLike, not: not}
	switch p.next().upper {
	case "LIKE":
		op.like = OpLike
	case "ILIKE":
		op.like = OpILike
	case "SIMILAR":
		p.expectWord("TO")
		op.like = OpSimilarTo
	default:
		op.like = OpRLike
	}
	opSpan := p.from(start.Start)
	n := len(p.canon.toks)
	p.canon.operator("LIKE", opSpan, op)
	pattern, span := p.arithmeticSpan()
	if t := p.peek(); p.acceptWord("ESCAPE") {
		if op.like == OpRLike {
			p.fail(t.Span, "a regular expression has no ESCAPE", "")
		}
		escape := p.stringLit("the escape character")
		if p.err == nil && len([]rune(escape.Value)) != 1 {
			p.fail(escape.Span, "ESCAPE takes one character", "")
		}
		span.End = p.prevEnd()
		p.canon.toks[n].op.escape = escape
	}
	p.canon.leaf(pattern, span)
}

func (p *parser) between(start *token, not bool) {
	p.next()
	symmetric := p.acceptWord("SYMMETRIC")
	if !symmetric {
		p.acceptWord("ASYMMETRIC")
	}
	p.canon.operator("BETWEEN", p.from(start.Start), operator{kind: opBetween, not: not, symmetric: symmetric})
	low, span := p.arithmeticSpan()
	p.canon.leaf(low, span)
	and := p.peek().Span
	p.expectWord("AND")
	p.canon.mark("AND", and)
	high, span := p.arithmeticSpan()
	p.canon.leaf(high, span)
}

func (p *parser) in(start *token, not bool) {
	p.next()
	p.canon.operator("IN", p.from(start.Start), operator{kind: opIn, not: not})
	open := p.peek()
	if p.isOp("(") && p.isQueryAt(p.pos) {
		q := p.parenQuery()
		span := p.from(open.Start)
		p.canon.mark("(", Span{span.Start, span.Start + 1})
		p.canon.leaf(&Subquery{Span: span, Query: q}, span)
		p.canon.mark(")", Span{span.End - 1, span.End})
		return
	}
	if !p.isOp("(") {
		p.unexpected("'(' and a list or a query")
		return
	}
	p.writeList()
}

// writeList writes the canonical tokens of (a, b, c).
func (p *parser) writeList() {
	p.canon.mark("(", p.next().Span)
	for p.err == nil {
		p.writeExpr(false)
		if !p.isOp(",") {
			break
		}
		p.canon.mark(",", p.next().Span)
	}
	closing := p.peek().Span
	p.expectOp(")")
	p.canon.mark(")", closing)
}

// writeOperand reads one operand with its suffixes.
func (p *parser) writeOperand() {
	n := len(p.canon.toks)
	p.writeFactor()
	if p.err == nil && p.suffixFollows() {
		e, span := p.fold(n)
		e = p.suffixes(e, span.Start)
		p.canon.leaf(e, p.from(span.Start))
	}
}

// writeFactor reads one operand without suffixes.
func (p *parser) writeFactor() {
	t := p.peek()
	switch {
	case t.isOp("(") && !p.isQueryAt(p.pos):
		p.writeList()
	case t.upper == "CASE":
		p.writeCase()
	case p.isPlainCall():
		p.writeCall()
	default:
		e := p.primary()
		p.canon.leaf(e, p.from(t.Start))
	}
}

func (p *parser) writeCase() {
	p.canon.mark("CASE", p.next().Span)
	simple := !p.isWord("WHEN")
	if simple {
		p.writeExpr(false)
	}
	if !p.isWord("WHEN") {
		p.unexpected("WHEN", "WHEN")
	}
	word := func(w string) {
		at := p.peek().Span
		p.expectWord(w)
		p.canon.mark(w, at)
	}
	for p.isWord("WHEN") {
		word("WHEN")
		n := len(p.canon.toks)
		p.writeExpr(false)
		if simple && p.isOp(",") {
			p.writeWhens(n)
			continue
		}
		word("THEN")
		p.writeExpr(false)
	}
	otherwise := p.isWord("ELSE")
	if otherwise {
		word("ELSE")
		p.writeExpr(false)
	}
	if !p.isWord("END") && !otherwise {
		p.unexpected("WHEN, ELSE or END", "WHEN", "ELSE", "END", "AND")
	}
	word("END")
}

// writeWhens reads the rest of WHEN a, b THEN r, whose first value has been written
// from token n on, as WHEN a THEN r WHEN b THEN r.
func (p *parser) writeWhens(n int) {
	type value struct {
		expr Expr
		span Span
	}
	folded := func() value {
		e, span := p.fold(n)
		return value{e, span}
	}
	values := []value{folded()}
	for p.err == nil && p.isOp(",") {
		p.next()
		p.writeExpr(false)
		values = append(values, folded())
	}
	then := p.peek().Span
	p.expectWord("THEN")
	p.writeExpr(false)
	result := folded()
	for i, v := range values {
		if i > 0 {
			p.canon.mark("WHEN", v.span)
		}
		p.canon.leaf(v.expr, v.span)
		p.canon.mark("THEN", then)
		p.canon.leaf(result.expr, result.span)
	}
}

// suffixFollows says whether .field, [index], ::type or AT TIME ZONE is at hand.
func (p *parser) suffixFollows() bool {
	return p.isOp("[") || p.isOp("::") || p.isOp(".") && p.memberFollows() || p.isWord("AT", "TIME") || p.isWord("AT", "LOCAL")
}

// suffixes reads what follows an operand that starts at the offset.
func (p *parser) suffixes(e Expr, start int) Expr {
	for links := 0; p.err == nil && p.suffixFollows(); {
		if links++; links > maxNesting {
			p.tooDeep(p.peek().Span)
		}
		switch {
		case p.acceptOp("["):
			index := p.expression()
			p.expectOp("]")
			e = &Index{Span: p.from(start), X: e, Index: index}
		case p.acceptOp("::"):
			t := p.dataType()
			e = &Cast{Span: p.from(start), X: e, Type: t}
		case p.acceptOp("."):
			field := p.next().ident()
			e = &FieldAccess{Span: p.from(start), X: e, Field: field}
		case p.acceptWord("AT", "LOCAL"):
			e = &AtTimeZone{Span: p.from(start), X: e}
		default:
			p.expectWord("AT", "TIME", "ZONE")
			n := len(p.canon.toks)
			p.writeFactor()
			zone, _ := p.fold(n)
			e = &AtTimeZone{Span: p.from(start), X: e, Zone: zone}
		}
	}
	return e
}

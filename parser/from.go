package parser

// tableRef reads an item of FROM with the joins that follow it.
func (p *parser) tableRef() TableRef {
	p.nest()
	defer p.unnest()
	start := p.peek().Start
	left := p.tablePrimary()
	for links := 0; p.err == nil; {
		j := p.joinHead()
		if j == nil {
			return left
		}
		p.chain(&links, p.peek().Span)
		j.Left = left
		j.Right = p.tablePrimary()
		p.joinCondition(j)
		j.Span = p.from(start)
		left = j
	}
	return left
}

// joinHead reads the words of a join up to and with JOIN, nil if there is none.
func (p *parser) joinHead() *Join {
	start := p.pos
	j := &Join{Kind: JoinInner}
	j.Natural = p.acceptWord("NATURAL")
	left := false
	switch {
	case p.acceptWord("INNER"):
	case p.acceptWord("CROSS"):
		j.Kind = JoinCross
		if t := p.peek(); p.isWord("APPLY") {
			p.fail(t.Span, "CROSS APPLY is written CROSS JOIN LATERAL", "")
		}
	case p.acceptWord("RIGHT"):
		j.Kind = JoinRight
		p.acceptWord("OUTER")
	case p.acceptWord("FULL"):
		j.Kind = JoinFull
		p.acceptWord("OUTER")
	case p.acceptWord("LEFT"):
		j.Kind = JoinLeft
		left = true
		if p.acceptWord("OUTER") {
			break
		}
		fallthrough
	default:
		switch {
		case p.acceptWord("SEMI"):
			j.Kind = JoinSemi
		case p.acceptWord("ANTI"):
			j.Kind = JoinAnti
		case p.acceptWord("ASOF"):
			j.Kind = JoinAsof
			if left {
				j.Kind = JoinAsofLeft
			} else if p.acceptWord("LEFT") {
				j.Kind = JoinAsofLeft
				p.acceptWord("OUTER")
			} else {
				p.acceptWord("INNER")
			}
		}
	}
	if p.pos == start && !p.isWord("JOIN") {
		return nil
	}
	if t := p.peek(); p.isAnyWord("SEMI", "ANTI", "ASOF") {
		p.fail(t.Span, "only a LEFT join can be a "+t.upper+" join", "write "+t.upper+" JOIN, with the sides exchanged if need be")
	}
	if !p.acceptWord("JOIN") {
		word := p.toks[p.pos-1].text
		p.unexpected("JOIN", "JOIN")
		if p.err != nil && p.err.Hint == "" {
			p.err.Hint = word + " starts a join; as an alias it needs AS"
			if reserved[p.toks[p.pos-1].upper] {
				p.err.Hint += " " + quoteIdent(word)
			}
		}
	}
	if j.Natural && j.Kind != JoinInner && j.Kind != JoinLeft && j.Kind != JoinRight && j.Kind != JoinFull {
		p.fail(p.toks[start].Span, "this join can't be NATURAL", "use USING (columns)")
	}
	return j
}

// joinCondition reads what follows the right side of a join.
func (p *parser) joinCondition(j *Join) {
	t := p.peek()
	if p.acceptWord("MATCH_CONDITION") {
		if j.Kind != JoinAsof && j.Kind != JoinAsofLeft {
			p.fail(t.Span, "MATCH_CONDITION belongs to an ASOF JOIN", "")
		}
		p.expectOp("(")
		j.Match = p.expression()
		p.expectOp(")")
	}
	on := p.peek()
	switch {
	case p.acceptWord("ON"):
		j.On = p.expression()
	case p.acceptWord("USING"):
		j.Using = p.identList("the name of a column")
	case j.Kind == JoinCross || j.Natural || j.Match != nil:
	case p.err == nil:
		p.unexpected("ON or USING and the condition of the "+j.Kind.String(), "ON", "USING")
		if p.err.Hint == "" {
			p.err.Hint = "a join of every row with every row is a CROSS JOIN"
		}
		return
	}
	if on.upper != "ON" && on.upper != "USING" {
		return
	}
	switch {
	case j.Kind == JoinCross:
		p.fail(on.Span, "a CROSS JOIN has no condition", "write JOIN")
	case j.Natural:
		p.fail(on.Span, "a NATURAL JOIN has no further condition", "")
	}
}

// tablePrimary reads one table with its alias.
func (p *parser) tablePrimary() TableRef {
	start := p.peek().Start
	ref := p.tableFactor()
	p.aliasOf(ref, start)
	for links := 0; p.err == nil && p.isWord("MATCH_RECOGNIZE"); {
		if links++; links > maxNesting {
			p.tooDeep(p.peek().Span)
		}
		ref = p.matchRecognize(ref, start)
		p.aliasOf(ref, start)
	}
	if t := p.peek(); p.isAnyWord("TABLESAMPLE", "PIVOT", "UNPIVOT", "SAMPLE") {
		p.fail(t.Span, t.upper+" is not supported", "")
	}
	if n, ok := ref.(*TableName); ok && p.isWord("FOR") { // t AS a FOR SYSTEM_TIME AS OF x
		p.systemTime(n)
		n.Span = p.from(start)
	}
	return ref
}

// aliasOf reads the alias of a table if there is one.
func (p *parser) aliasOf(ref TableRef, start int) {
	t := p.peek()
	alias := p.tableAlias()
	if alias == nil {
		return
	}
	var slot **TableAlias
	var span *Span
	switch r := ref.(type) {
	case *TableName:
		slot, span = &r.Alias, &r.Span
	case *DerivedTable:
		slot, span = &r.Alias, &r.Span
	case *WindowTable:
		slot, span = &r.Alias, &r.Span
	case *TableFunction:
		slot, span = &r.Alias, &r.Span
	case *Unnest:
		slot, span = &r.Alias, &r.Span
	case *MatchRecognize:
		slot, span = &r.Alias, &r.Span
	default:
		p.fail(t.Span, "a join in parentheses can't have an alias", "write (SELECT * FROM ...) AS "+shorten(alias.Name.Text))
		return
	}
	if *slot != nil {
		p.fail(alias.Span, "a second alias of the same table", "")
	}
	*slot, *span = alias, p.from(start)
}

// tableFactor reads one table without its alias.
func (p *parser) tableFactor() TableRef {
	p.nest()
	defer p.unnest()
	t := p.peek()
	lateral := p.acceptWord("LATERAL")
	switch {
	case p.isOp("(") && p.isQueryAt(p.pos):
		q := p.parenQuery()
		return &DerivedTable{Lateral: lateral, Query: q, Span: p.from(t.Start)}
	case p.isOp("(") && !lateral:
		p.next()
		ref := p.tableRef()
		p.expectOp(")")
		return ref
	case p.isWord("UNNEST"):
		return p.unnestTable(t)
	case p.isWord("TABLE") && p.peekAt(1).isOp("("):
		p.pos += 2
		ref := p.tableCall(lateral)
		p.expectOp(")")
		return ref
	case p.isCallAhead():
		return p.tableCall(lateral)
	case lateral:
		p.unexpected("a query in parentheses or a table function")
	case p.isWord("VALUES"), p.isWord("SELECT"), p.isWord("WITH"):
		p.fail(p.peek().Span, "a query in FROM needs parentheses", "")
	}
	if !lateral {
		p.acceptWord("TABLE") // FROM TABLE t, as Flink's grammar has it
	}
	n := &TableName{Name: p.name("a table")}
	n.Hints = p.hints()
	if p.isWord("FOR") {
		p.systemTime(n)
	}
	n.Span = p.from(t.Start)
	return n
}

func (p *parser) systemTime(n *TableName) {
	t := p.peek()
	if !p.acceptWord("FOR", "SYSTEM_TIME", "AS", "OF") && !p.acceptWord("FOR", "SYSTEM", "TIME", "AS", "OF") {
		p.next()
		p.unexpected("SYSTEM_TIME AS OF", "SYSTEM_TIME")
		return
	}
	if n.SystemTime != nil {
		p.fail(t.Span, "FOR SYSTEM_TIME is given twice", "")
	}
	n.SystemTime = p.expression()
}

// isCallAhead says whether a name with a parenthesis after it is at hand.
func (p *parser) isCallAhead() bool {
	if !p.peek().isName() {
		return false
	}
	n := 1
	for p.peekAt(n).isOp(".") && (p.peekAt(n+1).kind == tokWord || p.peekAt(n+1).kind == tokQuoted) {
		n += 2
	}
	return p.peekAt(n).isOp("(")
}

// unnestTable reads UNNEST(a, b) [WITH ORDINALITY].
func (p *parser) unnestTable(t *token) TableRef {
	p.next()
	u := &Unnest{}
	p.expectOp("(")
	u.Exprs = p.expressions()
	p.expectOp(")")
	u.WithOrdinality = p.acceptWord("WITH", "ORDINALITY")
	u.Span = p.from(t.Start)
	return u
}

// tableCall reads a function in FROM.
func (p *parser) tableCall(lateral bool) TableRef {
	t := p.peek()
	if p.isWord("UNNEST") {
		return p.unnestTable(t)
	}
	if !p.isCallAhead() {
		p.unexpected("a table function")
		return &TableName{}
	}
	if kind := windowKinds[t.upper]; kind != 0 && p.peekAt(1).isOp("(") {
		return p.windowTable(kind)
	}
	f := &TableFunction{Lateral: lateral, Name: p.name("a table function")}
	f.Args = p.tableArgs()
	f.Span = p.from(t.Start)
	return f
}

// tableArgs reads the arguments of a table function.
func (p *parser) tableArgs() []*TableFunctionArg {
	list := []*TableFunctionArg{}
	p.expectOp("(")
	if !p.isOp(")") {
		p.commaList(func() { list = append(list, p.tableArg(len(list))) })
	}
	if !p.acceptOp(")") {
		p.unexpected("',' or ')'", "PARTITION", "ORDER")
	}
	return list
}

// tableArg reads TABLE t, a query in parentheses, DESCRIPTOR(a) or an expression,
// each perhaps with name => before it.
func (p *parser) tableArg(i int) *TableFunctionArg {
	t := p.peek()
	a := &TableFunctionArg{}
	if t.isName() && p.peekAt(1).isOp("=>") {
		id := t.ident()
		a.Name = &id
		p.pos += 2
	}
	at := p.peek()
	switch {
	case p.acceptWord("TABLE"):
		if p.isOp("(") && !p.isQueryAt(p.pos) { // TABLE(f(...)), or TABLE (t)
			p.next()
			a.Table = p.tableFactor()
			p.expectOp(")")
		} else {
			a.Table = p.tableFactor()
		}
	case p.isOp("(") && p.isQueryAt(p.pos) && i == 0:
		a.Table = p.tableFactor()
	case p.isWord("DESCRIPTOR") && p.peekAt(1).isOp("("):
		p.next()
		a.Descriptor = p.identList("the name of a column")
	default:
		a.Expr = p.expression()
		if _, ok := a.Expr.(*ColumnRef); ok && p.peek().kind == tokHintOpen {
			a.Table, a.Expr = p.asTable(a.Expr), nil // f(t /*+ OPTIONS(...) */, ...)
			n := a.Table.(*TableName)
			n.Hints = p.hints()
			n.Span = p.from(at.Start)
		}
	}
	if p.acceptBy("PARTITION") {
		p.argItems(func() { a.PartitionBy = append(a.PartitionBy, p.expression()) })
	}
	if p.acceptBy("ORDER") {
		p.argItems(func() { a.OrderBy = append(a.OrderBy, p.orderItem()) })
	}
	a.Span = p.from(t.Start)
	return a
}

// argItems reads the items of PARTITION BY and ORDER BY within the arguments of a
// function, with parentheses around them or without. Without, the next argument
// follows after a comma as the next item does: what comes is an item only if it is
// a column.
func (p *parser) argItems(item func()) {
	if open := p.peek(); open.isOp("(") && open.match >= 0 {
		if after := &p.toks[open.match+1]; after.isOp(",") || after.isOp(")") || after.upper == "ORDER" {
			p.parenList(item)
			return
		}
	}
	item()
	for p.err == nil && p.isOp(",") && p.peekAt(1).isName() {
		switch after := p.peekAt(2); {
		case after.isOp(","), after.isOp(")"), after.isOp("."):
		case after.upper == "ORDER", after.upper == "ASC", after.upper == "DESC", after.upper == "NULLS":
		default:
			return
		}
		p.next()
		item()
	}
}

// asTable makes the table name that a column reference turned out to be, nil if the
// expression is none.
func (p *parser) asTable(e Expr) TableRef {
	ref, ok := e.(*ColumnRef)
	if !ok {
		return nil
	}
	return &TableName{Span: ref.Span, Name: &Name{Span: ref.Span, Parts: ref.Parts}}
}

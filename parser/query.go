package parser

// isQueryAt says whether the parenthesis at a token index opens a query, rather
// than an expression or a join in parentheses: ((SELECT ...) UNION ...) does,
// ((SELECT ...) + 1) and ((SELECT ...) AS a JOIN b ...) do not.
func (p *parser) isQueryAt(open int) bool {
	inner := open
	for inner < len(p.toks) && p.toks[inner].isOp("(") {
		if inner-open > maxNesting {
			return false
		}
		inner++
	}
	if inner >= len(p.toks) || inner == open {
		return false
	}
	switch p.toks[inner].upper {
	case "SELECT", "WITH", "VALUES":
	default:
		return false
	}
	// From the innermost parenthesis outwards: what follows each must go on a query.
	for inner--; inner > open; inner-- {
		closing := p.toks[inner].match
		if closing < 0 || closing+1 >= len(p.toks) {
			return true
		}
		switch after := &p.toks[closing+1]; after.upper {
		case "UNION", "INTERSECT", "EXCEPT", "MINUS", "ORDER", "LIMIT", "OFFSET", "FETCH", "EMIT", "LATE", "ALLOW":
		default:
			if !after.isOp(")") {
				return false
			}
		}
	}
	return true
}

// parenQuery reads (query).
func (p *parser) parenQuery() *Query {
	p.expectOp("(")
	q := p.query()
	if !p.acceptOp(")") {
		p.unexpected("')'", endWords...)
	}
	return q
}

// query reads a query with its WITH, ORDER BY and LIMIT.
func (p *parser) query() *Query {
	p.nest()
	defer p.unnest()
	start := p.peek().Start
	q := &Query{}
	if p.isWord("WITH") {
		q.With = p.with()
	}
	q.Body = p.setOps(0)
	q.Span = p.from(start)
	for p.err == nil && p.queryClause(q) {
	}
	q.Span = p.from(start)
	if inner, ok := q.Body.(*Query); ok && q.bare() {
		return inner // parentheses around all of it mean nothing
	}
	return q
}

// bare says whether the query is nothing but its body.
func (q *Query) bare() bool {
	return q.With == nil && q.OrderBy == nil && q.Limit == nil && q.Offset == nil
}

// queryClause reads one clause after the body of a query.
func (p *parser) queryClause(q *Query) bool {
	t := p.peek()
	twice := false
	switch {
	case p.acceptBy("ORDER"):
		twice = q.OrderBy != nil
		q.OrderBy = p.orderItems()
	case p.acceptWord("LIMIT"):
		twice = q.Limit != nil
		if p.acceptWord("ALL") {
			break
		}
		q.Limit = p.expression()
		if comma := p.peek(); p.acceptOp(",") {
			p.fail(comma.Span, "LIMIT takes one number", "write LIMIT n OFFSET m")
		}
	case p.isWord("OFFSET"):
		p.next()
		twice = q.Offset != nil
		q.Offset = p.expression()
		if !p.acceptWord("ROWS") {
			p.acceptWord("ROW")
		}
	case p.acceptWord("FETCH"):
		twice = q.Limit != nil
		q.Limit = p.fetch()
	case p.isOutput():
		sel, ok := q.Body.(*Select)
		if !ok {
			p.fail(t.Span, t.upper+" ends a SELECT, not a whole "+bodyName(q.Body), "put it behind the SELECT that it is about, in parentheses, or write SELECT * FROM (...) "+t.upper+" ...")
			return false
		}
		if sel.Output == nil {
			sel.Output = &Output{Span: t.Span}
		}
		p.outputClause(sel.Output)
		sel.Span = sel.To(sel.Output.Span)
	default:
		return false
	}
	if twice {
		p.fail(t.Span, t.upper+" is given twice", "")
	}
	return true
}

func bodyName(b QueryBody) string {
	if op, ok := b.(*SetOp); ok {
		return op.Op.String()
	}
	return "VALUES"
}

// fetch reads {FIRST | NEXT} [n] {ROW | ROWS} ONLY.
func (p *parser) fetch() Expr {
	if !p.acceptWord("FIRST") && !p.acceptWord("NEXT") {
		p.unexpected("FIRST or NEXT", "FIRST", "NEXT")
	}
	var n Expr
	if at := p.peek(); p.isAnyWord("ROW", "ROWS") {
		n = &NumberLit{Span: at.Span, Text: "1", Kind: NumberInteger}
	} else {
		n = p.primary()
	}
	if !p.acceptWord("ROWS") && !p.acceptWord("ROW") {
		p.unexpected("ROWS", "ROWS", "ROW")
	}
	if at := p.peek(); p.isWord("WITH", "TIES") {
		p.fail(at.Span, "WITH TIES is not supported", "use RANK() in a subquery")
	}
	p.expectWord("ONLY")
	return n
}

func (p *parser) with() *With {
	start := p.next().Start
	w := &With{}
	if t := p.peek(); p.isWord("RECURSIVE") && p.peekAt(1).isName() && !p.isWord("RECURSIVE", "AS") {
		p.fail(t.Span, "recursive queries are not supported", "")
	}
	p.commaList(func() {
		at := p.peek().Start
		c := &CTE{Name: p.ident("the name of a query")}
		if p.isOp("(") {
			c.Columns = p.identList("the name of a column")
		}
		p.expectWord("AS")
		c.Query = p.parenQuery()
		c.Span = p.from(at)
		w.CTEs = append(w.CTEs, c)
	})
	w.Span = p.from(start)
	return w
}

// setOps reads SELECT blocks with set operations between them. Level 0 is UNION and
// EXCEPT, level 1 is INTERSECT, which binds tighter.
func (p *parser) setOps(level int) QueryBody {
	start := p.peek().Start
	if level > 1 {
		return p.queryPrimary()
	}
	left := p.setOps(level + 1)
	for links := 0; p.err == nil; {
		t := p.peek()
		op := &SetOp{Left: left}
		switch {
		case level == 0 && t.upper == "UNION":
			op.Op = Union
		case level == 0 && t.upper == "EXCEPT":
			op.Op = Except
		case level == 1 && t.upper == "INTERSECT":
			op.Op = Intersect
		case t.upper == "MINUS":
			p.fail(t.Span, "MINUS is written EXCEPT", "")
			return left
		default:
			return left
		}
		p.next()
		p.chain(&links, t.Span)
		op.All = p.acceptWord("ALL")
		if !op.All {
			p.acceptWord("DISTINCT")
		}
		op.Right = p.setOps(level + 1)
		op.Span = p.from(start)
		left = op
	}
	return left
}

func (p *parser) queryPrimary() QueryBody {
	t := p.peek()
	switch {
	case t.upper == "SELECT":
		return p.selectBlock()
	case t.upper == "VALUES":
		return p.values()
	case t.isOp("("):
		q := p.parenQuery()
		if q.bare() && q.Body != nil {
			return q.Body
		}
		return q
	case t.upper == "FROM":
		p.fail(t.Span, "a query starts with SELECT", "write SELECT * FROM ...")
	case t.upper == "TABLE":
		p.fail(t.Span, "a query starts with SELECT", "write SELECT * FROM "+shorten(p.peekAt(1).text))
	}
	p.unexpected("SELECT or VALUES", "SELECT", "VALUES", "WITH")
	return &Select{Span: t.Span}
}

func (p *parser) values() *Values {
	start := p.next().Start
	v := &Values{}
	p.commaList(func() {
		at := p.peek()
		var row []Expr
		if p.acceptWord("ROW") || p.isOp("(") {
			p.parenList(func() { row = append(row, p.expression()) })
		} else {
			row = append(row, p.expression())
		}
		if len(v.Rows) > 0 && len(row) != len(v.Rows[0]) {
			p.fail(p.from(at.Start), "the rows of VALUES have different numbers of columns", "")
		}
		v.Rows = append(v.Rows, row)
	})
	v.Span = p.from(start)
	return v
}

func (p *parser) selectBlock() *Select {
	start := p.next().Start
	s := &Select{Hints: p.hints()}
	if p.acceptWord("DISTINCT") {
		s.Distinct = true
		if t := p.peek(); p.isWord("ON") && p.peekAt(1).isOp("(") {
			p.fail(t.Span, "DISTINCT ON is not supported", "use ROW_NUMBER() OVER (PARTITION BY ... ORDER BY ...) = 1")
		}
	} else {
		p.acceptWord("ALL")
	}
	p.commaList(func() { s.Items = append(s.Items, p.selectItem()) })
	if p.acceptWord("FROM") {
		p.commaList(func() { s.From = append(s.From, p.tableRef()) })
	}
	if p.acceptWord("WHERE") {
		s.Where = p.expression()
	}
	if p.acceptBy("GROUP") {
		if !p.acceptWord("DISTINCT") {
			p.acceptWord("ALL")
		}
		p.commaList(func() { s.GroupBy = append(s.GroupBy, p.groupingElement(true)) })
	}
	if p.acceptWord("HAVING") {
		s.Having = p.expression()
	}
	for p.isWord("WINDOW") || p.isWord("QUALIFY") {
		t := p.next()
		switch {
		case t.upper == "WINDOW" && s.Windows == nil:
			p.commaList(func() { s.Windows = append(s.Windows, p.namedWindow()) })
		case t.upper == "QUALIFY" && s.Qualify == nil:
			s.Qualify = p.expression()
		default:
			p.fail(t.Span, t.upper+" is given twice", "")
		}
	}
	if p.isOutput() {
		s.Output = &Output{Span: p.peek().Span}
		for p.err == nil && p.isOutput() {
			p.outputClause(s.Output)
		}
	}
	s.Span = p.from(start)
	return s
}

func (p *parser) selectItem() *SelectItem {
	start := p.peek().Start
	it := &SelectItem{}
	switch {
	case p.acceptOp("*"):
		it.Star = true
		if t := p.peek(); p.isWord("EXCEPT") && p.peekAt(1).isOp("(") && !p.isQueryAt(p.pos+1) || p.isAnyWord("EXCLUDE", "REPLACE") {
			p.fail(t.Span, "* "+t.upper+" is not supported", "name the columns")
		}
	case p.qualifiedStar():
		it.Star = true
		it.Qualifier = p.name("the name of a table")
		p.expectOp(".")
		p.expectOp("*")
	default:
		it.Expr = p.expression()
		it.Alias = p.alias()
	}
	it.Span = p.from(start)
	return it
}

// qualifiedStar says whether a.b.* is at hand.
func (p *parser) qualifiedStar() bool {
	if !p.peek().isName() {
		return false
	}
	n := 1
	for p.peekAt(n).isOp(".") && (p.peekAt(n+1).kind == tokWord || p.peekAt(n+1).kind == tokQuoted) {
		n += 2
	}
	return p.peekAt(n).isOp(".") && p.peekAt(n+1).isOp("*")
}

// groupingElement reads an item of GROUP BY. sets says whether GROUPING SETS, ROLLUP
// and CUBE may stand here.
func (p *parser) groupingElement(sets bool) *GroupingElement {
	p.nest()
	defer p.unnest()
	start := p.peek().Start
	g := &GroupingElement{}
	nested := sets
	switch next := p.peekAt(1); {
	case sets && p.isWord("GROUPING", "SETS") && p.peekAt(2).isOp("("):
		g.Kind = GroupSets
		p.pos += 2
	case sets && p.isWord("ROLLUP") && next.isOp("("):
		g.Kind, nested = GroupRollup, false
		p.pos++
	case sets && p.isWord("CUBE") && next.isOp("("):
		g.Kind, nested = GroupCube, false
		p.pos++
	default:
		p.groupingExprs(g)
		g.Span = p.from(start)
		return g
	}
	p.parenList(func() { g.Elements = append(g.Elements, p.groupingElement(nested)) })
	g.Span = p.from(start)
	return g
}

// groupingExprs reads an expression, (a, b) or ().
func (p *parser) groupingExprs(g *GroupingElement) {
	g.Kind = GroupExprs
	t := p.peek()
	if !t.isOp("(") || p.isQueryAt(p.pos) {
		g.Exprs = []Expr{p.expression()}
		return
	}
	if p.peekAt(1).isOp(")") {
		p.pos += 2
		return
	}
	// (a, b) is a group only if that is all of it: (a, b) = (c, d) is an expression.
	if closing := t.match; closing > 0 && p.endsGrouping(&p.toks[closing+1]) {
		p.parenList(func() { g.Exprs = append(g.Exprs, p.expression()) })
		return
	}
	g.Exprs = []Expr{p.expression()}
}

// endsGrouping says whether a token can follow an item of GROUP BY.
func (p *parser) endsGrouping(t *token) bool {
	if t.kind == tokOp {
		return t.text == "," || t.text == ")" || t.text == ";"
	}
	if t.kind == tokWord {
		switch t.upper {
		case "AND", "OR", "IS", "NOT", "IN", "LIKE", "BETWEEN", "ILIKE", "SIMILAR", "RLIKE", "REGEXP", "OVERLAPS", "DIV", "AT":
			return false
		}
	}
	return true
}

func (p *parser) namedWindow() *NamedWindow {
	start := p.peek().Start
	w := &NamedWindow{Name: p.ident("the name of a window")}
	p.expectWord("AS")
	w.Spec = p.windowSpec()
	w.Span = p.from(start)
	return w
}

func (p *parser) orderItems() []*OrderItem {
	var list []*OrderItem
	p.commaList(func() { list = append(list, p.orderItem()) })
	return list
}

func (p *parser) orderItem() *OrderItem {
	start := p.peek().Start
	o := &OrderItem{Expr: p.expression()}
	if p.acceptWord("DESC") {
		o.Desc = true
	} else {
		p.acceptWord("ASC")
	}
	switch {
	case p.acceptWord("NULLS", "FIRST"):
		o.Nulls = NullsFirst
	case p.acceptWord("NULLS", "LAST"):
		o.Nulls = NullsLast
	case p.isWord("NULLS"):
		p.next()
		p.unexpected("FIRST or LAST", "FIRST", "LAST")
	}
	o.Span = p.from(start)
	return o
}

// isOutput says whether a clause of Output is at hand.
func (p *parser) isOutput() bool {
	return p.isWord("EMIT") || p.isWord("LATE") || p.isWord("ALLOW")
}

// outputClause reads one of EMIT, LATE DATA TO and ALLOW LATENESS.
func (p *parser) outputClause(o *Output) {
	t := p.next()
	twice := false
	switch t.upper {
	case "EMIT":
		twice = o.Emit != nil
		o.Emit = p.emit(t)
	case "LATE":
		p.expectWord("DATA", "TO")
		twice = o.LateTo != nil
		o.LateTo = p.name("the name of a sink")
	default:
		p.expectWord("LATENESS")
		twice = o.Lateness != nil
		o.Lateness = p.interval()
	}
	if twice {
		p.fail(p.from(t.Start), "this clause is given twice", "")
	}
	o.Span = o.To(p.from(t.Start))
}

func (p *parser) emit(t *token) *Emit {
	e := &Emit{}
	switch {
	case p.acceptWord("FINAL"):
		e.Kind = EmitOnWindowClose
	case p.acceptWord("ON"):
		p.expectWord("WINDOW", "CLOSE")
		e.Kind = EmitOnWindowClose
	case p.acceptWord("CHANGES"):
		e.Kind = EmitChanges
	case p.acceptWord("COMPLETE"):
		e.Kind = EmitComplete
	case p.acceptWord("EVERY"):
		e.Kind = EmitEvery
		e.Every = p.interval()
	default:
		p.unexpected("ON WINDOW CLOSE, FINAL, CHANGES, COMPLETE or EVERY INTERVAL ...", "FINAL", "CHANGES", "COMPLETE", "EVERY", "ON")
	}
	e.Span = p.from(t.Start)
	return e
}

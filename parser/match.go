package parser

// matchRecognize reads MATCH_RECOGNIZE (...) without its alias. The words in it are
// no keywords elsewhere.
func (p *parser) matchRecognize(input TableRef, start int) *MatchRecognize {
	m := &MatchRecognize{Input: input}
	outer := p.inMatch
	p.inMatch = true
	defer func() { p.inMatch = outer }()
	p.expectWord("MATCH_RECOGNIZE")
	open := p.peek()
	p.expectOp("(")
	if p.acceptBy("PARTITION") {
		m.PartitionBy = p.expressions()
	}
	if p.acceptBy("ORDER") {
		m.OrderBy = p.orderItems()
	}
	if p.acceptWord("MEASURES") {
		p.commaList(func() { m.Measures = append(m.Measures, p.measure()) })
	}
	switch {
	case p.acceptWord("ONE", "ROW", "PER", "MATCH"):
	case p.acceptWord("ALL", "ROWS", "PER", "MATCH"):
		m.AllRows = true
		if t := p.peek(); p.isAnyWord("SHOW", "OMIT", "WITH") {
			p.fail(t.Span, "ALL ROWS PER MATCH has no options here", "")
		}
	}
	if p.isWord("AFTER") {
		m.After = p.afterMatch()
	}
	if !p.acceptWord("PATTERN") {
		p.unexpected("PATTERN", "PARTITION", "ORDER", "MEASURES", "ONE", "ALL", "AFTER", "PATTERN")
	}
	p.expectOp("(")
	m.Pattern = p.patternAlt()
	if !p.acceptOp(")") {
		p.unexpected("')' or more of the pattern")
	}
	for p.err == nil && !p.isOp(")") {
		switch t := p.peek(); {
		case p.acceptWord("WITHIN"):
			if m.Within != nil {
				p.fail(t.Span, "WITHIN is given twice", "")
			}
			m.Within = p.interval()
		case p.acceptWord("SUBSET"):
			p.commaList(func() { m.Subsets = append(m.Subsets, p.subset()) })
		case p.acceptWord("DEFINE"):
			p.commaList(func() { m.Defines = append(m.Defines, p.define()) })
		default:
			p.unexpected("WITHIN, SUBSET, DEFINE or ')'", "WITHIN", "SUBSET", "DEFINE")
		}
	}
	p.expectOp(")")
	m.Span = p.from(start)
	if p.err == nil && len(m.Defines) == 0 {
		p.fail(open.Span, "MATCH_RECOGNIZE needs DEFINE", "DEFINE a AS condition, for at least one variable of the pattern")
	}
	return m
}

func (p *parser) measure() *Measure {
	start := p.peek().Start
	m := &Measure{Expr: p.expression()}
	p.expectWord("AS")
	m.Alias = p.ident("the name of a measure")
	m.Span = p.from(start)
	return m
}

func (p *parser) subset() *Subset {
	start := p.peek().Start
	s := &Subset{Name: p.ident("the name of a subset")}
	p.expectOp("=")
	s.Variables = p.identList("a variable of the pattern")
	s.Span = p.from(start)
	return s
}

func (p *parser) define() *Define {
	start := p.peek().Start
	d := &Define{Variable: p.ident("a variable of the pattern")}
	p.expectWord("AS")
	d.Condition = p.expression()
	d.Span = p.from(start)
	return d
}

func (p *parser) afterMatch() *AfterMatch {
	start := p.peek().Start
	p.expectWord("AFTER", "MATCH", "SKIP")
	a := &AfterMatch{}
	variable := func(kind SkipKind) {
		a.Skip = kind
		id := p.ident("a variable of the pattern")
		a.Variable = &id
	}
	switch {
	case p.acceptWord("PAST"):
		p.expectWord("LAST", "ROW")
		a.Skip = SkipPastLastRow
	case p.acceptWord("TO", "NEXT", "ROW"):
		a.Skip = SkipToNextRow
	case p.acceptWord("TO", "FIRST"):
		variable(SkipToFirst)
	case p.acceptWord("TO", "LAST"):
		variable(SkipToLast)
	case p.acceptWord("TO"):
		variable(SkipToLast)
	default:
		p.unexpected("PAST LAST ROW, TO NEXT ROW, TO FIRST variable or TO LAST variable", "PAST", "TO")
	}
	a.Span = p.from(start)
	return a
}

// patternAlt reads a b | c.
func (p *parser) patternAlt() Pattern {
	p.nest()
	defer p.unnest()
	start := p.peek().Start
	items := []Pattern{p.patternSeq()}
	for p.acceptOp("|") {
		items = append(items, p.patternSeq())
	}
	if len(items) == 1 {
		return items[0]
	}
	return &PatternAlt{Span: p.from(start), Items: items}
}

func (p *parser) patternSeq() Pattern {
	start := p.peek().Start
	var items []Pattern
	for p.err == nil {
		t := p.peek()
		if !t.isName() && !t.isOp("(") && !t.isOp("{") && !t.isOp("^") && !t.isOp("$") {
			break
		}
		items = append(items, p.patternFactor())
	}
	switch len(items) {
	case 0:
		p.unexpected("a variable of the pattern")
		return &PatternEmpty{Span: p.from(start)}
	case 1:
		return items[0]
	}
	return &PatternSeq{Span: p.from(start), Items: items}
}

// patternFactor reads a primary with its quantifier.
func (p *parser) patternFactor() Pattern {
	start := p.peek().Start
	item := p.patternPrimary()
	q := &PatternQuant{Item: item, Max: -1}
	switch {
	case p.acceptOp("*"):
	case p.acceptOp("+"):
		q.Min = 1
	case p.acceptOp("?"):
		q.Max = 1
	case p.isOp("{") && !p.peekAt(1).isOp("-"):
		p.bounds(q)
	default:
		return item
	}
	q.Reluctant = p.acceptOp("?")
	q.Span = p.from(start)
	return q
}

// bounds reads {n}, {n,}, {n,m} or {,m}.
func (p *parser) bounds(q *PatternQuant) {
	open := p.next()
	if !p.isOp(",") {
		q.Min = p.smallInt("the repetitions")
		q.Max = q.Min
	}
	if p.acceptOp(",") {
		q.Max = -1
		if !p.isOp("}") {
			q.Max = p.smallInt("the repetitions")
		}
	}
	p.expectOp("}")
	if q.Max == 0 || q.Max > 0 && q.Max < q.Min {
		p.fail(p.from(open.Start), "these bounds match nothing", "")
	}
}

func (p *parser) patternPrimary() Pattern {
	t := p.peek()
	switch {
	case p.acceptOp("^"), p.acceptOp("$"):
		return &PatternAnchor{Span: t.Span, End: t.text == "$"}
	case p.acceptOp("("):
		if p.acceptOp(")") {
			return &PatternEmpty{Span: p.from(t.Start)}
		}
		item := p.patternAlt()
		p.expectOp(")")
		return item
	case p.acceptOp("{"):
		p.expectOp("-")
		item := p.patternAlt()
		p.expectOp("-")
		p.expectOp("}")
		return &PatternExclude{Span: p.from(t.Start), Item: item}
	case p.isWord("PERMUTE") && p.peekAt(1).isOp("("):
		p.next()
		m := &PatternPermute{}
		p.parenList(func() { m.Items = append(m.Items, p.patternAlt()) })
		m.Span = p.from(t.Start)
		return m
	}
	name := p.ident("a variable of the pattern")
	return &PatternVar{Span: name.Span, Name: name}
}

package parser

// isName says whether the token can be a name in any place where one may stand.
func (t *token) isName() bool {
	return t.kind == tokQuoted || t.kind == tokWord && !reserved[t.upper]
}

// canAlias says whether the token can be an alias without AS.
func (t *token) canAlias() bool {
	return t.isName() && !clauseWords[t.upper]
}

func (t *token) ident() Ident {
	return Ident{Span: t.Span, Text: t.text, Quoted: t.kind == tokQuoted}
}

// ident reads one identifier; what says of what, for the message.
func (p *parser) ident(what string) Ident {
	if !p.peek().isName() {
		p.wantName = true
		p.unexpected(what)
		p.wantName = false
		return Ident{}
	}
	return p.next().ident()
}

// name reads a dotted name. After a point any word is a name, reserved or not.
func (p *parser) name(what string) *Name {
	start := p.peek().Start
	n := &Name{Parts: []Ident{p.ident(what)}}
	for p.isOp(".") && p.memberFollows() {
		p.pos++
		n.Parts = append(n.Parts, p.next().ident())
		if len(n.Parts) > maxNesting {
			p.tooDeep(p.from(start))
		}
	}
	n.Span = p.from(start)
	return n
}

// memberFollows says whether the point at hand is followed by a name.
func (p *parser) memberFollows() bool {
	t := p.peekAt(1)
	return t.kind == tokWord || t.kind == tokQuoted
}

// identList reads (a, b, c).
func (p *parser) identList(what string) []Ident {
	var list []Ident
	p.parenList(func() { list = append(list, p.ident(what)) })
	return list
}

// stringLit reads a string.
func (p *parser) stringLit(what string) *StringLit {
	t := p.peek()
	if t.kind != tokString {
		p.unexpected(what + " as a string")
		return &StringLit{Span: t.Span}
	}
	p.pos++
	return &StringLit{Span: t.Span, Value: t.text}
}

// comment reads COMMENT 'text' if it is there.
func (p *parser) comment() *StringLit {
	if p.peekAt(1).kind != tokString || !p.acceptWord("COMMENT") {
		return nil
	}
	return p.stringLit("the comment")
}

// alias reads [AS] name, nil if there is none.
func (p *parser) alias() *Ident {
	if p.acceptWord("AS") {
		id := p.ident("an alias")
		return &id
	}
	if !p.peek().canAlias() {
		return nil
	}
	p.bareAlias = p.pos
	id := p.next().ident()
	return &id
}

// tableAlias reads [AS] name [(columns)], nil if there is none.
func (p *parser) tableAlias() *TableAlias {
	start := p.peek().Start
	joinAt := p.peekAt(1)
	if !p.isWord("AS") && joinAt.upper == "JOIN" {
		// a LEF JOIN b: a word before JOIN that is nearly one that belongs there.
		if s := suggest(p.peek().text, joinWords); s != "" && p.peek().kind == tokWord {
			p.fail(p.peek().Span, "unexpected "+p.peek().describe()+" before JOIN",
				"did you mean "+s+" JOIN? (an alias that looks like a keyword needs AS)")
			return nil
		}
	}
	name := p.alias()
	if name == nil {
		return nil
	}
	a := &TableAlias{Name: *name}
	if p.isOp("(") {
		a.Columns = p.identList("a column alias")
	}
	a.Span = p.from(start)
	return a
}

// options reads ('key' = 'value', ...). A value may be a number or a single word.
func (p *parser) options() []*Option {
	list := []*Option{}
	seen := map[string]bool{}
	p.expectOp("(")
	if p.acceptOp(")") {
		return list
	}
	p.commaList(func() {
		if p.isOp(")") && len(list) > 0 { // a comma after the last one
			return
		}
		o := p.option()
		if seen[o.Key.Value] {
			p.fail(o.Key.Span, "the option '"+shorten(o.Key.Value)+"' is given twice", "")
		}
		seen[o.Key.Value] = true
		list = append(list, o)
	})
	if !p.acceptOp(")") {
		p.unexpected("',' or ')'")
	}
	return list
}

// option reads 'key' = 'value', or key = value with words joined by points and
// hyphens for the key.
func (p *parser) option() *Option {
	start := p.peek().Start
	o := &Option{Key: p.optionKey()}
	p.expectOp("=")
	t := p.peek()
	o.Value = &StringLit{Span: t.Span, Value: t.text}
	switch t.kind {
	case tokString, tokNumber, tokBadNumber, tokWord, tokQuoted:
		p.pos++
	case tokOp:
		if n := p.peekAt(1); t.text == "-" && n.kind == tokNumber {
			p.pos += 2
			o.Value = &StringLit{Span: t.To(n.Span), Value: "-" + n.text}
			break
		}
		fallthrough
	default:
		p.unexpected("the option's value as a string")
	}
	o.Span = p.from(start)
	return o
}

// optionKey reads 'key', "key", or words joined by points and hyphens.
func (p *parser) optionKey() *StringLit {
	t := p.peek()
	if t.kind == tokString || t.kind == tokQuoted {
		p.pos++
		return &StringLit{Span: t.Span, Value: t.text}
	}
	if t.kind != tokWord {
		p.unexpected("a key as a string")
		return &StringLit{Span: t.Span}
	}
	p.pos++
	for (p.isOp(".") || p.isOp("-")) && p.peek().Start == p.prevEnd() {
		if n := p.peekAt(1); n.kind != tokWord && n.kind != tokNumber && n.kind != tokBadNumber {
			break
		}
		p.pos += 2
	}
	span := p.from(t.Start)
	return &StringLit{Span: span, Value: p.src.Slice(span)}
}

// hints reads any number of /*+ ... */.
func (p *parser) hints() []*Hint {
	var list []*Hint
	for p.peek().kind == tokHintOpen {
		p.pos++
		for p.peek().kind != tokHintClose && p.err == nil {
			list = append(list, p.hint())
			p.acceptOp(",")
		}
		p.next()
	}
	return list
}

func (p *parser) hint() *Hint {
	start := p.peek().Start
	h := &Hint{Name: p.ident("the name of a hint")}
	if p.acceptOp("(") {
		seen := map[string]bool{}
		if !p.isOp(")") {
			p.commaList(func() {
				if n := p.peekAt(1); n.isOp("=") || n.isOp(".") || n.isOp("-") {
					o := p.option()
					if seen[o.Key.Value] {
						p.fail(o.Key.Span, "the option '"+shorten(o.Key.Value)+"' is given twice", "")
					}
					seen[o.Key.Value] = true
					h.Options = append(h.Options, o)
					return
				}
				t := p.peek()
				switch t.kind {
				case tokString, tokQuoted, tokWord, tokNumber:
					p.pos++
					h.Args = append(h.Args, &StringLit{Span: t.Span, Value: t.text})
				default:
					p.unexpected("an argument of the hint")
				}
			})
		}
		p.expectOp(")")
	}
	h.Span = p.from(start)
	return h
}

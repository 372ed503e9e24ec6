package parser

// ownCalls are the functions that primary reads, by clauseCall and jsonCall.
var ownCalls = words(`
	EXTRACT FLOOR CEIL CEILING TRIM POSITION ROW SAFE_CAST
	JSON_VALUE JSON_QUERY JSON_EXISTS JSON_OBJECT JSON_OBJECTAGG JSON_ARRAY JSON_ARRAYAGG`)

// isPlainCall says whether a name with a parenthesis after it is at hand, other
// than those of ownCalls. Blanks before the parenthesis mean nothing.
func (p *parser) isPlainCall() bool {
	t := p.peek()
	if !t.isName() && t.upper != "LEFT" && t.upper != "RIGHT" {
		return false
	}
	n := 1
	for p.peekAt(n).isOp(".") && (p.peekAt(n+1).kind == tokWord || p.peekAt(n+1).kind == tokQuoted) {
		n += 2
	}
	return p.peekAt(n).isOp("(") && (n > 1 || !ownCalls[t.upper])
}

// separators are the words that stand for a comma between the arguments of a
// function: SUBSTRING(s FROM a FOR b).
var separators = map[string]map[string]bool{
	"SUBSTRING": words("FROM FOR"),
	"OVERLAY":   words("PLACING FROM FOR"),
}

// unitFirst are the functions whose first argument is a unit of time.
var unitFirst = words("TIMESTAMPADD TIMESTAMPDIFF")

// writeCall reads a call and writes its canonical tokens: the name, which stands
// for the *Call, and the arguments in parentheses. What TiDB's grammar does not
// have, clauses before, among and after the arguments, goes into the *Call at once.
func (p *parser) writeCall() {
	p.nest()
	defer p.unnest()
	start := p.peek()
	call := &Call{Name: p.callName()}
	function := ""
	if len(call.Name.Parts) == 1 {
		function = start.upper
	}
	p.canon.leaf(call, call.Name.Span)
	p.canon.mark("(", p.peek().Span)
	p.expectOp("(")
	if p.acceptWord("DISTINCT") {
		call.Distinct = true
	} else {
		p.acceptWord("ALL")
	}
	switch {
	case p.isOp("*") && p.peekAt(1).isOp(")"):
		p.pos++
		call.Star = true
	case p.isOp(")"):
	default:
		p.writeArgs(function)
	}
	p.nullTreatment(call)
	if p.acceptBy("ORDER") {
		call.OrderBy = p.orderItems()
		p.nullTreatment(call)
	}
	at := p.peek().Start
	if !p.acceptOp(")") {
		p.unexpected("',' or ')'", "ORDER", "FILTER", "IGNORE")
	}
	p.callClauses(call)
	p.canon.mark(")", p.from(at))
}

// callName reads the name of a function, where LEFT and RIGHT are names too.
func (p *parser) callName() *Name {
	if t := p.peek(); reserved[t.upper] {
		p.pos++
		return &Name{Span: t.Span, Parts: []Ident{t.ident()}}
	}
	return p.name("the name of a function")
}

func (p *parser) writeArgs(function string) {
	for first := true; p.err == nil; first = false {
		t := p.peek()
		switch {
		case t.isName() && p.peekAt(1).isOp("=>"):
			p.pos += 2
			a := &NamedArg{Name: t.ident(), Value: p.expression()}
			a.Span = p.from(t.Start)
			p.canon.leaf(a, a.Span)
		case first && unitFirst[function]:
			u := &UnitArg{Unit: p.timeUnit()}
			u.Span = p.from(t.Start)
			p.canon.leaf(u, u.Span)
		case t.upper == "SELECT" || t.upper == "WITH":
			p.fail(t.Span, "a query as an argument needs parentheses of its own", "")
		default:
			p.writeExpr(false)
		}
		sep := p.peek()
		if !sep.isOp(",") && !separators[function][sep.upper] {
			return
		}
		p.canon.mark(",", p.next().Span)
	}
}

// nullTreatment reads IGNORE NULLS or RESPECT NULLS.
func (p *parser) nullTreatment(call *Call) bool {
	switch {
	case p.acceptWord("IGNORE", "NULLS"):
		call.Nulls = IgnoreNulls
	case p.acceptWord("RESPECT", "NULLS"):
		call.Nulls = RespectNulls
	default:
		return false
	}
	return true
}

// callClauses reads what may follow the arguments, each at most once.
func (p *parser) callClauses(call *Call) {
	for p.err == nil {
		t := p.peek()
		twice := false
		switch {
		case p.acceptWord("WITHIN", "GROUP"):
			twice = call.WithinGroup != nil
			p.expectOp("(")
			p.expectWord("ORDER", "BY")
			call.WithinGroup = p.orderItems()
			p.expectOp(")")
		case p.isWord("FILTER") && p.peekAt(1).isOp("("):
			twice = call.Filter != nil
			p.pos += 2
			p.expectWord("WHERE")
			call.Filter = p.expression()
			p.expectOp(")")
		case p.isWord("IGNORE", "NULLS"), p.isWord("RESPECT", "NULLS"):
			twice = call.Nulls != NullsUnspecified
			p.nullTreatment(call)
		case p.isWord("OVER"):
			twice = call.Over != nil
			call.Over = p.over()
		default:
			return
		}
		if twice {
			p.fail(t.Span, t.upper+" is given twice", "")
		}
	}
}

func (p *parser) over() *Over {
	start := p.next().Start
	o := &Over{}
	if p.isOp("(") {
		o.Spec = p.windowSpec()
	} else {
		id := p.ident("'(' or the name of a window")
		o.Name = &id
	}
	o.Span = p.from(start)
	return o
}

// windowSpec reads (base PARTITION BY ... ORDER BY ... frame).
func (p *parser) windowSpec() *WindowSpec {
	p.nest()
	defer p.unnest()
	start := p.peek().Start
	w := &WindowSpec{}
	p.expectOp("(")
	if t := p.peek(); t.isName() && !p.isAnyWord("PARTITION", "ROWS", "RANGE", "GROUPS") {
		id := p.next().ident()
		w.Base = &id
	}
	if p.acceptBy("PARTITION") {
		w.PartitionBy = p.expressions()
	}
	if p.acceptBy("ORDER") {
		w.OrderBy = p.orderItems()
	}
	if p.isAnyWord("ROWS", "RANGE", "GROUPS") {
		w.Frame = p.frame()
	}
	if !p.acceptOp(")") {
		p.unexpected("')'", "PARTITION", "ORDER", "ROWS", "RANGE", "GROUPS")
		if w.Base != nil && p.err != nil {
			if s := suggest(w.Base.Text, []string{"PARTITION", "ORDER", "ROWS", "RANGE", "GROUPS"}); s != "" {
				p.err.Span, p.err.Msg, p.err.Hint = w.Base.Span, "unexpected "+shorten(w.Base.Text), "did you mean "+s+"?"
			}
		}
	}
	w.Span = p.from(start)
	return w
}

func (p *parser) frame() *Frame {
	start := p.peek().Start
	f := &Frame{}
	switch p.next().upper {
	case "ROWS":
		f.Unit = FrameRows
	case "RANGE":
		f.Unit = FrameRange
	default:
		f.Unit = FrameGroups
	}
	if p.acceptWord("BETWEEN") {
		f.Lower = p.frameBound()
		p.expectWord("AND")
		f.Upper = p.frameBound()
		if p.err == nil && f.Lower.Kind > f.Upper.Kind {
			p.fail(f.Lower.To(f.Upper.Span), "the frame ends before it starts", "")
		}
	} else {
		f.Lower = p.frameBound()
		if p.err == nil && f.Lower.Kind > BoundCurrentRow {
			p.fail(f.Lower.Span, "a frame that starts after the current row needs an end", "write BETWEEN ... AND ...")
		}
	}
	if p.acceptWord("EXCLUDE") {
		switch {
		case p.acceptWord("NO", "OTHERS"):
		case p.acceptWord("CURRENT", "ROW"):
			f.Exclude = ExcludeCurrentRow
		case p.acceptWord("GROUP"):
			f.Exclude = ExcludeGroup
		case p.acceptWord("TIES"):
			f.Exclude = ExcludeTies
		default:
			p.unexpected("NO OTHERS, CURRENT ROW, GROUP or TIES", "CURRENT", "GROUP", "TIES")
		}
	}
	f.Span = p.from(start)
	return f
}

func (p *parser) frameBound() *FrameBound {
	start := p.peek().Start
	b := &FrameBound{}
	switch {
	case p.acceptWord("UNBOUNDED", "PRECEDING"):
		b.Kind = BoundUnboundedPreceding
	case p.acceptWord("UNBOUNDED", "FOLLOWING"):
		b.Kind = BoundUnboundedFollowing
	case p.acceptWord("CURRENT", "ROW"):
		b.Kind = BoundCurrentRow
	default:
		b.Offset = p.arithmetic()
		switch {
		case p.acceptWord("PRECEDING"):
			b.Kind = BoundPreceding
		case p.acceptWord("FOLLOWING"):
			b.Kind = BoundFollowing
		default:
			p.unexpected("PRECEDING or FOLLOWING", "PRECEDING", "FOLLOWING")
		}
	}
	b.Span = p.from(start)
	return b
}

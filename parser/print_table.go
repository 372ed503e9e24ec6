package parser

func (p *printer) table(ref TableRef) {
	switch r := ref.(type) {
	case *TableName:
		p.name(r.Name)
		p.hints(r.Hints)
		if r.SystemTime != nil {
			p.put(" FOR SYSTEM_TIME AS OF ")
			p.expr(r.SystemTime, precLowest)
		}
		p.tableAlias(r.Alias)
	case *DerivedTable:
		p.when(r.Lateral, "LATERAL ")
		p.put("(")
		p.query(r.Query)
		p.put(")")
		p.tableAlias(r.Alias)
	case *WindowTable:
		p.put("TABLE(")
		p.windowTable(r)
		p.put(")")
		p.tableAlias(r.Alias)
	case *TableFunction:
		p.when(r.Lateral, "LATERAL ")
		p.put("TABLE(")
		p.name(r.Name)
		p.put("(")
		p.list(len(r.Args), func(i int) { p.tableArg(r.Args[i]) })
		p.put("))")
		p.tableAlias(r.Alias)
	case *Unnest:
		p.put("UNNEST(")
		p.exprs(r.Exprs)
		p.put(")")
		p.when(r.WithOrdinality, " WITH ORDINALITY")
		p.tableAlias(r.Alias)
	case *Join:
		p.join(r)
	case *MatchRecognize:
		p.matchRecognize(r)
	}
}

func (p *printer) tableAlias(a *TableAlias) {
	if a == nil {
		return
	}
	p.put(" AS ")
	p.ident(a.Name)
	if a.Columns != nil {
		p.parenIdents(a.Columns)
	}
}

// input writes the table that a function reads: a name with TABLE before it.
func (p *printer) input(ref TableRef) {
	switch r := ref.(type) {
	case *WindowTable:
		p.put("TABLE ")
		p.windowTable(r)
	case *TableFunction:
		p.put("TABLE ")
		p.name(r.Name)
		p.put("(")
		p.list(len(r.Args), func(i int) { p.tableArg(r.Args[i]) })
		p.put(")")
	default:
		p.put("TABLE ")
		p.table(ref)
	}
}

func (p *printer) windowTable(w *WindowTable) {
	p.put(w.Kind.String(), "(DATA => ")
	p.input(w.Input)
	if w.PartitionBy != nil {
		p.put(" PARTITION BY (")
		p.exprs(w.PartitionBy)
		p.put(")")
	}
	p.put(", TIMECOL => ")
	if len(w.TimeColumn.Parts) == 1 {
		p.put("DESCRIPTOR(")
		p.name(w.TimeColumn)
		p.put(")")
	} else {
		p.name(w.TimeColumn)
	}
	for _, a := range []struct {
		name string
		e    Expr
	}{{"SLIDE", w.Slide}, {"STEP", w.Step}, {"SIZE", w.Size}, {"GAP", w.Gap}, {"OFFSET", w.Offset}} {
		p.clause(", "+a.name+" => ", a.e)
	}
	p.put(")")
}

func (p *printer) tableArg(a *TableFunctionArg) {
	if a.Name != nil {
		p.ident(*a.Name)
		p.put(" => ")
	}
	switch {
	case a.Table != nil:
		p.input(a.Table)
	case a.Descriptor != nil:
		p.put("DESCRIPTOR")
		p.parenIdents(a.Descriptor)
	default:
		p.expr(a.Expr, precLowest)
	}
	if a.PartitionBy != nil {
		p.put(" PARTITION BY (")
		p.exprs(a.PartitionBy)
		p.put(")")
	}
	if a.OrderBy != nil {
		p.orderBy(" ORDER BY (", a.OrderBy)
		p.put(")")
	}
}

func (p *printer) join(j *Join) {
	p.table(j.Left)
	p.put(" ")
	p.when(j.Natural, "NATURAL ")
	p.put(j.Kind.String(), " ")
	_, nested := j.Right.(*Join)
	p.when(nested, "(")
	p.table(j.Right)
	p.when(nested, ")")
	if j.Match != nil {
		p.put(" MATCH_CONDITION (")
		p.expr(j.Match, precLowest)
		p.put(")")
	}
	p.clause(" ON ", j.On)
	if j.Using != nil {
		p.put(" USING ")
		p.parenIdents(j.Using)
	}
}

func (p *printer) matchRecognize(m *MatchRecognize) {
	_, joined := m.Input.(*Join)
	p.when(joined, "(")
	p.table(m.Input)
	p.when(joined, ")")
	p.put(" MATCH_RECOGNIZE (")
	if m.PartitionBy != nil {
		p.put("PARTITION BY ")
		p.exprs(m.PartitionBy)
		p.put(" ")
	}
	if m.OrderBy != nil {
		p.orderBy("ORDER BY ", m.OrderBy)
		p.put(" ")
	}
	if m.Measures != nil {
		p.put("MEASURES ")
		p.list(len(m.Measures), func(i int) {
			p.expr(m.Measures[i].Expr, precLowest)
			p.put(" AS ")
			p.ident(m.Measures[i].Alias)
		})
		p.put(" ")
	}
	if m.AllRows {
		p.put("ALL ROWS PER MATCH ")
	} else {
		p.put("ONE ROW PER MATCH ")
	}
	if m.After != nil {
		p.put("AFTER MATCH SKIP ")
		switch m.After.Skip {
		case SkipPastLastRow:
			p.put("PAST LAST ROW ")
		case SkipToNextRow:
			p.put("TO NEXT ROW ")
		case SkipToFirst:
			p.put("TO FIRST ")
			p.ident(*m.After.Variable)
			p.put(" ")
		case SkipToLast:
			p.put("TO LAST ")
			p.ident(*m.After.Variable)
			p.put(" ")
		}
	}
	p.put("PATTERN (")
	p.pattern(m.Pattern, 0)
	p.put(")")
	if m.Within != nil {
		p.put(" WITHIN ")
		p.interval(m.Within)
	}
	if m.Subsets != nil {
		p.put(" SUBSET ")
		p.list(len(m.Subsets), func(i int) {
			p.ident(m.Subsets[i].Name)
			p.put(" = ")
			p.parenIdents(m.Subsets[i].Variables)
		})
	}
	p.put(" DEFINE ")
	p.list(len(m.Defines), func(i int) {
		p.ident(m.Defines[i].Variable)
		p.put(" AS ")
		p.expr(m.Defines[i].Condition, precLowest)
	})
	p.put(")")
	p.tableAlias(m.Alias)
}

// pattern writes a pattern; level is 1 for a part of an alternative, 2 for one of a
// sequence, 3 for a quantified one.
func (p *printer) pattern(pat Pattern, level int) {
	own := 4
	switch pat.(type) {
	case *PatternAlt:
		own = 1
	case *PatternSeq:
		own = 2
	case *PatternQuant:
		own = 3
	}
	paren := own <= level
	p.when(paren, "(")
	switch n := pat.(type) {
	case *PatternVar:
		p.ident(n.Name)
	case *PatternAlt:
		for i, it := range n.Items {
			p.when(i > 0, " | ")
			p.pattern(it, 1)
		}
	case *PatternSeq:
		for i, it := range n.Items {
			p.when(i > 0, " ")
			p.pattern(it, 2)
		}
	case *PatternQuant:
		p.pattern(n.Item, 3)
		p.quantifier(n)
	case *PatternExclude:
		p.put("{- ")
		p.pattern(n.Item, 0)
		p.put(" -}")
	case *PatternPermute:
		p.put("PERMUTE(")
		p.list(len(n.Items), func(i int) { p.pattern(n.Items[i], 0) })
		p.put(")")
	case *PatternAnchor:
		if n.End {
			p.put("$")
		} else {
			p.put("^")
		}
	case *PatternEmpty:
		p.put("()")
	}
	p.when(paren, ")")
}

func (p *printer) quantifier(q *PatternQuant) {
	switch {
	case q.Min == 0 && q.Max == -1:
		p.put("*")
	case q.Min == 1 && q.Max == -1:
		p.put("+")
	case q.Min == 0 && q.Max == 1:
		p.put("?")
	case q.Max == -1:
		p.put("{", itoa(q.Min), ",}")
	case q.Max == q.Min:
		p.put("{", itoa(q.Min), "}")
	default:
		p.put("{", itoa(q.Min), ",", itoa(q.Max), "}")
	}
	p.when(q.Reluctant, "?")
}

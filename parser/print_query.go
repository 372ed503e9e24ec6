package parser

func (p *printer) query(q *Query) {
	if q.With != nil {
		p.put("WITH ")
		p.list(len(q.With.CTEs), func(i int) {
			c := q.With.CTEs[i]
			p.ident(c.Name)
			if c.Columns != nil {
				p.put(" ")
				p.parenIdents(c.Columns)
			}
			p.put(" AS (")
			p.query(c.Query)
			p.put(")")
		})
		p.put(" ")
	}
	p.body(q.Body, 0)
	p.orderBy(" ORDER BY ", q.OrderBy)
	if q.Limit != nil {
		p.put(" LIMIT ")
		p.expr(q.Limit, precLowest)
	}
	if q.Offset != nil {
		p.put(" OFFSET ")
		p.expr(q.Offset, precLowest)
	}
}

// body writes the body of a query; level is that of the set operation around it: 1
// for the left side of UNION and EXCEPT, 2 for the right one and the left one of
// INTERSECT, 3 for the right one of that.
func (p *printer) body(b QueryBody, level int) {
	switch b := b.(type) {
	case *Query:
		p.put("(")
		p.query(b)
		p.put(")")
	case *Select:
		p.selectBlock(b)
	case *Values:
		p.put("VALUES ")
		p.list(len(b.Rows), func(i int) {
			p.put("(")
			p.exprs(b.Rows[i])
			p.put(")")
		})
	case *SetOp:
		own := 1
		if b.Op == Intersect {
			own = 2
		}
		p.when(own < level, "(")
		p.body(b.Left, own)
		p.put(" ", b.Op.String(), " ")
		p.when(b.All, "ALL ")
		p.body(b.Right, own+1)
		p.when(own < level, ")")
	}
}

func (p *printer) selectBlock(s *Select) {
	p.put("SELECT")
	p.hints(s.Hints)
	p.when(s.Distinct, " DISTINCT")
	p.put(" ")
	p.list(len(s.Items), func(i int) { p.selectItem(s.Items[i]) })
	if s.From != nil {
		p.put(" FROM ")
		p.list(len(s.From), func(i int) { p.table(s.From[i]) })
	}
	p.clause(" WHERE ", s.Where)
	if s.GroupBy != nil {
		p.put(" GROUP BY ")
		p.list(len(s.GroupBy), func(i int) { p.grouping(s.GroupBy[i]) })
	}
	p.clause(" HAVING ", s.Having)
	if s.Windows != nil {
		p.put(" WINDOW ")
		p.list(len(s.Windows), func(i int) {
			p.ident(s.Windows[i].Name)
			p.put(" AS ")
			p.windowSpec(s.Windows[i].Spec)
		})
	}
	p.clause(" QUALIFY ", s.Qualify)
	if s.Output != nil {
		p.put(" ")
		p.output(s.Output)
	}
}

func (p *printer) clause(word string, e Expr) {
	if e != nil {
		p.put(word)
		p.expr(e, precLowest)
	}
}

func (p *printer) selectItem(it *SelectItem) {
	switch {
	case it.Qualifier != nil:
		p.name(it.Qualifier)
		p.put(".*")
	case it.Star:
		p.put("*")
	default:
		p.expr(it.Expr, precLowest)
		if it.Alias != nil {
			p.put(" AS ")
			p.ident(*it.Alias)
		}
	}
}

func (p *printer) grouping(g *GroupingElement) {
	switch g.Kind {
	case GroupExprs:
		p.when(len(g.Exprs) != 1, "(")
		p.exprs(g.Exprs)
		p.when(len(g.Exprs) != 1, ")")
		return
	case GroupRollup:
		p.put("ROLLUP (")
	case GroupCube:
		p.put("CUBE (")
	case GroupSets:
		p.put("GROUPING SETS (")
	}
	p.list(len(g.Elements), func(i int) { p.grouping(g.Elements[i]) })
	p.put(")")
}

func (p *printer) orderBy(words string, items []*OrderItem) {
	if items == nil {
		return
	}
	p.put(words)
	p.list(len(items), func(i int) { p.orderItem(items[i]) })
}

func (p *printer) orderItem(o *OrderItem) {
	p.expr(o.Expr, precLowest)
	p.when(o.Desc, " DESC")
	p.when(o.Nulls == NullsFirst, " NULLS FIRST")
	p.when(o.Nulls == NullsLast, " NULLS LAST")
}

func (p *printer) output(o *Output) {
	blank := ""
	if e := o.Emit; e != nil {
		switch e.Kind {
		case EmitOnWindowClose:
			p.put("EMIT ON WINDOW CLOSE")
		case EmitChanges:
			p.put("EMIT CHANGES")
		case EmitComplete:
			p.put("EMIT COMPLETE")
		case EmitEvery:
			p.put("EMIT EVERY ")
			p.interval(e.Every)
		}
		blank = " "
	}
	if o.LateTo != nil {
		p.put(blank, "LATE DATA TO ")
		p.name(o.LateTo)
		blank = " "
	}
	if o.Lateness != nil {
		p.put(blank, "ALLOW LATENESS ")
		p.interval(o.Lateness)
	}
}

func (p *printer) windowSpec(w *WindowSpec) {
	p.put("(")
	blank := ""
	if w.Base != nil {
		p.ident(*w.Base)
		blank = " "
	}
	if w.PartitionBy != nil {
		p.put(blank, "PARTITION BY ")
		p.exprs(w.PartitionBy)
		blank = " "
	}
	if w.OrderBy != nil {
		p.orderBy(blank+"ORDER BY ", w.OrderBy)
		blank = " "
	}
	if w.Frame != nil {
		p.put(blank)
		p.frame(w.Frame)
	}
	p.put(")")
}

func (p *printer) frame(f *Frame) {
	p.put(f.Unit.String(), " ")
	p.when(f.Upper != nil, "BETWEEN ")
	p.bound(f.Lower)
	if f.Upper != nil {
		p.put(" AND ")
		p.bound(f.Upper)
	}
	p.when(f.Exclude == ExcludeCurrentRow, " EXCLUDE CURRENT ROW")
	p.when(f.Exclude == ExcludeGroup, " EXCLUDE GROUP")
	p.when(f.Exclude == ExcludeTies, " EXCLUDE TIES")
}

func (p *printer) bound(b *FrameBound) {
	switch b.Kind {
	case BoundUnboundedPreceding:
		p.put("UNBOUNDED PRECEDING")
	case BoundUnboundedFollowing:
		p.put("UNBOUNDED FOLLOWING")
	case BoundCurrentRow:
		p.put("CURRENT ROW")
	default:
		p.expr(b.Offset, precAdd)
		p.when(b.Kind == BoundPreceding, " PRECEDING")
		p.when(b.Kind == BoundFollowing, " FOLLOWING")
	}
}

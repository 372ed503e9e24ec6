package parser

import "strconv"

func itoa(n int) string { return strconv.Itoa(n) }

func (p *printer) stmt(s Stmt) {
	switch s := s.(type) {
	case *CreateTable:
		p.createTable(s)
	case *CreateView:
		p.createView(s)
	case *CreateFunction:
		p.createFunction(s)
	case *CreateNamespace:
		p.put("CREATE ", s.Kind.String(), " ")
		p.when(s.IfNotExists, "IF NOT EXISTS ")
		p.name(s.Name)
		p.comment(s.Comment)
		if s.Options != nil {
			p.put(" WITH ")
			p.options(s.Options)
		}
	case *Use:
		p.put("USE ", s.Kind.String(), " ")
		p.name(s.Name)
	case *Drop:
		p.put("DROP ")
		p.when(s.Temporary, "TEMPORARY ")
		p.put(s.Kind.String(), " ")
		p.when(s.IfExists, "IF EXISTS ")
		p.name(s.Name)
		if s.Params != nil {
			p.put("(")
			p.list(len(s.Params), func(i int) { p.dataType(s.Params[i]) })
			p.put(")")
		}
		p.when(s.Cascade, " CASCADE")
	case *Alter:
		p.alter(s)
	case *Show:
		p.show(s)
	case *Describe:
		p.put("DESCRIBE ")
		p.when(s.Extended, "EXTENDED ")
		if s.Object != 0 {
			p.put(s.Object.String(), " ")
		}
		p.name(s.Name)
	case *Explain:
		p.put("EXPLAIN ")
		p.when(s.Mode == ExplainVerbose, "VERBOSE ")
		p.when(s.Mode == ExplainAnalyze, "ANALYZE ")
		p.stmt(s.Stmt)
	case *Set:
		p.put("SET")
		if s.Key != nil {
			p.put(" ", quoteString(s.Key.Value), " = ", quoteString(s.Value.Value))
		}
	case *Reset:
		p.put("RESET")
		if s.Key != nil {
			p.put(" ", quoteString(s.Key.Value))
		}
	case *Insert:
		p.insert(s)
	case *StatementSet:
		p.put("BEGIN STATEMENT SET; ")
		for _, ins := range s.Inserts {
			p.insert(ins)
			p.put("; ")
		}
		p.put("END")
	case *QueryStmt:
		p.query(s.Query)
	case *ReplayDeadLetters:
		p.put("REPLAY DEAD LETTERS FROM ")
		p.name(s.From)
		if s.Where != nil {
			p.put(" WHERE ")
			p.expr(s.Where, precLowest)
		}
	}
}

// createHead writes CREATE and what comes before a name.
func (p *printer) createHead(replace, temporary bool, kind ObjectKind, ifNotExists bool, name *Name) {
	p.put("CREATE ")
	p.when(replace, "OR REPLACE ")
	p.when(temporary, "TEMPORARY ")
	p.put(kind.String(), " ")
	p.when(ifNotExists, "IF NOT EXISTS ")
	p.name(name)
}

func (p *printer) createTable(s *CreateTable) {
	p.createHead(s.OrReplace, s.Temporary, s.Kind, s.IfNotExists, s.Name)
	if s.Columns != nil {
		p.put(" (")
		for i, c := range s.Columns {
			p.when(i > 0, ", ")
			p.columnDef(c)
		}
		if s.Watermark != nil {
			p.when(len(s.Columns) > 0, ", ")
			p.watermark(s.Watermark)
		}
		if k := s.PrimaryKey; k != nil {
			p.when(len(s.Columns) > 0 || s.Watermark != nil, ", ")
			if k.Constraint != nil {
				p.put("CONSTRAINT ")
				p.ident(*k.Constraint)
				p.put(" ")
			}
			p.put("PRIMARY KEY ")
			p.parenIdents(k.Columns)
			p.when(k.NotEnforced, " NOT ENFORCED")
		}
		p.put(")")
	}
	p.comment(s.Comment)
	if d := s.Distribution; d != nil {
		p.put(" DISTRIBUTED")
		if d.Columns != nil {
			p.put(" BY ")
			p.when(d.Hash, "HASH ")
			p.when(d.Range, "RANGE ")
			p.parenIdents(d.Columns)
		}
		if d.Buckets != "" {
			p.put(" INTO ", d.Buckets, " BUCKETS")
		}
	}
	if s.PartitionedBy != nil {
		p.put(" PARTITIONED BY ")
		p.parenIdents(s.PartitionedBy)
	}
	if s.Options != nil {
		p.put(" WITH ")
		p.options(s.Options)
	}
	if s.Like != nil {
		p.put(" LIKE ")
		p.name(s.Like.Table)
		if s.Like.Options != nil {
			p.put(" (")
			for i, o := range s.Like.Options {
				p.when(i > 0, " ")
				p.put(o.Mode.String(), " ", o.What.String())
			}
			p.put(")")
		}
	}
	if s.Query != nil {
		p.put(" AS ")
		p.query(s.Query)
	}
}

func (p *printer) columnDef(c *ColumnDef) {
	p.ident(c.Name)
	if c.Kind == ColumnComputed {
		p.put(" AS ")
		p.expr(c.Expr, precLowest)
		p.comment(c.Comment)
		return
	}
	p.put(" ")
	p.dataType(c.Type)
	if c.Kind == ColumnMetadata {
		p.put(" METADATA")
		if c.MetadataKey != nil {
			p.put(" FROM ")
			p.str(c.MetadataKey)
		}
		p.when(c.Virtual, " VIRTUAL")
	}
	p.when(c.NotNull, " NOT NULL")
	p.when(c.PrimaryKey, " PRIMARY KEY")
	if c.Default != nil {
		p.put(" DEFAULT ")
		p.expr(c.Default, precLowest)
	}
	p.comment(c.Comment)
}

func (p *printer) watermark(w *Watermark) {
	p.put("WATERMARK FOR ")
	p.name(w.Column)
	p.put(" AS ")
	if w.Source {
		p.put("SOURCE_WATERMARK()")
	} else {
		p.expr(w.Expr, precLowest)
	}
	if w.IdleTimeout != nil {
		p.put(" IDLE TIMEOUT ")
		p.interval(w.IdleTimeout)
	}
	if w.MaxFutureSkew != nil {
		p.put(" MAX FUTURE SKEW ")
		p.interval(w.MaxFutureSkew)
	}
}

func (p *printer) createView(s *CreateView) {
	kind := ObjectView
	if s.Materialized {
		kind = ObjectMaterializedView
	}
	p.createHead(s.OrReplace, s.Temporary, kind, s.IfNotExists, s.Name)
	if s.Columns != nil {
		p.put(" (")
		p.list(len(s.Columns), func(i int) {
			p.ident(s.Columns[i].Name)
			p.comment(s.Columns[i].Comment)
		})
		p.put(")")
	}
	p.comment(s.Comment)
	if s.Options != nil {
		p.put(" WITH ")
		p.options(s.Options)
	}
	p.put(" AS ")
	p.query(s.Query)
}

func (p *printer) createFunction(s *CreateFunction) {
	p.createHead(s.OrReplace, s.Temporary, ObjectFunction, s.IfNotExists, s.Name)
	p.put("(")
	p.list(len(s.Params), func(i int) {
		p.ident(s.Params[i].Name)
		p.put(" ")
		p.dataType(s.Params[i].Type)
	})
	p.put(")")
	if s.Returns != nil {
		p.put(" RETURNS ")
		p.dataType(s.Returns)
	}
	p.put(" AS (")
	p.expr(s.Body, precLowest)
	p.put(")")
}

func (p *printer) alter(s *Alter) {
	p.put("ALTER ", s.Kind.String(), " ")
	p.when(s.IfExists, "IF EXISTS ")
	p.name(s.Name)
	if s.Set != nil {
		p.put(" SET ")
		p.options(s.Set)
		return
	}
	p.put(" RESET (")
	p.list(len(s.Reset), func(i int) { p.str(s.Reset[i]) })
	p.put(")")
}

func (p *printer) show(s *Show) {
	p.put("SHOW ", s.What.String())
	switch {
	case s.What == ShowCreate:
		if s.Object != 0 {
			p.put(" ", s.Object.String())
		}
		p.put(" ")
		p.name(s.Name)
	case s.Name != nil:
		p.put(" FROM ")
		p.name(s.Name)
	}
	if s.Like != nil {
		p.when(s.NotLike, " NOT")
		p.put(" LIKE ")
		p.str(s.Like)
	}
}

func (p *printer) insert(s *Insert) {
	p.put("INSERT INTO ")
	p.name(s.Table.Name)
	p.hints(s.Table.Hints)
	if s.Columns != nil {
		p.put(" ")
		p.parenIdents(s.Columns)
	}
	p.put(" ")
	p.query(s.Query)
	if s.OnConflict != nil {
		p.put(" ON CONFLICT DO ", s.OnConflict.Action.String())
	}
}

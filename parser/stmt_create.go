package parser

func (p *parser) create() Stmt {
	start := p.peek().Start
	p.expectWord("CREATE")
	replace := p.acceptWord("OR", "REPLACE")
	temporary := p.temporary()
	at := p.peek()
	kind := p.objectKind()
	switch kind {
	case ObjectTable, ObjectSource, ObjectSink:
		return p.createTable(start, &CreateTable{Kind: kind, OrReplace: replace, Temporary: temporary})
	case ObjectView, ObjectMaterializedView:
		return p.createView(start, &CreateView{Materialized: kind == ObjectMaterializedView, OrReplace: replace, Temporary: temporary})
	case ObjectFunction:
		return p.createFunction(start, &CreateFunction{OrReplace: replace, Temporary: temporary})
	case ObjectCatalog, ObjectDatabase:
		if replace || temporary {
			p.fail(at.Span, "a "+kind.String()+" can be neither replaced nor temporary", "")
		}
		return p.createNamespace(start, &CreateNamespace{Kind: kind})
	}
	switch at.upper {
	case "INDEX", "UNIQUE":
		p.fail(at.Span, "there are no indexes", "state is kept by the keys of each operator")
	case "MODEL", "CONNECTION", "USER", "ROLE":
		p.fail(at.Span, "CREATE "+at.upper+" is not supported", "")
	}
	p.unexpected(objectList, objectWords...)
	return nil
}

func (p *parser) ifNotExists() bool {
	if !p.isWord("IF", "NOT") {
		return false
	}
	p.next()
	p.expectWord("NOT", "EXISTS")
	return true
}

// ifExists reads IF EXISTS; a name alone may be IF.
func (p *parser) ifExists() bool {
	if !p.isWord("IF") || p.endsAt(1) || p.peekAt(1).isOp(".") {
		return false
	}
	p.next()
	p.expectWord("EXISTS")
	return true
}

func (p *parser) createTable(start int, c *CreateTable) Stmt {
	c.IfNotExists = p.ifNotExists()
	c.Name = p.name("the name of the " + lowerKind(c.Kind))
	if p.isOp("(") {
		p.tableElements(c)
	}
	c.Comment = p.comment()
	for p.err == nil {
		at := p.peek()
		switch {
		case p.isWord("DISTRIBUTED") && c.Distribution == nil:
			c.Distribution = p.distribution()
		case p.acceptWord("PARTITIONED", "BY"):
			c.PartitionedBy = p.identList("the name of a column")
		case p.isWord("WITH") && p.peekAt(1).isOp("("):
			if c.Options != nil {
				p.fail(at.Span, "WITH is given twice", "")
			}
			p.next()
			c.Options = p.options()
		case p.isWord("LIKE") && c.Like == nil:
			c.Like = p.likeClause()
		case p.acceptWord("AS"):
			if c.Query != nil {
				p.fail(at.Span, "AS is given twice", "")
			}
			c.Query = p.query()
		default:
			c.Span = p.from(start)
			switch {
			case p.isWord("FROM"):
				p.fail(at.Span, "CREATE "+c.Kind.String()+" ... FROM is not supported", "write AS SELECT * FROM "+shorten(p.peekAt(1).text))
			case p.isWord("FORMAT"), p.isWord("ENCODE"):
				p.fail(at.Span, at.upper+" is an option", "write WITH ('connector' = '...', 'format' = 'json')")
			case !p.endsAt(0):
				p.unexpected("WITH, LIKE or AS", "WITH", "LIKE", "AS", "PARTITIONED", "DISTRIBUTED", "COMMENT")
			}
			p.checkTable(c)
			return c
		}
	}
	return nil
}

// checkTable finds what no table can have, whatever its columns mean.
func (p *parser) checkTable(c *CreateTable) {
	switch {
	case c.Query != nil && c.Like != nil:
		p.fail(c.Like.Span, "LIKE and AS SELECT can't be together", "")
	case c.Query != nil && c.Kind == ObjectSource:
		p.fail(c.Query.Span, "a source can't be made AS SELECT", "CREATE SINK ... AS SELECT writes a query's rows, CREATE VIEW names a query")
	case c.Query != nil && len(c.Columns) > 0:
		p.fail(c.Columns[0].Span, "a "+lowerKind(c.Kind)+" made AS SELECT takes its columns from the query", "leave the columns out, or use INSERT INTO")
	case c.Columns == nil && c.Query == nil && c.Like == nil && c.Options == nil:
		p.fail(c.Name.Span, "the "+lowerKind(c.Kind)+" has neither columns nor options", "write (column type, ...) WITH ('connector' = '...')")
	}
}

func lowerKind(k ObjectKind) string {
	switch k {
	case ObjectSource:
		return "source"
	case ObjectSink:
		return "sink"
	}
	return "table"
}

// tableElements reads the parentheses of CREATE TABLE: columns, the watermark and
// the primary key, in any order.
func (p *parser) tableElements(c *CreateTable) {
	c.Columns = []*ColumnDef{}
	start := p.peek().Start
	defer func() { c.Elements = p.from(start) }()
	p.parenList(func() {
		at := p.peek()
		switch {
		case p.isWord("WATERMARK", "FOR"):
			w := p.watermark()
			if c.Watermark != nil {
				p.fail(w.Span, "a second watermark", "a table has one watermark")
			}
			c.Watermark = w
		case p.isWord("PRIMARY", "KEY"), p.isWord("CONSTRAINT") && p.peekAt(2).upper == "PRIMARY":
			k := p.primaryKey()
			if c.PrimaryKey != nil {
				p.fail(k.Span, "a second primary key", "a table has one primary key; it may have several columns")
			}
			c.PrimaryKey = k
		case p.isWord("UNIQUE") && p.peekAt(1).isOp("("), p.isWord("FOREIGN", "KEY"), p.isWord("CHECK") && p.peekAt(1).isOp("("):
			p.fail(at.Span, "the only constraints are PRIMARY KEY and NOT NULL", "")
		case p.isWord("PERIOD", "FOR"):
			p.fail(at.Span, "PERIOD FOR is not supported", "a temporal join is written FOR SYSTEM_TIME AS OF")
		default:
			c.Columns = append(c.Columns, p.columnDef())
		}
	})
}

func (p *parser) columnDef() *ColumnDef {
	start := p.peek().Start
	c := &ColumnDef{Name: p.ident("the name of a column"), Kind: ColumnPhysical}
	if p.acceptWord("AS") {
		c.Kind = ColumnComputed
		c.Expr = p.expression()
		c.Comment = p.comment()
		c.Span = p.from(start)
		return c
	}
	if p.isOp(",") || p.isOp(")") {
		p.fail(c.Name.Span, "the column "+shorten(c.Name.Text)+" has no type", "write "+shorten(c.Name.Text)+" STRING, or AS and an expression")
	}
	c.Type = p.dataType()
	for p.err == nil {
		switch {
		case p.acceptWord("METADATA"):
			c.Kind = ColumnMetadata
			if p.acceptWord("FROM") {
				c.MetadataKey = p.stringLit("the metadata key")
			} else if t := p.peek(); suggest(t.text, []string{"FROM"}) != "" {
				p.unexpected("FROM", "FROM")
			}
			c.Virtual = p.acceptWord("VIRTUAL")
		case p.acceptWord("NOT", "NULL"):
			c.NotNull = true
		case p.acceptWord("NULL"):
		case p.acceptWord("PRIMARY", "KEY"):
			c.PrimaryKey = true
			p.acceptWord("NOT", "ENFORCED")
		case p.acceptWord("DEFAULT"):
			c.Default = p.expression()
		case p.isWord("UNIQUE"), p.isWord("REFERENCES"), p.isWord("CHECK"):
			p.fail(p.peek().Span, "the only constraints are PRIMARY KEY and NOT NULL", "")
		default:
			if k := p.comment(); k != nil {
				c.Comment = k
				continue
			}
			if !p.isOp(",") && !p.isOp(")") {
				p.unexpected("',' or ')'", "METADATA", "NOT", "PRIMARY", "DEFAULT", "COMMENT", "VIRTUAL", "WATERMARK")
			}
			c.Span = p.from(start)
			return c
		}
	}
	return c
}

func (p *parser) watermark() *Watermark {
	start := p.peek().Start
	p.expectWord("WATERMARK", "FOR")
	w := &Watermark{Column: p.name("the name of a column")}
	p.expectWord("AS")
	if p.isWord("SOURCE_WATERMARK") && p.peekAt(1).isOp("(") && p.peekAt(2).isOp(")") {
		p.pos += 3
		w.Source = true
	} else {
		w.Expr = p.expression()
	}
	for p.err == nil {
		at := p.peek()
		switch {
		case p.acceptWord("IDLE"):
			p.expectWord("TIMEOUT")
			if w.IdleTimeout != nil {
				p.fail(at.Span, "IDLE TIMEOUT is given twice", "")
			}
			w.IdleTimeout = p.interval()
		case p.acceptWord("MAX"):
			p.expectWord("FUTURE", "SKEW")
			if w.MaxFutureSkew != nil {
				p.fail(at.Span, "MAX FUTURE SKEW is given twice", "")
			}
			w.MaxFutureSkew = p.interval()
		default:
			if !p.isOp(",") && !p.isOp(")") {
				p.unexpected("',' or ')'", "IDLE", "MAX")
			}
			w.Span = p.from(start)
			return w
		}
	}
	return w
}

func (p *parser) primaryKey() *PrimaryKey {
	start := p.peek().Start
	k := &PrimaryKey{}
	if p.acceptWord("CONSTRAINT") {
		id := p.ident("the name of the constraint")
		k.Constraint = &id
	}
	p.expectWord("PRIMARY", "KEY")
	k.Columns = p.identList("the name of a column")
	if p.acceptWord("NOT") {
		p.expectWord("ENFORCED")
		k.NotEnforced = true
	} else if t := p.peek(); p.acceptWord("ENFORCED") {
		p.fail(t.Span, "a primary key can't be enforced", "write NOT ENFORCED, or leave it out")
	}
	k.Span = p.from(start)
	return k
}

func (p *parser) distribution() *Distribution {
	start := p.peek().Start
	p.expectWord("DISTRIBUTED")
	d := &Distribution{}
	if p.acceptWord("BY") {
		d.Hash = p.acceptWord("HASH")
		d.Range = !d.Hash && p.acceptWord("RANGE")
		d.Columns = p.identList("the name of a column")
	} else if !p.isWord("INTO") {
		p.unexpected("BY or INTO", "BY", "INTO")
	}
	if p.acceptWord("INTO") {
		t := p.peek()
		p.smallInt("the number of buckets")
		p.expectWord("BUCKETS")
		d.Buckets = t.text
	}
	d.Span = p.from(start)
	return d
}

var likeFeatures = map[string]LikeFeature{
	"ALL": LikeAll, "CONSTRAINTS": LikeConstraints, "DISTRIBUTION": LikeDistribution, "GENERATED": LikeGenerated,
	"METADATA": LikeMetadata, "OPTIONS": LikeOptions, "PARTITIONS": LikePartitions, "WATERMARKS": LikeWatermarks,
}

func (p *parser) likeClause() *LikeClause {
	start := p.peek().Start
	p.expectWord("LIKE")
	l := &LikeClause{Table: p.name("the name of a table")}
	if p.acceptOp("(") {
		for p.err == nil && !p.acceptOp(")") {
			at := p.peek().Start
			o := &LikeOption{}
			switch {
			case p.acceptWord("INCLUDING"):
				o.Mode = LikeIncluding
			case p.acceptWord("EXCLUDING"):
				o.Mode = LikeExcluding
			case p.acceptWord("OVERWRITING"):
				o.Mode = LikeOverwriting
			default:
				p.unexpected("INCLUDING, EXCLUDING or OVERWRITING", "INCLUDING", "EXCLUDING", "OVERWRITING")
			}
			if o.What = likeFeatures[p.peek().upper]; o.What == 0 {
				p.unexpected("ALL, OPTIONS, WATERMARKS, ...", "ALL", "CONSTRAINTS", "DISTRIBUTION", "GENERATED", "METADATA", "OPTIONS", "PARTITIONS", "WATERMARKS")
			}
			p.next()
			o.Span = p.from(at)
			l.Options = append(l.Options, o)
			p.acceptOp(",")
		}
	}
	l.Span = p.from(start)
	return l
}

func (p *parser) createView(start int, c *CreateView) Stmt {
	c.IfNotExists = p.ifNotExists()
	c.Name = p.name("the name of the view")
	if p.isOp("(") {
		p.parenList(func() {
			at := p.peek().Start
			col := &ViewColumn{Name: p.ident("the name of a column")}
			col.Comment = p.comment()
			col.Span = p.from(at)
			c.Columns = append(c.Columns, col)
		})
	}
	c.Comment = p.comment()
	if t := p.peek(); p.isWord("WITH") && p.peekAt(1).isOp("(") {
		if !c.Materialized {
			p.fail(t.Span, "a view has no options", "a view is a query with a name; CREATE TABLE has options")
		}
		p.next()
		c.Options = p.options()
	}
	p.expectWord("AS")
	c.Query = p.query()
	c.Span = p.from(start)
	return c
}

func (p *parser) createFunction(start int, c *CreateFunction) Stmt {
	c.IfNotExists = p.ifNotExists()
	c.Name = p.name("the name of the function")
	if t := p.peek(); p.isWord("AS") && p.peekAt(1).kind == tokString {
		p.fail(t.To(p.peekAt(1).Span), "functions of a Java or Python class are not supported",
			"write a macro, CREATE FUNCTION f(x DOUBLE) RETURNS DOUBLE AS (x * 2), or register a Go function")
	}
	p.expectOp("(")
	if !p.isOp(")") {
		p.commaList(func() {
			at := p.peek().Start
			prm := &FunctionParam{Name: p.ident("the name of a parameter")}
			prm.Type = p.dataType()
			prm.Span = p.from(at)
			c.Params = append(c.Params, prm)
		})
	}
	p.expectOp(")")
	if p.acceptWord("RETURNS") {
		c.Returns = p.dataType()
	}
	if p.acceptWord("LANGUAGE") && !p.acceptWord("SQL") {
		p.fail(p.peek().Span, "the only language of CREATE FUNCTION is SQL", "")
	}
	if !p.acceptWord("RETURN") {
		p.expectWord("AS")
	}
	c.Body = p.expression()
	c.Span = p.from(start)
	return c
}

func (p *parser) createNamespace(start int, c *CreateNamespace) Stmt {
	c.IfNotExists = p.ifNotExists()
	c.Name = p.name("the name of the " + map[ObjectKind]string{ObjectCatalog: "catalog", ObjectDatabase: "database"}[c.Kind])
	c.Comment = p.comment()
	if p.acceptWord("WITH") {
		c.Options = p.options()
	}
	c.Span = p.from(start)
	return c
}

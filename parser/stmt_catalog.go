package parser

// objectKind reads the kind of a catalog object if one is at hand, else it
// returns 0.
func (p *parser) objectKind() ObjectKind {
	switch {
	case p.acceptWord("TABLE"):
		return ObjectTable
	case p.acceptWord("SOURCE"):
		return ObjectSource
	case p.acceptWord("SINK"):
		return ObjectSink
	case p.acceptWord("VIEW"):
		return ObjectView
	case p.acceptWord("MATERIALIZED", "VIEW"):
		return ObjectMaterializedView
	case p.acceptWord("FUNCTION"):
		return ObjectFunction
	case p.acceptWord("CATALOG"):
		return ObjectCatalog
	case p.acceptWord("DATABASE"), p.acceptWord("SCHEMA"):
		return ObjectDatabase
	}
	return 0
}

var objectWords = []string{"TABLE", "SOURCE", "SINK", "VIEW", "MATERIALIZED", "FUNCTION", "CATALOG", "DATABASE"}

const objectList = "SOURCE, SINK, TABLE, VIEW, MATERIALIZED VIEW, FUNCTION, CATALOG or DATABASE"

func (p *parser) drop() Stmt {
	start := p.peek().Start
	p.expectWord("DROP")
	d := &Drop{}
	d.Temporary = p.temporary()
	if d.Kind = p.objectKind(); d.Kind == 0 {
		p.unexpected(objectList, objectWords...)
	}
	d.IfExists = p.ifExists()
	d.Name = p.name("the name to drop")
	if d.Kind == ObjectFunction && p.acceptOp("(") {
		d.Params = []*DataType{}
		for p.err == nil && !p.acceptOp(")") {
			if len(d.Params) > 0 {
				p.expectOp(",")
			}
			d.Params = append(d.Params, p.dataType())
		}
	}
	if p.acceptWord("CASCADE") {
		d.Cascade = true
	} else {
		p.acceptWord("RESTRICT")
	}
	d.Span = p.from(start)
	return d
}

// temporary reads TEMPORARY [SYSTEM].
func (p *parser) temporary() bool {
	if !p.acceptWord("TEMPORARY") {
		return false
	}
	p.acceptWord("SYSTEM")
	return true
}

func (p *parser) alter() Stmt {
	start := p.peek().Start
	p.expectWord("ALTER")
	a := &Alter{}
	if a.Kind = p.objectKind(); a.Kind == 0 {
		p.unexpected(objectList, objectWords...)
	}
	a.IfExists = p.ifExists()
	a.Name = p.name("the name to alter")
	switch {
	case p.acceptWord("SET"):
		a.Set = p.options()
	case p.acceptWord("RESET"):
		p.parenList(func() { a.Reset = append(a.Reset, p.optionKey()) })
	default:
		t := p.peek()
		switch t.upper {
		case "RENAME", "ADD", "MODIFY", "DROP", "AS", "OWNER":
			p.fail(t.Span, "ALTER "+a.Kind.String()+" ... "+t.upper+" is not supported", "DROP and CREATE it again, or CREATE OR REPLACE it")
		}
		p.unexpected("SET or RESET", "SET", "RESET")
	}
	a.Span = p.from(start)
	return a
}

func (p *parser) use() Stmt {
	start := p.peek().Start
	p.expectWord("USE")
	u := &Use{Kind: ObjectDatabase}
	switch {
	case p.acceptWord("CATALOG"):
		u.Kind = ObjectCatalog
	case p.acceptWord("DATABASE"), p.acceptWord("SCHEMA"):
	case p.isWord("MODULES"):
		p.fail(p.peek().Span, "there are no modules", "all functions are there")
	}
	u.Name = p.name("the name of a database")
	u.Span = p.from(start)
	return u
}

var showWords = []string{
	"TABLES", "SOURCES", "SINKS", "VIEWS", "MATERIALIZED", "FUNCTIONS", "JOBS", "CATALOGS", "DATABASES", "CURRENT", "COLUMNS",
	"CREATE", "ALL",
}

func (p *parser) show() Stmt {
	start := p.peek().Start
	p.expectWord("SHOW")
	s := &Show{}
	switch {
	case p.acceptWord("TABLES"):
		s.What = ShowTables
	case p.acceptWord("SOURCES"):
		s.What = ShowSources
	case p.acceptWord("SINKS"):
		s.What = ShowSinks
	case p.acceptWord("VIEWS"):
		s.What = ShowViews
	case p.acceptWord("MATERIALIZED", "VIEWS"):
		s.What = ShowMaterializedViews
	case p.acceptWord("FUNCTIONS"), p.acceptWord("USER", "FUNCTIONS"):
		s.What = ShowFunctions
	case p.acceptWord("JOBS"):
		s.What = ShowJobs
	case p.acceptWord("CATALOGS"):
		s.What = ShowCatalogs
	case p.acceptWord("DATABASES"), p.acceptWord("SCHEMAS"):
		s.What = ShowDatabases
	case p.acceptWord("CURRENT", "CATALOG"):
		s.What = ShowCurrentCatalog
	case p.acceptWord("CURRENT", "DATABASE"):
		s.What = ShowCurrentDatabase
	case p.acceptWord("ALL"):
		s.What = ShowAll
	case p.acceptWord("CREATE"):
		s.What = ShowCreate
		if k := p.peekAt(1); k.isName() || p.isWord("MATERIALIZED", "VIEW") {
			s.Object = p.objectKind()
		}
		s.Name = p.name("the name of a table, view or function")
	case p.acceptWord("COLUMNS"):
		s.What = ShowColumns
		if !p.acceptWord("FROM") && !p.acceptWord("IN") {
			p.unexpected("FROM", "FROM")
		}
		s.Name = p.name("the name of a table")
	default:
		p.unexpected("TABLES, SOURCES, SINKS, VIEWS, FUNCTIONS, JOBS, COLUMNS, CREATE or ALL", showWords...)
	}
	if s.Name == nil && (p.acceptWord("FROM") || p.acceptWord("IN")) {
		s.Name = p.name("the name of a database")
	}
	if p.isWord("LIKE") || p.isWord("NOT", "LIKE") {
		s.NotLike = p.acceptWord("NOT")
		p.expectWord("LIKE")
		s.Like = p.stringLit("the pattern")
	}
	s.Span = p.from(start)
	return s
}

func (p *parser) describeStmt() Stmt {
	start := p.peek().Start
	p.next()
	d := &Describe{}
	d.Extended = p.isWord("EXTENDED") && !p.endsAt(1) && p.acceptWord("EXTENDED")
	if !p.endsAt(1) && !p.peekAt(1).isOp(".") {
		d.Object = p.objectKind()
	}
	d.Name = p.name("the name of a table, view or function")
	d.Span = p.from(start)
	return d
}

// endsAt says whether the statement ends n tokens further on.
func (p *parser) endsAt(n int) bool {
	t := p.peekAt(n)
	return t.kind == tokEOF || t.isOp(";")
}

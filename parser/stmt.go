package parser

import "strconv"

var statementWords = []string{
	"SELECT", "WITH", "VALUES", "INSERT", "CREATE", "DROP", "ALTER", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "SET", "RESET",
	"USE", "BEGIN", "EXECUTE", "REPLAY",
}

// foreign statements get a message of their own: they are common in scripts of
// other systems.
var foreign = map[string]string{
	"UPDATE":   "rows can't be updated in place; INSERT INTO a sink with a PRIMARY KEY upserts",
	"DELETE":   "rows can't be deleted; a query over a changelog source retracts them",
	"MERGE":    "INSERT INTO a sink with a PRIMARY KEY upserts",
	"TRUNCATE": "tables are streams; DROP the table and its job",
	"ANALYZE":  "EXPLAIN ANALYZE runs a statement and measures it",
	"ADD":      "there are no jars; functions are registered in Go or made with CREATE FUNCTION",
	"REMOVE":   "there are no jars; functions are registered in Go or made with CREATE FUNCTION",
	"LOAD":     "there are no modules; all functions are there",
	"UNLOAD":   "there are no modules; all functions are there",
	"STOP":     "streamsql stop ends a job",
	"CALL":     "there are no procedures",
	"COMPILE":  "plans are not written as files",
	"COMMIT":   "each micro-batch commits by itself",
	"START":    "a job starts with its INSERT",
	"END":      "END closes a BEGIN STATEMENT SET, and there is none open",
}

// statementAndEnd reads a statement and checks that nothing follows it before the
// semicolon. It returns nil if there was an error.
func (p *parser) statementAndEnd() Stmt {
	errs := len(p.errs)
	stmt := p.statement()
	if p.err == nil && !p.isOp(";") && p.peek().kind != tokEOF {
		switch stmt.(type) {
		case *QueryStmt, *Insert, *CreateView, *CreateTable, *Explain, *ReplayDeadLetters:
			p.unexpected("", endWords...)
		default:
			p.unexpected("the end of the statement")
		}
	}
	if p.err != nil || len(p.errs) > errs { // a statement set notes the errors of its members
		return nil
	}
	return stmt
}

func (p *parser) statement() Stmt {
	t := p.peek()
	switch t.upper {
	case "SELECT", "WITH", "VALUES", "FROM":
		return p.queryStmt()
	case "INSERT":
		return p.insert()
	case "CREATE":
		return p.create()
	case "DROP":
		return p.drop()
	case "ALTER":
		return p.alter()
	case "SHOW":
		return p.show()
	case "DESCRIBE", "DESC":
		return p.describeStmt()
	case "EXPLAIN":
		return p.explain()
	case "SET":
		return p.set()
	case "RESET":
		return p.reset()
	case "USE":
		return p.use()
	case "BEGIN", "EXECUTE":
		return p.statementSet()
	case "REPLAY":
		return p.replay()
	}
	if t.isOp("(") {
		return p.queryStmt()
	}
	switch hint := foreign[t.upper]; {
	case hint != "":
		p.fail(t.Span, t.upper+" is not a statement here", hint)
	case t.kind == tokWord:
		msg, hint := "unknown statement "+shorten(t.text), ""
		if s := suggest(t.text, statementWords); s != "" {
			hint = "did you mean " + s + "?"
		}
		p.fail(t.Span, msg, hint)
	default:
		p.unexpected("a statement")
	}
	return nil
}

func (p *parser) queryStmt() Stmt {
	start := p.peek().Start
	q := p.query()
	return &QueryStmt{Span: p.from(start), Query: q}
}

func (p *parser) insert() *Insert {
	start := p.peek().Start
	ins := &Insert{}
	p.expectWord("INSERT")
	if t := p.peek(); p.isWord("OVERWRITE") {
		p.fail(t.Span, "INSERT OVERWRITE is not supported: an output of a stream is never complete, so there is no moment to replace it",
			"write INSERT INTO; a sink with a PRIMARY KEY keeps one row for each key")
	}
	p.expectWord("INTO")
	p.acceptWord("TABLE")
	at := p.peek().Start
	ins.Table = &TableName{Name: p.name("the name of a sink")}
	ins.Table.Hints = p.hints()
	ins.Table.Span = p.from(at)
	if t := p.peek(); p.isWord("PARTITION") {
		p.fail(t.Span, "PARTITION is not supported in INSERT", "put the value into the SELECT; the sink finds the partition by it")
	}
	if p.isOp("(") && !p.isQueryAt(p.pos) {
		ins.Columns = p.identList("the name of a column")
	}
	ins.Query = p.query()
	if at := p.peek().Start; p.acceptWord("ON") {
		p.expectWord("CONFLICT", "DO")
		c := &OnConflict{}
		switch {
		case p.acceptWord("DEDUPLICATE"):
			c.Action = ConflictDeduplicate
		case p.acceptWord("ERROR"):
			c.Action = ConflictError
		case p.acceptWord("NOTHING"):
			c.Action = ConflictNothing
		default:
			p.unexpected("DEDUPLICATE, ERROR or NOTHING", "DEDUPLICATE", "ERROR", "NOTHING")
		}
		c.Span = p.from(at)
		ins.OnConflict = c
	}
	ins.Span = p.from(start)
	return ins
}

// statementSet reads BEGIN STATEMENT SET; inserts END and [EXECUTE] STATEMENT SET
// BEGIN inserts END, which after EXPLAIN has no EXECUTE. An error in one member
// does not hide those of the next.
func (p *parser) statementSet() Stmt {
	start := p.peek().Start
	if p.acceptWord("BEGIN") {
		p.expectWord("STATEMENT", "SET")
	} else {
		p.acceptWord("EXECUTE")
		p.expectWord("STATEMENT", "SET", "BEGIN")
	}
	p.acceptOp(";")
	head := p.from(start)
	set := &StatementSet{}
	for p.skipSemicolons(); p.err == nil && !p.isWord("END"); p.skipSemicolons() {
		if !p.isWord("INSERT") {
			if p.peek().kind == tokEOF {
				p.fail(head, "the statement set is not closed", "close it with END;")
				return set
			}
			p.unexpected("INSERT or END", "INSERT", "END")
		}
		ins := p.insert()
		if p.err == nil && !p.isOp(";") && !p.isWord("END") {
			p.unexpected("';'", endWords...)
		}
		set.Inserts = append(set.Inserts, ins)
		if p.err != nil && len(p.errs) < maxErrors {
			p.resync()
			if p.peek().kind == tokEOF {
				return set
			}
		}
	}
	p.expectWord("END")
	set.Span = p.from(start)
	if p.err == nil && len(set.Inserts) == 0 {
		p.fail(set.Span, "the statement set is empty", "")
	}
	return set
}

func (p *parser) explain() Stmt {
	start := p.peek().Start
	p.expectWord("EXPLAIN")
	e := &Explain{}
	for detail := true; detail; {
		switch {
		case p.acceptWord("VERBOSE"):
			e.Mode = ExplainVerbose
		case p.acceptWord("ANALYZE"):
			e.Mode = ExplainAnalyze
		case p.acceptWord("ESTIMATED_COST"), p.acceptWord("CHANGELOG_MODE"), p.acceptWord("JSON_EXECUTION_PLAN"), p.acceptWord("PLAN_ADVICE"):
			e.Mode = ExplainVerbose // Flink's details
			p.acceptOp(",")
		default:
			p.acceptWord("PLAN", "FOR")
			detail = false
		}
	}
	t := p.peek()
	switch t.upper {
	case "SELECT", "WITH", "VALUES", "INSERT", "CREATE", "BEGIN", "EXECUTE":
		e.Stmt = p.statement()
	case "STATEMENT":
		e.Stmt = p.statementSet()
	default:
		if t.isOp("(") {
			e.Stmt = p.statement()
			break
		}
		p.unexpected("a query, an INSERT, a CREATE or a statement set", "SELECT", "INSERT", "VERBOSE", "ANALYZE")
	}
	if s, ok := e.Stmt.(*CreateTable); ok && s.Query == nil {
		p.fail(s.Span, "there is nothing to explain in a CREATE "+s.Kind.String()+" without AS SELECT", "")
	}
	switch s := e.Stmt.(type) {
	case *CreateFunction, *CreateNamespace:
		p.fail(s.Range(), "this statement has no plan", "EXPLAIN takes a query, an INSERT, a view or a statement set")
	}
	e.Span = p.from(start)
	return e
}

func (p *parser) set() Stmt {
	start := p.peek().Start
	p.expectWord("SET")
	s := &Set{}
	if !p.isOp(";") && p.peek().kind != tokEOF {
		s.Key = p.optionKey()
		if !p.acceptWord("TO") {
			p.expectOp("=")
		}
		s.Value = p.rawValue()
	}
	s.Span = p.from(start)
	return s
}

// rawValue reads the value of SET key = value: a string, or whatever stands
// before the semicolon, as it stands there: 10 s, org.x.Y, -1.
func (p *parser) rawValue() *StringLit {
	t := p.peek()
	if t.kind == tokString {
		p.pos++
		return &StringLit{Span: t.Span, Value: t.text}
	}
	start := p.pos
	for !p.isOp(";") && p.peek().kind != tokEOF {
		switch p.peek().kind {
		case tokWord, tokNumber, tokBadNumber, tokOp:
			p.pos++
		default:
			p.unexpected("the value as one string")
			return &StringLit{}
		}
	}
	if p.pos == start {
		p.unexpected("a value")
		return &StringLit{}
	}
	span := p.from(t.Start)
	return &StringLit{Span: span, Value: p.src.Slice(span)}
}

func (p *parser) reset() Stmt {
	start := p.peek().Start
	p.expectWord("RESET")
	r := &Reset{}
	if !p.isOp(";") && p.peek().kind != tokEOF {
		r.Key = p.optionKey()
	}
	r.Span = p.from(start)
	return r
}

func (p *parser) replay() Stmt {
	start := p.peek().Start
	p.expectWord("REPLAY", "DEAD", "LETTERS", "FROM")
	r := &ReplayDeadLetters{From: p.name("the name of a dead-letter sink")}
	if p.acceptWord("WHERE") {
		r.Where = p.expression()
	}
	r.Span = p.from(start)
	return r
}

// smallInt reads an integer without a sign that fits an int32.
func (p *parser) smallInt(what string) int {
	t := p.peek()
	n, err := strconv.ParseInt(t.text, 10, 32)
	if t.kind != tokNumber || err != nil || n < 0 {
		p.unexpected(what + " as a whole number")
		return 0
	}
	p.pos++
	return int(n)
}

package parser

// Node is any part of a syntax tree.
type Node interface {
	// Range returns the bytes of the source that the node was read from.
	Range() Span
}

// Stmt is a statement of a script.
type Stmt interface {
	Node
	stmt()
}

// Expr is a scalar expression.
type Expr interface {
	Node
	expr()
}

// QueryBody is what a Query's WITH, ORDER BY and LIMIT stand around:
// *Select, *Values, *SetOp or, in parentheses, another *Query.
type QueryBody interface {
	Node
	queryBody()
}

// TableRef is an item of a FROM clause: *TableName, *DerivedTable, *WindowTable,
// *TableFunction, *Unnest, *Join or *MatchRecognize.
type TableRef interface {
	Node
	tableRef()
}

// Pattern is a part of the PATTERN clause of MATCH_RECOGNIZE.
type Pattern interface {
	Node
	pattern()
}

// Ident is one identifier. Text is as written, without its quotes and with
// doubled quotes undone. An unquoted identifier matches without regard to case;
// a quoted one matches exactly first.
type Ident struct {
	Span
	Text   string
	Quoted bool
}

// Name is a dotted name, a.b.c: of a table within a database within a catalog, or
// of a column within a table, or of a field within a column.
type Name struct {
	Span
	Parts []Ident
}

// Last returns the last part of the name.
func (n *Name) Last() Ident { return n.Parts[len(n.Parts)-1] }

// Option is one 'key' = 'value' of a WITH clause or of a hint. Value is the text
// of a string, or of a number or word that stood without quotes.
type Option struct {
	Span
	Key   *StringLit
	Value *StringLit
}

// Hint is one hint of a /*+ ... */ comment: OPTIONS('k' = 'v', ...) has Options;
// any other, such as STATE_TTL('o' = '1d') or BROADCAST(o), has Options or
// Args.
type Hint struct {
	Span
	Name    Ident
	Options []*Option
	Args    []*StringLit
}

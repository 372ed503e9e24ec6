package parser

type (
	// TableName is a name in FROM, or the target of an INSERT.
	TableName struct {
		Span
		Name       *Name
		Hints      []*Hint
		SystemTime Expr // FOR SYSTEM_TIME AS OF expr, nil if not there
		Alias      *TableAlias
	}

	// DerivedTable is [LATERAL] (query) [AS] alias. VALUES in FROM is one too.
	DerivedTable struct {
		Span
		Lateral bool
		Query   *Query
		Alias   *TableAlias
	}

	// WindowTable is a window table function, whatever its spelling:
	// TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL ...), the same within TABLE(...),
	// TUMBLE(t, ts, INTERVAL ...), or with named arguments. Only the sizes that
	// belong to Kind are there: TUMBLE Size; HOP Slide, Size; CUMULATE Step, Size;
	// SESSION Gap.
	WindowTable struct {
		Span
		Kind        WindowKind
		Input       TableRef // *TableName or *DerivedTable, or another *WindowTable
		PartitionBy []Expr   // of the input; SESSION only
		TimeColumn  *Name
		Size        Expr
		Slide       Expr
		Step        Expr
		Gap         Expr
		Offset      Expr // nil if not given
		Alias       *TableAlias
	}

	// TableFunction is any other function in FROM: f(...), TABLE(f(...)),
	// LATERAL TABLE(f(...)).
	TableFunction struct {
		Span
		Lateral bool
		Name    *Name
		Args    []*TableFunctionArg
		Alias   *TableAlias
	}

	// Unnest is [CROSS JOIN] UNNEST(exprs) [WITH ORDINALITY] [AS alias].
	Unnest struct {
		Span
		Exprs          []Expr
		WithOrdinality bool
		Alias          *TableAlias
	}

	// Join is left kind JOIN right and its condition. At most one of On and Using
	// is there; an ASOF join may have Match (MATCH_CONDITION (expr)) beside it.
	Join struct {
		Span
		Kind        JoinKind
		Natural     bool
		Left, Right TableRef
		Match       Expr
		On          Expr
		Using       []Ident
	}

	// MatchRecognize is input MATCH_RECOGNIZE (...) [AS alias].
	MatchRecognize struct {
		Span
		Input       TableRef
		PartitionBy []Expr
		OrderBy     []*OrderItem
		Measures    []*Measure
		AllRows     bool // ALL ROWS PER MATCH; else ONE ROW PER MATCH
		After       *AfterMatch
		Pattern     Pattern
		Within      *IntervalLit
		Subsets     []*Subset
		Defines     []*Define
		Alias       *TableAlias
	}
)

func (*TableName) tableRef()      {}
func (*DerivedTable) tableRef()   {}
func (*WindowTable) tableRef()    {}
func (*TableFunction) tableRef()  {}
func (*Unnest) tableRef()         {}
func (*Join) tableRef()           {}
func (*MatchRecognize) tableRef() {}

// TableAlias is [AS] name [(columns)].
type TableAlias struct {
	Span
	Name    Ident
	Columns []Ident
}

// WindowKind is a window table function.
type WindowKind int

const (
	WindowTumble WindowKind = iota + 1
	WindowHop
	WindowCumulate
	WindowSession
)

var windowKindNames = [...]string{
	WindowTumble: "TUMBLE", WindowHop: "HOP", WindowCumulate: "CUMULATE", WindowSession: "SESSION",
}

// String implements fmt.Stringer.
func (k WindowKind) String() string { return windowKindNames[k] }

// TableFunctionArg is an argument of a TableFunction. Exactly one of Table,
// Descriptor and Expr is there.
type TableFunctionArg struct {
	Span
	Name        *Ident // name => value, nil if positional
	Table       TableRef
	PartitionBy []Expr // of Table
	OrderBy     []*OrderItem
	Descriptor  []Ident // DESCRIPTOR(a, b)
	Expr        Expr
}

// JoinKind is the sort of a join.
type JoinKind int

const (
	JoinInner JoinKind = iota + 1
	JoinLeft
	JoinRight
	JoinFull
	JoinCross
	JoinSemi     // [LEFT] SEMI JOIN
	JoinAnti     // [LEFT] ANTI JOIN
	JoinAsof     // ASOF JOIN
	JoinAsofLeft // ASOF LEFT JOIN, LEFT ASOF JOIN
)

var joinKindNames = [...]string{
	JoinInner: "JOIN", JoinLeft: "LEFT JOIN", JoinRight: "RIGHT JOIN", JoinFull: "FULL JOIN", JoinCross: "CROSS JOIN",
	JoinSemi: "SEMI JOIN", JoinAnti: "ANTI JOIN", JoinAsof: "ASOF JOIN", JoinAsofLeft: "ASOF LEFT JOIN",
}

// String implements fmt.Stringer.
func (k JoinKind) String() string { return joinKindNames[k] }

// Measure is expr AS alias in MEASURES. A leading FINAL or RUNNING is a
// *MatchSemantics within the expression.
type Measure struct {
	Span
	Expr  Expr
	Alias Ident
}

// Subset is name = (a, b) in SUBSET.
type Subset struct {
	Span
	Name      Ident
	Variables []Ident
}

// Define is variable AS condition in DEFINE.
type Define struct {
	Span
	Variable  Ident
	Condition Expr
}

// AfterMatch is AFTER MATCH SKIP ...
type AfterMatch struct {
	Span
	Skip     SkipKind
	Variable *Ident // SkipToFirst, SkipToLast
}

// SkipKind says where matching goes on after a match.
type SkipKind int

const (
	SkipToNextRow SkipKind = iota + 1
	SkipPastLastRow
	SkipToFirst
	SkipToLast // also SKIP TO variable
)

type (
	// PatternVar is a variable of a pattern.
	PatternVar struct {
		Span
		Name Ident
	}

	// PatternSeq is a b c.
	PatternSeq struct {
		Span
		Items []Pattern // two or more
	}

	// PatternAlt is a | b | c.
	PatternAlt struct {
		Span
		Items []Pattern // two or more
	}

	// PatternQuant is a repetition: a*, a+, a?, a{n}, a{n,}, a{n,m}, each
	// reluctant with a further ?.
	PatternQuant struct {
		Span
		Item      Pattern
		Min       int
		Max       int // -1: no bound
		Reluctant bool
	}

	// PatternExclude is {- a -}.
	PatternExclude struct {
		Span
		Item Pattern
	}

	// PatternPermute is PERMUTE(a, b, c).
	PatternPermute struct {
		Span
		Items []Pattern
	}

	// PatternAnchor is ^ or $.
	PatternAnchor struct {
		Span
		End bool
	}

	// PatternEmpty is (), which matches without a row.
	PatternEmpty struct {
		Span
	}
)

func (*PatternVar) pattern()     {}
func (*PatternSeq) pattern()     {}
func (*PatternAlt) pattern()     {}
func (*PatternQuant) pattern()   {}
func (*PatternExclude) pattern() {}
func (*PatternPermute) pattern() {}
func (*PatternAnchor) pattern()  {}
func (*PatternEmpty) pattern()   {}

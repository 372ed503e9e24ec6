package parser

// Literals.
type (
	// NumberLit is a number without a sign, as written: an integer of any size, a
	// decimal (1.5), or a float (1e3).
	NumberLit struct {
		Span
		Text string
		Kind NumberKind
	}

	// StringLit is 'text', with doubled quotes undone and backslashes kept.
	StringLit struct {
		Span
		Value string
	}

	// BytesLit is X'CAFE'.
	BytesLit struct {
		Span
		Value []byte
	}

	// BoolLit is TRUE or FALSE.
	BoolLit struct {
		Span
		Value bool
	}

	// NullLit is NULL.
	NullLit struct {
		Span
	}

	// DatetimeLit is DATE '...', TIME '...', TIMESTAMP '...' or
	// TIMESTAMP_LTZ '...'. The text is not looked into here.
	DatetimeLit struct {
		Span
		Kind TypeKind // TypeDate, TypeTime, TypeTimestamp or TypeTimestampLTZ
		Text string
	}

	// IntervalLit is INTERVAL '1' DAY, INTERVAL '1 02:03' DAY TO MINUTE,
	// INTERVAL 5 MINUTE or INTERVAL '30 seconds'. Text is what the quotes or the
	// number hold. Months and Micros are its value: a year-month interval
	// has Months only, a day-time interval Micros (microseconds) only, and
	// INTERVAL '1 month 2 days' has both.
	IntervalLit struct {
		Span
		Negative bool // INTERVAL -'1' DAY; Months and Micros are negated already
		Text     string
		From, To TimeUnit // UnitNone: within Text, or no TO
		Months   int64
		Micros   int64
	}
)

// NumberKind is the form of a NumberLit.
type NumberKind int

const (
	NumberInteger NumberKind = iota + 1 // 12
	NumberDecimal                       // 1.5
	NumberFloat                         // 1.5e3
)

// Names and access.
type (
	// ColumnRef is a name that stands for a value: c, t.c, c.f.g, db.t.c.f. Which
	// part is what, is for the binder to find.
	ColumnRef struct {
		Span
		Parts []Ident
	}

	// FieldAccess is x.field, where x is not a name: a[1].f, (r).f, f(x).g.
	FieldAccess struct {
		Span
		X     Expr
		Field Ident
	}

	// Index is x[i], of an array (from 1) or a map.
	Index struct {
		Span
		X     Expr
		Index Expr
	}
)

// Operators and predicates.
type (
	// Unary is -x, +x or NOT x.
	Unary struct {
		Span
		Op UnaryOp
		X  Expr
	}

	// Binary is left op right.
	Binary struct {
		Span
		Op          BinaryOp
		OpSpan      Span
		Left, Right Expr
	}

	// Is is x IS [NOT] NULL | TRUE | FALSE | UNKNOWN | JSON ...
	Is struct {
		Span
		X    Expr
		Not  bool
		Test IsTest
	}

	// Like is x [NOT] LIKE | ILIKE | SIMILAR TO | RLIKE pattern [ESCAPE 'c'].
	Like struct {
		Span
		Op      LikeOp
		Not     bool
		X       Expr
		Pattern Expr
		Escape  *StringLit // nil if not given
	}

	// Between is x [NOT] BETWEEN [SYMMETRIC] low AND high.
	Between struct {
		Span
		Not       bool
		Symmetric bool
		X         Expr
		Low, High Expr
	}

	// In is x [NOT] IN (list) or (query); exactly one of List and Query is there.
	In struct {
		Span
		Not   bool
		X     Expr
		List  []Expr
		Query *Query
	}

	// Exists is EXISTS (query).
	Exists struct {
		Span
		Query *Query
	}

	// Quantified is x op ANY | SOME | ALL (query).
	Quantified struct {
		Span
		X     Expr
		Op    BinaryOp // a comparison
		All   bool     // ALL; else ANY
		Query *Query
	}

	// Subquery is a query in the place of a value.
	Subquery struct {
		Span
		Query *Query
	}

	// Case is CASE [operand] WHEN ... THEN ... [ELSE ...] END.
	Case struct {
		Span
		Operand Expr // nil: searched
		Whens   []*When
		Else    Expr // nil: NULL
	}

	// When is WHEN cond THEN result of a Case.
	When struct {
		Span
		Cond, Result Expr
	}

	// Cast is CAST(x AS type), TRY_CAST(x AS type) (Try) or x::type.
	Cast struct {
		Span
		Try  bool
		X    Expr
		Type *DataType
	}

	// AtTimeZone is x AT TIME ZONE zone, or x AT LOCAL (Zone nil).
	AtTimeZone struct {
		Span
		X    Expr
		Zone Expr
	}
)

// Calls.
type (
	// Call is a call of a function by its name, with all clauses that may
	// surround one. COUNT(*) has Star. CURRENT_TIMESTAMP and its like have no
	// arguments and may be written without parentheses. SUBSTRING(s FROM a FOR b),
	// POSITION(a IN b), OVERLAY(a PLACING b FROM c FOR d) and JSON_OBJECTAGG(a VALUE b)
	// are calls with their arguments in that order.
	Call struct {
		Span
		Name        *Name
		Distinct    bool
		Star        bool
		Args        []Expr       // may hold *NamedArg and, first, *UnitArg
		OrderBy     []*OrderItem // ARRAY_AGG(x ORDER BY y)
		WithinGroup []*OrderItem // WITHIN GROUP (ORDER BY y)
		Filter      Expr         // FILTER (WHERE cond)
		Nulls       NullTreatment
		OnNull      JSONNulls // of JSON_ARRAYAGG and JSON_OBJECTAGG
		Over        *Over     // nil: not a window call
	}

	// Over is OVER name (Name) or OVER (spec) (Spec).
	Over struct {
		Span
		Name *Ident
		Spec *WindowSpec
	}

	// NamedArg is name => value among the arguments of a Call.
	NamedArg struct {
		Span
		Name  Ident
		Value Expr
	}

	// UnitArg is a time unit among the arguments of a Call, as in
	// TIMESTAMPADD(DAY, 1, ts).
	UnitArg struct {
		Span
		Unit TimeUnit
	}

	// Extract is EXTRACT(unit FROM x).
	Extract struct {
		Span
		Unit TimeUnit
		X    Expr
	}

	// RoundTime is FLOOR(x TO unit) or CEIL(x TO unit).
	RoundTime struct {
		Span
		Ceil bool
		X    Expr
		Unit TimeUnit
	}

	// Trim is TRIM([LEADING | TRAILING | BOTH] [chars] [FROM] x).
	Trim struct {
		Span
		Side  TrimSide
		Chars Expr // nil: spaces
		X     Expr
	}

	// MatchSemantics is FINAL x or RUNNING x in MEASURES.
	MatchSemantics struct {
		Span
		Final bool
		X     Expr
	}
)

// Constructors.
type (
	// ArrayLit is ARRAY[a, b].
	ArrayLit struct {
		Span
		Elems []Expr
	}

	// MapLit is MAP[k, v, k, v].
	MapLit struct {
		Span
		Keys, Values []Expr // of one length
	}

	// RowExpr is ROW(a, b), or (a, b) with two or more expressions.
	RowExpr struct {
		Span
		Elems []Expr
	}
)

// JSON functions that have clauses.
type (
	// JSONFunc is JSON_VALUE, JSON_QUERY or JSON_EXISTS(x, path clauses).
	JSONFunc struct {
		Span
		Kind      JSONFuncKind
		X, Path   Expr
		Returning *DataType // nil: the default
		Wrapper   JSONWrapper
		OnEmpty   *JSONBehavior // nil: the default
		OnError   *JSONBehavior // nil: the default
	}

	// JSONBehavior is what a JSON function gives on an empty result or an error.
	JSONBehavior struct {
		Span
		Kind    JSONBehaviorKind
		Default Expr // JSONDefault
	}

	// JSONObject is JSON_OBJECT.
	JSONObject struct {
		Span
		Keys, Values []Expr // of one length
		Nulls        JSONNulls
	}

	// JSONArray is JSON_ARRAY.
	JSONArray struct {
		Span
		Elems []Expr
		Nulls JSONNulls
	}
)

func (*NumberLit) expr()      {}
func (*StringLit) expr()      {}
func (*BytesLit) expr()       {}
func (*BoolLit) expr()        {}
func (*NullLit) expr()        {}
func (*DatetimeLit) expr()    {}
func (*IntervalLit) expr()    {}
func (*ColumnRef) expr()      {}
func (*FieldAccess) expr()    {}
func (*Index) expr()          {}
func (*Unary) expr()          {}
func (*Binary) expr()         {}
func (*Is) expr()             {}
func (*Like) expr()           {}
func (*Between) expr()        {}
func (*In) expr()             {}
func (*Exists) expr()         {}
func (*Quantified) expr()     {}
func (*Subquery) expr()       {}
func (*Case) expr()           {}
func (*Cast) expr()           {}
func (*AtTimeZone) expr()     {}
func (*Call) expr()           {}
func (*NamedArg) expr()       {}
func (*UnitArg) expr()        {}
func (*Extract) expr()        {}
func (*RoundTime) expr()      {}
func (*Trim) expr()           {}
func (*MatchSemantics) expr() {}
func (*ArrayLit) expr()       {}
func (*MapLit) expr()         {}
func (*RowExpr) expr()        {}
func (*JSONFunc) expr()       {}
func (*JSONObject) expr()     {}
func (*JSONArray) expr()      {}

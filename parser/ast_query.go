package parser

type (
	// Query is a query expression: a body with what stands around it. FETCH FIRST
	// n ROWS ONLY is a Limit.
	Query struct {
		Span
		With    *With // nil if there is none
		Body    QueryBody
		OrderBy []*OrderItem
		Limit   Expr // nil: all rows (also LIMIT ALL)
		Offset  Expr // nil: none
	}

	// Select is one SELECT block. Output holds the clauses that end it: EMIT,
	// LATE DATA TO, ALLOW LATENESS, also where they were written after the ORDER
	// BY or LIMIT of a query that has this block alone.
	Select struct {
		Span
		Hints    []*Hint
		Distinct bool
		Items    []*SelectItem
		From     []TableRef // comma-separated; nil without FROM
		Where    Expr
		GroupBy  []*GroupingElement
		Having   Expr
		Windows  []*NamedWindow
		Qualify  Expr
		Output   *Output // nil if none of its clauses is there
	}

	// Values is VALUES (a, b), (c, d). Every row has the same number of
	// expressions.
	Values struct {
		Span
		Rows [][]Expr
	}

	// SetOp is left UNION | INTERSECT | EXCEPT [ALL] right. INTERSECT binds tighter
	// than the other two; all are left-associative.
	SetOp struct {
		Span
		Op          SetOpKind
		All         bool
		Left, Right QueryBody
	}
)

func (*Query) queryBody()  {}
func (*Select) queryBody() {}
func (*Values) queryBody() {}
func (*SetOp) queryBody()  {}

// SetOpKind is the operator of a SetOp.
type SetOpKind int

const (
	Union SetOpKind = iota + 1
	Intersect
	Except
)

var setOpNames = [...]string{Union: "UNION", Intersect: "INTERSECT", Except: "EXCEPT"}

// String implements fmt.Stringer.
func (k SetOpKind) String() string { return setOpNames[k] }

// With is WITH cte, cte, ...
type With struct {
	Span
	CTEs []*CTE
}

// CTE is name [(columns)] AS (query).
type CTE struct {
	Span
	Name    Ident
	Columns []Ident
	Query   *Query
}

// SelectItem is expr [AS alias], or * (Star true), or t.* (Star and Qualifier).
type SelectItem struct {
	Span
	Expr      Expr   // nil for stars
	Alias     *Ident // nil if there is none
	Star      bool
	Qualifier *Name // of t.*; nil for a bare *
}

// GroupingKind says what a GroupingElement is.
type GroupingKind int

const (
	// GroupExprs is one expression (an ordinal is a NumberLit), or several that
	// count as one, (a, b), or the empty set, (), by the number of Exprs.
	GroupExprs GroupingKind = iota + 1
	GroupRollup
	GroupCube
	GroupSets
)

// GroupingElement is an item of GROUP BY. GroupExprs has Exprs; ROLLUP, CUBE and
// GROUPING SETS have Elements (those of ROLLUP and CUBE are all GroupExprs).
type GroupingElement struct {
	Span
	Kind     GroupingKind
	Exprs    []Expr
	Elements []*GroupingElement
}

// OrderItem is an item of ORDER BY.
type OrderItem struct {
	Span
	Expr  Expr
	Desc  bool
	Nulls NullOrder
}

// NullOrder is NULLS FIRST | LAST of an OrderItem.
type NullOrder int

const (
	NullsDefault NullOrder = iota
	NullsFirst
	NullsLast
)

// Output holds the clauses that say when a SELECT block gives out its rows and
// where late ones go.
type Output struct {
	Span
	Emit     *Emit        // nil: the default of the query
	LateTo   *Name        // LATE DATA TO sink
	Lateness *IntervalLit // ALLOW LATENESS interval
}

// Emit is an EMIT clause.
type Emit struct {
	Span
	Kind  EmitKind
	Every *IntervalLit // EmitEvery
}

// EmitKind says when results come out.
type EmitKind int

const (
	EmitOnWindowClose EmitKind = iota + 1 // also EMIT FINAL
	EmitChanges
	EmitComplete
	EmitEvery
)

// WindowSpec is the inside of OVER (...) or of WINDOW w AS (...).
type WindowSpec struct {
	Span
	Base        *Ident // a named window that this one extends
	PartitionBy []Expr
	OrderBy     []*OrderItem
	Frame       *Frame // nil: the default frame
}

// NamedWindow is WINDOW name AS (spec).
type NamedWindow struct {
	Span
	Name Ident
	Spec *WindowSpec
}

// Frame is ROWS | RANGE | GROUPS start, or BETWEEN start AND end (then Upper is
// there).
type Frame struct {
	Span
	Unit    FrameUnit
	Lower   *FrameBound
	Upper   *FrameBound // nil: CURRENT ROW, not written
	Exclude FrameExclusion
}

// FrameUnit is what the bounds of a frame count.
type FrameUnit int

const (
	FrameRows FrameUnit = iota + 1
	FrameRange
	FrameGroups
)

var frameUnitNames = [...]string{FrameRows: "ROWS", FrameRange: "RANGE", FrameGroups: "GROUPS"}

// String implements fmt.Stringer.
func (u FrameUnit) String() string { return frameUnitNames[u] }

// FrameExclusion is EXCLUDE ... of a frame.
type FrameExclusion int

const (
	ExcludeNone FrameExclusion = iota // also EXCLUDE NO OTHERS
	ExcludeCurrentRow
	ExcludeGroup
	ExcludeTies
)

// FrameBound is one end of a frame. Offset is there for BoundPreceding and
// BoundFollowing only.
type FrameBound struct {
	Span
	Kind   BoundKind
	Offset Expr
}

// BoundKind is the sort of a FrameBound.
type BoundKind int

const (
	BoundUnboundedPreceding BoundKind = iota + 1
	BoundPreceding
	BoundCurrentRow
	BoundFollowing
	BoundUnboundedFollowing
)

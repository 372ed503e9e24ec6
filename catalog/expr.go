package catalog

// Expr is a bound expression: names are resolved to column positions, every
// node has its type, coercions stand as Cast nodes. It is immutable; rules
// build new trees. The planner makes it, exec/expr compiles and evaluates it.
type Expr interface {
	// Type is the type of the value.
	Type() Type
	isExpr()
}

// ColumnRef is the value of input column Index of the operator that evaluates
// the expression.
type ColumnRef struct {
	Index int
	Name  string // as shown by EXPLAIN
	T     Type
}

// Outer is parameter Index of subquery Of: a value of the query around it. It
// stands in queries while they are bound only: the planner turns correlated
// subqueries into joins.
type Outer struct {
	Of    int
	Index int
	Name  string
	T     Type
}

// Literal is a constant. Value is nil for NULL, else by T's kind:
//
//	BOOLEAN bool; TINYINT..BIGINT int64; FLOAT, DOUBLE float64;
//	DECIMAL decimal128.Num at T's scale; STRING, JSON string; BYTES []byte;
//	DATE int64 days since 1970; TIME int64 us since midnight;
//	TIMESTAMP, TIMESTAMP_LTZ int64 us since 1970 (UTC); day interval int64 us;
//	month interval int64 months; ARRAY, ROW []any; MAP []any of key, value, key, value...
type Literal struct {
	Value any
	T     Type
}

// Call is a scalar function or operator applied to arguments. The arguments
// have exactly the types that Overload.Params names.
type Call struct {
	Fn       *Function
	Overload *Overload
	Args     []Expr
	// Instance, if it is not 0, numbers an evaluation of a volatile function:
	// calls with one number are the same value on a row.
	Instance int
}

// Member is member Index of a ROW value; NULL if the row is NULL.
type Member struct {
	Of    Expr
	Index int
	T     Type
}

// Cast converts a value to T. With Safe (TRY_CAST) a value that does not
// convert is NULL, else it is an error of its row.
type Cast struct {
	Of   Expr
	T    Type
	Safe bool
}

// And is the three-valued conjunction; an operand is evaluated only on rows
// that the earlier ones leave undecided (neither FALSE nor in error).
type And struct{ Args []Expr }

// Or is the three-valued disjunction, with the same order of evaluation.
type Or struct{ Args []Expr }

// When is one branch of Case.
type When struct{ Cond, Then Expr }

// Case gives Then of the first branch whose Cond is TRUE, else Else (NULL if
// nil). Conds and Thens are evaluated only on rows that reach them. All Thens
// and Else have type T. A simple CASE x WHEN v is bound to Cond x = v.
type Case struct {
	Whens []When
	Else  Expr
	T     Type
}

// Coalesce gives its first operand that is not NULL; later ones are evaluated
// only where needed. All have type T.
type Coalesce struct {
	Args []Expr
	T    Type
}

// Type implements Expr.
func (e *ColumnRef) Type() Type { return e.T }

// Type implements Expr.
func (e *Outer) Type() Type { return e.T }

// Type implements Expr.
func (e *Literal) Type() Type { return e.T }

// Type implements Expr.
func (e *Call) Type() Type { return e.Overload.Result }

// Type implements Expr.
func (e *Member) Type() Type { return e.T }

// Type implements Expr.
func (e *Cast) Type() Type { return e.T }

// Type implements Expr.
func (*And) Type() Type { return Boolean }

// Type implements Expr.
func (*Or) Type() Type { return Boolean }

// Type implements Expr.
func (e *Case) Type() Type { return e.T }

// Type implements Expr.
func (e *Coalesce) Type() Type { return e.T }

func (*ColumnRef) isExpr() {}
func (*Outer) isExpr()     {}
func (*Literal) isExpr()   {}
func (*Call) isExpr()      {}
func (*Member) isExpr()    {}
func (*Cast) isExpr()      {}
func (*And) isExpr()       {}
func (*Or) isExpr()        {}
func (*Case) isExpr()      {}
func (*Coalesce) isExpr()  {}

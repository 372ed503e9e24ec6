package catalog

import (
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// FunctionKind tells scalar functions from aggregates.
type FunctionKind uint8

// The kinds of functions.
const (
	ScalarFunction FunctionKind = iota
	AggregateFunction
)

// Volatility says when two calls with equal arguments give equal results.
type Volatility uint8

// The volatilities.
const (
	Immutable Volatility = iota // always: can be folded at planning
	Stable                      // within one source batch: NOW(), PROCTIME()
	Volatile                    // never: UUID(), RAND()
)

// Example is a call with its result, as documentation and as a test: Result is
// the value as the CSV output prints it, "NULL" for NULL.
type Example struct{ SQL, Result string }

// Function is one function or operator. Operators have their sign as name
// ("+", "=", "IS NULL", "NOT"); names are upper case.
type Function struct {
	Name       string
	Aliases    []string
	Kind       FunctionKind
	Category   string   // heading of the reference page: "string", "temporal", ...
	Signatures []string // for people: "SUBSTRING(s STRING, start INT [, length INT]) -> STRING"
	Doc        string   // one paragraph; NULL and error behaviour included
	Examples   []Example
	Volatility Volatility
	// OrderedSet says of an aggregate that the expression of WITHIN GROUP (ORDER BY x)
	// is its first argument; else that clause is its ORDER BY.
	OrderedSet bool
	// Resolve chooses the overload for the arguments, or says why none fits.
	Resolve func(args []Arg) (*Overload, error)
}

// Function gives f itself: it stands beside what makes descriptions of functions.
func (f *Function) Function() (*Function, error) { return f, nil }

// Arg is what a function may know of an argument at planning.
type Arg struct {
	Type Type
	// Const is the value if it is known at planning, else nil.
	Const *Literal
	// Distinct is set on the first argument of f(DISTINCT x) (aggregates only).
	Distinct bool
}

// Overload is a function settled on argument types.
type Overload struct {
	Params []Type // the types that the arguments are cast to; len(args)
	Result Type
	// CanFail says that a row can be in error (overflow, bad format).
	CanFail bool
	// Strict says that the result is NULL as soon as an argument is, without a
	// call; NeverNull that it is NULL for no input (IS NULL, COUNT).
	Strict, NeverNull bool
	// Kernel runs a scalar function; nil for aggregates.
	Kernel Kernel
	// Aggregate describes an aggregate function; nil for scalars.
	Aggregate *Aggregate
}

// Aggregate is what the planner must know of an aggregate; Impl is the value
// that exec/agg understands.
type Aggregate struct {
	Retractable    bool // rows can be taken away again
	Mergeable      bool // partial results can be merged: two-phase, panes
	OrderSensitive bool // FIRST_VALUE, ARRAY_AGG: depends on the order of rows
	// Collects: all values are kept, so that nothing is won by aggregating twice.
	Collects bool
	// Remembers: over rows that may be taken back, all values are kept, for the one
	// that counts may go.
	Remembers bool
	// Columns is the number of arguments that are read row by row. They come
	// first; those behind them are constants, which Impl knows.
	Columns int
	// Then names the scalar functions of one argument that are applied to the
	// aggregate's value, in this order: JSON_ARRAYAGG is JSON_STRING of an array.
	Then []string
	// State names the form of the state where a function can have several: state of
	// one is not read as another.
	State string
	Impl  any
}

// Kernel computes a scalar function over columns.
type Kernel interface {
	// Eval gives a column of n rows. Only rows in sel have to be computed (nil:
	// all); others may hold anything but must not fail. A row that fails is
	// reported to c.Fail and is NULL in the result. args are as Params say and
	// have n rows. An error is one of the engine, not of a row.
	Eval(c *EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error)
}

// EvalContext is what a kernel may know besides its arguments.
type EvalContext struct {
	Now   time.Time      // the clock's reading for this source batch
	Zone  *time.Location // the session's time zone
	Alloc memory.Allocator
	// W is each row's watermark (us), math.MinInt64 where it has none yet. It is
	// there for expressions that read it (CURRENT_WATERMARK), else nil.
	W []int64
	// Fail marks a row as in error. The first error of a row counts.
	Fail func(row int, code, message string)
}

// FunctionSet finds functions by name, without regard to case.
type FunctionSet interface {
	Lookup(name string) (*Function, bool)
	// Names lists all names and aliases, sorted: for suggestions and help.
	Names() []string
}

// Folder evaluates expressions without columns at planning.
type Folder interface {
	// Fold gives the value of an immutable expression that refers to no column,
	// or an error that says why it has none (1/'x').
	Fold(e Expr, zone *time.Location) (*Literal, error)
}

package expr

import (
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
)

// ScalarFunc describes a Go function for use in SQL. It is called row by row, so
// it is far slower than a built-in kernel.
type ScalarFunc struct {
	Name   string
	Doc    string
	Params []catalog.Type
	Result catalog.Type
	// Volatility is Immutable by default: equal arguments give equal results, and
	// a call with constant arguments is made once, at planning.
	Volatility catalog.Volatility
	// NullInput has it called for NULL arguments too (as nil); else the result is
	// NULL as soon as an argument is.
	NullInput bool
	// Call gets the arguments in the form of catalog.Literal.Value and gives the
	// result in that form, nil for NULL. It may also give any Go integer for an
	// integer type, float32 for a floating one, time.Time for DATE and TIMESTAMPs,
	// time.Duration for a day interval, and a text for DECIMAL, within an ARRAY, MAP
	// or ROW too. An error is one of the row, and so are a panic and a value that is
	// none of the type. It is called from several goroutines at a time; args is valid
	// during the call.
	Call func(args []any) (any, error)
}

// CodeFunction is the code of a row on which a Go function gave an error.
const CodeFunction = "FUNCTION_ERROR"

// Function makes the catalog's value of it.
func (f ScalarFunc) Function() (*catalog.Function, error) {
	switch {
	case f.Name == "":
		return nil, errors.New("a function needs a name")
	case f.Call == nil:
		return nil, fmt.Errorf("function %s has nothing to call", f.Name)
	case f.Result.Kind == catalog.KindInvalid || f.Result.Kind == catalog.KindNull:
		return nil, fmt.Errorf("function %s has no result type", f.Name)
	}
	name := strings.ToUpper(f.Name)
	types := make([]string, len(f.Params))
	for i, t := range f.Params {
		types[i] = t.String()
	}
	return &catalog.Function{
		Name: name, Kind: catalog.ScalarFunction, Category: "User-defined", Doc: f.Doc, Volatility: f.Volatility,
		Signatures: []string{fmt.Sprintf("%s(%s) -> %s", name, strings.Join(types, ", "), f.Result)},
		Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
			if len(args) != len(f.Params) {
				return nil, fmt.Errorf("%s takes %d arguments, not %d", name, len(f.Params), len(args))
			}
			for i, a := range args {
				if !catalog.CanCast(a.Type, f.Params[i], true) {
					return nil, fmt.Errorf("%s: argument %d is %s, not %s", name, i+1, a.Type, f.Params[i])
				}
			}
			return &catalog.Overload{
				Params: append([]catalog.Type(nil), f.Params...), Result: f.Result, CanFail: true, Strict: !f.NullInput, Kernel: rowCalls{f},
			}, nil
		},
	}, nil
}

// rowCalls runs a Go function on each row.
type rowCalls struct{ f ScalarFunc }

// Eval implements catalog.Kernel.
func (k rowCalls) Eval(c *catalog.EvalContext, cols []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	b := array.NewBuilder(c.Alloc, k.f.Result.Arrow())
	defer b.Release()
	b.Reserve(n)
	args := make([]any, len(cols))
	next := 0 // first row without a result
	call := func(i int) error {
		for ; next < i; next++ {
			b.AppendNull()
		}
		next++
		null := false
		for j, col := range cols {
			args[j] = column.Value(col, i, k.f.Params[j])
			null = null || args[j] == nil
		}
		if null && !k.f.NullInput {
			b.AppendNull()
			return nil
		}
		v, err := k.call(args)
		if err != nil {
			c.Fail(i, CodeFunction, fmt.Sprintf("%s: %v", k.f.Name, err))
			v = nil
		}
		return column.Append(b, v, k.f.Result)
	}
	if sel == nil {
		for i := range n {
			if err := call(i); err != nil {
				return nil, err
			}
		}
	}
	for _, r := range sel {
		if err := call(int(r)); err != nil {
			return nil, err
		}
	}
	for ; next < n; next++ {
		b.AppendNull()
	}
	return b.NewArray(), nil
}

// call gives the value for one row. A panic is an error of the row too: of several
// rows, the others have their results.
func (k rowCalls) call(args []any) (v any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("it panicked: %v", r)
		}
	}()
	if v, err = k.f.Call(args); err != nil {
		return nil, err
	}
	return LiteralValue(v, k.f.Result)
}

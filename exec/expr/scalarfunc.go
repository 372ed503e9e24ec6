package expr

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/decimal"
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
	// time.Duration for a day interval, and a text for DECIMAL. An error is one
	// of the row. It is called from several goroutines at a time; args is valid
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
func (k rowCalls) Eval(c *catalog.EvalContext, cols []arrow.Array, n int, sel []int32) (out arrow.Array, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("function %s panicked: %v", k.f.Name, r)
		}
	}()
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
		v, err := k.f.Call(args)
		if err != nil {
			c.Fail(i, CodeFunction, fmt.Sprintf("%s: %v", k.f.Name, err))
			v = nil
		}
		if v, err = LiteralValue(v, k.f.Result); err == nil {
			err = column.Append(b, v, k.f.Result)
		}
		if err != nil {
			return fmt.Errorf("function %s: %w", k.f.Name, err)
		}
		return nil
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

// LiteralValue brings a Go value to the form of catalog.Literal.Value.
func LiteralValue(v any, t catalog.Type) (any, error) {
	switch x := v.(type) {
	case int:
		v = int64(x)
	case int8:
		v = int64(x)
	case int16:
		v = int64(x)
	case int32:
		v = int64(x)
	case uint8:
		v = int64(x)
	case uint16:
		v = int64(x)
	case uint32:
		v = int64(x)
	case uint64:
		if x > math.MaxInt64 {
			return nil, fmt.Errorf("%d is beyond %s", x, t)
		}
		v = int64(x)
	case float32:
		v = float64(x)
	case time.Time:
		if t.Kind == catalog.KindDate {
			v = time.Date(x.Year(), x.Month(), x.Day(), 0, 0, 0, 0, time.UTC).Unix() / 86400
		} else if t.Kind == catalog.KindTimestamp { // the wall clock as it shows
			_, offset := x.Zone()
			v = x.UnixMicro() + int64(offset)*1e6
		} else {
			v = x.UnixMicro()
		}
	case time.Duration:
		v = x.Microseconds()
	case string:
		if t.Kind == catalog.KindDecimal {
			n, problem := decimal.Parse([]byte(x), t.Precision, t.Scale)
			if problem != decimal.None {
				return nil, fmt.Errorf("'%s' is no %s", x, t)
			}
			v = n
		}
	}
	if i, ok := v.(int64); ok && t.IsInteger() {
		bits := []uint{8, 16, 32, 64}[t.Kind-catalog.KindTinyInt]
		if i>>(bits-1) != i>>63 {
			return nil, fmt.Errorf("%d is beyond %s", i, t)
		}
	}
	return v, nil
}

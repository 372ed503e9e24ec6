package expr

import (
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
)

// Folder implements catalog.Folder.
type Folder struct{}

var _ catalog.Folder = Folder{}

// errNotConstant says that an expression reads columns or is not immutable.
var errNotConstant = errors.New("the expression is not constant")

// Fold implements catalog.Folder. A RowError in the chain of the error says what
// the value's problem is.
func (Folder) Fold(e catalog.Expr, zone *time.Location) (*catalog.Literal, error) {
	if !constant(e) {
		return nil, errNotConstant
	}
	p, err := Compile([]catalog.Expr{e}, Options{Zone: zone})
	if err != nil {
		return nil, err
	}
	ev := p.NewEvaluator(memory.DefaultAllocator)
	defer ev.Close()
	out, errs, err := ev.Eval(time.Time{}, nil, 1, nil)
	if err != nil {
		return nil, err
	}
	defer out[0].Release()
	if len(errs) > 0 {
		return nil, errs[0]
	}
	return &catalog.Literal{Value: column.Value(out[0], 0, e.Type()), T: e.Type()}, nil
}

func constant(e catalog.Expr) bool {
	all := func(list []catalog.Expr) bool {
		for _, x := range list {
			if !constant(x) {
				return false
			}
		}
		return true
	}
	switch e := e.(type) {
	case *catalog.Literal:
		return true
	case *catalog.Call:
		return e.Fn.Volatility == catalog.Immutable && all(e.Args)
	case *catalog.Member:
		return constant(e.Of)
	case *catalog.Cast:
		return constant(e.Of)
	case *catalog.And:
		return all(e.Args)
	case *catalog.Or:
		return all(e.Args)
	case *catalog.Coalesce:
		return all(e.Args)
	case *catalog.Case:
		for _, w := range e.Whens {
			if !constant(w.Cond) || !constant(w.Then) {
				return false
			}
		}
		return e.Else == nil || constant(e.Else)
	default:
		return false
	}
}

// foldCall runs a kernel on constant arguments; a failing one stays for the rows
// that meet it.
func foldCall(k catalog.Kernel, args []*catalog.Literal, result catalog.Type, zone *time.Location) (*catalog.Literal, error) {
	if k == nil {
		return &catalog.Literal{Value: args[0].Value, T: result}, nil
	}
	alloc := memory.DefaultAllocator
	cols := make([]arrow.Array, len(args))
	for i, l := range args {
		a, err := column.Repeat(l, 1, alloc)
		if err != nil {
			return nil, err
		}
		cols[i] = a
	}
	var failed error
	c := &catalog.EvalContext{Zone: zone, Alloc: alloc, Fail: func(_ int, code, message string) {
		failed = fmt.Errorf("%s: %s", code, message)
	}}
	out, err := k.Eval(c, cols, 1, nil)
	release(cols)
	if err != nil {
		return nil, err
	}
	defer out.Release()
	if failed != nil {
		return nil, failed
	}
	return &catalog.Literal{Value: column.Value(out, 0, result), T: result}, nil
}

package expr

import (
	"errors"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/exprtest"
)

func TestScalarFunc(t *testing.T) {
	count, err := ScalarFunc{
		Name: "count_char", Params: []catalog.Type{catalog.String, catalog.String}, Result: catalog.BigInt,
		Call: func(args []any) (any, error) { return strings.Count(args[0].(string), args[1].(string)), nil },
	}.Function()
	if err != nil {
		t.Fatal(err)
	}
	refuse, _ := ScalarFunc{
		Name: "refuse", Params: []catalog.Type{catalog.Int}, Result: catalog.Decimal(5, 2), NullInput: true,
		Call: func(args []any) (any, error) {
			switch args[0] {
			case nil:
				return "12.345", nil
			case int64(0):
				return nil, errors.New("no zero")
			}
			return nil, nil
		},
	}.Function()
	user, err := catalog.NewFunctionSet(count, refuse)
	if err != nil {
		t.Fatal(err)
	}
	fns := catalog.LayeredFunctions{user, Functions()}
	checkSQL(t, fns, "COUNT_CHAR('banana', 'a')", "3")
	checkSQL(t, fns, "count_char(NULL, 'a')", "NULL")
	checkSQL(t, fns, "refuse(NULL)", "12.35")
	checkSQL(t, fns, "refuse(0)", "error FUNCTION_ERROR")
	checkSQL(t, fns, "refuse(1)", "NULL")
	if _, err := (exprtest.Scope{Functions: fns}).Parse("count_char('a')"); err == nil {
		t.Error("a missing argument was accepted")
	}
	if _, err := (exprtest.Scope{Functions: fns}).Parse("count_char('a', 1)"); err == nil {
		t.Error("an argument of a wrong type was accepted")
	}
	if _, err := (ScalarFunc{Name: "x", Result: catalog.Int}).Function(); err == nil {
		t.Error("a function without code was accepted")
	}
}

func TestScalarFuncPanicIsAnError(t *testing.T) {
	f, _ := ScalarFunc{Name: "boom", Params: []catalog.Type{catalog.Int}, Result: catalog.Int, Volatility: catalog.Volatile,
		Call: func(args []any) (any, error) { return args[5], nil }}.Function()
	set, _ := catalog.NewFunctionSet(f)
	e, err := exprtest.Scope{Functions: set}.Parse("boom(1)")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile([]catalog.Expr{e}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ev := p.NewEvaluator(testAlloc(t))
	defer ev.Close()
	if _, _, err := ev.Eval(testNow, nil, 1, nil); err == nil || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("err = %v", err)
	}
}

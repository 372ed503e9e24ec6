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
	out, rows, err := ev.Eval(testNow, nil, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, col := range out {
		col.Release()
	}
	if len(rows) != 1 || rows[0].Code != CodeFunction || !strings.Contains(rows[0].Message, "panicked") {
		t.Errorf("errors of rows: %v", rows)
	}
}

// TestScalarFuncTypes passes values of every type through a Go function and back.
func TestScalarFuncTypes(t *testing.T) {
	for _, c := range []struct {
		t         catalog.Type
		sql, want string
	}{
		{catalog.Boolean, "TRUE", "true"}, {catalog.TinyInt, "CAST(-128 AS TINYINT)", "-128"}, {catalog.SmallInt, "CAST(7 AS SMALLINT)", "7"}, {catalog.Int, "7", "7"}, {catalog.BigInt, "9223372036854775807", "9223372036854775807"},
		{catalog.Float, "CAST(1.5 AS FLOAT)", "1.5"}, {catalog.Double, "-0.1e0", "-0.1"}, {catalog.Decimal(38, 2), "CAST(12345678901234567890.12 AS DECIMAL(38, 2))", "12345678901234567890.12"}, {catalog.String, "'é'", "é"},
		{catalog.Bytes, "X'61'", "a"}, {catalog.Date, "DATE '1969-12-31'", "1969-12-31"}, {catalog.Type{Kind: catalog.KindTime, Precision: 3}, "TIME '01:02:03.004'", "01:02:03.004"}, {catalog.Timestamp3, "TIMESTAMP '1969-12-31 23:59:59.999'", "1969-12-31 23:59:59.999"},
		{catalog.TimestampLTZ3, "TIMESTAMP_LTZ '2024-02-29 01:02:03'", "2024-02-29 01:02:03.000"}, {catalog.IntervalDay, "INTERVAL '36' HOUR", "+1 12:00:00.000000"}, {catalog.IntervalMonth, "INTERVAL '14' MONTH", "+1-02"},
		{catalog.ArrayOf(catalog.Int), "ARRAY[1, NULL]", "[1,null]"}, {catalog.MapOf(catalog.String, catalog.Int), "MAP['a', 1]", `{"a":1}`}, {catalog.JSON, "CAST('{}' AS JSON)", "{}"},
		{catalog.RowOf(catalog.Field{Name: "a", Type: catalog.Int}, catalog.Field{Name: "b", Type: catalog.ArrayOf(catalog.String)}), "CAST(ROW(1, ARRAY['x']) AS ROW<a INT, b ARRAY<STRING>>)", `{"a":1,"b":["x"]}`},
	} {
		same, err := ScalarFunc{Name: "same", Params: []catalog.Type{c.t}, Result: c.t, Call: func(args []any) (any, error) { return args[0], nil }}.Function()
		if err != nil {
			t.Fatal(err)
		}
		user, err := catalog.NewFunctionSet(same)
		if err != nil {
			t.Fatal(err)
		}
		fns := catalog.LayeredFunctions{user, Functions()}
		checkSQL(t, fns, "same("+c.sql+")", c.want)
		checkSQL(t, fns, "same(NULL) IS NULL", "true")
	}
}

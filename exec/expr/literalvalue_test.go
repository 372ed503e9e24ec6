package expr

import (
	"reflect"
	"testing"
	"time"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/exprtest"
)

// TestLiteralValue: what Go functions give is brought to the engine's form with its
// members, or refused before a column is made of it.
func TestLiteralValue(t *testing.T) {
	numbers := catalog.ArrayOf(catalog.TinyInt)
	pair := catalog.RowOf(catalog.Field{Name: "a", Type: catalog.BigInt}, catalog.Field{Name: "d", Type: catalog.Date})
	names := catalog.MapOf(catalog.String, catalog.Double)
	for _, c := range []struct {
		v    any
		t    catalog.Type
		want any // nil: an error
	}{
		{7, catalog.Int, int64(7)}, {uint(7), catalog.BigInt, int64(7)}, {uint64(1 << 63), catalog.BigInt, nil}, {int64(1) << 31, catalog.Int, nil}, {-129, catalog.TinyInt, nil}, {int8(-128), catalog.TinyInt, int64(-128)},
		{float32(1.5), catalog.Double, 1.5}, {1, catalog.Double, nil}, {1.0, catalog.Int, nil}, {"x", catalog.Int, nil}, {"x", catalog.String, "x"}, {"\xff", catalog.String, nil}, {[]byte{255}, catalog.Bytes, []byte{255}}, {"x", catalog.Bytes, nil},
		{true, catalog.Boolean, true}, {1, catalog.Boolean, nil}, {"x", catalog.Decimal(3, 2), nil},
		{time.Date(1969, 12, 31, 23, 0, 0, 0, time.UTC), catalog.Date, int64(-1)}, {time.Minute, catalog.Int, nil}, {time.Minute, catalog.Type{Kind: catalog.KindIntervalDay}, int64(60e6)}, {time.Unix(1, 0), catalog.BigInt, nil}, {time.Unix(1, 0), catalog.TimestampLTZ3, int64(1e6)}, {struct{}{}, catalog.String, nil},
		{[]any{1, nil, int8(3)}, numbers, []any{int64(1), nil, int64(3)}}, {[]any{1, "x"}, numbers, nil}, {[]any{1, 300}, numbers, nil}, {[]any{1}, catalog.Int, nil}, {"x", numbers, nil},
		{[]any{1, time.Unix(0, 0).UTC()}, pair, []any{int64(1), int64(0)}}, {[]any{1}, pair, nil}, {[]any{"k", float32(2)}, names, []any{"k", 2.0}}, {[]any{"k"}, names, nil}, {[]any{nil, 1.0}, names, nil},
	} {
		got, err := LiteralValue(c.v, c.t)
		if c.want == nil {
			if err == nil {
				t.Errorf("%v as %s gives %v", c.v, c.t, got)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v as %s gives %v, %v, want %v", c.v, c.t, got, err, c.want)
		}
	}
}

// Rows on which a Go function panics or gives what is none of its type are in error;
// the others have their own results.
func TestScalarFuncErrorsAreOfTheirRow(t *testing.T) {
	f, err := ScalarFunc{
		Name: "odd", Params: []catalog.Type{catalog.Int}, Result: catalog.ArrayOf(catalog.TinyInt),
		Call: func(args []any) (any, error) {
			switch n := args[0].(int64); n {
			case 0:
				return []any{1, "x"}, nil
			case 1:
				return []any{1, 1000}, nil
			case 2:
				panic("no")
			default:
				return []any{n, nil}, nil
			}
		},
	}.Function()
	if err != nil {
		t.Fatal(err)
	}
	user, err := catalog.NewFunctionSet(f)
	if err != nil {
		t.Fatal(err)
	}
	fns := catalog.LayeredFunctions{user, Functions()}
	for sql, want := range map[string]string{"odd(0)": "error FUNCTION_ERROR", "odd(1)": "error FUNCTION_ERROR", "odd(2)": "error FUNCTION_ERROR", "odd(3)": "[3,null]", "TRY(odd(2))": "NULL"} {
		checkSQL(t, fns, sql, want)
	}
	if _, err := (exprtest.Scope{Functions: fns}).Parse("odd('x', 1)"); err == nil {
		t.Error("a second argument was accepted")
	}
}

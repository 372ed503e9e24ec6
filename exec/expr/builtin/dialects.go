package builtin

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// nullDialects are what other dialects call the tests and replacements of NULL.
func nullDialects() []*catalog.Function {
	isNull, isNotNull, equalNull := nullTest("ISNULL", true), nullTest("ISNOTNULL", false), distinctness(false)
	isNull.Signatures, isNull.Category, isNull.Examples = []string{"ISNULL(x) -> BOOLEAN"}, conditional, shows("ISNULL(NULL)", "true", "ISNULL('')", "false")
	isNotNull.Signatures, isNotNull.Category, isNotNull.Examples = []string{"ISNOTNULL(x) -> BOOLEAN"}, conditional, shows("ISNOTNULL(NULL)", "false", "ISNOTNULL('')", "true")
	equalNull.Name, equalNull.Signatures, equalNull.Category = "EQUAL_NULL", []string{"EQUAL_NULL(a, b) -> BOOLEAN"}, conditional
	equalNull.Examples = shows("EQUAL_NULL(NULL, NULL)", "true", "EQUAL_NULL(1, NULL)", "false", "EQUAL_NULL(1, 1.0)", "true")
	return []*catalog.Function{
		isNull, isNotNull, equalNull,
		{
			Name: "ZEROIFNULL", Category: conditional, Signatures: []string{"ZEROIFNULL(x) -> type of x"},
			Doc: "0 if x is NULL, else x, which is a number.", Examples: shows("ZEROIFNULL(CAST(NULL AS INT))", "0", "ZEROIFNULL(2.5)", "2.5"),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				t, err := oneNumber("ZEROIFNULL", args)
				if err != nil {
					return nil, err
				}
				return macro([]catalog.Type{t}, t, func(args []catalog.Expr) catalog.Expr {
					return &catalog.Coalesce{Args: []catalog.Expr{args[0], zeroOf(t)}, T: t}
				}), nil
			},
		},
		{
			Name: "NULLIFZERO", Category: conditional, Signatures: []string{"NULLIFZERO(x) -> type of x"},
			Doc: "NULL if x is 0, else x, which is a number.", Examples: shows("NULLIFZERO(0)", "NULL", "NULLIFZERO(2.5)", "2.5"),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				t, err := oneNumber("NULLIFZERO", args)
				if err != nil {
					return nil, err
				}
				eq := comparisons()[equal]
				return macro([]catalog.Type{t}, t, func(args []catalog.Expr) catalog.Expr {
					same := &catalog.Call{Fn: eq, Args: []catalog.Expr{args[0], zeroOf(t)}, Overload: &catalog.Overload{
						Params: []catalog.Type{t, t}, Result: catalog.Boolean, Strict: true, Kernel: comparisonKernel(equal, t, t),
					}}
					return &catalog.Case{Whens: []catalog.When{{Cond: same, Then: &catalog.Literal{T: t}}}, Else: args[0], T: t}
				}), nil
			},
		},
	}
}

// oneNumber gives the type of the only argument, a number; NULL is an INT.
func oneNumber(name string, args []catalog.Arg) (catalog.Type, error) {
	if err := argCount(name, args, 1, 1); err != nil {
		return catalog.Type{}, err
	}
	switch t := args[0].Type; {
	case t.Kind == catalog.KindNull:
		return intType, nil
	case t.IsNumeric():
		return t, nil
	}
	return catalog.Type{}, noOverload(name, args)
}

// zeroOf is the number 0 as a constant of a type.
func zeroOf(t catalog.Type) catalog.Expr {
	return &catalog.Cast{Of: &catalog.Literal{Value: int64(0), T: intType}, T: t}
}

// mapFromEntries is MAP_FROM_ENTRIES, the inverse of MAP_ENTRIES.
func mapFromEntries() *catalog.Function {
	const name = "MAP_FROM_ENTRIES"
	return &catalog.Function{
		Name: name, Category: nestedData, Signatures: []string{"MAP_FROM_ENTRIES(entries ARRAY<ROW<k K, v V>>) -> MAP<K, V>"},
		Doc:      "The map of an array of rows of a key and a value; of equal keys the last one counts. NULL if the array is NULL. A row or a key that is NULL (" + codeNullKey + ") is an error of the row.",
		Examples: shows("MAP_FROM_ENTRIES(ARRAY[ROW('a', 1), ROW('b', 2)])", `{"a":1,"b":2}`, "MAP_FROM_ENTRIES(MAP_ENTRIES(MAP['k', 1]))", `{"k":1}`),
		Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
			if len(args) != 1 || args[0].Type.Kind != catalog.KindArray || args[0].Type.Elem.Kind != catalog.KindRow ||
				len(args[0].Type.Elem.Fields) != 2 || args[0].Type.Elem.Fields[0].Type.IsNested() || args[0].Type.Elem.Fields[0].Type.Kind == catalog.KindNull {
				return nil, noOverload(name, args)
			}
			entry := args[0].Type.Elem.Fields
			t := catalog.MapOf(entry[0].Type, entry[1].Type)
			return &catalog.Overload{Params: argTypes(args), Result: t, Strict: true, CanFail: true, Kernel: kernel.Func(
				func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
					offs, rows := column.Offsets(args[0]), column.Elements(args[0]).(*array.Struct)
					keys, values := rows.Field(0), rows.Field(1)
					there, known := column.Validity(rows), column.Validity(keys)
					return mapRows(c, t, args, n, sel, keys, values, func(i int, k, v []int32) ([]int32, []int32, bool) {
						for e := offs[i]; e < offs[i+1]; e++ {
							if !there.Get(int(e)) || !known.Get(int(e)) {
								c.Fail(i, codeNullKey, "a key of a map is NULL")
								return k, v, false
							}
							k, v = append(k, e), append(v, e)
						}
						return k, v, true
					}), nil
				})}, nil
		},
	}
}

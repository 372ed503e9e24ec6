package builtin

import (
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// conditionals are functions that stand for CASE and COALESCE: their operands
// are evaluated only where they are needed.
func conditionals() []*catalog.Function {
	return []*catalog.Function{
		{
			Name: "COALESCE", Aliases: []string{"IFNULL", "NVL"}, Category: conditional,
			Signatures: []string{"COALESCE(a, b, ...) -> common type", "IFNULL(a, b) -> common type"},
			Doc:        "The first operand that is not NULL; later ones are not evaluated. NULL if all are.",
			Examples:   []catalog.Example{{SQL: "IFNULL(NULL, 5)", Result: "5"}, {SQL: "COALESCE(NULL, 1, 2.5)", Result: "1.0"}},
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount("COALESCE", args, 1, -1); err != nil {
					return nil, err
				}
				t, ok := catalog.CommonTypeOf(argTypes(args)...)
				if !ok {
					return nil, noOverload("COALESCE", args)
				}
				return macro(same(t, len(args)), t, func(args []catalog.Expr) catalog.Expr {
					return &catalog.Coalesce{Args: args, T: t}
				}), nil
			},
		},
		{
			Name: "IF", Aliases: []string{"IIF", "IFF"}, Category: conditional,
			Signatures: []string{"IF(condition BOOLEAN, a, b) -> common type"},
			Doc:        "a if the condition is TRUE, else b (also if it is NULL). Only the one that is needed is evaluated.",
			Examples:   []catalog.Example{{SQL: "IF(1 > 2, 'a', 'b')", Result: "b"}, {SQL: "IF(TRUE, 1, CAST('x' AS INT))", Result: "1"}},
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount("IF", args, 3, 3); err != nil {
					return nil, err
				}
				t, ok := catalog.CommonType(args[1].Type, args[2].Type)
				if !ok || !catalog.CanCast(args[0].Type, catalog.Boolean, true) {
					return nil, noOverload("IF", args)
				}
				return macro([]catalog.Type{catalog.Boolean, t, t}, t, func(args []catalog.Expr) catalog.Expr {
					return &catalog.Case{Whens: []catalog.When{{Cond: args[0], Then: args[1]}}, Else: args[2], T: t}
				}), nil
			},
		},
		{
			Name: "NULLIF", Category: conditional,
			Signatures: []string{"NULLIF(a, b) -> type of a"},
			Doc:        "NULL if a = b, else a.",
			Examples:   []catalog.Example{{SQL: "NULLIF(5, 5)", Result: "NULL"}, {SQL: "NULLIF(5, 6)", Result: "5"}, {SQL: "NULLIF(5, NULL)", Result: "5"}},
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount("NULLIF", args, 2, 2); err != nil {
					return nil, err
				}
				t := args[0].Type
				x, y, err := comparisonTypes("NULLIF", t, args[1].Type)
				if err != nil {
					return nil, err
				}
				if t.Kind == catalog.KindNull {
					t = x
				}
				eq := comparisons()[equal]
				return macro([]catalog.Type{t, y}, t, func(args []catalog.Expr) catalog.Expr {
					a := args[0]
					if !a.Type().Equal(x) {
						a = &catalog.Cast{Of: a, T: x}
					}
					same := &catalog.Call{Fn: eq, Args: []catalog.Expr{a, args[1]}, Overload: &catalog.Overload{
						Params: []catalog.Type{x, y}, Result: catalog.Boolean, Strict: true, Kernel: comparisonKernel(equal, x, y),
					}}
					return &catalog.Case{Whens: []catalog.When{{Cond: same, Then: &catalog.Literal{T: t}}}, Else: args[0], T: t}
				}), nil
			},
		},
	}
}

// choices are further functions that stand for CASE.
func choices() []*catalog.Function {
	return []*catalog.Function{
		{
			Name: "NVL2", Category: conditional, Signatures: []string{"NVL2(x, a, b) -> common type of a and b"},
			Doc: "a if x is not NULL, else b. Only the one that is needed is evaluated.", Examples: shows("NVL2(1, 'a', 'b')", "a", "NVL2(NULL, 'a', 'b')", "b"),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount("NVL2", args, 3, 3); err != nil {
					return nil, err
				}
				t, ok := catalog.CommonType(args[1].Type, args[2].Type)
				if !ok {
					return nil, noOverload("NVL2", args)
				}
				there := nullTest("IS NOT NULL", false)
				test, err := there.Resolve(args[:1])
				if err != nil {
					return nil, err
				}
				return macro([]catalog.Type{args[0].Type, t, t}, t, func(args []catalog.Expr) catalog.Expr {
					cond := &catalog.Call{Fn: there, Overload: test, Args: args[:1]}
					return &catalog.Case{Whens: []catalog.When{{Cond: cond, Then: args[1]}}, Else: args[2], T: t}
				}), nil
			},
		},
		{
			Name: "TRY", Category: conditional, Signatures: []string{"TRY(x) -> type of x"},
			Doc: "x, or NULL where x is an error of the row.", Examples: shows("TRY(CAST('x' AS INT))", "NULL", "TRY(1 + 1)", "2", "COALESCE(TRY(2147483647 + 1), -1)", "-1"),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount("TRY", args, 1, 1); err != nil {
					return nil, err
				}
				return &catalog.Overload{Params: argTypes(args), Result: args[0].Type, Kernel: kernel.Try{}}, nil
			},
		},
		{
			Name: "TYPEOF", Category: conditional, Signatures: []string{"TYPEOF(x [, serializable BOOLEAN]) -> STRING"},
			Doc: "The name of the type of x, which is not evaluated; it is one that CAST takes, whatever the second argument says. Never NULL.", Examples: shows("TYPEOF(1 + 1)", "INT", "TYPEOF(ARRAY[1.5])", "ARRAY<DECIMAL(2, 1)>"),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount("TYPEOF", args, 1, 2); err != nil {
					return nil, err
				}
				if len(args) == 2 && args[1].Type.Kind != catalog.KindBoolean {
					return nil, noOverload("TYPEOF", args)
				}
				name := args[0].Type.String()
				o := macro(argTypes(args), str, func([]catalog.Expr) catalog.Expr { return &catalog.Literal{Value: name, T: str} })
				o.NeverNull = true
				return o, nil
			},
		},
	}
}

func macro(params []catalog.Type, result catalog.Type, m kernel.Macro) *catalog.Overload {
	return &catalog.Overload{Params: params, Result: result, Kernel: m}
}

func same(t catalog.Type, n int) []catalog.Type {
	out := make([]catalog.Type, n)
	for i := range out {
		out[i] = t
	}
	return out
}

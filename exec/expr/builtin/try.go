package builtin

import (
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// tryFunctions are arithmetic that gives NULL where the operator is an error.
func tryFunctions() []*catalog.Function {
	operators := byName(arithmetic())
	var fns []*catalog.Function
	for _, f := range []struct {
		name, operator, verb string
		examples             []catalog.Example
	}{
		{"TRY_ADD", "+", "a + b", shows("TRY_ADD(1, 2)", "3", "TRY_ADD(2147483647, 1)", "NULL", "TRY_ADD(DATE '2024-01-31', INTERVAL '1' MONTH)", "2024-02-29")},
		{"TRY_SUBTRACT", "-", "a - b", shows("TRY_SUBTRACT(1, 2)", "-1", "TRY_SUBTRACT(-2147483647, 2)", "NULL")},
		{"TRY_MULTIPLY", "*", "a * b", shows("TRY_MULTIPLY(6, 7)", "42", "TRY_MULTIPLY(2147483647, 2)", "NULL")},
		{"TRY_DIVIDE", "/", "a / b", shows("TRY_DIVIDE(1, 2)", "0.5", "TRY_DIVIDE(1, 0)", "NULL")},
		{"TRY_MOD", "%", "a % b", shows("TRY_MOD(7, 3)", "1", "TRY_MOD(7, 0)", "NULL")},
	} {
		operator := operators[f.operator]
		fns = append(fns, &catalog.Function{
			Name: f.name, Category: arithmetics, Signatures: []string{f.name + "(a, b) -> type of " + f.verb},
			Doc:      f.verb + ", or NULL where that is an error of the row. NULL if an argument is NULL.",
			Examples: f.examples,
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount(f.name, args, 2, 2); err != nil {
					return nil, err
				}
				inner, err := operator.Resolve(args)
				if err != nil {
					return nil, noOverload(f.name, args)
				}
				t := inner.Result
				return macro(inner.Params, t, func(args []catalog.Expr) catalog.Expr {
					call := &catalog.Call{Fn: operator, Overload: inner, Args: args}
					return &catalog.Call{Fn: &catalog.Function{Name: "TRY"}, Args: []catalog.Expr{call},
						Overload: &catalog.Overload{Params: []catalog.Type{t}, Result: t, Kernel: kernel.Try{}}}
				}), nil
			},
		})
	}
	return fns
}

func byName(fns []*catalog.Function) map[string]*catalog.Function {
	out := map[string]*catalog.Function{}
	for _, f := range fns {
		out[f.Name] = f
	}
	return out
}

package builtin

import (
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// names are those of one function: the first is its own, the others stand for it.
type names []string

// called makes the list of names.
func called(list ...string) names { return list }

// shows makes examples of expressions and results in turn.
func shows(pairs ...string) []catalog.Example {
	out := make([]catalog.Example, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, catalog.Example{SQL: pairs[i], Result: pairs[i+1]})
	}
	return out
}

// scalar describes an immutable function with overloads of fixed types. params
// is what stands behind the name in the reference: "(x DOUBLE) -> DOUBLE".
func scalar(category string, n names, params, doc string, examples []catalog.Example, list ...signature) *catalog.Function {
	return &catalog.Function{
		Name: n[0], Aliases: n[1:], Category: category, Signatures: []string{n[0] + params}, Doc: doc, Examples: examples,
		Resolve: choose(n[0], list...),
	}
}

// overload is a signature without further arguments.
func overload(result catalog.Type, k catalog.Kernel, params ...catalog.Type) signature {
	return signature{params: params, result: result, kernel: k}
}

// failing is an overload whose rows can be in error.
func failing(result catalog.Type, k catalog.Kernel, params ...catalog.Type) signature {
	return signature{params: params, result: result, kernel: k, canFail: true}
}

// row makes a kernel of fixed-width values from a function that opens a batch.
func row[R any](t catalog.Type, open func(c *catalog.EvalContext, a arguments) func(i int) (R, bool)) catalog.Kernel {
	return fixedKernel(t, stateless(open))
}

// rowText is row for texts and bytes.
func rowText(t catalog.Type, open func(c *catalog.EvalContext, a arguments) func(i int) ([]byte, bool)) catalog.Kernel {
	return textKernel(t, stateless(open))
}

// rowBool is row for BOOLEAN.
func rowBool(open func(c *catalog.EvalContext, a arguments) func(i int) (bool, bool)) catalog.Kernel {
	return boolKernel(stateless(open))
}

// withAliases adds names to a function.
func withAliases(f *catalog.Function, list ...string) *catalog.Function {
	f.Aliases = append(f.Aliases, list...)
	return f
}

// unbound is a kernel that gets constants as columns too.
func unbound(k catalog.Kernel) catalog.Kernel { return kernel.Func(k.Eval) }

package builtin

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// bitFunctions work on integers bit by bit; the result has the wider type.
func bitFunctions() []*catalog.Function {
	var fns []*catalog.Function
	for _, f := range []struct {
		n                names
		doc, sql, result string
		of               func(kind catalog.Kind) catalog.Kernel
	}{
		{called("BITAND", "BITWISE_AND"), "The bits that are 1 in both a and b.", "BITAND(12, 10)", "8", bitKernel(func(a, b int64) int64 { return a & b })},
		{called("BITOR", "BITWISE_OR"), "The bits that are 1 in a or b.", "BITOR(12, 10)", "14", bitKernel(func(a, b int64) int64 { return a | b })},
		{called("BITXOR", "BITWISE_XOR", "XOR"), "The bits in which a and b differ.", "BITXOR(12, 10)", "6", bitKernel(func(a, b int64) int64 { return a ^ b })},
	} {
		fns = append(fns, &catalog.Function{
			Name: f.n[0], Aliases: f.n[1:], Category: arithmetics, Signatures: []string{f.n[0] + "(a, b) -> the wider type"},
			Doc: f.doc + " a and b are integers. NULL if an argument is NULL.", Examples: shows(f.sql, f.result),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				t, ok := catalog.CommonTypeOf(argTypes(args)...)
				if ok && t.Kind == catalog.KindNull {
					t = catalog.Int
				}
				if len(args) != 2 || !ok || !t.IsInteger() {
					return nil, noOverload(f.n[0], args)
				}
				return &catalog.Overload{Params: same(t, 2), Result: t, Strict: true, Kernel: f.of(t.Kind)}, nil
			},
		})
	}
	big := catalog.BigInt
	shift := func(name, doc, sql, result string, f func(x int64, n uint) int64) *catalog.Function {
		return scalar(arithmetics, called(name), "(x BIGINT, n INT) -> BIGINT", doc+" n is taken modulo 64. NULL if an argument is NULL.", shows(sql, result),
			overload(big, row(big, func(_ *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
				x, n := a.integer(0), a.integer(1)
				return func(i int) (int64, bool) { return f(x(i), uint(n(i)&63)), true }
			}), big, intType))
	}
	return append(fns,
		&catalog.Function{
			Name: "BITNOT", Aliases: []string{"BITWISE_NOT"}, Category: arithmetics, Signatures: []string{"BITNOT(x) -> type of x"},
			Doc: "x, an integer, with every bit turned: -x - 1. NULL if x is NULL.", Examples: shows("BITNOT(5)", "-6"),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if len(args) != 1 || !args[0].Type.IsInteger() {
					return nil, noOverload("BITNOT", args)
				}
				t := args[0].Type
				k := map[catalog.Kind]catalog.Kernel{
					catalog.KindTinyInt: mapInteger(t, func(x int8) int8 { return ^x }), catalog.KindSmallInt: mapInteger(t, func(x int16) int16 { return ^x }),
					catalog.KindInt: mapInteger(t, func(x int32) int32 { return ^x }), catalog.KindBigInt: mapInteger(t, func(x int64) int64 { return ^x }),
				}[t.Kind]
				return &catalog.Overload{Params: []catalog.Type{t}, Result: t, Strict: true, Kernel: k}, nil
			},
		},
		shift("SHIFTLEFT", "x with its bits moved left by n; bits that leave at the top are lost.", "SHIFTLEFT(3, 4)", "48", func(x int64, n uint) int64 { return x << n }),
		shift("SHIFTRIGHT", "x with its bits moved right by n, its sign kept.", "SHIFTRIGHT(-16, 2)", "-4", func(x int64, n uint) int64 { return x >> n }),
		shift("SHIFTRIGHTUNSIGNED", "x with its bits moved right by n, zeros following.", "SHIFTRIGHTUNSIGNED(-1, 60)", "15", func(x int64, n uint) int64 { return int64(uint64(x) >> n) }))
}

// bitKernel gives the kernel of an operation on bits for a kind of integer.
func bitKernel(f func(a, b int64) int64) func(kind catalog.Kind) catalog.Kernel {
	return func(kind catalog.Kind) catalog.Kernel {
		switch kind {
		case catalog.KindTinyInt:
			return bitLoop[int8](arrow.PrimitiveTypes.Int8, f)
		case catalog.KindSmallInt:
			return bitLoop[int16](arrow.PrimitiveTypes.Int16, f)
		case catalog.KindInt:
			return bitLoop[int32](arrow.PrimitiveTypes.Int32, f)
		default:
			return bitLoop[int64](arrow.PrimitiveTypes.Int64, f)
		}
	}
}

func bitLoop[T signed](t arrow.DataType, f func(a, b int64) int64) catalog.Kernel {
	return &kernel.Binary[T, T, T]{
		Out: t,
		VV: func(dst, a, b []T) bool {
			for i, x := range a[:len(dst)] {
				dst[i] = T(f(int64(x), int64(b[i])))
			}
			return false
		},
		VC: func(dst, a []T, b T) bool {
			for i, x := range a[:len(dst)] {
				dst[i] = T(f(int64(x), int64(b)))
			}
			return false
		},
	}
}

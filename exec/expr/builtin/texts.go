package builtin

import (
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/streamsql/streamsql/catalog"
)

// textFunctions are those of strings beside stringFunctions.
func textFunctions() []*catalog.Function {
	bitLength := fixedKernel(intType, stateless(func(_ *catalog.EvalContext, a arguments) func(i int) (int32, bool) {
		s := a.text(0)
		return func(i int) (int32, bool) { return int32(8 * len(s(i))), true }
	}))
	return slices.Concat(partFunctions(), characterTests(), soundFunctions(), []*catalog.Function{
		scalar(texts, called("BIT_LENGTH"), "(s STRING | BYTES) -> INT", "The number of bits of s, in UTF-8. NULL if s is NULL.", shows("BIT_LENGTH('é')", "16"),
			overload(intType, bitLength, str), overload(intType, bitLength, catalog.Bytes)),
		scalar(texts, called("UNICODE", "ORD"), "(s STRING) -> INT", "The Unicode code of the first character of s; 0 if s is empty. NULL if s is NULL.", shows("UNICODE('é')", "233"),
			overload(intType, row(intType, func(_ *catalog.EvalContext, a arguments) func(i int) (int32, bool) {
				s := a.text(0)
				return func(i int) (int32, bool) {
					if len(s(i)) == 0 {
						return 0, true
					}
					r, _ := utf8.DecodeRune(s(i))
					return r, true
				}
			}), str)),
		scalar(texts, called("SPACE"), "(n INT) -> STRING", fmt.Sprintf("n blanks; empty if n is not positive. NULL if n is NULL. More than %d MiB is an error of the row (%s).", maxText>>20, codeTooLarge),
			shows("'<' || SPACE(2) || '>'", "<  >"), failing(str, rowText(str, func(c *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
				n := a.integer(0)
				var blanks []byte
				return func(i int) ([]byte, bool) {
					k := max(n(i), 0)
					if k > maxText {
						return nil, tooLarge(c, i, k)
					}
					for int64(len(blanks)) < k {
						blanks = append(blanks, ' ')
					}
					return blanks[:k], true
				}
			}), intType)),
		{
			Name: "ELT", Category: texts, Signatures: []string{"ELT(n INT, a, b, ...) -> common type"},
			Doc: "The nth of the values behind n, from 1. NULL if there is none, n is NULL or the value is; only the value that is taken is evaluated.", Examples: shows("ELT(2, 'a', 'b')", "b", "ELT(3, 'a', 'b')", "NULL"),
			Resolve: resolveElt,
		},
	})
}

// resolveElt makes a CASE of ELT.
func resolveElt(args []catalog.Arg) (*catalog.Overload, error) {
	if err := argCount("ELT", args, 2, math.MaxInt); err != nil {
		return nil, err
	}
	t, ok := catalog.CommonTypeOf(argTypes(args[1:])...)
	if !ok || !catalog.CanCast(args[0].Type, intType, true) {
		return nil, noOverload("ELT", args)
	}
	params := append([]catalog.Type{intType}, same(t, len(args)-1)...)
	eq := comparisons()[equal]
	return macro(params, t, func(args []catalog.Expr) catalog.Expr {
		out := &catalog.Case{T: t}
		for k, v := range args[1:] {
			n := &catalog.Literal{Value: int64(k + 1), T: intType}
			out.Whens = append(out.Whens, catalog.When{Then: v, Cond: &catalog.Call{Fn: eq, Args: []catalog.Expr{args[0], n}, Overload: &catalog.Overload{
				Params: same(intType, 2), Result: catalog.Boolean, Strict: true, Kernel: comparisonKernel(equal, intType, intType),
			}}})
		}
		return out
	}), nil
}

package builtin

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/decimal"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

func decimalOverflow(x decimal.Num, a catalog.Type, sign string, y decimal.Num, b, result catalog.Type) kernel.Outcome {
	return kernel.Outcome{Code: codeOverflow, Message: fmt.Sprintf("%s %s %s is beyond %s",
		decimal.Append(nil, x, a.Scale), sign, decimal.Append(nil, y, b.Scale), result)}
}

// decimalBinary is an operation on decimals that fails by overflow.
func decimalBinary(a, b, result catalog.Type, sign string, f func(x, y decimal.Num) (decimal.Num, bool)) catalog.Kernel {
	return &kernel.Binary[decimal.Num, decimal.Num, decimal.Num]{
		Out: result.Arrow(),
		VV: func(dst, x, y []decimal.Num) (suspect bool) {
			for i := range dst {
				r, ok := f(x[i], y[i])
				dst[i] = r
				suspect = suspect || !ok
			}
			return suspect
		},
		VC: func(dst, x []decimal.Num, y decimal.Num) (suspect bool) {
			for i := range dst {
				r, ok := f(x[i], y)
				dst[i] = r
				suspect = suspect || !ok
			}
			return suspect
		},
		CV: func(dst []decimal.Num, x decimal.Num, y []decimal.Num) (suspect bool) {
			for i := range dst {
				r, ok := f(x, y[i])
				dst[i] = r
				suspect = suspect || !ok
			}
			return suspect
		},
		Check: func(x, y decimal.Num) kernel.Outcome {
			if _, ok := f(x, y); !ok {
				return decimalOverflow(x, a, sign, y, b, result)
			}
			return kernel.Outcome{}
		},
	}
}

// decimalSum is + or - of decimals of one scale whose result always fits.
func decimalSum(result catalog.Type, minus bool) catalog.Kernel {
	if minus {
		return &kernel.Binary[decimal.Num, decimal.Num, decimal.Num]{
			Out: result.Arrow(),
			VV: func(dst, a, b []decimal.Num) bool {
				for i, x := range a[:len(dst)] {
					dst[i] = x.Sub(b[i])
				}
				return false
			},
			VC: func(dst, a []decimal.Num, b decimal.Num) bool {
				for i, x := range a[:len(dst)] {
					dst[i] = x.Sub(b)
				}
				return false
			},
		}
	}
	vc := func(dst, a []decimal.Num, b decimal.Num) bool {
		for i, x := range a[:len(dst)] {
			dst[i] = x.Add(b)
		}
		return false
	}
	return &kernel.Binary[decimal.Num, decimal.Num, decimal.Num]{
		Out: result.Arrow(),
		VV: func(dst, a, b []decimal.Num) bool {
			for i, x := range a[:len(dst)] {
				dst[i] = x.Add(b[i])
			}
			return false
		},
		VC: vc,
		CV: func(dst []decimal.Num, a decimal.Num, b []decimal.Num) bool { return vc(dst, b, a) },
	}
}

// decimalQuotient is an operation that is NULL by zero.
func decimalQuotient(a, b, result catalog.Type, sign string, f func(x, y decimal.Num) (decimal.Num, bool)) catalog.Kernel {
	zero := decimal.Num{}
	k := decimalBinary(a, b, result, sign, func(x, y decimal.Num) (decimal.Num, bool) {
		if y == zero {
			return zero, false
		}
		return f(x, y)
	}).(*kernel.Binary[decimal.Num, decimal.Num, decimal.Num])
	check := k.Check
	k.Check = func(x, y decimal.Num) kernel.Outcome {
		if y == zero {
			return kernel.Outcome{Null: true}
		}
		return check(x, y)
	}
	return k
}

// decimalDiv is DIV of decimals: BIGINT.
func decimalDiv(a, b catalog.Type) catalog.Kernel {
	f := func(x, y decimal.Num) (int64, bool) {
		if y == (decimal.Num{}) {
			return 0, false
		}
		q, ok := decimal.Quotient(x, a.Scale, y, b.Scale)
		if !ok {
			return 0, false
		}
		return decimal.Int64(q)
	}
	return &kernel.Binary[decimal.Num, decimal.Num, int64]{
		Out: arrow.PrimitiveTypes.Int64,
		VV: func(dst []int64, x, y []decimal.Num) (suspect bool) {
			for i := range dst {
				r, ok := f(x[i], y[i])
				dst[i] = r
				suspect = suspect || !ok
			}
			return suspect
		},
		Check: func(x, y decimal.Num) kernel.Outcome {
			if y == (decimal.Num{}) {
				return kernel.Outcome{Null: true}
			}
			if _, ok := f(x, y); !ok {
				return decimalOverflow(x, a, "DIV", y, b, catalog.BigInt)
			}
			return kernel.Outcome{}
		},
	}
}

// mapDecimal is a function of one decimal that can't fail.
func mapDecimal(t catalog.Type, f func(x decimal.Num) decimal.Num) catalog.Kernel {
	return &kernel.Unary[decimal.Num, decimal.Num]{Out: t.Arrow(), Loop: func(dst, a []decimal.Num) bool {
		for i, x := range a[:len(dst)] {
			dst[i] = f(x)
		}
		return false
	}}
}

// scaledInteger multiplies integer argument arg by the unscaled value of a
// constant decimal.
func scaledInteger(t, result catalog.Type, arg int, c int64) catalog.Kernel {
	switch t.Kind {
	case catalog.KindTinyInt:
		return scaledBy[int8](result, arg, c)
	case catalog.KindSmallInt:
		return scaledBy[int16](result, arg, c)
	case catalog.KindInt:
		return scaledBy[int32](result, arg, c)
	default:
		return scaledBy[int64](result, arg, c)
	}
}

func scaledBy[T signed](result catalog.Type, arg int, c int64) catalog.Kernel {
	k := &kernel.Unary[T, decimal.Num]{Out: result.Arrow(), Loop: func(dst []decimal.Num, a []T) bool {
		if c >= 0 && c < 1<<31 {
			// |x * c| < 2^63 for |x| < 2^32: tell from the values.
			var wide uint64
			for i, x := range a[:len(dst)] {
				v := int64(x)
				wide |= uint64(v ^ v>>63)
				p := v * c
				dst[i] = decimal128.New(p>>63, uint64(p))
			}
			if wide < 1<<32 {
				return false
			}
		}
		for i, x := range a[:len(dst)] {
			dst[i] = decimal.MulInt64(int64(x), c)
		}
		return false
	}}
	bound := kernel.Func(func(ctx *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
		return k.Eval(ctx, args[arg:arg+1], n, sel)
	})
	return kernel.Bindable{Kernel: bound, Bind: func(lits []*catalog.Literal) catalog.Kernel {
		if lits[arg] != nil {
			return nil
		}
		return bound
	}}
}

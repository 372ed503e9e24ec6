package cast

import (
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/decimal"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

type integer interface{ int8 | int16 | int32 | int64 }

type floating interface{ float32 | float64 }

// number converts from a number or BOOLEAN to a number or BOOLEAN.
func number(from, to catalog.Type) catalog.Kernel {
	switch from.Kind {
	case catalog.KindBoolean:
		return fromBool(to)
	case catalog.KindTinyInt:
		return fromInt[int8](to)
	case catalog.KindSmallInt:
		return fromInt[int16](to)
	case catalog.KindInt:
		return fromInt[int32](to)
	case catalog.KindBigInt:
		return fromInt[int64](to)
	case catalog.KindFloat:
		return fromFloat[float32](to, 32)
	case catalog.KindDouble:
		return fromFloat[float64](to, 64)
	default:
		return fromDecimal(from, to)
	}
}

// fromBool makes 1 of TRUE and 0 of FALSE.
func fromBool(to catalog.Type) catalog.Kernel {
	whole, err := New(catalog.TinyInt, to, false)
	if err != nil {
		panic(err) // TINYINT goes to every number
	}
	return kernel.Func(func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
		valid, nulls := kernel.Validity(c.Alloc, n, args[0])
		buf := column.NewBuffer(c.Alloc, n)
		dst, in := buf.Bytes(), column.Booleans(args[0])
		for i := range n {
			dst[i] = 0
			if in.Get(i) {
				dst[i] = 1
			}
		}
		small := column.Make(arrow.PrimitiveTypes.Int8, n, nulls, []*memory.Buffer{valid, buf})
		if whole == nil {
			return small, nil
		}
		defer small.Release()
		return whole.Eval(c, []arrow.Array{small}, n, sel)
	})
}

// toBool makes FALSE of 0 and TRUE of all else.
func toBool[A comparable]() catalog.Kernel {
	return kernel.Rows{Open: func(args []arrow.Array) func(i int) bool {
		a := column.Fixed[A](args[0])
		var zero A
		return func(i int) bool { return a[i] != zero }
	}}
}

func fromInt[A integer](to catalog.Type) catalog.Kernel {
	switch to.Kind {
	case catalog.KindBoolean:
		return toBool[A]()
	case catalog.KindTinyInt:
		return intToInt[A, int8](to)
	case catalog.KindSmallInt:
		return intToInt[A, int16](to)
	case catalog.KindInt:
		return intToInt[A, int32](to)
	case catalog.KindBigInt:
		return intToInt[A, int64](to)
	case catalog.KindFloat:
		return intToFloat[A, float32](to)
	case catalog.KindDouble:
		return intToFloat[A, float64](to)
	default:
		return intToDecimal[A](to)
	}
}

func intToInt[A, R integer](to catalog.Type) catalog.Kernel {
	return &kernel.Unary[A, R]{
		Out: to.Arrow(),
		Loop: func(dst []R, a []A) bool {
			var lost int64
			for i, x := range a[:len(dst)] {
				r := R(x)
				dst[i] = r
				lost |= int64(x) ^ int64(r)
			}
			return lost != 0
		},
		Check: func(x A) kernel.Outcome {
			if int64(R(x)) != int64(x) {
				return beyond(x, to)
			}
			return kernel.Outcome{}
		},
	}
}

func beyond(x any, to catalog.Type) kernel.Outcome {
	return kernel.Outcome{Code: Overflow, Message: fmt.Sprintf("%v is beyond %s", x, to)}
}

func intToFloat[A integer, R floating](to catalog.Type) catalog.Kernel {
	return &kernel.Unary[A, R]{Out: to.Arrow(), Loop: func(dst []R, a []A) bool {
		for i, x := range a[:len(dst)] {
			dst[i] = R(x)
		}
		return false
	}}
}

func intToDecimal[A integer](to catalog.Type) catalog.Kernel {
	k := &kernel.Unary[A, decimal.Num]{Out: to.Arrow()}
	var widest A
	fits := to.Precision-to.Scale >= decimalDigits(widest)
	switch {
	case fits && to.Scale == 0:
		k.Loop = func(dst []decimal.Num, a []A) bool {
			for i, x := range a[:len(dst)] {
				v := int64(x)
				dst[i] = decimal128.New(v>>63, uint64(v))
			}
			return false
		}
	case fits && to.Scale <= 18:
		unit := int64(decimal.Pow10(to.Scale).LowBits())
		k.Loop = func(dst []decimal.Num, a []A) bool {
			for i, x := range a[:len(dst)] {
				dst[i] = decimal.MulInt64(int64(x), unit)
			}
			return false
		}
	default:
		k.Loop = func(dst []decimal.Num, a []A) (suspect bool) {
			for i, x := range a[:len(dst)] {
				v, ok := decimal.Rescale(decimal128.FromI64(int64(x)), 0, to.Scale, to.Precision)
				dst[i] = v
				suspect = suspect || !ok
			}
			return suspect
		}
		k.Check = func(x A) kernel.Outcome {
			if _, ok := decimal.Rescale(decimal128.FromI64(int64(x)), 0, to.Scale, to.Precision); !ok {
				return beyond(x, to)
			}
			return kernel.Outcome{}
		}
	}
	return k
}

func decimalDigits(v any) int {
	switch v.(type) {
	case int8:
		return 3
	case int16:
		return 5
	case int32:
		return 10
	default:
		return 19
	}
}

func fromFloat[A floating](to catalog.Type, size int) catalog.Kernel {
	switch to.Kind {
	case catalog.KindBoolean:
		return toBool[A]()
	case catalog.KindTinyInt:
		return floatToInt[A, int8](to, 7)
	case catalog.KindSmallInt:
		return floatToInt[A, int16](to, 15)
	case catalog.KindInt:
		return floatToInt[A, int32](to, 31)
	case catalog.KindBigInt:
		return floatToInt[A, int64](to, 63)
	case catalog.KindFloat:
		return floatToFloat[A, float32](to)
	case catalog.KindDouble:
		return floatToFloat[A, float64](to)
	}
	convert := func(x A) (decimal.Num, decimal.Problem) {
		return decimal.FromFloat(float64(x), size, to.Precision, to.Scale)
	}
	return &kernel.Unary[A, decimal.Num]{
		Out: to.Arrow(),
		Loop: func(dst []decimal.Num, a []A) (suspect bool) {
			for i, x := range a[:len(dst)] {
				v, problem := convert(x)
				dst[i] = v
				suspect = suspect || problem != decimal.None
			}
			return suspect
		},
		Check: func(x A) kernel.Outcome {
			if _, problem := convert(x); problem != decimal.None {
				return beyond(x, to)
			}
			return kernel.Outcome{}
		},
	}
}

func floatToInt[A floating, R integer](to catalog.Type, bits int) catalog.Kernel {
	limit := math.Ldexp(1, bits)
	inside := func(x A) bool {
		t := math.Trunc(float64(x))
		return t >= -limit && t < limit // false for NaN
	}
	return &kernel.Unary[A, R]{
		Out: to.Arrow(),
		Loop: func(dst []R, a []A) (suspect bool) {
			for i, x := range a[:len(dst)] {
				if !inside(x) {
					dst[i], suspect = 0, true
					continue
				}
				dst[i] = R(int64(x))
			}
			return suspect
		},
		Check: func(x A) kernel.Outcome {
			if !inside(x) {
				return beyond(x, to)
			}
			return kernel.Outcome{}
		},
	}
}

func floatToFloat[A, R floating](to catalog.Type) catalog.Kernel {
	lost := func(x A) bool { return math.IsInf(float64(R(x)), 0) && !math.IsInf(float64(x), 0) }
	return &kernel.Unary[A, R]{
		Out: to.Arrow(),
		Loop: func(dst []R, a []A) (suspect bool) {
			for i, x := range a[:len(dst)] {
				dst[i] = R(x)
				suspect = suspect || lost(x)
			}
			return suspect
		},
		Check: func(x A) kernel.Outcome {
			if lost(x) {
				return beyond(x, to)
			}
			return kernel.Outcome{}
		},
	}
}

func fromDecimal(from, to catalog.Type) catalog.Kernel {
	switch to.Kind {
	case catalog.KindBoolean:
		return toBool[decimal.Num]()
	case catalog.KindTinyInt:
		return decimalToInt[int8](from, to)
	case catalog.KindSmallInt:
		return decimalToInt[int16](from, to)
	case catalog.KindInt:
		return decimalToInt[int32](from, to)
	case catalog.KindBigInt:
		return decimalToInt[int64](from, to)
	case catalog.KindFloat:
		return decimalToFloat[float32](from, to)
	case catalog.KindDouble:
		return decimalToFloat[float64](from, to)
	}
	return decimalToDecimal(from, to)
}

func decimalToInt[R integer](from, to catalog.Type) catalog.Kernel {
	convert := func(x decimal.Num) (R, bool) {
		v, ok := decimal.Int64(decimal.Truncate(x, from.Scale))
		return R(v), ok && int64(R(v)) == v
	}
	return &kernel.Unary[decimal.Num, R]{
		Out: to.Arrow(),
		Loop: func(dst []R, a []decimal.Num) (suspect bool) {
			for i, x := range a[:len(dst)] {
				v, ok := convert(x)
				dst[i] = v
				suspect = suspect || !ok
			}
			return suspect
		},
		Check: func(x decimal.Num) kernel.Outcome { return decimalOutcome(convert(x))(x, from, to) },
	}
}

func decimalOutcome[R any](_ R, ok bool) func(x decimal.Num, from, to catalog.Type) kernel.Outcome {
	return func(x decimal.Num, from, to catalog.Type) kernel.Outcome {
		if ok {
			return kernel.Outcome{}
		}
		return beyond(string(decimal.Append(nil, x, from.Scale)), to)
	}
}

func decimalToFloat[R floating](from, to catalog.Type) catalog.Kernel {
	return &kernel.Unary[decimal.Num, R]{Out: to.Arrow(), Loop: func(dst []R, a []decimal.Num) bool {
		for i, x := range a[:len(dst)] {
			dst[i] = R(decimal.Float64(x, from.Scale))
		}
		return false
	}}
}

func decimalToDecimal(from, to catalog.Type) catalog.Kernel {
	if to.Scale == from.Scale && to.Precision >= from.Precision {
		return relabel(to.Arrow())
	}
	convert := func(x decimal.Num) (decimal.Num, bool) {
		return decimal.Rescale(x, from.Scale, to.Scale, to.Precision)
	}
	return &kernel.Unary[decimal.Num, decimal.Num]{
		Out: to.Arrow(),
		Loop: func(dst, a []decimal.Num) (suspect bool) {
			for i, x := range a[:len(dst)] {
				v, ok := convert(x)
				dst[i] = v
				suspect = suspect || !ok
			}
			return suspect
		},
		Check: func(x decimal.Num) kernel.Outcome { return decimalOutcome(convert(x))(x, from, to) },
	}
}

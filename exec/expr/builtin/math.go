package builtin

import (
	"fmt"
	"math"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/calendar"
	"github.com/streamsql/streamsql/exec/expr/decimal"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

func mathFunctions() []*catalog.Function {
	fns := []*catalog.Function{
		{
			Name: "ABS", Category: arithmetics, Signatures: []string{"ABS(x) -> type of x"},
			Doc:      "The magnitude of a number or interval. The least integer of a type has none: an error of its row (" + codeOverflow + "). NULL if x is NULL.",
			Examples: []catalog.Example{{SQL: "ABS(-5)", Result: "5"}, {SQL: "ABS(-0.50)", Result: "0.50"}},
			Resolve:  resolveAbs,
		},
		{
			Name: "SIGN", Aliases: []string{"SIGNUM"}, Category: arithmetics, Signatures: []string{"SIGN(x) -> type of x"},
			Doc:      "-1, 0 or 1 as x is negative, zero or positive. NULL if x is NULL.",
			Examples: []catalog.Example{{SQL: "SIGN(-7)", Result: "-1"}, {SQL: "SIGN(0.5)", Result: "1.0"}},
			Resolve:  resolveSign,
		},
		roundFunction("ROUND", nil, "x rounded to n digits after the point (default 0), halves away from zero; a negative n rounds digits before the point.",
			[]catalog.Example{{SQL: "ROUND(2.345, 2)", Result: "2.35"}, {SQL: "ROUND(-2.5)", Result: "-3"}, {SQL: "ROUND(1234, -2)", Result: "1200"}, {SQL: "ROUND(CAST(2.675 AS DOUBLE), 1)", Result: "2.7"}}, rounding),
		roundFunction("TRUNCATE", []string{"TRUNC"}, "x with the digits behind the nth after the point (default 0) cut off; a negative n cuts digits before the point.",
			[]catalog.Example{{SQL: "TRUNCATE(42.345, 2)", Result: "42.34"}, {SQL: "TRUNCATE(-1.9)", Result: "-1"}}, truncation),
		floorFunction("FLOOR", nil, "The greatest whole number that is at most x", "FLOOR(-1.5)", "-2", math.Floor, calendar.Unit.Floor),
		floorFunction("CEIL", []string{"CEILING"}, "The least whole number that is at least x", "CEIL(1.2)", "2", math.Ceil, calendar.Unit.Ceil),
		doubleFunction("POWER", []string{"POW"}, "x to the power of y.", "POWER(2, 10)", "1024.0", math.Pow),
		extremum("GREATEST", "greatest", "GREATEST(1, 3, 2)", "3", func(c int) bool { return c > 0 }),
		extremum("LEAST", "least", "LEAST('b', 'a')", "a", func(c int) bool { return c < 0 }),
		{
			Name: "LOG", Category: arithmetics, Signatures: []string{"LOG(x DOUBLE) -> DOUBLE", "LOG(base DOUBLE, x DOUBLE) -> DOUBLE"},
			Doc:      "The logarithm of x to a base (default: e). NaN for a negative number, -Infinity for 0. NULL if an argument is NULL.",
			Examples: []catalog.Example{{SQL: "LOG(2, 8)", Result: "3.0"}, {SQL: "LOG(1)", Result: "0.0"}},
			Resolve: choose("LOG",
				signature{params: same(catalog.Double, 1), result: catalog.Double, kernel: unaryDouble(math.Log)},
				signature{params: same(catalog.Double, 2), result: catalog.Double, kernel: binaryDouble(func(b, x float64) float64 {
					switch b { // exact where the library is
					case 2:
						return math.Log2(x)
					case 10:
						return math.Log10(x)
					}
					return math.Log(x) / math.Log(b)
				})}),
		},
	}
	for _, f := range []struct {
		name, doc, sql, result string
		f                      func(float64) float64
	}{
		{"SQRT", "The square root of x; NaN if x is negative.", "SQRT(2.25)", "1.5", math.Sqrt},
		{"EXP", "e to the power of x.", "EXP(0)", "1.0", math.Exp},
		{"LN", "The natural logarithm of x; NaN if x is negative, -Infinity for 0.", "LN(1)", "0.0", math.Log},
		{"LOG10", "The logarithm of x to base 10.", "LOG10(1000)", "3.0", math.Log10},
		{"LOG2", "The logarithm of x to base 2.", "LOG2(8)", "3.0", math.Log2},
		{"SIN", "The sine of x (radians).", "SIN(0)", "0.0", math.Sin},
		{"COS", "The cosine of x (radians).", "COS(0)", "1.0", math.Cos},
		{"TAN", "The tangent of x (radians).", "TAN(0)", "0.0", math.Tan},
		{"ASIN", "The arc sine of x; NaN beyond -1 to 1.", "ASIN(0)", "0.0", math.Asin},
		{"ACOS", "The arc cosine of x; NaN beyond -1 to 1.", "ACOS(1)", "0.0", math.Acos},
		{"ATAN", "The arc tangent of x.", "ATAN(0)", "0.0", math.Atan},
		{"DEGREES", "x radians in degrees.", "DEGREES(PI())", "180.0", func(x float64) float64 { return x * 180 / math.Pi }},
		{"RADIANS", "x degrees in radians.", "RADIANS(0)", "0.0", func(x float64) float64 { return x * math.Pi / 180 }},
	} {
		fns = append(fns, &catalog.Function{
			Name: f.name, Category: arithmetics, Signatures: []string{f.name + "(x DOUBLE) -> DOUBLE"}, Doc: f.doc + " NULL if x is NULL.",
			Examples: []catalog.Example{{SQL: f.sql, Result: f.result}},
			Resolve:  choose(f.name, signature{params: same(catalog.Double, 1), result: catalog.Double, kernel: unaryDouble(f.f)}),
		})
	}
	constant := func(name, doc, result string, v float64) *catalog.Function {
		return &catalog.Function{
			Name: name, Category: arithmetics, Signatures: []string{name + "() -> DOUBLE"}, Doc: doc, Examples: []catalog.Example{{SQL: name + "()", Result: result}},
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount(name, args, 0, 0); err != nil {
					return nil, err
				}
				return macro(nil, catalog.Double, func([]catalog.Expr) catalog.Expr {
					return &catalog.Literal{Value: v, T: catalog.Double}
				}), nil
			},
		}
	}
	return append(fns,
		doubleFunction("ATAN2", nil, "The angle of the point (y, x); arguments y, x.", "ATAN2(0, 1)", "0.0", math.Atan2),
		constant("PI", "The number pi.", "3.141592653589793", math.Pi),
		constant("E", "The number e.", "2.718281828459045", math.E))
}

func unaryDouble(f func(float64) float64) catalog.Kernel {
	return &kernel.Unary[float64, float64]{Out: catalog.Double.Arrow(), Loop: func(dst, a []float64) bool {
		for i, x := range a[:len(dst)] {
			dst[i] = f(x)
		}
		return false
	}}
}

func binaryDouble(f func(x, y float64) float64) catalog.Kernel {
	return &kernel.Binary[float64, float64, float64]{
		Out: catalog.Double.Arrow(),
		VV: func(dst, a, b []float64) bool {
			for i, x := range a[:len(dst)] {
				dst[i] = f(x, b[i])
			}
			return false
		},
		VC: func(dst, a []float64, b float64) bool {
			for i, x := range a[:len(dst)] {
				dst[i] = f(x, b)
			}
			return false
		},
	}
}

func doubleFunction(name string, aliases []string, doc, sql, result string, f func(x, y float64) float64) *catalog.Function {
	return &catalog.Function{
		Name: name, Aliases: aliases, Category: arithmetics, Signatures: []string{name + "(x DOUBLE, y DOUBLE) -> DOUBLE"},
		Doc: doc + " NULL if an argument is NULL.", Examples: []catalog.Example{{SQL: sql, Result: result}},
		Resolve: choose(name, signature{params: same(catalog.Double, 2), result: catalog.Double, kernel: binaryDouble(f)}),
	}
}

func resolveAbs(args []catalog.Arg) (*catalog.Overload, error) {
	o, err := resolveSigned("UNARY -", args)
	if err != nil {
		return nil, noOverload("ABS", args)
	}
	switch t := o.Result; t.Kind {
	case catalog.KindTinyInt:
		o.Kernel = absInteger[int8](t)
	case catalog.KindSmallInt:
		o.Kernel = absInteger[int16](t)
	case catalog.KindInt, catalog.KindIntervalMonth:
		o.Kernel = absInteger[int32](t)
	case catalog.KindBigInt, catalog.KindIntervalDay:
		o.Kernel = absInteger[int64](t)
	case catalog.KindFloat:
		o.Kernel = mapFloat(t, func(x float32) float32 { return float32(math.Abs(float64(x))) })
	case catalog.KindDouble:
		o.Kernel = mapFloat(t, math.Abs)
	default:
		o.Kernel = mapDecimal(t, func(x decimal.Num) decimal.Num { return x.Abs() })
	}
	return o, nil
}

func absInteger[T signed](t catalog.Type) catalog.Kernel {
	return &kernel.Unary[T, T]{
		Out: t.Arrow(),
		Loop: func(dst, a []T) bool {
			var bad T
			for i, x := range a[:len(dst)] {
				if x < 0 {
					x = -x
				}
				dst[i] = x
				bad |= x
			}
			return bad < 0
		},
		Check: func(x T) kernel.Outcome {
			if x < 0 && -x == x {
				return kernel.Outcome{Code: codeOverflow, Message: fmt.Sprintf("ABS(%v) is beyond %s", x, t)}
			}
			return kernel.Outcome{}
		},
	}
}

func mapFloat[T float32 | float64](t catalog.Type, f func(T) T) catalog.Kernel {
	return &kernel.Unary[T, T]{Out: t.Arrow(), Loop: func(dst, a []T) bool {
		for i, x := range a[:len(dst)] {
			dst[i] = f(x)
		}
		return false
	}}
}

func mapInteger[T signed](t catalog.Type, f func(T) T) catalog.Kernel {
	return &kernel.Unary[T, T]{Out: t.Arrow(), Loop: func(dst, a []T) bool {
		for i, x := range a[:len(dst)] {
			dst[i] = f(x)
		}
		return false
	}}
}

func signum[T signed | float32 | float64](x T) T {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	default:
		return x // 0, NaN
	}
}

func resolveSign(args []catalog.Arg) (*catalog.Overload, error) {
	o, err := resolveSigned("UNARY +", args)
	if err != nil {
		return nil, noOverload("SIGN", args)
	}
	switch t := o.Result; t.Kind {
	case catalog.KindTinyInt:
		o.Kernel = mapInteger(t, signum[int8])
	case catalog.KindSmallInt:
		o.Kernel = mapInteger(t, signum[int16])
	case catalog.KindInt:
		o.Kernel = mapInteger(t, signum[int32])
	case catalog.KindBigInt:
		o.Kernel = mapInteger(t, signum[int64])
	case catalog.KindFloat:
		o.Kernel = mapFloat(t, signum[float32])
	case catalog.KindDouble:
		o.Kernel = mapFloat(t, signum[float64])
	default:
		if t.Scale == t.Precision { // no digit before the point for the 1
			o.Result = catalog.Decimal(min(t.Precision+1, catalog.MaxDecimalPrecision), min(t.Scale, catalog.MaxDecimalPrecision-1))
		}
		one := decimal.Pow10(o.Result.Scale)
		o.Kernel = mapDecimal(o.Result, func(x decimal.Num) decimal.Num {
			switch x.Sign() {
			case 1:
				return one
			case -1:
				return one.Negate()
			}
			return x
		})
	}
	return o, nil
}

// floorFunction is FLOOR or CEIL: of numbers, and of times to a unit.
func floorFunction(name string, aliases []string, doc, sql, result string, f func(float64) float64, round func(u calendar.Unit, us int64) int64) *catalog.Function {
	return &catalog.Function{
		Name: name, Aliases: aliases, Category: arithmetics,
		Signatures: []string{name + "(x number) -> type of x", name + "(x TO unit) -> type of x"},
		Doc: doc + "; a DECIMAL gives one without a fraction. Of a DATE, TIME or TIMESTAMP it is the start of a unit: see DATE_TRUNC. " +
			"NULL if x is NULL.",
		Examples: []catalog.Example{{SQL: sql, Result: result}, {SQL: name + "(TIMESTAMP '2024-02-29 00:00:00' TO DAY)", Result: "2024-02-29 00:00:00.000"}},
		Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
			if len(args) == 2 {
				return roundToUnit(name, args[0], args[1], 0, round)
			}
			o, err := resolveSigned("UNARY +", args)
			if err != nil {
				return nil, noOverload(name, args)
			}
			switch t := o.Result; t.Kind {
			case catalog.KindFloat:
				o.Kernel = mapFloat(t, func(x float32) float32 { return float32(f(float64(x))) })
			case catalog.KindDouble:
				o.Kernel = mapFloat(t, f)
			case catalog.KindDecimal:
				if t.Scale > 0 {
					up := strings.HasPrefix(name, "CEIL")
					o.Result = catalog.Decimal(min(t.Precision-t.Scale+1, catalog.MaxDecimalPrecision), 0)
					o.Kernel = mapDecimal(o.Result, func(x decimal.Num) decimal.Num { return decimal.Whole(x, t.Scale, up) })
				}
			}
			return o, nil
		},
	}
}

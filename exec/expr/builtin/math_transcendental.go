package builtin

import (
	"math"

	"github.com/streamsql/streamsql/catalog"
)

// transcendentals are the functions of one DOUBLE that analysis has beside those
// of mathFunctions.
func transcendentals() []*catalog.Function {
	var fns []*catalog.Function
	for _, f := range []struct {
		n                names
		doc, sql, result string
		f                func(float64) float64
	}{
		{called("SINH"), "The hyperbolic sine of x.", "SINH(0)", "0.0", math.Sinh},
		{called("COSH"), "The hyperbolic cosine of x.", "COSH(0)", "1.0", math.Cosh},
		{called("TANH"), "The hyperbolic tangent of x.", "TANH(0)", "0.0", math.Tanh},
		{called("ASINH"), "The inverse hyperbolic sine of x.", "ASINH(0)", "0.0", math.Asinh},
		{called("ACOSH"), "The inverse hyperbolic cosine of x; NaN below 1.", "ACOSH(1)", "0.0", math.Acosh},
		{called("ATANH"), "The inverse hyperbolic tangent of x; NaN beyond -1 to 1.", "ATANH(0)", "0.0", math.Atanh},
		{called("COT"), "The cotangent of x (radians); Infinity for 0.", "ROUND(COT(PI() / 4), 12)", "1.0", func(x float64) float64 { return 1 / math.Tan(x) }},
		{called("SEC"), "The secant of x (radians).", "SEC(0)", "1.0", func(x float64) float64 { return 1 / math.Cos(x) }},
		{called("CSC"), "The cosecant of x (radians); Infinity for 0.", "ROUND(CSC(PI() / 6), 12)", "2.0", func(x float64) float64 { return 1 / math.Sin(x) }},
		{called("RINT"), "The whole number that is nearest to x, the even one of two.", "RINT(2.5)", "2.0", math.RoundToEven},
		{called("EVEN"), "x rounded away from 0 to an even number.", "EVEN(-2.1)", "-4.0", func(x float64) float64 { return math.Copysign(2*math.Ceil(math.Abs(x)/2), x) }},
		{called("GAMMA"), "The gamma function of x: for a whole number the factorial of x - 1; NaN for negative whole numbers.", "GAMMA(5)", "24.0", math.Gamma},
		{called("LGAMMA"), "The natural logarithm of the absolute value of the gamma function of x.", "LGAMMA(2)", "0.0", func(x float64) float64 { v, _ := math.Lgamma(x); return v }},
		{called("CBRT"), "The cube root of x.", "CBRT(-27)", "-3.0", math.Cbrt},
		{called("EXPM1"), "e to the power of x, less 1: exact for small x.", "EXPM1(0)", "0.0", math.Expm1},
		{called("LOG1P"), "The natural logarithm of 1 + x: exact for small x.", "LOG1P(0)", "0.0", math.Log1p},
	} {
		fns = append(fns, scalar(arithmetics, f.n, "(x DOUBLE) -> DOUBLE", f.doc+" NULL if x is NULL.", shows(f.sql, f.result),
			overload(catalog.Double, unaryDouble(f.f), catalog.Double)))
	}
	for _, f := range []struct {
		n                names
		doc, sql, result string
		f                func(float64) bool
	}{
		{called("ISNAN", "IS_NAN"), "Whether x is not a number.", "ISNAN(LN(-1))", "true", math.IsNaN},
		{called("ISINF", "IS_INF"), "Whether x is Infinity or -Infinity.", "ISINF(LN(0))", "true", func(x float64) bool { return math.IsInf(x, 0) }},
		{called("SIGNBIT"), "Whether x is negative or -0.0.", "SIGNBIT(-1.5)", "true", math.Signbit},
		{called("ISFINITE", "IS_FINITE"), "Whether x is neither NaN nor infinite.", "ISFINITE(1.5)", "true", func(x float64) bool { return x-x == 0 }},
	} {
		fns = append(fns, scalar(arithmetics, f.n, "(x DOUBLE) -> BOOLEAN", f.doc+" NULL if x is NULL.", shows(f.sql, f.result),
			overload(catalog.Boolean, rowBool(func(_ *catalog.EvalContext, a arguments) func(i int) (bool, bool) {
				x := a.double(0)
				return func(i int) (bool, bool) { return f.f(x(i)), true }
			}), catalog.Double)))
	}
	for _, f := range []struct {
		name, doc, sql, result string
		f                      func(x, y float64) float64
	}{
		{"HYPOT", "The square root of x * x + y * y, without an overflow on the way.", "HYPOT(3, 4)", "5.0", math.Hypot},
		{"NEXTAFTER", "The DOUBLE that is next to x towards y.", "NEXTAFTER(1, 2)", "1.0000000000000002", math.Nextafter},
	} {
		fns = append(fns, scalar(arithmetics, called(f.name), "(x DOUBLE, y DOUBLE) -> DOUBLE", f.doc+" NULL if an argument is NULL.", shows(f.sql, f.result),
			overload(catalog.Double, row(catalog.Double, func(_ *catalog.EvalContext, a arguments) func(i int) (float64, bool) {
				x, y := a.double(0), a.double(1)
				return func(i int) (float64, bool) { return f.f(x(i), y(i)), true }
			}), catalog.Double, catalog.Double)))
	}
	return fns
}

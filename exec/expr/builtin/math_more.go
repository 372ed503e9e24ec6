package builtin

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/kernel"
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

// integerFunctions are those of number theory and of bits.
func integerFunctions() []*catalog.Function {
	big := catalog.BigInt
	return append([]*catalog.Function{
		scalar(arithmetics, called("GCD", "GREATEST_COMMON_DIVISOR"), "(a BIGINT, b BIGINT) -> BIGINT", "The greatest number that divides a and b; 0 if both are 0. NULL if an argument is NULL.",
			shows("GCD(12, -18)", "6"), failing(big, integers(func(a, b int64) (int64, bool) {
				v := divisorOf(magnitude(a), magnitude(b))
				return int64(v), v <= math.MaxInt64
			}, "GCD"), big, big)),
		scalar(arithmetics, called("LCM", "LEAST_COMMON_MULTIPLE"), "(a BIGINT, b BIGINT) -> BIGINT", "The least number that a and b divide; 0 if one is 0. NULL if an argument is NULL. Beyond BIGINT it is an error of the row ("+codeOverflow+").",
			shows("LCM(4, 6)", "12"), failing(big, integers(func(a, b int64) (int64, bool) {
				if a == 0 || b == 0 {
					return 0, true
				}
				x, y := magnitude(a), magnitude(b)
				hi, lo := bits.Mul64(x/divisorOf(x, y), y)
				return int64(lo), hi == 0 && lo <= math.MaxInt64
			}, "LCM"), big, big)),
		scalar(arithmetics, called("FACTORIAL"), "(n INT) -> BIGINT", "1 * 2 * ... * n. NULL if n is NULL. A negative n, and one above 20, whose factorial is beyond BIGINT, is an error of the row ("+codeOverflow+").",
			shows("FACTORIAL(5)", "120"), failing(big, row(big, func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
				n := a.integer(0)
				return func(i int) (int64, bool) {
					k := n(i)
					if k < 0 || k > 20 {
						c.Fail(i, codeOverflow, fmt.Sprintf("FACTORIAL(%d) is beyond BIGINT", k))
						return 0, false
					}
					v := int64(1)
					for ; k > 1; k-- {
						v *= k
					}
					return v, true
				}
			}), catalog.Int)),
		scalar(arithmetics, called("PMOD"), "(a BIGINT, b BIGINT) -> BIGINT", "The remainder of a / b that has the sign of b. NULL if an argument is NULL or b is 0.",
			shows("PMOD(-7, 3)", "2", "PMOD(7, 0)", "NULL"), overload(big, row(big, func(_ *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
				x, y := a.integer(0), a.integer(1)
				return func(i int) (int64, bool) {
					d := y(i)
					if d == 0 || d == -1 {
						return 0, d != 0
					}
					r := x(i) % d
					if r != 0 && (r < 0) != (d < 0) {
						r += d
					}
					return r, true
				}
			}), big, big)),
		scalar(arithmetics, called("WIDTH_BUCKET"), "(x DOUBLE, low DOUBLE, high DOUBLE, n INT) -> BIGINT",
			"The number, from 1, of the one of n equal parts of low to high that x lies in; 0 below, n + 1 from high on. With low above high the parts count downwards. NULL if an argument is NULL, low = high, a bound or x is NaN, or n is not positive.",
			shows("WIDTH_BUCKET(5.3, 0, 10, 5)", "3", "WIDTH_BUCKET(-1, 0, 10, 5)", "0", "WIDTH_BUCKET(10, 0, 10, 5)", "6"),
			overload(big, row(big, func(_ *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
				x, low, high, n := a.double(0), a.double(1), a.double(2), a.integer(3)
				return func(i int) (int64, bool) { return bucket(x(i), low(i), high(i), n(i)) }
			}), catalog.Double, catalog.Double, catalog.Double, catalog.Int)),
		scalar(arithmetics, called("BIN"), "(n BIGINT) -> STRING", "n in binary digits; a negative number as the 64 digits of its two's complement. NULL if n is NULL.",
			shows("BIN(4)", "100", "BIN(0)", "0"), overload(str, rowText(str, func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
				n := a.integer(0)
				var buf [64]byte
				return func(i int) ([]byte, bool) {
					at, v := len(buf), uint64(n(i))
					for {
						at--
						buf[at] = '0' + byte(v&1)
						if v >>= 1; v == 0 {
							return buf[at:], true
						}
					}
				}
			}), big)),
		scalar(arithmetics, called("BIT_COUNT"), "(n BIGINT) -> INT", "How many bits of n are 1 (of a negative number: of the 64 of its two's complement). NULL if n is NULL.",
			shows("BIT_COUNT(7)", "3", "BIT_COUNT(-1)", "64"), overload(intType, row(intType, func(_ *catalog.EvalContext, a arguments) func(i int) (int32, bool) {
				n := a.integer(0)
				return func(i int) (int32, bool) { return int32(bits.OnesCount64(uint64(n(i)))), true }
			}), big)),
	}, bitFunctions()...)
}

// divisorOf is Euclid's algorithm.
func divisorOf(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// bucket is WIDTH_BUCKET of the SQL standard.
func bucket(x, low, high float64, n int64) (int64, bool) {
	if n <= 0 || low == high || x != x || low-low != 0 || high-high != 0 {
		return 0, false
	}
	if low > high {
		x, low, high = -x, -low, -high
	}
	switch {
	case x < low:
		return 0, true
	case x >= high:
		return n + 1, true
	}
	return min(int64((x-low)/(high-low)*float64(n)), n-1) + 1, true
}

// integers is a kernel over two BIGINTs, whose value may be beyond BIGINT.
func integers(f func(a, b int64) (int64, bool), name string) catalog.Kernel {
	return row(catalog.BigInt, func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
		x, y := a.integer(0), a.integer(1)
		return func(i int) (int64, bool) {
			v, ok := f(x(i), y(i))
			if !ok {
				c.Fail(i, codeOverflow, fmt.Sprintf("%s(%d, %d) is beyond BIGINT", name, x(i), y(i)))
			}
			return v, ok
		}
	})
}

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

// randoms are random numbers: RAND() another one for each row, RAND(seed) the
// one that belongs to the seed.
func randoms() []*catalog.Function {
	const seeded = " With a seed it is the number that belongs to the seed, in every run: give it a column to draw a sample that stays the same. NULL if an argument is NULL."
	unit := func(x uint64) float64 { return float64(x>>11) / (1 << 53) }
	volatile := func(t catalog.Type, fill func(args []arrow.Array, n int, sel []int32, valid *kernel.Nullable, dst *memory.Buffer)) catalog.Kernel {
		return kernel.Func(func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
			valid := kernel.NewNullable(c.Alloc, n, args...)
			buf := column.NewZeroed(c.Alloc, n*t.Arrow().(arrow.FixedWidthDataType).BitWidth()/8)
			fill(args, n, sel, &valid, buf)
			return column.Make(t.Arrow(), n, -1, []*memory.Buffer{valid.Buffer(), buf}), nil
		})
	}
	below := func(x uint64, bound int64) int32 {
		hi, _ := bits.Mul64(x, uint64(bound))
		return int32(hi)
	}
	random := func(n names, t catalog.Type, sigs []string, doc string, examples []catalog.Example, free, fixed signature) *catalog.Function {
		// One name, two volatilities: with a seed the call is a function of it alone.
		withSeed := &catalog.Function{Name: n[0], Kind: catalog.ScalarFunction, Resolve: choose(n[0], fixed)}
		return &catalog.Function{
			Name: n[0], Aliases: n[1:], Category: arithmetics, Volatility: catalog.Volatile, Signatures: sigs, Doc: doc + seeded, Examples: examples,
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if len(args) == len(free.params) {
					o, err := choose(n[0], free)(args)
					if err == nil && len(free.params) == 0 {
						o.NeverNull = true
					}
					return o, err
				}
				o, err := choose(n[0], fixed)(args)
				if err != nil {
					return nil, err
				}
				inner := *o
				return macro(o.Params, o.Result, func(args []catalog.Expr) catalog.Expr {
					return &catalog.Call{Fn: withSeed, Overload: &inner, Args: args}
				}), nil
			},
		}
	}
	return []*catalog.Function{
		random(called("RAND", "RANDOM"), catalog.Double, []string{"RAND() -> DOUBLE", "RAND(seed BIGINT) -> DOUBLE"}, "A random number from 0 to below 1, another one for each row.",
			shows("RAND() < 1", "true", "RAND(42) = RAND(42)", "true"),
			signature{result: catalog.Double, kernel: volatile(catalog.Double, func(_ []arrow.Array, n int, _ []int32, _ *kernel.Nullable, buf *memory.Buffer) {
				for i, dst := 0, column.As[float64](buf, n); i < n; i++ {
					dst[i] = unit(rand.Uint64())
				}
			})},
			overload(catalog.Double, row(catalog.Double, func(_ *catalog.EvalContext, a arguments) func(i int) (float64, bool) {
				seed := a.integer(0)
				return func(i int) (float64, bool) { return unit(scrambled(uint64(seed(i)))), true }
			}), catalog.BigInt)),
		random(called("RAND_INTEGER"), catalog.Int, []string{"RAND_INTEGER(bound INT) -> INT", "RAND_INTEGER(seed INT, bound INT) -> INT"},
			"A random integer from 0 to below bound, another one for each row; NULL if bound is not positive.",
			shows("RAND_INTEGER(1)", "0", "RAND_INTEGER(7, 10) = RAND_INTEGER(7, 10)", "true"),
			overload(catalog.Int, volatile(catalog.Int, func(args []arrow.Array, n int, sel []int32, valid *kernel.Nullable, buf *memory.Buffer) {
				dst, bound := column.As[int32](buf, n), column.Fixed[int32](args[0])
				kernel.ForEach(n, sel, valid, func(i int) {
					if bound[i] <= 0 {
						valid.SetNull(i)
						return
					}
					dst[i] = below(rand.Uint64(), int64(bound[i]))
				})
			}), catalog.Int),
			overload(catalog.Int, row(catalog.Int, func(_ *catalog.EvalContext, a arguments) func(i int) (int32, bool) {
				seed, bound := a.integer(0), a.integer(1)
				return func(i int) (int32, bool) {
					if b := bound(i); b > 0 {
						return below(scrambled(uint64(seed(i))), b), true
					}
					return 0, false
				}
			}), catalog.Int, catalog.Int)),
	}
}

// scrambled is the output function of SplitMix64 (Steele, Lea and Flood, 2014).
func scrambled(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

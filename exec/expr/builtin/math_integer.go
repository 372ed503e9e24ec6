package builtin

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"

	"github.com/streamsql/streamsql/catalog"
)

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
				var text []byte
				return func(i int) ([]byte, bool) {
					text = strconv.AppendUint(text[:0], uint64(n(i)), 2)
					return text, true
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

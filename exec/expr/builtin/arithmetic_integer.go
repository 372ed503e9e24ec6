package builtin

import (
	"fmt"
	"math"
	"math/bits"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

type signed interface{ int8 | int16 | int32 | int64 }

// identity gives its argument as it is.
var identity = kernel.Func(func(_ *catalog.EvalContext, args []arrow.Array, _ int, _ []int32) (arrow.Array, error) {
	args[0].Retain()
	return args[0], nil
})

func overflow[T any](a T, sign string, b T, t catalog.Type) kernel.Outcome {
	return kernel.Outcome{Code: codeOverflow, Message: fmt.Sprintf("%v %s %v is beyond %s", a, sign, b, t)}
}

// additive is + or - of integers. Overflow shows in the sign bits (Hacker's
// Delight 2-13), gathered over the loop.
func additive[T signed](t catalog.Type, minus bool) catalog.Kernel {
	if minus {
		return &kernel.Binary[T, T, T]{
			Out: t.Arrow(),
			VV: func(dst, a, b []T) bool {
				var bad T
				b = b[:len(dst)]
				for i, x := range a[:len(dst)] {
					r := x - b[i]
					dst[i] = r
					bad |= (x ^ b[i]) & (x ^ r)
				}
				return bad < 0
			},
			VC: func(dst, a []T, b T) bool {
				var bad T
				for i, x := range a[:len(dst)] {
					r := x - b
					dst[i] = r
					bad |= (x ^ b) & (x ^ r)
				}
				return bad < 0
			},
			CV: func(dst []T, a T, b []T) bool {
				var bad T
				for i, y := range b[:len(dst)] {
					r := a - y
					dst[i] = r
					bad |= (a ^ y) & (a ^ r)
				}
				return bad < 0
			},
			Check: func(a, b T) kernel.Outcome {
				if r := a - b; (a^b)&(a^r) < 0 {
					return overflow(a, "-", b, t)
				}
				return kernel.Outcome{}
			},
		}
	}
	vc := func(dst, a []T, b T) bool {
		var bad T
		for i, x := range a[:len(dst)] {
			r := x + b
			dst[i] = r
			bad |= (x ^ r) & (b ^ r)
		}
		return bad < 0
	}
	return &kernel.Binary[T, T, T]{
		Out: t.Arrow(),
		VV: func(dst, a, b []T) bool {
			var bad T
			b = b[:len(dst)]
			for i, x := range a[:len(dst)] {
				r := x + b[i]
				dst[i] = r
				bad |= (x ^ r) & (b[i] ^ r)
			}
			return bad < 0
		},
		VC: vc,
		CV: func(dst []T, a T, b []T) bool { return vc(dst, b, a) },
		Check: func(a, b T) kernel.Outcome {
			if r := a + b; (a^r)&(b^r) < 0 {
				return overflow(a, "+", b, t)
			}
			return kernel.Outcome{}
		},
	}
}

// multiply gives a * b and whether T holds it.
func multiply[T signed](a, b T) (T, bool) {
	if unsafe.Sizeof(a) < 8 {
		r := int64(a) * int64(b)
		return T(r), r == int64(T(r))
	}
	x, y := int64(a), int64(b)
	hi, lo := bits.Mul64(uint64(x), uint64(y))
	hi -= uint64(x>>63)&uint64(y) + uint64(y>>63)&uint64(x)
	return T(lo), int64(hi) == int64(lo)>>63
}

func product[T signed](t catalog.Type) catalog.Kernel {
	vc := func(dst, a []T, b T) bool {
		good := true
		for i, x := range a[:len(dst)] {
			r, ok := multiply(x, b)
			dst[i] = r
			good = good && ok
		}
		return !good
	}
	return &kernel.Binary[T, T, T]{
		Out: t.Arrow(),
		VV: func(dst, a, b []T) bool {
			good := true
			b = b[:len(dst)]
			for i, x := range a[:len(dst)] {
				r, ok := multiply(x, b[i])
				dst[i] = r
				good = good && ok
			}
			return !good
		},
		VC: vc,
		CV: func(dst []T, a T, b []T) bool { return vc(dst, b, a) },
		Check: func(a, b T) kernel.Outcome {
			if _, ok := multiply(a, b); !ok {
				return overflow(a, "*", b, t)
			}
			return kernel.Outcome{}
		},
	}
}

// integerQuotient is DIV: NULL by zero, an error for least / -1.
func integerQuotient[T signed](t catalog.Type) catalog.Kernel {
	loop := func(dst, a []T, at func(i int) T) (suspect bool) {
		for i, x := range a[:len(dst)] {
			y := at(i)
			if y == 0 {
				dst[i], suspect = 0, true
				continue
			}
			r := x / y
			dst[i] = r
			suspect = suspect || y == -1 && r == x && x < 0
		}
		return suspect
	}
	return &kernel.Binary[T, T, T]{
		Out: t.Arrow(),
		VV:  func(dst, a, b []T) bool { return loop(dst, a, func(i int) T { return b[i] }) },
		VC:  func(dst, a []T, b T) bool { return loop(dst, a, func(int) T { return b }) },
		Check: func(a, b T) kernel.Outcome {
			if b == 0 {
				return kernel.Outcome{Null: true}
			}
			if b == -1 && a < 0 && -a == a {
				return overflow(a, "DIV", b, t)
			}
			return kernel.Outcome{}
		},
	}
}

// remainder is %: NULL by zero. By a constant it multiplies by the reciprocal.
func remainder[T signed](t catalog.Type) catalog.Kernel {
	return &kernel.Binary[T, T, T]{
		Out: t.Arrow(),
		VV: func(dst, a, b []T) (suspect bool) {
			b = b[:len(dst)]
			for i, x := range a[:len(dst)] {
				if b[i] == 0 {
					dst[i], suspect = 0, true
					continue
				}
				dst[i] = x % b[i]
			}
			return suspect
		},
		VC: func(dst, a []T, b T) bool {
			if b == 0 {
				clear(dst)
				return true
			}
			d := newDivisor(magnitude(b))
			for i, x := range a[:len(dst)] {
				v := int64(x)
				s := v >> 63
				r := int64(d.mod(uint64((v ^ s) - s)))
				dst[i] = T((r ^ s) - s)
			}
			return false
		},
		Check: func(_, b T) kernel.Outcome { return kernel.Outcome{Null: b == 0} },
	}
}

func magnitude[T signed](x T) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}

// divisor divides by an invariant 64-bit number with a multiplication (Granlund
// and Montgomery, "Division by Invariant Integers using Multiplication", fig. 4.1).
type divisor struct {
	d, m       uint64
	sh1, sh2   uint
	powerOfTwo bool
}

func newDivisor(d uint64) divisor {
	if d&(d-1) == 0 {
		return divisor{d: d, powerOfTwo: true}
	}
	l := uint(bits.Len64(d - 1)) // ceil(log2 d)
	high := -d                   // 2^64 - d, for l = 64
	if l < 64 {
		high = 1<<l - d
	}
	m, _ := bits.Div64(high, 0, d)
	return divisor{d: d, m: m + 1, sh1: 1, sh2: l - 1}
}

func (v *divisor) mod(n uint64) uint64 {
	if v.powerOfTwo {
		return n & (v.d - 1)
	}
	t, _ := bits.Mul64(v.m, n)
	q := (t + (n-t)>>(v.sh1&63)) >> (v.sh2 & 63)
	return n - q*v.d
}

func negative[T signed](t catalog.Type) catalog.Kernel {
	return &kernel.Unary[T, T]{
		Out: t.Arrow(),
		Loop: func(dst, a []T) bool {
			var bad T
			for i, x := range a[:len(dst)] {
				dst[i] = -x
				bad |= x & -x
			}
			return bad < 0 // the sign bit of both: x is the least
		},
		Check: func(x T) kernel.Outcome {
			if x&-x < 0 {
				return kernel.Outcome{Code: codeOverflow, Message: fmt.Sprintf("-(%v) is beyond %s", x, t)}
			}
			return kernel.Outcome{}
		},
	}
}

func floatAdditive[T float32 | float64](t catalog.Type, minus bool) catalog.Kernel {
	if minus {
		return &kernel.Binary[T, T, T]{
			Out: t.Arrow(),
			VV: func(dst, a, b []T) bool {
				for i, x := range a[:len(dst)] {
					dst[i] = x - b[i]
				}
				return false
			},
			VC: func(dst, a []T, b T) bool {
				for i, x := range a[:len(dst)] {
					dst[i] = x - b
				}
				return false
			},
			CV: func(dst []T, a T, b []T) bool {
				for i, y := range b[:len(dst)] {
					dst[i] = a - y
				}
				return false
			},
		}
	}
	vc := func(dst, a []T, b T) bool {
		for i, x := range a[:len(dst)] {
			dst[i] = x + b
		}
		return false
	}
	return &kernel.Binary[T, T, T]{
		Out: t.Arrow(),
		VV: func(dst, a, b []T) bool {
			for i, x := range a[:len(dst)] {
				dst[i] = x + b[i]
			}
			return false
		},
		VC: vc,
		CV: func(dst []T, a T, b []T) bool { return vc(dst, b, a) },
	}
}

func floatProduct[T float32 | float64](t catalog.Type) catalog.Kernel {
	vc := func(dst, a []T, b T) bool {
		for i, x := range a[:len(dst)] {
			dst[i] = x * b
		}
		return false
	}
	return &kernel.Binary[T, T, T]{
		Out: t.Arrow(),
		VV: func(dst, a, b []T) bool {
			for i, x := range a[:len(dst)] {
				dst[i] = x * b[i]
			}
			return false
		},
		VC: vc,
		CV: func(dst []T, a T, b []T) bool { return vc(dst, b, a) },
	}
}

func floatQuotient[T float32 | float64](t catalog.Type) catalog.Kernel {
	return &kernel.Binary[T, T, T]{
		Out: t.Arrow(),
		VV: func(dst, a, b []T) (zero bool) {
			for i, x := range a[:len(dst)] {
				dst[i] = x / b[i]
				zero = zero || b[i] == 0
			}
			return zero
		},
		VC: func(dst, a []T, b T) bool {
			for i, x := range a[:len(dst)] {
				dst[i] = x / b
			}
			return b == 0
		},
		Check: func(_, b T) kernel.Outcome { return kernel.Outcome{Null: b == 0} },
	}
}

func floatRemainder[T float32 | float64](t catalog.Type) catalog.Kernel {
	return &kernel.Binary[T, T, T]{
		Out: t.Arrow(),
		VV: func(dst, a, b []T) (zero bool) {
			for i, x := range a[:len(dst)] {
				dst[i] = T(math.Mod(float64(x), float64(b[i])))
				zero = zero || b[i] == 0
			}
			return zero
		},
		Check: func(_, b T) kernel.Outcome { return kernel.Outcome{Null: b == 0} },
	}
}

func floatNegative[T float32 | float64](t catalog.Type) catalog.Kernel {
	return &kernel.Unary[T, T]{Out: t.Arrow(), Loop: func(dst, a []T) bool {
		for i, x := range a[:len(dst)] {
			dst[i] = -x
		}
		return false
	}}
}

package builtin

import (
	"math/bits"
	"math/rand/v2"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

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

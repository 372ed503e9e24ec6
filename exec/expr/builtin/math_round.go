package builtin

import (
	"fmt"
	"math"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/decimal"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

type roundMode uint8

const (
	rounding roundMode = iota
	truncation
)

// number gives x to n digits after the point. The digits are those of the
// shortest text of x, so ROUND(2.675, 2) is 2.68 though the double is below it.
func (m roundMode) number(x float64, n int64) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) || n > 308 || x == 0 {
		return x
	}
	if n < -308 {
		return 0
	}
	if m == rounding && n == 0 && math.Abs(x) < 1<<52 {
		return math.Round(x)
	}
	var buf [400]byte
	text := strconv.AppendFloat(buf[:0], math.Abs(x), 'e', -1, 64) // d.ddde±dd
	e := len(text) - 1
	for text[e] != 'e' {
		e--
	}
	exp, _ := strconv.Atoi(string(text[e+1:]))
	digits := append([]byte{text[0]}, text[min(2, e):e]...)
	keep := int64(exp) + 1 + n // digits that stay
	if keep >= int64(len(digits)) {
		return x
	}
	if keep < 0 {
		return math.Copysign(0, x)
	}
	up := m == rounding && digits[keep] >= '5'
	digits = append([]byte{'0'}, digits[:keep]...)
	for i := len(digits) - 1; up; i-- {
		if up = digits[i] == '9'; up {
			digits[i] = '0'
		} else {
			digits[i]++
		}
	}
	r, _ := strconv.ParseFloat(string(digits)+"e"+strconv.FormatInt(-n, 10), 64)
	return math.Copysign(r, x)
}

// decimal gives x of scale s to n <= s digits after the point, at scale to.
func (m roundMode) decimal(x decimal.Num, s int, n int64, to int) (decimal.Num, bool) {
	if int64(s)-n > 38 {
		return decimal.Num{}, true
	}
	drop := int(int64(s) - n)
	if drop <= 0 {
		return x, true
	}
	if m == rounding {
		x = decimal.ScaleDown(x, drop)
	} else {
		x = decimal.Truncate(x, drop)
	}
	return decimal.ScaleUp(x, to-int(n))
}

// roundFunction is ROUND or TRUNCATE.
func roundFunction(name string, aliases []string, doc string, examples []catalog.Example, mode roundMode) *catalog.Function {
	return &catalog.Function{
		Name: name, Aliases: aliases, Category: arithmetics,
		Signatures: []string{name + "(x number [, n INT]) -> type of x"},
		Doc: doc + " A DECIMAL with a constant n gives one of scale n. DOUBLE goes by the digits that it is written with. NULL if an argument is NULL. " +
			"An integer beyond its type is an error of the row (" + codeOverflow + ").",
		Examples: examples,
		Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
			if err := argCount(name, args, 1, 2); err != nil {
				return nil, err
			}
			t := args[0].Type
			if t.Kind == catalog.KindNull {
				t = catalog.Int
			}
			if !t.IsNumeric() || len(args) == 2 && !catalog.CanCast(args[1].Type, intType, true) {
				return nil, noOverload(name, args)
			}
			params := []catalog.Type{t, intType}[:len(args)]
			o := &catalog.Overload{Params: params, Result: t, Strict: true}
			digits := func(a arguments) func(i int) int64 {
				if len(args) == 1 {
					return func(int) int64 { return 0 }
				}
				return a.integer(1)
			}
			switch {
			case t.IsInteger() && len(args) == 1:
				o.Kernel = identity
			case t.IsInteger():
				o.CanFail = true
				o.Kernel = roundInteger(t, mode)
			case t.Kind == catalog.KindFloat:
				o.Kernel = fixedKernel(t, stateless(func(_ *catalog.EvalContext, a arguments) func(i int) (float32, bool) {
					x, n := column.Fixed[float32](a.cols[0]), digits(a)
					return func(i int) (float32, bool) { return float32(mode.number(float64(x[i]), n(i))), true }
				}))
			case t.Kind == catalog.KindDouble:
				o.Kernel = fixedKernel(t, stateless(func(_ *catalog.EvalContext, a arguments) func(i int) (float64, bool) {
					x, n := a.double(0), digits(a)
					return func(i int) (float64, bool) { return mode.number(x(i), n(i)), true }
				}))
			default:
				roundDecimal(o, t, args, mode, digits)
			}
			return o, nil
		},
	}
}

// roundDecimal fixes the scale of the result by a constant number of digits.
func roundDecimal(o *catalog.Overload, t catalog.Type, args []catalog.Arg, mode roundMode, digits func(a arguments) func(i int) int64) {
	scale := t.Scale
	if len(args) == 1 {
		scale = 0
	} else if c := args[1].Const; c != nil {
		if n, ok := c.Value.(int64); ok {
			scale = int(max(0, min(n, int64(t.Scale))))
		}
	}
	// Rounding may carry into one more digit.
	o.Result = catalog.Decimal(min(t.Precision-t.Scale+scale+1, catalog.MaxDecimalPrecision), scale)
	o.CanFail = o.Result.Precision == catalog.MaxDecimalPrecision
	result := o.Result
	read := func(a arguments) func(i int) decimal.Num {
		if v, ok := kernel.Scalar[decimal.Num](first(a.lits)); ok {
			return func(int) decimal.Num { return v }
		}
		x := column.Fixed[decimal128.Num](a.cols[0])
		return func(i int) decimal.Num { return x[i] }
	}
	o.Kernel = fixedKernel(result, stateless(func(c *catalog.EvalContext, a arguments) func(i int) (decimal.Num, bool) {
		x, n := read(a), digits(a)
		return func(i int) (decimal.Num, bool) {
			k := min(n(i), int64(scale))
			v, ok := mode.decimal(x(i), t.Scale, k, result.Scale)
			if !ok || !decimal.Fits(v, result.Precision) {
				c.Fail(i, codeOverflow, fmt.Sprintf("%s rounded is beyond %s", decimal.Append(nil, x(i), t.Scale), result))
				return v, false
			}
			return v, true
		}
	}))
}

func first(l constants) *catalog.Literal {
	if len(l) == 0 {
		return nil
	}
	return l[0]
}

func roundInteger(t catalog.Type, mode roundMode) catalog.Kernel {
	row := func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
		x, n := a.integer(0), a.integer(1)
		return func(i int) (int64, bool) {
			v, k := x(i), n(i)
			if k >= 0 {
				return v, true
			}
			d, ok := mode.decimal(decimal128.FromI64(v), 0, k, 0)
			r, fits := decimal.Int64(d)
			if limit := int64(1) << (t.Arrow().(arrow.FixedWidthDataType).BitWidth() - 1); !ok || !fits || limit > 0 && (r >= limit || r < -limit) {
				c.Fail(i, codeOverflow, fmt.Sprintf("%d rounded is beyond %s", v, t))
				return 0, false
			}
			return r, true
		}
	}
	switch t.Kind {
	case catalog.KindTinyInt:
		return fixedKernel(t, mapped(stateless(row), narrow[int8]))
	case catalog.KindSmallInt:
		return fixedKernel(t, mapped(stateless(row), narrow[int16]))
	case catalog.KindInt:
		return fixedKernel(t, mapped(stateless(row), narrow[int32]))
	default:
		return fixedKernel(t, stateless(row))
	}
}

func narrow[T signed](*catalog.EvalContext) func(v int64) T { return func(v int64) T { return T(v) } }

// extremum is GREATEST or LEAST.
func extremum(name, word, sql, result string, better func(c int) bool) *catalog.Function {
	return &catalog.Function{
		Name: name, Category: comparison, Signatures: []string{name + "(a, b, ...) -> common type"},
		Doc:      "The " + word + " of the arguments, in the order of <. NULL if one is NULL.",
		Examples: []catalog.Example{{SQL: sql, Result: result}, {SQL: name + "(1, NULL)", Result: "NULL"}},
		Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
			if err := argCount(name, args, 1, -1); err != nil {
				return nil, err
			}
			t, ok := catalog.CommonTypeOf(argTypes(args)...)
			if !ok || !t.IsComparable() {
				return nil, noOverload(name, args)
			}
			return &catalog.Overload{Params: same(t, len(args)), Result: t, Strict: true, Kernel: kernel.Func(
				func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
					return best(c, args, n, sel, better)
				})}, nil
		},
	}
}

func best(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32, better func(c int) bool) (arrow.Array, error) {
	if column.AllNull(args[0]) {
		args[0].Retain()
		return args[0], nil
	}
	winner := make([]uint16, n)
	valid := kernel.NewNullable(c.Alloc, n, args...)
	defer func() {
		if b := valid.Buffer(); b != nil {
			b.Release()
		}
	}()
	compare := make([][]func(i, j int) int, len(args))
	for k := range args {
		compare[k] = make([]func(i, j int) int, len(args))
		for l := range args[:k] {
			compare[k][l] = column.Comparator(args[k], args[l])
		}
	}
	kernel.ForEach(n, sel, &valid, func(i int) {
		for k := 1; k < len(args); k++ {
			if better(compare[k][winner[i]](i, i)) {
				winner[i] = uint16(k)
			}
		}
	})
	pick := column.NewPick(n, len(args), args[0].DataType(), c.Alloc)
	defer pick.Release()
	for k, a := range args {
		var rows []int32
		kernel.ForEach(n, sel, &valid, func(i int) {
			if winner[i] == uint16(k) {
				rows = append(rows, int32(i))
			}
		})
		if len(rows) > 0 {
			a.Retain()
			pick.Add(a, rows)
		}
	}
	return pick.Finish()
}

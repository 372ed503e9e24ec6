package builtin

import (
	"fmt"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/decimal"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// codeOverflow is the code of a result that its type can't hold.
const codeOverflow = "OVERFLOW"

const numericDoc = `Integers give the wider of the two types; an integer and a DECIMAL, or two DECIMALs, a DECIMAL; FLOAT or DOUBLE ` +
	`on one side gives that, with DECIMAL always DOUBLE. A result that does not fit is an error of its row (OVERFLOW); ` +
	`floating point gives infinity. NULL if a side is NULL.`

func arithmetic() []*catalog.Function {
	return []*catalog.Function{
		{
			Name: "+", Category: arithmetics,
			Signatures: []string{"a + b -> number", "time + interval -> time", "interval + interval -> interval"},
			Doc: "Sum. " + numericDoc + " DECIMAL(p1, s1) + DECIMAL(p2, s2) has scale max(s1, s2) and one digit more " +
				"before the point than the wider side. A month that lacks the day takes its last one.",
			Examples: []catalog.Example{
				{SQL: "1 + 2", Result: "3"}, {SQL: "0.10 + 2", Result: "2.10"},
				{SQL: "DATE '2024-01-31' + INTERVAL '1' MONTH", Result: "2024-02-29"},
				{SQL: "TIMESTAMP '2024-02-28 23:59:59' + INTERVAL '1' SECOND", Result: "2024-02-29 00:00:00.000"},
			},
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) { return resolveAdditive("+", args) },
		},
		{
			Name: "-", Category: arithmetics,
			Signatures: []string{"a - b -> number", "time - interval -> time", "time - time -> INTERVAL DAY TO SECOND", "interval - interval -> interval"},
			Doc:        "Difference. Types as for +.",
			Examples: []catalog.Example{
				{SQL: "1 - 2.5", Result: "-1.5"},
				{SQL: "DATE '2024-03-31' - INTERVAL '1' MONTH", Result: "2024-02-29"},
				{SQL: "TIMESTAMP '2024-03-01 00:00:01' - TIMESTAMP '2024-02-28 00:00:00'", Result: "+2 00:00:01.000000"},
			},
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) { return resolveAdditive("-", args) },
		},
		{
			Name: "*", Category: arithmetics,
			Signatures: []string{"a * b -> number", "interval * integer -> interval"},
			Doc: "Product. " + numericDoc + " DECIMAL(p1, s1) * DECIMAL(p2, s2) is DECIMAL(p1 + p2 + 1, s1 + s2); BIGINT counts as " +
				"DECIMAL(19, 0). A type of more than 38 digits is cut to 38: the fraction gives way, down to six digits, and the result is rounded half up.",
			Examples: []catalog.Example{
				{SQL: "6 * 7", Result: "42"}, {SQL: "0.908 * 1000", Result: "908.000"},
				{SQL: "INTERVAL '5' MINUTE * 3", Result: "+0 00:15:00.000000"},
			},
			Resolve: resolveMultiply,
		},
		{
			Name: "/", Category: arithmetics,
			Signatures: []string{"a / b -> DOUBLE | DECIMAL"},
			Doc: "Quotient. Integers give DOUBLE (DIV gives the integer); with a DECIMAL on one side and no FLOAT or DOUBLE it is a DECIMAL " +
				"of scale max(6, s1 + p2 + 1), cut to 38 digits as for * and rounded half up. Division by zero is NULL.",
			Examples: []catalog.Example{
				{SQL: "7 / 2", Result: "3.5"}, {SQL: "1 / 0", Result: "NULL"}, {SQL: "1.00 / 3", Result: "0.3333333333333"},
			},
			Resolve: resolveDivide,
		},
		{
			Name: "DIV", Category: arithmetics,
			Signatures: []string{"a DIV b -> integer"},
			Doc: "Quotient of integers or DECIMALs without its fraction (towards zero). Integers give the wider type, DECIMALs BIGINT. " +
				"Division by zero is NULL; a result beyond the type is an error of its row.",
			Examples: []catalog.Example{
				{SQL: "7 DIV 2", Result: "3"}, {SQL: "-7 DIV 2", Result: "-3"}, {SQL: "7 DIV 0", Result: "NULL"}, {SQL: "7.5 DIV 0.5", Result: "15"},
			},
			Resolve: resolveDiv,
		},
		{
			Name: "%", Aliases: []string{"MOD"}, Category: arithmetics,
			Signatures: []string{"a % b -> number", "MOD(a, b) -> number"},
			Doc:        "Remainder of the division towards zero; it has the sign of a. By zero it is NULL. Types as for +.",
			Examples: []catalog.Example{
				{SQL: "MOD(7, 3)", Result: "1"}, {SQL: "-7 % 3", Result: "-1"}, {SQL: "7 % 0", Result: "NULL"}, {SQL: "5.5 % 2", Result: "1.5"},
			},
			Resolve: resolveMod,
		},
		{
			Name: "UNARY -", Aliases: []string{"NEGATIVE"}, Category: arithmetics,
			Signatures: []string{"-x -> number | interval"},
			Doc:        "The negative of x. The least integer of a type has none: an error of its row. NULL if x is NULL.",
			Examples:   []catalog.Example{{SQL: "-(5)", Result: "-5"}, {SQL: "-(0.50)", Result: "-0.50"}},
			Resolve:    func(args []catalog.Arg) (*catalog.Overload, error) { return resolveSigned("UNARY -", args) },
		},
		{
			Name: "UNARY +", Aliases: []string{"POSITIVE"}, Category: arithmetics,
			Signatures: []string{"+x -> number"},
			Doc:        "x itself.",
			Examples:   []catalog.Example{{SQL: "+(5)", Result: "5"}},
			Resolve:    func(args []catalog.Arg) (*catalog.Overload, error) { return resolveSigned("UNARY +", args) },
		},
	}
}

// numericType gives the type in which two numbers are computed; texts are none.
func numericType(name string, args []catalog.Arg) (catalog.Type, error) {
	if err := argCount(name, args, 2, 2); err != nil {
		return catalog.Type{}, err
	}
	a, b := args[0].Type, args[1].Type
	t, ok := catalog.CommonType(a, b)
	if ok && t.Kind == catalog.KindNull {
		return catalog.Int, nil
	}
	if !ok || !t.IsNumeric() {
		return t, noOverload(name, args)
	}
	return t, nil
}

// decimals gives the two sides as DECIMAL types; NULL takes the other's.
func decimals(args []catalog.Arg) (a, b catalog.Type) {
	a, b = args[0].Type.AsDecimal(), args[1].Type.AsDecimal()
	if a.Kind != catalog.KindDecimal {
		a = b
	}
	if b.Kind != catalog.KindDecimal {
		b = a
	}
	return a, b
}

// fitsAlways says whether the type of a decimal result was not cut: then it holds
// every result.
func fitsAlways(result catalog.Type) bool { return result.Precision < catalog.MaxDecimalPrecision }

func strictOverload(t, u, result catalog.Type, canFail bool, k catalog.Kernel) *catalog.Overload {
	return &catalog.Overload{Params: []catalog.Type{t, u}, Result: result, CanFail: canFail, Strict: true, Kernel: k}
}

func resolveAdditive(sign string, args []catalog.Arg) (*catalog.Overload, error) {
	if err := argCount(sign, args, 2, 2); err != nil {
		return nil, err
	}
	if o := timeArithmetic(sign, args[0].Type, args[1].Type); o != nil {
		return o, nil
	}
	t, err := numericType(sign, args)
	if err != nil {
		return nil, err
	}
	minus := sign == "-"
	switch t.Kind {
	case catalog.KindTinyInt:
		return strictOverload(t, t, t, true, additive[int8](t, minus)), nil
	case catalog.KindSmallInt:
		return strictOverload(t, t, t, true, additive[int16](t, minus)), nil
	case catalog.KindInt:
		return strictOverload(t, t, t, true, additive[int32](t, minus)), nil
	case catalog.KindBigInt:
		return strictOverload(t, t, t, true, additive[int64](t, minus)), nil
	case catalog.KindFloat:
		return strictOverload(t, t, t, false, floatAdditive[float32](t, minus)), nil
	case catalog.KindDouble:
		return strictOverload(t, t, t, false, floatAdditive[float64](t, minus)), nil
	}
	a, b := decimals(args)
	result := decimal.AddType(a, b)
	if a.Scale == b.Scale && fitsAlways(result) {
		return strictOverload(a, b, result, false, decimalSum(result, minus)), nil
	}
	return strictOverload(a, b, result, !fitsAlways(result), decimalBinary(a, b, result, sign, func(x, y decimal.Num) (decimal.Num, bool) {
		if minus {
			y = y.Negate()
		}
		return decimal.AddScaled(x, a.Scale, y, b.Scale, result.Precision, result.Scale)
	})), nil
}

func resolveMultiply(args []catalog.Arg) (*catalog.Overload, error) {
	if err := argCount("*", args, 2, 2); err != nil {
		return nil, err
	}
	if o := intervalProduct(args[0].Type, args[1].Type); o != nil {
		return o, nil
	}
	t, err := numericType("*", args)
	if err != nil {
		return nil, err
	}
	switch t.Kind {
	case catalog.KindTinyInt:
		return strictOverload(t, t, t, true, product[int8](t)), nil
	case catalog.KindSmallInt:
		return strictOverload(t, t, t, true, product[int16](t)), nil
	case catalog.KindInt:
		return strictOverload(t, t, t, true, product[int32](t)), nil
	case catalog.KindBigInt:
		return strictOverload(t, t, t, true, product[int64](t)), nil
	case catalog.KindFloat:
		return strictOverload(t, t, t, false, floatProduct[float32](t)), nil
	case catalog.KindDouble:
		return strictOverload(t, t, t, false, floatProduct[float64](t)), nil
	}
	a, b := decimals(args)
	result := decimal.MultiplyType(a, b)
	drop := a.Scale + b.Scale - result.Scale
	// An integer column times a constant is computed from the integers: the
	// product of two 64-bit numbers, which the type always holds.
	for i, other := range []int{1, 0} {
		if k := args[other].Const; k != nil && args[i].Type.IsInteger() && args[other].Type.Kind == catalog.KindDecimal && drop == 0 {
			if c, ok := kernel.Scalar[decimal.Num](k); ok {
				if v, ok := decimal.Int64(c); ok {
					o := strictOverload(a, b, result, false, scaledInteger(args[i].Type, result, i, v))
					o.Params[i] = args[i].Type
					return o, nil
				}
			}
		}
	}
	return strictOverload(a, b, result, !fitsAlways(result), decimalBinary(a, b, result, "*", func(x, y decimal.Num) (decimal.Num, bool) {
		return decimal.Multiply(x, y, drop, result.Precision)
	})), nil
}

func resolveDivide(args []catalog.Arg) (*catalog.Overload, error) {
	t, err := numericType("/", args)
	if err != nil {
		return nil, err
	}
	if t.Kind == catalog.KindFloat {
		return strictOverload(t, t, t, false, floatQuotient[float32](t)), nil
	}
	if t.Kind != catalog.KindDecimal {
		return strictOverload(catalog.Double, catalog.Double, catalog.Double, false, floatQuotient[float64](catalog.Double)), nil
	}
	a, b := decimals(args)
	result := decimal.DivideType(a, b)
	shift := result.Scale + b.Scale - a.Scale
	return strictOverload(a, b, result, !fitsAlways(result), decimalQuotient(a, b, result, "/", func(x, y decimal.Num) (decimal.Num, bool) {
		return decimal.Divide(x, y, shift, result.Precision)
	})), nil
}

func resolveDiv(args []catalog.Arg) (*catalog.Overload, error) {
	t, err := numericType("DIV", args)
	if err != nil {
		return nil, err
	}
	switch t.Kind {
	case catalog.KindTinyInt:
		return strictOverload(t, t, t, true, integerQuotient[int8](t)), nil
	case catalog.KindSmallInt:
		return strictOverload(t, t, t, true, integerQuotient[int16](t)), nil
	case catalog.KindInt:
		return strictOverload(t, t, t, true, integerQuotient[int32](t)), nil
	case catalog.KindBigInt:
		return strictOverload(t, t, t, true, integerQuotient[int64](t)), nil
	case catalog.KindDecimal:
		a, b := decimals(args)
		return strictOverload(a, b, catalog.BigInt, true, decimalDiv(a, b)), nil
	}
	return nil, fmt.Errorf("DIV is not defined for %s; use /", t)
}

func resolveMod(args []catalog.Arg) (*catalog.Overload, error) {
	t, err := numericType("%", args)
	if err != nil {
		return nil, err
	}
	switch t.Kind {
	case catalog.KindTinyInt:
		return strictOverload(t, t, t, false, remainder[int8](t)), nil
	case catalog.KindSmallInt:
		return strictOverload(t, t, t, false, remainder[int16](t)), nil
	case catalog.KindInt:
		return strictOverload(t, t, t, false, remainder[int32](t)), nil
	case catalog.KindBigInt:
		return strictOverload(t, t, t, false, remainder[int64](t)), nil
	case catalog.KindFloat:
		return strictOverload(t, t, t, false, floatRemainder[float32](t)), nil
	case catalog.KindDouble:
		return strictOverload(t, t, t, false, floatRemainder[float64](t)), nil
	}
	a, b := decimals(args)
	result := decimal.ModType(a, b)
	return strictOverload(a, b, result, !fitsAlways(result), decimalQuotient(a, b, result, "%", func(x, y decimal.Num) (decimal.Num, bool) {
		return decimal.ModScaled(x, a.Scale, y, b.Scale, result.Precision, result.Scale)
	})), nil
}

func resolveSigned(name string, args []catalog.Arg) (*catalog.Overload, error) {
	if err := argCount(name, args, 1, 1); err != nil {
		return nil, err
	}
	t := args[0].Type
	if t.Kind == catalog.KindNull {
		t = catalog.Int
	}
	o := &catalog.Overload{Params: []catalog.Type{t}, Result: t, Strict: true, CanFail: t.IsInteger()}
	if name == "UNARY +" && t.IsNumeric() {
		o.Kernel, o.CanFail = identity, false
		return o, nil
	}
	switch t.Kind {
	case catalog.KindTinyInt:
		o.Kernel = negative[int8](t)
	case catalog.KindSmallInt:
		o.Kernel = negative[int16](t)
	case catalog.KindInt, catalog.KindIntervalMonth:
		o.Kernel = negative[int32](t)
	case catalog.KindBigInt, catalog.KindIntervalDay:
		o.Kernel = negative[int64](t)
	case catalog.KindFloat:
		o.Kernel = floatNegative[float32](t)
	case catalog.KindDouble:
		o.Kernel = floatNegative[float64](t)
	case catalog.KindDecimal:
		o.Kernel = mapDecimal(t, func(x decimal.Num) decimal.Num { return x.Negate() })
	default:
		return nil, noOverload(name, args)
	}
	return o, nil
}

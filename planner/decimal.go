package planner

import (
	"math/big"

	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
)

// sameDecimals gives numeric constants that are compared with a DECIMAL the type
// of that DECIMAL, where it can hold them: amount > 1 compares DECIMAL(10, 2)
// with 1.00 and needs no cast of each row.
func sameDecimals(args []catalog.Expr) []catalog.Expr {
	var t catalog.Type
	for _, a := range args {
		if _, constant := a.(*catalog.Literal); constant {
			continue
		}
		if a.Type().Kind != catalog.KindDecimal || t.Kind == catalog.KindDecimal && !t.Equal(a.Type()) {
			return args
		}
		t = a.Type()
	}
	if t.Kind != catalog.KindDecimal {
		return args
	}
	out := make([]catalog.Expr, len(args))
	for i, a := range args {
		out[i] = a
		if l, ok := a.(*catalog.Literal); ok {
			if exact := asDecimal(l, t); exact != nil {
				out[i] = exact
			}
		}
	}
	return out
}

// asDecimal gives a number as a DECIMAL type, nil if it does not fit exactly.
func asDecimal(l *catalog.Literal, t catalog.Type) *catalog.Literal {
	v, scale := new(big.Int), 0
	switch n := l.Value.(type) {
	case int64:
		if !l.T.IsInteger() {
			return nil
		}
		v.SetInt64(n)
	case decimal128.Num:
		v, scale = n.BigInt(), l.T.Scale
	default:
		return nil
	}
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(t.Scale-scale, scale-t.Scale))), nil)
	if t.Scale >= scale {
		v.Mul(v, power)
	} else {
		rest := new(big.Int)
		v.QuoRem(v, power, rest)
		if rest.Sign() != 0 {
			return nil
		}
	}
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Precision)), nil)
	if v.CmpAbs(limit) >= 0 {
		return nil
	}
	return &catalog.Literal{Value: decimal128.FromBigInt(v), T: t}
}

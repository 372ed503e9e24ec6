package agg

import (
	"math/big"
)

// shapeOf is SKEWNESS, KURTOSIS or KURTOSIS_POP from the distances from the mean,
// which are rational numbers.
func shapeOf(k Kind, x []*big.Rat, mean, squares *big.Rat) string {
	n := int64(len(x))
	if squares.Sign() == 0 || k == Skewness && n < 3 || k == Kurtosis && n < 4 {
		return "NULL"
	}
	third, fourth, count := new(big.Rat), new(big.Rat), new(big.Rat).SetInt64(n)
	for _, v := range x {
		d := new(big.Rat).Sub(v, mean)
		cube := new(big.Rat).Mul(d, new(big.Rat).Mul(d, d))
		third.Add(third, cube)
		fourth.Add(fourth, cube.Mul(cube, d))
	}
	m2, m3, m4 := new(big.Rat).Quo(squares, count), third.Quo(third, count), fourth.Quo(fourth, count)
	if k == Skewness {
		// The square of the result, and its sign.
		v := new(big.Rat).Mul(m3, m3)
		v.Quo(v, new(big.Rat).Mul(m2, new(big.Rat).Mul(m2, m2)))
		v.Mul(v, big.NewRat(n*(n-1), (n-2)*(n-2)))
		root := new(big.Float).SetPrec(400).SetRat(v)
		f, _ := root.Sqrt(root).Float64()
		if m3.Sign() < 0 {
			f = -f
		}
		return show(f)
	}
	v := m4.Quo(m4, m2.Mul(m2, m2))
	if k == KurtosisPop {
		f, _ := v.Sub(v, big.NewRat(3, 1)).Float64()
		return show(f)
	}
	v.Mul(v, big.NewRat(n+1, 1))
	v.Sub(v, big.NewRat(3*(n-1), 1))
	f, _ := v.Mul(v, big.NewRat(n-1, (n-2)*(n-3))).Float64()
	return show(f)
}

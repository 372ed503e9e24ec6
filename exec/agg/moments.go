package agg

import (
	"math"
	"math/big"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/statestore/table"
)

// Variances, correlations and regressions are fixed formulas over exact sums of
// x, y, x*x, y*y and x*y. The product of two doubles is their rounded product and
// its error, itself a double (Dekker; here by a fused multiply-add), so the sums
// are exact, and the formulas are evaluated in numbers wide enough to be exact up
// to one division or root at the end. Nothing cancels, and nothing depends on
// the order of rows.

// pair says whether a statistic is of two columns.
func (k Kind) pair() bool { return k >= CovarPop && k <= RegrR2 }

// shape says whether a statistic is of powers above the square.
func (k Kind) shape() bool { return k >= Skewness && k <= KurtosisPop }

// productSum is the exact sum of one column of doubles, or of a product of two:
// factors are 0 none, 1 the first argument, 2 the second.
type productSum struct {
	floatSum
	left, right uint8
}

func (in *vector) factor(which uint8) []float64 {
	if which == 2 {
		return in.seconds
	}
	return in.floats
}

func (p productSum) update(g *Groups, in *vector)  { p.add(g, in, 1) }
func (p productSum) retract(g *Groups, in *vector) { p.add(g, in, -1) }

func (p productSum) add(g *Groups, in *vector, sign int) {
	xs := in.factor(p.left)
	if p.right == 0 {
		for i, row := range in.rows {
			hash.At[expansion](row, p.word).add(xs[i], sign, g.spills)
		}
		return
	}
	ys := in.factor(p.right)
	for i, row := range in.rows {
		hash.At[expansion](row, p.word).addProduct(xs[i], ys[i], sign, g.spills)
	}
}

// powerSum is the exact sum of the cubes or fourth powers of a column of doubles.
// A power is the sum of the products of the two doubles that the square is, each of
// them again a product and its error.
type powerSum struct {
	floatSum
	fourth bool
}

func (p powerSum) update(g *Groups, in *vector)  { p.add(g, in, 1) }
func (p powerSum) retract(g *Groups, in *vector) { p.add(g, in, -1) }

func (p powerSum) add(g *Groups, in *vector, sign int) {
	for i, row := range in.rows {
		s, x := hash.At[expansion](row, p.word), in.floats[i]
		square := x * x
		rest := math.FMA(x, x, -square)
		if rest-rest != 0 {
			rest = 0 // the square is no finite number
		}
		if !p.fourth {
			s.addProduct(x, square, sign, g.spills)
			s.addProduct(x, rest, sign, g.spills)
			continue
		}
		s.addProduct(square, square, sign, g.spills)
		s.addProduct(2*square, rest, sign, g.spills)
		s.addProduct(rest, rest, sign, g.spills)
	}
}

// addProduct adds x*y: the rounded product, and its error if that is finite.
func (s *expansion) addProduct(x, y float64, sign int, spills *table.Rows) {
	prod := x * y
	s.add(prod, sign, spills)
	if rest := math.FMA(x, y, -prod); rest != 0 && rest-rest == 0 {
		s.add(rest, sign, spills)
	}
}

// momentOutput computes a statistic of sums.
type momentOutput struct {
	result
	kind Kind
	sums [7]floatSum // by sumX and the others
}

const (
	sumX = iota
	sumY
	sumXX
	sumYY
	sumXY
	sumThird
	sumFourth
)

// momentOutput is the output of a statistic. Of two arguments the first is y.
func (a *Aggregator) momentOutput(c Call, l *lane, r result) output {
	o := momentOutput{result: r, kind: c.Kind}
	if c.Kind == RegrCount {
		return countOutput{r}
	}
	x, y := uint8(1), uint8(0)
	if c.Kind.pair() {
		x, y = 2, 1
	}
	sum := func(at int, name string, left, right uint8) {
		if left == 1 && right == 0 {
			name = "sum" // which SUM and AVG of the first argument have too
			o.sums[at] = a.floatSum(l)
			return
		}
		o.sums[at] = share(a, l, name, expansionWords, func(w int) productSum {
			a.sums = append(a.sums, floatSum{w})
			return productSum{floatSum{w}, left, right}
		}).floatSum
	}
	sum(sumX, "x", x, 0)
	sum(sumXX, "xx", x, x)
	if c.Kind.shape() {
		power := func(at int, name string, fourth bool) {
			o.sums[at] = share(a, l, name, expansionWords, func(w int) powerSum {
				a.sums = append(a.sums, floatSum{w})
				return powerSum{floatSum{w}, fourth}
			}).floatSum
		}
		power(sumThird, "xxx", false)
		if c.Kind != Skewness {
			power(sumFourth, "xxxx", true)
		}
	}
	if y != 0 {
		sum(sumY, "y", y, 0)
		sum(sumYY, "yy", y, y)
		sum(sumXY, "xy", x, y)
	}
	return o
}

// floatSum is the lane's sum of its first argument.
func (a *Aggregator) floatSum(l *lane) floatSum {
	return share(a, l, "sum", expansionWords, func(w int) floatSum {
		a.sums = append(a.sums, floatSum{w})
		return floatSum{w}
	})
}

func (o momentOutput) emit(g *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	valid := o.validity(rows, alloc)
	out := make([]float64, len(rows))
	for i, row := range rows {
		n := o.count.value(row)
		if n <= 0 {
			continue
		}
		v, ok := o.value(g, row, n)
		if !ok {
			valid = invalid(valid, i, len(rows), alloc)
			continue
		}
		out[i] = v
	}
	return colvec.FloatColumn(o.dt, len(rows), valid, alloc, func(i int) float64 { return out[i] })
}

// Widths of the numbers that the formulas are evaluated in, in bits: a sum of
// doubles, a product of two such sums, one of three, and a result.
const (
	sumBits    = 2200
	squareBits = 2*sumBits + 64
	cubeBits   = 3*sumBits + 128
	resultBits = 128
)

// moments are the exact sums of a group.
type moments struct {
	n                *big.Float
	x, y, xx, yy, xy *big.Float
	xxx, xxxx        *big.Float
}

// spread is n*ab - a*b: n*n times the covariance.
func (m *moments) spread(ab, a, b *big.Float) *big.Float {
	left := wide(squareBits).Mul(m.n, ab)
	return left.Sub(left, wide(squareBits).Mul(a, b))
}

func wide(bits uint) *big.Float { return new(big.Float).SetPrec(bits) }

// value is the statistic of a group of n rows; false: NULL.
func (o momentOutput) value(g *Groups, row hash.Row, n int64) (float64, bool) {
	if n < 2 && (o.kind == VarSamp || o.kind == StddevSamp || o.kind == CovarSamp) {
		return 0, false
	}
	m := moments{n: wide(64).SetInt64(n)}
	finite := true
	for at, to := range [...]**big.Float{&m.x, &m.y, &m.xx, &m.yy, &m.xy, &m.xxx, &m.xxxx} {
		if at == sumX || at == sumXX || at <= sumXY && o.kind.pair() || at == sumThird && o.kind.shape() || at == sumFourth && o.kind.shape() && o.kind != Skewness {
			ok := false
			*to, ok = hash.At[expansion](row, o.sums[at].word).exact(g.spills)
			finite = finite && ok
		}
	}
	if !finite {
		return math.NaN(), true
	}
	switch o.kind {
	case RegrAvgX:
		return ratio(m.x, m.n), true
	case RegrAvgY:
		return ratio(m.y, m.n), true
	case RegrSXX:
		return ratio(m.spread(m.xx, m.x, m.x), m.n), true
	case RegrSYY:
		return ratio(m.spread(m.yy, m.y, m.y), m.n), true
	case RegrSXY:
		return ratio(m.spread(m.xy, m.x, m.y), m.n), true
	}
	nn := wide(128).Mul(m.n, m.n)
	less := wide(128).Sub(nn, m.n) // n*(n-1)
	switch o.kind {
	case VarPop:
		return ratio(m.spread(m.xx, m.x, m.x), nn), true
	case VarSamp:
		return ratio(m.spread(m.xx, m.x, m.x), less), true
	case StddevPop:
		return math.Sqrt(ratio(m.spread(m.xx, m.x, m.x), nn)), true
	case StddevSamp:
		return math.Sqrt(ratio(m.spread(m.xx, m.x, m.x), less)), true
	case CovarPop:
		return ratio(m.spread(m.xy, m.x, m.y), nn), true
	case CovarSamp:
		return ratio(m.spread(m.xy, m.x, m.y), less), true
	case Skewness:
		return m.skewness(n)
	case Kurtosis, KurtosisPop:
		return m.kurtosis(n, o.kind == Kurtosis)
	}
	return m.regression(o.kind)
}

// regression is a statistic that divides by a variance.
func (m *moments) regression(k Kind) (float64, bool) {
	vx, vy, c := m.spread(m.xx, m.x, m.x), m.spread(m.yy, m.y, m.y), m.spread(m.xy, m.x, m.y)
	if vx.Sign() <= 0 || k == Corr && vy.Sign() <= 0 {
		return 0, false
	}
	switch k {
	case RegrSlope:
		return ratio(c, vx), true
	case RegrIntercept:
		top := wide(cubeBits).Mul(m.y, vx)
		top.Sub(top, wide(cubeBits).Mul(m.x, c))
		return ratio(top, wide(cubeBits).Mul(m.n, vx)), true
	case RegrR2:
		if vy.Sign() <= 0 {
			return 1, true
		}
		return ratio(wide(2*squareBits).Mul(c, c), wide(2*squareBits).Mul(vx, vy)), true
	}
	// CORR. The root is taken of a number of 256 bits, far more than the result has.
	root := wide(256).Mul(vx, vy)
	root.Sqrt(root)
	return min(1, max(-1, ratio(c, root))), true
}

// ratio is a/b, rounded; zero is +0.
func ratio(a, b *big.Float) float64 {
	if a.Sign() == 0 {
		return 0
	}
	f, _ := wide(resultBits).Quo(a, b).Float64()
	return f
}

// exact is the sum as a number; false if it is not finite.
func (s *expansion) exact(spills *table.Rows) (*big.Float, bool) {
	if id, ok := s.spilled(); ok {
		return superAt(spills, id).exact()
	}
	sum := wide(sumBits).SetFloat64(s[0])
	for _, t := range s[1:] {
		if t != 0 {
			sum.Add(sum, new(big.Float).SetFloat64(t))
		}
	}
	return sum, true
}

// exact is the sum as a number; false if it is not finite.
func (a *superacc) exact() (*big.Float, bool) {
	if a[superNaN] != 0 || a[superPlus] != 0 || a[superMinus] != 0 {
		return nil, false
	}
	sum := new(big.Int)
	for i := superLimbs - 1; i >= 0; i-- {
		sum.Lsh(sum, 64).Or(sum, new(big.Int).SetUint64(a[i]))
	}
	if a[superLimbs-1]>>63 != 0 {
		sum.Sub(sum, new(big.Int).Lsh(big.NewInt(1), 64*superLimbs))
	}
	f := wide(sumBits).SetInt(sum)
	return f.SetMantExp(f, -1074), true
}

var _ retractor = productSum{}

package expr

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/decimal"
	"github.com/streamsql/streamsql/exec/expr/exprtest"
)

// mutated gives some other value of a literal's type: extremes, any bytes.
func mutated(r *rand.Rand, l *catalog.Literal) *catalog.Literal {
	one := *l
	switch v := l.Value.(type) {
	case string:
		b := []byte(v)
		for range 1 + r.IntN(3) {
			switch at := r.IntN(len(b) + 1); r.IntN(3) {
			case 0:
				b = append(b[:at:at], append([]byte{byte(r.IntN(256))}, b[at:]...)...)
			case 1:
				b = b[:at]
			default:
				b = append(b, []string{"%", "_", "é", "'", "(", "[", "\xff", "-", "9", "2024-02-29", "$"}[r.IntN(11)]...)
			}
		}
		one.Value = string(b)
	case []byte:
		one.Value = append([]byte{byte(r.IntN(256))}, v...)
	case int64:
		limit := int64(math.MaxInt64)
		switch {
		case l.T.IsInteger() || l.T.Kind == catalog.KindIntervalMonth:
			limit = 1<<(l.T.Arrow().(arrow.FixedWidthDataType).BitWidth()-1) - 1
		case l.T.Kind == catalog.KindDate:
			limit = 2932896
		case l.T.Kind == catalog.KindTime:
			one.Value = r.Int64N(86400e6)
			return &one
		default:
			limit = 2932896 * 86400e6
		}
		one.Value = []int64{0, 1, -1, limit, -limit, -limit - 1, r.Int64N(300), -r.Int64N(300)}[r.IntN(8)]
		if l.T.Kind == catalog.KindIntervalMonth { // years that calendars have
			one.Value = r.Int64N(100000) - 50000
		}
	case float64:
		one.Value = []float64{0, math.NaN(), math.Inf(1), math.Inf(-1), -1, 1e300, 0.5}[r.IntN(7)]
		if l.T.Kind == catalog.KindFloat {
			one.Value = []float64{0, math.NaN(), math.Inf(1), -1, 0.5}[r.IntN(5)]
		}
	case decimal128.Num:
		most := decimal.Pow10(l.T.Precision).Sub(decimal128.FromI64(1))
		one.Value = []decimal128.Num{{}, most, most.Negate(), decimal128.FromI64(1), decimal128.FromI64(5)}[r.IntN(5)]
	case bool:
		one.Value = !v
	}
	return &one
}

// TestAnyValues runs the examples with other values in place of theirs: whatever
// comes out, it is the same in batches of all shapes, over columns and
// constants, and nothing panics.
func TestAnyValues(t *testing.T) {
	fns := Functions()
	r := rand.New(rand.NewPCG(21, 22))
	for _, f := range fns.All() {
		if f.Volatility != catalog.Immutable {
			continue
		}
		for _, ex := range f.Examples {
			for range 3 {
				e, err := exprtest.Scope{Functions: fns}.Parse(ex.SQL)
				if err != nil {
					t.Fatal(err)
				}
				// First all literals as columns, to change them; then some back as
				// constants, of which the results must be the same.
				l := lift(e, func() bool { return true })
				for i, v := range l.values {
					if r.IntN(3) > 0 {
						l.values[i] = mutated(r, v)
					}
				}
				want := l.single(t, true)
				l.check(t, r, want)
				l.constants(func() bool { return r.IntN(2) == 0 }).check(t, r, want)
			}
		}
	}
}

// constants puts some of the values back into the expression.
func (l lifted) constants(take func() bool) lifted {
	kept := lifted{}
	var back func(e catalog.Expr) catalog.Expr
	list := func(in []catalog.Expr) []catalog.Expr {
		out := make([]catalog.Expr, len(in))
		for i, x := range in {
			out[i] = back(x)
		}
		return out
	}
	back = func(e catalog.Expr) catalog.Expr {
		switch e := e.(type) {
		case *catalog.ColumnRef:
			v := l.values[e.Index]
			if take() {
				return v
			}
			kept.values = append(kept.values, v)
			return &catalog.ColumnRef{Index: len(kept.values) - 1, T: e.T}
		case *catalog.Call:
			return &catalog.Call{Fn: e.Fn, Overload: e.Overload, Args: list(e.Args)}
		case *catalog.Cast:
			return &catalog.Cast{Of: back(e.Of), T: e.T, Safe: e.Safe}
		case *catalog.Member:
			return &catalog.Member{Of: back(e.Of), Index: e.Index, T: e.T}
		case *catalog.And:
			return &catalog.And{Args: list(e.Args)}
		case *catalog.Or:
			return &catalog.Or{Args: list(e.Args)}
		case *catalog.Coalesce:
			return &catalog.Coalesce{Args: list(e.Args), T: e.T}
		}
		return e
	}
	kept.expr = back(l.expr)
	return kept
}

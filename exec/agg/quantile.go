package agg

import (
	"math"
	"math/big"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// percentiles are percentiles of a ranked bag: one per fraction and group.
type percentiles struct {
	bag       *bag
	at        int
	fractions []Fraction
	list      arrow.DataType // of an array of results; nil: one result
}

// ranks calls fn for each fraction of each group with values.
func (o *percentiles) ranks(tr tree, rows []hash.Row, fn func(i int, group hash.Row, n int64, f Fraction), none func(i int)) {
	for i, group := range rows {
		n := tr.total(group)
		for _, f := range o.fractions {
			if n == 0 {
				none(i)
			} else {
				fn(i, group, n, f)
			}
		}
	}
}

// wrap makes arrays of the results of each group.
func (o *percentiles) wrap(values arrow.Array, tr tree, rows []hash.Row, alloc memory.Allocator) arrow.Array {
	if o.list == nil {
		return values
	}
	offBuf := column.NewBuffer(alloc, 4*(len(rows)+1))
	offs := column.As[int32](offBuf, len(rows)+1)
	var valid *memory.Buffer
	for i := range offs {
		offs[i] = int32(i * len(o.fractions))
		if i < len(rows) && tr.total(rows[i]) == 0 {
			valid = invalid(valid, i, len(rows), alloc)
		}
	}
	return column.Make(o.list, len(rows), -1, []*memory.Buffer{valid, offBuf}, values)
}

// discOutput is PERCENTILE_DISC, and APPROX_PERCENTILE over the buckets of a
// sketch.
type discOutput struct {
	percentiles
	picked
}

func (o *discOutput) emit(g *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	t := g.bags[o.bag.at]
	tr := o.bag.tree(t)
	o.reset()
	o.ranks(tr, rows, func(_ int, group hash.Row, n int64, f Fraction) {
		k, rest := f.of(n)
		if rest == 0 && k > 0 {
			k--
		}
		o.add(tr.nth(group, k), true)
	}, func(int) { o.add(hash.Row{}, false) })
	return o.wrap(o.column(t.Source(), alloc), tr, rows, alloc)
}

// contOutput is PERCENTILE_CONT of doubles.
type contOutput struct {
	percentiles
	dt arrow.DataType
}

func (o *contOutput) emit(g *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	tr := o.bag.tree(g.bags[o.bag.at])
	layout, ci := o.bag.rec.layout, o.bag.rec.base+o.at
	total := len(rows) * len(o.fractions)
	out := make([]float64, 0, total)
	var valid *memory.Buffer
	o.ranks(tr, rows, func(_ int, group hash.Row, n int64, f Fraction) {
		k, rest := f.of(n - 1)
		v := layout.Float(ci, tr.nth(group, k))
		if rest != 0 {
			v = between(v, layout.Float(ci, tr.nth(group, k+1)), rest, f.Den)
		}
		out = append(out, v)
	}, func(int) {
		valid = invalid(valid, len(out), total, alloc)
		out = append(out, 0)
	})
	values := colvec.FloatColumn(o.dt, total, valid, alloc, func(i int) float64 { return out[i] })
	return o.wrap(values, tr, rows, alloc)
}

// between is the number num/den of the way from v to w, rounded once.
func between(v, w float64, num, den uint64) float64 {
	switch {
	case v == w:
		return v // infinities too
	case v-v != 0 || w-w != 0:
		return v + (w-v)*(float64(num)/float64(den))
	}
	sum := wide(sumBits).Mul(new(big.Float).SetFloat64(v), new(big.Float).SetUint64(den-num))
	sum.Add(sum, wide(sumBits).Mul(new(big.Float).SetFloat64(w), new(big.Float).SetUint64(num)))
	return ratio(sum, new(big.Float).SetUint64(den))
}

// A DDSketch (Masson, Rim and Lee, VLDB 2019) counts values in buckets whose
// bounds are powers of gamma, so that the middle of a bucket is off by a relative
// error of at most accuracy. Here the middle stands for the value, and the bag of
// middles is the sketch: a multiset of few different values.
type sketch struct{ gamma, log float64 }

func newSketch(accuracy float64) sketch {
	gamma := (1 + accuracy) / (1 - accuracy)
	return sketch{gamma, math.Log(gamma)}
}

// middle is the middle of the bucket of x. Zero, NaN and the infinities have
// buckets of their own.
func (s sketch) middle(x float64) float64 {
	if x == 0 || x-x != 0 {
		return x
	}
	// 2 gamma^k / (gamma+1), with gamma^k by its logarithm: it may be beyond the range.
	k := math.Ceil(math.Log(math.Abs(x)) / s.log)
	m := math.Exp(k*s.log + math.Ln2 - math.Log1p(s.gamma))
	if m > math.MaxFloat64 || m == 0 {
		m = math.Abs(x)
	}
	return math.Copysign(m, x)
}

package agg

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// codeOverflow is the error code of a result that its type does not hold.
const codeOverflow = "overflow"

// outputOf gives the output of a call whose rows come from lane l, and sees to
// the accumulators that it reads.
func (a *Aggregator) outputOf(c Call, l *lane) output {
	r := result{dt: c.Result.Arrow(), count: l.count}
	t := c.Spec.Arg
	switch {
	case c.Kind == Count:
		return countOutput{r}
	case c.Kind == ApproxCountDistinct:
		return hllOutput{r.dt, share(a, l, "hll", 1, func(w int) hll {
			a.hlls = append(a.hlls, hll{w, l.form})
			return hll{w, l.form}
		})}
	case t.Kind == catalog.KindNull:
		return nullOutput{r}
	case c.Kind == Min || c.Kind == Max:
		return a.minmaxOutput(c, l, r)
	case c.Kind == BitAnd || c.Kind == BitOr || c.Kind == BitXor:
		return a.bitOutput(c, l, r)
	case c.Kind >= VarPop && c.Kind <= RegrR2:
		return a.momentOutput(c, l, r)
	case t.IsInteger() || t.IsInterval() || t.Kind == catalog.KindBoolean:
		sum := share(a, l, "sum", 2, func(w int) intSum { return intSum{w} })
		switch {
		case c.Kind == BoolAnd || c.Kind == BoolOr:
			return boolOutput{r, sum, c.Kind == BoolAnd}
		case c.Kind == CountIf:
			return countIfOutput{r, sum}
		case c.Kind == Avg && t.IsInterval():
			return intervalAvgOutput{r, sum}
		case c.Kind == Avg:
			return intAvgOutput{r, sum}
		}
		return intSumOutput{r, sum, c.Result}
	case t.IsFloating():
		sum := a.floatSum(l)
		return floatOutput{r, sum, c.Kind == Avg}
	}
	sum := share(a, l, "sum", 3, func(w int) decimalSum { return decimalSum{w} })
	if c.Kind == Avg {
		return decimalAvgOutput{r, sum, c.Result.Scale - t.Scale}
	}
	return decimalSumOutput{r, sum}
}

func (a *Aggregator) minmaxOutput(c Call, l *lane, r result) output {
	name, max := c.Kind.String(), c.Kind == Max
	switch formOf(c.Spec.Arg) {
	case formFloats:
		return floatMinmaxOutput{r, share(a, l, name, 1, func(w int) minmaxFloat { return minmaxFloat{minmaxInt{w, max}} })}
	case formDecimal:
		return decimalMinmaxOutput{r, share(a, l, name, 2, func(w int) minmaxDecimal { return minmaxDecimal{w, max} })}
	case formBytes:
		return bytesMinmaxOutput{r, share(a, l, name, 2, func(w int) minmaxBytes {
			a.views = append(a.views, heldBytes{w})
			return minmaxBytes{heldBytes{w}, max}
		})}
	}
	return intMinmaxOutput{r, share(a, l, name, 1, func(w int) minmaxInt { return minmaxInt{w, max} })}
}

// result is what all outputs have: the type, and the number of values, without
// any of which the result is NULL.
type result struct {
	dt    arrow.DataType
	count counter
}

// validity gives the validity bitmap, nil if no group is without values.
func (r result) validity(rows []hash.Row, alloc memory.Allocator) *memory.Buffer {
	var valid *memory.Buffer
	for i, row := range rows {
		if r.count.value(row) == 0 {
			valid = invalid(valid, i, len(rows), alloc)
		}
	}
	return valid
}

// invalid makes value i NULL in a bitmap that may be nil so far.
func invalid(valid *memory.Buffer, i, n int, alloc memory.Allocator) *memory.Buffer {
	if valid == nil {
		valid = column.NewBuffer(alloc, column.BitmapBytes(n))
		for j := range valid.Bytes() {
			valid.Bytes()[j] = 0xff
		}
	}
	column.ClearBit(valid.Bytes(), i)
	return valid
}

type countOutput struct{ result }

func (o countOutput) emit(_ *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	return colvec.IntColumn(o.dt, len(rows), nil, alloc, func(i int) int64 { return o.count.value(rows[i]) })
}

type nullOutput struct{ result }

func (o nullOutput) emit(_ *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	if o.dt.ID() == arrow.NULL {
		return array.NewNull(len(rows))
	}
	return column.NewNull(alloc, o.dt, len(rows))
}

type intSumOutput struct {
	result
	sum intSum
	typ catalog.Type
}

func (o intSumOutput) emit(_ *Groups, rows []hash.Row, alloc memory.Allocator, fail Fail) arrow.Array {
	valid := o.validity(rows, alloc)
	for i, row := range rows {
		w := hash.At[[2]uint64](row, o.sum.word)
		if w[1] != uint64(int64(w[0])>>63) || o.typ.Kind == catalog.KindIntervalMonth && int64(w[0]) != int64(int32(w[0])) {
			fail(i, codeOverflow, "SUM leaves the range of "+o.typ.String())
			valid = invalid(valid, i, len(rows), alloc)
		}
	}
	return colvec.IntColumn(o.dt, len(rows), valid, alloc, func(i int) int64 {
		return *hash.At[int64](rows[i], o.sum.word)
	})
}

type intAvgOutput struct {
	result
	sum intSum
}

func (o intAvgOutput) emit(_ *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	return colvec.FloatColumn(o.dt, len(rows), o.validity(rows, alloc), alloc, func(i int) float64 {
		w := hash.At[[2]uint64](rows[i], o.sum.word)
		n := o.count.value(rows[i])
		if n <= 0 {
			return 0
		}
		return quotient(w[0], w[1], uint64(n))
	})
}

// intervalAvgOutput is AVG of microseconds or months, rounded half up.
type intervalAvgOutput struct {
	result
	sum intSum
}

func (o intervalAvgOutput) emit(_ *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	return colvec.IntColumn(o.dt, len(rows), o.validity(rows, alloc), alloc, func(i int) int64 {
		w, n := hash.At[[2]uint64](rows[i], o.sum.word), o.count.value(rows[i])
		if n <= 0 {
			return 0
		}
		d, _ := decimalQuotient([3]uint64{w[0], w[1], uint64(int64(w[1]) >> 63)}, uint64(n), 0)
		return int64(d.LowBits())
	})
}

type floatOutput struct {
	result
	sum floatSum
	avg bool
}

func (o floatOutput) emit(g *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	return colvec.FloatColumn(o.dt, len(rows), o.validity(rows, alloc), alloc, func(i int) float64 {
		s := hash.At[expansion](rows[i], o.sum.word).round(g.spills)
		if o.avg {
			s /= float64(max(1, o.count.value(rows[i])))
		}
		return s
	})
}

type decimalSumOutput struct {
	result
	sum decimalSum
}

func (o decimalSumOutput) emit(_ *Groups, rows []hash.Row, alloc memory.Allocator, fail Fail) arrow.Array {
	valid := o.validity(rows, alloc)
	for i, row := range rows {
		if _, ok := decimalOf(*hash.At[[3]uint64](row, o.sum.word)); !ok {
			fail(i, codeOverflow, "SUM has more than 38 digits")
			valid = invalid(valid, i, len(rows), alloc)
		}
	}
	return colvec.DecimalColumn(o.dt, len(rows), valid, alloc, func(i int) decimal128.Num {
		d, _ := decimalOf(*hash.At[[3]uint64](rows[i], o.sum.word))
		return d
	})
}

type decimalAvgOutput struct {
	result
	sum decimalSum
	up  int // digits of scale that the result has more
}

func (o decimalAvgOutput) emit(_ *Groups, rows []hash.Row, alloc memory.Allocator, fail Fail) arrow.Array {
	valid := o.validity(rows, alloc)
	avgs := make([]decimal128.Num, len(rows))
	for i, row := range rows {
		n := o.count.value(row)
		if n <= 0 {
			continue
		}
		var ok bool
		if avgs[i], ok = decimalQuotient(*hash.At[[3]uint64](row, o.sum.word), uint64(n), o.up); !ok {
			fail(i, codeOverflow, "AVG has more than 38 digits")
			valid = invalid(valid, i, len(rows), alloc)
		}
	}
	return colvec.DecimalColumn(o.dt, len(rows), valid, alloc, func(i int) decimal128.Num { return avgs[i] })
}

type intMinmaxOutput struct {
	result
	best minmaxInt
}

func (o intMinmaxOutput) emit(_ *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	return colvec.IntColumn(o.dt, len(rows), o.validity(rows, alloc), alloc, func(i int) int64 { return o.best.value(rows[i]) })
}

type floatMinmaxOutput struct {
	result
	best minmaxFloat
}

func (o floatMinmaxOutput) emit(_ *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	return colvec.FloatColumn(o.dt, len(rows), o.validity(rows, alloc), alloc, func(i int) float64 {
		if o.count.value(rows[i]) == 0 {
			return 0
		}
		return o.best.value(rows[i])
	})
}

type decimalMinmaxOutput struct {
	result
	best minmaxDecimal
}

func (o decimalMinmaxOutput) emit(_ *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	return colvec.DecimalColumn(o.dt, len(rows), o.validity(rows, alloc), alloc, func(i int) decimal128.Num { return o.best.value(rows[i]) })
}

type bytesMinmaxOutput struct {
	result
	best minmaxBytes
}

func (o bytesMinmaxOutput) emit(g *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	src := hash.Source{Arena: g.strs}
	return colvec.BytesColumn(o.dt, len(rows), o.validity(rows, alloc), alloc, func(i int, dst []byte) []byte {
		v := *hash.At[[2]uint64](rows[i], o.best.word)
		v[0] &^= viewPresent
		return hash.AppendView(dst, v, src)
	})
}

package agg

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// bitOr is BIT_OR of integers, and BIT_AND as the complement of BIT_OR of the
// complements, so that zero is the state of no rows.
type bitOr struct {
	word int
	flip int64 // -1: BIT_AND
}

func (b bitOr) update(_ *Groups, in *vector) {
	vals := in.ints[:len(in.rows)]
	for i, row := range in.rows {
		*hash.At[int64](row, b.word) |= vals[i] ^ b.flip
	}
}

func (b bitOr) merge(_ *Groups, dst, src []hash.Row, _ *origin) {
	for i, row := range dst {
		*hash.At[int64](row, b.word) |= *hash.At[int64](src[i], b.word)
	}
}

func (b bitOr) value(row hash.Row) int64 { return *hash.At[int64](row, b.word) ^ b.flip }

// bitXor is BIT_XOR, which is its own inverse.
type bitXor struct{ word int }

func (b bitXor) update(_ *Groups, in *vector) {
	vals := in.ints[:len(in.rows)]
	for i, row := range in.rows {
		*hash.At[int64](row, b.word) ^= vals[i]
	}
}

func (b bitXor) merge(_ *Groups, dst, src []hash.Row, _ *origin) {
	for i, row := range dst {
		*hash.At[int64](row, b.word) ^= *hash.At[int64](src[i], b.word)
	}
}

func (b bitXor) retract(g *Groups, in *vector)                         { b.update(g, in) }
func (b bitXor) subtract(g *Groups, dst, src []hash.Row, from *origin) { b.merge(g, dst, src, from) }
func (b bitXor) value(row hash.Row) int64                              { return *hash.At[int64](row, b.word) }

// bitCounts counts, for each bit, the values that have it, so that BIT_AND and
// BIT_OR can take rows back.
type bitCounts struct {
	word, bits int
	flip       int64
}

func (b bitCounts) add(in *vector, by int64) {
	for i, row := range in.rows {
		v := in.ints[i] ^ b.flip
		for k := range b.bits {
			*hash.At[int64](row, b.word+k) += by & -(v >> k & 1)
		}
	}
}

func (b bitCounts) update(_ *Groups, in *vector)  { b.add(in, 1) }
func (b bitCounts) retract(_ *Groups, in *vector) { b.add(in, -1) }

func (b bitCounts) merge(_ *Groups, dst, src []hash.Row, _ *origin) { b.combine(dst, src, 1) }

func (b bitCounts) subtract(_ *Groups, dst, src []hash.Row, _ *origin) { b.combine(dst, src, -1) }

func (b bitCounts) combine(dst, src []hash.Row, sign int64) {
	for i, row := range dst {
		for k := range b.bits {
			*hash.At[int64](row, b.word+k) += sign * *hash.At[int64](src[i], b.word+k)
		}
	}
}

func (b bitCounts) value(row hash.Row) int64 {
	v := int64(0)
	for k := range b.bits {
		if *hash.At[int64](row, b.word+k) > 0 {
			v |= 1 << k
		}
	}
	return v ^ b.flip
}

// bitOutput reads any of these.
type bitOutput struct {
	result
	value func(row hash.Row) int64
}

func (o bitOutput) emit(_ *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	return colvec.IntColumn(o.dt, len(rows), o.validity(rows, alloc), alloc, func(i int) int64 { return o.value(rows[i]) })
}

func (a *Aggregator) bitOutput(c Call, l *lane, r result) output {
	flip := int64(0)
	if c.Kind == BitAnd {
		flip = -1
	}
	switch {
	case c.Kind == BitXor:
		return bitOutput{r, share(a, l, "xor", 1, func(w int) bitXor { return bitXor{w} }).value}
	case a.retract:
		bits := 8 << (c.Spec.Arg.Kind - catalog.KindTinyInt)
		return bitOutput{r, share(a, l, c.Kind.String(), bits, func(w int) bitCounts { return bitCounts{w, bits, flip} }).value}
	}
	return bitOutput{r, share(a, l, c.Kind.String(), 1, func(w int) bitOr { return bitOr{w, flip} }).value}
}

// boolOutput is BOOL_AND and BOOL_OR, of the number of values that are TRUE.
type boolOutput struct {
	result
	sum intSum
	all bool
}

func (o boolOutput) emit(_ *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	return colvec.IntColumn(o.dt, len(rows), o.validity(rows, alloc), alloc, func(i int) int64 {
		yes := *hash.At[int64](rows[i], o.sum.word)
		if o.all && yes == o.count.value(rows[i]) || !o.all && yes > 0 {
			return 1
		}
		return 0
	})
}

// countIfOutput is the number of values that are TRUE.
type countIfOutput struct {
	result
	sum intSum
}

func (o countIfOutput) emit(_ *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	return colvec.IntColumn(o.dt, len(rows), nil, alloc, func(i int) int64 { return *hash.At[int64](rows[i], o.sum.word) })
}

var (
	_ accumulator = bitOr{}
	_ retractor   = bitXor{}
	_ retractor   = bitCounts{}
)

package agg

import (
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/hash"
)

// accumulator is one piece of aggregate state: some words of each group's row.
// All its methods work on many rows; a row of zeros is the state of no rows.
type accumulator interface {
	// update adds the vector's rows to their groups.
	update(g *Groups, in *vector)
	// merge adds the state of row src[i], of the same layout, to group dst[i].
	merge(g *Groups, dst, src []hash.Row, from *origin)
}

// retractor is an accumulator from which rows can be taken out.
type retractor interface {
	accumulator
	// retract takes the vector's rows out of their groups, where they need not
	// have arrived yet.
	retract(g *Groups, in *vector)
	// subtract undoes merge.
	subtract(g *Groups, dst, src []hash.Row, from *origin)
}

// output computes a result column.
type output interface {
	// emit gives the results of the groups in rows. A group whose result is in
	// error is passed to fail and NULL.
	emit(g *Groups, rows []hash.Row, alloc memory.Allocator, fail Fail) arrow.Array
}

// Fail takes an error of result row i.
type Fail func(i int, code, message string)

// origin says what the rows being merged refer to.
type origin struct {
	keys   hash.Source
	strs   hash.Source
	spills spillSource
	// sketches is where APPROX_COUNT_DISTINCT has its hashes.
	sketches *sketches
}

// counter counts rows in a word of its own, or, with word 0, in the row header,
// where the Aggregator counts all rows.
type counter struct{ word int }

func (c counter) update(_ *Groups, in *vector) {
	for _, row := range in.rows {
		*hash.At[int64](row, c.word)++
	}
}

func (c counter) retract(_ *Groups, in *vector) {
	for _, row := range in.rows {
		*hash.At[int64](row, c.word)--
	}
}

func (c counter) merge(_ *Groups, dst, src []hash.Row, _ *origin) {
	for i, row := range dst {
		*hash.At[int64](row, c.word) += *hash.At[int64](src[i], c.word)
	}
}

func (c counter) subtract(_ *Groups, dst, src []hash.Row, _ *origin) {
	for i, row := range dst {
		*hash.At[int64](row, c.word) -= *hash.At[int64](src[i], c.word)
	}
}

func (c counter) value(row hash.Row) int64 {
	if c.word == 0 {
		return rowCount(row)
	}
	return *hash.At[int64](row, c.word)
}

// rowCount is the header's count of rows.
func rowCount(row hash.Row) int64 { return int64(*row.Header()) >> 16 }

// countRows adds n to the headers' counts.
func countRows(rows []hash.Row, n int64) {
	for _, row := range rows {
		*row.Header() += uint64(n << 16)
	}
}

// intSum adds integers in 128 bits, which 2^64 of them can't overflow.
type intSum struct{ word int }

func (s intSum) update(_ *Groups, in *vector) {
	vals := in.ints[:len(in.rows)]
	for i, row := range in.rows {
		w := hash.At[[2]uint64](row, s.word)
		lo, c := bits.Add64(w[0], uint64(vals[i]), 0)
		w[0] = lo
		w[1] += uint64(vals[i]>>63) + c
	}
}

func (s intSum) retract(_ *Groups, in *vector) {
	vals := in.ints[:len(in.rows)]
	for i, row := range in.rows {
		w := hash.At[[2]uint64](row, s.word)
		lo, b := bits.Sub64(w[0], uint64(vals[i]), 0)
		w[0] = lo
		w[1] -= uint64(vals[i]>>63) + b
	}
}

func (s intSum) merge(_ *Groups, dst, src []hash.Row, _ *origin) {
	for i, row := range dst {
		w, v := hash.At[[2]uint64](row, s.word), hash.At[[2]uint64](src[i], s.word)
		lo, c := bits.Add64(w[0], v[0], 0)
		w[0] = lo
		w[1] += v[1] + c
	}
}

func (s intSum) subtract(_ *Groups, dst, src []hash.Row, _ *origin) {
	for i, row := range dst {
		w, v := hash.At[[2]uint64](row, s.word), hash.At[[2]uint64](src[i], s.word)
		lo, b := bits.Sub64(w[0], v[0], 0)
		w[0] = lo
		w[1] -= v[1] + b
	}
}

// countedSum is an intSum and the counter of its values in one loop, since most
// sums need both and what a loop costs is mostly to get at the row.
type countedSum struct {
	counter
	sum intSum
}

func (s countedSum) update(_ *Groups, in *vector) {
	vals := in.ints[:len(in.rows)]
	for i, row := range in.rows {
		w := hash.At[[2]uint64](row, s.sum.word)
		lo, c := bits.Add64(w[0], uint64(vals[i]), 0)
		w[0] = lo
		w[1] += uint64(vals[i]>>63) + c
		*hash.At[int64](row, s.counter.word)++
	}
}

func (s countedSum) retract(g *Groups, in *vector) {
	s.counter.retract(g, in)
	s.sum.retract(g, in)
}

func (s countedSum) merge(g *Groups, dst, src []hash.Row, from *origin) {
	s.counter.merge(g, dst, src, from)
	s.sum.merge(g, dst, src, from)
}

func (s countedSum) subtract(g *Groups, dst, src []hash.Row, from *origin) {
	s.counter.subtract(g, dst, src, from)
	s.sum.subtract(g, dst, src, from)
}

// decimalSum adds DECIMALs in 192 bits, enough for 2^64 of any.
type decimalSum struct{ word int }

func (s decimalSum) update(_ *Groups, in *vector) {
	for i, row := range in.rows {
		d := in.decs[i]
		hi := uint64(d.HighBits())
		add192(hash.At[[3]uint64](row, s.word), d.LowBits(), hi, uint64(int64(hi)>>63))
	}
}

func (s decimalSum) retract(_ *Groups, in *vector) {
	for i, row := range in.rows {
		d := in.decs[i].Negate() // a DECIMAL is at most 10^38 away from 0, so this can't wrap
		hi := uint64(d.HighBits())
		add192(hash.At[[3]uint64](row, s.word), d.LowBits(), hi, uint64(int64(hi)>>63))
	}
}

func (s decimalSum) merge(_ *Groups, dst, src []hash.Row, _ *origin) {
	for i, row := range dst {
		v := hash.At[[3]uint64](src[i], s.word)
		add192(hash.At[[3]uint64](row, s.word), v[0], v[1], v[2])
	}
}

func (s decimalSum) subtract(_ *Groups, dst, src []hash.Row, _ *origin) {
	for i, row := range dst {
		w, v := hash.At[[3]uint64](row, s.word), hash.At[[3]uint64](src[i], s.word)
		var b uint64
		w[0], b = bits.Sub64(w[0], v[0], 0)
		w[1], b = bits.Sub64(w[1], v[1], b)
		w[2], _ = bits.Sub64(w[2], v[2], b)
	}
}

func add192(w *[3]uint64, a, b, c uint64) {
	var carry uint64
	w[0], carry = bits.Add64(w[0], a, 0)
	w[1], carry = bits.Add64(w[1], b, carry)
	w[2], _ = bits.Add64(w[2], c, carry)
}

func (f floatSum) merge(g *Groups, dst, src []hash.Row, from *origin) {
	for i, row := range dst {
		hash.At[expansion](row, f.word).merge(hash.At[expansion](src[i], f.word), 1, g.spills, from.spills)
	}
}

func (f floatSum) subtract(g *Groups, dst, src []hash.Row, from *origin) {
	for i, row := range dst {
		hash.At[expansion](row, f.word).merge(hash.At[expansion](src[i], f.word), -1, g.spills, from.spills)
	}
}

var (
	_ retractor = counter{}
	_ retractor = intSum{}
	_ retractor = countedSum{}
	_ retractor = decimalSum{}
	_ retractor = floatSum{}
)

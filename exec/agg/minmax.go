package agg

import (
	"bytes"
	"math"

	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/exec/hash"
)

// The MIN and MAX accumulators of fixed-width values keep, per group, the
// greatest of an image of the values: for MAX an unsigned number in their
// order, for MIN its complement. The worst possible value is then 0, which is
// also what the row of a new group holds, so nothing has to be tested; whether
// there was a value at all is known from a counter. They don't know second best
// values, so they can't retract.

const signBit = 1 << 63

// image is what to xor to an integer so that the greatest image is the best.
func image(max bool) uint64 {
	if max {
		return signBit
	}
	return ^uint64(signBit)
}

// minmaxInt is MIN or MAX of integers and what is stored as integers.
type minmaxInt struct {
	word int
	max  bool
}

func (m minmaxInt) update(_ *Groups, in *vector) {
	img := image(m.max)
	vals := in.ints[:len(in.rows)]
	for i, row := range in.rows {
		w := hash.At[uint64](row, m.word)
		*w = max(*w, uint64(vals[i])^img)
	}
}

func (m minmaxInt) merge(_ *Groups, dst, src []hash.Row, _ *origin) {
	for i, row := range dst {
		w := hash.At[uint64](row, m.word)
		*w = max(*w, *hash.At[uint64](src[i], m.word))
	}
}

func (m minmaxInt) value(row hash.Row) int64 {
	return int64(*hash.At[uint64](row, m.word) ^ image(m.max))
}

// minmaxFloat is MIN or MAX of FLOAT and DOUBLE: minmaxInt of orderFloat.
type minmaxFloat struct{ minmaxInt }

func (m minmaxFloat) update(_ *Groups, in *vector) {
	img := image(m.max)
	vals := in.floats[:len(in.rows)]
	for i, row := range in.rows {
		w := hash.At[uint64](row, m.word)
		*w = max(*w, uint64(orderFloat(vals[i]))^img)
	}
}

func (m minmaxFloat) value(row hash.Row) float64 { return unorderFloat(m.minmaxInt.value(row)) }

// orderFloat maps floats to integers in their order: NaN is the greatest, and
// there is one zero, so that the result does not depend on the order of rows.
func orderFloat(f float64) int64 {
	b := int64(hash.FloatKey(f))
	return b ^ int64(uint64(b>>63)>>1)
}

func unorderFloat(v int64) float64 {
	return math.Float64frombits(uint64(v ^ int64(uint64(v>>63)>>1)))
}

// minmaxDecimal is MIN or MAX of DECIMAL, in two words, the high one first.
type minmaxDecimal struct {
	word int
	max  bool
}

func (m minmaxDecimal) offer(row hash.Row, hi, lo uint64) {
	w := hash.At[[2]uint64](row, m.word)
	if hi > w[0] || hi == w[0] && lo > w[1] {
		w[0], w[1] = hi, lo
	}
}

func (m minmaxDecimal) update(_ *Groups, in *vector) {
	hi := image(m.max)
	lo := hi ^ signBit
	for i, row := range in.rows {
		d := in.decs[i]
		m.offer(row, uint64(d.HighBits())^hi, d.LowBits()^lo)
	}
}

func (m minmaxDecimal) merge(_ *Groups, dst, src []hash.Row, _ *origin) {
	for i, row := range dst {
		w := hash.At[[2]uint64](src[i], m.word)
		m.offer(row, w[0], w[1])
	}
}

func (m minmaxDecimal) value(row hash.Row) decimal128.Num {
	hi := image(m.max)
	w := hash.At[[2]uint64](row, m.word)
	return decimal128.New(int64(w[0]^hi), w[1]^hi^signBit)
}

// minmaxBytes is MIN or MAX of STRING and BYTES, byte by byte: a view in two
// words, whose length has viewPresent set if there is a value. Long values stand
// in the arena of the groups.
type minmaxBytes struct {
	heldBytes
	max bool
}

// heldBytes are two words of a group's row with a view of bytes, which stand in the
// arena of the groups if they are long.
type heldBytes struct{ word int }

const viewPresent = 1 << 31

func (m minmaxBytes) update(g *Groups, in *vector) {
	for i, row := range in.rows {
		m.offer(g, row, in.bytes[i])
	}
}

func (m minmaxBytes) merge(g *Groups, dst, src []hash.Row, from *origin) {
	var buf [hash.InlineBytes]byte
	for i, row := range dst {
		v := *hash.At[[2]uint64](src[i], m.word)
		if v[0] != 0 {
			m.offer(g, row, viewBytes(v, from.strs, buf[:0]))
		}
	}
}

func (m minmaxBytes) offer(g *Groups, row hash.Row, b []byte) {
	w := hash.At[[2]uint64](row, m.word)
	src := hash.Source{Arena: g.strs}
	if w[0] != 0 {
		var buf [hash.InlineBytes]byte
		old := viewBytes(*w, src, buf[:0])
		if c := bytes.Compare(b, old); c == 0 || c > 0 != m.max {
			if len(old) > hash.InlineBytes && g.strs.Sparse(w[1]) {
				w[1] = g.strs.Move(w[1], len(old))
			}
			return
		}
		if len(old) > hash.InlineBytes {
			g.strs.Free(w[1], len(old))
		}
	}
	m.put(g, w, b)
}

// put makes w the view of b.
func (heldBytes) put(g *Groups, w *[2]uint64, b []byte) {
	ref := uint64(0)
	if len(b) > hash.InlineBytes {
		ref = g.strs.Append(b)
	}
	*w = hash.MakeView(b, ref)
	w[0] |= viewPresent
}

// viewBytes gives the string of a view that is present; buf takes a short one.
func viewBytes(v [2]uint64, src hash.Source, buf []byte) []byte {
	v[0] &^= viewPresent
	if n := hash.ViewLen(v); n > hash.InlineBytes {
		return src.Bytes(v[1], n)
	}
	return hash.AppendView(buf, v, src)
}

// release gives back what the state of a group that goes away holds.
func (h heldBytes) release(g *Groups, row hash.Row) {
	w := hash.At[[2]uint64](row, h.word)
	if n := hash.ViewLen([2]uint64{w[0] &^ viewPresent, w[1]}); n > hash.InlineBytes {
		g.strs.Free(w[1], n)
	}
}

var (
	_ accumulator = minmaxInt{}
	_ accumulator = minmaxFloat{}
	_ accumulator = minmaxDecimal{}
	_ accumulator = minmaxBytes{}
)

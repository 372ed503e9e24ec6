package datagen

import (
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors/datagen/draw"
)

// booleans are true in one half of the cells.
type booleans struct{ base }

func (b *booleans) fill(alloc memory.Allocator, c cells) arrow.Array {
	buffer := newBuffer(alloc, int(bitutil.BytesForBits(int64(c.len()))))
	values := buffer.Bytes()
	clear(values)
	for i := range c.len() {
		values[i>>3] |= byte(b.stream(c, i).Draw(valueDraw)>>63) << (i & 7)
	}
	return b.finish(alloc, c.len(), b.absent(c), []*memory.Buffer{buffer}, nil)
}

func (b *booleans) bytes() int { return 1 }

// integer are the physical types of integers, and of intervals.
type integer interface{ int8 | int16 | int32 | int64 }

// integers are uniform from min up.
type integers[T integer] struct {
	base
	min int64
	// span is the number of values; 0: all 2^64.
	span uint64
}

func (b *integers[T]) fill(alloc memory.Allocator, c cells) arrow.Array {
	buffer, values := fixed[T](alloc, c.len())
	for i := range values {
		values[i] = T(uniform(b.stream(c, i).Draw(valueDraw), b.min, b.span))
	}
	return b.finish(alloc, c.len(), b.absent(c), []*memory.Buffer{buffer}, nil)
}

func (b *integers[T]) bytes() int { return 8 }

// uniform maps 64 random bits to span integers from min up; a span of 0 stands for
// 2^64.
func uniform(r uint64, min int64, span uint64) int64 {
	if span == 0 {
		return int64(r)
	}
	return int64(uint64(min) + draw.Below64(r, span))
}

// integerSequence counts: row n has start + n.
type integerSequence[T integer | float32 | float64] struct {
	base
	start int64
}

func (b *integerSequence[T]) fill(alloc memory.Allocator, c cells) arrow.Array {
	buffer, values := fixed[T](alloc, c.len())
	for i := range values {
		values[i] = T(b.start + c.rows[i])
	}
	return b.finish(alloc, c.len(), b.absent(c), []*memory.Buffer{buffer}, nil)
}

func (b *integerSequence[T]) bytes() int { return 8 }

// floats are uniform in [min, max].
type floats[T float32 | float64] struct {
	base
	min, max float64
}

func (b *floats[T]) fill(alloc memory.Allocator, c cells) arrow.Array {
	buffer, values := fixed[T](alloc, c.len())
	for i := range values {
		u := float64(b.stream(c, i).Draw(valueDraw)>>11) * (1.0 / (1 << 53))
		// As a weighted mean, so that max - min may be beyond the range. The
		// conversions forbid fusing products and sum, which is not done alike on
		// all platforms.
		v := float64(b.min*(1-u)) + float64(b.max*u)
		values[i] = T(min(max(v, b.min), b.max))
	}
	return b.finish(alloc, c.len(), b.absent(c), []*memory.Buffer{buffer}, nil)
}

func (b *floats[T]) bytes() int { return 8 }

// decimals are uniform from min up, as unscaled 128-bit integers.
type decimals struct {
	base
	min decimal128.Num
	// span is the number of values, as an unsigned number.
	span decimal128.Num
}

func (b *decimals) fill(alloc memory.Allocator, c cells) arrow.Array {
	buffer, values := fixed[decimal128.Num](alloc, c.len())
	for i := range values {
		s := b.stream(c, i)
		values[i] = b.min.Add(below128(s.Draw(valueDraw), s.Draw(valueDraw+1), b.span))
	}
	return b.finish(alloc, c.len(), b.absent(c), []*memory.Buffer{buffer}, nil)
}

func (b *decimals) bytes() int { return 16 }

// below128 maps 128 random bits to [0, n), all taken as unsigned: the upper half of
// their product.
func below128(rHigh, rLow uint64, n decimal128.Num) decimal128.Num {
	nHigh, nLow := uint64(n.HighBits()), n.LowBits()
	carryLow, _ := bits.Mul64(rLow, nLow)
	high1, low1 := bits.Mul64(rHigh, nLow)
	high2, low2 := bits.Mul64(rLow, nHigh)
	high, low := bits.Mul64(rHigh, nHigh)

	// The second of four words only matters by its carries.
	sum, carry1 := bits.Add64(low1, low2, 0)
	_, carry2 := bits.Add64(sum, carryLow, 0)
	low, c := bits.Add64(low, high1, carry1)
	high += c
	low, c = bits.Add64(low, high2, carry2)
	high += c
	return decimal128.New(int64(high), low)
}

// decimalSequence counts in whole numbers: row n has start + n.
type decimalSequence struct {
	base
	start int64
	one   decimal128.Num // 10^scale
}

func (b *decimalSequence) fill(alloc memory.Allocator, c cells) arrow.Array {
	buffer, values := fixed[decimal128.Num](alloc, c.len())
	for i := range values {
		values[i] = decimal128.FromI64(b.start + c.rows[i]).Mul(b.one)
	}
	return b.finish(alloc, c.len(), b.absent(c), []*memory.Buffer{buffer}, nil)
}

func (b *decimalSequence) bytes() int { return 16 }

package column

import (
	"encoding/binary"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
)

// Bits is a view of a bitmap: row i is bit Off+i. The zero value has every bit
// set, as an absent validity bitmap means.
type Bits struct {
	Bytes []byte
	Off   int
}

// Validity gives the validity of a column; its Bytes are nil if no row is NULL
// (or if the column is of the null type: see AllNull).
func Validity(a arrow.Array) Bits {
	b := a.NullBitmapBytes()
	if len(b) == 0 || a.Data().NullN() == 0 {
		return Bits{}
	}
	return Bits{b, a.Data().Offset()}
}

// Booleans gives the values of a BOOLEAN column.
func Booleans(a arrow.Array) Bits {
	b := a.Data().Buffers()[1]
	if b == nil { // no rows
		return Bits{}
	}
	return Bits{b.Bytes(), a.Data().Offset()}
}

// AllNull says whether the column is of the null type.
func AllNull(a arrow.Array) bool { return a.DataType().ID() == arrow.NULL }

// Nulls counts the NULLs of a column. Unlike arrow.Array.NullN it never writes,
// so columns may be shared between goroutines.
func Nulls(a arrow.Array) int {
	if AllNull(a) {
		return a.Len()
	}
	if n := a.Data().NullN(); n >= 0 {
		return n
	}
	v := Validity(a)
	if v.Bytes == nil {
		return 0
	}
	return a.Len() - v.Count(a.Len())
}

// All says whether every bit is known to be set (there is no bitmap).
func (b Bits) All() bool { return b.Bytes == nil }

// Get gives bit i.
func (b Bits) Get(i int) bool {
	if b.Bytes == nil {
		return true
	}
	p := b.Off + i
	return b.Bytes[p>>3]>>(p&7)&1 != 0
}

// Word gives bits i to i+63, bit i lowest; those from n on are clear. i < n.
func (b Bits) Word(i, n int) uint64 {
	mask := ^uint64(0)
	if left := n - i; left < 64 {
		mask = 1<<left - 1
	}
	if b.Bytes == nil {
		return mask
	}
	p := b.Off + i
	at, shift := p>>3, uint(p&7)
	if at+8 <= len(b.Bytes) {
		w := binary.LittleEndian.Uint64(b.Bytes[at:]) >> shift
		if shift != 0 && at+8 < len(b.Bytes) {
			w |= uint64(b.Bytes[at+8]) << (64 - shift)
		}
		return w & mask
	}
	var w uint64
	for k, c := range b.Bytes[at:] {
		w |= uint64(c) << (8 * k)
	}
	return w >> shift & mask
}

// Count counts the set bits among the first n.
func (b Bits) Count(n int) int {
	if b.Bytes == nil {
		return n
	}
	c := 0
	for i := 0; i < n; i += 64 {
		c += bits.OnesCount64(b.Word(i, n))
	}
	return c
}

// AppendSet appends the numbers below n of the set bits to sel.
func (b Bits) AppendSet(sel []int32, n int) []int32 {
	for i := 0; i < n; i += 64 {
		sel = AppendWord(sel, i, b.Word(i, n))
	}
	return sel
}

// AppendWord appends base + the position of each set bit of w to sel.
func AppendWord(sel []int32, base int, w uint64) []int32 {
	if w == ^uint64(0) {
		for k := range int32(64) {
			sel = append(sel, int32(base)+k)
		}
		return sel
	}
	for w != 0 {
		sel = append(sel, int32(base+bits.TrailingZeros64(w)))
		w &= w - 1
	}
	return sel
}

// BitmapBytes is the size of a bitmap of n bits, rounded up to whole words so
// that PutWord never meets its end.
func BitmapBytes(n int) int { return (n + 63) / 64 * 8 }

// PutWord stores bits i to i+63 of a bitmap of BitmapBytes; i is a multiple of 64.
func PutWord(bitmap []byte, i int, w uint64) {
	binary.LittleEndian.PutUint64(bitmap[i>>3:], w)
}

// SetBit sets bit i.
func SetBit(bitmap []byte, i int) { bitmap[i>>3] |= 1 << (i & 7) }

// ClearBit clears bit i.
func ClearBit(bitmap []byte, i int) { bitmap[i>>3] &^= 1 << (i & 7) }

func onesCount(w uint64) int { return bits.OnesCount64(w) }

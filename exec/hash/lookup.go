package hash

import (
	"bytes"
	"math/bits"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// Lookup finds the rows of a fixed set of columns by their key columns. It is
// immutable, and safe for concurrent use: the build side of a hash join whose
// rows are all there before the first probe. Rows of one key are chained in their
// order.
type Lookup struct {
	l     *Layout
	keys  *Keys    // of all rows
	slots []uint64 // hash's upper half << 32 | first row + 1
	next  []int32  // the next row of the same key; -1: none
}

// NewLookup makes a Lookup of n rows, whose key columns cols must stay as long as
// it. Rows of which skip is true (nil: none) are not found.
func NewLookup(l *Layout, cols []arrow.Array, n int, skip func(row int) bool) *Lookup {
	x := &Lookup{l: l, keys: NewEncoder(l).Encode(cols, colvec.All(n)), next: make([]int32, n)}
	x.keys.Hash = slices.Clone(x.keys.Hash)
	x.slots = make([]uint64, 1<<bits.Len(uint(max(8, n+n/2))))
	mask := uint64(len(x.slots) - 1)
	for row := n - 1; row >= 0; row-- {
		x.next[row] = -1
		if skip != nil && skip(row) {
			continue
		}
		h := x.keys.Hash[row]
		s := h & mask
		for ; x.slots[s] != 0; s = (s + 1) & mask {
			if first := int(uint32(x.slots[s])) - 1; x.slots[s]>>32 == h>>32 && x.equal(first, x.keys, row) {
				x.next[row] = int32(first)
				break
			}
		}
		x.slots[s] = h>>32<<32 | uint64(row+1)
	}
	return x
}

// First gives, for each key of k, the first row that has it; -1: none.
func (x *Lookup) First(k *Keys, rows []int32) {
	mask := uint64(len(x.slots) - 1)
	for i, h := range k.Hash[:k.N] {
		rows[i] = -1
		for s := h & mask; x.slots[s] != 0; s = (s + 1) & mask {
			if row := int(uint32(x.slots[s])) - 1; x.slots[s]>>32 == h>>32 && x.equal(row, k, i) {
				rows[i] = int32(row)
				break
			}
		}
	}
}

// Next gives the row after row that has the same key; -1: none.
func (x *Lookup) Next(row int32) int32 { return x.next[row] }

// equal compares the key of a row with key i of k.
func (x *Lookup) equal(row int, k *Keys, i int) bool {
	a := x.keys
	var na, nb uint8
	if a.Nulls != nil {
		na = a.Nulls[row]
	}
	if k.Nulls != nil {
		nb = k.Nulls[i]
	}
	if na != nb {
		return false
	}
	for w := range a.Words {
		va, vb := a.Words[w][row], k.Words[w][i]
		if !x.l.longRef[w] || viewLen(a.Words[w-1][row]) <= InlineBytes {
			if va != vb {
				return false
			}
		} else if n := viewLen(a.Words[w-1][row]); !bytes.Equal(a.src[w-1].Bytes(va, n), k.src[w-1].Bytes(vb, n)) {
			return false
		}
	}
	return true
}

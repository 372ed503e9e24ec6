package columns

import (
	"bytes"
	"hash/maphash"
)

// KeySet knows the keys of the MAP at hand, to find out whether one comes twice in time
// linear in their number. Their column is Flat. The zero value is ready.
type KeySet struct {
	n     int // entries added
	seed  maphash.Seed
	table []int32 // numbers of entries plus one, at their hash; open addressing
}

// fewEntries is up to how many entries keys are just compared.
const fewEntries = 8

// Add takes the key in slot, the entries before it being those from slot first on, and
// says whether one of them has the same key.
func (s *KeySet) Add(keys *Column, first, slot int) bool {
	key := keys.raw(slot)
	number := slot - first
	s.n = number + 1
	if number < fewEntries {
		for other := first; other < slot; other++ {
			if bytes.Equal(keys.raw(other), key) {
				return true
			}
		}
		return false
	}
	if number == fewEntries || 2*s.n > len(s.table) {
		if s.table == nil {
			s.seed = maphash.MakeSeed()
		}
		if size := 8 * s.n; size > len(s.table) || number == fewEntries {
			s.table = append(s.table[:0], make([]int32, powerOfTwo(size))...)
		}
		for other := first; other < slot; other++ {
			s.insert(keys, first, other-first, keys.raw(other))
		}
	}
	return s.insert(keys, first, number, key)
}

// Len is the number of entries added.
func (s *KeySet) Len() int { return s.n }

// Clear begins a MAP.
func (s *KeySet) Clear() { s.n = 0 }

func (s *KeySet) insert(keys *Column, first, number int, key []byte) bool {
	mask := uint64(len(s.table) - 1)
	for i := maphash.Bytes(s.seed, key) & mask; ; i = (i + 1) & mask {
		switch other := s.table[i]; {
		case other == 0:
			s.table[i] = int32(number + 1)
			return false
		case bytes.Equal(keys.raw(first+int(other-1)), key):
			return true
		}
	}
}

// Flat says whether values are a piece of bytes: all but those of ARRAY, MAP and ROW.
func (c *Column) Flat() bool {
	return c.kind == storeBits || c.kind == storeFixed || c.kind == storeBytes
}

// truths are the values of BOOLEAN as bytes.
var truths = [2][]byte{{0}, {1}}

// raw gives the bytes of slot i of a Flat column.
func (c *Column) raw(i int) []byte {
	switch {
	case i >= c.rows:
		return nil
	case c.kind == storeFixed:
		return c.fixed[i*c.width : (i+1)*c.width]
	case c.kind == storeBits:
		return truths[c.fixed[i>>3]>>(i&7)&1]
	}
	return c.Bytes(i)
}

func powerOfTwo(n int) int {
	size := 1
	for size < n {
		size *= 2
	}
	return size
}

// Replaced says of each of the entries with keys in the slots from first up to end
// whether its key comes again later.
func Replaced(keys *Column, first, end int) []bool {
	later := map[string]bool{}
	replaced := make([]bool, end-first)
	for slot := end - 1; slot >= first; slot-- {
		key := string(keys.raw(slot))
		replaced[slot-first] = later[key]
		later[key] = true
	}
	return replaced
}

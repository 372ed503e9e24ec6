package json

import (
	"bytes"
	"hash/maphash"
	"unicode/utf8"

	"github.com/streamsql/streamsql/connectors/format/columns"
)

// mapping decodes an object into a MAP. Of entries with the same key the last
// one counts; it stands where it stands in the text. A key that is no valid
// text makes the whole MAP NULL.
func (d *Decoder) mapping(n *node, b []byte, p, row int) int {
	if at(b, p) != '{' {
		return d.misfit(n, b, p, ErrType)
	}
	errs := len(d.errs)
	end, repeats := d.mapEntries(n, b, p, row, nil)
	if end < 0 || !repeats {
		return end
	}
	// Decode it again, without the entries that a later one replaces.
	d.unchecked = true
	first := n.column.Elems() - n.entries.n
	replaced := replacedEntries(n.children[0].column, first, n.column.Elems())
	n.column.Truncate(row)
	d.errs = d.errs[:errs]
	for i := n.num; i < n.end; i++ {
		d.nodes[i].failed = 0
	}
	end, _ = d.mapEntries(n, b, p, row, replaced)
	return end
}

// mapEntries decodes the entries of the object at b[p], but for those whose
// number is in omit. It gives the position behind the object and whether, omit
// being nil, a key came twice.
func (d *Decoder) mapEntries(n *node, b []byte, p, row int, omit map[int]bool) (end int, repeats bool) {
	first := n.column.Elems()
	slot := first
	n.entries.n = 0
	wrongKey := ErrNone
	start := p
	p = d.space(b, p+1)
	if at(b, p) == '}' && p < len(b) {
		n.column.PutList(row, slot)
		return p + 1, false
	}
	for number := 0; ; number++ {
		name := p
		if p = d.skipName(b, p); p < 0 {
			return p, false
		}
		if p >= len(b) {
			return d.fail(ErrMalformed, len(b)), false
		}
		if wrongKey == ErrNone && !omit[number] {
			wrongKey = putKey(n.children[0], b, name, slot)
		}
		if wrongKey != ErrNone || omit[number] {
			p = d.skip(b, p, n.depth)
		} else {
			if omit == nil && n.entries.add(n.children[0].column, first, slot) {
				repeats = true
			}
			p = d.value(n.children[1], b, p, slot)
			slot++
		}
		if p < 0 {
			return p, false
		}
		p = d.space(b, p)
		if p >= len(b) {
			return d.fail(ErrMalformed, len(b)), false
		}
		c := at(b, p)
		p++
		if c == '}' {
			break
		}
		if c != ',' {
			return d.fail(ErrMalformed, p-1), false
		}
		p = d.space(b, p)
	}
	if wrongKey != ErrNone {
		n.column.TruncateElems(first)
		d.cellError(n, wrongKey, start)
		return p, false
	}
	n.column.PutList(row, slot)
	return p, repeats
}

// putKey decodes the key at b[p], whose structure is sound.
func putKey(keys *node, b []byte, p, slot int) ErrorCode {
	end := skipString(b, p+1)
	dst := keys.column.Tail(end - p + stringSlack)
	size, _, code := copyString(dst, b[:end], p+1)
	if limit := keys.typ.Precision; limit > 0 && code == ErrNone && utf8.RuneCount(dst[:size]) > limit {
		code = ErrTooManyCharacters
	}
	if code == ErrNone {
		keys.column.PutTail(slot, size)
	}
	return code
}

// replacedEntries numbers the entries among the key slots from first up to end
// whose key comes again later.
func replacedEntries(keys *columns.Column, first, end int) map[int]bool {
	later := map[string]bool{}
	replaced := map[int]bool{}
	for slot := end - 1; slot >= first; slot-- {
		key := string(keys.Bytes(slot))
		replaced[slot-first] = later[key]
		later[key] = true
	}
	return replaced
}

// entrySet knows the keys of the map at hand, to find out whether one comes
// twice in time linear in their number.
type entrySet struct {
	n     int // entries added
	seed  maphash.Seed
	table []int32 // numbers of entries plus one, at their hash; open addressing
}

// fewEntries is up to how many entries keys are just compared.
const fewEntries = 8

// add takes the key in slot, the entries before it being those from slot first
// on, and says whether one of them has the same key.
func (s *entrySet) add(keys *columns.Column, first, slot int) bool {
	key := keys.Bytes(slot)
	number := slot - first
	s.n = number + 1
	if number < fewEntries {
		for other := first; other < slot; other++ {
			if bytes.Equal(keys.Bytes(other), key) {
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
			s.insert(keys, first, other-first, keys.Bytes(other))
		}
	}
	return s.insert(keys, first, number, key)
}

func (s *entrySet) insert(keys *columns.Column, first, number int, key []byte) bool {
	mask := uint64(len(s.table) - 1)
	for i := maphash.Bytes(s.seed, key) & mask; ; i = (i + 1) & mask {
		switch other := s.table[i]; {
		case other == 0:
			s.table[i] = int32(number + 1)
			return false
		case bytes.Equal(keys.Bytes(first+int(other-1)), key):
			return true
		}
	}
}

func powerOfTwo(n int) int {
	size := 1
	for size < n {
		size *= 2
	}
	return size
}

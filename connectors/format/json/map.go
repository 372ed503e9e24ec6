package json

import (
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
	first := n.column.Elems() - n.entries.Len()
	replaced := columns.Replaced(n.children[0].column, first, n.column.Elems())
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
func (d *Decoder) mapEntries(n *node, b []byte, p, row int, omit []bool) (end int, repeats bool) {
	first := n.column.Elems()
	slot := first
	n.entries.Clear()
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
		if wrongKey == ErrNone && (omit == nil || !omit[number]) {
			wrongKey = putKey(n.children[0], b, name, slot)
		}
		if wrongKey != ErrNone || (omit != nil && omit[number]) {
			p = d.skip(b, p, n.depth)
		} else {
			if omit == nil && n.entries.Add(n.children[0].column, first, slot) {
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

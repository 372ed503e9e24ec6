package hash

import (
	"bytes"
	"cmp"
	"math/bits"

	"github.com/streamsql/streamsql/statestore/table"
)

// IsNull says whether column ci of a row that has the layout is NULL.
func (l *Layout) IsNull(ci int, row Row) bool {
	if ci < 8 {
		return *row.Header()>>ci&1 != 0
	}
	b := ci - 8
	return *At[uint64](row, 1+l.nullWord+b/64)>>(b%64)&1 != 0
}

// Compare compares column ci of two rows that have the layout and whose long
// strings stand in as and bs. Neither may be NULL there. Numbers go by value,
// NaN last; strings and bytes byte by byte.
func (l *Layout) Compare(ci int, a Row, as Source, b Row, bs Source) int {
	c := &l.cols[ci]
	return c.compare(*At[uint64](a, 1+c.word), a, as, *At[uint64](b, 1+c.word), b, bs)
}

func (c *keyColumn) compare(a0 uint64, a Row, as Source, b0 uint64, b Row, bs Source) int {
	switch c.enc {
	case encWord:
		return cmp.Compare(int64(a0), int64(b0))
	case encPacked:
		return cmp.Compare(c.unpack(a0), c.unpack(b0))
	case encFloat:
		return cmp.Compare(orderedFloat(a0), orderedFloat(b0))
	case encDecimal:
		if o := cmp.Compare(*At[int64](a, 2+c.word), *At[int64](b, 2+c.word)); o != 0 {
			return o
		}
		return cmp.Compare(a0, b0)
	}
	// The first four bytes, which the first word has, mostly decide.
	if p, q := uint32(a0>>32), uint32(b0>>32); p != q {
		return cmp.Compare(bits.ReverseBytes32(p), bits.ReverseBytes32(q))
	}
	var abuf, bbuf [InlineBytes]byte
	return bytes.Compare(ViewBytes(*At[[2]uint64](a, 1+c.word), as, abuf[:0]), ViewBytes(*At[[2]uint64](b, 1+c.word), bs, bbuf[:0]))
}

// orderedFloat maps the bits of a float key to integers in the order of floats.
func orderedFloat(w uint64) int64 {
	b := int64(w)
	return b ^ int64(uint64(b>>63)>>1)
}

// ViewBytes gives the string that a view stands for; buf takes a short one.
func ViewBytes(v [2]uint64, src Source, buf []byte) []byte {
	if n := viewLen(v[0]); n > InlineBytes {
		return src.Bytes(v[1], n)
	}
	return appendInline(buf, v[0], v[1])
}

// Put writes key i, its NULL flags and its words, into a row of the same layout.
// Long strings still stand where the batch has them, until Keep.
func (k *Keys) Put(i int, row Row) {
	h := row.Header()
	*h &^= HeaderNulls
	if k.Nulls != nil {
		*h |= uint64(k.Nulls[i])
	}
	for w, col := range k.Words {
		*At[uint64](row, 1+w) = col[i]
	}
}

// CompareKey compares column ci of key i with that of a row; see Compare. scratch
// is a row into which Put has written the key.
func (l *Layout) CompareKey(ci int, k *Keys, scratch Row, b Row, bs Source) int {
	return l.Compare(ci, scratch, k.src[l.cols[ci].word], b, bs)
}

// Keep copies the long strings of a row that Put has written into an arena.
func (l *Layout) Keep(k *Keys, row Row, to *table.Arena) {
	for _, c := range l.views {
		w := l.cols[c].word
		l.keep(row, w, k.src[w], to)
	}
}

// DetachKey appends the long strings of a row that Put has written to data, and
// makes the row refer to them there.
func (l *Layout) DetachKey(k *Keys, row Row, data []byte) []byte {
	for _, c := range l.views {
		w := l.cols[c].word
		v := At[[2]uint64](row, 1+w)
		if n := viewLen(v[0]); n > InlineBytes {
			ref := uint64(len(data))
			data = append(data, k.src[w].Bytes(v[1], n)...)
			v[1] = ref
		}
	}
	return data
}

// KeepFrom copies the long strings of a row, which stand in src, into an arena.
func (l *Layout) KeepFrom(src Source, row Row, to *table.Arena) {
	for _, c := range l.views {
		l.keep(row, l.cols[c].word, src, to)
	}
}

func (l *Layout) keep(row Row, w int, src Source, to *table.Arena) {
	v := At[[2]uint64](row, 1+w)
	if n := viewLen(v[0]); n > InlineBytes {
		v[1] = to.Append(src.Bytes(v[1], n))
	}
}

// Long calls fn with the view of each long string of a row.
func (l *Layout) Long(row Row, fn func(v *[2]uint64, n int)) {
	for _, c := range l.views {
		v := At[[2]uint64](row, 1+l.cols[c].word)
		if n := viewLen(v[0]); n > InlineBytes {
			fn(v, n)
		}
	}
}

// HasLong says that a key column of a row is a string that stands elsewhere.
func (l *Layout) HasLong(row Row) bool {
	for _, c := range l.views {
		if viewLen(*At[uint64](row, 1+l.cols[c].word)) > InlineBytes {
			return true
		}
	}
	return false
}

// Int is the value of column ci, of an integer type of 64 bits.
func (l *Layout) Int(ci int, row Row) int64 { return *At[int64](row, 1+l.cols[ci].word) }

// Float is the value of column ci, of FLOAT or DOUBLE.
func (l *Layout) Float(ci int, row Row) float64 { return *At[float64](row, 1+l.cols[ci].word) }

// AppendBytes appends the value of column ci, of STRING, BYTES or JSON.
func (l *Layout) AppendBytes(dst []byte, ci int, row Row, src Source) []byte {
	return AppendView(dst, *At[[2]uint64](row, 1+l.cols[ci].word), src)
}

package hash

import (
	"math"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// Keys are the keys of some rows of a batch, column by column, with their
// hashes. They belong to the Encoder and hold until its next call; they may
// alias the batch.
type Keys struct {
	N     int
	Hash  []uint64
	Words [][]uint64 // per key word of the layout, N values
	Nulls []uint8    // NULL flags of the first 8 columns; nil: no NULLs
	src   []Source   // per key word: what the second words of long views refer to
}

// Encoder turns columns into Keys. Not safe for concurrent use.
type Encoder struct {
	l     *Layout
	keys  Keys
	own   [][]uint64 // scratch behind keys.Words
	begun []bool     // packed words that already hold a column
	hash  []uint64
	nulls []uint8
	ints  []int64
	flts  []float64
	decs  []decimal128.Num
	bytes [][]byte // per key word: the keys of nested values

	numbered int // column of EncodeNumbered; -1: none
	first    int64
}

// NewEncoder makes an encoder for the layout.
func NewEncoder(l *Layout) *Encoder {
	return &Encoder{
		l: l, numbered: -1, own: make([][]uint64, l.words), begun: make([]bool, l.words),
		keys: Keys{Words: make([][]uint64, l.words), src: make([]Source, l.words)},
	}
}

// Encode gives the keys of rows r. cols are the key columns, with the Arrow
// types of the layout's types. The hash of a key depends on its values alone:
// an INT and a BIGINT of the same value hash alike.
func (e *Encoder) Encode(cols []arrow.Array, r colvec.Rows) *Keys {
	return e.encode(nil, cols, r)
}

// EncodeIn is Encode with ids as the first key column, which must be a BIGINT;
// cols[0] is not looked at.
func (e *Encoder) EncodeIn(ids []uint32, cols []arrow.Array, r colvec.Rows) *Keys {
	return e.encode(ids, cols, r)
}

// EncodeNumbered is EncodeIn, or Encode if ids is nil, with the numbers first,
// first+1 and so on as column col, which must be a BIGINT; cols[col] is not looked
// at. With col -1 there is no such column.
func (e *Encoder) EncodeNumbered(ids []uint32, cols []arrow.Array, r colvec.Rows, col int, first int64) *Keys {
	e.numbered, e.first = col, first
	k := e.encode(ids, cols, r)
	e.numbered = -1
	return k
}

func (e *Encoder) encode(ids []uint32, cols []arrow.Array, r colvec.Rows) *Keys {
	n := r.Len()
	k := &e.keys
	k.N = n
	k.Nulls = nil
	e.hash = colvec.Grow(e.hash, n)
	h := e.hash
	k.Hash = h
	if len(e.l.cols) == 1 && ids == nil && e.numbered < 0 && e.encodeOne(&e.l.cols[0], cols[0], r) {
		return k
	}
	for i := range h {
		h[i] = Seed
	}
	clear(e.begun)
	if w := e.l.nullWord; w >= 0 {
		for ; w < e.l.words; w++ {
			clear(e.word(w, n))
		}
	}
	for ci := range e.l.cols {
		if ci == 0 && ids != nil {
			w := e.word(0, n)
			for i, id := range ids[:n] {
				w[i] = uint64(id)
				h[i] = Word(h[i], uint64(id))
			}
			continue
		}
		c, a := &e.l.cols[ci], cols[ci]
		if ci == e.numbered {
			w := e.word(c.word, n)
			for i := range w {
				w[i] = uint64(e.first + int64(i))
				h[i] = Word(h[i], w[i])
			}
			continue
		}
		v := colvec.ValidityOf(a)
		nulls := !v.AllValid()
		if nulls {
			nulls = e.setNulls(ci, v, r)
		}
		switch {
		case a.DataType().ID() == arrow.NULL:
			e.allNull(c, n)
		case c.enc == encWord || c.enc == encPacked:
			e.encodeInts(c, a, v, r, nulls)
		case c.enc == encFloat:
			e.encodeFloats(c, a, v, r, nulls)
		case c.enc == encDecimal:
			e.encodeDecimals(c, a, v, r, nulls)
		case c.enc == encNested:
			e.encodeNested(c, a, v, r, nulls)
		default:
			e.encodeViews(c, a, v, r, nulls)
		}
	}
	for i, x := range h {
		h[i] = Finish(x)
	}
	return k
}

// encodeOne does all in one loop for the most common key: one integer that is
// not NULL. It reports whether that is what there is.
func (e *Encoder) encodeOne(c *keyColumn, a arrow.Array, r colvec.Rows) bool {
	if c.enc != encWord || !colvec.ValidityOf(a).AllValid() {
		return false
	}
	ints, alias := colvec.Ints(a, r, e.ints)
	if !alias {
		e.ints = ints
	}
	e.keys.Words[0] = asUint64(ints)
	h := e.hash[:len(ints)]
	for i, x := range ints {
		h[i] = Finish(Word(Seed, uint64(x)))
	}
	return true
}

// word gives key word w as scratch to be written.
func (e *Encoder) word(w, n int) []uint64 {
	e.own[w] = colvec.Grow(e.own[w], n)
	e.keys.Words[w] = e.own[w]
	return e.own[w]
}

// setNulls sets the NULL flags of column ci and says whether there are any.
func (e *Encoder) setNulls(ci int, v colvec.Validity, r colvec.Rows) bool {
	n := r.Len()
	any := false
	if ci >= 8 {
		b := ci - 8
		w := e.own[e.l.nullWord+b/64][:n]
		for i := range w {
			if !v.Valid(r.At(i)) {
				w[i] |= 1 << (b % 64)
				any = true
			}
		}
		return any
	}
	if e.keys.Nulls == nil {
		e.nulls = colvec.Grow(e.nulls, n)
		clear(e.nulls)
		e.keys.Nulls = e.nulls
	}
	for i := range e.nulls[:n] {
		if !v.Valid(r.At(i)) {
			e.nulls[i] |= 1 << ci
			any = true
		}
	}
	return any
}

func (e *Encoder) allNull(c *keyColumn, n int) {
	words := 1
	if c.enc == encDecimal || c.enc >= encView {
		words = 2
	}
	for w := c.word; w < c.word+words; w++ {
		if !e.begun[w] {
			clear(e.word(w, n))
		}
		e.begun[w] = true
	}
	for i := range e.hash {
		e.hash[i] = Null(e.hash[i])
	}
}

func (e *Encoder) encodeInts(c *keyColumn, a arrow.Array, v colvec.Validity, r colvec.Rows, nulls bool) {
	ints, alias := colvec.Ints(a, r, e.ints)
	if !alias {
		e.ints = ints
	}
	h := e.hash[:len(ints)]
	if !nulls {
		for i, x := range ints {
			h[i] = Word(h[i], uint64(x))
		}
	} else {
		if alias {
			e.ints = append(e.ints[:0], ints...)
			ints, alias = e.ints, false
		}
		for i, x := range ints {
			if v.Valid(r.At(i)) {
				h[i] = Word(h[i], uint64(x))
			} else {
				h[i] = Null(h[i])
				ints[i] = 0
			}
		}
	}
	switch {
	case c.enc == encWord && alias:
		e.keys.Words[c.word] = asUint64(ints)
	case c.enc == encWord:
		copy(e.word(c.word, len(ints)), asUint64(ints))
	case !e.begun[c.word]:
		e.begun[c.word] = true
		w, mask := e.word(c.word, len(ints)), uint64(1)<<c.width-1
		for i, x := range ints {
			w[i] = uint64(x) & mask << c.shift
		}
	default:
		w, mask := e.own[c.word][:len(ints)], uint64(1)<<c.width-1
		for i, x := range ints {
			w[i] |= uint64(x) & mask << c.shift
		}
	}
}

// FloatKey gives the word that stands for a float among keys: its bits, with
// one zero and one NaN.
func FloatKey(f float64) uint64 {
	switch {
	case f == 0:
		return 0
	case f != f:
		return 0x7ff8000000000000
	}
	return math.Float64bits(f)
}

func (e *Encoder) encodeFloats(c *keyColumn, a arrow.Array, v colvec.Validity, r colvec.Rows, nulls bool) {
	f, alias := colvec.Floats(a, r, e.flts)
	if !alias {
		e.flts = f
	}
	w, h := e.word(c.word, len(f)), e.hash[:len(f)]
	for i, x := range f {
		if nulls && !v.Valid(r.At(i)) {
			h[i], w[i] = Null(h[i]), 0
			continue
		}
		w[i] = FloatKey(x)
		h[i] = Word(h[i], w[i])
	}
}

func (e *Encoder) encodeDecimals(c *keyColumn, a arrow.Array, v colvec.Validity, r colvec.Rows, nulls bool) {
	d, alias := colvec.Decimals(a, r, e.decs)
	if !alias {
		e.decs = d
	}
	lo, hi, h := e.word(c.word, len(d)), e.word(c.word+1, len(d)), e.hash[:len(d)]
	for i, x := range d {
		if nulls && !v.Valid(r.At(i)) {
			h[i], lo[i], hi[i] = Null(h[i]), 0, 0
			continue
		}
		lo[i], hi[i] = x.LowBits(), uint64(x.HighBits())
		h[i] = Word(Word(h[i], lo[i]), hi[i])
	}
}

func (e *Encoder) encodeViews(c *keyColumn, a arrow.Array, v colvec.Validity, r colvec.Rows, nulls bool) {
	offs, data := colvec.Binary(a)
	n := r.Len()
	w0, w1, h := e.word(c.word, n), e.word(c.word+1, n), e.hash[:n]
	e.keys.src[c.word] = Source{Data: data}
	for i := range h {
		p := r.At(i)
		if nulls && !v.Valid(p) {
			h[i], w0[i], w1[i] = Null(h[i]), 0, 0
			continue
		}
		b := data[offs[p]:offs[p+1]]
		h[i] = Bytes(h[i], b)
		w0[i], w1[i] = makeView(b, uint64(offs[p]))
	}
}

// encodeNested makes keys of nested values in memory of the encoder.
func (e *Encoder) encodeNested(c *keyColumn, a arrow.Array, v colvec.Validity, r colvec.Rows, nulls bool) {
	n := r.Len()
	w0, w1, h := e.word(c.word, n), e.word(c.word+1, n), e.hash[:n]
	if e.bytes == nil {
		e.bytes = make([][]byte, e.l.words)
	}
	buf := e.bytes[c.word][:0]
	write := column.KeyWriter(a)
	for i := range h {
		p := r.At(i)
		if nulls && !v.Valid(p) {
			h[i], w0[i], w1[i] = Null(h[i]), 0, 0
			continue
		}
		from := len(buf)
		buf = write(buf, p)
		b := buf[from:]
		h[i] = Bytes(h[i], b)
		w0[i], w1[i] = makeView(b, uint64(from))
	}
	e.bytes[c.word] = buf
	e.keys.src[c.word] = Source{Data: buf}
}

func asUint64(v []int64) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}

// FromRows gives the keys of rows that have the layout, as Encode does of
// columns. src is where their long strings stand.
func (e *Encoder) FromRows(rows []Row, src Source) *Keys {
	return e.fromRows(nil, rows, src, len(e.l.cols))
}

// HashFirst gives the hashes that the first cols key columns of rows have by
// themselves. They hold until the next call.
func (e *Encoder) HashFirst(cols int, rows []Row, src Source) []uint64 {
	return e.fromRows(nil, rows, src, cols).Hash
}

// FromRowsIn is FromRows with ids in place of the rows' first key column, which
// must be a BIGINT.
func (e *Encoder) FromRowsIn(ids []uint32, rows []Row, src Source) *Keys {
	return e.fromRows(ids, rows, src, len(e.l.cols))
}

func (e *Encoder) fromRows(ids []uint32, rows []Row, src Source, cols int) *Keys {
	n := len(rows)
	k := &e.keys
	k.N = n
	e.hash, e.nulls = colvec.Grow(e.hash, n), colvec.Grow(e.nulls, n)
	k.Hash, k.Nulls = e.hash, e.nulls
	for i, row := range rows {
		e.hash[i] = Seed
		e.nulls[i] = uint8(*row.Header())
	}
	for w := range e.l.words {
		col := e.word(w, n)
		for i, row := range rows {
			col[i] = *At[uint64](row, 1+w)
		}
		k.src[w] = src
	}
	for i, id := range ids {
		e.own[0][i] = uint64(id)
	}
	for ci := range cols {
		e.hashStored(ci)
	}
	for i, x := range e.hash {
		e.hash[i] = Finish(x)
	}
	return k
}

// hashStored folds column ci of the keys in e.keys into their hashes.
func (e *Encoder) hashStored(ci int) {
	c, k, h := &e.l.cols[ci], &e.keys, e.hash
	w0 := k.Words[c.word]
	for i := range h {
		if e.l.isNull(k, ci, i) {
			h[i] = Null(h[i])
			continue
		}
		switch c.enc {
		case encWord, encFloat:
			h[i] = Word(h[i], w0[i])
		case encPacked:
			h[i] = Word(h[i], uint64(c.unpack(w0[i])))
		case encDecimal:
			h[i] = Word(Word(h[i], w0[i]), k.Words[c.word+1][i])
		case encView, encNested:
			var inline [InlineBytes]byte
			b := inline[:0]
			if n := viewLen(w0[i]); n > InlineBytes {
				b = k.src[c.word].Bytes(k.Words[c.word+1][i], n)
			} else {
				b = appendInline(b, w0[i], k.Words[c.word+1][i])
			}
			h[i] = Bytes(h[i], b)
		}
	}
}

func (l *Layout) isNull(k *Keys, ci, i int) bool {
	if ci < 8 {
		return k.Nulls[i]>>ci&1 != 0
	}
	b := ci - 8
	return k.Words[l.nullWord+b/64][i]>>(b%64)&1 != 0
}

// unpack gives the value of a packed column, sign-extended.
func (c *keyColumn) unpack(w uint64) int64 {
	return int64(w<<(64-c.shift-c.width)) >> (64 - c.width)
}

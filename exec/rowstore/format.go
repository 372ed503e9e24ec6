package rowstore

import (
	"bytes"
	"cmp"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/statestore/table"
)

type encoding uint8

const (
	encWord    encoding = iota // integers, booleans, dates, times, intervals
	encFloat                   // FLOAT, DOUBLE: bits of the float64
	encDecimal                 // two words: low, high
	encBytes                   // a view of two words
	encNested                  // the same, of the encoded value
	encNothing                 // NULL
)

type storedColumn struct {
	typ  catalog.Type
	dt   arrow.DataType
	enc  encoding
	word int // first word in the row
}

// Format says how rows with columns of certain types are put into words. It is
// immutable.
type Format struct {
	cols  []storedColumn
	nulls int // first word of the NULL flags
	words int
}

// NewFormat gives the format of rows whose first words (own of them) belong to
// the owner.
func NewFormat(own int, types []catalog.Type) *Format {
	f := &Format{nulls: own, words: own + (len(types)+63)/64}
	for _, t := range types {
		c := storedColumn{typ: t, dt: t.Arrow(), word: f.words}
		width := 1
		switch t.Kind {
		case catalog.KindNull:
			c.enc, width = encNothing, 0
		case catalog.KindFloat, catalog.KindDouble:
			c.enc = encFloat
		case catalog.KindDecimal:
			c.enc, width = encDecimal, 2
		case catalog.KindString, catalog.KindJSON, catalog.KindBytes:
			c.enc, width = encBytes, 2
		case catalog.KindArray, catalog.KindMap, catalog.KindRow:
			c.enc, width = encNested, 2
		}
		f.words += width
		f.cols = append(f.cols, c)
	}
	return f
}

// formatVersion is that of rows in the store: the encodings of columns, and those of
// nested values.
const formatVersion = 1

// String is the format as commits have it: see op.Stateful.
func (f *Format) String() string {
	text := fmt.Sprintf("rows %d, %d own", formatVersion, f.nulls)
	for _, c := range f.cols {
		text += fmt.Sprintf(" %s %s@%d", c.typ, encodingNames[c.enc], c.word)
	}
	return text
}

var encodingNames = [...]string{encWord: "word", encFloat: "float", encDecimal: "decimal", encBytes: "bytes", encNested: "nested", encNothing: "nothing"}

// Words is the number of words of a row.
func (f *Format) Words() int { return f.words }

// Columns is the number of columns.
func (f *Format) Columns() int { return len(f.cols) }

// Word is the first word of column c.
func (f *Format) Word(c int) int { return f.cols[c].word }

// Null says whether column c of a row is NULL.
func (f *Format) Null(row hash.Row, c int) bool {
	return *hash.At[uint64](row, f.nulls+c/64)>>(c%64)&1 != 0
}

// Equal says whether columns as of row a and columns bs of row b, which has
// format g and the same types there, are equal as keys are: NULLs are no part of
// it, 0.0 equals -0.0.
func (f *Format) Equal(a hash.Row, aa *table.Arena, as []int, g *Format, b hash.Row, ba *table.Arena, bs []int) bool {
	for i, ca := range as {
		x, y := &f.cols[ca], &g.cols[bs[i]]
		v, w := *hash.At[uint64](a, x.word), *hash.At[uint64](b, y.word)
		switch x.enc {
		case encWord:
			if v != w {
				return false
			}
		case encFloat:
			if v != w && floatKey(v) != floatKey(w) {
				return false
			}
		case encDecimal:
			if v != w || *hash.At[uint64](a, x.word+1) != *hash.At[uint64](b, y.word+1) {
				return false
			}
		case encNested:
			if !bytes.Equal(f.key(a, aa, ca), g.key(b, ba, bs[i])) {
				return false
			}
		case encBytes:
			if v != w { // lengths and first four bytes
				return false
			}
			v1, w1 := *hash.At[uint64](a, x.word+1), *hash.At[uint64](b, y.word+1)
			if n := int(uint32(v)); n <= hash.InlineBytes {
				if v1 != w1 {
					return false
				}
			} else if !bytes.Equal(aa.At(v1, n), ba.At(w1, n)) {
				return false
			}
		}
	}
	return true
}

// Copy copies a row's columns, whose long strings stand in the arena from, into
// the words of another row of the format. The owner's words are copied too.
func (f *Format) Copy(row hash.Row, from *table.Arena, dst []uint64, to *table.Arena) {
	copy(dst, row.Words(f.words))
	f.eachLong(row, func(word, n int) {
		dst[word] = to.Append(from.At(*hash.At[uint64](row, word), n))
	})
}

// Free gives the long strings of a row back to their arena.
func (f *Format) Free(row hash.Row, arena *table.Arena) {
	f.eachLong(row, func(word, n int) { arena.Free(*hash.At[uint64](row, word), n) })
}

// Tidy moves those of a row's long strings that stand in mostly dead chunks of
// the arena. edit is called before the row is changed.
func (f *Format) Tidy(row hash.Row, arena *table.Arena, edit func()) {
	f.eachLong(row, func(word, n int) {
		if at := hash.At[uint64](row, word); arena.Sparse(*at) {
			edit()
			*at = arena.Move(*at, n)
		}
	})
}

// eachLong calls fn for the second word of each view of more than InlineBytes,
// with its length.
func (f *Format) eachLong(row hash.Row, fn func(word, n int)) {
	for i := range f.cols {
		c := &f.cols[i]
		if c.enc != encBytes && c.enc != encNested {
			continue
		}
		if n := int(uint32(*hash.At[uint64](row, c.word))); n > hash.InlineBytes {
			fn(c.word+1, n)
		}
	}
}

// EqualValue says whether column c of a row equals, as keys are equal, row i of
// a column of the same type. Neither is NULL.
func (f *Format) EqualValue(row hash.Row, arena *table.Arena, c int, a arrow.Array, i int) bool {
	col := &f.cols[c]
	w := *hash.At[uint64](row, col.word)
	switch col.enc {
	case encWord:
		switch dt := a.DataType(); dt.(type) {
		case *arrow.Int64Type, *arrow.TimestampType, *arrow.Time64Type, *arrow.DurationType:
			return column.Fixed[uint64](a)[i] == w
		}
		var buf [1]int64
		v, _ := colvec.Ints(a, colvec.Rows{From: i, To: i + 1}, buf[:])
		return v[0] == int64(w)
	case encFloat:
		var buf [1]float64
		v, _ := colvec.Floats(a, colvec.Rows{From: i, To: i + 1}, buf[:])
		return hash.FloatKey(v[0]) == floatKey(w)
	case encDecimal:
		d := column.Fixed[[2]uint64](a)[i]
		return d[0] == w && d[1] == *hash.At[uint64](row, col.word+1)
	case encBytes:
		offs, data := colvec.Binary(a)
		b := data[offs[i]:offs[i+1]]
		n := int(uint32(w))
		if len(b) != n {
			return false
		}
		ref := *hash.At[uint64](row, col.word+1)
		if n > hash.InlineBytes {
			return bytes.Equal(arena.At(ref, n), b)
		}
		v := hash.MakeView(b, 0)
		return v[0] == w && v[1] == ref
	case encNested:
		return bytes.Equal(f.key(row, arena, c), column.KeyWriter(a)(nil, i))
	}
	return false
}

// key is the key of a nested value: see column.KeyWriter.
func (f *Format) key(row hash.Row, arena *table.Arena, c int) []byte {
	refs := Refs{Rows: []hash.Row{row}, Arenas: []*table.Arena{arena}}
	a := f.nested(c, &refs, memory.DefaultAllocator)
	defer a.Release()
	return column.KeyWriter(a)(nil, 0)
}

// Compare orders two rows of the format by their columns, first to last: NULLs come
// last, values of no order (MAP) by their bytes. It breaks ties alone and is not the
// order of ORDER BY.
func (f *Format) Compare(a hash.Row, aa *table.Arena, b hash.Row, ba *table.Arena) int {
	for c := range f.cols {
		x, y := f.Null(a, c), f.Null(b, c)
		switch {
		case x && y:
			continue
		case x:
			return 1
		case y:
			return -1
		}
		if d := f.compareColumn(&f.cols[c], a, aa, b, ba); d != 0 {
			return d
		}
	}
	return 0
}

func (f *Format) compareColumn(c *storedColumn, a hash.Row, aa *table.Arena, b hash.Row, ba *table.Arena) int {
	switch c.enc {
	case encWord:
		return cmp.Compare(*hash.At[int64](a, c.word), *hash.At[int64](b, c.word))
	case encFloat:
		return cmp.Compare(math.Float64frombits(*hash.At[uint64](a, c.word)), math.Float64frombits(*hash.At[uint64](b, c.word)))
	case encDecimal:
		v, w := *hash.At[[2]uint64](a, c.word), *hash.At[[2]uint64](b, c.word)
		return cmp.Or(cmp.Compare(int64(v[1]), int64(w[1])), cmp.Compare(v[0], w[0]))
	case encBytes, encNested:
		v := hash.AppendView(nil, *hash.At[[2]uint64](a, c.word), hash.Source{Arena: aa})
		w := hash.AppendView(nil, *hash.At[[2]uint64](b, c.word), hash.Source{Arena: ba})
		return bytes.Compare(v, w)
	}
	return 0
}

package hash

import (
	"fmt"

	"github.com/streamsql/streamsql/catalog"
)

// A row's first word is its header, the same for every table:
//
//	bits 0..7    NULL flags of the first 8 key columns
//	bits 8..14   flags of the operator that owns the table
//	bit  15      the row is free: its key has been deleted
//	bits 16..63  a signed count of rows, for the owner
//
// Keys follow, then the owner's words.
const (
	HeaderNulls = 0xff
	// FlagBit is the lowest of the 7 header bits that belong to the owner.
	FlagBit    = 1 << 8
	headerFree = 1 << 15
	// CountOne is a row in the header's count.
	CountOne = 1 << 16
)

type encoding uint8

const (
	encWord    encoding = iota // one integer, alone in its word
	encPacked                  // an integer of at most 32 bits that shares its word
	encFloat                   // FLOAT, DOUBLE: bits of the float64, one NaN, one zero
	encDecimal                 // two words: low, high
	encView                    // two words: see view.go
	encNested                  // the same, of the key of an ARRAY, MAP or ROW: see column.KeyWriter
)

type keyColumn struct {
	typ   catalog.Type
	enc   encoding
	word  int  // first key word
	shift uint // encPacked: position of the value in the word
	width uint // encPacked: bits
}

// Layout says how the key columns of a table are put into words of 64 bits.
// It is immutable.
//
// Equality of keys is equality of words and NULL flags, but for strings, bytes and
// nested values longer than 12 bytes, which stand in an arena. NULLs are equal; so
// are 0.0 and -0.0, all NaNs, and maps with the same entries in any order.
type Layout struct {
	cols  []keyColumn
	words int
	// nullWord is the key word with the NULL flags of columns 8 and up, or -1.
	nullWord int
	views    []int // columns that are encView or encNested
	// longRef marks the second words of views.
	longRef []bool
}

// NewLayout gives the layout for key columns of the given types.
func NewLayout(types []catalog.Type) (*Layout, error) {
	l := &Layout{cols: make([]keyColumn, len(types)), nullWord: -1}
	var narrow []int
	for i, t := range types {
		c := keyColumn{typ: t}
		switch t.Kind {
		case catalog.KindBigInt, catalog.KindTime, catalog.KindTimestamp, catalog.KindTimestampLTZ, catalog.KindIntervalDay:
			c.enc, c.word = encWord, l.take(1)
		case catalog.KindFloat, catalog.KindDouble:
			c.enc, c.word = encFloat, l.take(1)
		case catalog.KindDecimal:
			c.enc, c.word = encDecimal, l.take(2)
		case catalog.KindString, catalog.KindJSON, catalog.KindBytes:
			c.enc, c.word = encView, l.take(2)
			l.views = append(l.views, i)
		case catalog.KindArray, catalog.KindMap, catalog.KindRow:
			c.enc, c.word = encNested, l.take(2)
			l.views = append(l.views, i)
		case catalog.KindInt, catalog.KindDate, catalog.KindIntervalMonth:
			c.enc, c.width = encPacked, 32
			narrow = append(narrow, i)
		case catalog.KindSmallInt:
			c.enc, c.width = encPacked, 16
			narrow = append(narrow, i)
		case catalog.KindTinyInt, catalog.KindBoolean, catalog.KindNull:
			c.enc, c.width = encPacked, 8
			narrow = append(narrow, i)
		default:
			return nil, fmt.Errorf("values of type %s can't be compared for grouping", t)
		}
		l.cols[i] = c
	}
	l.pack(narrow)
	if len(types) > 8 {
		l.nullWord = l.take((len(types) - 8 + 63) / 64)
	}
	l.longRef = make([]bool, l.words)
	for _, c := range l.views {
		l.longRef[l.cols[c].word+1] = true
	}
	return l, nil
}

func (l *Layout) take(n int) int {
	w := l.words
	l.words += n
	return w
}

// pack puts the narrow columns into words, wide ones first so that none straddles two.
func (l *Layout) pack(narrow []int) {
	if len(narrow) == 1 {
		c := &l.cols[narrow[0]]
		c.enc, c.word = encWord, l.take(1)
		return
	}
	free := uint(0)
	word := -1
	for _, width := range []uint{32, 16, 8} {
		for _, i := range narrow {
			c := &l.cols[i]
			if c.width != width {
				continue
			}
			if free < width {
				word, free = l.take(1), 64
			}
			c.word, c.shift = word, 64-free
			free -= width
		}
	}
}

// layoutVersion is that of rows of keys in the store: the header, the encodings, how
// narrow columns share words, and the hash, which some operators store.
const layoutVersion = 1

// String is the layout as commits have it: see op.Stateful.
func (l *Layout) String() string {
	text := fmt.Sprintf("keys %d", layoutVersion)
	for _, c := range l.cols {
		text += fmt.Sprintf(" %s %s@%d", c.typ, encodingNames[c.enc], c.word)
		if c.enc == encPacked {
			text += fmt.Sprintf(".%d", c.shift)
		}
	}
	return text
}

var encodingNames = [...]string{encWord: "word", encPacked: "packed", encFloat: "float", encDecimal: "decimal", encView: "view", encNested: "nested"}

// Words is the number of words of a key.
func (l *Layout) Words() int { return l.words }

// Columns is the number of key columns.
func (l *Layout) Columns() int { return len(l.cols) }

// Type is the type of key column i.
func (l *Layout) Type(i int) catalog.Type { return l.cols[i].typ }

// HasStrings says that there are key columns of strings, bytes or nested values,
// whose table needs an arena.
func (l *Layout) HasStrings() bool { return len(l.views) > 0 }

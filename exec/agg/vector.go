package agg

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// form is the physical form of an argument.
type form uint8

const (
	formNone    form = iota // only whether it is NULL
	formInts                // integers, dates, times, booleans
	formFloats              // FLOAT, DOUBLE
	formDecimal             // DECIMAL
	formBytes               // STRING, BYTES
	formNested              // the keys of ARRAY, MAP, ROW as bytes
)

func formOf(t catalog.Type) form {
	switch t.Kind {
	case catalog.KindFloat, catalog.KindDouble:
		return formFloats
	case catalog.KindDecimal:
		return formDecimal
	case catalog.KindString, catalog.KindBytes, catalog.KindJSON:
		return formBytes
	case catalog.KindArray, catalog.KindMap, catalog.KindRow:
		return formNested
	case catalog.KindNull, catalog.KindInvalid:
		return formNone
	}
	return formInts
}

// vector is the argument of some accumulators for some rows of a batch: only
// rows that count (not NULL, filter TRUE), each with its group. So the loops
// over it test nothing.
type vector struct {
	rows   []hash.Row // the row's group
	ids    []uint32   // and its id
	ints   []int64
	floats []float64
	decs   []decimal128.Num
	bytes  [][]byte
	// seconds are the values of a second argument, of doubles.
	seconds []float64
}

// input prepares a vector per chunk. Accumulators with the same argument and
// filter share one.
type input struct {
	arg     int // column; -1: none
	second  int // column of a second argument; -1: none
	filter  int // boolean column; -1: none
	notNull bool
	form    form

	vec  vector
	keep []int32
	pos  []int32
	rows []hash.Row
	ids  []uint32
	ints []int64
	flts []float64
	more []float64
	decs []decimal128.Num
	keys []byte
}

// every says that all rows count whatever they hold.
func (in *input) every() bool { return in.filter < 0 && (in.arg < 0 || in.notNull) }

// prepare fills the vector for rows r of a batch, whose groups are refs.
func (in *input) prepare(cols []arrow.Array, r colvec.Rows, refs *hash.Refs) *vector {
	v := &in.vec
	v.rows, v.ids = refs.Rows, refs.IDs
	var valid colvec.Validity
	if in.arg >= 0 {
		valid = colvec.ValidityOf(cols[in.arg])
	}
	var also colvec.Validity
	if in.second >= 0 {
		also = colvec.ValidityOf(cols[in.second])
	}
	if in.filter >= 0 || !valid.AllValid() || !also.AllValid() {
		in.keep = iota32(in.keep, r.Len())
		keep := also.And(r, valid.And(r, in.keep))
		if in.filter >= 0 {
			keep = colvec.True(cols[in.filter], r, keep)
		}
		if len(keep) < r.Len() {
			r = in.compact(keep, r, refs)
		}
	}
	in.load(cols, r)
	return v
}

// compact narrows the vector to the rows listed in keep.
func (in *input) compact(keep []int32, r colvec.Rows, refs *hash.Refs) colvec.Rows {
	n := len(keep)
	in.rows, in.ids, in.pos = colvec.Grow(in.rows, n), colvec.Grow(in.ids, n), colvec.Grow(in.pos, n)
	for j, i := range keep {
		in.rows[j], in.ids[j], in.pos[j] = refs.Rows[i], refs.IDs[i], int32(r.At(int(i)))
	}
	in.vec.rows, in.vec.ids = in.rows, in.ids
	return colvec.Selected(in.pos)
}

// load reads the argument's values at rows r.
func (in *input) load(cols []arrow.Array, r colvec.Rows) {
	v := &in.vec
	var alias bool
	if in.second >= 0 {
		if v.seconds, alias = colvec.Floats(cols[in.second], r, in.more); !alias {
			in.more = v.seconds
		}
	}
	switch in.form {
	case formInts:
		if v.ints, alias = colvec.Ints(cols[in.arg], r, in.ints); !alias {
			in.ints = v.ints
		}
	case formFloats:
		if v.floats, alias = colvec.Floats(cols[in.arg], r, in.flts); !alias {
			in.flts = v.floats
		}
	case formDecimal:
		if v.decs, alias = colvec.Decimals(cols[in.arg], r, in.decs); !alias {
			in.decs = v.decs
		}
	case formBytes:
		offs, data := colvec.Binary(cols[in.arg])
		v.bytes = colvec.Grow(v.bytes, r.Len())
		for i := range v.bytes {
			p := r.At(i)
			v.bytes[i] = data[offs[p]:offs[p+1]]
		}
	case formNested:
		write := column.KeyWriter(cols[in.arg])
		v.bytes = colvec.Grow(v.bytes, r.Len())
		in.keys = in.keys[:0]
		for i := range v.bytes {
			from := len(in.keys)
			in.keys = write(in.keys, r.At(i))
			v.bytes[i] = in.keys[from:] // stays as it is if keys moves
		}
	}
}

func iota32(buf []int32, n int) []int32 {
	buf = colvec.Grow(buf, n)
	for i := range buf {
		buf[i] = int32(i)
	}
	return buf
}

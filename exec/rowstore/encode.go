package rowstore

import (
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/statestore/table"
)

// Encoder puts rows of batches into words. Not safe for concurrent use.
type Encoder struct {
	f    *Format
	ints []int64
	flts []float64
	decs []decimal128.Num
	buf  []byte
}

// NewEncoder makes an encoder of the format.
func (f *Format) NewEncoder() *Encoder { return &Encoder{f: f} }

// Put writes rows r of a batch into dst, whose words it takes to be zeros behind
// the owner's. Long strings go to the arena.
func (e *Encoder) Put(cols []arrow.Array, r colvec.Rows, dst []hash.Row, arena *table.Arena) {
	for ci := range e.f.cols {
		c, a := &e.f.cols[ci], cols[ci]
		v := colvec.ValidityOf(a)
		flags, bit := e.f.nulls+ci/64, uint64(1)<<(ci%64)
		nulls := false
		if !v.AllValid() {
			for i, row := range dst {
				if !v.Valid(r.At(i)) {
					*hash.At[uint64](row, flags) |= bit
					nulls = true
				}
			}
		}
		null := func(row hash.Row) bool { return nulls && *hash.At[uint64](row, flags)&bit != 0 }
		switch c.enc {
		case encWord:
			if a.DataType().ID() == arrow.NULL {
				continue
			}
			ints, alias := colvec.Ints(a, r, e.ints)
			if !alias {
				e.ints = ints
			}
			for i, row := range dst {
				if !nulls || !null(row) {
					*hash.At[int64](row, c.word) = ints[i]
				}
			}
		case encFloat:
			f, alias := colvec.Floats(a, r, e.flts)
			if !alias {
				e.flts = f
			}
			for i, row := range dst {
				if !null(row) {
					*hash.At[uint64](row, c.word) = math.Float64bits(f[i])
				}
			}
		case encDecimal:
			d, alias := colvec.Decimals(a, r, e.decs)
			if !alias {
				e.decs = d
			}
			for i, row := range dst {
				if !null(row) {
					*hash.At[[2]uint64](row, c.word) = [2]uint64{d[i].LowBits(), uint64(d[i].HighBits())}
				}
			}
		case encBytes:
			offs, data := colvec.Binary(a)
			for i, row := range dst {
				if !null(row) {
					p := r.At(i)
					putBytes(row, c.word, data[offs[p]:offs[p+1]], arena)
				}
			}
		case encNested:
			for i, row := range dst {
				if !null(row) {
					e.buf = appendValue(e.buf[:0], column.Value(a, r.At(i), c.typ), c.typ)
					putBytes(row, c.word, e.buf, arena)
				}
			}
		}
	}
}

func putBytes(row hash.Row, word int, b []byte, arena *table.Arena) {
	ref := uint64(0)
	if len(b) > hash.InlineBytes {
		ref = arena.Append(b)
	}
	*hash.At[[2]uint64](row, word) = hash.MakeView(b, ref)
}

// floatKey is hash.FloatKey of the bits of a float.
func floatKey(bits uint64) uint64 { return hash.FloatKey(math.Float64frombits(bits)) }

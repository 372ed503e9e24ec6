package hash

import (
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// KeyColumn gives key column ci of rows as an Arrow column.
func (t *Table) KeyColumn(ci int, rows []Row, alloc memory.Allocator) arrow.Array {
	return t.l.Column(ci, rows, t.Source(), alloc)
}

// Column gives key column ci of rows that have the layout, whose long strings
// stand in src, as a column of the type's Arrow type.
func (l *Layout) Column(ci int, rows []Row, src Source, alloc memory.Allocator) arrow.Array {
	c := &l.cols[ci]
	if c.typ.Kind == catalog.KindNull {
		return array.NewNull(len(rows))
	}
	valid := l.validity(ci, rows, alloc)
	dt := c.typ.Arrow()
	switch c.enc {
	case encFloat:
		return colvec.FloatColumn(dt, len(rows), valid, alloc, func(i int) float64 {
			return math.Float64frombits(*At[uint64](rows[i], 1+c.word))
		})
	case encDecimal:
		return colvec.DecimalColumn(dt, len(rows), valid, alloc, func(i int) decimal128.Num {
			w := At[[2]uint64](rows[i], 1+c.word)
			return decimal128.New(int64(w[1]), w[0])
		})
	case encView:
		return colvec.BytesColumn(dt, len(rows), valid, alloc, func(i int, dst []byte) []byte {
			return AppendView(dst, *At[[2]uint64](rows[i], 1+c.word), src)
		})
	case encNested:
		if valid != nil {
			valid.Release()
		}
		return l.nested(ci, rows, src, alloc)
	case encPacked:
		return colvec.IntColumn(dt, len(rows), valid, alloc, func(i int) int64 {
			return c.unpack(*At[uint64](rows[i], 1+c.word))
		})
	}
	return colvec.IntColumn(dt, len(rows), valid, alloc, func(i int) int64 {
		return *At[int64](rows[i], 1+c.word)
	})
}

// validity gives the validity bitmap of a key column; nil if no row is NULL.
func (l *Layout) validity(ci int, rows []Row, alloc memory.Allocator) *memory.Buffer {
	word, bit := 0, ci
	if ci >= 8 {
		word, bit = 1+l.nullWord+(ci-8)/64, (ci-8)%64
	}
	var valid *memory.Buffer
	for i, row := range rows {
		if *At[uint64](row, word)>>bit&1 == 0 {
			continue
		}
		if valid == nil {
			valid = column.NewBuffer(alloc, column.BitmapBytes(len(rows)))
			for j := range valid.Bytes() {
				valid.Bytes()[j] = 0xff
			}
		}
		column.ClearBit(valid.Bytes(), i)
	}
	return valid
}

// nested is Column for a column of nested values.
func (l *Layout) nested(ci int, rows []Row, src Source, alloc memory.Allocator) arrow.Array {
	c := &l.cols[ci]
	b := array.NewBuilder(alloc, c.typ.Arrow())
	defer b.Release()
	b.Reserve(len(rows))
	var inline [InlineBytes]byte
	for _, row := range rows {
		if l.IsNull(ci, row) {
			b.AppendNull()
			continue
		}
		column.AppendKey(b, ViewBytes(*At[[2]uint64](row, 1+c.word), src, inline[:0]))
	}
	return b.NewArray()
}

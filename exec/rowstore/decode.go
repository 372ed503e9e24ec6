package rowstore

import (
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/statestore/table"
)

// Refs are rows in one or several tables.
type Refs struct {
	Rows   []hash.Row
	Arenas []*table.Arena // of each row: where its long strings stand
}

// Add appends a row. The zero Row stands for one whose columns are all NULL.
func (r *Refs) Add(row hash.Row, arena *table.Arena) {
	r.Rows, r.Arenas = append(r.Rows, row), append(r.Arenas, arena)
}

// Reset forgets all rows.
func (r *Refs) Reset() { r.Rows, r.Arenas = r.Rows[:0], r.Arenas[:0] }

// Len is the number of rows.
func (r *Refs) Len() int { return len(r.Rows) }

// Column gives column c of rows as a column of its Arrow type.
func (f *Format) Column(c int, r *Refs, alloc memory.Allocator) arrow.Array {
	col := &f.cols[c]
	n := len(r.Rows)
	if col.enc == encNothing {
		return array.NewNull(n)
	}
	valid, all := f.validity(c, r.Rows, alloc)
	none := hash.Row{}
	word := func(i int) uint64 {
		if r.Rows[i] == none {
			return 0
		}
		return *hash.At[uint64](r.Rows[i], col.word)
	}
	switch col.enc {
	case encFloat:
		return colvec.FloatColumn(col.dt, n, valid, alloc, func(i int) float64 { return math.Float64frombits(word(i)) })
	case encDecimal:
		return colvec.DecimalColumn(col.dt, n, valid, alloc, func(i int) decimal128.Num {
			if r.Rows[i] == none {
				return decimal128.Num{}
			}
			w := hash.At[[2]uint64](r.Rows[i], col.word)
			return decimal128.New(int64(w[1]), w[0])
		})
	case encBytes:
		return colvec.BytesColumn(col.dt, n, valid, alloc, func(i int, dst []byte) []byte {
			if r.Rows[i] == none {
				return dst
			}
			return hash.AppendView(dst, *hash.At[[2]uint64](r.Rows[i], col.word), hash.Source{Arena: r.Arenas[i]})
		})
	case encNested:
		if valid != nil {
			valid.Release()
		}
		return f.nested(c, r, alloc)
	}
	if all {
		return colvec.IntColumn(col.dt, n, valid, alloc, func(i int) int64 { return *hash.At[int64](r.Rows[i], col.word) })
	}
	return colvec.IntColumn(col.dt, n, valid, alloc, func(i int) int64 { return int64(word(i)) })
}

// validity gives the validity bitmap of a column; nil if no row is NULL there.
// all says that each of the rows is one.
func (f *Format) validity(c int, rows []hash.Row, alloc memory.Allocator) (valid *memory.Buffer, all bool) {
	word, bit := f.nulls+c/64, c%64
	all = true
	for i, row := range rows {
		switch {
		case row == (hash.Row{}):
			all = false
		case *hash.At[uint64](row, word)>>bit&1 == 0:
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
	return valid, all
}

func (f *Format) nested(c int, r *Refs, alloc memory.Allocator) arrow.Array {
	col := &f.cols[c]
	values := make([]any, len(r.Rows))
	var buf []byte
	for i, row := range r.Rows {
		if row == (hash.Row{}) || f.Null(row, c) {
			continue
		}
		buf = hash.AppendView(buf[:0], *hash.At[[2]uint64](row, col.word), hash.Source{Arena: r.Arenas[i]})
		d := valueReader{b: buf}
		values[i] = d.value(col.typ)
	}
	a, err := column.FromValues(values, col.typ, alloc)
	if err != nil {
		panic(fmt.Sprintf("rowstore: column %d: %v", c, err)) // it was a value of the type when it came
	}
	return a
}

// AppendColumns appends all columns of rows.
func (f *Format) AppendColumns(dst []arrow.Array, r *Refs, alloc memory.Allocator) []arrow.Array {
	for c := range f.cols {
		dst = append(dst, f.Column(c, r, alloc))
	}
	return dst
}

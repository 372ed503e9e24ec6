package hash

import (
	"unsafe"

	"github.com/streamsql/streamsql/statestore/table"
)

// Row points at the first word of a row. It holds until the next Upsert into
// its table, and costs a batch one address computation where going through the
// row id would cost one for each of the row's aggregates.
type Row struct{ p unsafe.Pointer }

// At views the words of r from word on as a T, whose size must be whole words
// that lie within the row.
func At[T any](r Row, word int) *T { return (*T)(unsafe.Add(r.p, word*8)) }

// RowOf is the row that starts at words[0].
func RowOf(words []uint64) Row { return Row{unsafe.Pointer(unsafe.SliceData(words))} }

// Header is the row's first word; see HeaderNulls.
func (r Row) Header() *uint64 { return (*uint64)(r.p) }

// Source says where the long strings of rows stand: in an arena, or else in
// plain bytes at the offset that a view gives.
type Source struct {
	Arena *table.Arena
	Data  []byte
}

// Bytes is the string of a long view.
func (s Source) Bytes(ref uint64, n int) []byte {
	if s.Arena != nil {
		return s.Arena.At(ref, n)
	}
	return s.Data[ref : ref+uint64(n)]
}

// AppendView appends the string that the view in two words of a row stands for.
func AppendView(dst []byte, v [2]uint64, src Source) []byte {
	if n := viewLen(v[0]); n > InlineBytes {
		return append(dst, src.Bytes(v[1], n)...)
	}
	return appendInline(dst, v[0], v[1])
}

// ViewLen is the length of the string that a view stands for.
func ViewLen(v [2]uint64) int { return viewLen(v[0]) }

// Refs is where the keys of a batch are in a Table.
type Refs struct {
	IDs  []uint32
	Rows []Row
}

func (r *Refs) resize(n int) {
	if cap(r.IDs) < n {
		r.IDs = make([]uint32, n, n+n/4)
		r.Rows = make([]Row, n, n+n/4)
	}
	r.IDs, r.Rows = r.IDs[:n], r.Rows[:n]
}

// Words views the first n words of r.
func (r Row) Words(n int) []uint64 { return unsafe.Slice((*uint64)(r.p), n) }

// Detach appends the long strings of a copied row's key, which stand in src, to
// data, and makes the copy refer to them there.
func (l *Layout) Detach(row Row, src Source, data []byte) []byte {
	for _, c := range l.views {
		v := At[[2]uint64](row, 1+l.cols[c].word)
		if n := viewLen(v[0]); n > InlineBytes {
			ref := uint64(len(data))
			data = append(data, src.Bytes(v[1], n)...)
			v[1] = ref
		}
	}
	return data
}

// From is what of r begins at word n, where another row may stand.
func (r Row) From(n int) Row { return Row{unsafe.Add(r.p, n*8)} }

// RowsOf appends the rows with the ids.
func (t *Table) RowsOf(ids []uint32, rows []Row) []Row {
	pages, shift := t.rows.Pages()
	width, mask := t.rows.Width(), uint32(1)<<shift-1
	for _, id := range ids {
		rows = append(rows, Row{unsafe.Pointer(&pages[id>>shift][int(id&mask)*width])})
	}
	return rows
}

// RowsFrom appends n rows by ascending id, from first on, free ones included.
func (t *Table) RowsFrom(first uint32, n int, rows []Row) []Row {
	pages, shift := t.rows.Pages()
	width, mask := t.rows.Width(), uint32(1)<<shift-1
	for id := first; id < first+uint32(n); id++ {
		rows = append(rows, Row{unsafe.Pointer(&pages[id>>shift][int(id&mask)*width])})
	}
	return rows
}

// Counted appends the ids of the rows whose header counts a row or more.
func (t *Table) Counted(ids []uint32) []uint32 {
	pages, shift := t.rows.Pages()
	width, mask := t.rows.Width(), uint32(1)<<shift-1
	for id := range t.rows.Cap() {
		if int64(pages[id>>shift][int(id&mask)*width]) >= CountOne {
			ids = append(ids, id)
		}
	}
	return ids
}

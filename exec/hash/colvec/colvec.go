// Package colvec gives the values of Arrow columns as plain Go slices, for a
// range of rows or a selection of them, without a copy where that is possible.
//
// Grouping, aggregation and hashing work on a few thousand rows at a time and
// on five physical forms only: 64-bit integers, float64, 128-bit decimals and
// byte strings, plus validity. This package is where the many Arrow types
// become those.
package colvec

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/exec/column"
)

// Rows names rows of a batch in order: positions Sel[From:To], or the positions
// From..To-1 themselves where Sel is nil.
type Rows struct {
	From, To int
	Sel      []int32
}

// All names the n rows of a batch.
func All(n int) Rows { return Rows{To: n} }

// Selected names the rows in sel.
func Selected(sel []int32) Rows { return Rows{To: len(sel), Sel: sel} }

// Ascending is Selected for rows in ascending order: those that stand one behind
// the other need no selection, and their values no copy.
func Ascending(sel []int32) Rows {
	if n := len(sel); n > 0 && int(sel[n-1]-sel[0]) == n-1 {
		return Rows{From: int(sel[0]), To: int(sel[n-1]) + 1}
	}
	return Selected(sel)
}

// Len is the number of rows.
func (r Rows) Len() int { return r.To - r.From }

// Slice names rows i..j-1 of r.
func (r Rows) Slice(i, j int) Rows { return Rows{From: r.From + i, To: r.From + j, Sel: r.Sel} }

// At is the position in the batch of row i of r.
func (r Rows) At(i int) int {
	if r.Sel != nil {
		return int(r.Sel[r.From+i])
	}
	return r.From + i
}

type integer interface {
	~int8 | ~int16 | ~int32 | ~int64
}

func widen[T integer](v []T, r Rows, buf []int64) []int64 {
	n := r.Len()
	buf = Grow(buf, n)
	if r.Sel == nil {
		for i, x := range v[r.From:r.To] {
			buf[i] = int64(x)
		}
		return buf
	}
	for i, p := range r.Sel[r.From:r.To] {
		buf[i] = int64(v[p])
	}
	return buf
}

// Grow gives a slice of length n, in buf's memory if that is large enough. The
// contents are undefined.
func Grow[T any](buf []T, n int) []T {
	if cap(buf) >= n {
		return buf[:n]
	}
	return make([]T, n, n+n/4)
}

// Ints gives the values of an integer, date, time, timestamp, interval or
// boolean (0 or 1) column. The result is in buf's memory or aliases the column;
// the second result tells which (true: alias, not to be written). NULLs are
// undefined.
func Ints(a arrow.Array, r Rows, buf []int64) ([]int64, bool) {
	switch a.DataType().ID() {
	case arrow.INT64, arrow.TIMESTAMP, arrow.TIME64, arrow.DURATION, arrow.DATE64:
		v := column.Fixed[int64](a)
		if r.Sel == nil {
			return v[r.From:r.To], true
		}
		return widen(v, r, buf), false
	case arrow.INT32, arrow.DATE32, arrow.TIME32, arrow.INTERVAL_MONTHS:
		return widen(column.Fixed[int32](a), r, buf), false
	case arrow.INT16:
		return widen(column.Fixed[int16](a), r, buf), false
	case arrow.INT8:
		return widen(column.Fixed[int8](a), r, buf), false
	case arrow.BOOL:
		buf = Grow(buf, r.Len())
		if len(buf) == 0 {
			return buf, false
		}
		b := boolBits(a)
		for i := range buf {
			p := b.Off + r.At(i)
			buf[i] = int64(b.Bytes[p>>3] >> (p & 7) & 1)
		}
		return buf, false
	}
	panic(fmt.Sprintf("colvec: %s has no integer form", a.DataType()))
}

// Floats gives the values of a FLOAT or DOUBLE column, as Ints does.
func Floats(a arrow.Array, r Rows, buf []float64) ([]float64, bool) {
	switch a.DataType().ID() {
	case arrow.FLOAT64:
		v := column.Fixed[float64](a)
		if r.Sel == nil {
			return v[r.From:r.To], true
		}
		buf = Grow(buf, r.Len())
		for i, p := range r.Sel[r.From:r.To] {
			buf[i] = v[p]
		}
		return buf, false
	case arrow.FLOAT32:
		v := column.Fixed[float32](a)
		buf = Grow(buf, r.Len())
		for i := range buf {
			buf[i] = float64(v[r.At(i)])
		}
		return buf, false
	}
	panic(fmt.Sprintf("colvec: %s has no float form", a.DataType()))
}

// Decimals gives the unscaled values of a DECIMAL column, as Ints does.
func Decimals(a arrow.Array, r Rows, buf []decimal128.Num) ([]decimal128.Num, bool) {
	v := column.Fixed[decimal128.Num](a)
	if r.Sel == nil {
		return v[r.From:r.To], true
	}
	buf = Grow(buf, r.Len())
	for i, p := range r.Sel[r.From:r.To] {
		buf[i] = v[p]
	}
	return buf, false
}

// Binary gives the offsets (one more than rows) and the data of a STRING, JSON
// or BYTES column: the value at batch position p is data[offs[p]:offs[p+1]].
func Binary(a arrow.Array) (offs []int32, data []byte) {
	if id := a.DataType().ID(); id != arrow.STRING && id != arrow.BINARY {
		panic(fmt.Sprintf("colvec: %s has no byte form", a.DataType()))
	}
	return column.Offsets(a), column.Data(a)
}

// Validity is the validity of a column. The zero value has no NULLs.
type Validity struct {
	bits column.Bits
	none bool // every row is NULL
}

// ValidityOf gives the validity of a column. It does not write to the column.
func ValidityOf(a arrow.Array) Validity {
	if column.AllNull(a) {
		return Validity{none: true}
	}
	return Validity{bits: column.Validity(a)}
}

// AllValid says that no row is known to be NULL.
func (v Validity) AllValid() bool { return v.bits.All() && !v.none }

// Valid says whether the row at batch position p is not NULL.
func (v Validity) Valid(p int) bool { return !v.none && v.bits.Get(p) }

// And keeps of keep (indexes of rows of r) those whose row is not NULL, in place.
func (v Validity) And(r Rows, keep []int32) []int32 {
	switch {
	case v.none:
		return keep[:0]
	case v.bits.All():
		return keep
	}
	return andBits(v.bits, r, keep)
}

func andBits(b column.Bits, r Rows, keep []int32) []int32 {
	n := 0
	for _, i := range keep {
		p := r.At(int(i)) + b.Off
		keep[n] = i
		n += int(b.Bytes[p>>3] >> (p & 7) & 1)
	}
	return keep[:n]
}

// True keeps of keep (indexes of rows of r) those where the boolean column is
// TRUE: neither FALSE nor NULL. It works in place.
func True(a arrow.Array, r Rows, keep []int32) []int32 {
	keep = ValidityOf(a).And(r, keep)
	if len(keep) == 0 {
		return keep
	}
	return andBits(boolBits(a), r, keep)
}

func boolBits(a arrow.Array) column.Bits {
	if a.DataType().ID() != arrow.BOOL {
		panic(fmt.Sprintf("colvec: %s has no truth value", a.DataType()))
	}
	return column.Bits{Bytes: a.Data().Buffers()[1].Bytes(), Off: a.Data().Offset()}
}

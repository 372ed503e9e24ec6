package kernel

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/column"
)

// Validity gives the validity of a strict function's result: a row is NULL
// where an argument is. nil arguments (bound constants) don't count. The buffer
// is nil if there is no NULL; nulls is -1 where it is not counted.
func Validity(alloc memory.Allocator, n int, args ...arrow.Array) (valid *memory.Buffer, nulls int) {
	var list [8]column.Bits
	vs := list[:0]
	for _, a := range args {
		if a == nil {
			continue
		}
		if column.AllNull(a) {
			return column.NewZeroed(alloc, column.BitmapBytes(n)), n
		}
		if v := column.Validity(a); !v.All() {
			vs = append(vs, v)
		}
	}
	if len(vs) == 0 {
		return nil, 0
	}
	buf := column.NewBuffer(alloc, column.BitmapBytes(n))
	out := buf.Bytes()
	for i := 0; i < n; i += 64 {
		w := vs[0].Word(i, n)
		for _, v := range vs[1:] {
			w &= v.Word(i, n)
		}
		column.PutWord(out, i, w)
	}
	return buf, -1
}

// Nullable is the validity of a result being made, of which rows can be made
// NULL one by one. The bitmap comes to be with the first NULL.
type Nullable struct {
	alloc memory.Allocator
	n     int
	buf   *memory.Buffer
}

// NewNullable starts from the strict validity of arguments.
func NewNullable(alloc memory.Allocator, n int, args ...arrow.Array) Nullable {
	buf, _ := Validity(alloc, n, args...)
	return Nullable{alloc, n, buf}
}

// SetNull makes row i NULL.
func (v *Nullable) SetNull(i int) {
	if v.buf == nil {
		v.buf = column.NewBuffer(v.alloc, column.BitmapBytes(v.n))
		fill(v.buf.Bytes(), 0xff)
	}
	column.ClearBit(v.buf.Bytes(), i)
}

// Valid says whether row i is not NULL.
func (v *Nullable) Valid(i int) bool {
	return v.buf == nil || v.buf.Bytes()[i>>3]>>(i&7)&1 != 0
}

// Buffer gives the bitmap, nil if no row is NULL. It passes the reference on.
func (v *Nullable) Buffer() *memory.Buffer { return v.buf }

func fill(b []byte, x byte) {
	for i := range b {
		b[i] = x
	}
}

// ForEach calls f for the rows to compute: those of sel (nil: all n) that are
// valid.
func ForEach(n int, sel []int32, v *Nullable, f func(i int)) {
	if sel != nil {
		for _, r := range sel {
			if v.Valid(int(r)) {
				f(int(r))
			}
		}
		return
	}
	for i := range n {
		if v.Valid(i) {
			f(i)
		}
	}
}

// Sparse says whether so few rows are selected that it is cheaper to move them
// together than to compute all.
func Sparse(n int, sel []int32) bool { return sel != nil && len(sel)*4 < n }

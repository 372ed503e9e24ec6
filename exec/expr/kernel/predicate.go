package kernel

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
)

// Predicate is a strict comparison of two fixed-width columns, or one and a
// constant, that can't fail. The loops store one word per 64 rows; bits beyond
// the last row don't matter.
type Predicate[T any] struct {
	VV func(dst []uint64, a, b []T)
	VC func(dst []uint64, a []T, b T)
	// Not turns the result round: <> is = with Not.
	Not bool
	// Flipped is the predicate of (b, a): used for a constant on the left.
	Flipped *Predicate[T]
}

var _ ConstBinder = (*Predicate[int64])(nil)

// Eval implements catalog.Kernel.
func (k *Predicate[T]) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	a, b := column.Fixed[T](args[0]), column.Fixed[T](args[1])
	valid, nulls := Validity(c.Alloc, n, args...)
	out := column.NewBuffer(c.Alloc, column.BitmapBytes(n))
	if Sparse(n, sel) {
		bufA, ca := compact(c.Alloc, a, sel)
		bufB, cb := compact(c.Alloc, b, sel)
		k.spread(c, out, sel, func(dst []uint64) { k.VV(dst, ca, cb) })
		bufA.Release()
		bufB.Release()
	} else {
		dst := column.As[uint64](out, (n+63)/64)
		k.VV(dst, a, b)
		k.turn(dst)
	}
	return column.Make(arrow.FixedWidthTypes.Boolean, n, nulls, []*memory.Buffer{valid, out}), nil
}

// BindConst implements ConstBinder.
func (k *Predicate[T]) BindConst(args []*catalog.Literal) catalog.Kernel {
	switch {
	case args[0] == nil:
		if v, ok := Scalar[T](args[1]); ok {
			return &boundPredicate[T]{k, v, 0}
		}
	case args[1] == nil && k.Flipped != nil:
		if v, ok := Scalar[T](args[0]); ok {
			return &boundPredicate[T]{k.Flipped, v, 1}
		}
	}
	return nil
}

// boundPredicate compares argument arg with a constant.
type boundPredicate[T any] struct {
	k   *Predicate[T]
	v   T
	arg int
}

func (p *boundPredicate[T]) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	a := column.Fixed[T](args[p.arg])
	valid, nulls := Validity(c.Alloc, n, args[p.arg])
	out := column.NewBuffer(c.Alloc, column.BitmapBytes(n))
	if Sparse(n, sel) {
		buf, ca := compact(c.Alloc, a, sel)
		p.k.spread(c, out, sel, func(dst []uint64) { p.k.VC(dst, ca, p.v) })
		buf.Release()
	} else {
		dst := column.As[uint64](out, (n+63)/64)
		p.k.VC(dst, a, p.v)
		p.k.turn(dst)
	}
	return column.Make(arrow.FixedWidthTypes.Boolean, n, nulls, []*memory.Buffer{valid, out}), nil
}

func (k *Predicate[T]) turn(dst []uint64) {
	if k.Not {
		for i := range dst {
			dst[i] = ^dst[i]
		}
	}
}

// spread computes len(sel) packed bits and stores them at the selected rows.
func (k *Predicate[T]) spread(c *catalog.EvalContext, out *memory.Buffer, sel []int32, f func(dst []uint64)) {
	buf := column.NewBuffer(c.Alloc, column.BitmapBytes(len(sel)))
	packed := column.As[uint64](buf, (len(sel)+63)/64)
	f(packed)
	k.turn(packed)
	bitmap := out.Bytes()
	clear(bitmap)
	for i, r := range sel {
		bitmap[r>>3] |= byte(packed[i>>6]>>(i&63)&1) << (r & 7)
	}
	buf.Release()
}

// Rows is a strict predicate judged row by row.
type Rows struct {
	// Open prepares the columns of a batch.
	Open func(args []arrow.Array) func(i int) bool
}

// Eval implements catalog.Kernel.
func (k Rows) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	valid := NewNullable(c.Alloc, n, args...)
	test := k.Open(args)
	return BoolColumn(c.Alloc, n, sel, &valid, test), nil
}

// BoolColumn makes a BOOLEAN column of what test says of each valid selected
// row.
func BoolColumn(alloc memory.Allocator, n int, sel []int32, valid *Nullable, test func(i int) bool) arrow.Array {
	out := column.NewBuffer(alloc, column.BitmapBytes(n))
	bitmap := out.Bytes()
	if sel != nil {
		clear(bitmap)
		for _, r := range sel {
			if valid.Valid(int(r)) && test(int(r)) {
				column.SetBit(bitmap, int(r))
			}
		}
	} else {
		for i := 0; i < n; i += 64 {
			var w uint64
			for k := range min(64, n-i) {
				if valid.Valid(i+k) && test(i+k) {
					w |= 1 << k
				}
			}
			column.PutWord(bitmap, i, w)
		}
	}
	return column.Make(arrow.FixedWidthTypes.Boolean, n, -1, []*memory.Buffer{valid.Buffer(), out})
}

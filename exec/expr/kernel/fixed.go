package kernel

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
)

// Outcome is what becomes of a row that a dense loop suspects.
type Outcome struct {
	Null    bool   // the result is NULL (division by zero)
	Code    string // not empty: the row is in error
	Message string
}

// Unary is a strict kernel over one fixed-width column.
type Unary[A, R any] struct {
	Out arrow.DataType
	// Loop computes dst from a. It says whether some row may have failed, or
	// be NULL: then Check is asked for each.
	Loop func(dst []R, a []A) (suspect bool)
	// Check judges one row; nil if Loop never suspects.
	Check func(a A) Outcome
}

// Eval implements catalog.Kernel.
func (k *Unary[A, R]) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	a := column.Fixed[A](args[0])
	valid := NewNullable(c.Alloc, n, args[0])
	out := column.NewBuffer(c.Alloc, n*int(size[R]()))
	dst := column.As[R](out, n)
	var suspect bool
	if Sparse(n, sel) {
		m := len(sel)
		bufA, ca := compact(c.Alloc, a, sel)
		bufR := column.NewBuffer(c.Alloc, m*int(size[R]()))
		cr := column.As[R](bufR, m)
		suspect = k.Loop(cr, ca)
		scatter(dst, cr, sel)
		bufA.Release()
		bufR.Release()
	} else {
		suspect = k.Loop(dst, a)
	}
	if suspect {
		ForEach(n, sel, &valid, func(i int) { valid.judge(c, i, k.Check(a[i])) })
	}
	return column.Make(k.Out, n, -1, []*memory.Buffer{valid.Buffer(), out}), nil
}

func (v *Nullable) judge(c *catalog.EvalContext, i int, o Outcome) {
	if o.Code != "" {
		c.Fail(i, o.Code, o.Message)
	}
	if o.Null || o.Code != "" {
		v.SetNull(i)
	}
}

// Binary is a strict kernel over two fixed-width columns, or one and a constant.
type Binary[A, B, R any] struct {
	Out arrow.DataType
	// VV, VC and CV are the loops over two columns, a column and a constant, a
	// constant and a column; they say whether some row may have failed. VC and
	// CV may be nil.
	VV func(dst []R, a []A, b []B) (suspect bool)
	VC func(dst []R, a []A, b B) (suspect bool)
	CV func(dst []R, a A, b []B) (suspect bool)
	// Check judges one row; nil if the loops never suspect.
	Check func(a A, b B) Outcome
}

var _ ConstBinder = (*Binary[int64, int64, int64])(nil)

// Eval implements catalog.Kernel.
func (k *Binary[A, B, R]) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	a, b := column.Fixed[A](args[0]), column.Fixed[B](args[1])
	valid := NewNullable(c.Alloc, n, args...)
	out := column.NewBuffer(c.Alloc, n*int(size[R]()))
	dst := column.As[R](out, n)
	var suspect bool
	if Sparse(n, sel) {
		m := len(sel)
		bufA, ca := compact(c.Alloc, a, sel)
		bufB, cb := compact(c.Alloc, b, sel)
		bufR := column.NewBuffer(c.Alloc, m*int(size[R]()))
		cr := column.As[R](bufR, m)
		suspect = k.VV(cr, ca, cb)
		scatter(dst, cr, sel)
		bufA.Release()
		bufB.Release()
		bufR.Release()
	} else {
		suspect = k.VV(dst, a, b)
	}
	if suspect {
		ForEach(n, sel, &valid, func(i int) { valid.judge(c, i, k.Check(a[i], b[i])) })
	}
	return column.Make(k.Out, n, -1, []*memory.Buffer{valid.Buffer(), out}), nil
}

// BindConst implements ConstBinder.
func (k *Binary[A, B, R]) BindConst(args []*catalog.Literal) catalog.Kernel {
	switch {
	case args[0] == nil && k.VC != nil:
		b, ok := Scalar[B](args[1])
		if !ok {
			return nil
		}
		u := &Unary[A, R]{Out: k.Out, Loop: func(dst []R, a []A) bool { return k.VC(dst, a, b) }}
		if k.Check != nil {
			u.Check = func(a A) Outcome { return k.Check(a, b) }
		}
		return u
	case args[1] == nil && k.CV != nil:
		a, ok := Scalar[A](args[0])
		if !ok {
			return nil
		}
		shift := &Unary[B, R]{Out: k.Out, Loop: func(dst []R, b []B) bool { return k.CV(dst, a, b) }}
		if k.Check != nil {
			shift.Check = func(b B) Outcome { return k.Check(a, b) }
		}
		return secondArg{shift}
	}
	return nil
}

// secondArg runs a kernel of one argument on the second of two.
type secondArg struct{ catalog.Kernel }

func (k secondArg) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	return k.Kernel.Eval(c, args[1:], n, sel)
}

func compact[T any](alloc memory.Allocator, a []T, sel []int32) (*memory.Buffer, []T) {
	m := len(sel)
	buf := column.NewBuffer(alloc, m*int(size[T]()))
	out := column.As[T](buf, m)
	for i, r := range sel {
		out[i] = a[r]
	}
	return buf, out
}

func scatter[T any](dst, src []T, sel []int32) {
	for i, r := range sel {
		dst[r] = src[i]
	}
}

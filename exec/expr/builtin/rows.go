package builtin

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// constants are the arguments that are known when a program is compiled, by
// position; nil elsewhere.
type constants []*catalog.Literal

// text gives a constant text.
func (l constants) text(k int) (string, bool) {
	if k >= len(l) {
		return "", false
	}
	return kernel.Text(l[k])
}

// integer gives a constant integer.
func (l constants) integer(k int) (int64, bool) {
	if k >= len(l) || l[k] == nil {
		return 0, false
	}
	v, ok := l[k].Value.(int64)
	return v, ok
}

// arguments are those of one batch: columns, and the constants.
type arguments struct {
	cols []arrow.Array
	lits constants
	// fold, if set, is applied to argument 0 where it is read as a text.
	fold func(s []byte) []byte
}

// text reads argument k, a text or bytes.
func (a arguments) text(k int) func(i int) []byte {
	if a.fold != nil && k == 0 {
		read := arguments{cols: a.cols, lits: a.lits}.text(0)
		return func(i int) []byte { return a.fold(read(i)) }
	}
	if s, ok := a.lits.text(k); ok {
		b := []byte(s)
		return func(int) []byte { return b }
	}
	t := kernel.TextsOf(a.cols[k])
	return t.At
}

// integer reads argument k, an integer or time of any width.
func (a arguments) integer(k int) func(i int) int64 {
	if v, ok := a.lits.integer(k); ok {
		return func(int) int64 { return v }
	}
	switch col := a.cols[k]; col.DataType().(arrow.FixedWidthDataType).BitWidth() {
	case 8:
		v := column.Fixed[int8](col)
		return func(i int) int64 { return int64(v[i]) }
	case 16:
		v := column.Fixed[int16](col)
		return func(i int) int64 { return int64(v[i]) }
	case 32:
		v := column.Fixed[int32](col)
		return func(i int) int64 { return int64(v[i]) }
	default:
		v := column.Fixed[int64](col)
		return func(i int) int64 { return v[i] }
	}
}

// double reads argument k, a DOUBLE.
func (a arguments) double(k int) func(i int) float64 {
	if k < len(a.lits) && a.lits[k] != nil {
		v, _ := a.lits[k].Value.(float64)
		return func(int) float64 { return v }
	}
	v := column.Fixed[float64](a.cols[k])
	return func(i int) float64 { return v[i] }
}

func (a arguments) has(k int) bool { return k < len(a.cols) }

// maker makes a row function in two steps: once for the constants (compiling a
// pattern), then for each batch. The row function gives a value, or false for
// NULL; it reports an error of the row to c.Fail itself. It is called for rows
// without a NULL argument only. A text that it gives may be overwritten by its
// next call.
type maker[T any] func(lits constants) func(c *catalog.EvalContext, a arguments) func(i int) (T, bool)

// textRows is a strict kernel that gives texts or bytes row by row.
type textRows struct {
	dt   arrow.DataType
	make maker[[]byte]
	lits constants
	open func(c *catalog.EvalContext, a arguments) func(i int) ([]byte, bool)
}

func textKernel(t catalog.Type, m maker[[]byte]) catalog.Kernel {
	return textRows{t.Arrow(), m, nil, m(nil)}
}

// BindConst implements kernel.ConstBinder.
func (k textRows) BindConst(lits []*catalog.Literal) catalog.Kernel {
	return textRows{k.dt, k.make, lits, k.make(lits)}
}

// Eval implements catalog.Kernel.
func (k textRows) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	valid := kernel.NewNullable(c.Alloc, n, args...)
	size := 0
	for _, a := range args {
		if a != nil {
			if id := a.DataType().ID(); id == arrow.STRING || id == arrow.BINARY {
				size = max(size, kernel.TextsOf(a).Size(n))
			}
		}
	}
	b := kernel.NewTextBuilder(c.Alloc, n, size)
	row := k.open(c, arguments{cols: args, lits: k.lits})
	m := n
	if sel != nil {
		m = len(sel)
	}
	for j := range m {
		i := j
		if sel != nil {
			i = int(sel[j])
		}
		if !valid.Valid(i) {
			continue
		}
		if text, ok := row(i); ok {
			b.Put(i, text)
		} else {
			valid.SetNull(i)
		}
	}
	return b.Finish(k.dt, valid.Buffer())
}

// NullTest implements kernel.NullTester.
func (k textRows) NullTest(t kernel.NullTest) catalog.Kernel {
	return kernel.Func(func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
		valid := kernel.NewNullable(c.Alloc, n, args...)
		row := k.open(c, arguments{cols: args, lits: k.lits})
		all := kernel.Nullable{}
		out := kernel.BoolColumn(c.Alloc, n, sel, &all, func(i int) bool {
			ok := valid.Valid(i)
			if ok {
				_, ok = row(i)
			}
			return ok != bool(t)
		})
		if b := valid.Buffer(); b != nil {
			b.Release()
		}
		return out, nil
	})
}

// fixedRows is a strict kernel that gives fixed-width values row by row.
type fixedRows[R any] struct {
	dt   arrow.DataType
	make maker[R]
	lits constants
	open func(c *catalog.EvalContext, a arguments) func(i int) (R, bool)
}

func fixedKernel[R any](t catalog.Type, m maker[R]) catalog.Kernel {
	return fixedRows[R]{t.Arrow(), m, nil, m(nil)}
}

// BindConst implements kernel.ConstBinder.
func (k fixedRows[R]) BindConst(lits []*catalog.Literal) catalog.Kernel {
	return fixedRows[R]{k.dt, k.make, lits, k.make(lits)}
}

// Eval implements catalog.Kernel.
func (k fixedRows[R]) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	valid := kernel.NewNullable(c.Alloc, n, args...)
	buf := column.NewBuffer(c.Alloc, n*k.dt.(arrow.FixedWidthDataType).BitWidth()/8)
	dst := column.As[R](buf, n)
	row := k.open(c, arguments{cols: args, lits: k.lits})
	kernel.ForEach(n, sel, &valid, func(i int) {
		v, ok := row(i)
		if dst[i] = v; !ok {
			valid.SetNull(i)
		}
	})
	return column.Make(k.dt, n, -1, []*memory.Buffer{valid.Buffer(), buf}), nil
}

// boolRows is a strict kernel that gives BOOLEAN row by row.
type boolRows struct {
	make maker[bool]
	lits constants
	open func(c *catalog.EvalContext, a arguments) func(i int) (bool, bool)
}

func boolKernel(m maker[bool]) catalog.Kernel { return boolRows{m, nil, m(nil)} }

// BindConst implements kernel.ConstBinder.
func (k boolRows) BindConst(lits []*catalog.Literal) catalog.Kernel {
	return boolRows{k.make, lits, k.make(lits)}
}

// Eval implements catalog.Kernel.
func (k boolRows) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	valid := kernel.NewNullable(c.Alloc, n, args...)
	row := k.open(c, arguments{cols: args, lits: k.lits})
	return kernel.BoolColumn(c.Alloc, n, sel, &valid, func(i int) bool {
		v, ok := row(i)
		if !ok {
			valid.SetNull(i)
		}
		return v
	}), nil
}

// stateless is a maker without anything to prepare.
func stateless[T any](open func(c *catalog.EvalContext, a arguments) func(i int) (T, bool)) maker[T] {
	return func(constants) func(c *catalog.EvalContext, a arguments) func(i int) (T, bool) { return open }
}

// textToText is a function of one text that appends its result to scratch.
func textToText(t catalog.Type, f func(scratch, s []byte) []byte) catalog.Kernel {
	return textKernel(t, stateless(func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
		s := a.text(0)
		var scratch []byte
		return func(i int) ([]byte, bool) {
			scratch = f(scratch[:0], s(i))
			return scratch, true
		}
	}))
}

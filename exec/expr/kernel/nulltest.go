package kernel

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
)

// NullTest is IS NULL (true) or IS NOT NULL (false).
type NullTest bool

// Eval implements catalog.Kernel.
func (null NullTest) Eval(c *catalog.EvalContext, args []arrow.Array, n int, _ []int32) (arrow.Array, error) {
	out := column.NewBuffer(c.Alloc, column.BitmapBytes(n))
	valid, none := column.Validity(args[0]), column.AllNull(args[0])
	for i := 0; i < n; i += 64 {
		w := valid.Word(i, n)
		if none {
			w = 0
		}
		if null {
			w = ^w
		}
		column.PutWord(out.Bytes(), i, w)
	}
	return column.Make(arrow.FixedWidthTypes.Boolean, n, 0, []*memory.Buffer{nil, out}), nil
}

// NullTester is a kernel that can tell which of its results are NULL without
// making them.
type NullTester interface {
	catalog.Kernel
	// NullTest gives the kernel of f(...) IS NULL or IS NOT NULL.
	NullTest(t NullTest) catalog.Kernel
}

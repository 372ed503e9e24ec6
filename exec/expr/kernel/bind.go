package kernel

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
)

// ConstBinder is a kernel that can be specialised for constant arguments.
type ConstBinder interface {
	catalog.Kernel
	// BindConst gets the constant arguments (nil where an argument is none; at
	// least one is set, none is NULL if the overload is strict). It gives the
	// specialised kernel, which is then called with nil for the constant
	// arguments, or nil if there is nothing to gain.
	BindConst(args []*catalog.Literal) catalog.Kernel
}

// Func makes a kernel of a function.
type Func func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error)

// Eval implements catalog.Kernel.
func (f Func) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	return f(c, args, n, sel)
}

// Bindable makes a ConstBinder of a general kernel and a specialisation.
type Bindable struct {
	catalog.Kernel
	Bind func(args []*catalog.Literal) catalog.Kernel
}

var _ ConstBinder = Bindable{}

// BindConst implements ConstBinder.
func (b Bindable) BindConst(args []*catalog.Literal) catalog.Kernel { return b.Bind(args) }

package kernel

import (
	"errors"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
)

// Macro is the "kernel" of a function that stands for another expression: IF for
// CASE, IFNULL for COALESCE. The compiler replaces the call, so operands are
// evaluated as lazily as there.
type Macro func(args []catalog.Expr) catalog.Expr

var errMacro = errors.New("a macro was evaluated without being compiled")

// Eval implements catalog.Kernel; the compiler never lets it be called.
func (Macro) Eval(*catalog.EvalContext, []arrow.Array, int, []int32) (arrow.Array, error) {
	return nil, errMacro
}

// Try is the "kernel" of TRY, which the compiler makes a node of its own of.
type Try struct{}

// Eval implements catalog.Kernel; the compiler never lets it be called.
func (Try) Eval(*catalog.EvalContext, []arrow.Array, int, []int32) (arrow.Array, error) {
	return nil, errMacro
}

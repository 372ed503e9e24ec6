package expr

import (
	"cmp"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
)

// fail implements EvalContext.Fail.
func (e *Evaluator) fail(row int, code, message string) {
	if len(e.errBits) == 0 {
		e.errBits = append(e.errBits[:0], make([]uint64, (e.n+63)/64)...)
	}
	bit := uint64(1) << (row & 63)
	if e.errBits[row>>6]&bit != 0 {
		return // the first error of a row counts
	}
	e.errBits[row>>6] |= bit
	if e.trying > 0 {
		return // nobody will read of it
	}
	at := int32(row)
	if e.origin != nil {
		at = e.origin[row]
	}
	e.errs = append(e.errs, RowError{Row: at, Code: code, Message: message, Expr: Format(e.prog.roots[e.root].src)})
}

// try evaluates an operand whose errors are NULLs. What it computes is forgotten:
// elsewhere the same value is in error.
func (e *Evaluator) try(n *node, sel []int32) (arrow.Array, error) {
	errs, bits := e.errs, e.errBits
	e.errs, e.errBits = nil, nil
	e.trying++
	e.enter()
	a, err := e.eval(n.args[0], sel)
	e.leave()
	e.trying--
	e.errs, e.errBits = errs, bits
	return a, err // rows in error are NULL in it
}

func (e *Evaluator) sortedErrors() []RowError {
	slices.SortFunc(e.errs, func(a, b RowError) int { return cmp.Compare(a.Row, b.Row) })
	return e.errs
}

package expr

import (
	"cmp"
	"slices"
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
	at := int32(row)
	if e.origin != nil {
		at = e.origin[row]
	}
	e.errs = append(e.errs, RowError{Row: at, Code: code, Message: message, Expr: Format(e.prog.roots[e.root].src)})
}

func (e *Evaluator) sortedErrors() []RowError {
	slices.SortFunc(e.errs, func(a, b RowError) int { return cmp.Compare(a.Row, b.Row) })
	return e.errs
}

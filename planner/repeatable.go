package planner

import "github.com/streamsql/streamsql/catalog"

// checkRepeatable refuses a column whose value differs from one evaluation to
// the next (NOW(), UUID()) above an input that updates: a row that is taken back
// would not be the row that was given out.
func checkRepeatable(root rel) error {
	var bad error
	visit(root, func(r rel) {
		if bad != nil {
			return
		}
		var cause rel
		for _, in := range r.inputs() {
			if cause == nil {
				cause = updateCause(in)
			}
		}
		if cause == nil {
			return
		}
		for _, e := range exprsOf(r) {
			if volatility(e) == catalog.Immutable {
				continue
			}
			bad = hint(r.at().errorf("%s gives another value each time, but %s takes rows back: what it takes back would not be what was given out",
				changing(e), operatorName(cause)), "compute it below the aggregation, or leave it out")
			return
		}
	})
	return bad
}

// changing names the function of an expression that is not immutable.
func changing(e catalog.Expr) string {
	name := ""
	walkExpr(e, func(e catalog.Expr) bool {
		if c, ok := e.(*catalog.Call); ok && c.Fn.Volatility != catalog.Immutable {
			name = c.Fn.Name
		}
		return name == ""
	})
	return name + "()"
}

package planner

import (
	"slices"

	"github.com/streamsql/streamsql/catalog"
)

// ReadsWatermark says whether an expression reads the watermark of its row.
func ReadsWatermark(exprs ...catalog.Expr) bool {
	return slices.ContainsFunc(exprs, func(e catalog.Expr) bool {
		return anyExpr(e, func(e catalog.Expr) bool {
			c, ok := e.(*catalog.Call)
			return ok && c.Fn.Name == fnCurrentWatermark
		})
	})
}

// showsW says whether an operator makes values of the W of its input's rows.
func showsW(op Op) bool {
	switch op := op.(type) {
	case *Filter:
		return ReadsWatermark(op.Pred)
	case *Project:
		return ReadsWatermark(op.Exprs...)
	}
	return false
}

// ofTime checks the argument of CURRENT_WATERMARK: a time attribute, of event time.
func (x *exprBinder) ofTime(e catalog.Expr, where place) error {
	c := derived(e, x.scope.cols, where)
	switch {
	case c.time == eventTime:
		return nil
	case c.time == processingTime:
		return where.errorf("%s: `%s` is a time of processing, which has no watermark", fnCurrentWatermark, where.text())
	case c.lost != "":
		return hint(where.errorf("`%s` is no longer a time attribute: it was lost at %s", where.text(), c.lost), "ask for the watermark below that")
	}
	return hint(where.errorf("%s: `%s` is not a time attribute", fnCurrentWatermark, where.text()),
		"it takes the column that the source has its WATERMARK for")
}

// checkWatermarks refuses CURRENT_WATERMARK of rows that are no rows of a source any
// more, and so have no watermark of their own. No rule moves it elsewhere, since it is
// volatile.
func checkWatermarks(root rel) error {
	var bad error
	visit(root, func(r rel) {
		if bad != nil || !ReadsWatermark(exprsOf(r)...) {
			return
		}
		where, in := r.at(), r
		switch r.(type) {
		case *filterRel, *projectRel:
			in = withoutW(r.inputs()[0])
		}
		if in == nil {
			return
		}
		bad = hint(where.errorf("%s: the rows of %s have no watermark of their own", fnCurrentWatermark, operatorName(in)),
			"ask for it in a subquery below that: SELECT *, CURRENT_WATERMARK(ts) AS w FROM the source")
	})
	return bad
}

// withoutW finds the operator below which the rows still had the W of their source's
// rows; nil: they have it.
func withoutW(r rel) rel {
	switch r := r.(type) {
	case *scanRel:
		return nil
	case *windowRel:
		if r.sessions() {
			return r
		}
	case *joinRel:
		if !r.passesStream() {
			return r
		}
		return withoutW(r.stream())
	case *filterRel, *projectRel, *unionRel, *unnestRel, *limitRel:
	default:
		return r
	}
	for _, in := range r.inputs() {
		if cause := withoutW(in); cause != nil {
			return cause
		}
	}
	return nil
}

package planner

import (
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// atTimeZone is x AT TIME ZONE zone, or x AT LOCAL: between TIMESTAMP and
// TIMESTAMP_LTZ in the session's zone.
func (x *exprBinder) atTimeZone(e *parser.AtTimeZone) (catalog.Expr, error) {
	if e.Zone != nil {
		return x.function(e, fnAtTimeZone, e.X, e.Zone)
	}
	of, err := x.bind(e.X)
	if err != nil {
		return nil, err
	}
	t := of.Type()
	switch {
	case t.Kind == catalog.KindTimestampLTZ:
		t.Kind = catalog.KindTimestamp
	case t.Kind == catalog.KindTimestamp:
		t.Kind = catalog.KindTimestampLTZ
	case t.Kind == catalog.KindDate:
		t = catalog.TimestampLTZ3
	default:
		return nil, x.at(e).errorf("AT LOCAL needs a time, not %s", article(t))
	}
	return x.folded(&catalog.Cast{Of: of, T: t}, x.at(e))
}

// overlaps is (start, end) OVERLAPS (start, end), where an end may be an
// interval from the start.
func (x *exprBinder) overlaps(e *parser.Binary) (catalog.Expr, error) {
	var args []catalog.Expr
	var places []place
	for _, side := range []parser.Expr{e.Left, e.Right} {
		row, ok := side.(*parser.RowExpr)
		if !ok || len(row.Elems) != 2 {
			return nil, hint(x.at(side).errorf("OVERLAPS compares two periods"), "(start, end) OVERLAPS (start, end)")
		}
		bounds, at, err := x.list(row.Elems)
		if err != nil {
			return nil, err
		}
		if bounds[1].Type().IsInterval() {
			if bounds[1], err = x.invoke(at[1], "+", bounds, at); err != nil {
				return nil, err
			}
		}
		args, places = append(args, bounds...), append(places, at...)
	}
	return x.invoke(x.at(e), fnOverlaps, args, places)
}

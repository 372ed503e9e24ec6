package planner

import (
	"slices"

	"github.com/streamsql/streamsql/catalog"
)

// sameWindows unites windows of relations that are put one under the other: their
// rows then are of one window, whichever of them it came from, if all of them have
// the bounds in the same columns. It gives the windows that the columns of the first
// one have in all of them.
func sameWindows(ins []rel) []bool {
	first := ins[0].cols()
	same := make([]bool, len(first))
	for c, col := range first {
		same[c] = col.window != noWindow
	}
	for _, in := range ins[1:] {
		cols := in.cols()
		// What window of the input goes with a window of the first one: one to one.
		to, from := map[int]int{}, map[int]int{}
		for c, col := range first {
			other := cols[c]
			if !same[c] || other.window != col.window || other.proc != col.proc {
				same[c] = false
				continue
			}
			if to[col.windowID] == 0 && from[other.windowID] == 0 {
				to[col.windowID], from[other.windowID] = other.windowID, col.windowID
			}
			same[c] = to[col.windowID] == other.windowID && from[other.windowID] == col.windowID
		}
	}
	return same
}

// windowedSet is an INTERSECT or EXCEPT of two inputs that only append and that have
// both bounds of a window in the same columns, window by window: the rows of both
// sides are counted per window, and come out when it closes. nil: it is none.
func (b *binder) windowedSet(kind SetOpKind, all bool, ins []rel, name string, where place) (rel, error) {
	width := len(ins[0].cols())
	if updates(ins[0]) || updates(ins[1]) {
		return nil, nil
	}
	sides := make([]rel, 2)
	for i, in := range ins {
		names := make([]string, width, width+2)
		for c, col := range ins[0].cols() {
			names[c] = col.Name
		}
		exprs := append(refs(in.cols()), boolLiteral(i == 0), boolLiteral(i == 1))
		sides[i] = project(in, exprs, append(names, "left$", "right$"), where)
	}
	both := united(sides, where)
	if start, _ := windowKeys(both.cols(), positions(width)); start < 0 {
		return nil, nil
	}
	calls := make([]AggCall, 2)
	for i, side := range []string{"left", "right"} {
		call, err := b.countCall(where)
		if err != nil {
			return nil, err
		}
		call.Filter, call.Name = width+i, name+" "+side
		calls[i] = call
	}
	agg, at := newAggregate(both, positions(width), calls, where)
	for i := range agg.out {
		if c := &agg.out[i]; c.lost != "" {
			c.lost = "the " + name + " at " + where.line()
		}
	}
	left, right := ref(agg.out, at[width]), ref(agg.out, at[width+1])
	x := &exprBinder{binder: b}
	test := func(op string, args ...catalog.Expr) (catalog.Expr, error) {
		return x.invoke(where, op, args, slices.Repeat([]place{where}, len(args)))
	}
	zero := catalog.Expr(&catalog.Literal{Value: int64(0), T: catalog.BigInt})
	pred, err := test(">", left, zero)
	if err != nil {
		return nil, err
	}
	second, op := right, ">"
	if kind == ExceptOp {
		op = "="
	}
	if all && kind == ExceptOp {
		pred, err = test(">", left, right)
	} else {
		var other catalog.Expr
		if other, err = test(op, second, zero); err == nil {
			pred = conjunction([]catalog.Expr{pred, other})
		}
	}
	if err != nil {
		return nil, err
	}
	var out rel = &filterRel{in: agg, pred: pred, place: where}
	if all {
		if out, err = repeated(out, kind, left, right, test, where); err != nil {
			return nil, err
		}
	}
	names, exprs := make([]string, width), make([]catalog.Expr, width)
	for c, col := range both.cols()[:width] {
		names[c], exprs[c] = col.Name, ref(agg.out, at[c])
	}
	return project(out, exprs, names, where), nil
}

// repeated gives each row as often as INTERSECT ALL or EXCEPT ALL asks for: as often
// as the lesser count, or as the first one is greater.
func repeated(in rel, kind SetOpKind, left, right catalog.Expr, test func(string, ...catalog.Expr) (catalog.Expr, error), where place) (rel, error) {
	cols := in.cols()
	number := func(n int64) catalog.Expr { return &catalog.Literal{Value: n, T: catalog.BigInt} }
	item := UnnestItem{Series: true, Exprs: []catalog.Expr{right, left}}
	if kind == IntersectOp {
		least, err := test("LEAST", left, right)
		if err != nil {
			return nil, err
		}
		item.Exprs = []catalog.Expr{number(1), least}
	}
	r := &unnestRel{in: in, items: []UnnestItem{item}, place: where}
	r.out = append(slices.Clip(cols), column{Column: Column{Name: "n$", Type: catalog.BigInt, NotNull: true}})
	if kind == IntersectOp {
		return r, nil
	}
	// From the second count to the first is one more than their difference.
	pred, err := test(">", ref(r.out, len(cols)), right)
	return &filterRel{in: r, pred: pred, place: where}, err
}

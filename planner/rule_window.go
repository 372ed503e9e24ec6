package planner

import (
	"slices"

	"github.com/streamsql/streamsql/catalog"
)

// attachWindows turns GROUP BY window_start, window_end over the rows of a
// window table function into one operator that knows the window: rows are not
// copied once per window, and hopping windows can share panes. It needs that
// nothing in between looks at the window.
func attachWindows(r rel, c *ruleContext) rel {
	return rewrite(r, func(r rel) rel {
		a, ok := r.(*aggregateRel)
		if !ok || a.window == nil || a.window.Kind != AttachedWindow {
			return r
		}
		used := map[int]bool{}
		for _, k := range a.keys {
			used[k] = true
		}
		for _, call := range a.aggs {
			for _, arg := range call.Args {
				used[arg] = true
			}
			for _, k := range call.Order {
				used[k.Col] = true
			}
			used[call.Filter] = true
		}
		if a.late != nil {
			for _, l := range a.late.cols {
				used[l] = true
			}
		}
		f, ok := takeWindow(a.in, a.window.Start, a.window.End, used)
		if !ok || f.win.Kind == SessionWindow && !sameKeys(a, f.win.Partition) {
			return r
		}
		out := *a
		win := f.win
		win.Time, win.Start, win.End, win.Partition = f.time, 0, 0, nil
		out.in, out.window = f.in, &win
		c.note(&out, "attach-windows")
		return &out
	})
}

// taken is a relation from which a windowRel has been taken out. Its columns are
// as before in number and place; those of the window have been replaced by the
// time attribute, which time is the column of.
type taken struct {
	in   rel
	win  Window
	time int
}

// takeWindow takes the windowRel out of a chain of projections and filters, if
// start and end are its bounds and no other use is made of them.
func takeWindow(r rel, start, end int, used map[int]bool) (taken, bool) {
	if used[start] || used[end] {
		return taken{}, false
	}
	switch r := r.(type) {
	case *windowRel:
		n := len(r.in.cols())
		if r.late != nil || start != n || end != n+1 || used[n+2] {
			return taken{}, false
		}
		exprs := append(refs(r.in.cols()), nil, nil, nil)
		out := append([]column(nil), r.out...)
		for i := n; i < n+3; i++ {
			exprs[i] = ref(r.in.cols(), r.win.Time)
			out[i] = r.in.cols()[r.win.Time]
		}
		return taken{in: &projectRel{in: r.in, exprs: exprs, out: out, place: r.place}, win: r.win, time: n}, true
	case *filterRel:
		if below := windowBelow(r.in); below == nil || below.sessions() {
			return taken{}, false // a row that is filtered out still makes its session
		}
		below := map[int]bool{}
		for i := range used {
			below[i] = true
		}
		for _, i := range columnsOf(r.pred) {
			below[i] = true
		}
		t, ok := takeWindow(r.in, start, end, below)
		if !ok {
			return t, false
		}
		t.in = &filterRel{in: t.in, pred: r.pred, place: r.place}
		return t, true
	case *expandRel:
		// The window's columns are in every set, and nobody reads the number.
		t, ok := takeWindow(r.in, start, end, used)
		if !ok {
			return t, false
		}
		out := append(slices.Clone(t.in.cols()), r.out[len(r.out)-1])
		for i := range t.in.cols() {
			if i != t.time && r.out[i].window == noWindow {
				out[i] = r.out[i]
			}
		}
		t.in = &expandRel{in: t.in, nulls: r.nulls, numbers: r.numbers, out: out, place: r.place}
		return t, true
	case *projectRel:
		return takeThroughProject(r, start, end, used)
	}
	return taken{}, false
}

func takeThroughProject(r *projectRel, start, end int, used map[int]bool) (taken, bool) {
	s, ok1 := r.exprs[start].(*catalog.ColumnRef)
	e, ok2 := r.exprs[end].(*catalog.ColumnRef)
	if !ok1 || !ok2 {
		return taken{}, false
	}
	below := map[int]bool{}
	window := map[int]bool{start: true, end: true}
	for i, expr := range r.exprs {
		if c, ok := expr.(*catalog.ColumnRef); ok && !used[i] && (c.Index == s.Index || c.Index == e.Index) {
			window[i] = true
			continue
		}
		if !used[i] && !canFail(expr) {
			continue // nobody reads it
		}
		for _, col := range columnsOf(expr) {
			below[col] = true
		}
	}
	t, ok := takeWindow(r.in, s.Index, e.Index, below)
	if !ok {
		return t, false
	}
	exprs := append([]catalog.Expr(nil), r.exprs...)
	out := append([]column(nil), r.out...)
	timeCol := t.in.cols()[t.time]
	for i := range exprs {
		if window[i] || !used[i] && !canFail(exprs[i]) {
			exprs[i], out[i] = ref(t.in.cols(), t.time), timeCol
		}
	}
	t.in = &projectRel{in: t.in, exprs: exprs, out: out, place: r.place}
	t.time = start
	return t, true
}

// windowBelow finds the windowRel below projections and filters; nil: none.
func windowBelow(r rel) *windowRel {
	for {
		switch in := r.(type) {
		case *windowRel:
			return in
		case *filterRel:
			r = in.in
		case *projectRel:
			r = in.in
		default:
			return nil
		}
	}
}

// sameKeys says whether a GROUP BY over sessions groups by exactly the columns by
// which the sessions are told apart, which are columns of the windowRel's input.
func sameKeys(a *aggregateRel, partition []int) bool {
	var traced []int
	for _, k := range a.keys {
		r := a.in
		for {
			p, ok := r.(*projectRel)
			if !ok {
				break
			}
			c, ok := p.exprs[k].(*catalog.ColumnRef)
			if !ok {
				return false
			}
			k, r = c.Index, p.in
		}
		traced = append(traced, k)
	}
	return subset(traced, partition) && subset(partition, traced)
}

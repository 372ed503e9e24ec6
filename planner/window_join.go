package planner

import "github.com/streamsql/streamsql/catalog"

// windowForm recognises a join of rows of equal windows: both bounds of a window of
// the left side equal those of one of the right side. Its rows come when the window
// closes, so its window_time is in time and other times are not.
func windowForm(_ *binder, j *joinRel) (*joinRel, error) {
	if j.notIn != nil || updates(j.left) || updates(j.right) {
		return nil, nil
	}
	left, right := j.left.cols(), j.right.cols()
	type windows [2]int // numbers of the windows
	found := map[windows]*joinTimes{}
	seen := map[windows]map[windowRole]bool{}
	var order []windows
	var rest []catalog.Expr
	preds := j.conditions()
	which := make([]windows, len(preds))
	for i, p := range preds {
		l, r, role, ok := windowBound(p, left, right)
		if !ok {
			continue
		}
		w := windows{left[l].windowID, right[r].windowID}
		if found[w] == nil {
			found[w], seen[w] = &joinTimes{}, map[windowRole]bool{}
			order = append(order, w)
		}
		if seen[w][role] {
			continue // said twice: it stays a key
		}
		seen[w][role], which[i] = true, w
		t := found[w]
		if role == windowStart {
			t.start = [2]int{l, r}
		} else {
			t.end = [2]int{l, r}
		}
	}
	for _, w := range order {
		if len(seen[w]) < 2 {
			continue
		}
		for i, p := range preds {
			if which[i] != w {
				rest = append(rest, p)
			}
		}
		out := j.with(j.left, j.right, rest)
		out.mode, out.times = windowJoin, found[w]
		out.out = windowJoinColumns(j, w)
		return out, nil
	}
	return nil, nil
}

// windowBound reads a conjunct that equates a bound of a window of the left side
// with the same bound of one of the right side.
func windowBound(p catalog.Expr, left, right []column) (l, r int, role windowRole, ok bool) {
	x, y, nullSafe, ok := equality(p, len(left))
	if !ok || nullSafe {
		return 0, 0, noWindow, false
	}
	a, aok := x.(*catalog.ColumnRef)
	c, cok := y.(*catalog.ColumnRef)
	if !aok || !cok {
		return 0, 0, noWindow, false
	}
	l, r = a.Index, c.Index-len(left)
	role = left[l].window
	// Windows of processing time follow the clock, not the watermark.
	ok = role == right[r].window && (role == windowStart || role == windowEnd) && !left[l].proc && !right[r].proc
	return l, r, role, ok
}

// windowJoinColumns are the columns of a window join. Those of the window are the
// same on both sides, and of one window from here on, but for a side that is padded
// with NULL.
func windowJoinColumns(j *joinRel, w [2]int) []column {
	left, right := j.left.cols(), j.right.cols()
	out := plainColumns(joinColumns(j.kind, left, right), "the window "+j.name()+" at "+j.place.line())
	keep := func(from []column, at, id int) {
		for i, c := range from {
			if at+i >= len(out) || c.window == noWindow || c.windowID != id {
				continue
			}
			to := &out[at+i]
			to.window, to.windowID = c.window, w[0]
			if c.time == eventTime {
				to.time, to.lag, to.lost = c.time, c.lag, ""
			}
		}
	}
	if !j.kind.padsLeft() {
		keep(left, 0, w[0])
	}
	if !j.kind.padsRight() {
		keep(right, len(left), w[1])
	}
	return out
}

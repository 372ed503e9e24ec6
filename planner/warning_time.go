package planner

import "github.com/streamsql/streamsql/catalog"

// advise notes, for the operators of a tree whose state time does not bound, what
// is missing for it to do so. Pruning takes away the columns that tell.
func (b *builder) advise(root rel) {
	visit(root, func(r rel) {
		advice := ""
		switch r := r.(type) {
		case *joinRel:
			if r.mode == regularJoin {
				advice = joinAdvice(r)
			}
		case *aggregateRel:
			advice = groupAdvice(r)
		case *overRel:
			if r.mode() == overUpdating {
				advice = overAdvice(r)
			}
		}
		if advice != "" {
			b.advice[r.at()] = advice
		}
	})
}

// groupAdvice says what an aggregation by one bound of a window lacks to be one by
// windows; "" if it has none.
func groupAdvice(r *aggregateRel) string {
	if r.window != nil {
		return ""
	}
	bounds := map[windowRole]bool{}
	for _, k := range r.keys {
		bounds[r.in.cols()[k].window] = true
	}
	switch {
	case bounds[windowStart] && bounds[windowEnd]: // EMIT COMPLETE
		return "EMIT CHANGES shows windows as they change, too, and lets them go when they close"
	case bounds[windowStart] || bounds[windowEnd]:
		return "GROUP BY both bounds of the window, window_start and window_end: its rows then come once, when it closes, and it is forgotten"
	}
	return ""
}

// joinAdvice says what a regular join lacks to be an interval join; "" if it is no
// question of time.
func joinAdvice(j *joinRel) string {
	left, right := j.left.cols(), j.right.cols()
	name := func(side int, c int) string {
		col, table := left, j.leftTable
		if side == 1 {
			col, table = right, j.rightTable
		}
		if text := catalog.QuoteName(col[c].Name); table == "" {
			return text
		} else {
			return catalog.QuoteName(table) + "." + text
		}
	}
	bounds, order := timeBounds(j.conditions(), left, right)
	for _, cols := range order {
		s, l, r := bounds[cols], name(0, cols[0]), name(1, cols[1])
		if s.lo == minTime || s.hi == maxTime {
			if left[cols[0]].time == eventTime && right[cols[1]].time == eventTime {
				return "the condition bounds the time from " + l + " to " + r + " from one side only: from both sides it makes an interval join, which forgets; or SET 'state.ttl'"
			}
			continue
		}
		for side, in := range []rel{j.left, j.right} {
			if cause := updateCause(in); cause != nil {
				return "the time between " + l + " and " + r + " is bounded, but " + operatorName(cause) + " updates: only rows that stay can be forgotten by an interval join; SET 'state.ttl'"
			}
			if why := noTimeAttribute(in.cols()[cols[side]]); why != "" {
				return "the time between " + l + " and " + r + " is bounded, but " + name(side, cols[side]) + " is no time attribute (" + why + "): with one on both sides this is an interval join, which forgets"
			}
		}
	}
	l, r := timeAttribute(left), timeAttribute(right)
	if l < 0 || r < 0 {
		return ""
	}
	return "both sides have a time attribute: a bound between " + name(0, l) + " and " + name(1, r) + " makes it an interval join, which forgets; or SET 'state.ttl'"
}

// overAdvice says why OVER does not go by time though its ORDER BY looks like it.
func overAdvice(r *overRel) string {
	if len(r.order) == 0 || r.order[0].Desc {
		return ""
	}
	col := r.in.cols()[r.order[0].Col]
	if why := noTimeAttribute(col); why != "" && col.Type.IsTimestamp() {
		return "ORDER BY " + catalog.QuoteName(col.Name) + " is no order of time (" + why + "): in one a row comes out once and frames forget"
	}
	return ""
}

// noTimeAttribute says why a column is no time attribute; "" if it is one.
func noTimeAttribute(c column) string {
	switch {
	case c.time == eventTime:
		return ""
	case c.lost != "":
		return "lost at " + c.lost
	case c.time == processingTime:
		return "it is the clock"
	}
	return "its source has no WATERMARK for it"
}

// timeAttribute is the first column that is one; -1 if there is none.
func timeAttribute(cols []column) int {
	for i, c := range cols {
		if c.time == eventTime {
			return i
		}
	}
	return -1
}

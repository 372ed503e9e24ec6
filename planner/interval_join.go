package planner

import "github.com/streamsql/streamsql/catalog"

// joinTimes says how time bounds a join. Columns are positions in their side.
type joinTimes struct {
	// time are the time attributes of an interval or temporal join.
	time [2]int
	// before and after bound an interval join: the left time is within
	// [right time - before, right time + after], microseconds.
	before, after int64
	// lag is how far below its side's watermark the time of a later row can be.
	lag [2]int64
	// start and end are the windows' columns of a window join.
	start, end [2]int
	// strict versions serve later probes only, or earlier ones where ahead says so: the
	// join is one with the next right row instead of the last one.
	strict, ahead bool
	// keys are the right columns that say what the rows are versions of: equalities
	// with others are asked of the version that was found. nil: all are keys.
	keys []int
	// byValue: versions of one time come in no order of their own.
	byValue bool
}

// reads are the columns of a side that the join goes by.
func (t *joinTimes) reads(mode joinMode, side int) []int {
	if mode == windowJoin {
		return []int{t.start[side], t.end[side]}
	}
	return []int{t.time[side]}
}

// moved gives the same over sides whose columns have moved.
func (t *joinTimes) moved(left, right func(int) int) *joinTimes {
	out := *t
	for _, cols := range []*[2]int{&out.time, &out.start, &out.end} {
		cols[0], cols[1] = left(cols[0]), right(cols[1])
	}
	out.keys = nil
	for _, k := range t.keys {
		out.keys = append(out.keys, right(k))
	}
	return &out
}

// intervalForm recognises a join whose condition bounds the difference of two time
// attributes from both sides, however that is written: left.ts BETWEEN right.ts -
// INTERVAL '5' MINUTE AND right.ts, left.ts + INTERVAL '1' HOUR >= right.ts AND ...
// Its rows are in time, and so are its columns.
func intervalForm(b *binder, j *joinRel) (*joinRel, error) {
	if j.notIn != nil || updates(j.left) || updates(j.right) {
		return nil, nil
	}
	left, right := j.left.cols(), j.right.cols()
	n := len(left)
	preds := j.conditions()
	folded := make([]catalog.Expr, len(preds))
	for i, p := range preds {
		folded[i] = foldExpr(p, b.env)
	}
	bounds, order := timeBounds(folded, left, right)
	for _, cols := range order {
		s := bounds[cols]
		if s.lo == minTime || s.hi == maxTime || left[cols[0]].time != eventTime || right[cols[1]].time != eventTime {
			continue
		}
		var rest []catalog.Expr
		for i, p := range preds {
			// An equality of the times is a key as well.
			if d, ok := timeDifference(folded[i], left, right); !ok || d.cols != cols || d.lo == d.hi {
				rest = append(rest, p)
			}
		}
		out := j.with(j.left, j.right, rest)
		out.mode = intervalJoin
		out.times = &joinTimes{time: cols, before: -s.lo, after: s.hi, lag: [2]int64{left[cols[0]].lag, right[cols[1]].lag}}
		out.out = plainColumns(joinColumns(j.kind, left, right), "the interval "+j.name()+" at "+j.place.line()+", which goes by another column")
		for side, c := range []int{cols[0], n + cols[1]} {
			if c >= len(out.out) {
				continue // a semi or anti join has no right columns
			}
			from := left
			if side == 1 {
				from, c = right, c-n
			}
			col := &out.out[c+side*n]
			col.time, col.lost = eventTime, from[c].lost
		}
		return out, nil
	}
	return nil, nil
}

const (
	minTime = -1 << 63
	maxTime = 1<<63 - 1
)

// span is an interval of differences, both ends included.
type span struct{ lo, hi int64 }

// timeBounds gathers what conjuncts say of the times of both sides, by columns, and
// the pairs of columns in the order in which they are written.
func timeBounds(preds []catalog.Expr, left, right []column) (map[[2]int]*span, [][2]int) {
	bounds := map[[2]int]*span{}
	var order [][2]int
	for _, p := range preds {
		d, ok := timeDifference(p, left, right)
		if !ok {
			continue
		}
		s := bounds[d.cols]
		if s == nil {
			s = &span{lo: minTime, hi: maxTime}
			bounds[d.cols] = s
			order = append(order, d.cols)
		}
		s.lo, s.hi = max(s.lo, d.lo), min(s.hi, d.hi)
	}
	return bounds, order
}

// bound is what a conjunct says: the left time less the right one is within
// [lo, hi].
type bound struct {
	found  bool
	cols   [2]int
	lo, hi int64
}

// timeBound reads a comparison of two time attributes, each with constants added
// or taken away.
func timeBound(p catalog.Expr, left, right []column) (bound, bool) {
	d, ok := timeDifference(p, left, right)
	if !ok || left[d.cols[0]].time != eventTime || right[d.cols[1]].time != eventTime {
		return bound{}, false
	}
	return d, true
}

// timeDifference does so with any timestamps.
func timeDifference(p catalog.Expr, left, right []column) (bound, bool) {
	c, ok := p.(*catalog.Call)
	if !ok || len(c.Args) != 2 {
		return bound{}, false
	}
	x, xs, okx := timeTerm(c.Args[0])
	y, ys, oky := timeTerm(c.Args[1])
	if !okx || !oky {
		return bound{}, false
	}
	name := c.Fn.Name
	if x >= len(left) && y < len(left) {
		// right OP left
		x, xs, y, ys = y, ys, x, xs
		name = mirrored[name]
	}
	if x >= len(left) || y < len(left) {
		return bound{}, false
	}
	y -= len(left)
	if !left[x].Type.IsTimestamp() || left[x].Type.Kind != right[y].Type.Kind {
		return bound{}, false
	}
	// left + xs OP right + ys
	d := bound{found: true, cols: [2]int{x, y}, lo: minTime, hi: maxTime}
	diff := ys - xs
	switch name {
	case "<=":
		d.hi = diff
	case "<":
		d.hi = diff - 1
	case ">=":
		d.lo = diff
	case ">":
		d.lo = diff + 1
	case "=":
		d.lo, d.hi = diff, diff
	default:
		return bound{}, false
	}
	return d, true
}

// mirrored are the comparisons read from the right.
var mirrored = map[string]string{"<=": ">=", "<": ">", ">=": "<=", ">": "<", "=": "="}

// maxSpan keeps sums of spans far from overflow: 100,000 years.
const maxSpan = 100_000 * 366 * dayMicros

// timeTerm reads a column plus constants: its index, and their sum in
// microseconds.
func timeTerm(e catalog.Expr) (col int, plus int64, ok bool) {
	switch e := e.(type) {
	case *catalog.ColumnRef:
		return e.Index, 0, true
	case *catalog.Cast:
		from := e.Of.Type()
		if from.Kind == e.T.Kind && e.T.IsTimestamp() && e.T.Precision >= from.Precision {
			return timeTerm(e.Of)
		}
	case *catalog.Call:
		if len(e.Args) != 2 || e.Fn.Name != "+" && e.Fn.Name != "-" {
			return 0, 0, false
		}
		of, by := e.Args[0], e.Args[1]
		if _, constant := of.(*catalog.Literal); constant && e.Fn.Name == "+" {
			of, by = by, of
		}
		l, constant := by.(*catalog.Literal)
		if !constant || l.T.Kind != catalog.KindIntervalDay || l.Value == nil {
			return 0, 0, false
		}
		us := l.Value.(int64)
		if e.Fn.Name == "-" {
			us = -us
		}
		col, plus, ok = timeTerm(of)
		plus += us
		return col, plus, ok && max(us, -us) < maxSpan && max(plus, -plus) < maxSpan
	}
	return 0, 0, false
}

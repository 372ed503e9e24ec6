package planner

import (
	"slices"
	"time"

	"github.com/streamsql/streamsql/catalog"
)

// rankRel keeps the rows whose rank within their partition is from to to. Its
// columns are its input's, then the rank; without show, its input's alone.
type rankRel struct {
	in        rel
	kind      OverKind
	partition []int
	order     []SortKey
	from, to  int64
	show      bool
	// tie is the time attribute, where it is no term of the order; -1: none.
	tie     int
	arrival ArrivalOrder
	// onClose is EMIT ON WINDOW CLOSE over an order by time.
	onClose bool
	// what names it in messages: "ROW_NUMBER", "LIMIT".
	what  string
	ttl   time.Duration // as a hint says; 0: as the setting does
	late  *lateRows
	out   []column
	place place
}

func (r *rankRel) inputs() []rel     { return []rel{r.in} }
func (r *rankRel) cols() []column    { return r.out }
func (r *rankRel) over(in []rel) rel { c := *r; c.in = in[0]; return &c }
func (r *rankRel) at() place         { return r.place }

// windowed says whether the partitions are within a window, so that they are
// complete when it closes.
func (r *rankRel) windowed() bool {
	cols := r.in.cols()
	start, _ := windowKeys(cols, r.partition)
	return start >= 0 && !cols[start].proc && !updates(r.in)
}

// byTime says whether a row comes out when the watermark has passed its time.
func (r *rankRel) byTime() bool { return r.onClose && !r.windowed() }

// final says whether rows that come out stay.
func (r *rankRel) final() bool {
	return isBounded(r.in) || !updates(r.in) && (r.onClose || r.arrival == FirstArrived || r.windowed())
}

// newRank makes a rankRel. Where rows come out by time the time attribute stays
// one; of a window only window_time does; else rows may change at any time.
func newRank(r rankRel) *rankRel {
	cols := r.in.cols()
	if r.tie = -1; r.arrival == NoArrival {
		r.tie = tieOf(cols, r.order)
	}
	start, _ := windowKeys(cols, r.partition)
	windowed := r.windowed()
	r.out = nil
	for _, c := range cols {
		stays := r.onClose || windowed && c.window == windowTime && c.windowID == cols[start].windowID
		if !stays && (c.time == eventTime || c.timeMember != nil) {
			c.time, c.timeMember = noTime, nil
			c.lost = operatorName(&r)
		}
		r.out = append(r.out, c)
	}
	if r.show {
		r.out = append(r.out, column{Column: Column{Name: r.what, Type: catalog.BigInt, NotNull: true}})
	}
	return &r
}

// tieOf gives the time attribute that breaks ties in an order: the first one that
// is no term of it; -1 if there is none.
func tieOf(cols []column, order []SortKey) int {
	for i, c := range cols {
		if c.time == eventTime && !slices.ContainsFunc(order, func(k SortKey) bool { return k.Col == i }) {
			return i
		}
	}
	return -1
}

// rankOf makes a rankRel of an overRel with one ranking call, for the ranks from
// to to; nil if it can't.
func rankOf(o *overRel, from, to int64) *rankRel {
	c := o.calls[0]
	r := rankRel{in: o.in, kind: c.Kind, partition: o.partition, order: o.order, from: from, to: to, show: true,
		onClose: o.onClose, what: overNames[c.Kind], late: o.late, ttl: o.ttl, place: o.place}
	if len(r.order) > 0 && o.in.cols()[r.order[0].Col].time == processingTime {
		if c.Kind != OverRowNumber || updates(o.in) {
			return nil
		}
		r.arrival = FirstArrived
		if r.order[0].Desc {
			r.arrival = LastArrived
		}
		r.order = nil
	}
	if r.onClose && c.Kind != OverRowNumber {
		return nil
	}
	out := newRank(r)
	last := len(out.out) - 1
	out.out[last].Name = o.out[last].Name
	return out
}

// rankBounds takes the bounds of a column out of a conjunction: the least and
// greatest value that it lets through, and the conjuncts that are still to be
// checked. ok is false if there is no upper bound.
func rankBounds(preds []catalog.Expr, col int) (from, to int64, rest []catalog.Expr, ok bool) {
	from, to = 1, -1
	upper := func(v int64) {
		if !ok || v < to {
			to, ok = v, true
		}
	}
	for _, p := range preds {
		switch op, v, bounds := comparison(p, col); {
		case !bounds:
			if low, high, in := listed(p, col); in {
				from = max(from, low)
				upper(high)
			}
			rest = append(rest, p)
		case op == "=":
			from = max(from, v)
			upper(v)
		case op == "<":
			upper(v - 1)
		case op == "<=":
			upper(v)
		case op == ">":
			from = max(from, v+1)
		case op == ">=":
			from = max(from, v)
		}
	}
	return from, to, rest, ok
}

// comparison reads a comparison of a column with a whole number; the column
// stands on its left.
func comparison(e catalog.Expr, col int) (op string, v int64, ok bool) {
	c, isCall := e.(*catalog.Call)
	if !isCall || len(c.Args) != 2 || mirrored[c.Fn.Name] == "" {
		return "", 0, false
	}
	isColumn := func(e catalog.Expr) bool {
		ref, ok := e.(*catalog.ColumnRef)
		return ok && ref.Index == col
	}
	if v, ok = wholeNumber(c.Args[1]); ok && isColumn(c.Args[0]) {
		return c.Fn.Name, v, true
	}
	if v, ok = wholeNumber(c.Args[0]); ok && isColumn(c.Args[1]) {
		return mirrored[c.Fn.Name], v, true
	}
	return "", 0, false
}

// listed gives the bounds of column IN (1, 2, 3).
func listed(e catalog.Expr, col int) (low, high int64, ok bool) {
	c, isCall := e.(*catalog.Call)
	if !isCall || c.Fn.Name != fnIn || len(c.Args) < 2 {
		return 0, 0, false
	}
	if ref, isRef := c.Args[0].(*catalog.ColumnRef); !isRef || ref.Index != col {
		return 0, 0, false
	}
	for i, a := range c.Args[1:] {
		v, whole := wholeNumber(a)
		if !whole {
			return 0, 0, false
		}
		if i == 0 {
			low, high = v, v
		}
		low, high = min(low, v), max(high, v)
	}
	return low, high, true
}

func wholeNumber(e catalog.Expr) (int64, bool) {
	l, ok := e.(*catalog.Literal)
	if !ok || !l.T.IsInteger() {
		return 0, false
	}
	v, ok := l.Value.(int64)
	return v, ok
}

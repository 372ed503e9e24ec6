package planner

import "time"

// overRel computes calls over the rows of each row's partition: OVER
// (PARTITION BY ... ORDER BY ...). Its columns are its input's, then the calls.
// Its input is the projection that computes keys and arguments.
type overRel struct {
	in        rel
	partition []int
	order     []SortKey
	calls     []OverCall
	// onClose is EMIT ON WINDOW CLOSE: rows come out when their time has passed.
	onClose bool
	limit   int64         // see Over.Limit
	ttl     time.Duration // as a hint says; 0: as the setting does
	late    *lateRows
	out     []column
	place   place
}

func (r *overRel) inputs() []rel     { return []rel{r.in} }
func (r *overRel) cols() []column    { return r.out }
func (r *overRel) over(in []rel) rel { c := *r; c.in = in[0]; return &c }
func (r *overRel) at() place         { return r.place }

// timeOrdered says whether the first term of an order is the time attribute,
// ascending.
func timeOrdered(cols []column, order []SortKey) bool {
	return len(order) > 0 && !order[0].Desc && cols[order[0].Col].time == eventTime
}

// windowed says whether the partitions are within a window, so that they are
// complete when it closes.
func (r *overRel) windowed() bool {
	cols := r.in.cols()
	start, _ := windowKeys(cols, r.partition)
	return start >= 0 && !cols[start].proc && !updates(r.in)
}

// newOver makes an overRel. The time attribute stays one where rows come out in
// its order, but not where a row may wait for the next one of its partition for
// ever: that would hold up all that goes by it. Of a window only window_time does.
func newOver(in rel, partition []int, order []SortKey, calls []OverCall, where place) *overRel {
	r := &overRel{in: in, partition: partition, order: order, calls: calls, place: where}
	start, _ := windowKeys(in.cols(), partition)
	mode := r.mode()
	byTime, windowed := mode.byTime() || mode == overNever, mode == overAtClose
	if farthest(calls) == looksAhead && !isBounded(in) {
		byTime = false
	}
	for _, c := range in.cols() {
		sameWindow := windowed && c.window == windowTime && c.windowID == in.cols()[start].windowID
		if !byTime && !sameWindow && (c.time == eventTime || c.timeMember != nil) {
			c.time, c.timeMember = noTime, nil
			c.lost = "the OVER at " + where.line()
		}
		r.out = append(r.out, c)
	}
	for _, c := range calls {
		r.out = append(r.out, column{Column: Column{Name: c.Name, Type: c.Type, NotNull: c.neverNull()}})
	}
	return r
}

// neverNull says whether a call has a value for every row.
func (c OverCall) neverNull() bool {
	switch c.Kind {
	case OverAggregate:
		return c.Overload.NeverNull
	case OverLag, OverLead, OverFirstValue, OverLastValue, OverNthValue:
		return false
	}
	return true
}

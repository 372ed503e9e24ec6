package planner

import "fmt"

// aggregate puts an aggregation above the exchange that it needs.
func (b *builder) aggregate(r *aggregateRel, in *Node) (*Node, error) {
	if err := b.checkCalls(r, in); err != nil {
		return nil, err
	}
	ex := b.spread(in, r.keys, r)
	two := ex != in && !b.noTwo && len(r.aggs) > 0 && in.Props.Kinds.AppendOnly()
	for _, c := range r.aggs {
		two = two && c.Overload.Aggregate.Mergeable && !c.Distinct && !c.Overload.Aggregate.Collects && !c.Arrival
	}
	if r.window != nil && (r.window.Kind == SessionWindow || r.emit.updates()) {
		two = two && r.window.Kind != SessionWindow // which session a row is in is known beyond the exchange only
		for _, c := range r.aggs {
			if c.Overload.Aggregate.Mergeable {
				continue
			}
			if r.window.Kind == SessionWindow {
				return nil, r.place.errorf("%s can't be aggregated by session: two sessions may become one, and it can't be merged", c.Fn.Name)
			}
			return nil, r.place.errorf("%s can't be aggregated with %s: it can't be merged", c.Fn.Name, r.emit.clause())
		}
	}
	mode := ErrorFail
	for _, c := range r.aggs {
		if c.Overload.CanFail {
			mode = b.mode
		}
	}
	text := fmt.Sprintf("%v %+v", r.keys, r.window)
	for _, c := range r.aggs {
		text += fmt.Sprintf(" %s%v/%d/%v/%v/%v/%v/%s", c.Fn.Name, c.Args, c.Filter, c.Distinct, c.Order, c.Arrival, c.IgnoreNulls, c.Constants)
	}
	if r.window == nil {
		op := &GroupAgg{Keys: r.keys, Aggs: r.aggs, Totals: r.totals, TwoPhase: two, Every: r.emit.every, OnError: mode}
		text += fmt.Sprint(" every ", op.Every)
		if op.Life, _ = b.env.life(r); op.TTL > 0 {
			op.TwoPhase = false
			text += fmt.Sprint(" keep ", op.TTL)
		}
		return b.node(op, r, from(ex), plain(r.out), text), nil
	}
	op := &WindowAgg{
		Window: *r.window, Keys: r.keys, Aggs: r.aggs, TwoPhase: two, OnError: mode,
		Emit: r.emit.mode, Every: r.emit.every, Lateness: r.emit.lateness,
	}
	text += fmt.Sprintf(" %+v", r.emit)
	if op.Window.Proc && op.Window.Kind == AttachedWindow && op.Updates() {
		// Whether a row comes too late for a window can't be told from its columns.
		return nil, hint(r.place.errorf("EMIT CHANGES and EMIT EVERY of windows over PROCTIME() need GROUP BY directly above the window: past another operator nobody knows which of a row's windows the clock had closed when it was read"),
			"GROUP BY directly above the window, with filters on the window's rows in HAVING or in a subquery below it")
	}
	if r.late != nil && op.Window.Kind == AttachedWindow && heldForSession(ex) {
		return nil, hint(r.late.place.errorf("LATE DATA TO: the late rows of this SESSION are found before the rows are grouped"), "put LATE DATA TO into the SELECT that reads from the SESSION")
	}
	op.LateCols = r.late.columns()
	return b.judging(op, r, ex, text, r.late)
}

// checkCalls refuses aggregates that can't take rows back over an input that
// does.
func (b *builder) checkCalls(r *aggregateRel, in *Node) error {
	if in.Props.Kinds.AppendOnly() {
		return nil
	}
	cause := updateCause(r.in)
	if r.window != nil {
		return hint(r.place.errorf("a windowed aggregation over an input that updates is not supported; %s updates", operatorName(cause)), "window the input itself")
	}
	for _, c := range r.aggs {
		if !c.Overload.Aggregate.Retractable {
			err := r.place.errorf("%s can't take rows back, but its input updates: %s does", c.Fn.Name, operatorName(cause))
			return hint(err, "COUNT(DISTINCT x) and PERCENTILE_DISC can")
		}
	}
	return nil
}

// heldForSession says that rows come from an operator that holds them until their
// session closes: it is the one that finds late rows then.
func heldForSession(n *Node) bool {
	for {
		switch n.Op.(type) {
		case *SessionAssign:
			return true
		case *Exchange, *Project, *Filter:
			n = n.Inputs[0].From
		default:
			return false
		}
	}
}

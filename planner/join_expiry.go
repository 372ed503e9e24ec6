package planner

import "github.com/streamsql/streamsql/catalog"

// Expiry says when the rows of one side of a regular join have met all their
// partners: once the other input's watermark has reached the time in column Col plus
// Keep microseconds. A row whose time is NULL has none.
type Expiry struct {
	Col  int
	Keep int64
}

// Expires says whether the join lets go of rows by time.
func (o *Join) Expires() bool { return o.Expiry[0] != nil || o.Expiry[1] != nil }

// pruneJoinState is the name of the rule that finds expiries.
const pruneJoinState = "prune-join-state"

// expiry finds what lets the rows of a side of a join go: a condition that asks for
// a time of them which the rows to come of the other side have passed. rest are the
// conjuncts of the residual, in the order in which they are decided.
//
// Both sides must only append. So a row that is let go has met its partners, all of
// which stay partners; and what is let go is never taken back.
func (b *builder) expiry(op *Join, rest []catalog.Expr, side int, in [2]*Node) *Expiry {
	if b.noExpiry || op.Forgets() || !in[0].Props.Kinds.AppendOnly() || !in[1].Props.Kinds.AppendOnly() {
		return nil
	}
	var found *Expiry
	take := func(e Expiry) {
		if found == nil || e.Keep < found.Keep {
			found = &e
		}
	}
	keys := [2][]int{op.LeftKeys, op.RightKeys}
	for i, c := range keys[side] {
		if !in[side].Cols[c].Type.IsTimestamp() {
			continue
		}
		if lag, ok := behind(in[1-side], keys[1-side][i]); ok {
			take(Expiry{Col: c, Keep: lag})
		}
	}
	n := len(in[0].Cols)
	for _, p := range rest {
		if e, ok := timeFloor(p, side, n, in); ok {
			take(e)
		}
		if canFail(p) {
			break // on pairs that are not looked at it would not fail
		}
	}
	return found
}

// timeFloor reads a conjunct that asks a time of one side to be at or above one that
// the rows to come of the other side have. If it can fail, then not on a pair for
// which it is FALSE by the expiry: from the later time something is taken away only,
// to the earlier one added.
func timeFloor(p catalog.Expr, side, n int, in [2]*Node) (Expiry, bool) {
	c, ok := p.(*catalog.Call)
	if !ok || len(c.Args) != 2 {
		return Expiry{}, false
	}
	x, xs, okx := timeTerm(c.Args[0])
	y, ys, oky := timeTerm(c.Args[1])
	if !okx || !oky || (x < n) == (y < n) {
		return Expiry{}, false
	}
	own, other, name := c.Args[0], c.Args[1], c.Fn.Name
	if (x < n) != (side == 0) {
		own, other, x, xs, y, ys, name = other, own, y, ys, x, xs, mirrored[name]
	}
	if name != ">=" && name != ">" && name != "=" {
		return Expiry{}, false
	}
	x, y = x-side*n, y-(1-side)*n
	t := in[side].Cols[x].Type
	if !t.IsTimestamp() || t.Kind != in[1-side].Cols[y].Type.Kind {
		return Expiry{}, false
	}
	if canFail(p) && !(xs >= 0 && ys <= 0 && oneShift(own) && oneShift(other)) {
		return Expiry{}, false
	}
	lag, ok := behind(in[1-side], y)
	return Expiry{Col: x, Keep: lag + xs - ys}, ok
}

// oneShift says whether a term of timeTerm is a column with one constant at most
// added or taken away.
func oneShift(e catalog.Expr) bool {
	shifts := 0
	anyExpr(e, func(e catalog.Expr) bool {
		if _, call := e.(*catalog.Call); call {
			shifts++
		}
		return false
	})
	return shifts <= 1
}

// behind says how far below the watermark of a node's output the values of a column
// can be in the rows to come: above watermark - lag, and never NULL. That holds for
// the windows of an aggregation that gives each window once, as it closes: what comes
// later is of windows that end later. The time attributes of streams are not so, for
// rows are late.
func behind(n *Node, col int) (lag int64, ok bool) {
	switch op := n.Op.(type) {
	case *WindowAgg:
		if op.Updates() || op.Window.Proc {
			return 0, false
		}
		switch w := op.Window; col - (len(n.Cols) - 3) {
		case 0:
			fixed := w.Kind == TumbleWindow || w.Kind == HopWindow
			return w.Size, fixed && w.Zone == nil
		case 1:
			return 0, w.Kind != SessionWindow
		case 2:
			return 1000, w.Kind != SessionWindow
		}
	case *Filter, *Exchange:
		return behind(n.Inputs[0].From, col)
	case *Project:
		c, plus, ok := timeTerm(op.Exprs[col])
		if !ok || n.Inputs[0].Port != MainPort {
			return 0, false
		}
		lag, ok := behind(n.Inputs[0].From, c)
		return lag - plus, ok
	case *Union:
		lag = minTime
		for _, in := range n.Inputs {
			l, ok := behind(in.From, col)
			if !ok {
				return 0, false
			}
			lag = max(lag, l)
		}
		return lag, true
	}
	return 0, false
}

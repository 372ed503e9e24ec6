package planner

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/streamsql/streamsql/catalog"
)

// bound says what limits the state of a node, in words.
func (b *builder) bound(n *Node) {
	p := &n.Props
	names := func(cols []int) string {
		in := n.Inputs[0].From.Cols
		out := make([]string, len(cols))
		for i, c := range cols {
			out[i] = in[c].Name
		}
		return joinNames(out)
	}
	switch op := n.Op.(type) {
	case *WindowAgg:
		p.Bound = b.windowBound(n, op.Window)
		switch {
		case op.Lateness == forEver:
			p.Bound, p.Unbounded = "every session, for ever", !p.Bounded
		case op.Lateness > 0:
			p.Bound += " + lateness of " + spanText(op.Lateness)
		}
		if len(op.Keys) > 0 {
			p.Bound += " by " + names(op.Keys)
		}
	case *SessionAssign:
		p.Bound = "rows of " + b.windowBound(n, op.Window)
		if len(op.Window.Partition) > 0 {
			p.Bound += " by " + names(op.Window.Partition)
		}
	case *GroupAgg:
		groupBound(n, op, names)
	case *SetOp:
		setBound(p, op)
	case *Normalize:
		normalizeBound(p, op, names)
	case *Rank:
		rankBound(n, op, names)
	case *Over:
		b.overBound(n, op, names)
	case *Join:
		joinBound(n, op)
	case *IntervalJoin, *WindowJoin, *TemporalJoin:
		b.timeJoinBound(n)
	case *Sort:
		if op.ByTime {
			p.Bound = "rows that the watermark has not passed"
			return
		}
		p.Bound = "all rows of a bounded input"
		if op.Limit >= 0 && n.Inputs[0].From.Props.Kinds.AppendOnly() {
			p.Bound = fmt.Sprintf("%d rows", op.Limit+op.Offset)
		}
	case *Limit:
		p.Bound = "a counter"
	}
}

// windowBound says how long a window stays open: its size, and the delay of the
// watermarks below.
func (b *builder) windowBound(n *Node, w Window) string {
	var parts []string
	if w.Kind == SessionWindow {
		parts = append(parts, "open sessions, "+spanText(w.Size))
	} else if w.Size > 0 {
		parts = append(parts, spanText(w.Size))
	} else {
		parts = append(parts, "open windows")
	}
	if w.Proc {
		return parts[0] + " of the clock"
	}
	return b.delayed(n, parts)
}

// delayed adds the delays of the watermarks below a node.
func (b *builder) delayed(n *Node, parts []string) string {
	var delays []string
	for src, scan := range b.scans {
		if !below(n, scan) {
			continue
		}
		if src.delay < 0 {
			delays = append(delays, "the delay of "+src.name)
		} else {
			delays = append(delays, spanText(src.delay)+" of "+src.name)
		}
	}
	slices.Sort(delays)
	return strings.Join(append(parts, delays...), " + ")
}

// below says whether node of is n or an input of it, at any depth.
func below(n, of *Node) bool {
	if n == of {
		return true
	}
	for _, in := range n.Inputs {
		if below(in.From, of) {
			return true
		}
	}
	return false
}

// joinBound: a side without a time to live keeps its rows for ever, unless time says
// that they can have no more partners.
func joinBound(n *Node, op *Join) {
	p := &n.Props
	kept := func(ttl time.Duration) string { return keptText(ttl, op.EventTime) }
	switch {
	case op.Expires():
		p.Bound, p.Unbounded = expiryText(n, op), !p.Bounded && (op.Expiry[0] == nil || op.Expiry[1] == nil)
	case !op.Forgets():
		p.Bound = "all rows of both inputs"
		if p.Unbounded = !p.Bounded; p.Unbounded {
			p.Bound += ", for ever"
		}
	case op.LeftTTL == op.RightTTL:
		p.Bound = "the rows of a key, " + kept(op.LeftTTL) + " after the last one"
	case op.RightTTL == 0:
		p.Bound, p.Unbounded = "the left rows of a key, "+kept(op.LeftTTL)+" after the last one; all right rows", !p.Bounded
	case op.LeftTTL == 0:
		p.Bound, p.Unbounded = "all left rows; the right rows of a key, "+kept(op.RightTTL)+" after the last one", !p.Bounded
	default:
		p.Bound = "the left rows of a key, " + kept(op.LeftTTL) + " after the last one, the right ones, " + kept(op.RightTTL)
	}
}

// expiryText says how long the rows of each side of a join are kept.
func expiryText(n *Node, op *Join) string {
	var parts []string
	for side, name := range []string{"left", "right"} {
		e := op.Expiry[side]
		if e == nil {
			text := "all " + name + " rows"
			if !n.Props.Bounded {
				text += ", for ever"
			}
			parts = append(parts, text)
			continue
		}
		of := catalog.QuoteName(n.Inputs[side].Columns()[e.Col].Name)
		parts = append(parts, fmt.Sprintf("%s rows until the watermark is at %s", name, shiftedTime(of, e.Keep)))
	}
	return strings.Join(parts, "; ")
}

// keptText says for how long something is kept.
func keptText(ttl time.Duration, eventTime bool) string {
	clock := " by the clock"
	if eventTime {
		clock = " of event time"
	}
	return "for " + spanText(ttl.Microseconds()) + clock
}

// groupBound says what a GROUP BY without a window keeps: its groups, and of some
// aggregates all values. Of an input that updates these are no more than what it has.
func groupBound(n *Node, op *GroupAgg, names func([]int) string) {
	p := &n.Props
	updates := !n.Inputs[0].From.Props.Kinds.AppendOnly()
	var values []string
	grow := false
	for _, c := range op.Aggs {
		f := c.Overload.Aggregate
		switch {
		case c.Distinct:
			values = append(values, "each different value of "+c.Name)
		case f.Collects || updates && f.Remembers:
			values = append(values, "all values of "+c.Name)
		default:
			continue
		}
		grow = grow || !updates
	}
	more := ""
	if n := len(values); n > 2 {
		more = ", and " + values[0] + " and of " + count(n-1, "other call")
	} else if n > 0 {
		more = ", and " + strings.Join(values, " and ")
	}
	switch {
	case len(op.Keys) == 0:
		p.Bound, p.Unbounded = "one row"+more, grow && !p.Bounded
		if p.Unbounded {
			p.Bound += ", for ever"
		}
	case op.TTL > 0:
		p.Bound = "a row for each " + names(op.Keys) + more + ", " + op.kept()
	case p.Bounded:
		p.Bound = "a row for each " + names(op.Keys) + " of a bounded input" + more
	default:
		p.Bound, p.Unbounded = "a row for each "+names(op.Keys)+more+", for ever", true
	}
}

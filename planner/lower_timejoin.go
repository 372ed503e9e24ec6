package planner

import (
	"fmt"
	"slices"

	"github.com/streamsql/streamsql/catalog"
)

// timeJoin makes the operator of a join that time bounds.
func (b *builder) timeJoin(k keyedJoin, left, right *Node) (*Node, error) {
	r, t := k.join, k.join.times
	p := Pairing{Kind: r.kind, Keys: [2][]int{k.left, k.right}, NullSafe: k.nullSafe, Emit: r.emit, Residual: b.decided(k.rest, r.both())}
	p.OnError = b.modeOf(p.Expressions()...)
	var op Stateful
	switch r.mode {
	case intervalJoin:
		op = &IntervalJoin{Pairing: p, Time: t.time, Before: t.before, After: t.after, Lag: t.lag}
	case windowJoin:
		window := &WindowJoin{Pairing: p, Start: t.start, End: t.end}
		if r.late != nil {
			window.LateCols = &[2][]int{r.late.cols, r.late.right}
		}
		op = window
	default:
		temporal := &TemporalJoin{Pairing: p, Time: t.time, Lag: t.lag, Strict: t.strict, Ahead: t.ahead, Asof: r.asof, ByValue: t.byValue}
		if r.late != nil {
			temporal.LateCols, temporal.LateRight = append([]int{}, r.late.cols...), r.late.right
		}
		op = temporal
	}
	left, right = b.spread(left, op.StateKeys(0), r.left), b.spread(right, op.StateKeys(1), r.right)
	text := fmt.Sprintf("%s %v %v %v %s %+v", r.kind, p.Keys, p.NullSafe, p.Emit, exprList(p.Expressions()), *t)
	if p.Residual != nil && textOf(p.Residual) == "" {
		text = ""
	}
	if r.late == nil {
		return b.node(op, r, []Edge{{From: left}, {From: right}}, plain(r.out), text), nil
	}
	before := len(b.plan.Nodes)
	n := b.node(op, r, []Edge{{From: left}, {From: right}}, plain(r.out), fmt.Sprint(text, " late ", r.late.cols, r.late.right))
	if len(b.plan.Nodes) > before {
		return n, b.lateRows(n, r.late)
	}
	return n, nil
}

// inferTimeJoin finds keys and distribution of a join that time bounds: those that
// a regular one would have. It only appends.
func (b *builder) inferTimeJoin(n *Node, p *Pairing, left, right []int) {
	b.inferJoin(n, &Join{Kind: p.Kind, LeftKeys: left, RightKeys: right, Emit: p.Emit})
	n.Props.Kinds = KindSet(0).With(catalog.Insert)
	n.Props.Hash = nil
	for side, from := range []int{0, len(n.Inputs[0].From.Cols)} {
		keys := n.Op.(Stateful).StateKeys(side)
		if side == 0 && p.Kind.padsLeft() || side == 1 && p.Kind.padsRight() || len(keys) == 0 {
			continue
		}
		if moved, ok := emitted(p.Emit, keys, from); ok {
			n.Props.Hash = moved
			return
		}
	}
}

// inferTemporal: each left row comes out once at most, so the left keys tell the
// rows apart, and nothing of the right ones is needed.
func (b *builder) inferTemporal(n *Node, p *Pairing) {
	n.Props.OrderSensitive = true
	b.keys[n] = nil
	for _, key := range b.keys[n.Inputs[0].From] {
		if moved, ok := emitted(p.Emit, key, 0); ok {
			b.keys[n] = append(b.keys[n], moved)
		}
	}
}

// emitted gives the places in an output of columns of a side, which begins at from.
func emitted(emit, cols []int, from int) ([]int, bool) {
	return (&Join{Emit: emit}).emitted(cols, from)
}

// windowed gives the columns whose values make two rows of a window join partners.
func (o *WindowJoin) windowed(side int) []int {
	return append(slices.Clone(o.Keys[side]), o.Start[side], o.End[side])
}

// timeJoinBound says how long a join keeps rows: as long as their partners may still
// come.
func (b *builder) timeJoinBound(n *Node) {
	p := &n.Props
	var keys []int
	switch op := n.Op.(type) {
	case *IntervalJoin:
		p.Bound = b.delayed(n, []string{spanText(fullSpan(max(0, AddTime(op.Before, op.After))))})
		keys = op.Keys[0]
	case *WindowJoin:
		p.Bound = b.delayed(n, []string{"open windows"})
		keys = op.Keys[0]
	case *TemporalJoin:
		p.Bound = b.delayed(n, []string{"waiting rows"})
		if op.Ahead {
			p.Bound += ", and rows of the left side without a next one"
		} else {
			p.Bound += ", and the last version"
		}
		keys = op.Keys[0]
	}
	if len(keys) > 0 {
		names := make([]string, len(keys))
		for i, k := range keys {
			names[i] = n.Inputs[0].From.Cols[k].Name
		}
		p.Bound += " by " + joinNames(names)
	}
	if op, ok := n.Op.(*TemporalJoin); ok && !n.Inputs[1].From.Props.Bounded {
		if op.Ahead {
			// A key of the left side may have no next row for ever.
			p.Unbounded = len(keys) > 0 && !n.Inputs[0].From.Props.Bounded
			return
		}
		p.Bound += ", for ever"
		p.Unbounded = len(keys) > 0
	}
}

// timeJoinDetail is what EXPLAIN says of a join that time bounds.
func timeJoinDetail(n *Node, p *Pairing) string {
	left, right := n.Inputs[0].Columns(), n.Inputs[1].Columns()
	text := joinDetail(&Join{Kind: p.Kind, LeftKeys: p.Keys[0], RightKeys: p.Keys[1], NullSafe: p.NullSafe}, n)
	if len(p.Keys[0]) == 0 {
		text = p.Kind.String()
	}
	both, nl := sideNames(left, right), len(left)
	switch op := n.Op.(type) {
	case *IntervalJoin:
		l, r := both(op.Time[0]), both(nl+op.Time[1])
		low, high := "[", "]"
		if strictSpan(op.Before) {
			low = "("
		}
		if strictSpan(op.After) {
			high = ")"
		}
		text += ", " + l + " within " + low + shiftedTime(r, -fullSpan(op.Before)) + ", " + shiftedTime(r, fullSpan(op.After)) + high
		if d := op.Delay(); d > 0 {
			text += ", delay " + spanText(fullSpan(d))
		}
	case *WindowJoin:
		text += ", within equal windows " + windowSpan(left, op.Start[0], op.End[0])
		if other := windowSpan(right, op.Start[1], op.End[1]); other != windowSpan(left, op.Start[0], op.End[0]) {
			text += " and " + other
		}
	case *TemporalJoin:
		which, sign := "last", "<"
		if op.Ahead {
			which, sign = "next", ">"
		}
		if !op.Strict {
			sign += "="
		}
		text += fmt.Sprintf(", %s %s %s %s", which, both(nl+op.Time[1]), sign, both(op.Time[0]))
		if op.Asof {
			text = "ASOF " + text
		}
	}
	if p.Residual != nil {
		text += " where " + showWith(p.Residual, both)
	}
	return text
}

// strictSpan says whether a bound excludes the time that it was written with: then
// it is a microsecond short of it.
func strictSpan(us int64) bool { return (us+1)%1000 == 0 }

// fullSpan is the bound as it was written.
func fullSpan(us int64) int64 {
	if strictSpan(us) {
		return us + 1
	}
	return us
}

// windowSpan names the bounds of a window: "window_start to window_end".
func windowSpan(cols []Column, start, end int) string {
	return catalog.QuoteName(cols[start].Name) + " to " + catalog.QuoteName(cols[end].Name)
}

// shiftedTime shows a time plus a span.
func shiftedTime(name string, us int64) string {
	switch {
	case us > 0:
		return name + " + " + spanText(us)
	case us < 0:
		return name + " - " + spanText(-us)
	}
	return name
}

// timeJoinText is the canonical text of a join that time bounds.
func timeJoinText(n *Node, p *Pairing, ins []described) described {
	nullSafe := p.NullSafe
	if nullSafe == nil {
		nullSafe = make([]bool, len(p.Keys[0]))
	}
	d := joinText(&Join{Kind: p.Kind, LeftKeys: p.Keys[0], RightKeys: p.Keys[1], NullSafe: nullSafe, Residual: p.Residual, Emit: p.Emit}, n, ins)
	l, r := ins[0].cols, ins[1].cols
	how := ""
	switch op := n.Op.(type) {
	case *IntervalJoin:
		how = fmt.Sprintf("interval %s, %s before %d after %d", l[op.Time[0]], r[op.Time[1]], op.Before, op.After)
	case *WindowJoin:
		how = fmt.Sprintf("window %s, %s is %s, %s", l[op.Start[0]], l[op.End[0]], r[op.Start[1]], r[op.End[1]])
	case *TemporalJoin:
		how = fmt.Sprintf("temporal %s, %s strict=%v", l[op.Time[0]], r[op.Time[1]], op.Strict)
		if op.Ahead {
			how += " ahead"
		}
	}
	d.base = fmt.Sprintf("%s watermark %s %s", how, watermarksText(n), d.base)
	return d
}

package planner

import "github.com/streamsql/streamsql/catalog"

// warnings tells of plans that work but will hurt.
func (b *builder) warnings() {
	for _, n := range b.plan.Nodes {
		if n.Props.Unbounded {
			advice := "group by a window, or by fewer keys"
			if _, ok := n.Op.(*Join); ok {
				advice = joinAdvice(n)
			}
			b.env.warn(hint(b.places[n].errorf("this keeps %s: its state grows without bound", n.Props.Bound), "%s", advice))
		}
	}
	for _, n := range b.plan.Nodes {
		op, ok := n.Op.(*Scan)
		if !ok || op.Watermark == nil || op.Bounded || op.Watermark.IdleTimeout > 0 || !n.Props.NeedsW {
			continue
		}
		b.env.warn(hint(b.places[n].errorf("a silent split of `%s` holds all its windows open", op.Source),
			"WATERMARK ... IDLE TIMEOUT INTERVAL '1' MINUTE"))
	}
}

// joinAdvice says how the state of a join could be bounded.
func joinAdvice(n *Node) string {
	left, right := n.Inputs[0].From, n.Inputs[1].From
	if len(left.Props.Time) == 0 || len(right.Props.Time) == 0 {
		return "SET 'state.ttl' forgets keys that have been quiet for a time"
	}
	l, r := catalog.QuoteName(left.Cols[left.Props.Time[0]].Name), catalog.QuoteName(right.Cols[right.Props.Time[0]].Name)
	return "both sides have a time attribute: a bound between " + l + " and " + r + " makes it an interval join; or SET 'state.ttl'"
}

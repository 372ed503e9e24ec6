package planner

// warnings tells of plans that work but will hurt.
func (b *builder) warnings() {
	for _, n := range b.plan.Nodes {
		if n.Props.Unbounded {
			where := b.places[n]
			b.env.warn(hint(where.errorf("this keeps %s: its state grows without bound", n.Props.Bound),
				"group by a window, or by fewer keys"))
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

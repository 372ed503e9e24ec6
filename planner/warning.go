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
	for src, n := range b.scans {
		op := n.Op.(*Scan)
		if op.Watermark != nil && !src.bounded && op.Watermark.IdleTimeout == 0 && n.Props.NeedsW {
			b.env.warn(hint(src.at.errorf("a silent split of `%s` holds all its windows open", src.name),
				"WATERMARK ... IDLE TIMEOUT INTERVAL '1' MINUTE"))
		}
	}
}

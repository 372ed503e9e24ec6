package planner

import "slices"

// needWatermarks finds the sources whose watermark is needed: below an operator
// that judges by time, or where records from the future are bad, or where
// splits are merged by time. It adds what their watermarks read.
func (b *builder) needWatermarks(trees []rel) {
	sensitive, streams := false, map[*source]bool{}
	for _, t := range trees {
		for _, s := range streamsOf(t) {
			streams[s] = true
		}
		visitStream(t, func(r rel) {
			if life, sources := b.env.life(r); life.TTL > 0 {
				sensitive = sensitive || !inTimeOrder(r)
				b.watch(sources)
			}
			if ReadsWatermark(exprsOf(r)...) {
				b.watch(streamsOf(r))
			}
			switch r := r.(type) {
			case *windowRel:
				if r.sessions() && !r.win.Proc {
					sensitive = true
					b.watch(streamsOf(r))
				}
			case *aggregateRel:
				if r.window != nil && !r.window.Proc {
					sensitive = sensitive || r.window.Kind == SessionWindow
					b.watch(streamsOf(r))
				}
				for _, c := range r.aggs {
					sensitive = sensitive || c.Arrival
				}
			case *overRel:
				sensitive = sensitive || r.mode() == overArrival
				if m := r.mode(); m.byTime() || m == overAtClose {
					b.watch(streamsOf(r))
				}
			case *rankRel:
				sensitive = sensitive || r.arrival != NoArrival
				if r.onClose || r.windowed() {
					b.watch(sourcesOf(r))
				}
			case *joinRel:
				sources, forgets := b.env.ttlSources(r)
				sensitive = sensitive || forgets
				b.watch(sources)
				if r.times != nil {
					b.watch(sourcesOf(r))
				}
				sensitive = sensitive || r.mode == temporalJoin
			case *sortRel:
				if r.byTime {
					b.watch(sourcesOf(r))
				}
			case *limitRel, *normalizeRel:
				sensitive = true
			}
		})
	}
	for src, n := range b.wanted {
		b.plan.Merge = b.plan.Merge || sensitive && src.bounded && streams[src]
		if w := src.watermark; w != nil && (b.watched[src] || sensitive && src.bounded || w.MaxSkew > 0 || w.MaxDrift > 0) {
			b.watched[src] = true
			n.read(w.Expr)
			n.read(w.Time)
		}
	}
}

// watch notes that the watermark of sources is needed.
func (b *builder) watch(sources []*source) {
	for _, s := range sources {
		b.watched[s] = true
	}
}

// sourcesOf lists the sources that a tree reads, static tables included.
func sourcesOf(r rel) []*source {
	var out []*source
	visit(r, func(r rel) {
		if s, ok := r.(*scanRel); ok && !slices.Contains(out, s.src) {
			out = append(out, s.src)
		}
	})
	return out
}

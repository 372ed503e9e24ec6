package agg

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// panePart is rows from..to-1 of a Partial: the groups of one bucket.
type panePart struct {
	bucket   int64
	from, to int
}

// PaneRows are the rows of a batch that are in one bucket.
type PaneRows struct {
	Bucket int64
	Rows   colvec.Rows
}

// PreAggregatePanes is PreAggregate of the rows of several buckets, for
// Panes.Import. A key of the batch is looked up in g, Groups that stand alone, for
// all of them.
func (a *Aggregator) PreAggregatePanes(g *Groups, panes []PaneRows, cols []arrow.Array, parts []*Partial, shard func(group int) int) {
	spread := a.apart > 0
	if spread {
		a.apart--
	} else {
		g.Clear()
		g.track = true
		a.places = a.places[:0]
	}
	in, out := 0, 0
	for _, x := range panes {
		if x.Rows.Len() == 0 {
			continue
		}
		for _, p := range parts {
			p.panes = append(p.panes, panePart{x.Bucket, p.n, p.n})
		}
		if spread {
			a.Spread(cols, x.Rows, parts, shard)
		} else {
			a.Update(g, cols, x.Rows)
			in, out = in+x.Rows.Len(), out+len(g.touched)
			a.moveTouched(g, parts, shard)
		}
		for _, p := range parts {
			p.panes[len(p.panes)-1].to = p.n
		}
	}
	if out >= minApart && 8*out > 7*in && a.Spreads() {
		a.apart = apartBatches
	}
}

// place is where the rows of a key go: a shard, and the key's number there.
type place struct {
	shard, number uint32
}

// moveTouched appends the groups that have changed to parts and leaves them without
// rows.
func (a *Aggregator) moveTouched(g *Groups, parts []*Partial, shard func(group int) int) {
	if first := len(a.places); first < g.table.Len() {
		a.walk = g.table.RowsFrom(uint32(first), g.table.Len()-first, a.walk[:0])
		for _, h := range a.enc.FromRows(a.walk, g.table.Source()).Hash {
			a.places = append(a.places, place{uint32(shard(hash.Group(h))), skipped})
		}
	}
	width, state := g.table.Rows().Width(), 1+a.layout.Words()
	for _, id := range g.touched {
		row, to := g.table.Row(id), &a.places[id]
		p := parts[to.shard]
		at := len(p.words)
		p.words = append(p.words, row.Words(width)...)
		moved := hash.RowOf(p.words[at:])
		*moved.Header() &^= flagTouched | flagEmitted
		if to.number == skipped {
			to.number = p.newKeys
			p.newKeys++
			if a.layout.HasStrings() {
				p.data = a.layout.Detach(moved, g.table.Source(), p.data)
			}
		}
		a.detachSums(g, p, moved)
		p.keys = append(p.keys, to.number)
		p.n++
		*row.Header() &= hash.HeaderNulls
		clear(row.From(state).Words(a.words))
	}
	g.touched = g.touched[:0]
}

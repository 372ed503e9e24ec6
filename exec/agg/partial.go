package agg

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// Partial is the state of some groups on its way from one table to another: the
// rows as they stand in the table, one after the other, and behind them what
// they refer to. It is how a pre-aggregated batch goes through an exchange. Only
// an Aggregator of the same Config understands it.
type Partial struct {
	n        int
	words    []uint64  // n rows
	data     []byte    // long strings
	spills   []uint64  // superaccumulators
	sketches []uint64  // hashes and registers of APPROX_COUNT_DISTINCT
	sets     []setPart // per distinct set, then per bag
	next     int       // scratch of Spread
	panes    []panePart
	// keys are, of a Partial with panes, the numbers of the rows' keys, by their
	// first rows; nil: each row has its own. Only a key's first row has what its long
	// strings are.
	keys    []uint32
	newKeys uint32 // how many there are
}

type setPart struct {
	words []uint64 // rows whose group is the number of a row in Partial.words
	data  []byte
}

// Len is the number of groups.
func (p *Partial) Len() int { return p.n }

// Bytes is the memory taken, in bytes: what a byte credit pays for.
func (p *Partial) Bytes() int {
	n := 8*(len(p.words)+len(p.spills)+len(p.sketches)) + 4*len(p.keys) + len(p.data)
	for i := range p.sets {
		n += 8*len(p.sets[i].words) + len(p.sets[i].data)
	}
	return n
}

// Reset empties p and keeps its memory.
func (p *Partial) Reset() {
	p.n, p.words, p.data, p.spills, p.sketches = 0, p.words[:0], p.data[:0], p.spills[:0], p.sketches[:0]
	p.panes, p.keys, p.newKeys = p.panes[:0], p.keys[:0], 0
	for i := range p.sets {
		p.sets[i].words, p.sets[i].data = p.sets[i].words[:0], p.sets[i].data[:0]
	}
}

// Export appends the groups of g to parts: to parts[shard(key group)] each.
func (a *Aggregator) Export(g *Groups, parts []*Partial, shard func(group int) int) {
	var place []uint64 // per id: shard<<32 | number of its row there
	if len(a.distincts)+len(a.bags) > 0 {
		place = make([]uint64, g.table.Rows().Cap())
	}
	width := g.table.Rows().Width()
	g.table.EachHashOf(a.spread, func(ids []uint32, rows []hash.Row, hashes []uint64) {
		for i, row := range rows {
			s := shard(hash.Group(hashes[i]))
			p := parts[s]
			at := len(p.words)
			p.words = append(p.words, row.Words(width)...)
			p.words[at] &^= flagTouched | flagEmitted
			a.detach(g, p, hash.RowOf(p.words[at:]))
			if place != nil {
				place[ids[i]] = uint64(s)<<32 | uint64(p.n)
			}
			p.n++
		}
	})
	for i, d := range a.distincts {
		exportSet(g.distinct[i], d.layout, parts, i, len(a.distincts)+len(a.bags), place)
	}
	for i, b := range a.bags {
		exportSet(g.bags[i], b.rec.layout, parts, len(a.distincts)+i, len(a.distincts)+len(a.bags), place)
	}
}

// Spread is Update of empty Groups and Export of them, but leaves every row a
// group of its own: what is cheaper where few rows have a key in common. Only if
// Spreads.
func (a *Aggregator) Spread(cols []arrow.Array, rows colvec.Rows, parts []*Partial, shard func(group int) int) {
	for i, k := range a.keys {
		a.cols[i] = cols[k.Column]
	}
	width := 1 + a.layout.Words() + a.words
	for from := 0; from < rows.Len(); from += chunkRows {
		r := rows.Slice(from, min(from+chunkRows, rows.Len()))
		k := a.enc.Encode(a.cols, r)
		a.ids = colvec.Grow(a.ids, k.N)
		for i, h := range k.Hash {
			s := shard(hash.Group(h))
			a.ids[i] = uint32(s)
			parts[s].n++
		}
		for _, p := range parts {
			at := len(p.words)
			p.words = slices.Grow(p.words, p.n*width-at)[:p.n*width]
			clear(p.words[at:])
			p.next = at
		}
		a.refs.IDs, a.refs.Rows = append(a.refs.IDs[:0], a.ids...), a.refs.Rows[:0]
		for i, s := range a.ids {
			p := parts[s]
			row := hash.RowOf(p.words[p.next:])
			p.next += width
			k.Put(i, row)
			p.data = a.layout.DetachKey(k, row, p.data)
			a.refs.Rows = append(a.refs.Rows, row)
		}
		a.feed(nil, cols, r, false)
	}
}

// Spreads says that the state of a group is all in its row, and that all keys say
// where it belongs.
func (a *Aggregator) Spreads() bool {
	return a.spread == len(a.keys) && !a.strings && len(a.views)+len(a.sums)+len(a.hlls)+len(a.distincts)+len(a.bags)+len(a.bests) == 0
}

// PreAggregate adds rows of a batch to parts, by the shard of their key: first by
// Update and Export of g, Groups that stand alone; but where that has joined few
// of the rows, the next batches by Spread.
func (a *Aggregator) PreAggregate(g *Groups, cols []arrow.Array, rows colvec.Rows, parts []*Partial, shard func(group int) int) {
	if a.apart > 0 {
		a.apart--
		a.Spread(cols, rows, parts, shard)
		return
	}
	g.Clear()
	a.Update(g, cols, rows)
	a.Export(g, parts, shard)
	if g.Len() >= minApart && 8*g.Len() > 7*rows.Len() && a.Spreads() {
		a.apart = apartBatches
	}
}

const (
	// minApart is the number of groups from which on it matters.
	minApart = 256
	// apartBatches is for how many batches rows are left apart until the next try.
	apartBatches = 31
)

// exportSet appends the rows of a table keyed by group to set number i of the
// parts of their groups.
func exportSet(t *hash.Table, l *hash.Layout, parts []*Partial, i, sets int, place []uint64) {
	width := t.Rows().Width()
	t.Each(func(_ []uint32, rows []hash.Row) {
		for _, row := range rows {
			to := place[*hash.At[uint64](row, 1)]
			p := parts[to>>32]
			for len(p.sets) < sets {
				p.sets = append(p.sets, setPart{})
			}
			q := &p.sets[i]
			at := len(q.words)
			q.words = append(q.words, row.Words(width)...)
			q.words[at+1] = to & (1<<32 - 1)
			q.data = l.Detach(hash.RowOf(q.words[at:]), t.Source(), q.data)
		}
	})
}

// detach makes what a copied row refers to part of p.
func (a *Aggregator) detach(g *Groups, p *Partial, row hash.Row) {
	if a.layout.HasStrings() {
		p.data = a.layout.Detach(row, g.table.Source(), p.data)
	}
	for _, v := range a.views {
		w := hash.At[[2]uint64](row, v.word)
		if n := hash.ViewLen([2]uint64{w[0] &^ viewPresent}); n > hash.InlineBytes {
			ref := uint64(len(p.data))
			p.data = append(p.data, g.strs.At(w[1], n)...)
			w[1] = ref
		}
	}
	for _, b := range a.bests {
		p.data = b.detach(row, hash.Source{Arena: g.strs}, p.data)
	}
	for _, h := range a.hlls {
		p.sketches = h.detach(g, row, p.sketches)
	}
	a.detachSums(g, p, row)
}

// detachSums is detach of sums of doubles.
func (a *Aggregator) detachSums(g *Groups, p *Partial, row hash.Row) {
	for _, s := range a.sums {
		e := hash.At[expansion](row, s.word)
		if id, ok := e.spilled(); ok {
			acc := superAt(g.spills, id)
			e.box(uint32(len(p.spills) / superWords))
			p.spills = append(p.spills, acc[:]...)
		}
	}
}

// Import adds the groups of p to those of g.
func (a *Aggregator) Import(g *Groups, p *Partial) {
	strs := hash.Source{Data: p.data}
	from := &origin{keys: strs, strs: strs, spills: spillSource{flat: p.spills}, sketches: &sketches{flat: p.sketches}}
	width := g.table.Rows().Width()
	var newID []uint32
	g.table.Reserve(p.n)
	for at := 0; at < p.n; at += chunkRows {
		a.walk = a.walk[:0]
		for i := at; i < min(at+chunkRows, p.n); i++ {
			a.walk = append(a.walk, hash.RowOf(p.words[i*width:]))
		}
		a.combineRows(g, a.walk, from, accumulator.merge, 1)
		if len(p.sets) > 0 {
			newID = append(newID, a.refs.IDs...)
		}
	}
	for i, q := range p.sets {
		var to set
		var width int
		if i < len(a.distincts) {
			to, width = a.distincts[i], g.distinct[i].Rows().Width()
		} else {
			b := i - len(a.distincts)
			to, width = a.bags[b], g.bags[b].Rows().Width()
		}
		for at := 0; at < len(q.words); at += chunkRows * width {
			a.walk = a.walk[:0]
			for j := at; j < min(at+chunkRows*width, len(q.words)); j += width {
				a.walk = append(a.walk, hash.RowOf(q.words[j:]))
			}
			a.mergeSet(g, to, a.walk, newID, hash.Source{Data: q.data})
		}
	}
}

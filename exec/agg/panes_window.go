package agg

import (
	"github.com/streamsql/streamsql/exec/hash"
)

// First gives the first pane of the window; false: there is none.
func (p *Panes) First() (*Pane, bool) {
	if len(p.in) == 0 {
		return nil, false
	}
	return p.in[0], true
}

// Inside is the number of input rows in the window.
func (p *Panes) Inside() int64 { return p.rows }

// Enter adds a pane to the window, behind those that are there. It must not change
// any more while it is in the window.
func (p *Panes) Enter(x *Pane) {
	p.in = append(p.in, x)
	x.inside = true
	p.rows += x.rows
	from := x.g.origin()
	p.each(x, func(_ int, dst, src []hash.Row) {
		countBack(dst, src, 1)
		for _, acc := range p.all {
			acc.merge(p.run, dst, src, from)
		}
	})
}

// countBack adds the rows of src to those of dst, or takes them out.
func countBack(dst, src []hash.Row, sign int64) {
	for i, row := range dst {
		*row.Header() += uint64(sign * rowCount(src[i]) << 16)
	}
}

// Leave takes the first pane out of the window.
func (p *Panes) Leave() {
	if len(p.in) == 1 && int(p.run.table.Rows().Cap()) <= 2*len(p.in[0].keys) {
		p.Clear()
		return
	}
	if len(p.plain) > 0 && p.mid == 0 {
		p.turn()
	}
	x := p.in[0]
	p.in[0] = nil
	p.in = p.in[1:]
	x.inside = false
	p.rows -= x.rows
	from := x.g.origin()
	p.each(x, func(at int, dst, src []hash.Row) {
		countBack(dst, src, -1)
		for _, acc := range p.sums {
			acc.subtract(p.run, dst, src, from)
		}
	})
	if len(p.plain) > 0 {
		p.mid--
		p.restore(x)
	}
}

// each calls fn for the rows of a pane, some at a time: their first one's number,
// the rows of run with their keys, and they themselves.
func (p *Panes) each(x *Pane, fn func(at int, dst, src []hash.Row)) {
	refs := &p.a.refs
	for at := 0; at < len(x.keys); at += chunkRows {
		keys := x.keys[at:min(at+chunkRows, len(x.keys))]
		refs.Rows = p.run.table.RowsOf(keys, refs.Rows[:0])
		p.a.walk = x.g.table.RowsFrom(uint32(at), len(keys), p.a.walk[:0])
		fn(at, refs.Rows, p.a.walk)
	}
}

// turn makes all panes the front.
func (p *Panes) turn() {
	for i := len(p.in) - 1; i >= 0; i-- {
		x := p.in[i]
		x.saved = x.saved[:0]
		from := x.g.origin()
		p.each(x, func(at int, dst, src []hash.Row) {
			for j := range dst {
				dst[j] = p.frontOf(x.keys[at+j])
				for _, acc := range p.plain {
					w, n := acc.words()
					x.saved = append(x.saved, dst[j].From(w).Words(n)...)
				}
			}
			for _, acc := range p.plain {
				acc.merge(nil, dst, src, from)
			}
		})
	}
	for _, x := range p.in {
		for _, k := range x.keys {
			p.wipe(p.run.table.Row(k))
		}
	}
	p.mid = len(p.in)
}

// wipe makes the plain accumulators of a row those of no rows.
func (p *Panes) wipe(row hash.Row) {
	for _, acc := range p.plain {
		w, n := acc.words()
		clear(row.From(w).Words(n))
	}
}

// restore takes the pane that is on top of the front off it.
func (p *Panes) restore(x *Pane) {
	saved := x.saved
	for _, k := range x.keys {
		row := p.frontOf(k)
		for _, acc := range p.plain {
			w, n := acc.words()
			copy(row.From(w).Words(n), saved)
			saved = saved[n:]
		}
	}
}

// frontOf is the row of a key in the front.
func (p *Panes) frontOf(k uint32) hash.Row { return hash.RowOf(p.front[int(k)*p.width():]) }

// Clear takes all panes out of the window.
func (p *Panes) Clear() {
	state := 1 + p.a.layout.Words()
	empty := func(row hash.Row) {
		*row.Header() &= hash.HeaderNulls
		clear(row.From(state).Words(p.a.words))
	}
	if p.run.spills != nil {
		// The sum of a group that has left may still stand there.
		p.run.spills.Reset()
		p.run.table.Each(func(_ []uint32, rows []hash.Row) {
			for _, row := range rows {
				empty(row)
			}
		})
	}
	for i, x := range p.in {
		for _, k := range x.keys {
			if p.run.spills == nil {
				empty(p.run.table.Row(k))
			}
			if i < p.mid {
				p.wipe(p.frontOf(k))
			}
		}
		x.inside, p.in[i] = false, nil
	}
	p.in, p.mid, p.rows = p.in[:0], 0, 0
}

// Active lists the groups of the window. The list holds until the window changes.
func (p *Panes) Active() []uint32 {
	p.active = p.active[:0]
	pairs := 0
	for _, x := range p.in {
		pairs += len(x.keys)
	}
	if n := int(p.run.table.Rows().Cap()); n > 4*pairs {
		// Most keys are those of panes that are not in the window.
		p.stamp++
		if len(p.stamps) < n {
			p.stamps = append(p.stamps, make([]uint32, n-len(p.stamps))...)
		}
		for _, x := range p.in {
			for _, k := range x.keys {
				if p.stamps[k] != p.stamp {
					p.stamps[k] = p.stamp
					p.active = append(p.active, k)
				}
			}
		}
		return p.active
	}
	p.active = p.run.table.Counted(p.active)
	return p.active
}

// Capture copies groups of the window behind those that c holds. false: some refer
// to what changes with the window, so that they must be emitted before it does.
func (p *Panes) Capture(ids []uint32, c *Captured) bool {
	width, at := p.width(), len(c.words)
	for _, id := range ids {
		c.words = append(c.words, p.run.table.Row(id).Words(width)...)
	}
	c.n += len(ids)
	if p.mid > 0 {
		a := p.a
		for i := 0; i < len(ids); i += chunkRows {
			a.walk, a.refs.Rows = a.walk[:0], a.refs.Rows[:0]
			for j := i; j < min(i+chunkRows, len(ids)); j++ {
				a.refs.Rows = append(a.refs.Rows, hash.RowOf(c.words[at+j*width:]))
				a.walk = append(a.walk, p.frontOf(ids[j]))
			}
			for _, acc := range p.plain {
				acc.merge(nil, a.refs.Rows, a.walk, nil)
			}
		}
	}
	for i := 0; i < len(ids) && len(p.a.sums) > 0; i++ {
		if p.a.refers(hash.RowOf(c.words[at+i*width:])) {
			return false
		}
	}
	return true
}

// Stands says that the groups of Window are those of the window as they stand.
func (p *Panes) Stands() bool { return p.mid == 0 }

// Window gives what copies of the window's groups refer to, for EmitCopies.
func (p *Panes) Window() *Groups { return p.run }

// Merge adds the groups of the window to dst.
func (p *Panes) Merge(dst *Groups) {
	a := p.a
	from := p.run.origin()
	ids := p.Active()
	var c Captured
	for len(ids) > 0 {
		n := min(chunkRows, len(ids))
		c.Reset()
		p.Capture(ids[:n], &c)
		ids = ids[n:]
		rows := make([]hash.Row, n)
		for i := range rows {
			rows[i] = hash.RowOf(c.words[i*p.width():])
		}
		a.combineRows(dst, rows, from, accumulator.merge, 1)
	}
}

package agg

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/statestore/table"
)

// Panes are groups of stretches of time that windows share, and a window that
// slides over them. A key is looked up once for all panes, and has a number; what a
// pane knows of its groups are their rows, one after the other, and the numbers of
// their keys. So a pane joins the window, and leaves it, by additions to the rows
// that its numbers name.
//
// Sums and counts leave the window by subtraction. MIN, MAX and their like can't:
// of these the window is two stacks (Adamic's queue of two stacks; Tangwongsan et
// al., 2015, for aggregates), panes that joined before some moment and those since.
// Of the first, the front, each pane remembers what it changed, so that taking it
// off puts that back. When the front is empty the panes of the back are put there,
// newest first. So a pane is added at most twice and taken off once.
//
// Only for an Aggregator whose groups are all in their rows, sums of doubles aside
// (SharesPanes). Panes are state, the keys' numbers and the window are not.
type Panes struct {
	a     *Aggregator
	run   *Groups  // all keys, by number; the window, and of plain ones its back
	held  []uint32 // by key: how many panes have it
	all   []accumulator
	sums  []retractor // those that are subtracted
	plain []plain     // those that are not
	front []uint64    // by key: a row, of which only the plain ones are used
	in    []*Pane     // the panes in the window, in order
	mid   int         // how many of them are in the front
	rows  int64       // input rows in the window

	idle    []*Pane // memory
	numbers []uint32
	active  []uint32
	stamps  []uint32
	stamp   uint32
}

// plain is an accumulator that is nothing but some words, and can't be subtracted.
type plain interface {
	accumulator
	words() (at, n int)
}

func (m minmaxInt) words() (at, n int)     { return m.word, 1 }
func (m minmaxDecimal) words() (at, n int) { return m.word, 2 }
func (b bitOr) words() (at, n int)         { return b.word, 1 }

// Pane is the groups of a stretch of time.
type Pane struct {
	Number int64 // the owner's, ascending in the window
	g      *Groups
	keys   []uint32 // by row
	slots  []uint64 // key number + 1 << 32 | row: open addressing; nil: not made
	saved  []uint64 // by row: what the front's plain ones were without the pane
	rows   int64
	inside bool // the window
}

// Groups are the pane's groups, to be read.
func (x *Pane) Groups() *Groups { return x.g }

// Rows is the number of input rows in the pane.
func (x *Pane) Rows() int64 { return x.rows }

// SharesPanes says whether NewPanes works: rows are counted, and what a group is
// stands in its row, sums of doubles aside.
func (a *Aggregator) SharesPanes() bool {
	if !a.countRows || a.strings || len(a.views)+len(a.hlls)+len(a.distincts)+len(a.bags)+len(a.bests) > 0 {
		return false
	}
	for _, l := range a.lanes {
		for _, acc := range l.accs {
			_, inverse := acc.(retractor)
			if _, ok := acc.(plain); !ok && !inverse {
				return false
			}
		}
	}
	return true
}

// NewPanes makes an empty window over no panes.
func (a *Aggregator) NewPanes() *Panes {
	p := &Panes{a: a, run: a.Open(nil, 0, 0)}
	for _, l := range a.lanes {
		for _, acc := range l.accs {
			p.all = append(p.all, acc)
			if r, ok := acc.(retractor); ok {
				p.sums = append(p.sums, r)
			} else {
				p.plain = append(p.plain, acc.(plain))
			}
		}
	}
	return p
}

// Open makes the pane of a bucket of st, with the rows that a restore has put there.
func (p *Panes) Open(st *table.Table, bucket, number int64) *Pane {
	a := p.a
	x := &Pane{}
	if n := len(p.idle); n > 0 {
		x, p.idle = p.idle[n-1], p.idle[:n-1]
	}
	var strings *table.Arena
	if a.layout.HasStrings() {
		strings = st.Arena(1, bucket)
	}
	x.Number, x.g = number, &Groups{table: hash.Unindexed(a.layout, st.Rows(0, bucket, 1+a.layout.Words()+a.words), strings)}
	if len(a.sums) > 0 {
		x.g.spills = st.Rows(3, bucket, superWords)
	}
	x.g.table.Each(func(_ []uint32, rows []hash.Row) {
		p.hold(x, p.number(rows, x.g.table.Source(), nil))
		for _, row := range rows {
			x.rows += rowCount(row)
		}
	})
	return x
}

// number appends the numbers of the keys of rows, which get one if they have none.
func (p *Panes) number(rows []hash.Row, src hash.Source, numbers []uint32) []uint32 {
	for c := range slices.Chunk(rows, chunkRows) {
		numbers = append(numbers, p.upsert(p.a.enc.FromRows(c, src))...)
	}
	return numbers
}

// upsert gives the numbers of keys.
func (p *Panes) upsert(k *hash.Keys) []uint32 {
	p.run.table.Upsert(k, &p.a.refs)
	if n := int(p.run.table.Rows().Cap()) - len(p.held); n > 0 {
		p.held = append(p.held, make([]uint32, n)...)
		if len(p.plain) > 0 {
			p.front = append(p.front, make([]uint64, n*p.width())...)
		}
	}
	return p.a.refs.IDs
}

func (p *Panes) width() int { return p.run.table.Rows().Width() }

// hold notes that rows have been added to a pane, whose keys have the numbers.
func (p *Panes) hold(x *Pane, numbers []uint32) {
	x.keys = append(x.keys, numbers...)
	for _, k := range numbers {
		p.held[k]++
	}
}

// Import adds what PreAggregatePanes has made of rows to the panes that of gives:
// for a bucket number, and how many input rows come for it.
func (p *Panes) Import(part *Partial, of func(bucket, rows int64) *Pane) {
	a, width := p.a, p.width()
	src := hash.Source{Data: part.data}
	// A key's number, by its number in the Partial.
	p.numbers = p.numbers[:0]
	a.walk = a.walk[:0]
	next := uint32(0)
	for i := range part.n {
		if len(part.keys) == 0 || part.keys[i] == next {
			a.walk = append(a.walk, hash.RowOf(part.words[i*width:]))
			next++
		}
	}
	p.numbers = p.number(a.walk, src, p.numbers)
	from := &origin{keys: src, spills: spillSource{flat: part.spills}}
	for _, s := range part.panes {
		if s.from == s.to {
			continue
		}
		rows := int64(0)
		for i := s.from; i < s.to; i++ {
			rows += rowCount(hash.RowOf(part.words[i*width:]))
		}
		x := of(s.bucket, rows)
		x.rows += rows
		a.ids = a.ids[:0]
		if len(part.keys) == 0 {
			a.ids = append(a.ids, p.numbers[s.from:s.to]...)
		} else {
			for _, k := range part.keys[s.from:s.to] {
				a.ids = append(a.ids, p.numbers[k])
			}
		}
		if len(x.keys) == 0 && len(part.keys) > 0 && len(part.spills) == 0 {
			p.fill(x, a.ids, part.words[s.from*width:s.to*width])
			continue
		}
		for at := s.from; at < s.to; at += chunkRows {
			to := min(at+chunkRows, s.to)
			a.walk = a.walk[:0]
			for i := at; i < to; i++ {
				a.walk = append(a.walk, hash.RowOf(part.words[i*width:]))
			}
			p.place(x, a.ids[at-s.from:to-s.from])
			a.combineAt(x.g, a.walk, from, accumulator.merge, 1)
		}
	}
}

// fill makes the rows of an empty pane copies of rows with different keys.
func (p *Panes) fill(x *Pane, numbers []uint32, words []uint64) {
	x.g.table.Copy(words, p.keyRows(numbers), p.run.table.Source())
	p.hold(x, numbers)
}

// keyRows lists the rows of run that have the keys, if they have strings.
func (p *Panes) keyRows(numbers []uint32) []hash.Row {
	if !p.a.layout.HasStrings() {
		return nil
	}
	rows := make([]hash.Row, len(numbers))
	for i, k := range numbers {
		rows[i] = p.run.table.Row(k)
	}
	return rows
}

// place finds or makes the rows of keys in a pane, in a.refs.
func (p *Panes) place(x *Pane, numbers []uint32) {
	refs := &p.a.refs
	for 2*(len(x.keys)+len(numbers)) > len(x.slots) {
		x.index(2 * (len(x.keys) + len(numbers)))
	}
	refs.IDs, refs.Rows = refs.IDs[:0], refs.Rows[:0]
	mask := uint32(len(x.slots) - 1)
	t := x.g.table
	for _, k := range numbers {
		s := k & mask
		for x.slots[s] != 0 && uint32(x.slots[s]>>32) != k+1 {
			s = (s + 1) & mask
		}
		if x.slots[s] == 0 {
			id := t.CopyKey(p.run.table.Row(k), p.run.table.Source())
			x.slots[s] = uint64(k+1)<<32 | uint64(id)
			x.keys = append(x.keys, k)
			p.held[k]++
		}
		refs.IDs = append(refs.IDs, uint32(x.slots[s]))
	}
	for _, id := range refs.IDs {
		refs.Rows = append(refs.Rows, t.Row(id))
	}
	t.Rows().MarkAll(refs.IDs)
}

// index makes room for n slots at least.
func (x *Pane) index(n int) {
	size := 16
	for size < n {
		size *= 2
	}
	if cap(x.slots) >= size {
		x.slots = x.slots[:size]
		clear(x.slots)
	} else {
		x.slots = make([]uint64, size)
	}
	mask := uint32(size - 1)
	for id, k := range x.keys {
		s := k & mask
		for x.slots[s] != 0 {
			s = (s + 1) & mask
		}
		x.slots[s] = uint64(k+1)<<32 | uint64(id)
	}
}

// Update adds rows of a batch to a pane.
func (p *Panes) Update(x *Pane, cols []arrow.Array, rows colvec.Rows) {
	a := p.a
	for i, k := range a.keys {
		a.cols[i] = cols[k.Column]
	}
	for from := 0; from < rows.Len(); from += chunkRows {
		r := rows.Slice(from, min(from+chunkRows, rows.Len()))
		a.ids = append(a.ids[:0], p.upsert(a.enc.Encode(a.cols, r))...)
		p.place(x, a.ids)
		a.feed(x.g, cols, r, false)
	}
	x.rows += int64(rows.Len())
}

// Take adds the groups of a pane of other Panes to x, those whose key group keep
// accepts.
func (p *Panes) Take(x, src *Pane, keep func(group int) bool) {
	a := p.a
	var taken []hash.Row
	src.g.table.EachHash(func(_ []uint32, rows []hash.Row, hashes []uint64) {
		taken = taken[:0]
		for i, row := range rows {
			if keep(hash.Group(hashes[i])) {
				taken = append(taken, row)
				x.rows += rowCount(row)
			}
		}
		for c := range slices.Chunk(taken, chunkRows) {
			a.ids = p.number(c, src.g.table.Source(), a.ids[:0])
			p.place(x, a.ids)
			a.combineAt(x.g, c, src.g.origin(), accumulator.merge, 1)
		}
	})
}

// Drop forgets a pane, whose bucket the owner drops, and the keys that no other has.
func (p *Panes) Drop(x *Pane) {
	if x.inside {
		p.Clear()
	}
	p.a.ids = p.a.ids[:0]
	for _, k := range x.keys {
		if p.held[k]--; p.held[k] == 0 {
			p.a.ids = append(p.a.ids, k)
		}
	}
	if len(p.a.ids) > 0 {
		p.a.Delete(p.run, p.a.ids)
	}
	*x = Pane{keys: x.keys[:0], slots: x.slots[:0], saved: x.saved[:0]}
	if len(p.idle) < mostIdle && cap(x.keys)+cap(x.slots)+cap(x.saved) <= 1<<16 {
		p.idle = append(p.idle, x)
	}
}

// mostIdle is how many dropped panes' memory is kept.
const mostIdle = 64

package over

import (
	"math"
	"slices"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore/table"
)

// holding says which rows of a partition later rows still see.
type holding struct {
	rows   int64 // the last so many
	groups int64 // those of the last so many groups of peers; -1: none
	// spans are those not further back in time; the greatest of each kind.
	day, month int64
	spans      bool
	// pins are calls that see a row however far back it is: the first ones, or the
	// last that is not NULL.
	pins []*planner.OverCall
	// forever says that a partition has counts or results that its next row goes
	// on from, whenever it comes.
	forever bool
	// lags says that a frame which only grows ends before its row, so that what it
	// has not yet come to is kept.
	lags bool
}

func holdingOf(o *planner.Over) holding {
	h := holding{groups: -1}
	for i := range o.Calls {
		h.add(&o.Calls[i])
	}
	h.forever = h.forever || h.rows > 0 || h.groups >= 0 || len(h.pins) > 0
	return h
}

func (h *holding) add(c *planner.OverCall) {
	if c.Kind == planner.OverLag {
		if c.IgnoreNulls && c.N > 0 {
			h.pins = append(h.pins, c)
		} else {
			h.rows = max(h.rows, c.N)
		}
		return
	}
	if c.Kind == planner.OverLead {
		return
	}
	if !c.Kind.Framed() {
		h.forever = true
		return
	}
	if c.Kind == planner.OverAggregate && c.Frame.Lower.Kind == planner.UnboundedPreceding && c.Frame.Upper.Kind != planner.CurrentRow {
		h.rows, h.lags = max(h.rows, 1), true // the end of its frame is where the next one goes on
	}
	for _, b := range []planner.FrameBound{c.Frame.Lower, c.Frame.Upper} {
		switch {
		case b.Kind == planner.UnboundedPreceding && c.Kind != planner.OverAggregate:
			h.pins = append(h.pins, c)
		case b.Kind == planner.UnboundedPreceding:
			h.forever = true
		case b.Kind != planner.Preceding:
		case c.Frame.Unit == planner.RowsFrame:
			h.rows = max(h.rows, b.Rows)
		case c.Frame.Unit == planner.GroupsFrame:
			h.groups = max(h.groups, b.Rows)
		default:
			h.spans = true
			by := b.Range.Value.(int64)
			if b.Range.T.Kind == catalog.KindIntervalMonth {
				h.month = max(h.month, by)
			} else {
				h.day = max(h.day, by)
			}
		}
	}
}

// since is the earliest time that a row of time t or later sees.
func (h *holding) since(t int64) int64 {
	if !h.spans {
		return math.MaxInt64
	}
	from := addClipped(t, -h.day)
	if h.month > 0 && t > math.MinInt64/2 && t < math.MaxInt64/2 {
		from = min(from, addMonths(t, -h.month, false))
	}
	return from
}

// keep brings counts and kept rows of the partitions of a sequence up to date.
func (t *timed) keep(p *passing, s *sequence, past int) {
	var rows []*vector
	seen := make([]bool, 0)
	for i := range s.parts {
		part := &s.parts[i]
		q := p.parts[int(s.rows[part.first])-past]
		w := t.parts.state(q)
		w[wordRows] += uint64(part.last - part.first)
		w[wordGroups] += uint64(s.group[part.last-1] - s.group[part.first] + 1)
		if t.hold.rows == 0 && t.hold.groups < 0 && !t.hold.spans && len(t.hold.pins) == 0 {
			continue
		}
		if len(t.calls.spans) > 0 {
			last := t.timeOf(p, int(s.rows[part.last-1])-past)
			w[wordLast] = uint64(last)
			since := t.hold.since(last)
			list := t.cut(t.lists[q], since)
			for j := part.first; j < part.last; j++ {
				r := int(s.rows[j]) - past
				if time := t.timeOf(p, r); time >= since {
					if rows == nil {
						rows = t.past.vectors(p.b.Cols)
					}
					list = append(list, t.remember(q, time, rows, r))
				}
			}
			t.lists[q] = list
			continue
		}
		seen = slices.Grow(seen[:0], part.last-part.from)[:part.last-part.from]
		t.see(p, s, past, part, seen)
		list := t.lists[q]
		kept := list[:0]
		for j := part.from; j < part.first; j++ {
			if id := list[j-part.from]; seen[j-part.from] {
				kept = append(kept, id)
			} else {
				t.kept.drop(id)
			}
		}
		for j := part.first; j < part.last; j++ {
			if !seen[j-part.from] {
				continue
			}
			if rows == nil {
				rows = t.past.vectors(p.b.Cols)
			}
			r := int(s.rows[j]) - past
			kept = append(kept, t.remember(q, t.timeOf(p, r), rows, r))
		}
		t.lists[q] = kept
	}
}

// remember keeps what later rows see of row r of a batch.
func (t *timed) remember(q uint32, time int64, rows []*vector, r int) uint32 {
	rec, key := t.past.append(t.buf[:0], rows, r)
	t.buf = rec
	return t.kept.put(q, key, time, rec)
}

// timeOf is the time of a row that comes out; of no matter where there is none.
func (t *timed) timeOf(p *passing, r int) int64 {
	if !t.o.ByTime && !t.hold.spans {
		return 0
	}
	times, _ := colvec.Ints(p.b.Cols[t.o.Order[0].Col], colvec.Rows{From: r, To: r + 1}, nil)
	return times[0]
}

// see marks the rows of a partition, of those that have come out, that later
// ones see.
func (t *timed) see(p *passing, s *sequence, past int, part *stretch, seen []bool) {
	h := &t.hold
	n := part.last - part.from
	tail := n - int(min(h.rows, int64(n)))
	if h.groups >= 0 {
		g := max(int64(s.group[part.from]), int64(s.group[part.last-1])-h.groups+1)
		if h.groups > 0 {
			tail = min(tail, int(s.first[g])-part.from)
		}
	}
	horizon := p.horizon
	if t.ahead != nil || h.lags { // the partition may be behind others
		horizon = t.timeOf(p, int(s.rows[part.last-1])-past)
	}
	since := h.since(horizon)
	for j := range seen {
		seen[j] = j >= tail
		if !seen[j] && h.spans {
			r := int(s.rows[part.from+j])
			if r < past {
				seen[j] = t.kept.time(t.lists[p.parts[int(s.rows[part.first])-past]][j]) >= since
			} else {
				seen[j] = !t.o.ByTime || t.timeOf(p, r-past) >= since
			}
		}
	}
	for _, c := range h.pins {
		valid := colvec.ValidityOf(s.cols[c.Args[0]])
		counts := func(j int) bool { return !c.IgnoreNulls || valid.Valid(int(s.rows[part.from+j])) }
		left := int64(1)
		if c.Kind == planner.OverNthValue || c.Kind == planner.OverLag {
			left = c.N
		}
		if c.Kind == planner.OverFirstValue || c.Kind == planner.OverNthValue {
			for j := 0; j < n && left > 0; j++ {
				if counts(j) {
					seen[j] = true
					left--
				}
			}
			continue
		}
		for j := n - 1; j >= 0 && left > 0; j-- {
			if counts(j) {
				seen[j] = true
				left--
			}
		}
	}
}

// sweep lets go of what rows after the watermark can't see: at its end all of
// it, else of rows too far back, and of partitions that nothing else is known of.
func (t *timed) sweep(w int64) {
	if w == op.MaxTime {
		t.clear()
		return
	}
	h := &t.hold
	if h.rows > 0 || h.groups >= 0 || len(h.pins) > 0 || h.forever && !h.spans {
		return
	}
	since := h.since(w)
	if !h.spans && t.parts.t.Len() < 2*t.left+maxRuns {
		return
	}
	if h.spans && t.swept != op.MinTime && since < addClipped(t.swept, (w-since)/4) {
		return
	}
	t.swept = since
	if len(t.calls.spans) > 0 {
		t.leave(w, since)
	}
	waits := t.awaited()
	var empty []uint32
	t.parts.t.Rows().Each(func(q uint32, _ []uint64) {
		from := since
		if t.ahead != nil && len(t.ahead.rows[q]) > 0 {
			from = min(from, h.since(t.waiting.time(t.ahead.rows[q][0])))
		}
		t.lists[q] = t.cut(t.lists[q], from)
		if len(t.lists[q]) == 0 && !waits[q] && !h.forever {
			empty = append(empty, q)
		}
	})
	t.parts.t.Delete(empty)
	t.left = t.parts.t.Len()
}

// cut drops the rows of a list before a time.
func (t *timed) cut(list []uint32, since int64) []uint32 {
	n := 0
	for n < len(list) && t.kept.time(list[n]) < since {
		t.kept.drop(list[n])
		n++
	}
	if n == len(list) {
		return nil
	}
	return list[n:]
}

// clear forgets everything: no row comes any more.
func (t *timed) clear() {
	for q, list := range t.lists {
		for _, id := range list {
			t.kept.drop(id)
		}
		t.lists[q] = nil
	}
	var all []uint32
	t.parts.t.Rows().Each(func(q uint32, _ []uint64) { all = append(all, q) })
	t.parts.t.Delete(all)
	for i, g := range t.calls.kept {
		if g == nil {
			continue
		}
		all = all[:0]
		g.Each(func(ids []uint32) { all = append(all, ids...) })
		t.calls.frames[i].slide.Drop(g, all)
	}
}

// open opens the groups that are kept, in parts first and up. It gives the part
// behind them.
func (c *calls) open(st *table.Table, first uint32) uint32 {
	c.kept = make([]*agg.Groups, len(c.frames))
	for i, f := range c.frames {
		if f.grow || f.spans {
			c.kept[i] = f.slide.Open(st, first, 0)
			first += f.slide.Parts()
		}
	}
	return first
}

// stored is how the groups are laid out: see op.Stateful.
func (c *calls) stored() string {
	text := "frames"
	for _, f := range c.frames {
		if f.grow || f.spans {
			text += " " + f.slide.Layout()
		}
	}
	return text
}

// merge adds the groups of another shard's state that owns accepts. It gives the
// part behind them.
func (c *calls) merge(st *table.Table, first uint32, owns func(group int) bool) uint32 {
	for i, f := range c.frames {
		if f.grow || f.spans {
			f.slide.Merge(c.kept[i], f.slide.Open(st, first, 0), owns)
			first += f.slide.Parts()
		}
	}
	return first
}

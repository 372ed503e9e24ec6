package group

import (
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore/table"
)

// memory is what a GROUP BY with a time to live knows of its keys: when each was
// touched last, and how many rows it has. A row that comes when its key's time is
// over finds an empty group, whether or not the old one is still there; groups that no
// row to come can find are swept from time to time.
type memory struct {
	ttl    int64 // microseconds
	event  bool  // time is the rows' W, else the clock
	keys   *hash.Table
	enc    *hash.Encoder
	layout *hash.Layout
	word   int // the first state word: the touch; then the number of rows
	swept  int64

	refs, found hash.Refs
	cols        []arrow.Array
	first       []int32 // rows that are the first of their key to find it over
	apply       []int32
	empty       []uint32
	old         []hash.Row
}

// seen marks keys that the batch at hand has met.
const seen = hash.FlagBit

func newMemory(o *planner.GroupAgg, in []planner.Column) (*memory, error) {
	var types []catalog.Type
	for _, k := range o.Keys {
		types = append(types, in[k].Type)
	}
	l, err := hash.NewLayout(types)
	if err != nil {
		return nil, err
	}
	return &memory{ttl: o.TTL.Microseconds(), event: o.EventTime, layout: l, enc: hash.NewEncoder(l), swept: op.MinTime}, nil
}

// open takes the two parts from first on of st.
func (m *memory) open(st *table.Table, first uint32) {
	var texts *table.Arena
	if m.layout.HasStrings() {
		texts = st.Arena(first+1, 0)
	}
	m.keys = hash.Attach(m.layout, st.Rows(first, 0, 1+m.layout.Words()+2), texts)
	m.word = m.keys.StateWord()
}

func (m *memory) touch(r hash.Row) *op.Touch { return hash.At[op.Touch](r, m.word) }
func (m *memory) rows(r hash.Row) *int64     { return hash.At[int64](r, m.word+1) }

// processMortal is Process where groups have a time to live.
func (g *aggregation) processMortal(b *op.Batch, out op.Output) error {
	m := g.mem
	m.cols = m.cols[:0]
	for _, k := range g.o.Keys {
		m.cols = append(m.cols, b.Cols[k])
	}
	m.keys.Upsert(m.enc.Encode(m.cols, colvec.All(b.N)), &m.refs)
	now := g.ctx.Now().UnixMicro()
	timeOf := func(i int) int64 {
		switch {
		case !m.event:
			return now
		case b.W == nil:
			return op.MinTime
		}
		return b.W[i]
	}
	// Groups that are over when the batch's first row of their key comes go at once;
	// one that is over in the middle of the batch goes when its rows up to there have
	// been counted.
	m.first = m.first[:0]
	for i, r := range m.refs.Rows {
		if *r.Header()&seen != 0 {
			continue
		}
		*r.Header() |= seen
		if *m.rows(r) > 0 && m.touch(r).Over(timeOf(i), m.ttl) {
			m.first = append(m.first, int32(i))
			*m.rows(r), *m.touch(r) = 0, 0
		}
	}
	for _, r := range m.refs.Rows {
		*r.Header() &^= seen
	}
	if err := g.forget(m.enc.Encode(m.cols, colvec.Selected(m.first)), out); err != nil {
		return err
	}
	m.apply = m.apply[:0]
	for i, r := range m.refs.Rows {
		t := timeOf(i)
		if *m.rows(r) > 0 && m.touch(r).Over(t, m.ttl) {
			g.count(b, m.apply)
			m.apply = m.apply[:0]
			if err := g.forget(m.enc.Encode(m.cols, colvec.Selected([]int32{int32(i)})), out); err != nil {
				return err
			}
			*m.rows(r), *m.touch(r) = 0, 0
		}
		if b.Kind(i).Adds() {
			*m.rows(r)++
		} else if *m.rows(r) == 0 {
			g.ctx.Counters[op.CountTTLDropped]++
			m.empty = append(m.empty, m.refs.IDs[i])
			continue
		} else if *m.rows(r)--; *m.rows(r) == 0 {
			m.empty = append(m.empty, m.refs.IDs[i])
		}
		*m.touch(r) = max(*m.touch(r), op.TouchAt(t))
		m.apply = append(m.apply, int32(i))
	}
	g.count(b, m.apply)
	m.deleteEmpty()
	return nil
}

// count puts some rows of a batch into their groups, or takes them out.
func (g *aggregation) count(b *op.Batch, sel []int32) {
	g.ctx.Counters[op.CountApplied] += int64(len(sel))
	g.add, g.take = g.add[:0], g.take[:0]
	for _, i := range sel {
		if b.Kind(int(i)).Adds() {
			g.add = append(g.add, i)
		} else {
			g.take = append(g.take, i)
		}
	}
	if len(g.add) > 0 {
		g.agg.Update(g.groups, b.Cols, colvec.Selected(g.add))
	}
	if len(g.take) > 0 {
		g.agg.Retract(g.groups, b.Cols, colvec.Selected(g.take))
	}
}

// forget deletes the groups of some keys. What has changed of them and has not been
// said yet is said first; of the group's end nothing is said.
func (g *aggregation) forget(k *hash.Keys, out op.Output) error {
	if k.N == 0 {
		return nil
	}
	ids := g.agg.GroupsOf(g.groups, k, &g.mem.found)
	for _, id := range ids {
		if g.groups.Pending(id) {
			if err := g.flush(false, out); err != nil {
				return err
			}
			// A group whose rows had all been taken back is gone now: find them again.
			ids = g.agg.GroupsOf(g.groups, k, &g.mem.found)
			break
		}
	}
	for _, id := range ids {
		delete(g.failed, id)
	}
	g.agg.Drop(g.groups, ids)
	return nil
}

// deleteEmpty deletes keys that have no rows.
func (m *memory) deleteEmpty() {
	gone := m.empty[:0]
	for _, id := range m.empty {
		r := m.keys.Row(id)
		if *m.rows(r) == 0 && *r.Header()&seen == 0 {
			*r.Header() |= seen // each once
			gone = append(gone, id)
		}
	}
	m.keys.Delete(gone)
	m.empty = m.empty[:0]
}

// sweep forgets the groups that no row at time t or later can find.
func (g *aggregation) sweep(t int64, out op.Output) error {
	m := g.mem
	m.swept = t
	m.old = m.old[:0]
	m.keys.Each(func(ids []uint32, rows []hash.Row) {
		for i, r := range rows {
			if m.touch(r).Over(t, m.ttl) {
				m.old, m.empty = append(m.old, r), append(m.empty, ids[i])
			}
		}
	})
	if len(m.old) == 0 {
		return nil
	}
	if err := g.forget(m.enc.FromRows(m.old, m.keys.Source()), out); err != nil {
		return err
	}
	m.keys.Delete(m.empty)
	m.empty = m.empty[:0]
	return nil
}

// merge takes over what an old shard knew of the keys that are owned now.
func (m *memory) merge(from *memory, owns func(group int) bool) {
	var rows []hash.Row
	from.keys.EachHash(func(_ []uint32, all []hash.Row, hashes []uint64) {
		rows = rows[:0]
		for i, h := range hashes {
			if owns(hash.Group(h)) {
				rows = append(rows, all[i])
			}
		}
		if len(rows) == 0 {
			return
		}
		m.keys.Upsert(m.enc.FromRows(rows, from.keys.Source()), &m.refs)
		for i, r := range m.refs.Rows {
			*m.touch(r), *m.rows(r) = *from.touch(rows[i]), *from.rows(rows[i])
		}
	})
}

// Tick implements op.Clocked.
func (g *aggregation) Tick(now time.Time, out op.Output) error {
	if m := g.mem; m != nil && !m.event && op.SweepDue(now.UnixMicro(), m.swept, m.ttl) {
		return g.sweep(now.UnixMicro(), out)
	}
	return nil
}

// Period implements op.Clocked.
func (g *aggregation) Period() time.Duration {
	if g.mem == nil || g.mem.event {
		return 0
	}
	return max(time.Second, g.o.TTL/4)
}

package over

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
)

// forget deletes partitions with all that is kept of them.
func (t *timed) forget(k *hash.Keys) error {
	ids := t.parts.at(k)
	t.grow()
	t.erase(ids)
	t.parts.t.Delete(ids)
	return nil
}

// erase makes partitions such that no row has come out of.
func (t *timed) erase(ids []uint32) {
	if len(ids) == 0 {
		return
	}
	rows := make([]hash.Row, len(ids))
	for i, q := range ids {
		for _, id := range t.lists[q] {
			t.kept.drop(id)
		}
		t.lists[q] = nil
		clear(t.parts.state(q))
		rows[i] = t.parts.t.Row(q)
	}
	var cols []arrow.Array
	for i, f := range t.calls.frames {
		g := t.calls.kept[i]
		if g == nil {
			continue
		}
		if cols == nil {
			cols = make([]arrow.Array, len(t.in))
			for k, c := range t.o.Partition {
				cols[c] = t.parts.t.KeyColumn(k, rows, t.ctx.Alloc)
			}
			defer release(cols)
		}
		f.slide.Drop(g, f.slide.Find(g, cols, colvec.All(len(ids)), nil))
	}
}

// life is rows of which no two of a partition are further apart than its time to
// live. over are the partitions that have ended before.
type life struct {
	over []uint32
	due  []entry
}

// lives divides rows that the watermark has passed, in order, into lives: a row
// that comes when the time of its partition is over, by the rows' own times, finds
// an empty one.
func (t *timed) lives(due []entry) []life {
	ttl := t.o.TTL.Microseconds()
	if ttl == 0 || len(due) == 0 {
		return []life{{due: due}}
	}
	var out []life
	at := map[uint32]int{} // the life that a partition is in
	for _, e := range due {
		q := t.waiting.part(e.id)
		n, met := at[q]
		touch := &t.parts.state(q)[wordTouch]
		ends := op.Touch(*touch).Over(e.time, ttl)
		if ends && met {
			n++
		}
		for n >= len(out) {
			out = append(out, life{})
		}
		if ends {
			out[n].over = append(out[n].over, q)
		}
		out[n].due = append(out[n].due, e)
		at[q] = n
		*touch = uint64(op.TouchAt(e.time))
	}
	return out
}

// end ends partitions: rows of theirs that wait for others come out, and what is
// kept goes. When they were touched stays.
func (t *timed) end(parts []uint32, out op.Output) error {
	if t.ahead != nil {
		if err := t.ahead.end(parts, out); err != nil {
			return err
		}
	}
	touches := make([]uint64, len(parts))
	for i, q := range parts {
		touches[i] = t.parts.read(q)[wordTouch]
	}
	t.erase(parts)
	for i, q := range parts {
		t.parts.state(q)[wordTouch] = touches[i]
	}
	return nil
}

// end lets the rows of partitions out that no more rows come for.
func (a *ahead) end(parts []uint32, out op.Output) error {
	var due []entry
	for _, q := range parts {
		for _, id := range a.rows[q] {
			due = append(due, entry{a.t.waiting.time(id), id})
		}
	}
	a.t.sort(due)
	return a.t.pieces(due, func(part []entry) error { return a.pass(part, out) })
}

// expire ends the partitions that no row at the watermark or later can find.
func (t *timed) expire(w int64, out op.Output) error {
	ttl := t.o.TTL.Microseconds()
	if !op.SweepDue(w, t.aged, ttl) || w == op.MaxTime {
		return nil
	}
	t.aged = w
	var over []uint32
	t.parts.t.Rows().Each(func(q uint32, _ []uint64) {
		if op.Touch(t.parts.read(q)[wordTouch]).Over(w, ttl) {
			over = append(over, q)
		}
	})
	if len(over) == 0 {
		return nil
	}
	if err := t.end(over, out); err != nil {
		return err
	}
	waits := t.awaited()
	gone := over[:0]
	for _, q := range over {
		if t.parts.state(q)[wordTouch] = 0; !waits[q] {
			gone = append(gone, q)
		}
	}
	t.parts.t.Delete(gone)
	return nil
}

// awaited says of which partitions rows wait.
func (t *timed) awaited() []bool {
	waits := make([]bool, t.parts.cap())
	t.waiting.rows.Each(func(_ uint32, row []uint64) { waits[uint32(row[0])] = true })
	return waits
}

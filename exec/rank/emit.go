package rank

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// emitter collects what is to be said of rows and reads their records back into
// batches. What goes stands before what comes: a row may leave one partition for
// another.
type emitter struct {
	*shape
	gone  []change
	comes []change
}

type change struct {
	saidRow
	kind catalog.RowKind
}

func (e *emitter) insert(n saidRow) { e.comes = append(e.comes, change{n, catalog.Insert}) }
func (e *emitter) remove(o saidRow) { e.gone = append(e.gone, change{o, catalog.Delete}) }

// update puts a row in the place of another.
func (e *emitter) update(o, n saidRow) {
	if e.o.EmitBefore {
		e.comes = append(e.comes, change{o, catalog.UpdateBefore})
	}
	e.comes = append(e.comes, change{n, catalog.UpdateAfter})
}

// replace compares rows place by place.
func (e *emitter) replace(old, now []saidRow) {
	for i := range max(len(old), len(now)) {
		switch {
		case i >= len(now):
			e.remove(old[i])
		case i >= len(old):
			e.insert(now[i])
		case old[i].id != now[i].id:
			e.update(old[i], now[i])
		}
	}
}

// ready says that there is enough for a batch.
func (e *emitter) ready() bool { return len(e.gone)+len(e.comes) >= e.ctx.BatchRows }

// send gives out what has been collected.
func (e *emitter) send(t *trees, out op.Output) error {
	all := append(e.gone, e.comes...)
	for len(all) > 0 {
		n := min(len(all), e.ctx.BatchRows)
		if n < len(all) && all[n-1].kind == catalog.UpdateBefore {
			n++ // with the row that takes its place
		}
		if err := e.batch(t, all[:n], out); err != nil {
			return err
		}
		all = all[n:]
	}
	e.gone, e.comes = e.gone[:0], e.comes[:0]
	return nil
}

func (e *emitter) batch(t *trees, changes []change, out op.Output) error {
	r := e.codec.reader(nil, e.ctx.Alloc)
	defer r.release()
	for _, b := range r.bld {
		b.Reserve(len(changes))
	}
	for _, c := range changes {
		r.read(t.record(c.id))
	}
	b := &op.Batch{N: len(changes), Cols: r.columns()}
	if e.o.Show {
		b.Cols = append(b.Cols, e.ranks(changes))
	}
	defer b.Release()
	if slices.ContainsFunc(changes, func(c change) bool { return c.kind != catalog.Insert }) {
		b.Kinds = make([]catalog.RowKind, len(changes))
		for i, c := range changes {
			b.Kinds[i] = c.kind
		}
	}
	return out.Emit(planner.MainPort, b)
}

// ranks is the column of ranks.
func (e *emitter) ranks(changes []change) arrow.Array {
	b := array.NewInt64Builder(e.ctx.Alloc)
	defer b.Release()
	b.Reserve(len(changes))
	for _, c := range changes {
		b.UnsafeAppend(c.rank)
	}
	return b.NewArray()
}

package rank

import (
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/exec/ttl"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
	"github.com/streamsql/streamsql/statestore/table"
)

// first passes the first rows of each partition as they arrive, and remembers
// how many have come. Its state is a counter for each partition.
type first struct {
	ctx    *op.Context
	o      *planner.Rank
	layout *hash.Layout
	st     *table.Table
	table  *hash.Table
	enc    *hash.Encoder
	refs   hash.Refs
	life   *ttl.Keys // nil: counters stay for ever
	sel    []int32
	ranks  []int64
}

var (
	_ op.Stateful = (*first)(nil)
	_ op.Gauges   = (*first)(nil)
	_ op.Balanced = (*first)(nil)
	_ op.Clocked  = (*first)(nil)
)

func newFirst(o *planner.Rank, in []planner.Column, ctx *op.Context) (op.Operator, error) {
	types := make([]catalog.Type, len(o.Partition))
	for i, p := range o.Partition {
		types[i] = in[p].Type
	}
	layout, err := hash.NewLayout(types)
	if err != nil {
		return nil, err
	}
	f := &first{ctx: ctx, o: o, layout: layout, enc: hash.NewEncoder(layout)}
	if f.life, err = ttl.New(o.Life, o.Partition, in, false); err != nil {
		return nil, err
	}
	f.adopt(table.New(statestore.OperatorID(ctx.Node.StateID)))
	return f, nil
}

// adopt makes st the state, with whatever it holds.
func (f *first) adopt(st *table.Table) {
	f.st, f.table = st, f.open(st)
	f.life.Open(st, lifePart)
}

// open makes the index over the counters of a table of state.
func (f *first) open(st *table.Table) *hash.Table {
	var strings *table.Arena
	if f.layout.HasStrings() {
		strings = st.Arena(1, 0)
	}
	return hash.Attach(f.layout, st.Rows(0, 0, 1+f.layout.Words()+1), strings)
}

func (f *first) count(row hash.Row) *int64 { return hash.At[int64](row, f.table.StateWord()) }

// Process implements op.Operator.
func (f *first) Process(_ int, b *op.Batch, out op.Output) error {
	if f.life == nil {
		return f.pass(b, out)
	}
	return f.life.Process(b, f.ctx, f.forget, ttl.Chosen(b, f.ctx, func(b *op.Batch) error { return f.pass(b, out) }))
}

// forget deletes counters.
func (f *first) forget(k *hash.Keys) error {
	f.table.Upsert(k, &f.refs)
	f.table.Delete(f.refs.IDs)
	return nil
}

// pass gives out those of the rows of a batch that are among the first ones.
func (f *first) pass(b *op.Batch, out op.Output) error {
	keys := make([]arrow.Array, len(f.o.Partition))
	for i, c := range f.o.Partition {
		keys[i] = b.Cols[c]
	}
	f.table.Upsert(f.enc.Encode(keys, colvec.All(b.N)), &f.refs)
	f.sel, f.ranks = f.sel[:0], f.ranks[:0]
	for i, row := range f.refs.Rows {
		n := f.count(row)
		if *n >= f.o.To {
			continue
		}
		if *n++; *n >= f.o.From {
			f.sel, f.ranks = append(f.sel, int32(i)), append(f.ranks, *n)
		}
	}
	f.ctx.Counters[op.CountReleased] += int64(b.N)
	if !f.o.Show {
		return out.EmitSelected(planner.MainPort, &op.Batch{N: b.N, Cols: b.Cols}, f.sel)
	}
	res := (&op.Batch{N: b.N, Cols: b.Cols}).Gather(f.sel, f.ctx.Alloc)
	bld := array.NewInt64Builder(f.ctx.Alloc)
	defer bld.Release()
	bld.AppendValues(f.ranks, nil)
	res.Cols = append(res.Cols, bld.NewArray())
	defer res.Release()
	return out.Emit(planner.MainPort, res)
}

// Advance implements op.Operator. The output has no time attribute, but its end
// must be known.
func (f *first) Advance(_ int, w int64, out op.Output) error {
	if err := f.life.Advance(w, f.forget); err != nil {
		return err
	}
	if w == op.MaxTime {
		return out.Watermark(w)
	}
	return nil
}

// End implements op.Operator.
func (f *first) End(_ int, out op.Output) error { return out.End() }

// Freeze implements op.Stateful.
func (f *first) Freeze(cut statestore.Cut) (op.Frozen, error) { return f.st.Freeze(cut), nil }

// Layout implements op.Stateful.
func (f *first) Layout() string {
	return fmt.Sprintf("first of partition 1: %s, %s", f.layout, f.life.Layout())
}

// Restore implements op.Stateful.
func (f *first) Restore(r *op.Restore) error {
	owns := r.Owns(f.o.Partition)
	return r.EachTable(func(_ int, st *table.Table) error {
		if r.Same {
			f.adopt(st)
			return nil
		}
		f.table.Take(f.open(st), f.enc, owns, func(row, old hash.Row) { *f.count(row) = *f.count(old) })
		f.life.Merge(st, lifePart, owns)
		return nil
	})
}

// Gauges implements op.Gauges. No row is held, a counter of its key alone is.
func (f *first) Gauges(c op.Counters) { c[op.CountKept] = int64(f.table.Len()) }

// Balance implements op.Balanced.
func (f *first) Balance(c op.Counters) string { return c.Equal(op.CountIn, op.CountReleased) }

// Tick implements op.Clocked.
func (f *first) Tick(now time.Time, _ op.Output) error { return f.life.Tick(now, f.forget) }

// Period implements op.Clocked.
func (f *first) Period() time.Duration { return f.life.Period() }

// Close implements op.Operator.
func (f *first) Close() {}

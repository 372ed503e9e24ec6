package order

import (
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
)

// sorter collects its input and gives it in order at the end. With a limit it
// holds a few times offset+limit rows at most: whenever there are more, the ones
// beyond are dropped.
//
// Over an input that updates it holds the changes, with a last column that says
// whether a row is added or taken back, and lets the two cancel out from time to
// time; a limit drops nothing then, since what is taken back makes room.
type sorter struct {
	ctx    *op.Context
	s      *planner.Sort
	schema *arrow.Schema
	cols   []planner.Column
	held   []held
	rows   int64
	ended  bool
	// cleared: rows already written have been dropped, so the stream has to
	// begin anew.
	cleared bool
	updates bool  // the input takes rows back
	settled int64 // rows that stood when they were cancelled last
}

var (
	_ op.Stateful = (*sorter)(nil)
	_ op.Gauges   = (*sorter)(nil)
	_ op.Balanced = (*sorter)(nil)
)

// NewSort makes the operator; cols are its columns.
func NewSort(s *planner.Sort, cols []planner.Column, ctx *op.Context) op.Operator {
	in := ctx.Node.Inputs[0].From
	if _, ok := in.Op.(*planner.Exchange); ok {
		in = in.Inputs[0].From
	}
	o := &sorter{ctx: ctx, s: s, cols: cols, updates: !in.Props.Kinds.AppendOnly()}
	all := slices.Clone(cols)
	if o.updates {
		all = append(all, planner.Column{Name: "adds", Type: catalog.Boolean, NotNull: true})
	}
	o.schema = schemaOf(all)
	return o
}

// Process implements op.Operator.
func (o *sorter) Process(_ int, b *op.Batch, _ op.Output) error {
	kept := &op.Batch{N: b.N, Cols: b.Cols}
	kept.Retain()
	if o.updates {
		kept.Cols = append(slices.Clone(b.Cols), adds(b, o.ctx))
	}
	o.held = append(o.held, held{rows: kept})
	o.rows += int64(b.N)
	if o.updates {
		if o.rows > 2*o.settled+4*int64(o.ctx.BatchRows) {
			return o.prune(-1)
		}
		return nil
	}
	if most := o.most(); most >= 0 && o.rows/4-int64(o.ctx.BatchRows) > most {
		return o.prune(most)
	}
	return nil
}

// adds is the column that says which rows of a batch are added.
func adds(b *op.Batch, ctx *op.Context) arrow.Array {
	bld := array.NewBooleanBuilder(ctx.Alloc)
	defer bld.Release()
	for i := range b.N {
		bld.Append(b.Kind(i).Adds())
	}
	return bld.NewArray()
}

// standing gives the rows of a changelog that have not been taken back,
// ascending.
func (o *sorter) standing(all *op.Batch) ([]int32, error) {
	add := all.Cols[len(o.cols)].(*array.Boolean)
	row := &op.Batch{N: all.N, Cols: all.Cols[:len(o.cols)]}
	live := map[string][]int32{}
	dead := make([]bool, all.N)
	for i := range all.N {
		key := op.RowText(row, i)
		if add.Value(i) {
			live[key] = append(live[key], int32(i))
			continue
		}
		old := live[key]
		if len(old) == 0 {
			return nil, fmt.Errorf("a retraction without its row: %s", key)
		}
		dead[i], dead[old[len(old)-1]] = true, true
		live[key] = old[:len(old)-1]
	}
	var sel []int32
	for i, d := range dead {
		if !d {
			sel = append(sel, int32(i))
		}
	}
	return sel, nil
}

// most is the number of rows that can come out; -1: all.
func (o *sorter) most() int64 {
	if o.s.Limit < 0 || o.s.Limit > math.MaxInt64-o.s.Offset {
		return -1
	}
	return o.s.Limit + o.s.Offset
}

// prune keeps the first most rows only (-1: all), without those taken back.
func (o *sorter) prune(most int64) error {
	all, order, err := o.sorted()
	if err != nil {
		return err
	}
	o.release()
	if most >= 0 && int64(len(order)) > most {
		order = order[:most]
	}
	o.ctx.Counters[op.CountReleased] += o.rows - int64(len(order))
	// In input order, so that ties stay as they are.
	slices.Sort(order)
	if len(order) > 0 {
		o.held = []held{{rows: all.Gather(order, o.ctx.Alloc)}}
	}
	all.Release()
	o.rows = int64(len(order))
	o.settled = o.rows
	o.cleared = true
	return nil
}

// sorted gives all rows as one batch, and the order of those that stand.
func (o *sorter) sorted() (*op.Batch, []int32, error) {
	all := &op.Batch{N: int(o.rows), Cols: make([]arrow.Array, o.schema.NumFields())}
	parts := make([]arrow.Array, len(o.held))
	for c := range all.Cols {
		for i, h := range o.held {
			parts[i] = h.rows.Cols[c]
		}
		a, err := column.Concat(parts, o.ctx.Alloc)
		if err != nil {
			return nil, nil, err
		}
		all.Cols[c] = a
	}
	order := make([]int32, all.N)
	for i := range order {
		order[i] = int32(i)
	}
	if o.updates {
		var err error
		if order, err = o.standing(all); err != nil {
			all.Release()
			return nil, nil, err
		}
	}
	less := make([]func(i, j int) int, len(o.s.Keys))
	for k, key := range o.s.Keys {
		less[k] = compare(all.Cols[key.Col], key)
	}
	slices.SortStableFunc(order, func(a, b int32) int {
		for _, f := range less {
			if c := f(int(a), int(b)); c != 0 {
				return c
			}
		}
		return 0
	})
	return all, order, nil
}

// compare orders the rows of a column by one term of ORDER BY.
func compare(a arrow.Array, key planner.SortKey) func(i, j int) int {
	values := column.Comparator(a, a)
	valid := column.Validity(a)
	null := 1
	if key.NullsFirst {
		null = -1
	}
	all := column.Nulls(a) == 0
	return func(i, j int) int {
		if !all {
			switch v, w := valid.Get(i), valid.Get(j); {
			case !v && !w:
				return 0
			case !v:
				return null
			case !w:
				return -null
			}
		}
		if key.Desc {
			return values(j, i)
		}
		return values(i, j)
	}
}

// Advance implements op.Operator. The rows come at the end of input, so no
// watermark goes on before.
func (o *sorter) Advance(int, int64, op.Output) error { return nil }

// End implements op.Operator.
func (o *sorter) End(_ int, out op.Output) error {
	o.ended = true
	if o.rows > 0 {
		all, order, err := o.sorted()
		if err != nil {
			return err
		}
		defer all.Release()
		o.ctx.Counters[op.CountReleased] += o.rows
		o.release()
		o.rows, o.cleared = 0, true
		order = order[min(int64(len(order)), o.s.Offset):]
		if o.s.Limit >= 0 {
			order = order[:min(int64(len(order)), o.s.Limit)]
		}
		for len(order) > 0 {
			n := min(len(order), o.ctx.BatchRows)
			if err := emit(&op.Batch{N: all.N, Cols: all.Cols[:len(o.cols)]}, order[:n], o.ctx, out); err != nil {
				return err
			}
			order = order[n:]
		}
	}
	if err := out.Watermark(op.MaxTime); err != nil {
		return err
	}
	return out.End()
}

func emit(b *op.Batch, sel []int32, ctx *op.Context, out op.Output) error {
	part := b.Gather(sel, ctx.Alloc)
	defer part.Release()
	return out.Emit(planner.MainPort, part)
}

// Freeze implements op.Stateful.
func (o *sorter) Freeze(cut statestore.Cut) (op.Frozen, error) {
	f := &frozen{stream: o.stream(), schema: o.schema, drop: o.cleared, liveFrom: cut.Epoch}
	for i := range o.held {
		h := &o.held[i]
		if h.epoch == 0 || h.epoch < cut.EvacuateBefore || o.cleared {
			h.rows.Retain()
			f.batches = append(f.batches, h.rows)
			h.epoch = cut.Epoch
		}
		f.liveFrom = min(f.liveFrom, h.epoch)
		f.live += int64(h.rows.Bytes())
	}
	o.cleared = false
	return f, nil
}

// stream is where the operator's batches stand.
func (o *sorter) stream() statestore.StreamID {
	return statestore.StreamID{Operator: statestore.OperatorID(o.ctx.Node.StateID)}
}

// Layout implements op.Stateful.
func (o *sorter) Layout() string { return "sort 1" }

// Restore implements op.Stateful. All rows are on shard 0, whatever the layout.
func (o *sorter) Restore(r *op.Restore) error {
	if r.Shard != 0 {
		return nil
	}
	return r.Store.Read(r.Operator, 0, func(b statestore.Block) error {
		batches, err := decode(b.Data)
		if err != nil {
			return err
		}
		for _, rows := range batches {
			h := held{rows: rows, epoch: b.Epoch}
			if !r.Same {
				h.epoch = 0
			}
			o.held = append(o.held, h)
			o.rows += int64(rows.N)
		}
		return nil
	})
}

// Gauges implements op.Gauges.
func (o *sorter) Gauges(c op.Counters) { c[op.CountHeld] = o.rows }

// Balance implements op.Balanced.
func (o *sorter) Balance(c op.Counters) string {
	return c.Equal(op.CountIn, op.CountHeld, op.CountReleased)
}

func (o *sorter) release() {
	for _, h := range o.held {
		h.rows.Release()
	}
	o.held = nil
}

// Close implements op.Operator.
func (o *sorter) Close() { o.release() }

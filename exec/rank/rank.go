package rank

import (
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/exec/ttl"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
	"github.com/streamsql/streamsql/statestore/table"
)

// ranker is the part of an updating top-N that one shard owns.
type ranker struct {
	*shape
	st    *table.Table
	parts *partitions
	life  *ttl.Keys // nil: partitions stay for ever
	// single says that one row of a partition is visible at most and that the
	// best row of a batch is therefore all that counts of it.
	single bool

	// touched are the partitions that have changed since the last flush, said
	// the rows that were visible then, one partition's after the other's.
	touched []touched
	said    []saidRow
	// mark gives the entry in said of a row, from 1; 0: it was not visible.
	mark []uint32
	// dead are rows out of their tree that are kept for what has to be said of them.
	dead []uint32
	// empty are partitions that have lost their last row, if all is said at the end.
	empty []uint32

	// unique: partitions with more rows than one are in conflicts; bounded says
	// that only the end of the input makes them an error.
	conflicts map[uint32]bool
	bounded   bool

	words []uint64
	rec   []byte
	best  []int32
	out   emitter
}

type touched struct {
	part     uint32
	from, to int // in said
}

type saidRow struct {
	id   uint32
	rank int64
}

var (
	_ op.Stateful = (*ranker)(nil)
	_ op.Flusher  = (*ranker)(nil)
	_ op.Gauges   = (*ranker)(nil)
	_ op.Balanced = (*ranker)(nil)
	_ op.Clocked  = (*ranker)(nil)
)

// lifePart is the first part of the operators' lives.
const lifePart = 2

// flushRows is how many rows may wait to be compared with what comes after them.
const flushRows = 1 << 18

// countCancelled counts retractions and the rows that they took back.
const countCancelled = "cancelled"

// New makes the operator for one shard; in is the node that it takes its rows
// from.
func New(o *planner.Rank, in *planner.Node, ctx *op.Context) (op.Operator, error) {
	if o.Arrival == planner.FirstArrived {
		return newFirst(o, in.Cols, ctx)
	}
	s, err := newShape(o, in.Cols, !in.Props.Kinds.AppendOnly(), ctx)
	if err != nil {
		return nil, err
	}
	st := table.New(statestore.OperatorID(ctx.Node.StateID))
	if o.WindowStart >= 0 {
		return newClosing(s, st), nil
	}
	r := &ranker{shape: s, single: o.Kind == planner.OverRowNumber && o.Keep() == 1 && !s.retract, bounded: in.Props.Bounded}
	if o.Unique {
		r.conflicts = map[uint32]bool{}
	}
	r.out = emitter{shape: s}
	if r.life, err = ttl.New(o.Life, o.Partition, in.Cols, false); err != nil {
		return nil, err
	}
	r.adopt(st)
	return r, nil
}

func (r *ranker) adopt(st *table.Table) {
	r.st = st
	r.parts = r.open(st, 0)
	r.life.Open(st, lifePart)
}

// Process implements op.Operator.
func (r *ranker) Process(_ int, b *op.Batch, out op.Output) error {
	if r.life == nil {
		return r.take(b, out)
	}
	return r.life.Process(b, r.ctx, r.expiring(out), ttl.Chosen(b, r.ctx, func(b *op.Batch) error { return r.take(b, out) }))
}

// expiring deletes partitions with their rows. What has changed of them and has not
// been said yet is said first.
func (r *ranker) expiring(out op.Output) ttl.Forget {
	return func(k *hash.Keys) error {
		if err := r.flush(out); err != nil {
			return err
		}
		for _, row := range r.parts.find(k) {
			r.ctx.Counters[op.CountReleased] += r.parts.clear(row)
		}
		r.parts.table.Delete(r.parts.refs.IDs)
		return nil
	}
}

// take puts the rows of a batch into their partitions.
func (r *ranker) take(b *op.Batch, out op.Output) error {
	rows := r.parts.of(b.Cols, colvec.All(b.N))
	r.words = r.codec.words(b.Cols, b.N, r.words)
	if err := r.change(rows, b); err != nil {
		return err
	}
	if len(r.said) > flushRows {
		return r.flush(out)
	}
	r.sweep()
	return nil
}

// sweep forgets partitions that have become empty, where nothing is to be said of
// them.
func (r *ranker) sweep() {
	slices.Sort(r.empty)
	r.empty = slices.DeleteFunc(slices.Compact(r.empty), func(part uint32) bool { return r.parts.root(r.parts.table.Row(part)) != 0 })
	r.parts.table.Delete(r.empty)
	r.empty = r.empty[:0]
}

// change puts the rows of a batch into their partitions, or takes them out.
func (r *ranker) change(rows []hash.Row, b *op.Batch) error {
	w := r.codec.open(b.Cols)
	if r.single {
		for _, i := range r.winners(rows, b) {
			r.add(rows[i], r.parts.refs.IDs[i], w, int(i))
		}
		return nil
	}
	for i, row := range rows {
		if b.Kinds == nil || b.Kinds[i].Adds() {
			r.add(row, r.parts.refs.IDs[i], w, i)
		} else if err := r.takeBack(row, r.parts.refs.IDs[i], w, i); err != nil {
			return err
		}
	}
	return nil
}

// winners gives the best row of each partition among those of a batch.
func (r *ranker) winners(rows []hash.Row, b *op.Batch) []int32 {
	var compare func(i, j int) int
	r.best = r.best[:0]
	for i, row := range rows {
		if r.words[i] > *r.parts.word(row, partWorst) {
			continue
		}
		best := r.parts.word(row, partExtra)
		if *best == 0 {
			r.best = append(r.best, int32(i))
			*best = uint64(len(r.best))
			continue
		}
		at := &r.best[*best-1]
		switch j := *at; {
		case r.words[i] > r.words[j]:
		case r.words[i] < r.words[j]:
			*at = int32(i)
		default:
			if compare == nil {
				compare = r.codec.compare(b.Cols)
			}
			if compare(i, int(j)) < 0 {
				*at = int32(i)
			}
		}
	}
	for _, i := range r.best {
		*r.parts.word(rows[i], partExtra) = 0
	}
	r.ctx.Counters[op.CountReleased] += int64(len(rows) - len(r.best))
	return r.best
}

// compare gives the order of the rows of a batch.
func (c *codec) compare(cols []arrow.Array) func(i, j int) int {
	a := make([]arrow.Array, len(c.fields))
	keys := make([]column.SortKey, len(c.fields))
	for k, f := range c.fields {
		a[k], keys[k] = cols[f.col], column.SortKey{Descending: f.desc, NullsFirst: f.nullsFirst}
	}
	return column.RowComparator(a, a, keys)
}

// add puts row i of the batch into a partition, unless it is behind the last
// place.
func (r *ranker) add(row hash.Row, part uint32, w *writer, i int) {
	word := r.words[i]
	if word > *r.parts.word(row, partWorst) {
		r.ctx.Counters[op.CountReleased]++
		return
	}
	var keyLen int
	r.rec, keyLen = w.append(r.rec[:0], i, word)
	if r.parts.full(row) && r.parts.behind(row, word, r.rec, keyLen) {
		r.ctx.Counters[op.CountReleased]++
		return
	}
	r.touch(row, part)
	r.parts.insert(row, r.parts.trees.add(word, r.rec, keyLen))
	r.parts.trim(row, r.forget)
}

// takeBack takes a row out of its partition.
func (r *ranker) takeBack(row hash.Row, part uint32, w *writer, i int) error {
	r.rec, _ = w.append(r.rec[:0], i, r.words[i])
	r.touch(row, part)
	root, id, ok := r.parts.trees.remove(r.parts.root(row), r.words[i], r.rec)
	if !ok && r.life != nil { // it has been forgotten
		r.ctx.Counters[op.CountTTLDropped]++
		return nil
	}
	if !ok {
		return fmt.Errorf("a retraction without its row")
	}
	*r.parts.word(row, partRoot) = uint64(root)
	if root == 0 && r.o.AtEnd {
		r.empty = append(r.empty, part)
	}
	r.ctx.Counters[countCancelled] += 2
	r.bury(id)
	return nil
}

// forget lets go of a row that is behind the last place.
func (r *ranker) forget(id uint32) {
	r.ctx.Counters[op.CountReleased]++
	r.bury(id)
}

// bury drops a row that hangs in no tree, now or, if something has to be said of
// it, at the flush.
func (r *ranker) bury(id uint32) {
	if int(id) < len(r.mark) && r.mark[id] != 0 {
		r.dead = append(r.dead, id)
		return
	}
	r.parts.trees.drop(id)
}

// touch notes what is visible of a partition before it changes for the first
// time.
func (r *ranker) touch(row hash.Row, part uint32) {
	said := r.parts.word(row, partSaid)
	if *said != 0 || r.o.AtEnd {
		return
	}
	if n := int(r.parts.trees.rows.Cap()); n > len(r.mark) {
		r.mark = slices.Grow(r.mark, n-len(r.mark))[:n]
	}
	from := len(r.said)
	r.parts.visible(row, func(id uint32, rank int64) {
		r.said = append(r.said, saidRow{id, rank})
		r.mark[id] = uint32(len(r.said))
	})
	r.touched = append(r.touched, touched{part, from, len(r.said)})
	*said = uint64(len(r.touched))
}

// Flush implements op.Flusher.
func (r *ranker) Flush(settled bool, out op.Output) error {
	if err := r.flush(out); err != nil {
		return err
	}
	if settled && !r.bounded {
		return r.checkUnique()
	}
	return nil
}

// checkUnique gives an error if a partition that may have one row has two.
func (r *ranker) checkUnique() error {
	for part := range r.conflicts {
		var ids []uint32
		r.parts.trees.walk(r.parts.root(r.parts.table.Row(part)), 0, func(id uint32) bool {
			ids = append(ids, id)
			return len(ids) < 2
		})
		return &op.RowError{
			Code: "CONFLICT", Message: "two rows have the same key, and ON CONFLICT DO ERROR forbids it: " + r.text(ids[0]) + " and " + r.text(ids[1]),
			Where: r.ctx.Branch,
		}
	}
	return nil
}

// text shows a stored row for a message.
func (r *ranker) text(id uint32) string {
	cols := make([]int, len(r.codec.types))
	for i := range cols {
		cols[i] = i
	}
	rd := r.codec.reader(cols, r.ctx.Alloc)
	defer rd.release()
	rd.read(r.parts.trees.record(id))
	b := &op.Batch{N: 1, Cols: rd.columns()}
	defer b.Release()
	return op.RowText(b, 0)
}

// noteSize notes whether a partition has rows that may not be there together.
func (r *ranker) noteSize(part uint32, row hash.Row) {
	switch {
	case r.conflicts == nil:
	case r.parts.trees.size(r.parts.root(row)) > 1:
		r.conflicts[part] = true
	default:
		delete(r.conflicts, part)
	}
}

// flush says what has changed in the touched partitions.
func (r *ranker) flush(out op.Output) error {
	if len(r.touched) == 0 {
		return nil
	}
	if n := int(r.parts.trees.rows.Cap()); n > len(r.mark) {
		r.mark = slices.Grow(r.mark, n-len(r.mark))[:n]
	}
	var empty []uint32
	var now []saidRow
	for _, t := range r.touched {
		row := r.parts.table.Row(t.part)
		*r.parts.word(row, partSaid) = 0
		now = now[:0]
		r.parts.visible(row, func(id uint32, rank int64) { now = append(now, saidRow{id, rank}) })
		if r.o.Replaces() {
			r.out.replace(r.said[t.from:t.to], now)
		} else {
			r.difference(r.said[t.from:t.to], now)
		}
		r.noteSize(t.part, row)
		if r.parts.root(row) == 0 {
			empty = append(empty, t.part)
		}
		if r.out.ready() {
			if err := r.out.send(r.parts.trees, out); err != nil {
				return err
			}
		}
	}
	if err := r.out.send(r.parts.trees, out); err != nil {
		return err
	}
	for _, s := range r.said {
		r.mark[s.id] = 0
	}
	for _, id := range r.dead {
		r.parts.trees.drop(id)
	}
	r.parts.table.Delete(empty)
	r.touched, r.said, r.dead = r.touched[:0], r.said[:0], r.dead[:0]
	return nil
}

// difference says which rows have gone and which have come; a row whose rank has
// changed is an update of itself.
func (r *ranker) difference(old, now []saidRow) {
	for _, n := range now {
		m := r.mark[n.id]
		if m == 0 {
			r.out.insert(n)
			continue
		}
		if was := &r.said[m-1]; r.o.Show && was.rank != n.rank {
			r.out.update(*was, n)
		}
		r.mark[n.id] = 0 // seen
	}
	for _, o := range old {
		if r.mark[o.id] != 0 {
			r.out.remove(o)
		}
	}
}

// Advance implements op.Operator. The output has no time attribute, but its end
// must be known.
func (r *ranker) Advance(_ int, w int64, out op.Output) error {
	if err := r.life.Advance(w, r.expiring(out)); err != nil {
		return err
	}
	if w == op.MaxTime {
		return out.Watermark(w)
	}
	return nil
}

// End implements op.Operator.
func (r *ranker) End(_ int, out op.Output) error {
	err := r.flush(out)
	if err == nil && r.o.AtEnd {
		err = r.finish(out)
	}
	if err != nil {
		return err
	}
	if err := r.checkUnique(); err != nil {
		return err
	}
	return out.End()
}

// finish gives out what is visible at the end of a bounded input, and forgets all.
func (r *ranker) finish(out op.Output) error {
	var err error
	r.parts.table.Each(func(_ []uint32, rows []hash.Row) {
		for _, row := range rows {
			r.parts.visible(row, func(id uint32, rank int64) { r.out.insert(saidRow{id, rank}) })
			if r.out.ready() && err == nil {
				err = r.out.send(r.parts.trees, out)
			}
		}
	})
	if err == nil {
		err = r.out.send(r.parts.trees, out)
	}
	r.ctx.Counters[op.CountReleased] += int64(r.parts.trees.rows.Len())
	r.st.DropBucket(0)
	r.parts = r.open(r.st, 0)
	return err
}

// Freeze implements op.Stateful.
func (r *ranker) Freeze(cut statestore.Cut) (op.Frozen, error) { return r.st.Freeze(cut), nil }

// Layout implements op.Stateful.
func (r *ranker) Layout() string {
	return fmt.Sprintf("rank 1: %s, %s", r.shape.stored(), r.life.Layout())
}

// Restore implements op.Stateful.
func (r *ranker) Restore(re *op.Restore) error {
	err := re.EachTable(func(_ int, st *table.Table) error {
		if re.Same {
			r.adopt(st)
			r.noteSizes()
			return nil
		}
		r.parts.take(openTrees(st, 0), re.Owns(r.o.Partition))
		r.life.Merge(st, lifePart, re.Owns(r.o.Partition))
		return nil
	})
	if err != nil || re.Same {
		return err
	}
	r.parts.index()
	r.noteSizes()
	return nil
}

// noteSizes does so for all partitions.
func (r *ranker) noteSizes() {
	if r.conflicts == nil {
		return
	}
	r.parts.table.Each(func(ids []uint32, rows []hash.Row) {
		for i, id := range ids {
			r.noteSize(id, rows[i])
		}
	})
}

// Gauges implements op.Gauges.
func (r *ranker) Gauges(c op.Counters) { c[op.CountHeld] = int64(r.parts.trees.rows.Len()) }

// Balance implements op.Balanced.
func (r *ranker) Balance(c op.Counters) string {
	return c.Equal(op.CountIn, op.CountHeld, countCancelled, op.CountReleased, op.CountTTLDropped)
}

// Tick implements op.Clocked.
func (r *ranker) Tick(now time.Time, out op.Output) error { return r.life.Tick(now, r.expiring(out)) }

// Period implements op.Clocked.
func (r *ranker) Period() time.Duration { return r.life.Period() }

// Close implements op.Operator.
func (r *ranker) Close() {}

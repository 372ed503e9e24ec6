package exec

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// sink is one sink of the job, shared by its shards.
type sink struct {
	node   *planner.Node
	op     *planner.Sink
	name   string // within the job: the sink's name, numbered from the second on
	conn   connectors.Sink
	opened bool
	// trouble is what keeps its rows from being shown; nil or "": nothing.
	trouble atomic.Pointer[string]
}

// sinkWriter is a shard's end of a sink.
type sinkWriter struct {
	s       *sink
	t       *task
	ctx     *op.Context
	bounds  []bounds // of the columns that don't take every value of their type
	pads    []int    // columns with a CHAR(n) in them
	letters []op.Letter
	// pending are the changes of the epoch where they have to be netted.
	pending changes
}

func newSinkWriter(s *sink, t *task, ctx *op.Context) *sinkWriter {
	w := &sinkWriter{s: s, t: t, ctx: ctx}
	for i, c := range s.op.Columns {
		if l, ok := boundsOf(c.Type, c.NotNull); ok {
			l.col = i
			w.bounds = append(w.bounds, l)
		}
		if hasChars(c.Type) {
			w.pads = append(w.pads, i)
		}
	}
	return w
}

// Process implements op.Operator.
func (w *sinkWriter) Process(_ int, b *op.Batch, out op.Output) error {
	if w.s.op.Net {
		w.pending.add(b)
		return nil
	}
	return w.write(b, out)
}

// Flush implements op.Flusher. Only at a barrier have all changes of an epoch come.
func (w *sinkWriter) Flush(settled bool, out op.Output) error {
	if !settled || !w.s.op.Net {
		return nil
	}
	b, err := w.pending.net(w.s.op.PrimaryKey, w.ctx)
	if err != nil || b == nil {
		return err
	}
	defer b.Release()
	return w.write(b, out)
}

func (w *sinkWriter) write(b *op.Batch, out op.Output) error {
	if w.unfit(b) {
		kept, err := w.dropUnfit(b, out)
		if err != nil || kept == nil {
			return err
		}
		defer kept.Release()
		b = kept
	}
	if len(w.pads) > 0 {
		b = w.padded(b)
		defer b.Release()
	}
	if w.s.op.Mode == catalog.UpsertMode && slices.Contains(b.Kinds, catalog.UpdateBefore) {
		b = w.replacing(b)
		defer b.Release()
	}
	err := w.s.conn.Write(w.t.ctx, w.t.epoch, w.t.shard, &connectors.Batch{N: b.N, Cols: b.Cols, Kinds: b.Kinds})
	return w.refused(b, err, out)
}

// replacing takes the -U rows out of a batch for a sink that replaces by key.
// One whose +U comes next with the same key goes without a word; another is a
// delete: its +U was filtered out on the way, or has moved to another key.
func (w *sinkWriter) replacing(b *op.Batch) *op.Batch {
	same := make([]func(i, j int) int, len(w.s.op.PrimaryKey))
	for k, c := range w.s.op.PrimaryKey {
		same[k] = column.NullsLast(b.Cols[c], b.Cols[c])
	}
	follows := func(i int) bool {
		if i+1 == b.N || b.Kinds[i+1] != catalog.UpdateAfter {
			return false
		}
		for _, f := range same {
			if f(i, i+1) != 0 {
				return false
			}
		}
		return true
	}
	sel := make([]int32, 0, b.N)
	kinds := make([]catalog.RowKind, 0, b.N)
	for i, k := range b.Kinds {
		if k == catalog.UpdateBefore {
			if follows(i) {
				continue
			}
			k = catalog.Delete
		}
		sel, kinds = append(sel, int32(i)), append(kinds, k)
	}
	out := b.Gather(sel, w.ctx.Alloc)
	out.Kinds = kinds
	return out
}

// judge deals with refused rows by the policy for them.
func (w *sinkWriter) judge(b *op.Batch, out op.Output) error {
	return op.Judge(w.ctx, w.s.op.OnError, "sink "+w.s.op.Name, w.s.op.Name, b, w.letters, out)
}

// refused judges the rows that the target does not take, and counts the others.
func (w *sinkWriter) refused(b *op.Batch, err error, out op.Output) error {
	var r *connectors.RefusedRows
	switch {
	case err == nil:
		w.ctx.Counters[op.CountOut] += int64(b.N)
		return nil
	case !errors.As(err, &r):
		return w.s.wrap(err)
	}
	w.ctx.Counters[op.CountOut] += int64(b.N - len(r.Rows))
	w.letters = w.letters[:0]
	for _, x := range r.Rows {
		w.letters = append(w.letters, op.Letter{Row: x.Row, Code: x.Code, Columns: x.Column, Message: x.Detail})
	}
	return w.judge(b, out)
}

// Advance implements op.Operator.
func (*sinkWriter) Advance(int, int64, op.Output) error { return nil }

// End implements op.Operator.
func (w *sinkWriter) End(_ int, out op.Output) error { return w.Flush(true, out) }

// Close implements op.Operator.
func (w *sinkWriter) Close() { w.pending.release() }

// result gives the rows of a top-level SELECT to the caller.
type result struct {
	t    *task
	node *planner.Node
	ctx  *op.Context
	fold *fold // an updating query of which only the final rows are wanted
}

// Process implements op.Operator.
func (r *result) Process(_ int, b *op.Batch, _ op.Output) error {
	if r.fold != nil {
		return r.fold.add(b)
	}
	return r.give(b)
}

func (r *result) give(b *op.Batch) error {
	r.t.job.resultM.Lock()
	defer r.t.job.resultM.Unlock()
	if err := r.t.job.cfg.Result(b, r.node.Cols); err != nil {
		return err
	}
	r.ctx.Counters[op.CountOut] += int64(b.N)
	return nil
}

// Advance implements op.Operator.
func (*result) Advance(int, int64, op.Output) error { return nil }

// End implements op.Operator.
func (r *result) End(int, op.Output) error {
	if r.fold == nil {
		return nil
	}
	return r.fold.emit(r.give)
}

// Close implements op.Operator.
func (r *result) Close() {
	if r.fold != nil {
		r.fold.release()
	}
}

// fold keeps the rows that a changelog has left standing, in the order in which
// they came. It serves a SELECT over bounded inputs, so its size is that of the
// changelog.
type fold struct {
	t       *task
	batches []*op.Batch
	dead    [][]bool
	live    map[string][]place // rows by their encoding
}

type place struct{ batch, row int32 }

func newFold(t *task) *fold {
	return &fold{t: t, live: map[string][]place{}}
}

func (f *fold) add(b *op.Batch) error {
	kept := &op.Batch{N: b.N, Cols: b.Cols}
	kept.Retain()
	f.batches = append(f.batches, kept)
	f.dead = append(f.dead, make([]bool, b.N))
	k := int32(len(f.batches) - 1)
	for r := range b.N {
		key := op.RowText(b, r)
		if b.Kind(r).Adds() {
			f.live[key] = append(f.live[key], place{k, int32(r)})
			continue
		}
		f.dead[k][r] = true
		old := f.live[key]
		if len(old) == 0 {
			return fmt.Errorf("a retraction without its row: %s", key)
		}
		p := old[len(old)-1]
		f.dead[p.batch][p.row] = true
		if len(old) == 1 {
			delete(f.live, key)
		} else {
			f.live[key] = old[:len(old)-1]
		}
	}
	return nil
}

func (f *fold) emit(give func(*op.Batch) error) error {
	for k, b := range f.batches {
		var sel []int32
		for r, dead := range f.dead[k] {
			if !dead {
				sel = append(sel, int32(r))
			}
		}
		if len(sel) == 0 {
			continue
		}
		part := b.Gather(sel, f.t.alloc)
		err := give(part)
		part.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *fold) release() {
	for _, b := range f.batches {
		b.Release()
	}
}

package window

import (
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
	"github.com/streamsql/streamsql/statestore/table"
)

// sessionChanges aggregates by session and gives sessions out before they close,
// or again when they have changed. As in updating there are two sets of groups:
// what has been given out of a session, and what has come since. A session that
// has grown, or become part of another, is taken back under its old bounds.
//
// A session is shown once its end has been passed, or at once with EMIT CHANGES
// and EMIT EVERY. A late row may move the end of a session that was shown beyond
// the watermark again: it is taken back until that is passed too, so that what
// stands does not depend on when the watermark was looked at.
type sessionChanges struct {
	ctx     *op.Context
	o       *planner.WindowAgg
	in      []planner.Column
	edge    *arrow.TimestampType
	agg     *agg.Aggregator
	canFail bool
	hold    int64
	st      *table.Table
	meta    *table.Rows // one row: the watermark
	mark    int64
	s       *sessions
	given   *agg.Groups
	fresh   *agg.Groups // what has come since; nil: nothing
	touched []uint32    // sessions with groups in fresh
	merged  []uint32    // sessions that are part of another, and have groups in given
	ends    wheel       // sessions that are not shown, by their end
	due     op.Ticker
}

// Further words of a session.
const (
	changeFlags = sessionWords + iota
	changeStart // the bounds under which it is shown
	changeEnd
	changeInto // the session that it is part of, + 1
	changeWords
)

// Flags of a session.
const (
	flagShown   = 1 << iota
	flagTouched // in touched
	flagGiven   // has a group in given
)

var (
	_ op.Stateful = (*sessionChanges)(nil)
	_ op.Flusher  = (*sessionChanges)(nil)
	_ op.Clocked  = (*sessionChanges)(nil)
	_ op.Gauges   = (*sessionChanges)(nil)
	_ op.Balanced = (*sessionChanges)(nil)
)

// newSessionBucket is the time bucket of the groups that have not been given out.
const newSessionBucket = 1

// NewSessionChanges makes the operator; in are its input's columns.
func NewSessionChanges(o *planner.WindowAgg, in []planner.Column, ctx *op.Context) (op.Operator, error) {
	w := &sessionChanges{
		ctx: ctx, o: o, in: in, edge: edgeType(o, in), hold: holdOf(ctx.Node), due: op.NewTicker(o.Every),
	}
	cfg, err := agg.Of(nil, o.Aggs, in, false)
	if err != nil {
		return nil, err
	}
	cfg.Keys = []agg.Key{{Column: len(in), Type: catalog.BigInt}}
	if w.agg, err = agg.New(cfg); err != nil {
		return nil, err
	}
	for _, c := range o.Aggs {
		w.canFail = w.canFail || c.Overload.CanFail
	}
	return w, w.adopt(table.New(statestore.OperatorID(ctx.Node.StateID)))
}

func (w *sessionChanges) adopt(st *table.Table) (err error) {
	w.st = st
	if w.s, err = newSessions(w.o.Window, w.o.Lateness, w.o.Keys, w.in, changeWords, st); err != nil {
		return err
	}
	w.given, w.fresh = w.agg.Open(st, sessionParts, 0), nil
	if slices.Contains(st.Buckets(), newSessionBucket) {
		w.fresh = w.agg.Open(st, 0, newSessionBucket)
	}
	w.meta = st.Rows(sessionParts+w.agg.Parts(), 0, 1)
	if w.meta.Len() == 0 {
		w.meta.Alloc()
		w.setMark(op.MinTime)
	}
	w.mark = int64(w.meta.At(0)[0])
	w.ends = newWheel(w.s.due.width)
	w.touched, w.merged = w.touched[:0], w.merged[:0]
	w.s.rows.Each(func(id uint32, row []uint64) {
		switch {
		case row[sessionLink] == gone:
			w.merged = append(w.merged, id)
			return
		case row[changeFlags]&flagTouched != 0:
			w.touched = append(w.touched, id)
		}
		if row[changeFlags]&flagShown == 0 && w.o.Emit == planner.EmitClosed {
			w.ends.add(int64(row[sessionEnd]), id)
		}
	})
	return nil
}

func (w *sessionChanges) setMark(t int64) {
	w.mark = t
	w.meta.Edit(0)[0] = uint64(t)
}

// Process implements op.Operator.
func (w *sessionChanges) Process(_ int, b *op.Batch, out op.Output) error {
	w.s.assign(b, b.Cols[w.o.Window.Time].(*array.Timestamp), w.o.Window.Proc)
	c := w.ctx.Counters
	c[op.CountNoTime] += w.s.noTime
	if len(w.s.sel) > 0 {
		if w.fresh == nil {
			w.fresh = w.agg.Open(w.st, 0, newSessionBucket)
		}
		number := numbers(w.ctx, w.s.ids, w.s.sel, b.N)
		w.agg.Update(w.fresh, append(slices.Clip(b.Cols), number), colvec.Selected(w.s.sel))
		number.Release()
		for _, id := range w.s.ids {
			if r := w.s.rows.At(id); r[changeFlags]&flagTouched == 0 {
				w.s.rows.Edit(id)[changeFlags] |= flagTouched
				w.touched = append(w.touched, id)
			}
		}
		for _, id := range w.s.made {
			if _, part := w.s.moved[id]; !part && w.o.Emit == planner.EmitClosed {
				w.ends.add(int64(w.s.rows.At(id)[sessionEnd]), id)
			}
		}
		w.absorb()
	}
	if n := len(w.s.late); n > 0 {
		c[op.CountLate] += int64(n)
		if w.o.LateCols != nil {
			late := lateBatch(b, w.s.late, w.o.LateCols, w.edge, w.ctx)
			defer late.Release()
			return out.Emit(planner.LatePort, late)
		}
	}
	return nil
}

// absorb moves what has come for sessions that have become part of others. What
// has been given out of them stays until that is taken back.
func (w *sessionChanges) absorb() {
	for _, a := range w.s.absorbs {
		into := w.s.root(a.into)
		for _, id := range w.merged {
			if r := w.s.rows.At(id); r[changeInto] == uint64(a.from)+1 {
				w.s.rows.Edit(id)[changeInto] = uint64(into) + 1
			}
		}
		r := w.s.rows.Edit(a.from)
		if r[changeFlags]&flagTouched != 0 {
			to, from := w.locate(w.fresh, into), w.locate(w.fresh, a.from)
			w.agg.Combine(w.fresh, to, w.fresh, from)
			w.agg.Drop(w.fresh, from)
			w.touched = slices.DeleteFunc(w.touched, func(id uint32) bool { return id == a.from })
			r[changeFlags] &^= flagTouched
		}
		if r[changeFlags]&flagGiven == 0 {
			w.s.rows.Free(a.from)
			continue
		}
		r[changeInto] = uint64(into) + 1
		w.merged = append(w.merged, a.from)
	}
}

// locate gives the groups of sessions.
func (w *sessionChanges) locate(g *agg.Groups, ids ...uint32) []uint32 {
	return locate(w.ctx, w.agg, g, ids)
}

// shows says whether a session is to be shown at a watermark.
func (w *sessionChanges) shows(row []uint64, mark int64) bool {
	return w.o.Emit != planner.EmitClosed || int64(row[sessionEnd]) <= mark
}

// give gives out what has come for all sessions, or for those that mark closes.
func (w *sessionChanges) give(mark int64, closing bool, out op.Output) error {
	touched, merged := w.touched, w.merged
	w.touched, w.merged = nil, nil
	if closing {
		touched, w.touched = w.closing(touched, mark, func(id uint32) uint32 { return id })
		merged, w.merged = w.closing(merged, mark, func(id uint32) uint32 { return uint32(w.s.rows.At(id)[changeInto] - 1) })
	}
	if len(touched) == 0 && len(merged) == 0 {
		return nil
	}
	if err := w.takeBack(touched, merged, mark, out); err != nil {
		return err
	}
	if len(merged) > 0 {
		var into []uint32
		for _, id := range merged {
			root := uint32(w.s.rows.At(id)[changeInto] - 1)
			w.s.rows.Edit(root)[changeFlags] |= flagGiven
			into = append(into, root)
		}
		from := w.locate(w.given, merged...)
		w.agg.Combine(w.given, w.locate(w.given, into...), w.given, from)
		w.agg.Drop(w.given, from)
		for _, id := range merged {
			w.s.rows.Free(id)
		}
	}
	if len(touched) == 0 {
		return nil
	}
	from := w.locate(w.fresh, touched...)
	w.agg.Combine(w.given, w.locate(w.given, touched...), w.fresh, from)
	if len(w.touched) > 0 {
		w.agg.Drop(w.fresh, from)
	} else {
		w.st.DropBucket(newSessionBucket)
		w.fresh = nil
	}
	var show []uint32
	for _, id := range touched {
		r := w.s.rows.Edit(id)
		r[changeFlags] = r[changeFlags]&^flagTouched | flagGiven
		if w.shows(r, mark) {
			show = append(show, id)
		}
	}
	return w.show(show, out)
}

// closing parts ids into those whose session mark closes, and the others.
func (w *sessionChanges) closing(ids []uint32, mark int64, session func(id uint32) uint32) (closing, rest []uint32) {
	for _, id := range ids {
		if w.s.closes(w.s.rows.At(session(id))) <= mark {
			closing = append(closing, id)
		} else {
			rest = append(rest, id)
		}
	}
	return closing, rest
}

// takeBack takes back what has been given out of the sessions that are about to
// change, where -U rows are wanted or the bounds change.
func (w *sessionChanges) takeBack(touched, merged []uint32, mark int64, out op.Output) error {
	var ids []uint32
	var kinds []catalog.RowKind
	note := func(id uint32, k catalog.RowKind) {
		ids, kinds = append(ids, id), append(kinds, k)
	}
	for _, id := range merged {
		if w.s.rows.At(id)[changeFlags]&flagShown != 0 {
			note(id, catalog.Delete)
		}
	}
	for _, id := range touched {
		r := w.s.rows.At(id)
		if r[changeFlags]&flagShown == 0 {
			continue
		}
		same := r[changeStart] == r[sessionStart] && r[changeEnd] == r[sessionEnd]
		switch {
		case same && w.shows(r, mark):
			if w.o.EmitBefore {
				note(id, catalog.UpdateBefore)
			}
			continue
		case !w.shows(r, mark):
			w.ends.add(int64(r[sessionEnd]), id)
		}
		w.s.rows.Edit(id)[changeFlags] &^= flagShown
		note(id, catalog.Delete)
	}
	return w.emit(ids, kinds, out)
}

// show gives out the results of sessions. One that is in error is taken back
// until the session closes, which judges it.
func (w *sessionChanges) show(all []uint32, out op.Output) error {
	if len(all) == 0 {
		return nil
	}
	bad := map[int]bool{}
	if w.canFail {
		release(w.agg.Emit(w.given, w.locate(w.given, all...), w.ctx.Alloc, func(i int, _, _ string) { bad[i] = true }))
	}
	var ids []uint32
	var kinds []catalog.RowKind
	for i, id := range all {
		r := w.s.rows.Edit(id)
		shown := r[changeFlags]&flagShown != 0
		kind := catalog.Insert
		switch {
		case bad[i]:
			r[changeFlags] &^= flagShown
			if !shown || w.o.EmitBefore {
				continue // not there, or taken back already
			}
			kind = catalog.Delete
		case shown:
			kind = catalog.UpdateAfter
		}
		if !bad[i] {
			r[changeFlags] |= flagShown
			r[changeStart], r[changeEnd] = r[sessionStart], r[sessionEnd]
		}
		ids, kinds = append(ids, id), append(kinds, kind)
	}
	return w.emit(ids, kinds, out)
}

// emit gives rows of sessions as they are in given, under the bounds that they
// are shown with.
func (w *sessionChanges) emit(ids []uint32, kinds []catalog.RowKind, out op.Output) error {
	for from := 0; from < len(ids); from += w.ctx.BatchRows {
		to := min(len(ids), from+w.ctx.BatchRows)
		b := &op.Batch{N: to - from, Cols: w.columns(ids[from:to], noFail), Kinds: kinds[from:to]}
		err := out.Emit(planner.MainPort, b)
		b.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// columns are the rows of sessions: keys, aggregates, window_start, window_end,
// window_time.
func (w *sessionChanges) columns(ids []uint32, fail agg.Fail) []arrow.Array {
	rows := make([]hash.Row, len(ids))
	for i, id := range ids {
		link := w.s.rows.At(id)[sessionLink]
		if link == gone { // the key is that of the session which it is part of
			link = w.s.rows.At(uint32(w.s.rows.At(id)[changeInto] - 1))[sessionLink]
		}
		rows[i] = w.s.keys.Row(uint32(link))
	}
	var cols []arrow.Array
	for i := range w.o.Keys {
		cols = append(cols, w.s.keys.KeyColumn(i, rows, w.ctx.Alloc))
	}
	results := w.agg.Emit(w.given, w.locate(w.given, ids...), w.ctx.Alloc, fail)
	results[0].Release() // the number of the session
	cols = append(cols, results[1:]...)
	return append(cols, edgeColumns(w.s.rows, ids, changeStart, changeEnd, w.edge, w.ctx)...)
}

// Flush implements op.Flusher.
func (w *sessionChanges) Flush(_ bool, out op.Output) error {
	if w.o.Emit == planner.EmitEvery {
		return nil
	}
	return w.give(w.mark, false, out)
}

// Period implements op.Clocked.
func (w *sessionChanges) Period() time.Duration { return updatePeriod(w.o) }

// Tick implements op.Clocked.
func (w *sessionChanges) Tick(now time.Time, out op.Output) error {
	if w.o.Window.Proc {
		if err := w.pass(now.UnixMicro(), out); err != nil {
			return err
		}
	}
	if w.o.Emit != planner.EmitEvery || !w.due.Tick(now) {
		return nil
	}
	return w.give(w.mark, false, out)
}

// Advance implements op.Operator. The output has no time attribute, but its end
// must be known.
func (w *sessionChanges) Advance(_ int, mark int64, out op.Output) error {
	if w.o.Window.Proc && mark != op.MaxTime {
		return nil // the clock closes
	}
	at := mark
	if mark != op.MaxTime && mark > op.MinTime+w.hold {
		at -= w.hold
	}
	if err := w.pass(at, out); err != nil {
		return err
	}
	if mark == op.MaxTime {
		return out.Watermark(mark)
	}
	return nil
}

// pass notes how far time has come, and closes what has ended.
func (w *sessionChanges) pass(at int64, out op.Output) error {
	if at > w.mark {
		w.setMark(at)
	}
	if at < min(w.ends.next, w.s.due.next) {
		return nil
	}
	return w.close(at, out)
}

// close shows the sessions whose end mark has passed, and forgets those that it
// closes.
func (w *sessionChanges) close(mark int64, out op.Output) error {
	if err := w.give(mark, w.o.Emit == planner.EmitEvery, out); err != nil {
		return err
	}
	var ended []uint32
	w.ends.take(mark, func(id uint32) (int64, bool) {
		if !w.s.rows.Live(id) {
			return 0, false
		}
		r := w.s.rows.At(id)
		return int64(r[sessionEnd]), r[sessionLink] != gone && r[changeFlags]&flagShown == 0
	}, func(id uint32) { ended = append(ended, id) })
	slices.Sort(ended)
	if err := w.show(slices.Compact(ended), out); err != nil {
		return err
	}
	if mark < w.s.due.next {
		return nil
	}
	var bad []uint32
	ids, keys := w.s.closed(mark)
	for i, id := range ids {
		r := w.s.rows.Edit(id)
		w.ctx.Counters[op.CountClosed] += int64(r[sessionRows])
		if r[changeFlags]&flagShown == 0 {
			// In error to the end. It is in no list any more, but has its key.
			r[sessionLink] = uint64(keys[i])
			r[changeStart], r[changeEnd] = r[sessionStart], r[sessionEnd]
			bad = append(bad, id)
		}
	}
	if err := w.judge(bad, out); err != nil {
		return err
	}
	w.agg.Drop(w.given, w.locate(w.given, ids...))
	for _, id := range ids {
		w.s.rows.Free(id)
	}
	w.s.empty = append(w.s.empty[:0], keys...)
	w.s.dropKeys()
	return nil
}

// judge deals with the sessions whose result is in error as they close.
func (w *sessionChanges) judge(ids []uint32, out op.Output) error {
	if len(ids) == 0 {
		return nil
	}
	var letters []op.Letter
	b := &op.Batch{N: len(ids)}
	b.Cols = w.columns(ids, func(i int, code, message string) {
		letters = append(letters, op.Letter{Row: i, Code: code, Message: message})
	})
	defer b.Release()
	return op.Judge(w.ctx, w.o.OnError, fmt.Sprintf("aggregation by session, node %d", w.ctx.Node.ID), w.ctx.Branch, b, perRow(letters), out)
}

// End implements op.Operator. Advance(MaxTime) has closed everything.
func (w *sessionChanges) End(_ int, out op.Output) error { return out.End() }

// Freeze implements op.Stateful.
func (w *sessionChanges) Freeze(cut statestore.Cut) (op.Frozen, error) { return w.st.Freeze(cut), nil }

// Layout implements op.Stateful.
func (w *sessionChanges) Layout() string {
	return fmt.Sprintf("updating session 1: %s, %s", w.s.layout(), w.agg.Layout())
}

// Restore implements op.Stateful.
func (w *sessionChanges) Restore(r *op.Restore) error {
	return r.EachTable(func(_ int, st *table.Table) error {
		if r.Same {
			return w.adopt(st)
		}
		old := &sessionChanges{ctx: w.ctx, o: w.o, agg: w.agg, in: w.in}
		if err := old.adopt(st); err != nil {
			return err
		}
		w.setMark(max(w.mark, old.mark))
		w.take(old, r.Owns(w.o.Keys))
		return nil
	})
}

// take adds the sessions of another layout's shard whose key groups keep accepts.
func (w *sessionChanges) take(old *sessionChanges, keep func(group int) bool) {
	from, to := w.s.take(old.s, keep)
	into := map[uint32]uint32{}
	var given, fresh [2][]uint32
	for i, id := range to {
		into[from[i]] = id
		r := w.s.rows.At(id)
		if r[changeFlags]&flagGiven != 0 {
			given[0], given[1] = append(given[0], from[i]), append(given[1], id)
		}
		if r[changeFlags]&flagTouched != 0 {
			fresh[0], fresh[1] = append(fresh[0], from[i]), append(fresh[1], id)
			w.touched = append(w.touched, id)
		}
		if r[changeFlags]&flagShown == 0 && w.o.Emit == planner.EmitClosed {
			w.ends.add(int64(r[sessionEnd]), id)
		}
	}
	for _, id := range old.merged {
		row := old.s.rows.At(id)
		root, ok := into[uint32(row[changeInto]-1)]
		if !ok {
			continue
		}
		n := w.s.rows.Alloc()
		copy(w.s.rows.At(n), row)
		w.s.rows.At(n)[changeInto] = uint64(root) + 1
		w.merged = append(w.merged, n)
		given[0], given[1] = append(given[0], id), append(given[1], n)
	}
	if len(given[0]) > 0 {
		w.agg.Combine(w.given, w.locate(w.given, given[1]...), old.given, w.locate(old.given, given[0]...))
	}
	if len(fresh[0]) > 0 {
		if w.fresh == nil {
			w.fresh = w.agg.Open(w.st, 0, newSessionBucket)
		}
		w.agg.Combine(w.fresh, w.locate(w.fresh, fresh[1]...), old.fresh, w.locate(old.fresh, fresh[0]...))
	}
}

// Gauges implements op.Gauges.
func (w *sessionChanges) Gauges(c op.Counters) {
	c[op.CountOpen], c[op.CountHeld] = w.s.open, int64(w.s.rows.Len())
}

// Balance implements op.Balanced: rows = without time + late + in open sessions
// + in closed ones.
func (w *sessionChanges) Balance(c op.Counters) string {
	return c.Equal(op.CountIn, op.CountNoTime, op.CountLate, op.CountOpen, op.CountClosed)
}

// Close implements op.Operator.
func (w *sessionChanges) Close() {}

package window

import (
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/exec/rowstore"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
	"github.com/streamsql/streamsql/statestore/table"
)

// sessionAssign is SESSION as a table function: it holds rows until their session
// closes, and then gives them out with its bounds. The rows of a session are a
// list, in the order in which they came.
type sessionAssign struct {
	ctx    *op.Context
	o      *planner.SessionAssign
	in     []planner.Column
	edge   *arrow.TimestampType
	hold   int64
	st     *table.Table
	s      *sessions
	format *rowstore.Format
	enc    *rowstore.Encoder
	rows   *table.Rows
	arena  *table.Arena
	refs   rowstore.Refs
	put    []hash.Row
	ids    []uint32
}

// Further words of a session: its first and last row, + 1.
const (
	sessionFirst = sessionWords + iota
	sessionLast
	sessionListWords
)

// A row begins with the one after it, + 1.
const rowNext = 0

// The parts of the state behind those of the sessions.
const (
	heldRowsPart = sessionParts + iota
	heldStringsPart
)

var (
	_ op.Stateful = (*sessionAssign)(nil)
	_ op.Clocked  = (*sessionAssign)(nil)
	_ op.Gauges   = (*sessionAssign)(nil)
	_ op.Balanced = (*sessionAssign)(nil)
)

// NewSessionRows makes the operator; in are its input's columns.
func NewSessionRows(o *planner.SessionAssign, in []planner.Column, ctx *op.Context) (op.Operator, error) {
	types := make([]catalog.Type, len(in))
	for i, c := range in {
		types[i] = c.Type
	}
	w := &sessionAssign{
		ctx: ctx, o: o, in: in, edge: in[o.Window.Time].Type.Arrow().(*arrow.TimestampType), hold: holdOf(ctx.Node),
		format: rowstore.NewFormat(1, types),
	}
	w.enc = w.format.NewEncoder()
	return w, w.adopt(table.New(statestore.OperatorID(ctx.Node.StateID)))
}

func (w *sessionAssign) adopt(st *table.Table) (err error) {
	w.st = st
	w.rows, w.arena = st.Rows(heldRowsPart, 0, w.format.Words()), st.Arena(heldStringsPart, 0)
	w.s, err = newSessions(w.o.Window, 0, w.o.Window.Partition, w.in, sessionListWords, st)
	return err
}

// Process implements op.Operator.
func (w *sessionAssign) Process(_ int, b *op.Batch, out op.Output) error {
	w.s.assign(b, b.Cols[w.o.Window.Time].(*array.Timestamp), w.o.Window.Proc)
	w.ctx.Counters[op.CountNoTime] += w.s.noTime
	w.ctx.Counters[op.CountLate] += int64(len(w.s.late))
	for _, a := range w.s.absorbs {
		from := w.s.rows.At(a.from)
		w.append(w.s.root(a.into), from[sessionFirst], from[sessionLast])
		w.s.rows.Free(a.from)
	}
	w.store(b)
	if len(w.s.late) == 0 || w.o.LateCols == nil {
		return nil
	}
	late := lateBatch(b, w.s.late, w.o.LateCols, w.edge, w.ctx)
	defer late.Release()
	return out.Emit(planner.LatePort, late)
}

// store stores the rows of a batch that are in a session.
func (w *sessionAssign) store(b *op.Batch) {
	if len(w.s.sel) == 0 {
		return
	}
	w.ids, w.put = w.ids[:0], w.put[:0]
	for range w.s.sel {
		w.ids = append(w.ids, w.rows.Alloc())
	}
	for _, id := range w.ids {
		w.put = append(w.put, hash.RowOf(w.rows.At(id)))
	}
	w.enc.Put(b.Cols, colvec.Selected(w.s.sel), w.put, w.arena)
	for i, id := range w.ids {
		w.append(w.s.ids[i], uint64(id)+1, uint64(id)+1)
	}
}

// append puts a list of rows behind those of a session.
func (w *sessionAssign) append(session uint32, first, last uint64) {
	r := w.s.rows.Edit(session)
	if r[sessionFirst] == 0 {
		r[sessionFirst] = first
	} else {
		w.rows.Edit(uint32(r[sessionLast] - 1))[rowNext] = first
	}
	r[sessionLast] = last
}

// Advance implements op.Operator.
func (w *sessionAssign) Advance(_ int, mark int64, out op.Output) error {
	if w.o.Window.Proc && mark != op.MaxTime {
		return nil
	}
	if mark != op.MaxTime && mark > op.MinTime+w.hold {
		mark -= w.hold
	}
	if err := w.close(mark, out); err != nil {
		return err
	}
	return out.Watermark(mark)
}

// Period implements op.Clocked.
func (w *sessionAssign) Period() time.Duration { return period(w.o.Window) }

// Tick implements op.Clocked.
func (w *sessionAssign) Tick(now time.Time, out op.Output) error {
	if !w.o.Window.Proc {
		return nil
	}
	return w.close(now.UnixMicro(), out)
}

// close gives out the rows of the sessions that mark closes.
func (w *sessionAssign) close(mark int64, out op.Output) error {
	ids, keys := w.s.closed(mark)
	if len(ids) == 0 {
		return nil
	}
	var of []uint32 // the session of each row of refs
	w.refs.Reset()
	flush := func() error {
		if len(of) == 0 {
			return nil
		}
		b := &op.Batch{N: len(of), Cols: w.format.AppendColumns(nil, &w.refs, w.ctx.Alloc)}
		b.Cols = append(b.Cols, sessionEdges(w.s.rows, of, w.edge, w.ctx)...)
		defer b.Release()
		w.ctx.Counters[op.CountClosed] += int64(b.N)
		of = of[:0]
		w.refs.Reset()
		return out.Emit(planner.MainPort, b)
	}
	for _, id := range ids {
		for at := w.s.rows.At(id)[sessionFirst]; at != 0; {
			row := w.rows.At(uint32(at - 1))
			w.refs.Add(hash.RowOf(row), w.arena)
			of = append(of, id)
			at = row[rowNext]
			if len(of) == w.ctx.BatchRows {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	for _, id := range ids {
		for at := w.s.rows.At(id)[sessionFirst]; at != 0; {
			row := uint32(at - 1)
			at = w.rows.At(row)[rowNext]
			w.format.Free(hash.RowOf(w.rows.At(row)), w.arena)
			w.rows.Free(row)
		}
		w.s.rows.Free(id)
	}
	w.s.empty = append(w.s.empty[:0], keys...)
	w.s.dropKeys()
	return nil
}

// End implements op.Operator. Advance(MaxTime) has closed everything.
func (w *sessionAssign) End(_ int, out op.Output) error { return out.End() }

// Freeze implements op.Stateful.
func (w *sessionAssign) Freeze(cut statestore.Cut) (op.Frozen, error) { return w.st.Freeze(cut), nil }

// Layout implements op.Stateful.
func (w *sessionAssign) Layout() string {
	return fmt.Sprintf("rows of sessions 1: %s, %s", w.s.layout(), w.format)
}

// Restore implements op.Stateful.
func (w *sessionAssign) Restore(r *op.Restore) error {
	return r.EachTable(func(_ int, st *table.Table) error {
		if r.Same {
			return w.adopt(st)
		}
		old := &sessionAssign{ctx: w.ctx, o: w.o, in: w.in, format: w.format}
		if err := old.adopt(st); err != nil {
			return err
		}
		from, to := w.s.take(old.s, r.Owns(w.o.Window.Partition))
		for i, id := range to {
			s := w.s.rows.Edit(id)
			s[sessionFirst], s[sessionLast] = 0, 0
			for at := old.s.rows.At(from[i])[sessionFirst]; at != 0; {
				row := old.rows.At(uint32(at - 1))
				at = row[rowNext]
				n := w.rows.Alloc()
				w.format.Copy(hash.RowOf(row), old.arena, w.rows.At(n), w.arena)
				w.rows.At(n)[rowNext] = 0
				w.append(id, uint64(n)+1, uint64(n)+1)
			}
		}
		return nil
	})
}

// Gauges implements op.Gauges.
func (w *sessionAssign) Gauges(c op.Counters) {
	c[op.CountOpen], c[op.CountHeld] = w.s.open, int64(w.rows.Len())
}

// Balance implements op.Balanced.
func (w *sessionAssign) Balance(c op.Counters) string {
	return c.Equal(op.CountIn, op.CountNoTime, op.CountLate, op.CountOpen, op.CountClosed)
}

// Close implements op.Operator.
func (w *sessionAssign) Close() {}

package window

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// Advance implements op.Operator.
func (w *aggregation) Advance(_ int, mark int64, out op.Output) error {
	if w.o.Window.Proc && mark != op.MaxTime {
		return nil // the clock fires, and the output has no event time
	}
	if mark >= w.next {
		if err := w.fire(mark, out); err != nil {
			return err
		}
	}
	if mark > w.fired && !w.o.Window.Proc {
		w.setFired(mark)
	}
	return out.Watermark(mark)
}

// fire emits all windows that end up to mark, by end, and drops the buckets
// whose last window that was.
func (w *aggregation) fire(mark int64, out op.Output) error {
	w.due = w.dueTo(mark, w.due[:0])
	for _, x := range w.due {
		if err := w.fireWindow(x, len(w.due) > 1, out); err != nil {
			return err
		}
	}
	if err := w.staged.flush(w, out); err != nil {
		return err
	}
	if !w.refires() {
		w.setFired(mark)
	}
	if n := len(w.due); n > 0 && w.s.kind != planner.AttachedWindow {
		// Where the next window begins: at the same place, if it is CUMULATE's.
		next := w.due[n-1].start
		if w.s.kind != planner.CumulateWindow {
			next += w.s.slide
		}
		if w.sliding.panes != nil {
			w.sliding.evict(paneBucket(w.s.paneAt(next)))
		} else {
			w.slide.evict(w.s.paneAt(next))
		}
	}
	w.buckets.drop(func(n int64) bool {
		if w.refires() {
			return n <= mark
		}
		_, more := w.nextEnd(n)
		return !more
	}, w.dropped)
	w.findNext()
	return nil
}

// dropped forgets a bucket.
func (w *aggregation) dropped(b *bucket) {
	if b.pane != nil {
		w.sliding.panes.Drop(b.pane)
	}
	w.st.DropBucket(b.n)
}

// dueTo appends the windows of all buckets that end up to mark and have not
// fired, by end.
func (w *aggregation) dueTo(mark int64, due []win) []win {
	for _, b := range w.buckets.panes {
		if w.s.kind == planner.AttachedWindow {
			if b.n > mark {
				break
			}
			if b.n > w.fired {
				due = append(due, win{b.n, b.n})
			}
			continue
		}
		x, last, ok := w.s.span(b.n >> 1)
		if !ok {
			continue
		}
		// Windows of panes that follow each other end one after the other too.
		if n := len(due); n == 0 || due[n-1].end < x.end {
			if x, ok = w.s.unfired(x, last, w.fired); !ok {
				continue
			}
		} else if x = w.s.after(due[n-1]); due[n-1].end >= last.end {
			continue
		}
		for ; x.end <= last.end && w.s.instant(x.end) <= mark; x = w.s.after(x) {
			due = append(due, x)
		}
		if x.end <= last.end {
			break
		}
	}
	if len(w.buckets.own) == 0 {
		return due
	}
	for _, b := range w.buckets.own {
		x := w.s.windowOf(b.n)
		if _, end := w.s.edges(x); end > w.fired && end <= mark {
			due = append(due, x)
		}
	}
	slices.SortFunc(due, func(a, b win) int { return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.start, b.start)) })
	return slices.Compact(due)
}

// findNext finds the least end of a window to come.
func (w *aggregation) findNext() {
	w.next = op.MaxTime
	for _, b := range w.buckets.panes {
		if end, ok := w.nextEnd(b.n); ok {
			w.next = end
			break
		}
	}
	for _, b := range w.buckets.own {
		if end, ok := w.nextEnd(b.n); ok {
			w.next = min(w.next, end)
		}
	}
}

// fireWindow emits one window: its panes' groups merged, and those of rows that
// came for this window alone. more says that others fire with it.
func (w *aggregation) fireWindow(x win, more bool, out op.Output) error {
	if w.sliding.panes != nil {
		return w.fireShared(x, out)
	}
	from := w.from[:0]
	if w.s.kind == planner.AttachedWindow {
		from = w.closing(w.buckets.find(x.end), from)
	} else {
		p, q := w.s.panesOf(x)
		for _, b := range w.buckets.between(paneBucket(p), paneBucket(q)) {
			from = w.closing(b, from)
		}
		if len(from) > 1 {
			from = w.slide.window(p, q)
		}
		if len(w.buckets.own) > 0 {
			from = w.closing(w.buckets.find(w.s.windowBucket(x)), from)
		}
	}
	w.from = from
	groups := from[0]
	if len(from) > 1 {
		groups = w.agg.Open(nil, 0, 0)
		for _, g := range from {
			w.agg.Merge(groups, g, nil)
		}
	}
	start, end := w.s.edges(x)
	if more && w.staged.add(w, groups, start, end) {
		if w.staged.rows() < w.ctx.BatchRows {
			return nil
		}
		return w.staged.flush(w, out)
	}
	if err := w.staged.flush(w, out); err != nil {
		return err
	}
	return w.emit(groups, start, end, out)
}

// closing counts the rows of a bucket for a window that fires, and appends its
// groups. There may be no such bucket.
func (w *aggregation) closing(b *bucket, from []*agg.Groups) []*agg.Groups {
	if b == nil {
		return from
	}
	w.ctx.Counters[op.CountClosed] += b.count()
	return append(from, b.groups)
}

// emit gives the groups of a window as rows: keys, aggregates, window_start,
// window_end, window_time.
func (w *aggregation) emit(g *agg.Groups, start, end int64, out op.Output) error {
	w.err = nil
	g.Each(func(ids []uint32) {
		if w.err == nil {
			w.err = w.emitSome(g, ids, start, end, out)
		}
	})
	return w.err
}

func (w *aggregation) emitSome(g *agg.Groups, ids []uint32, start, end int64, out op.Output) error {
	w.letters = w.letters[:0]
	cols := w.agg.Emit(g, ids, w.ctx.Alloc, w.fail)
	return w.send(cols, len(ids), []run{{len(ids), start, end}}, out)
}

// fail notes that the result of row i is in error.
func (w *aggregation) fail(i int, code, message string) {
	w.letters = append(w.letters, op.Letter{Row: i, Code: code, Message: message})
}

// send gives n groups' columns as rows of windows; those in letters are in error.
func (w *aggregation) send(cols []arrow.Array, n int, wins []run, out op.Output) error {
	b := &op.Batch{N: n, Cols: w.shape.columns(cols, n, wins)}
	defer b.Release()
	if len(w.letters) == 0 {
		return out.Emit(planner.MainPort, b)
	}
	return op.EmitGood(w.ctx, w.o.OnError, fmt.Sprintf("aggregation by window, node %d", w.ctx.Node.ID), b, perRow(w.letters), out)
}

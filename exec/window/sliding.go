package window

import (
	"slices"

	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/op"
)

// sliding is the window over panes whose keys are numbered for all of them
// (agg.Panes). None of it is state: it is made again from the panes.
type sliding struct {
	panes    *agg.Panes
	buckets  *buckets
	from, to int64 // the buckets of the panes that have entered
}

// window makes the window that of the panes with buckets from up to below to.
func (s *sliding) window(from, to int64) {
	if from < s.from || from >= s.to || to < s.to {
		s.panes.Clear()
		s.from, s.to = from, from
	}
	s.evict(from)
	for _, b := range s.buckets.between(s.to, to) {
		s.panes.Enter(b.pane)
	}
	s.to = to
}

// evict says that no window to come has a pane before from. Called before these
// panes are dropped.
func (s *sliding) evict(from int64) {
	for x, ok := s.panes.First(); ok && x.Number < from; x, ok = s.panes.First() {
		s.panes.Leave()
	}
	s.from = max(s.from, from)
	s.to = max(s.to, from)
}

// fireShared is fireWindow of a window over such panes.
func (w *aggregation) fireShared(x win, out op.Output) error {
	from, to := w.s.panesOf(x)
	w.sliding.window(paneBucket(from), paneBucket(to))
	panes := w.sliding.panes
	w.ctx.Counters[op.CountClosed] += panes.Inside()
	start, end := w.s.edges(x)
	if len(w.buckets.own) > 0 {
		if own := w.buckets.find(w.s.windowBucket(x)); own != nil {
			return w.fireWithOwn(own, start, end, out)
		}
	}
	ids := panes.Active()
	if 4*len(ids) > w.ctx.BatchRows && panes.Stands() {
		// Many: they leave as they stand, without a copy.
		if err := w.staged.flush(w, out); err != nil {
			return err
		}
		for some := range slices.Chunk(ids, w.ctx.BatchRows) {
			if err := w.emitSome(panes.Window(), some, start, end, out); err != nil {
				return err
			}
		}
		return nil
	}
	for len(ids) > 0 {
		n := min(len(ids), max(1, w.ctx.BatchRows-w.staged.rows()))
		keeps := w.staged.addShared(panes, ids[:n], start, end)
		ids = ids[n:]
		if !keeps || w.staged.rows() >= w.ctx.BatchRows {
			if err := w.staged.flush(w, out); err != nil {
				return err
			}
		}
	}
	return nil
}

// fireWithOwn emits a window for which rows have come that were late for others.
func (w *aggregation) fireWithOwn(own *bucket, start, end int64, out op.Output) error {
	if err := w.staged.flush(w, out); err != nil {
		return err
	}
	w.ctx.Counters[op.CountClosed] += own.count()
	groups := w.agg.Open(nil, 0, 0)
	w.sliding.panes.Merge(groups)
	w.agg.Merge(groups, own.groups, nil)
	return w.emit(groups, start, end, out)
}

package window

import (
	"time"

	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// Windows of processing time close by the clock, whose readings come at the same
// place among the rows on all shards. The reading that a row's window was found
// by may be a little older than that: a row that comes when some of its windows
// have fired counts in those of the moment instead, so that each window is given
// out once and no row is lost.

var _ op.Clocked = (*aggregation)(nil)

// Period implements op.Clocked.
func (w *aggregation) Period() time.Duration { return period(w.o.Window) }

// period is how exactly windows want to know the time: at their edges at best.
func period(w planner.Window) time.Duration {
	if !w.Proc {
		return 0
	}
	us := w.Slide
	if us == 0 {
		us = w.Size
	}
	if us == 0 {
		return time.Second
	}
	return min(time.Second, time.Duration(us)*time.Microsecond)
}

// Tick implements op.Clocked.
func (w *aggregation) Tick(now time.Time, out op.Output) error {
	if mark := now.UnixMicro(); w.o.Window.Proc && mark >= w.next {
		return w.fire(mark, out)
	}
	return nil
}

// refires says that windows are forgotten as they fire, and known again should
// more rows of theirs come: windows of processing time that stand in columns.
func (w *aggregation) refires() bool {
	return w.o.Window.Proc && w.s.kind == planner.AttachedWindow
}

// unfiredBucket gives the bucket for rows that were sent to bucket n: another one
// where windows of processing time have fired.
func (w *aggregation) unfiredBucket(n, rows int64) int64 {
	if !w.o.Window.Proc || w.refires() || w.fired == op.MinTime {
		return n
	}
	w.wins = w.windows(n, w.wins[:0])
	if _, end := w.s.edges(w.wins[0]); end > w.fired {
		return n
	}
	old := len(w.wins)
	pane, _, _ := w.s.paneOf(w.fired)
	for w.wins = w.s.windowsOf(pane, w.wins[:0]); len(w.wins) == 0; w.wins = w.s.windowsOf(pane, w.wins[:0]) {
		pane++ // between two windows: the next one
	}
	w.ctx.Counters[countShifted] += int64(len(w.wins)-old) * rows
	return paneBucket(pane)
}

// unfired gives the windows for rows that were sent to window n: n itself, or, where
// it has fired, one of the moment that none of the rows' other windows is. Moving a
// HOP's window on by its size makes it one that the rows were not yet in.
func (w *updating) unfired(n, rows int64) []int64 {
	w.into = append(w.into[:0], n)
	if !w.o.Window.Proc || w.fired == op.MinTime {
		return w.into
	}
	at := w.s.windowOf(n)
	if _, end := w.s.edges(at); end > w.fired {
		return w.into
	}
	w.into = w.into[:0]
	now := w.s.local(w.fired)
	if w.s.kind == planner.CumulateWindow {
		// Rows have a window up to the end of the size; while that is open, they are
		// in all that they should be in.
		if (at.end-w.s.offset)%w.s.size == 0 {
			w.wins = w.s.windowsOf(w.s.paneAt(now), w.wins[:0])
			for _, x := range w.wins {
				w.into = append(w.into, w.s.windowBucket(x))
			}
		}
	} else {
		step := (w.s.size + w.s.slide - 1) / w.s.slide * w.s.slide
		for at.start+w.s.size <= now {
			at.start += step
		}
		if at.start <= now { // else the moment is between two windows
			w.into = append(w.into, w.s.windowBucket(at))
		}
	}
	w.ctx.Counters[countShifted] += int64(len(w.into)-1) * rows
	return w.into
}

// countShifted counts the pairs that rows of processing time have more, or less,
// than when they were sent.
const countShifted = "shifted"

// balancePairs is the account of pairs: late, in open windows, in closed ones.
func balancePairs(c op.Counters) string {
	if c[op.PrePrefix+op.CountPairs]+c[countShifted] == c[op.PrePrefix+op.CountLate]+c[op.CountOpen]+c[op.CountClosed] {
		return ""
	}
	return c.Equal(op.PrePrefix+op.CountPairs, op.PrePrefix+op.CountLate, op.CountOpen, op.CountClosed)
}

// updatePeriod is how exactly windows that are given out more than once want to know
// the time.
func updatePeriod(o *planner.WindowAgg) time.Duration {
	p := period(o.Window)
	if p == 0 || o.Every > 0 && o.Every < p {
		return o.Every
	}
	return p
}

var _ op.Clocked = (*sessionAgg)(nil)

// Period implements op.Clocked.
func (w *sessionAgg) Period() time.Duration { return period(w.o.Window) }

// Tick implements op.Clocked.
func (w *sessionAgg) Tick(now time.Time, out op.Output) error {
	if !w.o.Window.Proc {
		return nil
	}
	return w.close(now.UnixMicro(), out)
}

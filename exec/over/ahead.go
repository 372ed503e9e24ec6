package over

import (
	"cmp"
	"math"
	"slices"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// ahead has the rows that the watermark has passed and that wait for the rows of
// their partition that they see: the nth next one (LEAD, ROWS), the nth next
// group of peers (GROUPS), or those up to a distance of time (RANGE). All that
// precede such a row in its partition have come, so the rows of a partition come
// out in order, and peers together.
type ahead struct {
	t     *timed
	calls []looking
	// rows are the waiting rows by partition, in order; queue has them all by time,
	// beside rows that have come out since. reached says up to where the watermark
	// has passed all that rows see of time.
	rows    [][]uint32
	queue   []waiter
	reached int
	waiting int
	listed  []bool // partitions of touched
	touched []uint32
}

// looking is a call that sees rows ahead.
type looking struct {
	*planner.OverCall
	value int // of a call that skips NULLs: which flag of a row says that it counts
}

// waiter is a row of the queue.
type waiter struct {
	time   int64
	number uint64 // of the row, which tells it from later ones of the same id
	id     uint32
}

// flagValue is the first flag of a store's rows that says whether a column is not
// NULL; there are planner.MaxSkipping.
const flagValue = flagTaken << 1

func newAhead(t *timed) *ahead {
	a := &ahead{t: t}
	values := 0
	for i := range t.o.Calls {
		c := &t.o.Calls[i]
		if !c.Ahead() {
			continue
		}
		l := looking{OverCall: c}
		if c.Kind == planner.OverLead && c.IgnoreNulls {
			l.value = values
			values++
		}
		a.calls = append(a.calls, l)
	}
	if len(a.calls) == 0 {
		return nil
	}
	return a
}

// grow makes room for the partitions there are.
func (a *ahead) grow(parts int) {
	for len(a.rows) < parts {
		a.rows, a.listed = append(a.rows, nil), append(a.listed, false)
	}
}

// mark notes on new rows which of their values count.
func (a *ahead) mark(b *op.Batch, run []entry) {
	for _, c := range a.calls {
		if c.Kind != planner.OverLead || !c.IgnoreNulls {
			continue
		}
		valid := colvec.ValidityOf(b.Cols[c.Args[0]])
		for i, e := range run {
			if valid.Valid(i) {
				a.t.waiting.rows.At(e.id)[4] |= flagValue << c.value
			}
		}
	}
}

// add takes rows that the watermark has passed, in order.
func (a *ahead) add(due []entry) {
	sorted := len(a.queue) == 0 || len(due) == 0 || a.queue[len(a.queue)-1].time <= due[0].time
	defer func() {
		if !sorted {
			slices.SortStableFunc(a.queue[a.reached:], func(x, y waiter) int { return cmp.Compare(x.time, y.time) })
		}
	}()
	for _, e := range due {
		q := a.t.waiting.part(e.id)
		a.rows[q] = append(a.rows[q], e.id)
		a.queue = append(a.queue, waiter{e.time, a.t.waiting.rows.At(e.id)[2], e.id})
		a.touch(q)
	}
	a.waiting += len(due)
}

func (a *ahead) touch(q uint32) {
	if !a.listed[q] {
		a.listed[q] = true
		a.touched = append(a.touched, q)
	}
}

// release lets the rows come out that have seen what they see, at a watermark.
func (a *ahead) release(w int64, out op.Output) error {
	a.reach(w)
	var due []entry
	for _, q := range a.touched {
		a.listed[q] = false
		for _, id := range a.rows[q][:a.complete(q, w)] {
			due = append(due, entry{a.t.waiting.time(id), id})
		}
	}
	a.touched = a.touched[:0]
	a.t.sort(due)
	return a.t.pieces(due, func(part []entry) error { return a.pass(part, out) })
}

// reach touches the partitions of rows that no longer wait for time to pass.
func (a *ahead) reach(w int64) {
	timed := slices.ContainsFunc(a.calls, func(c looking) bool { return c.Frame.Upper.Range != nil })
	if !timed && w < op.MaxTime {
		return
	}
	for a.reached < len(a.queue) {
		e := a.queue[a.reached]
		for i := range a.calls {
			if a.calls[i].until(e.time) >= w && w < op.MaxTime {
				return
			}
		}
		if a.live(e) {
			a.touch(a.t.waiting.part(e.id))
		}
		a.reached++
	}
}

func (a *ahead) live(e waiter) bool {
	return a.t.waiting.rows.Live(e.id) && a.t.waiting.rows.At(e.id)[2] == e.number
}

// until is the last time that a call of a row at time t sees of a span; of calls
// that see none the beginning of time.
func (c *looking) until(t int64) int64 {
	by := c.Frame.Upper.Range
	if by == nil {
		return math.MinInt64
	}
	n := by.Value.(int64)
	if by.T.Kind != catalog.KindIntervalMonth {
		return addClipped(t, n)
	}
	if t < math.MinInt64/2 || t > math.MaxInt64/2 {
		return t
	}
	return addMonths(t, n, false)
}

// complete says how many rows of a partition can come out, with all their peers.
func (a *ahead) complete(q uint32, w int64) int {
	rows := a.rows[q]
	if w == op.MaxTime {
		return len(rows)
	}
	n := len(rows)
	for i := range a.calls {
		n = min(n, a.t.known(rows, &a.calls[i], w))
	}
	for n > 0 && n < len(rows) && string(a.t.waiting.terms(rows[n-1])) == string(a.t.waiting.terms(rows[n])) {
		n--
	}
	return n
}

// known says how many rows of a partition have what a call sees ahead.
func (t *timed) known(rows []uint32, c *looking, w int64) int {
	switch {
	case c.Kind == planner.OverLead && c.IgnoreNulls:
		left, i := c.N, len(rows)
		for i > 0 && left > 0 {
			i--
			if t.waiting.counts(rows[i], c) {
				left--
			}
		}
		if left > 0 {
			return 0
		}
		return i
	case c.Kind == planner.OverLead:
		return int(max(0, int64(len(rows))-c.N))
	case c.Frame.Upper.Range != nil:
		n, _ := slices.BinarySearchFunc(rows, w, func(id uint32, w int64) int { return cmp.Compare(c.until(t.waiting.time(id)), w) })
		return n
	case c.Frame.Unit == planner.RowsFrame:
		return int(max(0, int64(len(rows))-c.Frame.Upper.Rows))
	}
	i := len(rows)
	for left := c.Frame.Upper.Rows; left > 0 && i > 0; left-- {
		i = t.groupOf(rows, i-1)
	}
	return i
}

// counts says whether a row's value is one that a call which skips NULLs counts.
func (s *store) counts(id uint32, c *looking) bool {
	return !c.IgnoreNulls || s.rows.At(id)[4]&(flagValue<<c.value) != 0
}

// groupOf is the first of the peers of row i.
func (t *timed) groupOf(rows []uint32, i int) int {
	for i > 0 && string(t.waiting.terms(rows[i-1])) == string(t.waiting.terms(rows[i])) {
		i--
	}
	return i
}

// seen says up to which of the rows of a partition row i and those before it see.
func (a *ahead) seen(rows []uint32, i int) int {
	end := i + 1
	s := a.t.waiting
	for k := range a.calls {
		c := &a.calls[k]
		at := i + 1
		switch {
		case c.Kind == planner.OverLead:
			for left := c.N; left > 0 && at < len(rows); at++ {
				if s.counts(rows[at], c) {
					left--
				}
			}
		case c.Frame.Upper.Range != nil:
			until := c.until(s.time(rows[i]))
			for at < len(rows) && s.time(rows[at]) <= until {
				at++
			}
		case c.Frame.Unit == planner.RowsFrame:
			at = int(min(int64(len(rows)), int64(at)+c.Frame.Upper.Rows))
		default: // one row more shows where the last group ends
			for left := c.Frame.Upper.Rows; left >= 0 && at < len(rows); at++ {
				if string(s.terms(rows[at-1])) != string(s.terms(rows[at])) {
					left--
				}
			}
		}
		end = max(end, at)
	}
	return end
}

// pass lets rows come out that are the first ones of their partitions.
func (a *ahead) pass(due []entry, out op.Output) error {
	t := a.t
	var touched []uint32
	count := map[uint32]int{}
	for _, e := range due {
		q := t.waiting.part(e.id)
		if count[q] == 0 {
			touched = append(touched, q)
		}
		count[q]++
	}
	var look []uint32
	for _, q := range touched {
		n := count[q]
		look = append(look, a.rows[q][n:a.seen(a.rows[q], n-1)]...)
	}
	if err := t.passWaiting(due, look, out); err != nil {
		return err
	}
	for _, q := range touched {
		if a.rows[q] = a.rows[q][count[q]:]; len(a.rows[q]) == 0 {
			a.rows[q] = nil
		}
	}
	a.waiting -= len(due)
	return nil
}

// least is the time of the first row that waits; else w. It takes rows out of the
// queue that have come out.
func (a *ahead) least(w int64) int64 {
	n := 0
	for n < len(a.queue) && !a.live(a.queue[n]) {
		n++
	}
	a.queue, a.reached = a.queue[n:], max(0, a.reached-n)
	if len(a.queue) > 2*a.waiting+maxRuns {
		kept := make([]waiter, 0, a.waiting)
		reached := 0
		for i, e := range a.queue {
			if !a.live(e) {
				continue
			}
			if i < a.reached {
				reached++
			}
			kept = append(kept, e)
		}
		a.queue, a.reached = kept, reached
	}
	if len(a.queue) == 0 {
		return w
	}
	return min(w, a.queue[0].time)
}

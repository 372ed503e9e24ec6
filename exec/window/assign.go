package window

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// part is the rows of a batch that belong to one bucket.
type part struct {
	bucket int64
	sel    []int32 // ascending
}

// lateRow is a (row, window) pair that came too late.
type lateRow struct {
	row        int32
	start, end int64
	w          int64
}

// assigner finds the buckets of rows. Its results are valid until the next call.
type assigner struct {
	s     *spec
	parts []part
	late  []lateRow
	wins  []win
	// The bucket of the last row and what it covers: most rows are in the
	// bucket of the row before.
	cur      int
	from, to int64
	firstEnd int64
	covered  bool
	// each puts every row into its windows one by one, not into panes; grace is
	// how long after its end a window takes rows.
	each             bool
	grace            int64
	into             []open
	noTime, assigned int64
	pairs            int64
}

// open is a window of the current pane, and the part that takes its rows.
type open struct {
	start, end int64
	part       int
}

// assign sorts the rows of a batch into buckets, in row order within each.
func (a *assigner) assign(times *array.Timestamp, w []int64) {
	a.parts, a.late = a.parts[:0], a.late[:0]
	a.noTime, a.assigned, a.pairs = 0, 0, 0
	a.cur = -1
	ts := times.TimestampValues()
	nulls := times.NullN() > 0
	for i, t := range ts {
		if nulls && times.IsNull(i) {
			a.noTime++
			continue
		}
		t := int64(t)
		if a.cur < 0 || t < a.from || t >= a.to {
			a.enter(t)
		}
		a.assigned++
		if !a.covered {
			continue // between two windows of a HOP with gaps
		}
		if a.each {
			a.assignEach(int32(i), w)
			continue
		}
		if w != nil && a.firstEnd <= w[i] {
			a.assignLate(int32(i), t, w[i])
			continue
		}
		p := &a.parts[a.cur]
		p.sel = append(p.sel, int32(i))
	}
	for _, p := range a.parts {
		if p.bucket&1 == 0 {
			a.wins = a.s.windowsOf(p.bucket>>1, a.wins[:0])
			a.pairs += int64(len(p.sel)) * int64(len(a.wins))
		} else {
			a.pairs += int64(len(p.sel))
		}
	}
	a.pairs += int64(len(a.late))
}

// enter makes the pane of t the current one.
func (a *assigner) enter(t int64) {
	var pane int64
	pane, a.from, a.to = a.s.paneOf(t)
	a.wins = a.s.windowsOf(pane, a.wins[:0])
	if a.covered = len(a.wins) > 0; a.covered {
		_, a.firstEnd = a.s.edges(a.wins[0])
	}
	if !a.each {
		a.cur = a.part(paneBucket(pane))
		return
	}
	a.cur, a.into = 0, a.into[:0]
	for _, x := range a.wins {
		start, end := a.s.edges(x)
		a.into = append(a.into, open{start, end, a.part(a.s.windowBucket(x))})
	}
}

// assignEach puts a row into each of its windows.
func (a *assigner) assignEach(row int32, w []int64) {
	for _, x := range a.into {
		if w != nil && isLate(x.end, a.grace, w[row]) {
			a.late = append(a.late, lateRow{row, x.start, x.end, w[row]})
			continue
		}
		p := &a.parts[x.part]
		p.sel = append(p.sel, row)
	}
}

// isLate says whether a window with an end is closed at w.
func isLate(end, grace, w int64) bool { return end <= w && end <= w-grace }

// part finds or adds the part of a bucket. A chunk has few.
func (a *assigner) part(bucket int64) int {
	for i := len(a.parts) - 1; i >= 0; i-- {
		if a.parts[i].bucket == bucket {
			return i
		}
	}
	// The memory of an earlier batch's part is used again.
	if len(a.parts) < cap(a.parts) {
		a.parts = a.parts[:len(a.parts)+1]
		p := &a.parts[len(a.parts)-1]
		p.bucket, p.sel = bucket, p.sel[:0]
	} else {
		a.parts = append(a.parts, part{bucket: bucket})
	}
	return len(a.parts) - 1
}

// assignLate deals with a row that is late for its first window at least.
func (a *assigner) assignLate(row int32, t, w int64) {
	pane := a.parts[a.cur].bucket >> 1
	a.wins = a.s.windowsOf(pane, a.wins[:0])
	for _, win := range a.wins {
		start, end := a.s.edges(win)
		if end <= w {
			a.late = append(a.late, lateRow{row, start, end, w})
			continue
		}
		p := &a.parts[a.part(a.s.windowBucket(win))]
		p.sel = append(p.sel, row)
	}
}

// lateBatch makes the rows of LatePort: the input columns cols of each late row,
// window_start, window_end and the watermark that it met.
func lateBatch(b *op.Batch, late []lateRow, cols []int, dt *arrow.TimestampType, ctx *op.Context) *op.Batch {
	sel := make([]int32, len(late))
	edges := [3][]arrow.Timestamp{}
	for i, l := range late {
		sel[i] = l.row
		edges[0] = append(edges[0], arrow.Timestamp(l.start))
		edges[1] = append(edges[1], arrow.Timestamp(l.end))
		edges[2] = append(edges[2], arrow.Timestamp(l.w))
	}
	out := &op.Batch{N: len(late)}
	for _, c := range cols {
		out.Cols = append(out.Cols, column.Gather(b.Cols[c], sel, ctx.Alloc))
	}
	for _, e := range edges {
		out.Cols = append(out.Cols, timestamps(e, dt, ctx))
	}
	return out
}

// edgeType is the type of window edges: that of the time attribute.
func edgeType(o *planner.WindowAgg, in []planner.Column) *arrow.TimestampType {
	col := o.Window.Time
	if o.Window.Kind == planner.AttachedWindow {
		col = o.Window.End
	}
	return in[col].Type.Arrow().(*arrow.TimestampType)
}

// timestamps makes a column of times.
func timestamps(v []arrow.Timestamp, dt *arrow.TimestampType, ctx *op.Context) arrow.Array {
	buf := column.NewBuffer(ctx.Alloc, 8*len(v))
	copy(column.As[arrow.Timestamp](buf, len(v)), v)
	return column.Make(dt, len(v), 0, []*memory.Buffer{nil, buf})
}

// pre is the half of a windowed aggregation that runs before the exchange. It
// sends each row with its bucket as one more column at the end.
type pre struct {
	ctx  *op.Context
	o    *planner.WindowAgg
	a    assigner
	edge *arrow.TimestampType
	two  *preAgg // two-phase aggregation; nil: rows are sent as they are
	all  bool    // rows of all buckets go together
}

var (
	_ op.Operator = (*pre)(nil)
	_ op.Balanced = (*pre)(nil)
)

// NewPre makes the first half of the operator; in are its input's columns.
func NewPre(o *planner.WindowAgg, in []planner.Column, ctx *op.Context) (op.Operator, error) {
	p := &pre{ctx: ctx, o: o, edge: edgeType(o, in), a: assigner{s: newSpec(o.Window), each: o.Updates(), grace: o.Lateness}}
	if o.TwoPhase {
		cfg, err := Config(o, in)
		if err != nil {
			return nil, err
		}
		a, err := agg.New(cfg)
		if err != nil {
			return nil, err
		}
		p.two = &preAgg{ctx: ctx, agg: a, groups: a.Open(nil, 0, 0)}
		p.all = !o.Updates() && sharesPanes(o.Window) && a.SharesPanes()
	}
	return p, nil
}

// Process implements op.Operator.
func (p *pre) Process(_ int, b *op.Batch, out op.Output) error {
	if p.o.Window.Kind == planner.AttachedWindow {
		return p.attached(b, out)
	}
	w := b.W
	if p.o.Window.Proc {
		w = nil
	}
	p.a.assign(b.Cols[p.o.Window.Time].(*array.Timestamp), w)
	c := p.ctx.Counters
	c[op.CountNoTime] += p.a.noTime
	c[countAssigned] += p.a.assigned
	c[op.CountPairs] += p.a.pairs
	return p.sendAll(b, out)
}

// attached sends rows whose window stands in two of their columns: the bucket is
// the window's end. Rows of a fired window carry no W; those that a window table
// function has just assigned do, and may be late.
func (p *pre) attached(b *op.Batch, out op.Output) error {
	starts, ends := b.Cols[p.o.Window.Start].(*array.Timestamp), b.Cols[p.o.Window.End].(*array.Timestamp)
	from, to := starts.TimestampValues(), ends.TimestampValues()
	p.a.parts, p.a.late = p.a.parts[:0], p.a.late[:0]
	c := p.ctx.Counters
	for i, end := range to {
		if ends.IsNull(i) || starts.IsNull(i) {
			c[op.CountNoTime]++
			continue
		}
		c[countAssigned]++
		c[op.CountPairs]++
		if b.W != nil && !p.o.Window.Proc && isLate(int64(end), p.o.Lateness, b.W[i]) {
			p.a.late = append(p.a.late, lateRow{int32(i), int64(from[i]), int64(end), b.W[i]})
			continue
		}
		q := &p.a.parts[p.a.part(int64(end))]
		q.sel = append(q.sel, int32(i))
	}
	return p.sendAll(b, out)
}

// sendAll emits what the assignment of a batch has found: late rows, then the
// rows of each bucket.
func (p *pre) sendAll(b *op.Batch, out op.Output) error {
	if n := len(p.a.late); n > 0 {
		p.ctx.Counters[op.CountLate] += int64(n)
		if p.o.LateCols != nil {
			late := lateBatch(b, p.a.late, p.o.LateCols, p.edge, p.ctx)
			err := out.Emit(planner.LatePort, late)
			late.Release()
			if err != nil {
				return err
			}
		}
	}
	if p.all {
		n := 0
		for i := range p.a.parts {
			n += len(p.a.parts[i].sel)
		}
		if n == 0 {
			return nil
		}
		return out.Emit(planner.MainPort, &op.Batch{N: n, Payload: p.two.aggregatePanes(p.a.parts, b.Cols)})
	}
	for i := range p.a.parts {
		if err := p.send(b, p.a.parts[i].bucket, p.a.parts[i].sel, out); err != nil {
			return err
		}
	}
	return nil
}

// send emits the rows of one bucket.
func (p *pre) send(b *op.Batch, bucket int64, sel []int32, out op.Output) error {
	if len(sel) == 0 {
		return nil
	}
	if p.two != nil {
		return out.Emit(planner.MainPort, &op.Batch{N: len(sel), Payload: p.two.aggregate(bucket, b.Cols, colvec.Ascending(sel))})
	}
	cols := make([]arrow.Array, 0, len(b.Cols)+1)
	for _, c := range b.Cols {
		if len(sel) == b.N {
			c.Retain()
			cols = append(cols, c)
		} else {
			cols = append(cols, column.Gather(c, sel, p.ctx.Alloc))
		}
	}
	rows := &op.Batch{N: len(sel), Kinds: b.Kinds}
	buf := column.NewBuffer(p.ctx.Alloc, 8*len(sel))
	for i, v := 0, column.As[int64](buf, len(sel)); i < len(v); i++ {
		v[i] = bucket
	}
	rows.Cols = append(cols, column.Make(arrow.PrimitiveTypes.Int64, len(sel), 0, []*memory.Buffer{nil, buf}))
	defer rows.Release()
	return out.Emit(planner.MainPort, rows)
}

// countAssigned counts the rows with a time.
const countAssigned = "assigned"

// Advance implements op.Operator.
func (p *pre) Advance(_ int, w int64, out op.Output) error { return out.Watermark(w) }

// End implements op.Operator.
func (p *pre) End(_ int, out op.Output) error { return out.End() }

// Balance implements op.Balanced.
func (p *pre) Balance(c op.Counters) string {
	return c.Equal(op.CountIn, op.CountNoTime, countAssigned)
}

// Close implements op.Operator.
func (p *pre) Close() {}

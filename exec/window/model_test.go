package window

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// rowIn is an input row: key, value, time, and the watermark that it meets.
type rowIn struct{ k, v, ts, w int64 }

var timestamp3 = catalog.Type{Kind: catalog.KindTimestamp, Precision: 3}

// columns of the input: k, v, ts.
var inputColumns = []planner.Column{
	{Name: "k", Type: catalog.BigInt, NotNull: true},
	{Name: "v", Type: catalog.BigInt, NotNull: true},
	{Name: "ts", Type: timestamp3},
}

// calls are COUNT(*), SUM(v), MIN(v) and COUNT(DISTINCT v), as many as wanted.
func calls(t testing.TB, n int) []planner.AggCall {
	t.Helper()
	all := []struct {
		fn       string
		arg      bool
		distinct bool
	}{{"COUNT", false, false}, {"SUM", true, false}, {"MIN", true, false}, {"COUNT", true, true}}
	var out []planner.AggCall
	for _, c := range all[:n] {
		for _, fn := range agg.Functions() {
			if fn.Name != c.fn {
				continue
			}
			call := planner.AggCall{Fn: fn, Filter: -1, Distinct: c.distinct, Name: c.fn}
			var args []catalog.Arg
			if c.arg {
				call.Args, args = []int{1}, []catalog.Arg{{Type: catalog.BigInt, Distinct: c.distinct}}
			}
			o, err := fn.Resolve(args)
			if err != nil {
				t.Fatal(err)
			}
			call.Overload = o
			out = append(out, call)
		}
	}
	return out
}

// collector takes what an operator emits: rows as text, folded.
type collector struct {
	t     testing.TB
	to    op.Operator
	rows  map[string]int
	late  int
	quiet bool
}

func (c *collector) Emit(port planner.Port, b *op.Batch) error {
	switch {
	case port == planner.LatePort:
		c.late += b.N
	case c.to != nil:
		return c.to.Process(0, b, &collector{t: c.t, rows: c.rows, quiet: c.quiet})
	case !c.quiet:
		for i := range b.N {
			text := ""
			for _, col := range b.Cols {
				text += col.ValueStr(i) + "|"
			}
			if b.Kind(i).Adds() {
				c.rows[text]++
			} else if c.rows[text]--; c.rows[text] < 0 {
				c.t.Fatalf("%s is taken back and does not stand", text)
			}
			if c.rows[text] == 0 {
				delete(c.rows, text)
			}
		}
	}
	return nil
}

func (c *collector) EmitSelected(port planner.Port, b *op.Batch, sel []int32) error {
	return c.Emit(port, b.Gather(sel, memory.DefaultAllocator))
}
func (c *collector) Watermark(int64) error { return nil }
func (c *collector) End() error            { return nil }

// pipeline is a windowed aggregation as it runs on one shard.
type pipeline struct {
	pre, main op.Operator
	ctx       *op.Context
	out       *collector
}

func newPipeline(t testing.TB, o *planner.WindowAgg) *pipeline {
	t.Helper()
	scan := &planner.Node{Op: &planner.Scan{}, Cols: inputColumns}
	node := &planner.Node{ID: 1, Op: o, Inputs: []planner.Edge{{From: scan}}, StateID: 7}
	context := func() *op.Context {
		return &op.Context{
			Alloc: memory.DefaultAllocator, BatchRows: 1000, Shards: 1, ShardOf: func(int) int { return 0 },
			Counters: op.Counters{}, Node: node, Now: time.Now,
		}
	}
	p := &pipeline{ctx: context()}
	var err error
	switch {
	case o.Window.Kind == planner.SessionWindow && o.Updates():
		p.main, err = NewSessionChanges(o, inputColumns, p.ctx)
	case o.Window.Kind == planner.SessionWindow:
		p.main, err = NewSession(o, inputColumns, p.ctx)
	case o.Updates():
		p.main, err = NewUpdating(o, inputColumns, p.ctx)
	default:
		p.main, err = New(o, inputColumns, p.ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	if o.Window.Kind != planner.SessionWindow {
		if p.pre, err = NewPre(o, inputColumns, context()); err != nil {
			t.Fatal(err)
		}
	}
	p.out = &collector{t: t, rows: map[string]int{}}
	return p
}

func (p *pipeline) run(t testing.TB, b *op.Batch, mark int64) {
	t.Helper()
	var err error
	if p.pre != nil {
		first := &collector{t: t, to: p.main, rows: p.out.rows, quiet: p.out.quiet}
		err = p.pre.Process(0, b, first)
		p.out.late += first.late
	} else {
		err = p.main.Process(0, b, p.out)
	}
	if err == nil {
		err = p.main.Advance(0, mark, p.out)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// batchOf makes a batch of rows.
func batchOf(rows []rowIn) *op.Batch {
	var cols [3][]int64
	b := &op.Batch{N: len(rows)}
	for _, r := range rows {
		cols[0], cols[1], cols[2] = append(cols[0], r.k), append(cols[1], r.v), append(cols[2], r.ts)
		b.W = append(b.W, r.w)
	}
	for i, c := range cols {
		if i == 2 {
			bld := array.NewTimestampBuilder(memory.DefaultAllocator, timestamp3.Arrow().(*arrow.TimestampType))
			for _, v := range c {
				bld.Append(arrow.Timestamp(v))
			}
			b.Cols = append(b.Cols, bld.NewArray())
			continue
		}
		bld := array.NewInt64Builder(memory.DefaultAllocator)
		bld.AppendValues(c, nil)
		b.Cols = append(b.Cols, bld.NewArray())
	}
	return b
}

// group is a row that must come out.
type group struct {
	k, start, end int64
	vals          []int64
}

func (g group) text(n int) string {
	sum, least, set := int64(0), g.vals[0], map[int64]bool{}
	for _, v := range g.vals {
		sum, least = sum+v, min(least, v)
		set[v] = true
	}
	out := fmt.Sprintf("%d|", g.k)
	for _, v := range []int64{int64(len(g.vals)), sum, least, int64(len(set))}[:n] {
		out += fmt.Sprintf("%d|", v)
	}
	stamp := func(us int64) string {
		c := batchOf([]rowIn{{ts: us}}).Cols[2]
		return c.ValueStr(0) + "|"
	}
	return out + stamp(g.start) + stamp(g.end) + stamp(g.end-1000)
}

// windowsNaive lists the windows of a time by the definition.
func windowsNaive(w planner.Window, ts int64) (out [][2]int64) {
	switch w.Kind {
	case planner.CumulateWindow:
		base := floorDiv(ts-w.Offset, w.Size)*w.Size + w.Offset
		for end := base + w.Slide; end <= base+w.Size; end += w.Slide {
			if end > ts {
				out = append(out, [2]int64{base, end})
			}
		}
	default:
		slide := w.Slide
		if w.Kind == planner.TumbleWindow {
			slide = w.Size
		}
		for start := floorDiv(ts-w.Offset, slide)*slide + w.Offset; start+w.Size > ts; start -= slide {
			out = append(out, [2]int64{start, start + w.Size})
		}
	}
	return out
}

// expected computes groups and late pairs row by row (semantics 2).
func expected(o *planner.WindowAgg, rows []rowIn) (groups []group, late int) {
	if o.Window.Kind == planner.SessionWindow {
		return expectedSessions(o.Window.Size, o.Lateness, rows)
	}
	at := map[[3]int64]int{}
	for _, r := range rows {
		for _, w := range windowsNaive(o.Window, r.ts) {
			if w[1]+o.Lateness <= r.w {
				late++
				continue
			}
			key := [3]int64{r.k, w[0], w[1]}
			i, ok := at[key]
			if !ok {
				i, at[key] = len(groups), len(groups)
				groups = append(groups, group{k: r.k, start: w[0], end: w[1]})
			}
			groups[i].vals = append(groups[i].vals, r.v)
		}
	}
	return groups, late
}

func expectedSessions(gap, grace int64, rows []rowIn) (all []group, late int) {
	for _, r := range rows {
		g := group{r.k, r.ts, r.ts + gap, []int64{r.v}}
		merged := false
		for again := true; again; {
			again = false
			for i, s := range all {
				if s.k == r.k && s.end+grace > r.w && s.start <= g.end && g.start <= s.end {
					g = group{r.k, min(g.start, s.start), max(g.end, s.end), append(g.vals, s.vals...)}
					all = slices.Delete(all, i, i+1)
					again, merged = true, true
					break
				}
			}
		}
		if !merged && g.end+grace <= r.w {
			late++
			continue
		}
		all = append(all, g)
	}
	return all, late
}

// TestModel: random rows, many out of order, in batches of any size, against the
// definition row by row. In the end the state is empty and the counts add up.
func TestModel(t *testing.T) {
	const s = int64(1e6)
	windows := []planner.Window{
		{Kind: planner.TumbleWindow, Size: 10 * s},
		{Kind: planner.TumbleWindow, Size: 10 * s, Offset: 3 * s},
		{Kind: planner.HopWindow, Size: 10 * s, Slide: 2 * s},
		{Kind: planner.HopWindow, Size: 30 * s, Slide: s, Offset: s / 2},
		{Kind: planner.HopWindow, Size: 10 * s, Slide: 3 * s},
		{Kind: planner.HopWindow, Size: 4 * s, Slide: 10 * s},
		{Kind: planner.CumulateWindow, Size: 20 * s, Slide: 4 * s},
		{Kind: planner.SessionWindow, Size: 2 * s},
		{Kind: planner.SessionWindow, Size: s / 4},
	}
	modes := []planner.WindowAgg{{}, {TwoPhase: true}, {Emit: planner.EmitChanges, EmitBefore: true}, {Lateness: 5 * s, EmitBefore: true}, {Emit: planner.EmitChanges, Lateness: 3 * s, TwoPhase: true, EmitBefore: true}}
	for seed := range uint64(90) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		win := windows[int(seed)%len(windows)]
		o := modes[rnd.IntN(len(modes))]
		if win.Kind == planner.SessionWindow {
			o.TwoPhase = false
		}
		win.Time = 2
		n := 1 + rnd.IntN(4)
		o.Window, o.Keys, o.Aggs = win, []int{0}, calls(t, n)
		name := fmt.Sprintf("seed=%d/%v/calls=%d", seed, win, n)
		rows := make([]rowIn, 600)
		keys, delay, spread := 1+rnd.Int64N(8), rnd.Int64N(15*s), 1+rnd.Int64N(30*s)
		w := op.MinTime
		for i := range rows {
			ts := (int64(i)*s/5 + rnd.Int64N(spread)) / 1000 * 1000
			rows[i] = rowIn{rnd.Int64N(keys), rnd.Int64N(50), ts, w}
			w = max(w, ts-delay)
		}
		p := newPipeline(t, &o)
		for from := 0; from < len(rows); {
			to := min(len(rows), from+1+rnd.IntN(60))
			mark := op.MinTime
			if to < len(rows) {
				mark = rows[to].w
			} else {
				mark = w
			}
			p.run(t, batchOf(rows[from:to]), mark)
			if f, ok := p.main.(op.Flusher); ok && rnd.IntN(3) == 0 {
				if err := f.Flush(true, p.out); err != nil {
					t.Fatal(err)
				}
			}
			from = to
		}
		if err := p.main.Advance(0, op.MaxTime, p.out); err != nil {
			t.Fatal(err)
		}
		want, late := expected(&o, rows)
		left := p.out.rows
		for _, g := range want {
			text := g.text(n)
			if left[text] != 1 {
				t.Errorf("%s: %s is there %d times", name, text, left[text])
			}
			delete(left, text)
		}
		for text := range left {
			t.Errorf("%s: %s is too many", name, text)
		}
		counts := op.Counters{}
		p.main.(op.Gauges).Gauges(counts)
		if counts[op.CountOpen] != 0 || counts[op.CountHeld] != 0 {
			t.Errorf("%s: state is left: %v", name, counts)
		}
		got := p.ctx.Counters[op.CountLate]
		if p.pre != nil {
			got = p.pre.(*pre).ctx.Counters[op.CountLate]
		}
		if int(got) != late {
			t.Errorf("%s: %d late pairs, want %d", name, got, late)
		}
		if t.Failed() {
			return
		}
	}
}

// BenchmarkWindow: rows per window kind; 1000 keys, 8192 rows a batch, a second
// of event time each, watermarks after every batch.
func BenchmarkWindow(b *testing.B) {
	const s = int64(1e6)
	for _, c := range []struct {
		name string
		win  planner.Window
	}{
		{"tumble_60s", planner.Window{Kind: planner.TumbleWindow, Size: 60 * s}},
		{"tumble_1s", planner.Window{Kind: planner.TumbleWindow, Size: s}},
		{"hop_60s_by_1s", planner.Window{Kind: planner.HopWindow, Size: 60 * s, Slide: s}},
		{"cumulate_60s_by_1s", planner.Window{Kind: planner.CumulateWindow, Size: 60 * s, Slide: s}},
		{"session_500ms", planner.Window{Kind: planner.SessionWindow, Size: s / 2}},
		{"session_10ms", planner.Window{Kind: planner.SessionWindow, Size: s / 100}},
	} {
		for _, n := range []int{2, 3} {
			b.Run(fmt.Sprintf("%s/calls=%d", c.name, n), func(b *testing.B) {
				rnd := rand.New(rand.NewPCG(1, 1))
				win := c.win
				win.Time = 2
				p := newPipeline(b, &planner.WindowAgg{Window: win, Keys: []int{0}, Aggs: calls(b, n), TwoPhase: win.Kind != planner.SessionWindow})
				p.out.quiet = true
				const size = 8192
				var batches []*op.Batch
				for i := range 240 {
					rows := make([]rowIn, size)
					for j := range rows {
						ts := int64(i)*s + int64(j)*s/size
						rows[j] = rowIn{rnd.Int64N(1000), rnd.Int64N(1000), ts, ts - 2*s}
					}
					batches = append(batches, batchOf(rows))
				}
				b.ResetTimer()
				for i := range b.N {
					k := i % len(batches)
					if k == 0 {
						b.StopTimer()
						quiet := p.out
						p = newPipeline(b, &planner.WindowAgg{Window: win, Keys: []int{0}, Aggs: calls(b, n), TwoPhase: win.Kind != planner.SessionWindow})
						p.out = quiet
						b.StartTimer()
					}
					p.run(b, batches[k], int64(k-1)*s)
				}
				b.ReportMetric(float64(b.N)*size/b.Elapsed().Seconds()/1e6, "Mrows/s")
			})
		}
	}
}

package window

import (
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore/table"
)

// BenchmarkSlide makes windows of 60 panes one after the other, each with keys of
// its own choice, in (key, pane) pairs a second: of COUNT and SUM, which are taken
// out again, of MIN too, which is two stacks, and of COUNT(DISTINCT), of which spans
// are merged.
func BenchmarkSlide(b *testing.B) {
	for _, c := range []struct {
		name      string
		calls     int
		keys, per int64
	}{
		{"sum/100", 2, 100, 100}, {"sum/100000", 2, 100_000, 20_000},
		{"min/100", 3, 100, 100}, {"min/100000", 3, 100_000, 20_000},
		{"distinct/100", 4, 100, 100},
	} {
		b.Run(c.name, func(b *testing.B) {
			o := &planner.WindowAgg{Window: planner.Window{Kind: planner.HopWindow, Size: 60, Slide: 1}, Keys: []int{0}, Aggs: calls(b, c.calls)}
			cfg, err := Config(o, inputColumns)
			if err != nil {
				b.Fatal(err)
			}
			a, err := agg.New(cfg)
			if err != nil {
				b.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(1, 2))
			rows := func() []arrow.Array {
				bld := array.NewInt64Builder(memory.DefaultAllocator)
				for range c.per {
					bld.Append(rng.Int64N(c.keys))
				}
				col := bld.NewArray()
				return []arrow.Array{col, col, col}
			}
			step := slideStep(a, rows, int(c.per))
			if a.SharesPanes() {
				step = panesStep(a, rows, int(c.per))
			}
			for at := range int64(60) {
				step(at)
			}
			b.ResetTimer()
			for n := range b.N {
				step(int64(60 + n))
			}
			b.ReportMetric(float64(b.N)*float64(c.per)/b.Elapsed().Seconds()/1e6, "Mpairs/s")
		})
	}
}

// slideStep gives a function that makes the window that ends with a pane.
func slideStep(a *agg.Aggregator, rows func() []arrow.Array, n int) func(at int64) {
	panes := map[int64]*agg.Groups{}
	s := newSlide(a, func(p int64) *agg.Groups { return panes[p] })
	return func(at int64) {
		g := a.Open(nil, 0, 0)
		a.Update(g, rows(), colvec.All(n))
		panes[at] = g
		s.window(at-59, at+1)
		s.evict(at - 58)
		delete(panes, at-59)
	}
}

// panesStep is slideStep by agg.Panes, which make copies of the window too.
func panesStep(a *agg.Aggregator, rows func() []arrow.Array, n int) func(at int64) {
	st := table.New(1)
	p := a.NewPanes()
	panes := map[int64]*agg.Pane{}
	var copies agg.Captured
	return func(at int64) {
		x := p.Open(st, at, at)
		p.Update(x, rows(), colvec.All(n))
		panes[at] = x
		p.Enter(x)
		copies.Reset()
		p.Capture(p.Active(), &copies)
		if old := panes[at-59]; old != nil {
			p.Leave()
			p.Drop(old)
			st.DropBucket(at - 59)
			delete(panes, at-59)
		}
	}
}

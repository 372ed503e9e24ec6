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
)

// BenchmarkSlide makes windows of 60 panes one after the other, each with keys of
// its own choice, in (key, pane) pairs a second. Of COUNT and SUM panes are taken
// out again, of MIN they can't be.
func BenchmarkSlide(b *testing.B) {
	for _, c := range []struct {
		name      string
		calls     int
		keys, per int64
	}{
		{"sum/100", 2, 100, 100}, {"sum/100000", 2, 100_000, 20_000},
		{"min/100", 3, 100, 100}, {"min/100000", 3, 100_000, 20_000},
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
			panes := map[int64]*agg.Groups{}
			s := newSlide(a, func(p int64) *agg.Groups { return panes[p] })
			rng := rand.New(rand.NewPCG(1, 2))
			step := func(at int64) {
				bld := array.NewInt64Builder(memory.DefaultAllocator)
				for range c.per {
					bld.Append(rng.Int64N(c.keys))
				}
				col := bld.NewArray()
				g := a.Open(nil, 0, 0)
				a.Update(g, []arrow.Array{col, col, col}, colvec.All(int(c.per)))
				panes[at] = g
				s.window(at-59, at+1)
				s.evict(at - 58)
				delete(panes, at-59)
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

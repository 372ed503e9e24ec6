package window

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// BenchmarkSessionsOfKey adds rows to the sessions of one key, of which the
// watermark keeps many open: rows anywhere among them, and rows of the last one.
func BenchmarkSessionsOfKey(b *testing.B) {
	for _, open := range []int64{1, 10, 100, 1000, 10_000} {
		for _, where := range []string{"anywhere", "last"} {
			b.Run(fmt.Sprintf("%d/%s", open, where), func(b *testing.B) {
				const gap, every = int64(1e6), int64(3e6)
				o := &planner.WindowAgg{
					Window: planner.Window{Kind: planner.SessionWindow, Size: gap, Time: 2}, Keys: []int{0}, Aggs: calls(b, 2),
				}
				p := newPipeline(b, o)
				p.out.quiet = true
				rng := rand.New(rand.NewPCG(1, 2))
				batch := func(n int, at func(i int) int64) *op.Batch {
					rows := make([]rowIn, n)
					for i := range rows {
						rows[i] = rowIn{k: 1, v: 1, ts: at(i) * every, w: -1e9}
					}
					return batchOf(rows)
				}
				for from := int64(0); from < open; from += 1000 {
					p.run(b, batch(int(min(1000, open-from)), func(i int) int64 { return from + int64(i) }), -1e9)
				}
				rows := batch(1024, func(int) int64 {
					if where == "last" {
						return open - 1
					}
					return rng.Int64N(open)
				})
				b.ResetTimer()
				for range b.N {
					p.run(b, rows, -1e9)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1024, "ns/row")
			})
		}
	}
}

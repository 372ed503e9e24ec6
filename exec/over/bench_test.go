package over

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// sinkhole is an Output that counts.
type sinkhole struct{ rows int }

func (s *sinkhole) Emit(_ planner.Port, b *op.Batch) error { s.rows += b.N; return nil }
func (s *sinkhole) EmitSelected(_ planner.Port, _ *op.Batch, sel []int32) error {
	s.rows += len(sel)
	return nil
}
func (s *sinkhole) Watermark(int64) error { return nil }
func (s *sinkhole) End() error            { return nil }

// BenchmarkTimed is OVER in the order of time: a row each millisecond, 8192 rows
// a batch, keys at random, a watermark after each batch. An operation is a row.
func BenchmarkTimed(b *testing.B) {
	cols := []planner.Column{{Name: "k", Type: catalog.BigInt, NotNull: true}, {Name: "v", Type: catalog.BigInt, NotNull: true}, {Name: "ts", Type: catalog.Timestamp3, NotNull: true}}
	here := planner.FrameBound{Kind: planner.CurrentRow}
	span := func(ms int64) planner.Frame {
		return planner.Frame{Unit: planner.RangeFrame, Upper: here, Lower: planner.FrameBound{Kind: planner.Preceding, Range: &catalog.Literal{Value: 1000 * ms, T: catalog.IntervalDay}}}
	}
	back := func(n int64) planner.Frame {
		return rowsFrame(planner.FrameBound{Kind: planner.Preceding, Rows: n}, here)
	}
	grow := planner.Frame{Unit: planner.RangeFrame, Upper: here}
	for _, c := range []struct {
		name  string
		calls []planner.OverCall
	}{
		{"row-number", []planner.OverCall{{Kind: planner.OverRowNumber, Filter: -1, Type: catalog.BigInt}}},
		{"sum-unbounded", []planner.OverCall{aggregate(b, "SUM", grow)}},
		{"lag", []planner.OverCall{{Kind: planner.OverLag, Args: []int{1}, N: 1, Filter: -1, Type: catalog.BigInt}}},
		{"sum-10-rows", []planner.OverCall{aggregate(b, "SUM", back(9))}},
		{"max-10-rows", []planner.OverCall{aggregate(b, "MAX", back(9))}},
		{"sum-10-in-span", []planner.OverCall{aggregate(b, "SUM", span(10_000))}},
		{"sum-1000-in-span", []planner.OverCall{aggregate(b, "SUM", span(1_000_000))}},
		{"max-1000-in-span", []planner.OverCall{aggregate(b, "MAX", span(1_000_000))}},
	} {
		for _, keys := range []int{1000} {
			b.Run(fmt.Sprintf("%s/keys=%d", c.name, keys), func(b *testing.B) {
				o := &planner.Over{Partition: []int{0}, Order: []planner.SortKey{{Col: 2}}, Calls: c.calls, ByTime: true, WindowStart: -1, WindowEnd: -1}
				x, err := newTimed(o, cols, contextFor(o, 8192))
				if err != nil {
					b.Fatal(err)
				}
				r := rand.New(rand.NewPCG(1, 1))
				now := int64(0)
				out := &sinkhole{}
				const size = 8192
				round := func() {
					rows := make([]testRow, size)
					for i := range rows {
						now += 1000
						rows[i] = testRow{int64(r.IntN(keys)), int64(i), now}
					}
					batch := batchOf(b, rows, nil, cols)
					b.StartTimer()
					if err := x.Process(0, batch, out); err != nil {
						b.Fatal(err)
					}
					if err := x.Advance(0, now, out); err != nil {
						b.Fatal(err)
					}
					b.StopTimer()
				}
				if c.name == "sum-1000-in-span" || c.name == "max-1000-in-span" {
					for range 1_000_000 / size {
						round()
					}
				}
				b.ReportAllocs()
				b.ResetTimer()
				b.StopTimer()
				for n := 0; n < b.N; n += size {
					round()
				}
			})
		}
	}
}

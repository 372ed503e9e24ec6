package rank

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// Bids as Nexmark has them: auction, bidder, price, ts and 120 bytes of text.
var bidColumns = []planner.Column{
	{Name: "auction", Type: catalog.BigInt}, {Name: "bidder", Type: catalog.BigInt}, {Name: "price", Type: catalog.BigInt},
	{Name: "ts", Type: catalog.Timestamp3}, {Name: "extra", Type: catalog.String},
}

func bidBatch(rng *rand.Rand, n, keys int, from int64) *op.Batch {
	b := &op.Batch{N: n}
	ints := func(f func() int64) arrow.Array {
		bld := array.NewInt64Builder(memory.DefaultAllocator)
		for range n {
			bld.Append(f())
		}
		return bld.NewArray()
	}
	b.Cols = append(b.Cols, ints(func() int64 { return rng.Int64N(int64(keys)) }), ints(func() int64 { return rng.Int64N(100) }), ints(func() int64 { return rng.Int64N(1_000_000) }))
	ts := array.NewTimestampBuilder(memory.DefaultAllocator, catalog.Timestamp3.Arrow().(*arrow.TimestampType))
	text := array.NewStringBuilder(memory.DefaultAllocator)
	filler := fmt.Sprintf("%0120d", 7)
	for i := range n {
		ts.Append(arrow.Timestamp(from + int64(i)))
		text.Append(filler)
	}
	b.Cols = append(b.Cols, ts.NewArray(), text.NewArray())
	return b
}

// sinkhole takes rows and forgets them.
type sinkhole struct{ rows int }

func (s *sinkhole) Emit(_ planner.Port, b *op.Batch) error { s.rows += b.N; return nil }
func (s *sinkhole) EmitSelected(_ planner.Port, _ *op.Batch, sel []int32) error {
	s.rows += len(sel)
	return nil
}
func (*sinkhole) Watermark(int64) error { return nil }
func (*sinkhole) End() error            { return nil }

func BenchmarkRank(b *testing.B) {
	for _, c := range []struct {
		name string
		o    planner.Rank
		keys int
	}{
		{"last", planner.Rank{Kind: planner.OverRowNumber, Partition: []int{1, 0}, Order: []planner.SortKey{{Col: 3, Desc: true}}, From: 1, To: 1}, 10_000},
		{"top10", planner.Rank{Kind: planner.OverRowNumber, Partition: []int{0}, Order: []planner.SortKey{{Col: 2, Desc: true}, {Col: 3}}, From: 1, To: 10, Show: true}, 10_000},
	} {
		for _, atEnd := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/end=%v", c.name, atEnd), func(b *testing.B) {
				o := c.o
				o.Tie, o.WindowStart, o.WindowEnd, o.AtEnd, o.EmitBefore = -1, -1, -1, atEnd, true
				in := &planner.Node{Cols: bidColumns, Props: planner.Properties{Kinds: planner.KindSet(0).With(catalog.Insert)}}
				ctx := &op.Context{Alloc: memory.DefaultAllocator, BatchRows: 8192, Counters: op.Counters{}, Now: time.Now, Node: &planner.Node{StateID: 1}}
				r, err := New(&o, in, ctx)
				if err != nil {
					b.Fatal(err)
				}
				rng := rand.New(rand.NewPCG(1, 1))
				var batches []*op.Batch
				for i := range 64 {
					batches = append(batches, bidBatch(rng, 8192, c.keys, int64(i)*8192))
				}
				out := &sinkhole{}
				b.ReportAllocs()
				b.ResetTimer()
				rows := 0
				for i := 0; b.Loop(); i++ {
					if err := r.Process(0, batches[i%64], out); err != nil {
						b.Fatal(err)
					}
					if rows += 8192; i%64 == 63 {
						if err := r.(op.Flusher).Flush(false, out); err != nil {
							b.Fatal(err)
						}
					}
				}
				b.ReportMetric(float64(rows)/b.Elapsed().Seconds()/1e6, "Mrows/s")
			})
		}
	}
}

package timejoin

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
	"github.com/streamsql/streamsql/internal/bufpool"
	"github.com/streamsql/streamsql/planner"
)

// discard takes what an operator emits.
type discard struct{ rows int }

func (d *discard) Emit(_ planner.Port, b *op.Batch) error { d.rows += b.N; return nil }
func (d *discard) EmitSelected(_ planner.Port, _ *op.Batch, sel []int32) error {
	d.rows += len(sel)
	return nil
}
func (d *discard) Watermark(int64) error { return nil }
func (d *discard) End() error            { return nil }

// benchBatch has columns (key, text, time, number); times ascend by step.
func benchBatch(rng *rand.Rand, n, keys int, from, step int64, alloc memory.Allocator) *op.Batch {
	key, text, number := array.NewInt32Builder(alloc), array.NewStringBuilder(alloc), array.NewInt64Builder(alloc)
	ts := array.NewTimestampBuilder(alloc, catalog.Timestamp3.Arrow().(*arrow.TimestampType))
	for i := range n {
		key.Append(int32(rng.IntN(keys)))
		text.Append("some text of a row")
		ts.Append(arrow.Timestamp(from + int64(i)*step))
		number.Append(int64(i))
	}
	return &op.Batch{N: n, Cols: []arrow.Array{key.NewArray(), text.NewArray(), ts.NewArray(), number.NewArray()}}
}

// BenchmarkInterval joins two streams of 100k rows a second of event time each,
// within 2 s of each other, watermarks 1 s behind; rows of both sides are counted.
func BenchmarkInterval(b *testing.B) {
	for _, keys := range []int{100_000, 1_000_000} {
		for _, kind := range []planner.JoinKind{planner.InnerJoin, planner.LeftJoin} {
			b.Run(fmt.Sprintf("%v/keys=%d", kind, keys), func(b *testing.B) {
				o := &planner.IntervalJoin{Pairing: planner.Pairing{Kind: kind, Keys: [2][]int{{0}, {0}}, Emit: emitted(kind)}, Time: [2]int{2, 2}, Before: 2 * second, After: 2 * second}
				in := cols(catalog.Int, catalog.String, catalog.Timestamp3, catalog.BigInt)
				alloc := bufpool.New(64 << 20)
				ctx := &op.Context{Alloc: alloc, Zone: time.UTC, Now: time.Now, BatchRows: 4096, Shards: 1, Counters: op.Counters{}, Node: &planner.Node{Op: o, StateID: 1}}
				j, err := NewInterval(o, in, in, nil, ctx)
				if err != nil {
					b.Fatal(err)
				}
				const n, step = 4096, 10
				rng := rand.New(rand.NewPCG(1, 1))
				var out discard
				b.ReportAllocs()
				at, rows := int64(0), 0
				for b.Loop() {
					b.StopTimer()
					batch := benchBatch(rng, n, keys, at, step, alloc)
					b.StartTimer()
					for side := range 2 {
						if err := j.Process(side, batch, &out); err != nil {
							b.Fatal(err)
						}
					}
					at += n * step
					for side := range 2 {
						if err := j.Advance(side, at-second, &out); err != nil {
							b.Fatal(err)
						}
					}
					rows += 2 * n
					b.StopTimer()
					batch.Release()
					b.StartTimer()
				}
				b.ReportMetric(float64(rows)/b.Elapsed().Seconds()/1e6, "Mrows/s")
				b.ReportMetric(float64(out.rows)/float64(rows), "pairs/row")
			})
		}
	}
}

package hash

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

func BenchmarkUpsert(b *testing.B) {
	for _, keys := range []int{10_000, 100_000, 1_000_000, 10_000_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 2))
			bl := array.NewInt64Builder(memory.DefaultAllocator)
			const N = 1 << 24
			for range N {
				bl.Append(rng.Int64N(int64(keys)))
			}
			a := bl.NewArray()
			l, _ := NewLayout([]catalog.Type{catalog.BigInt})
			t := NewTable(l, 3)
			enc := NewEncoder(l)
			cols := []arrow.Array{a}
			const chunk = 1024
			var refs Refs
			sum := func(rows int) {
				for at := 0; at < rows; at += chunk {
					p := at % N
					k := enc.Encode(cols, colvec.Rows{From: p, To: p + chunk})
					t.Upsert(k, &refs)
					for _, p := range refs.Rows {
						*At[uint64](p, 0) += CountOne
					}
					v := a.(*array.Int64).Int64Values()[p : p+chunk]
					for i, p := range refs.Rows {
						x := v[i]
						s := At[[3]uint64](p, 2)
						lo, c := bits.Add64(s[0], uint64(x), 0)
						s[0] = lo
						s[1] += uint64(x>>63) + c
						s[2]++
					}
				}
			}
			fill := array.NewInt64Builder(memory.DefaultAllocator)
			for i := range keys {
				fill.Append(int64(i))
			}
			fc := []arrow.Array{fill.NewArray()}
			for p := 0; p+chunk <= keys; p += chunk {
				t.Upsert(enc.Encode(fc, colvec.Rows{From: p, To: p + chunk}), &refs)
			}
			sum(N)
			b.ResetTimer()
			rows := 0
			for range b.N {
				sum(1 << 20)
				rows += 1 << 20
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds()/1e6, "Mrows/s")
			b.ReportMetric(float64(t.Bytes())/float64(t.Len()), "B/key")
		})
	}
}

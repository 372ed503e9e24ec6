package hash

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkRandomAccess is what the memory allows a table: a slot of 8 bytes and a
// row of 40 at random for each input row, loaded for 512 of them at a time with
// nothing in between, so that as many loads overlap as the processor can.
func BenchmarkRandomAccess(b *testing.B) {
	for _, keys := range []int{10_000, 100_000, 1_000_000, 10_000_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			slots := 1
			for slots < keys+keys/2 {
				slots *= 2
			}
			index, rows := make([]uint64, slots), make([]uint64, 5*keys)
			adviseHuge(index)
			adviseHuge(rows)
			for i := range index {
				index[i] = uint64(i % keys)
			}
			for i := range rows {
				rows[i] = 1
			}
			rng := rand.New(rand.NewPCG(1, 2))
			at := make([]uint32, 1<<22)
			for i := range at {
				at[i] = uint32(rng.Uint64N(uint64(slots)))
			}
			found := make([]uint64, 512)
			n := 0
			b.ResetTimer()
			for range b.N {
				for from := 0; from < 1<<20; from += len(found) {
					p := at[(n+from)&(1<<22-1):][:len(found)]
					for i, s := range p {
						found[i] = index[s]
					}
					for _, row := range found {
						r := rows[5*row : 5*row+5]
						r[0]++
						r[2] += row
					}
				}
				n += 1 << 20
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}

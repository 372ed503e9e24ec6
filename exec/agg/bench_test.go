package agg

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// benchBatch is the rows of a batch in the benchmarks.
const benchBatch = 16 << 10

// benchRun loads every key once and then times updates at random keys. The rate
// is of one core: run with -cpu 1.
func benchRun(b *testing.B, keys int, a *Aggregator, g *Groups, columns func(keys []int64) []arrow.Array) {
	ids := make([]int64, benchBatch)
	for at := 0; at < keys; at += benchBatch {
		for i := range ids {
			ids[i] = int64((at + i) % keys)
		}
		a.Update(g, columns(ids), colvec.All(benchBatch))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var batches [][]arrow.Array
	for range 256 {
		for i := range ids {
			ids[i] = rng.Int64N(int64(keys))
		}
		batches = append(batches, columns(ids))
	}
	b.ReportAllocs()
	b.ResetTimer()
	for n := range b.N {
		a.Update(g, batches[n%len(batches)], colvec.All(benchBatch))
	}
	rate := float64(b.N) * benchBatch / b.Elapsed().Seconds()
	b.ReportMetric(rate/1e6, "Mrows/s")
	b.ReportMetric(1e9/rate, "ns/row")
	b.ReportMetric(float64(g.Bytes())/float64(g.Len()), "B/key")
}

func mustNew(b testing.TB, cfg Config) *Aggregator {
	a, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	return a
}

func mustResolve(b testing.TB, name string, distinct bool, args ...catalog.Type) Spec {
	s, err := Resolve(name, args, distinct)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func int64Column(v []int64) arrow.Array {
	bl := array.NewInt64Builder(memory.DefaultAllocator)
	bl.AppendValues(v, nil)
	return bl.NewArray()
}

// BenchmarkCountSum is SELECT k, COUNT(*), SUM(v) GROUP BY k with BIGINT k and v.
func BenchmarkCountSum(b *testing.B) {
	for _, keys := range []int{10_000, 100_000, 1_000_000, 10_000_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			a := mustNew(b, Config{
				Keys: []Key{{0, catalog.BigInt}},
				Calls: []Call{
					{Spec: mustResolve(b, "COUNT", false), Filter: -1},
					{Spec: mustResolve(b, "SUM", false, catalog.BigInt), Arg: 1, Filter: -1},
				},
			})
			benchRun(b, keys, a, a.Open(nil, 0, 0), func(k []int64) []arrow.Array {
				c := int64Column(k)
				return []arrow.Array{c, c}
			})
		})
	}
}

// BenchmarkStringKey is SELECT s, COUNT(*), SUM(v) GROUP BY s with STRING s.
func BenchmarkStringKey(b *testing.B) {
	for _, c := range []struct{ name, format string }{{"len=10", "key-%06d"}, {"len=24", "https://example/k/%06d"}} {
		b.Run(c.name, func(b *testing.B) {
			a := mustNew(b, Config{
				Keys: []Key{{0, catalog.String}},
				Calls: []Call{
					{Spec: mustResolve(b, "COUNT", false), Filter: -1},
					{Spec: mustResolve(b, "SUM", false, catalog.BigInt), Arg: 1, Filter: -1},
				},
			})
			benchRun(b, 100_000, a, a.Open(nil, 0, 0), func(k []int64) []arrow.Array {
				bl := array.NewStringBuilder(memory.DefaultAllocator)
				for _, v := range k {
					bl.Append(fmt.Sprintf(c.format, v))
				}
				return []arrow.Array{bl.NewArray(), int64Column(k)}
			})
		})
	}
}

// BenchmarkExactSum is SELECT k, SUM(d) GROUP BY k, exact, next to what adds
// nothing: the difference is the price of the sum.
func BenchmarkExactSum(b *testing.B) {
	money := func(rng *rand.Rand) float64 { return float64(rng.IntN(1_000_000)) / 100 }
	uniform := func(rng *rand.Rand) float64 { return rng.Float64() }
	wide := func(rng *rand.Rand) float64 { return rng.NormFloat64() * pow2(rng.IntN(120)-60) }
	huge := func(rng *rand.Rand) float64 { return rng.NormFloat64() * pow2(rng.IntN(1200)-600) }
	for _, c := range []struct {
		name string
		gen  func(*rand.Rand) float64
	}{{"none", nil}, {"money", money}, {"uniform", uniform}, {"2^±60", wide}, {"2^±600", huge}} {
		b.Run(c.name, func(b *testing.B) {
			cfg := Config{Keys: []Key{{0, catalog.BigInt}}}
			if c.gen != nil {
				cfg.Calls = []Call{{Spec: mustResolve(b, "SUM", false, catalog.Double), Arg: 1, Filter: -1, ArgNotNull: true}}
			} else {
				cfg.Calls = []Call{{Spec: mustResolve(b, "COUNT", false), Filter: -1}}
			}
			a := mustNew(b, cfg)
			rng := rand.New(rand.NewPCG(3, 4))
			benchRun(b, 100_000, a, a.Open(nil, 0, 0), func(k []int64) []arrow.Array {
				bl := array.NewFloat64Builder(memory.DefaultAllocator)
				for range k {
					if c.gen != nil {
						bl.Append(c.gen(rng))
					} else {
						bl.Append(0)
					}
				}
				return []arrow.Array{int64Column(k), bl.NewArray()}
			})
		})
	}
}

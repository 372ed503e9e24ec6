package agg

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/statestore/table"
)

// benchBatch is the rows of a batch in the benchmarks.
const benchBatch = 16 << 10

// cpuTime is the CPU time that the process has used: other work on the machine
// does not count.
func cpuTime(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// benchRun loads every key once and then times updates at random keys. The rate
// is per second of CPU time.
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
	runtime.GC()
	b.ReportAllocs()
	b.ResetTimer()
	start := cpuTime(b)
	for n := range b.N {
		a.Update(g, batches[n%len(batches)], colvec.All(benchBatch))
	}
	rate := float64(b.N) * benchBatch / (cpuTime(b) - start).Seconds()
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

// BenchmarkPartial is the way of a pre-aggregated batch of 64k rows to two
// shards: COUNT(*), SUM(v) by BIGINT, in rows of the batch per second.
func BenchmarkPartial(b *testing.B) {
	for _, keys := range []int{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			cfg := Config{
				Keys: []Key{{0, catalog.BigInt}},
				Calls: []Call{
					{Spec: mustResolve(b, "COUNT", false), Filter: -1},
					{Spec: mustResolve(b, "SUM", false, catalog.BigInt), Arg: 1, Filter: -1},
				},
			}
			a := mustNew(b, cfg)
			pre := a.Open(nil, 0, 0)
			dst := []*Groups{a.Open(nil, 0, 0), a.Open(nil, 0, 0)}
			parts := []*Partial{{}, {}}
			const batch = 64 << 10
			rng := rand.New(rand.NewPCG(1, 2))
			var batches [][]arrow.Array
			for range 32 {
				ids := make([]int64, batch)
				for i := range ids {
					ids[i] = rng.Int64N(int64(keys))
				}
				c := int64Column(ids)
				batches = append(batches, []arrow.Array{c, c})
			}
			b.ReportAllocs()
			b.ResetTimer()
			for n := range b.N {
				a.Update(pre, batches[n%len(batches)], colvec.All(batch))
				a.Export(pre, parts, func(group int) int { return group >> 7 })
				pre.Clear()
				for s, p := range parts {
					a.Import(dst[s], p)
					p.Reset()
				}
			}
			b.ReportMetric(float64(b.N)*batch/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}

// BenchmarkEmit gives the results of 1M groups as columns.
func BenchmarkEmit(b *testing.B) {
	cfg := Config{
		Keys: []Key{{0, catalog.BigInt}},
		Calls: []Call{
			{Spec: mustResolve(b, "COUNT", false), Filter: -1},
			{Spec: mustResolve(b, "AVG", false, catalog.BigInt), Arg: 1, Filter: -1},
		},
	}
	a := mustNew(b, cfg)
	g := a.Open(nil, 0, 0)
	fill(a, g, 1_000_000)
	b.ResetTimer()
	for range b.N {
		g.Each(func(ids []uint32) {
			for _, c := range a.Emit(g, ids, memory.DefaultAllocator, nil) {
				c.Release()
			}
		})
	}
	b.ReportMetric(float64(b.N)*1e6/b.Elapsed().Seconds()/1e6, "Mgroups/s")
}

func fill(a *Aggregator, g *Groups, keys int) {
	ids := make([]int64, benchBatch)
	for at := 0; at < keys; at += benchBatch {
		for i := range ids {
			ids[i] = int64((at + i) % keys)
		}
		c := int64Column(ids)
		a.Update(g, []arrow.Array{c, c}, colvec.All(benchBatch))
	}
}

// BenchmarkReopen rebuilds the index of 10M groups, as after a restore.
func BenchmarkReopen(b *testing.B) {
	a := mustNew(b, Config{
		Keys:  []Key{{0, catalog.BigInt}},
		Calls: []Call{{Spec: mustResolve(b, "SUM", false, catalog.BigInt), Arg: 1, Filter: -1}},
	})
	st := table.New(1)
	const keys = 10_000_000
	fill(a, a.Open(st, 0, 0), keys)
	b.ResetTimer()
	for range b.N {
		if g := a.Open(st, 0, 0); g.Len() != keys {
			b.Fatal(g.Len())
		}
	}
	b.ReportMetric(float64(b.N)*keys/b.Elapsed().Seconds()/1e6, "Mkeys/s")
}

package table

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/streamsql/streamsql/statestore"
)

const (
	benchRows  = 10_000_000
	benchDirty = 1_000_000
	benchWidth = 3 // key, count, sum
)

// fill makes n rows, as an aggregation over n keys would.
func fill(t *Table, n int) *Rows {
	rows := t.Rows(1, 0, benchWidth)
	for i := range n {
		row := rows.At(rows.Alloc())
		row[0], row[1] = uint64(i)*0x9e3779b97f4a7c15, 1
	}
	return rows
}

// touch changes n rows at random.
func touch(rows *Rows, n int, rng *rand.Rand) {
	max := rows.Cap()
	for range n {
		id := rng.Uint32N(max)
		row := rows.Edit(id)
		row[1]++
		row[2] += uint64(id)
	}
}

// BenchmarkFreeze measures what a barrier costs an operator: 1M changes of 10M
// rows, two shards at once. ms-stall is the time in Freeze (mean and worst),
// ms-stall-cpu the CPU time in it, which other processes don't disturb.
// ms-slowdown is by how much the next 0.5M changes of a shard take longer while
// Write runs beside them than they do without a barrier, ms-next the longest of
// their batches of 4096.
func BenchmarkFreeze(b *testing.B) {
	const shards = 2
	var tables [shards]*Table
	var rows [shards]*Rows
	for i := range tables {
		tables[i] = New(1)
		rows[i] = fill(tables[i], benchRows/shards)
		writeOut(tables[i].Freeze(statestore.Cut{Epoch: 1, Generation: 1}))
	}
	batches := func(i int, seed uint64) (sum, longest time.Duration) {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		for range benchDirty / shards / 4096 {
			start := time.Now()
			touch(rows[i], 4096, rng)
			d := time.Since(start)
			sum, longest = sum+d, max(longest, d)
		}
		return sum, longest
	}
	both := func(fn func(i int)) {
		var wg sync.WaitGroup
		for i := range shards {
			wg.Go(func() { fn(i) })
		}
		wg.Wait()
	}
	var stall, stallWorst, stallCPU, plain, after, longest time.Duration
	epoch := uint64(1)
	for b.Loop() {
		epoch++
		var took, used, alone, beside, most [shards]time.Duration
		both(func(i int) { alone[i], _ = batches(i, 2*epoch) })
		both(func(i int) {
			runtime.LockOSThread()
			start, cpu := time.Now(), threadTime()
			f := tables[i].Freeze(statestore.Cut{Epoch: epoch, Generation: epoch})
			took[i], used[i] = time.Since(start), threadTime()-cpu
			runtime.UnlockOSThread()
			done := make(chan struct{})
			go func() { writeOut(f); close(done) }()
			beside[i], most[i] = batches(i, 2*epoch+1)
			<-done
		})
		d := max(took[0], took[1])
		stall, stallWorst = stall+d, max(stallWorst, d)
		stallCPU += max(used[0], used[1])
		plain += alone[0] + alone[1]
		after += beside[0] + beside[1]
		longest = max(longest, most[0], most[1])
		both(func(i int) { // leave nothing dirty to the next round
			writeOut(tables[i].Freeze(statestore.Cut{Epoch: epoch, Generation: epoch}))
		})
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
	b.ReportMetric(ms(stall)/float64(b.N), "ms-stall")
	b.ReportMetric(ms(stallWorst), "ms-stall-worst")
	b.ReportMetric(ms(stallCPU)/float64(b.N), "ms-stall-cpu")
	b.ReportMetric(ms(after-plain)/shards/float64(b.N), "ms-slowdown")
	b.ReportMetric(ms(longest), "ms-next")
}

// writeOut finishes a freeze without a store.
func writeOut(f *Frozen) {
	for _, p := range f.parts {
		p.f.write(func(_ []byte, back func()) {
			if back != nil {
				back()
			}
		})
	}
	f.release()
}

// BenchmarkCommit measures 1M changes of 10M rows from the freeze until they are
// durable, and what they take on disk. Per second of CPU time counts the whole
// process, evacuation and Pebble's goroutines included.
func BenchmarkCommit(b *testing.B) {
	for _, shards := range []int{1, 2} {
		b.Run(fmt.Sprintf("shards=%d", shards), func(b *testing.B) {
			s, err := statestore.Open(b.TempDir(), statestore.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			tables := make([]*Table, shards)
			for i := range tables {
				tables[i] = New(1)
				fill(tables[i], benchRows/shards)
			}
			rng := rand.New(rand.NewPCG(1, 2))
			epoch := uint64(0)
			var stats FrozenStats
			commit := func() {
				epoch++
				tx, err := s.Begin(epoch, statestore.Layout{Shards: shards})
				if err != nil {
					b.Fatal(err)
				}
				var wg sync.WaitGroup
				var mu sync.Mutex
				for i := range tables {
					wg.Go(func() {
						f := tables[i].Freeze(tx.Cut())
						if err := f.Write(tx.Shard(i)); err != nil {
							b.Error(err)
						}
						tx.Shard(i).Flush()
						mu.Lock()
						stats.Changed += f.Stats().Changed
						mu.Unlock()
					})
				}
				wg.Wait()
				if err := tx.Commit(nil); err != nil {
					b.Fatal(err)
				}
			}
			commit()
			stats = FrozenStats{}
			before := s.Metrics()
			var cpu time.Duration
			for b.Loop() {
				b.StopTimer()
				for _, t := range tables {
					touch(t.Rows(1, 0, benchWidth), benchDirty/shards, rng)
				}
				start := cpuTime()
				b.StartTimer()
				commit()
				cpu += cpuTime() - start
			}
			m := s.Metrics()
			b.ReportMetric(float64(stats.Changed)/cpu.Seconds()/1e6, "Mkeys/cpu-s")
			b.ReportMetric(float64(stats.Changed)/b.Elapsed().Seconds()/1e6, "Mkeys/s")
			delta := float64(int64(m.CommitBytes-before.CommitBytes) - (m.Evacuated - before.Evacuated))
			b.ReportMetric(delta/float64(stats.Changed)/(8*benchWidth), "bytes/dirty-byte")
			b.ReportMetric(float64(m.Evacuated-before.Evacuated)/delta, "evacuated/delta")
		})
	}
}

// BenchmarkLoad measures a restart with 10M keys whose log is at its usual
// length: two shards at once. Rebuilding an index comes on top.
func BenchmarkLoad(b *testing.B) {
	const shards = 2
	dir := b.TempDir()
	s, err := statestore.Open(dir, statestore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	tables := make([]*Table, shards)
	for i := range tables {
		tables[i] = New(1)
		fill(tables[i], benchRows/shards)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for epoch := range uint64(15) {
		tx, err := s.Begin(epoch+1, statestore.Layout{Shards: shards})
		if err != nil {
			b.Fatal(err)
		}
		for i := range tables {
			if err := tables[i].Freeze(tx.Cut()).Write(tx.Shard(i)); err != nil {
				b.Fatal(err)
			}
			touch(tables[i].Rows(1, 0, benchWidth), benchDirty/shards, rng)
		}
		if err := tx.Commit(nil); err != nil {
			b.Fatal(err)
		}
	}
	log := s.Metrics().LogBytes
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	tables = nil
	cpu := cpuTime()
	for b.Loop() {
		s, err := statestore.Open(dir, statestore.Options{})
		if err != nil {
			b.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range shards {
			wg.Go(func() {
				t, err := Load(s, 1, i)
				if err != nil {
					b.Error(err)
					return
				}
				if n := t.Rows(1, 0, benchWidth).Len(); n != benchRows/shards {
					b.Errorf("%d rows", n)
				}
			})
		}
		wg.Wait()
		b.StopTimer()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(benchRows*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mkeys/s")
	b.ReportMetric(benchRows*float64(b.N)/(cpuTime()-cpu).Seconds()/1e6, "Mkeys/cpu-s")
	b.ReportMetric(float64(log)/(benchRows*8*benchWidth), "log/live")
}

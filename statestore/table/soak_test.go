package table

import (
	"flag"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/streamsql/streamsql/statestore"
)

var (
	soakFor = flag.Duration("soak", 0, "how long TestSoak runs; 0 skips it")
	soakDir = flag.String("soak-dir", "", "where TestSoak keeps its state (default: a temporary directory)")
)

// TestSoak changes 1M rows of 10M at random and commits, each second, as long as
// -soak says, and prints what grows, or had better not, every half minute:
//
//	go test ./statestore/table -run TestSoak -v -soak 10m -timeout 20m
//
// CPU is that of the process over the interval, changes of rows included;
// load is the time of a restart beside the running store.
func TestSoak(t *testing.T) {
	if *soakFor == 0 {
		t.Skip("set -soak to run it")
	}
	dir := *soakDir
	if dir == "" {
		dir = t.TempDir()
	} else if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	const shards = 2
	s, err := statestore.Open(dir, statestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var tables [shards]*Table
	for i := range tables {
		tables[i] = New(1)
		fill(tables[i], benchRows/shards)
	}
	commit := func(epoch uint64) (stall, total time.Duration) {
		start := time.Now()
		tx, err := s.Begin(epoch, statestore.Layout{Shards: shards})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		var stalls [shards]time.Duration
		for i := range tables {
			wg.Go(func() {
				start := time.Now()
				f := tables[i].Freeze(tx.Cut())
				stalls[i] = time.Since(start)
				if err := f.Write(tx.Shard(i)); err != nil {
					t.Error(err)
				}
				tx.Shard(i).Flush()
			})
		}
		wg.Wait()
		if err := tx.Commit(nil); err != nil {
			t.Fatal(err)
		}
		return max(stalls[0], stalls[1]), time.Since(start)
	}
	load := func() time.Duration {
		start := time.Now()
		var wg sync.WaitGroup
		for i := range shards {
			wg.Go(func() {
				if loaded, err := Load(s, 1, i); err != nil || loaded.Rows(1, 0, benchWidth).Len() != benchRows/shards {
					t.Errorf("load: %v", err)
				}
			})
		}
		wg.Wait()
		return time.Since(start)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	commit(1)
	t.Logf("%6s %7s %7s %8s %8s %9s %7s %7s %8s %8s %8s %7s %7s", "time", "commits", "L0 sub", "tables", "disk MB", "log/live",
		"delta MB/s", "evac MB/s", "compact MB", "moves", "stall ms", "commit ms", "CPU s")
	began, mark := time.Now(), time.Now()
	var worstStall, worstCommit time.Duration
	last, lastCPU := s.Metrics(), cpuTime()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for epoch := uint64(2); time.Since(began) < *soakFor; epoch++ {
		for _, tab := range tables {
			touch(tab.Rows(1, 0, benchWidth), benchDirty/shards, rng)
		}
		stall, total := commit(epoch)
		worstStall, worstCommit = max(worstStall, stall), max(worstCommit, total)
		if since := time.Since(mark); since >= 30*time.Second {
			m, cpu := s.Metrics(), cpuTime()
			evac := float64(m.Evacuated - last.Evacuated)
			delta := float64(m.CommitBytes-last.CommitBytes) - evac
			mb := func(b float64) float64 { return b / 1e6 }
			t.Logf("%6s %7d %7d %8d %8.0f %9.2f %10.1f %9.1f %10.1f %8d %8.1f %9.0f %7.1f", time.Since(began).Round(time.Second),
				m.Commits, m.L0Sublevels, m.Tables, mb(float64(m.DiskBytes)), float64(m.LogBytes)/float64(m.LiveBytes),
				mb(delta/since.Seconds()), mb(evac/since.Seconds()), mb(float64(m.CompactionBytes)), m.MoveCompactions,
				float64(worstStall.Microseconds())/1e3, float64(worstCommit.Milliseconds()), (cpu - lastCPU).Seconds())
			last, lastCPU, mark = m, cpu, time.Now()
			worstStall, worstCommit = 0, 0
			t.Logf("%6s restart in %v; compactions have taken %v in all", "", load().Round(time.Millisecond), m.CompactionTime)
		}
		<-tick.C
	}
}

package exec_test

import (
	"fmt"
	"testing"

	"github.com/streamsql/streamsql/exec"
)

// TestMaxRowsOfMerge: where the fixed merge rules, --max-rows takes the first
// records of the merge, and runs that follow each other take all of them once.
func TestMaxRowsOfMerge(t *testing.T) {
	for _, shards := range []int{1, 3} {
		b := newBench(t, `
CREATE SOURCE s (ts TIMESTAMP(3), x INT, WATERMARK FOR ts AS ts) WITH ('connector' = 'memory', 'splits' = '3', 'bounded' = 'true');
CREATE SINK out (x INT) WITH ('connector' = 'memory');
INSERT INTO out SELECT x FROM s LIMIT 100000;`)
		s := b.store.Table("s")
		n := 0
		for split := range 3 {
			for i := range 5000 {
				s.SendRows(split, []any{at(i), int32(split*5000 + i)})
			}
			s.End(split)
		}
		for run := 0; n < 15000 && run < 20; run++ {
			job := b.start(func(cfg *exec.Config) { cfg.Parallelism, cfg.MaxRows, cfg.BatchRows = shards, 1001, 100 })
			if err := job.Wait(); err != nil {
				t.Fatal(err)
			}
			p := job.Progress()
			if got := int(p.Sources[0].Records); got != min(15000, n+1001) {
				t.Fatalf("%d records after run %d, want %d", got, run, min(15000, n+1001))
			}
			n = int(p.Sources[0].Records)
		}
		seen := map[string]bool{}
		for i, r := range b.store.Table("out").Rows() {
			x := fmt.Sprint(r.Values[0])
			if seen[x] {
				t.Fatalf("row %d: %s comes twice", i, x)
			}
			seen[x] = true
			// A block of 4096 of each split in turn, then what is left of each.
			split, k := i/4096, i%4096
			if i >= 3*4096 {
				split, k = (i-3*4096)/(5000-4096), 4096+(i-3*4096)%(5000-4096)
			}
			if want := fmt.Sprint(split*5000 + k); x != want {
				t.Fatalf("row %d is %s, want %s", i, x, want)
			}
		}
		if len(seen) != 15000 {
			t.Fatalf("%d rows", len(seen))
		}
	}
}

package exec_test

import (
	"testing"

	"github.com/streamsql/streamsql/exec"
)

// TestMergeAfterSeveralStops: a run that goes on within a block of the fixed merge goes
// on with that block, though a split that has come to its end within one of its own
// has not been seen at its end again. Here that is the split of a, which the first run
// reads to its end; the second is within the block of z's split 0, and does not ask a.
// Had the third begun with a, the next in turn would be z's split 1, whose watermark is
// the lowest.
func TestMergeAfterSeveralStops(t *testing.T) {
	for _, stops := range [][]int64{{4, 1}, {4, 1, 1, 1}, {3, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {9, 1}} {
		b := newBench(t, `
CREATE SOURCE z (v STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'memory', 'splits' = '2');
CREATE SOURCE a (v STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'memory');
CREATE SINK out (g INT, v STRING, PRIMARY KEY (g) NOT ENFORCED) WITH ('connector' = 'memory');
INSERT INTO out SELECT 1, LISTAGG(v) FROM (SELECT v FROM z UNION ALL SELECT v FROM a) AS t;`)
		z, a := b.store.Table("z"), b.store.Table("a")
		for i, v := range []string{"a1", "a2", "a3"} {
			a.SendRows(0, []any{v, at(i)})
		}
		for i, v := range []string{"x1", "x2", "x3", "x4", "x5", "x6"} {
			z.SendRows(0, []any{v, at(100 + i)})
		}
		for i, v := range []string{"y1", "y2"} {
			z.SendRows(1, []any{v, at(50 + i)})
		}
		a.End(0)
		z.End(0)
		z.End(1)
		for _, n := range append(stops, 0) {
			err := b.start(func(cfg *exec.Config) { cfg.MaxRows, cfg.Parallelism = n, 2 }).Wait()
			if err != nil {
				t.Fatal(err)
			}
		}
		// All splits begin without a watermark, so they go by name; none is longer
		// than a block.
		if got, want := fold(b.store.Table("out").Rows(), 1)["[1]"], "[a1,a2,a3,x1,x2,x3,x4,x5,x6,y1,y2]"; got != want {
			t.Errorf("stops %v: %s, want %s", stops, got, want)
		}
	}
}

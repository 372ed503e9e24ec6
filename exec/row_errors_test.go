package exec_test

import (
	"testing"

	"github.com/streamsql/streamsql/exec"
)

// TestErrorsEverywhere: rows in error of each operator are skipped and counted, at
// any parallelism, and the accounts add up.
func TestErrorsEverywhere(t *testing.T) {
	for _, shards := range []int{1, 4} {
		b := newBench(t, `
SET 'expression.on-error' = 'skip';
CREATE SOURCE s (ts TIMESTAMP(3), k INT, x BIGINT, WATERMARK FOR ts AS ts) WITH ('connector' = 'memory', 'bounded' = 'true', 'splits' = '2');
CREATE SINK plain (x BIGINT) WITH ('connector' = 'memory');
CREATE SINK kept (x BIGINT) WITH ('connector' = 'memory');
CREATE SINK wins (k INT, x BIGINT) WITH ('connector' = 'memory');
CREATE SINK sums (k INT, x BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'memory');
CREATE SINK nested (k INT, x BIGINT) WITH ('connector' = 'memory');
INSERT INTO plain SELECT x * 4 FROM s;
INSERT INTO kept SELECT x FROM s WHERE x * 4 > 0;
INSERT INTO wins SELECT k, SUM(x) FROM s GROUP BY k, HOP(ts, INTERVAL '5' SECOND, INTERVAL '10' SECOND);
INSERT INTO sums SELECT k, SUM(x) FROM s GROUP BY k;
INSERT INTO nested SELECT k, SUM(n) FROM (SELECT k, SUM(x * 4) AS n, TUMBLE_ROWTIME(ts, INTERVAL '5' SECOND) AS wt FROM s GROUP BY k, TUMBLE(ts, INTERVAL '5' SECOND)) AS w GROUP BY k, TUMBLE(wt, INTERVAL '10' SECOND);`)
		s := b.store.Table("s")
		for i := range 1000 {
			x := int64(i)
			if i%10 == 0 {
				x = 1 << 62
			}
			s.SendRows(i%2, []any{at(i/10 - 40), int32(i % 3), x})
		}
		s.End(0)
		s.End(1)
		var bad int64
		for run := range 3 {
			job := b.start(func(cfg *exec.Config) {
				cfg.Parallelism, cfg.BatchRows, cfg.BarrierEvery = shards+run%2, 13, 50
				if run < 2 {
					cfg.MaxRows = 300
				}
			})
			if err := job.Wait(); err != nil {
				t.Fatal(err)
			}
			bad = job.Progress().Bad
		}
		if rows := len(b.store.Table("plain").Rows()); rows != 900 {
			t.Errorf("%d shards: plain has %d rows, want 900", shards, rows)
		}
		if rows := len(b.store.Table("kept").Rows()); rows != 900 {
			t.Errorf("%d shards: kept has %d rows, want 900", shards, rows)
		}
		if rows := fold(b.store.Table("sums").Rows(), 1); len(rows) != 0 {
			t.Errorf("%d shards: sums has %v, want nothing", shards, rows)
		}
		// 100 rows each for plain, kept and nested, 3 groups of sums, and of the 21
		// windows of 3 keys those that have no sum.
		if wins := int64(len(b.store.Table("wins").Rows())); bad != 3*100+3+21*3-wins {
			t.Errorf("%d shards: %d rows and groups are bad, want %d", shards, bad, 3*100+3+21*3-wins)
		}
	}
}

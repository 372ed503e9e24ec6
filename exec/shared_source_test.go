package exec_test

import (
	"fmt"
	"testing"

	"github.com/streamsql/streamsql/exec"
)

// TestOneSourceTwice: a source that a job reads in several places goes on where it
// was in each.
func TestOneSourceTwice(t *testing.T) {
	b := newBench(t, `
CREATE SOURCE s (k INT, x INT) WITH ('connector' = 'memory', 'bounded' = 'true');
CREATE SINK a (k INT, x BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'memory');
CREATE SINK c (k INT) WITH ('connector' = 'memory');
INSERT INTO a SELECT k, SUM(x) FROM (SELECT k, x FROM s WHERE x > 0 UNION ALL SELECT k, x + 1 FROM s WHERE k < 5) AS u GROUP BY k;
INSERT INTO c SELECT k FROM s;
INSERT INTO c SELECT k + 100 FROM s WHERE x > 3;`)
	s := b.store.Table("s")
	want := map[string]string{}
	sums := map[int]int{}
	rows := 0
	for i := range 100 {
		k, x := i%7, i%5
		s.SendRows(0, []any{int32(k), int32(x)})
		rows++
		if x > 0 {
			sums[k] += x
		}
		if k < 5 {
			sums[k] += x + 1
		}
		if x > 3 {
			rows++
		}
	}
	s.End(0)
	for k, n := range sums {
		want[fmt.Sprintf("[%d]", k)] = fmt.Sprintf("[%d]", n)
	}
	for run, shards := range []int{2, 1, 3, 2} {
		err := b.start(func(cfg *exec.Config) {
			cfg.Parallelism, cfg.BatchRows = shards, 7
			if run < 3 {
				cfg.MaxRows = 20
			}
		}).Wait()
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := fold(b.store.Table("a").Rows(), 1); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("a has %v, want %v", got, want)
	}
	if got := len(b.store.Table("c").Rows()); got != rows {
		t.Errorf("c has %d rows, want %d", got, rows)
	}
}

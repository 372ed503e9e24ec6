package exec_test

import (
	"fmt"
	"testing"

	"github.com/streamsql/streamsql/connectors/memory"
	"github.com/streamsql/streamsql/exec"
)

// TestRecordsWithoutRows: messages without a value are records without a row. They
// count for --max-rows, and the accounts add up over restarts and batch sizes.
func TestRecordsWithoutRows(t *testing.T) {
	for _, batch := range []int{1, 7, 1000} {
		b := newBench(t, `
CREATE SOURCE s (k INT, x BIGINT) WITH ('connector' = 'memory', 'format' = 'json', 'on-error' = 'skip');
CREATE SINK plain (x BIGINT) WITH ('connector' = 'memory');
INSERT INTO plain SELECT x FROM s WHERE k >= 0;`)
		s := b.store.Table("s")
		want := 0
		for i := range 600 {
			switch {
			case i%3 == 1 || i > 580:
				s.Send(0, memory.Record{})
			case i%10 == 0:
				s.SendLines(0, "broken")
			default:
				s.SendLines(0, fmt.Sprintf(`{"k":%d,"x":%d}`, i%5, i))
				want++
			}
		}
		s.End(0)
		for run := range 3 {
			job := b.start(func(cfg *exec.Config) {
				cfg.Parallelism, cfg.BatchRows, cfg.BarrierEvery = 1+run%2, batch, 50
				if run < 2 {
					cfg.MaxRows = 200
				}
			})
			if err := job.Wait(); err != nil {
				t.Fatal(err)
			}
			if got := job.Progress().RunRecords; got != 200 {
				t.Errorf("run %d has read %d records, want 200", run, got)
			}
		}
		if rows := len(b.store.Table("plain").Rows()); rows != want {
			t.Errorf("batches of %d: %d rows, want %d", batch, rows, want)
		}
	}
}

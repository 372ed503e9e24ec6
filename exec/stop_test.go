package exec_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/streamsql/streamsql/exec"
)

// TestStopWhileBusy: a job that is stopped in the middle of its work ends in
// order: its files hold the committed rows and nothing else.
func TestStopWhileBusy(t *testing.T) {
	for range 10 {
		dir := t.TempDir()
		b := newBench(t, endless+`
CREATE SINK out (k BIGINT) WITH ('connector' = 'file', 'path' = '`+dir+`', 'format' = 'json');
INSERT INTO out SELECT k FROM g;`)
		commits := make(chan exec.Progress, 10000)
		job := b.start(func(cfg *exec.Config) {
			cfg.Parallelism, cfg.CommitInterval = 2, 10*time.Millisecond
			cfg.Progress = func(p exec.Progress) { commits <- p }
		})
		for range 3 {
			select {
			case <-commits:
			case <-job.Done():
				t.Fatal(job.Wait())
			}
		}
		job.Stop()
		if err := job.Wait(); err != nil {
			t.Fatal(err)
		}
		rows := 0
		names, err := filepath.Glob(filepath.Join(dir, "[^._]*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			rows += bytes.Count(data, []byte("\n"))
		}
		if want := job.Progress().Sources[0].Records; int64(rows) != want {
			t.Fatalf("%d rows, %d records were committed", rows, want)
		}
	}
}

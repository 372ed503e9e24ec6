package streamsql_test

import (
	"context"
	"strings"
	"testing"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/planner"
)

// TestBusiestShard: rows of one key are all on one shard; those of 1000 keys are not.
func TestBusiestShard(t *testing.T) {
	eng, err := streamsql.Open(streamsql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer eng.Close()
	s := eng.Script()
	script, err := s.Analyze("q.sql", `
		SET 'parallelism' = '2';
		CREATE SOURCE n (i BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '1000',
			'fields.i.kind' = 'sequence', 'fields.i.start' = '1', 'fields.i.end' = '1000');
		CREATE SINK o (k BIGINT, n BIGINT, PRIMARY KEY (k)) WITH ('connector' = 'blackhole');
		EXPLAIN ANALYZE INSERT INTO o SELECT MOD(i, 1), COUNT(DISTINCT i) FROM n GROUP BY MOD(i, 1);
		EXPLAIN ANALYZE INSERT INTO o SELECT i, COUNT(DISTINCT i) FROM n GROUP BY i`)
	if err != nil {
		t.Fatal(err)
	}
	var shares []float64
	for _, step := range script.Steps {
		if step, ok := step.(*planner.Analyze); ok {
			job, err := s.ExplainAnalyze(context.Background(), step)
			if err != nil {
				t.Fatal(err)
			}
			if err := job.Wait(); err != nil {
				t.Fatal(err)
			}
			for _, o := range job.Progress().Operators {
				if o.Name == "GroupAgg" {
					shares = append(shares, o.BusiestShard)
				}
			}
		}
	}
	if len(shares) != 2 || shares[0] != 1 || shares[1] < 0.5 || shares[1] > 0.75 {
		t.Errorf("the busiest shards took %v", shares)
	}
}

// TestRunningJobHoldsItsTables: what a job reads is not dropped while it runs.
func TestRunningJobHoldsItsTables(t *testing.T) {
	eng, err := streamsql.Open(streamsql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer eng.Close()
	s := eng.Session()
	job, err := s.Start(context.Background(), `
		CREATE SOURCE n (i BIGINT) WITH ('connector' = 'memory');
		CREATE SINK o (i BIGINT) WITH ('connector' = 'blackhole');
		INSERT INTO o SELECT i FROM n`, streamsql.JobOptions{Name: "copy"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Analyze("q.sql", "DROP SOURCE n"); err == nil || !strings.Contains(err.Error(), "job copy") {
		t.Errorf("dropping what a running job reads: %v", err)
	}
	job.Stop()
	if err := job.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Analyze("q.sql", "DROP SOURCE n"); err != nil {
		t.Error(err)
	}
}

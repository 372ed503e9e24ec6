package streamsql_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/connectors/memory"
	"github.com/streamsql/streamsql/planner"
)

// TestExplainAnalyze counts rows by hand: of the numbers 1 to 1000, 500 are even,
// in 10 groups. The sink's directory must not come to be.
func TestExplainAnalyze(t *testing.T) {
	dir := t.TempDir()
	eng, err := streamsql.Open(streamsql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer eng.Close()
	s := eng.Script()
	script, err := s.Analyze("q.sql", fmt.Sprintf(`
		CREATE SOURCE n (i BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '1000',
			'fields.i.kind' = 'sequence', 'fields.i.start' = '1', 'fields.i.end' = '1000');
		CREATE SINK o (k BIGINT, n BIGINT, PRIMARY KEY (k)) WITH ('connector' = 'blackhole');
		CREATE SINK f (i BIGINT) WITH ('connector' = 'file', 'path' = '%s/out', 'format' = 'json');
		EXPLAIN ANALYZE INSERT INTO o SELECT MOD(i, 20), COUNT(*) FROM n WHERE MOD(i, 2) = 0 GROUP BY MOD(i, 20);
		EXPLAIN ANALYZE INSERT INTO f SELECT i FROM n;
		EXPLAIN ANALYZE SELECT MOD(i, 20), COUNT(*) FROM n GROUP BY MOD(i, 20);
		EXPLAIN ANALYZE SELECT a.k, (SELECT COUNT(*) FROM (VALUES (1), (2), (3), (4)) AS b(k) WHERE b.k = a.k) FROM (VALUES (1), (2)) AS a(k);
		EXPLAIN SELECT MOD(i, 20), COUNT(*) FROM n GROUP BY MOD(i, 20)`, dir))
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, step := range script.Steps {
		if step, ok := step.(*planner.Analyze); ok {
			job, err := s.ExplainAnalyze(context.Background(), step)
			if err != nil {
				t.Fatal(err)
			}
			if err := job.Wait(); err != nil {
				t.Fatal(err)
			}
			texts = append(texts, streamsql.AnalyzedPlan(step, job.Progress()))
		}
	}
	for _, want := range []string{
		`Filter .*\n +1000 rows in, 500 out; \d+ % of the time\n`,
		`GroupAgg .*\n.*\n +500 rows in, \d+ out; \d+ % of the time; state 10 rows, [1-9]\d* B in memory, [1-9]\d* B on disk\n`,
		`Scan n .*\n +1000 records; \d+ % of the time\n`,
		`\n1000 records read; `,
	} {
		if !regexp.MustCompile(want).MatchString(texts[0]) {
			t.Errorf("no %s in\n%s", want, texts[0])
		}
	}
	if !strings.Contains(texts[1], "1000 rows in, 1000 out") {
		t.Errorf("the sink took not all rows:\n%s", texts[1])
	}
	// A SELECT ends in its result, as EXPLAIN says, of which 20 rows stay.
	if !regexp.MustCompile(`^Result once, at the end\n.*\n +\d+ rows in, 20 out; `).MatchString(texts[2]) {
		t.Errorf("the result of a SELECT:\n%s", texts[2])
	}
	if !regexp.MustCompile(`GroupAgg .*\n.*\n +1000 rows in, \d+ out; \d+ % of the time; state 20 rows, [1-9]\d* B in memory, [1-9]\d* B on disk\n`).MatchString(texts[2]) {
		t.Errorf("the state of a SELECT:\n%s", texts[2])
	}
	plain, ok := script.Steps[len(script.Steps)-1].(*planner.Message)
	if !ok {
		t.Fatalf("EXPLAIN gives %T", script.Steps[len(script.Steps)-1])
	}
	for _, line := range strings.Split(plain.Text, "\n") {
		if !strings.Contains(texts[2], line+"\n") {
			t.Errorf("EXPLAIN ANALYZE has not the line %q of EXPLAIN:\n%s", line, texts[2])
		}
	}
	// Two rows stand beside a table of its own, of which nothing is measured.
	if got := strings.Count(texts[3], "2 records; "); got != 1 || strings.Contains(texts[3], "4 records; ") || !strings.Contains(texts[3], "Values 4 row(s)\n") {
		t.Errorf("a static table beside two rows:\n%s", texts[3])
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("something was written: %v %v", entries, err)
	}
}

// TestExplainAnalyzeLeavesSources: a source is not told that its records were read, as it
// is by the commits of a job: a queue keeps them, a consumer group stays where it is.
func TestExplainAnalyzeLeavesSources(t *testing.T) {
	store := memory.NewStore()
	eng, err := streamsql.Open(streamsql.Options{Memory: store})
	if err != nil {
		t.Fatal(err)
	}
	defer eng.Close()
	store.Table("q").SendRows(0, []any{int64(1)}, []any{int64(2)}, []any{int64(3)})
	store.Table("q").End(0)
	for range 2 {
		s := eng.Script()
		script, err := s.Analyze("q.sql", `
			CREATE SOURCE q (i BIGINT) WITH ('connector' = 'memory', 'forget-read' = 'true');
			CREATE SINK o (i BIGINT) WITH ('connector' = 'blackhole');
			EXPLAIN ANALYZE INSERT INTO o SELECT i FROM q;
			EXPLAIN ANALYZE SELECT i FROM q`)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range script.Steps {
			if step, ok := step.(*planner.Analyze); ok {
				job, err := s.ExplainAnalyze(context.Background(), step)
				if err != nil {
					t.Fatal(err)
				}
				if err := job.Wait(); err != nil {
					t.Fatal(err)
				}
				if text := streamsql.AnalyzedPlan(step, job.Progress()); !strings.Contains(text, "\n3 records read; ") {
					t.Errorf("not all records are there:\n%s", text)
				}
			}
		}
	}
}

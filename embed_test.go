package streamsql_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/memory"
	"github.com/streamsql/streamsql/parser"
)

// TestMain checks that what is closed leaves no goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, o streamsql.Options) *streamsql.Engine {
	t.Helper()
	eng, err := streamsql.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := eng.Close(); err != nil {
			t.Error(err)
		}
	})
	return eng
}

// endless is a source that never ends.
const endless = `
CREATE SOURCE ticks (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000000',
	'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000000000000');
`

// TestQueryEnds: rows that end before they are all there say why; a reader that has
// had enough hears nothing.
func TestQueryEnds(t *testing.T) {
	eng := open(t, streamsql.Options{})
	query := func(ctx context.Context) *streamsql.Rows {
		rows, err := eng.Script().Query(ctx, endless+"SELECT n FROM ticks")
		if err != nil {
			t.Fatal(err)
		}
		if !rows.Next() {
			t.Fatal(rows.Err())
		}
		if err := rows.Err(); err != nil {
			t.Errorf("in the middle: %v", err)
		}
		return rows
	}
	rows := query(context.Background())
	if err := rows.Close(); err != nil {
		t.Errorf("closed early: %v", err)
	}
	if rows.Next() || rows.Err() != nil || rows.Close() != nil {
		t.Errorf("after Close: %v", rows.Err())
	}
	ctx, cancel := context.WithCancel(context.Background())
	rows = query(ctx)
	cancel()
	for rows.Next() {
	}
	if err := rows.Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := rows.Close(); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled, then closed: %v", err)
	}
	ctx, cancel = context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	rows = query(ctx)
	for rows.Next() {
	}
	if err := rows.Close(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("timed out: %v", err)
	}
	// A reader that sleeps meanwhile hears the same.
	ctx, cancel = context.WithCancel(context.Background())
	rows = query(ctx)
	time.Sleep(10 * time.Millisecond)
	cancel()
	for rows.Next() {
	}
	if err := rows.Close(); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled while nobody read: %v", err)
	}
}

// TestQueryOfRowInError: the error of a row ends the rows.
func TestQueryOfRowInError(t *testing.T) {
	rows, err := open(t, streamsql.Options{}).Script().Query(context.Background(), "SELECT CAST(x AS INT) FROM (VALUES ('1'), ('b')) AS t(x)")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
	}
	if err := rows.Close(); err == nil || !strings.Contains(err.Error(), "'b' is no INT") {
		t.Errorf("%v", err)
	}
}

// TestCloseEndsAll: Close ends jobs with a commit and SELECTs at once, whether or
// not somebody reads them, and nothing starts after it.
func TestCloseEndsAll(t *testing.T) {
	store := memory.NewStore()
	eng, err := streamsql.Open(streamsql.Options{Memory: store})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	rows, err := eng.Script().Query(ctx, endless+"SELECT n FROM ticks")
	if err != nil {
		t.Fatal(err)
	}
	var jobs []*streamsql.Job
	for _, name := range []string{"b", "a", ""} {
		job, err := eng.Script().Start(ctx, `
			CREATE SOURCE orders (n INT) WITH ('connector' = 'memory', 'bounded' = 'false');
			CREATE SINK copied (n INT) WITH ('connector' = 'memory', 'name' = 'copy of `+name+`');
			INSERT INTO copied SELECT n FROM orders`, streamsql.JobOptions{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, job)
	}
	if named := eng.Jobs(); len(named) != 2 || named[0].Name() != "a" || named[1].Name() != "b" {
		t.Errorf("jobs: %v", named)
	}
	if _, err := eng.Script().Start(ctx, endless+"CREATE SINK s (n BIGINT) WITH ('connector' = 'blackhole'); INSERT INTO s SELECT n FROM ticks", streamsql.JobOptions{Name: "a"}); err == nil || !strings.Contains(err.Error(), "job a runs already") {
		t.Errorf("a name twice: %v", err)
	}
	if err := eng.Close(); err != nil {
		t.Error(err)
	}
	for _, j := range jobs {
		if err := j.Wait(); err != nil {
			t.Errorf("job %q: %v", j.Name(), err)
		}
	}
	for rows.Next() {
	}
	if err := rows.Close(); !errors.Is(err, streamsql.ErrClosed) {
		t.Errorf("the rows end with %v", err)
	}
	if len(eng.Jobs()) != 0 {
		t.Error("jobs run after Close")
	}
	if _, err := eng.Script().Query(ctx, "SELECT 1"); !errors.Is(err, streamsql.ErrClosed) {
		t.Errorf("a SELECT after Close: %v", err)
	}
	if err := eng.Script().Exec(ctx, "SELECT 1"); !errors.Is(err, streamsql.ErrClosed) {
		t.Errorf("a script after Close: %v", err)
	}
	if err := eng.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

// TestWhatCallsTake: a script that a call does not run is refused.
func TestWhatCallsTake(t *testing.T) {
	eng := open(t, streamsql.Options{Stdout: io.Discard})
	ctx := context.Background()
	const insert = "CREATE SINK s (n INT) WITH ('connector' = 'blackhole'); INSERT INTO s VALUES (1)"
	for text, want := range map[string]string{
		"SELECT 1; SELECT 2":       "one SELECT, not several",
		insert:                     "takes no INSERT",
		"SET 'parallelism' = '1'":  "a script with a SELECT",
		"EXPLAIN ANALYZE SELECT 1": "takes no EXPLAIN ANALYZE",
	} {
		if _, err := eng.Script().Query(ctx, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Query of %s: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		"SELECT 1":                 "takes no SELECT",
		"SET 'parallelism' = '1'":  "a script with an INSERT",
		"EXPLAIN ANALYZE SELECT 1": "takes no EXPLAIN ANALYZE",
	} {
		if _, err := eng.Script().Start(ctx, text, streamsql.JobOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Start of %s: %v", text, err)
		}
	}
	if err := eng.Script().Exec(ctx, "SELECT 1; EXPLAIN ANALYZE SELECT 1; "+insert); err != nil {
		t.Error(err)
	}
	var list parser.ErrorList
	_, err := eng.Script().Query(ctx, "SELECT a;\n  SELECT b")
	if !errors.As(err, &list) || len(list) != 2 || list[1].Source.Position(list[1].Span.Start).Line != 2 {
		t.Errorf("errors of a text: %v", err)
	}
}

// TestBadFunction: a function without a result is an error of Open.
func TestBadFunction(t *testing.T) {
	f := streamsql.ScalarFunc{Name: "f", Params: []catalog.Type{catalog.Int}, Call: func([]any) (any, error) { return nil, nil }}
	if _, err := streamsql.Open(streamsql.Options{Functions: []streamsql.Function{f}}); err == nil || !strings.Contains(err.Error(), "no result type") {
		t.Errorf("%v", err)
	}
}

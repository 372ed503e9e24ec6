package random

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/memory"
	"github.com/streamsql/streamsql/parser"
	"github.com/streamsql/streamsql/planner"
)

// sinkType is the type of a column of the sink.
func (v value) sinkType() string {
	switch v.kind {
	case double:
		return "DOUBLE"
	case text:
		return "STRING"
	case boolean:
		return "BOOLEAN"
	case timestamp:
		return "TIMESTAMP(3)"
	}
	return "BIGINT"
}

// resumed runs a query as a job into a sink, stopped after some records and
// started again several times, and gives the fold of all that the sink was sent.
func resumed(ctx context.Context, dir string, r *rand.Rand, q relation, rows []row, s settings) ([]string, error) {
	store := memory.NewStore()
	table := store.Table("r")
	for i := range s.splits {
		for k := i; k < len(rows); k += s.splits {
			table.SendRows(i, rows[k])
		}
		table.End(i)
	}
	var cols []string
	for _, c := range q.cols {
		cols = append(cols, c.name+" "+c.sinkType())
	}
	script := fmt.Sprintf(declaration, s.splits, "r") +
		"CREATE SINK o (" + strings.Join(cols, ", ") + ") WITH ('connector' = 'memory');\nINSERT INTO o " + q.text.ours
	state := vfs.NewMem()
	for {
		max := 0
		if r.IntN(4) > 0 {
			max = 1 + r.IntN(20)
		}
		s.parallelism, s.batchRows = 1+r.IntN(4), []int{1, 2, 7, 1000}[r.IntN(4)]
		err := resume(ctx, dir, state, store, script, s, max)
		if errors.Is(err, streamsql.ErrFinished) || err == nil && max == 0 {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	count := map[string]int{}
	for _, row := range store.Table("o").Rows() {
		line := ""
		for _, v := range row.Values {
			line += goCell(v) + "|"
		}
		if row.Kind == catalog.Insert || row.Kind == catalog.UpdateAfter {
			count[line]++
		} else {
			count[line]--
		}
	}
	var out []string
	for line, n := range count {
		if n < 0 {
			return nil, fmt.Errorf("the sink was told %d times more to take %s back than to take it", -n, line)
		}
		for range n {
			out = append(out, line)
		}
	}
	return out, nil
}

// resume is one run of the job.
func resume(ctx context.Context, dir string, state vfs.FS, store *memory.Store, script string, s settings, maxRows int) error {
	eng, err := streamsql.Open(streamsql.Options{Memory: store, DataDir: dir, StateFS: state})
	if err != nil {
		return err
	}
	defer eng.Close() // says no more than the job, which is waited for
	session := eng.Script()
	for k, v := range map[string]int{"parallelism": s.parallelism, "batch.rows": s.batchRows, "max.rows": maxRows} {
		if _, err := session.Set(k, strconv.Itoa(v)); err != nil {
			return err
		}
	}
	plan, err := session.Analyze("job", script)
	if err != nil {
		return err
	}
	for _, step := range plan.Steps {
		if step, ok := step.(*planner.Job); ok {
			job, err := session.StartJob(ctx, step, streamsql.JobOptions{Name: "job"})
			if err != nil {
				return err
			}
			if err := job.Wait(); err != nil {
				return err
			}
		}
	}
	return nil
}

// goCell is cell for a value of the memory sink.
func goCell(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case int64:
		return strconv.FormatInt(v, 10)
	case int32:
		return strconv.Itoa(int(v))
	case float64:
		return number(v)
	case string:
		return strconv.Quote(v)
	case bool:
		if v {
			return "1"
		}
		return "0"
	case time.Time:
		return strconv.FormatInt(v.UnixMilli(), 10)
	}
	return fmt.Sprintf("%T %v", v, v)
}

// TestResumeAgainstSQLite runs random queries as jobs that stop and start again
// in the middle; what their sink has in the end is SQLite's answer.
func TestResumeAgainstSQLite(t *testing.T) {
	db, err := openSQLite()
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	seed, one := seedOf(t)
	compared, skipped, refused, withRows, failures := 0, 0, 0, 0, 0
	for end := time.Now().Add(budget(8 * time.Second)); time.Now().Before(end) && failures < 3; seed++ {
		r := rand.New(rand.NewPCG(seed, 2))
		rows, s := makeRows(r), randomSettings(r)
		q := (&queries{Rand: r}).relation(1 + r.IntN(3))
		if err := db.fill(rows); err != nil {
			t.Fatal(err)
		}
		if q.base {
			continue
		}
		want, err := db.theirs(q.text.theirs)
		if err != nil {
			refused++
			continue
		}
		got, err := resumed(t.Context(), t.TempDir(), r, q, rows, s)
		var list parser.ErrorList
		if errors.As(err, &list) && notPlanned(list) {
			skipped++
			continue
		}
		slices.Sort(got)
		slices.Sort(want)
		switch {
		case err != nil:
			failures++
			t.Errorf("STREAMSQL_SEED=%d\n%s%v", seed, &test{query: q.text, rows: rows, settings: s}, err)
		case !slices.Equal(got, want):
			failures++
			t.Errorf("STREAMSQL_SEED=%d\n%sgot %d rows:\n  %s\nwant %d rows:\n  %s", seed, &test{query: q.text, rows: rows, settings: s},
				len(got), strings.Join(got, "\n  "), len(want), strings.Join(want, "\n  "))
		default:
			compared++
			if len(want) > 1 {
				withRows++
			}
		}
		if one {
			break
		}
	}
	t.Logf("%d queries compared, %d with several rows; %d not planned yet, %d refused by SQLite", compared, withRows, skipped, refused)
	if !one && failures == 0 && withRows < 10 {
		t.Error("too few queries were compared: the test does not test")
	}
}

package nexmark

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/console"
	"github.com/streamsql/streamsql/planner"
)

// queries are the ones that the engine runs, with whether late rows make the
// result depend on the order of events.
var queries = []struct {
	name string
	late bool
}{
	{"q0", false}, {"q1", false}, {"q2", false}, {"q3", false}, {"q4", false}, {"q6", false}, {"q6_last10", false},
	{"q9", false}, {"q10", false}, {"q13", false}, {"q14", false}, {"q14_hours", false}, {"q15", false}, {"q16", false},
	{"q17", false}, {"q18", false}, {"q19", false}, {"q20", false}, {"q21", false}, {"q22", false},
	{"q5", true}, {"q7", true}, {"q8", true}, {"q11", true}, {"q12_event_time", true}, {"tumble_count", true},
}

// variants cover batch sizes and parallelism.
var variants = []struct{ batch, parallelism string }{{"8192", "2"}, {"1000", "1"}, {"1000", "2"}, {"7", "2"}, {"1", "1"}}

func TestQueries(t *testing.T) {
	for _, q := range queries {
		for _, v := range variants {
			t.Run(fmt.Sprintf("%s/batch=%s/parallelism=%s", q.name, v.batch, v.parallelism), func(t *testing.T) {
				t.Parallel()
				if testing.Short() && v.batch != "8192" {
					t.Skip("short")
				}
				rows, _ := run(t, "events.ndjson", q.name, v.batch, v.parallelism)
				checkRows(t, "expected", q.name, rows)
			})
		}
	}
}

// TestDisordered: late rows are dropped row by row, whatever the batches; what
// does not depend on the order of rows does not change.
func TestDisordered(t *testing.T) {
	late := map[string]int64{"tumble_count": 276, "q12_event_time": 276, "q11": 17, "q5": 1359, "q7": 276, "q8": 14} // late.json
	for _, q := range queries {
		for _, v := range variants {
			if !q.late && v.batch != "8192" {
				continue
			}
			t.Run(fmt.Sprintf("%s/batch=%s/parallelism=%s", q.name, v.batch, v.parallelism), func(t *testing.T) {
				t.Parallel()
				rows, p := run(t, "disordered.ndjson", q.name, v.batch, v.parallelism)
				if !q.late {
					checkRows(t, "expected", q.name, rows)
					return
				}
				checkRows(t, "expected_disordered", q.name, rows)
				if p.Late != late[q.name] {
					t.Errorf("%d late rows, want %d", p.Late, late[q.name])
				}
			})
		}
	}
}

// run gives the rows of a query as CSV lines, and the final progress.
func run(t *testing.T, events, query, batch, parallelism string) ([]string, streamsql.Progress) {
	t.Helper()
	dir, err := dataDir()
	if err != nil {
		t.Fatal(err)
	}
	eng, err := streamsql.Open(streamsql.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer eng.Close()
	s := eng.Script()
	for k, v := range map[string]string{catalog.BatchRowsKey: batch, catalog.ParallelismKey: parallelism} {
		if _, err := s.Set(k, v); err != nil {
			t.Fatal(err)
		}
	}
	script, err := s.Analyze(query, script(t, events, query))
	if err != nil {
		t.Fatal(err)
	}
	sel := script.Steps[len(script.Steps)-1].(*planner.Select)
	var out bytes.Buffer
	var w *console.RowWriter
	job, err := s.StartSelect(context.Background(), sel, func(b *streamsql.Batch, cols []planner.Column) error {
		if w == nil {
			fields := make([]catalog.Field, len(cols))
			for i, c := range cols {
				fields[i] = catalog.Field{Name: c.Name, Type: c.Type}
			}
			if w, err = console.NewRowWriter(&out, console.Style{Format: "csv"}, fields); err != nil {
				return err
			}
		}
		return w.Write(&connectors.Batch{N: b.N, Cols: b.Cols})
	})
	if err := job.Wait(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	return lines[1:], job.Progress()
}

// TestProcessingTime: which window a bid is in depends on the clock, but each is
// in one: the bids of each bidder add up to those of the same query by event time.
func TestProcessingTime(t *testing.T) {
	perBidder := func(lines []string) map[string]int {
		sums := map[string]int{}
		for _, l := range lines {
			f := strings.Split(l, ",")
			n, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			sums[f[0]] += n
		}
		return sums
	}
	want, _ := run(t, "events.ndjson", "q12_event_time", "8192", "2")
	for _, v := range variants {
		got, _ := run(t, "events.ndjson", "q12", v.batch, v.parallelism)
		if !maps.Equal(perBidder(got), perBidder(want)) {
			t.Errorf("batch=%s/parallelism=%s: bids per bidder differ from those by event time", v.batch, v.parallelism)
		}
		if testing.Short() {
			break
		}
	}
}

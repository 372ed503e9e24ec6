package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/internal/clock"
	"github.com/streamsql/streamsql/planner"
)

// records is the length of the job's input.
const records = 6000

// script has a sink of rows as they come, one of windows, one of dead letters.
const script = `
CREATE SINK bad (position STRING, branch STRING) WITH ('connector' = 'file', 'path' = 'bad', 'format' = 'json');
CREATE SOURCE s (a BIGINT, k STRING, ts AS TO_TIMESTAMP_LTZ(a, 0), WATERMARK FOR ts AS ts) WITH (
  'connector' = 'file', 'path' = 'in.json', 'format' = 'json', 'on-error' = 'dead-letter', 'dead-letter.sink' = 'bad');
CREATE SINK thirds (a BIGINT) WITH ('connector' = 'file', 'path' = 'thirds', 'format' = 'json', 'sink.rolling-policy.file-size' = '4kb');
CREATE SINK sums (k STRING, n BIGINT, s BIGINT, d BIGINT) WITH ('connector' = 'file', 'path' = 'sums', 'format' = 'json');
INSERT INTO thirds SELECT a FROM s WHERE MOD(a, 3) = 0;
INSERT INTO sums SELECT k, COUNT(*), SUM(a), COUNT(DISTINCT MOD(a, 10)) FROM TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '1000' SECOND)
  GROUP BY k, window_start, window_end;
`

var sinks = []string{"bad", "thirds", "sums"}

// expected is what the sinks hold in the end, worked out here.
var expected = func() map[string][]string {
	out := map[string][]string{}
	type sum struct {
		n, s int64
		d    map[int64]bool
	}
	sums := map[[2]int64]*sum{}
	for i := int64(1); i <= records; i++ {
		if isBad(i) {
			for _, branch := range []string{"thirds", "sums"} {
				out["bad"] = append(out["bad"], fmt.Sprintf(`{"position":"in.json:%d","branch":"%s"}`, i, branch))
			}
			continue
		}
		if i%3 == 0 {
			out["thirds"] = append(out["thirds"], fmt.Sprintf(`{"a":%d}`, i))
		}
		key := [2]int64{i % 11, i / 1000}
		if sums[key] == nil {
			sums[key] = &sum{d: map[int64]bool{}}
		}
		sums[key].n++
		sums[key].s += i
		sums[key].d[i%10] = true
	}
	for key, s := range sums {
		out["sums"] = append(out["sums"], fmt.Sprintf(`{"k":"key %d, which is longer than what fits inline","n":%d,"s":%d,"d":%d}`, key[0], s.n, s.s, len(s.d)))
	}
	for _, lines := range out {
		slices.Sort(lines)
	}
	return out
}()

func isBad(i int64) bool { return i%500 == 7 }

// directory makes a directory with the input.
func directory(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	for i := int64(1); i <= records; i++ {
		if isBad(i) {
			b.WriteString("{\"a\":\n")
			continue
		}
		fmt.Fprintf(&b, "{\"a\":%d,\"k\":\"key %d, which is longer than what fits inline\"}\n", i, i%11)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in.json"), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// disks are the file systems of a run; nil: the operating system's.
type disks struct {
	sinks connectors.FS
	state vfs.FS
}

// run runs the job in a directory to its end, or until it has read maxRows
// records. It has its state in dir/state.
func run(ctx context.Context, dir string, d disks, settings map[string]string) error {
	eng, err := streamsql.Open(streamsql.Options{
		DataDir: filepath.Join(dir, "state"), Dir: dir, Clock: hasty{}, FS: d.sinks, StateFS: d.state,
	})
	if err != nil {
		return err
	}
	defer eng.Close() // says no more than the job, which is waited for
	s := eng.Script()
	for k, v := range map[string]string{"commit.interval": "1ms", "batch.rows": "10", "parallelism": "2"} {
		if _, ok := settings[k]; !ok {
			if _, err := s.Set(k, v); err != nil {
				return err
			}
		}
	}
	for k, v := range settings {
		if _, err := s.Set(k, v); err != nil {
			return err
		}
	}
	sc, err := s.Analyze("job.sql", script)
	if err != nil {
		return err
	}
	for _, step := range sc.Steps {
		if job, ok := step.(*planner.Job); ok {
			j, err := s.StartJob(ctx, job, streamsql.JobOptions{Name: "job"})
			if err != nil {
				return err
			}
			if err := j.Wait(); err != nil && !errors.Is(err, streamsql.ErrFinished) {
				return err
			}
		}
	}
	return nil
}

// hasty is the system's clock, with short waits: pauses before a retry need not
// take seconds here.
type hasty struct{ clock.System }

func (hasty) After(d time.Duration) <-chan time.Time {
	return clock.System{}.After(min(d, 2*time.Millisecond))
}

// output gives the sorted lines of what is visible of a sink. All its files must
// end with a whole line.
func output(dir, sink string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, sink, "[^._]*"))
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		if len(b) == 0 {
			continue
		}
		if b[len(b)-1] != '\n' {
			return nil, fmt.Errorf("%s is torn: it ends within a row", f)
		}
		lines = append(lines, strings.Split(string(b[:len(b)-1]), "\n")...)
	}
	slices.Sort(lines)
	return lines, nil
}

// checkPart checks that what is visible is right as far as it goes: rows that
// are to come, each once, none torn.
func checkPart(dir string) error {
	for _, s := range sinks {
		got, err := output(dir, s)
		if err != nil {
			return err
		}
		want := expected[s]
		for _, l := range got {
			i, ok := slices.BinarySearch(want, l)
			if !ok {
				return fmt.Errorf("sink %s shows %s, which is wrong or doubled", s, l)
			}
			want = slices.Delete(slices.Clone(want), i, i+1)
		}
	}
	return nil
}

// checkWhole checks that the sinks hold exactly the right rows.
func checkWhole(dir string) error {
	for _, s := range sinks {
		got, err := output(dir, s)
		if err != nil {
			return err
		}
		if !slices.Equal(got, expected[s]) {
			return fmt.Errorf("sink %s has %d rows, want %d: %s", s, len(got), len(expected[s]), difference(got, expected[s]))
		}
	}
	return nil
}

func difference(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("got %s, want %s", got[i], want[i])
		}
	}
	return "one is a prefix of the other"
}

// TestSound is the job without faults: what the other tests rest on.
func TestSound(t *testing.T) {
	dir := directory(t)
	if err := run(t.Context(), dir, disks{}, nil); err != nil {
		t.Fatal(err)
	}
	if err := checkWhole(dir); err != nil {
		t.Fatal(err)
	}
}

package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// slow is a job that takes seconds: 3,000 numbers at 1,000 a second, in one
// sink as they are and in another summed by window.
const slow = `
SET 'commit.interval' = '50ms';
CREATE SOURCE s (a BIGINT, ts AS TO_TIMESTAMP_LTZ(a, 0), WATERMARK FOR ts AS ts) WITH (
  'connector' = 'datagen', 'rows-per-second' = '1000', 'fields.a.kind' = 'sequence', 'fields.a.start' = '1', 'fields.a.end' = '3000');
CREATE SINK rows (a BIGINT) WITH ('connector' = 'file', 'path' = 'rows', 'format' = 'json');
CREATE SINK sums (s BIGINT) WITH ('connector' = 'file', 'path' = 'sums', 'format' = 'json');
INSERT INTO rows SELECT a FROM s;
INSERT INTO sums SELECT SUM(a) FROM TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '1000' SECOND) GROUP BY window_start, window_end;
`

// started is a running job; progress gives a line of its progress at a time.
type started struct {
	cmd      *exec.Cmd
	progress chan map[string]any
	stderr   *bytes.Buffer // whole once progress is closed
}

func start(t *testing.T, dir string, args ...string) *started {
	t.Helper()
	s := &started{progress: make(chan map[string]any, 1000), stderr: &bytes.Buffer{}}
	s.cmd = exec.Command(binary, append([]string{"run", "job.sql", "--progress", "json"}, args...)...)
	s.cmd.Dir = dir
	pipe, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	go func() {
		defer close(s.progress)
		lines := bufio.NewScanner(pipe)
		for lines.Scan() {
			s.stderr.WriteString(lines.Text() + "\n")
			var p map[string]any
			if json.Unmarshal(lines.Bytes(), &p) == nil {
				s.progress <- p
			}
		}
	}()
	return s
}

// await waits until the job has committed some rows.
func (s *started) await(t *testing.T, records float64) {
	t.Helper()
	for p := range s.progress {
		if p["run_records"].(float64) >= records {
			return
		}
	}
	t.Fatalf("the job ended before %v records\n%s", records, s.stderr)
}

// wait gives the exit code and what was said.
func (s *started) wait(t *testing.T) (int, string) {
	t.Helper()
	for range s.progress {
	}
	_ = s.cmd.Wait()
	return s.cmd.ProcessState.ExitCode(), s.stderr.String()
}

// directory makes a directory with a script.
func directory(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "job.sql"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestSignal ends a job with SIGINT and SIGTERM in the middle: it commits and
// exits with 0, what is visible are whole rows from the beginning, and the next
// run goes on to the whole answer.
func TestSignal(t *testing.T) {
	dir := directory(t, slow)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		s := start(t, dir)
		s.await(t, 100)
		if err := s.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if code, msg := s.wait(t); code != 0 {
			t.Fatalf("%v: exit code %d\n%s", sig, code, msg)
		}
		n := checkNumbers(t, dir)
		if n == 0 || n == 3000 {
			t.Fatalf("%v: %d rows: the job was not stopped in the middle", sig, n)
		}
	}
	code, msg := start(t, dir).wait(t)
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, msg)
	}
	if n := checkNumbers(t, dir); n != 3000 {
		t.Errorf("%d rows, want 3000", n)
	}
	got, err := sinkLines(filepath.Join(dir, "sums"))
	if err != nil {
		t.Fatal(err)
	}
	// 1 to 999, 1000 to 1999, 2000 to 2999, 3000; as text in order.
	want := `{"s":1499500} {"s":2499500} {"s":3000} {"s":499500}`
	if s := strings.Join(got, " "); s != want {
		t.Errorf("sums %s, want %s", s, want)
	}
}

// checkNumbers checks that the sink has the numbers from 1 on, each once, and
// says how many.
func checkNumbers(t *testing.T, dir string) int {
	t.Helper()
	lines, err := sinkLines(filepath.Join(dir, "rows"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, l := range lines {
		seen[l]++
	}
	for i := range lines {
		if l := fmt.Sprintf(`{"a":%d}`, i+1); seen[l] != 1 {
			t.Fatalf("of %d rows, %s is there %d times", len(lines), l, seen[l])
		}
	}
	return len(lines)
}

// TestSecondSignal ends a job at once that does not come to an end by itself;
// what is committed stays, and the next run goes on from there.
func TestSecondSignal(t *testing.T) {
	dir := directory(t, slow)
	s := start(t, dir)
	s.await(t, 100)
	// Two signals in a row: the second may find the job ended by the first.
	for range 2 {
		if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	if code, msg := s.wait(t); code != 0 && code != 128+int(syscall.SIGINT) {
		t.Fatalf("exit code %d\n%s", code, msg)
	}
	if code, msg := start(t, dir).wait(t); code != 0 {
		t.Fatalf("exit code %d\n%s", code, msg)
	}
	if n := checkNumbers(t, dir); n != 3000 {
		t.Errorf("%d rows, want 3000", n)
	}
}

// TestLock runs a job whose state another process has open: refused, and the
// other goes on undisturbed.
func TestLock(t *testing.T) {
	dir := directory(t, slow)
	first := start(t, dir)
	first.await(t, 100)
	code, msg := start(t, dir).wait(t)
	if code != 1 || !strings.Contains(msg, ".streamsql/jobs/job") || !strings.Contains(msg, "another process") {
		t.Errorf("exit code %d, message %s", code, msg)
	}
	if code, msg := first.wait(t); code != 0 {
		t.Fatalf("exit code %d\n%s", code, msg)
	}
	if n := checkNumbers(t, dir); n != 3000 {
		t.Errorf("%d rows, want 3000", n)
	}
}

package crash

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the program, built with its fault points.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "crash")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "streamsql")
	cmd := exec.Command("go", "build", "-tags", "faults", "-o", path, "github.com/streamsql/streamsql/cmd/streamsql")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// job has every kind of output: rows passed through, windows, late rows, dead
// letters; a two-phase aggregate, a distinct one, and one of panes.
const job = `
SET 'commit.interval' = '15ms';
CREATE SINK bad (position STRING, error_column STRING, raw BYTES) WITH ('connector' = 'file', 'path' = 'bad', 'format' = 'json');
CREATE SOURCE events (
  event_type INT,
  bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, ` + "`dateTime`" + ` TIMESTAMP(3)>,
  ts AS bid.` + "`dateTime`" + `,
  WATERMARK FOR ts AS ts - INTERVAL '100' MILLISECOND
) WITH ('connector' = 'file', 'path' = 'events.ndjson', 'format' = 'json', 'on-error' = 'dead-letter', 'dead-letter.sink' = 'bad');
CREATE SINK bids (auction BIGINT, price BIGINT, ts TIMESTAMP(3)) WITH ('connector' = 'file', 'path' = 'bids', 'format' = 'json', 'sink.rolling-policy.file-size' = '256kb');
CREATE SINK tumble (ws TIMESTAMP(3), channel STRING, n BIGINT, s BIGINT) WITH ('connector' = 'file', 'path' = 'tumble', 'format' = 'json');
CREATE SINK hop (ws TIMESTAMP(3), we TIMESTAMP(3), n BIGINT, bidders BIGINT, mean DOUBLE) WITH ('connector' = 'file', 'path' = 'hop', 'format' = 'csv');
CREATE SINK late (bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, ` + "`dateTime`" + ` TIMESTAMP(3)>, ts TIMESTAMP(3), window_start TIMESTAMP(3), watermark TIMESTAMP(3)) WITH ('connector' = 'file', 'path' = 'late', 'format' = 'json');
CREATE VIEW bid AS SELECT e.bid.auction, e.bid.bidder, e.bid.price, e.bid.channel, e.ts FROM events AS e WHERE e.event_type = 2;
BEGIN STATEMENT SET;
INSERT INTO bids SELECT auction, price, ts FROM bid WHERE MOD(auction, 7) = 0;
INSERT INTO tumble SELECT window_start, channel, COUNT(*), SUM(price) FROM TUMBLE(TABLE bid, DESCRIPTOR(ts), INTERVAL '1' SECOND)
  GROUP BY window_start, window_end, channel LATE DATA TO late;
INSERT INTO hop SELECT window_start, window_end, COUNT(*), COUNT(DISTINCT bidder), AVG(price * 0.1e0)
  FROM HOP(TABLE bid, DESCRIPTOR(ts), INTERVAL '200' MILLISECOND, INTERVAL '1' SECOND) GROUP BY window_start, window_end;
END;
`

var sinks = []string{"bad", "bids", "tumble", "hop", "late"}

// points are the named places to crash at.
var points = []string{
	"before-barrier", "after-barrier", "before-prepare", "after-prepare", "before-store", "after-store",
	"before-sink-commit", "after-commit", "sink-fs", "state-fs",
}

// prepare makes a directory with the script and its events.
func prepare(t *testing.T, events int) string {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "job.sql"), []byte(job), 0o644); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "plain.ndjson")
	if out, err := exec.Command(bin, "nexmark", "--events", strconv.Itoa(events), path).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	plain, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// Disorder, so that there are late rows, and bad lines.
	lines := bytes.SplitAfter(plain, []byte("\n"))
	rng := rand.New(rand.NewPCG(1, 2))
	for i := 0; i+3000 < len(lines); i += 97 {
		j := i + rng.IntN(3000)
		lines[i], lines[j] = lines[j], lines[i]
	}
	var out []byte
	for i, l := range lines {
		out = append(out, l...)
		if i%5000 == 17 {
			out = append(out, `{"event_type":2,"bid":{"auction":"x"}}`+"\n"...)
		}
		if i%7000 == 18 {
			out = append(out, "{torn\n"...)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "events.ndjson"), out, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// start starts the job in a directory, with a fault and settings.
func start(t *testing.T, dir, fault string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, append([]string{"run", "job.sql", "--data-dir", "state", "--progress", "off"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "STREAMSQL_FAULT="+fault)
	var msg bytes.Buffer
	cmd.Stderr = &msg
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, &msg
}

// killed says whether a process died by SIGKILL; any other failure fails the test.
func killed(t *testing.T, err error, msg *bytes.Buffer) bool {
	t.Helper()
	if err == nil {
		return false
	}
	var ee *exec.ExitError
	if errors.As(err, &ee) && ee.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return true
	}
	t.Fatalf("the job failed: %v\n%s", err, msg)
	return false
}

// output gives the sorted lines of all visible files of a sink.
func output(t *testing.T, dir, sink string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, sink, "[^._]*"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 0 && b[len(b)-1] != '\n' {
			t.Fatalf("%s ends within a row", f)
		}
		for i, l := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
			if strings.HasSuffix(f, ".csv") && i == 0 {
				continue // a header per file
			}
			lines = append(lines, l)
		}
	}
	slices.Sort(lines)
	return lines
}

func rounds() int {
	if os.Getenv("STREAMSQL_SOAK") != "" {
		return 400
	}
	return 100
}

// TestKill kills and restarts the job until it is done, again and again with
// other places to die at, other parallelism and batch sizes at each start.
func TestKill(t *testing.T) {
	const events = 60_000
	dir := prepare(t, events)
	cmd, msg := start(t, dir, "")
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	want := map[string][]string{}
	for _, s := range sinks {
		want[s] = output(t, dir, s)
		if len(want[s]) == 0 {
			t.Fatalf("sink %s is empty", s)
		}
	}
	kills, rng := 0, chance(t)
	for round := range rounds() {
		forget(t, dir, sinks...)
		history := survive(t, dir, func(try int) life {
			point := points[(round+try)%len(points)]
			nth := 1 + rng.IntN(6)
			if strings.HasSuffix(point, "-fs") {
				nth = 1 + rng.IntN(120)
			}
			l := life{args: []string{"--parallelism", strconv.Itoa(1 + rng.IntN(3)), "--batch-rows", strconv.Itoa([]int{97, 1000, 4096}[rng.IntN(3)])}}
			if rng.IntN(4) == 0 {
				l.byHand = time.Duration(20+rng.IntN(300)) * time.Millisecond
			} else {
				l.fault = fmt.Sprintf("%s:%d", point, nth)
			}
			return l
		})
		kills += len(history) - 1
		holds(t, dir, want, round, history)
	}
	t.Logf("%d kills in %d rounds", kills, rounds())
	if kills < rounds() {
		t.Errorf("only %d kills in %d rounds: the test does not test", kills, rounds())
	}
}

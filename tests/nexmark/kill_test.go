package nexmark

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is the path of the binary, built with its fault points.
var program = sync.OnceValues(func() (string, error) {
	dir, err := dataDir()
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

// points are named places of a commit to die at.
var points = []string{"after-barrier", "after-prepare", "after-store", "before-sink-commit", "state-fs", "sink-fs"}

// TestKilled runs every query as a job into files, kills the process with
// SIGKILL several times and starts it again with another parallelism and batch
// size. What the files hold in the end, folded, is what an undisturbed engine of
// another make gives.
func TestKilled(t *testing.T) {
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	data, err := dataDir()
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for i, q := range queries {
		t.Run(q.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "q.sql"), []byte(killedScript(t, data, q.name)), 0o644); err != nil {
				t.Fatal(err)
			}
			kills := 0
			for starts := 0; ; starts++ {
				fault := ""
				if kills < 3 {
					point := points[rng.IntN(len(points))]
					nth := 1 + rng.IntN(4)
					if strings.HasSuffix(point, "-fs") {
						nth = 1 + rng.IntN(60)
					}
					fault = fmt.Sprintf("%s:%d", point, nth)
				}
				if starts == 0 {
					fault = "after-barrier:1" // which every run comes by
				}
				cmd := exec.Command(bin, "run", "q.sql", "--data-dir", "state", "--progress", "off",
					"--parallelism", strconv.Itoa(1+rng.IntN(3)), "--batch-rows", strconv.Itoa([]int{97, 1000}[rng.IntN(2)]))
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "STREAMSQL_FAULT="+fault)
				var msg bytes.Buffer
				cmd.Stderr = &msg
				err := cmd.Run()
				if err == nil {
					break
				}
				var ee *exec.ExitError
				if !errors.As(err, &ee) || ee.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Fatalf("start %d with fault %s: %v\n%s", starts+1, fault, err, msg.String())
				}
				kills++
			}
			if kills == 0 {
				t.Error("it was never killed")
			}
			checkRows(t, "expected", q.name, folded(t, filepath.Join(dir, "out")))
		})
	}
}

// killedScript makes a job of a query, whose sink has the rows' kinds as a column.
func killedScript(t *testing.T, data, query string) string {
	text := script(t, filepath.Join(data, "events.ndjson"), query)
	text = strings.Replace(text, "'side_input.csv'", "'"+filepath.Join(data, "side_input.csv")+"'", 1)
	q, err := os.ReadFile("testdata/queries/" + query + ".sql")
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(text, string(q))
	return "SET 'commit.interval' = '15ms';\n" + head +
		"CREATE SINK out WITH ('connector' = 'file', 'path' = 'out', 'format' = 'csv', 'sink.kind-column' = 'kind') AS\n" + string(q) + ";\n"
}

// folded gives the rows that stand in the end: those added and never taken away.
func folded(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "[^._]*"))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		rest := string(b)
		_, rest, _ = strings.Cut(rest, "\n") // a header per file
		for rest != "" {
			var l string
			l, rest = record(rest)
			kind, row, _ := strings.Cut(l, ",")
			switch kind {
			case "+I", "+U":
				count[row]++
			case "-U", "-D":
				count[row]--
			default:
				t.Fatalf("%s has the row %s", f, l)
			}
		}
	}
	var rows []string
	for row, n := range count {
		if n < 0 {
			t.Fatalf("taken away and not there: %s", row)
		}
		for range n {
			rows = append(rows, row)
		}
	}
	return rows
}

// record cuts the first record off a CSV text: a line end within quotes is none.
func record(text string) (first, rest string) {
	quoted := false
	for i := range len(text) {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == '\n' && !quoted:
			return text[:i], text[i+1:]
		}
	}
	return text, ""
}

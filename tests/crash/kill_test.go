package crash

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// life is a start of a job, and what it is to die of.
type life struct {
	fault  string // a point, and the how manieth time it is passed; "": none
	args   []string
	byHand time.Duration // it is killed after so long; 0: it is not
}

// survive starts the job in a directory until it ends by itself, each time as next
// says. It gives what was tried: all but the last were killed.
func survive(t *testing.T, dir string, next func(try int) life) (history []string) {
	t.Helper()
	for try := 0; ; try++ {
		if try > 300 {
			t.Fatalf("no end after %d starts:\n%s", try, strings.Join(history, "\n"))
		}
		l := next(try)
		cmd, msg := start(t, dir, l.fault, l.args...)
		if l.byHand > 0 {
			time.AfterFunc(l.byHand, func() { _ = cmd.Process.Kill() })
			l.fault = "by hand"
		}
		history = append(history, l.fault+" "+strings.Join(l.args, " "))
		if !killed(t, cmd.Wait(), msg) {
			return history
		}
	}
}

// chance is what the starts of a test are drawn from; its seed is in the log.
func chance(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// forget removes what earlier rounds have left in a directory.
func forget(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range append(names, "state") {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// holds compares what sinks have written with what they should have.
func holds(t *testing.T, dir string, want map[string][]string, round int, history []string) {
	t.Helper()
	for sink, rows := range want {
		if got := output(t, dir, sink); !slices.Equal(got, rows) {
			t.Fatalf("round %d: sink %s has %d rows, want %d; first difference: %s\nhistory: %s", round, sink, len(got), len(rows),
				difference(got, rows), strings.Join(history, "\n"))
		}
	}
}

func difference(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return "got " + got[i] + ", want " + want[i]
		}
	}
	return "one is a prefix of the other"
}

package exec

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/streamsql/streamsql/planner"
)

// TestSilentSplit: a split without IDLE TIMEOUT that has nothing for a minute,
// while another one goes on, is told of once for each silence.
func TestSilentSplit(t *testing.T) {
	var log bytes.Buffer
	scan := &planner.Scan{Source: "orders", Watermark: &planner.Watermark{}}
	s := &source{scan: scan, node: &planner.Node{Op: scan, Props: planner.Properties{NeedsW: true}}}
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	quiet, other := &split{source: s, id: "p0", lastData: start, w: 10}, &split{source: s, id: "p1", lastData: start, w: 20}
	s.splits = []*split{quiet, other}
	q := &sequencer{sources: []*source{s}, log: slog.New(slog.NewTextHandler(&log, nil))}
	told := func() int { return strings.Count(log.String(), "split=p0") }

	q.polled(quiet, start.Add(2*time.Minute))
	if told() != 0 {
		t.Fatalf("all splits are silent: %s", &log)
	}
	other.lastData = start.Add(110 * time.Second)
	for i := range 3 {
		q.polled(quiet, start.Add(2*time.Minute+time.Duration(i)*time.Second))
		q.polled(other, start.Add(4*time.Minute))
	}
	if told() != 1 || strings.Contains(log.String(), "split=p1") || !strings.Contains(log.String(), "source=orders") {
		t.Fatalf("want p0 told of once, got: %s", &log)
	}
	quiet.lastData, other.lastData = start.Add(3*time.Minute), start.Add(5*time.Minute)
	q.polled(quiet, start.Add(5*time.Minute))
	if told() != 2 {
		t.Fatalf("a new silence is told of again: %s", &log)
	}
	s.node.Props.NeedsW, quiet.told = false, time.Time{}
	q.polled(quiet, start.Add(9*time.Minute))
	if told() != 2 {
		t.Fatalf("nobody needs the watermark: %s", &log)
	}
}

// TestDifference shows what changed of a query, not all of it.
func TestDifference(t *testing.T) {
	was, now := difference("a b c d e f g h i j k l m", "a b c d e f X h i j k l m")
	if was != "... c d e f g h i j k ..." || now != "... c d e f X h i j k ..." {
		t.Errorf("%q, %q", was, now)
	}
	if was, now := difference("a b", "a b c"); was != "a b" || now != "a b c" {
		t.Errorf("%q, %q", was, now)
	}
}

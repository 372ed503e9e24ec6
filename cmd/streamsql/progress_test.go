package main

import (
	"strings"
	"testing"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/exec"
)

// What a job waits for stands at the end of its line, in short, and on one line.
func TestProgressLine(t *testing.T) {
	p := streamsql.Progress{Epoch: 7,
		Sources: []exec.SourceProgress{
			{Name: "orders", Splits: 3, State: "orders/2 can't be read:\n" + strings.Repeat("ä", 200), Held: []string{"orders/0", "orders/1"}},
			{Name: "users", Splits: 1}},
		Sinks: []exec.SinkProgress{{Name: "totals", State: "no answer"}}}
	line := progressLine(p)
	want := "micro-batch 7  0 records  0/s  late 0  bad 0  orders: orders/2 can't be read: " + strings.Repeat("ä", 73) + "...  orders: 2 of 3 splits held  totals: no answer"
	if line != want {
		t.Errorf("got  %s\nwant %s", line, want)
	}
}

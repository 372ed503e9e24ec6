package planner_test

import (
	"strings"
	"testing"

	"github.com/streamsql/streamsql/parser"
)

// TestTableOfReadableFormat: a TABLE of a format that can be read only is read; an
// INSERT into it, and a SINK of it, say that it can't be written.
func TestTableOfReadableFormat(t *testing.T) {
	table := "CREATE TABLE t (id INT) WITH ('connector' = 'file', 'path' = 'p', 'format' = 'columnar'); "
	run(t, newSession(), table+"SELECT id FROM t")
	for text, want := range map[string]string{
		table + "INSERT INTO t SELECT 1":           "connector 'file' does not write format 'columnar'",
		strings.Replace(table, "TABLE", "SINK", 1): "connector 'file' does not take format 'columnar'",
	} {
		_, err := newSession().Analyze(parser.NewSource("q.sql", text))
		if err == nil || !strings.Contains(formatted(err), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

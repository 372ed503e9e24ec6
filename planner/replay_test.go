package planner_test

import (
	"strings"
	"testing"

	"github.com/streamsql/streamsql/parser"
	"github.com/streamsql/streamsql/planner"
)

const replayTables = `
CREATE TABLE dlq (source STRING, branch STRING, position STRING, raw BYTES) WITH ('connector'='file', 'path'='dlq', 'format'='json');
CREATE SOURCE s (id INT, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector'='events', 'on-error'='dead-letter', 'dead-letter.sink'='dlq');
CREATE SOURCE other (id INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector'='events');
CREATE SINK o (id INT) WITH ('connector'='append');
CREATE SINK n (n BIGINT) WITH ('connector'='retract');
`

// TestReplayErrors: what a replay refuses, and why.
func TestReplayErrors(t *testing.T) {
	for name, c := range map[string][2]string{
		"alone":           {"REPLAY DEAD LETTERS FROM dlq", "no INSERT of this script reads a source whose dead letters go to `dlq`"},
		"nobody's":        {"INSERT INTO o SELECT id FROM other; REPLAY DEAD LETTERS FROM dlq", "no INSERT of this script reads"},
		"twice":           {"INSERT INTO o SELECT id FROM s; REPLAY DEAD LETTERS FROM dlq; REPLAY DEAD LETTERS FROM dlq", "a script has one REPLAY"},
		"a sink":          {"INSERT INTO o SELECT id FROM s; REPLAY DEAD LETTERS FROM o", "can't be read"},
		"no table":        {"INSERT INTO o SELECT id FROM s; REPLAY DEAD LETTERS FROM dlp", "dlp"},
		"too few columns": {"CREATE TABLE few (source STRING) WITH ('connector'='file', 'path'='f', 'format'='json'); REPLAY DEAD LETTERS FROM few", "has no column `branch`"},
		"another type":    {"CREATE TABLE bad (source STRING, branch STRING, position STRING, raw STRING) WITH ('connector'='file', 'path'='f', 'format'='json'); REPLAY DEAD LETTERS FROM bad", "column `raw` of `bad` is STRING, of dead letters it is BYTES"},
		"no condition":    {"INSERT INTO o SELECT id FROM s; REPLAY DEAD LETTERS FROM dlq WHERE position", "BOOLEAN"},
		"no column":       {"INSERT INTO o SELECT id FROM s; REPLAY DEAD LETTERS FROM dlq WHERE eror_code = 'x'", "eror_code"},
		"groups":          {"INSERT INTO n SELECT COUNT(*) FROM s; REPLAY DEAD LETTERS FROM dlq", "an aggregation whose groups"},
		"lateness":        {"INSERT INTO n SELECT COUNT(*) FROM TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '1' MINUTE) GROUP BY window_start, window_end ALLOW LATENESS INTERVAL '1' MINUTE; REPLAY DEAD LETTERS FROM dlq", "an aggregation whose groups"},
		"a join":          {"INSERT INTO o SELECT s.id FROM s JOIN other ON s.id = other.id; REPLAY DEAD LETTERS FROM dlq", "would read its other sources from the start again"},
		"with itself":     {"INSERT INTO o SELECT a.id FROM s a JOIN s b ON a.id = b.v; REPLAY DEAD LETTERS FROM dlq", "can't go through a join"},
		"OVER":            {"INSERT INTO n SELECT COUNT(*) OVER (ORDER BY ts) FROM s; REPLAY DEAD LETTERS FROM dlq", "can't go through OVER"},
		"DISTINCT":        {"INSERT INTO o SELECT DISTINCT id FROM s; REPLAY DEAD LETTERS FROM dlq", "an aggregation whose groups"},
		"LIMIT":           {"INSERT INTO o SELECT id FROM s LIMIT 3; REPLAY DEAD LETTERS FROM dlq", "can't go through LIMIT"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newSession().Analyze(parser.NewSource("replay.sql", replayTables+c[0]))
			if err == nil || !strings.Contains(err.Error(), c[1]) {
				t.Errorf("%v\nlacks %q", err, c[1])
			}
		})
	}
}

// TestReplayPlan: the INSERTs read letters, each those of its own branch; those
// that have none are left out with a warning.
func TestReplayPlan(t *testing.T) {
	script := run(t, newSession(), replayTables+`
		CREATE SINK p (id INT) WITH ('connector'='append');
		INSERT INTO o SELECT id FROM s WHERE v > 1;
		INSERT INTO o SELECT v FROM s;
		INSERT INTO p SELECT id FROM other;
		REPLAY DEAD LETTERS FROM dlq WHERE position LIKE 'a%'`)
	job := script.Steps[len(script.Steps)-1].(*planner.Job)
	branches := map[string]bool{}
	for _, n := range job.Plan.Nodes {
		switch op := n.Op.(type) {
		case *planner.Scan:
			if op.Replay == nil || op.Replay.Source != "s" || op.Replay.Where == nil || !op.Bounded {
				t.Errorf("scan %s is %+v", op.Source, op)
				continue
			}
			branches[op.Replay.Branch] = true
		case *planner.Sink:
			if op.Name != "o" {
				t.Errorf("a replay writes to %s", op.Name)
			}
		}
	}
	if len(branches) != 2 || !branches["o"] || !branches["o#2"] {
		t.Errorf("letters of %v are read", branches)
	}
	warned := false
	for _, w := range script.Warnings {
		warned = warned || strings.Contains(w.Msg, "INSERT INTO `p` reads no source whose dead letters go to")
	}
	if !warned {
		t.Error("no warning about the INSERT that is left out")
	}
}

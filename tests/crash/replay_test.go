package crash

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tables are those of the job and of its replay, which reads v as another type.
const tables = `
CREATE TABLE dlq (source STRING, branch STRING, position STRING, raw BYTES, error_code STRING)
  WITH ('connector' = 'file', 'path' = 'dlq', 'format' = 'json');
CREATE SOURCE s (id BIGINT, v %s, ts AS TO_TIMESTAMP_LTZ(id, 0), line BIGINT METADATA FROM 'file.line', WATERMARK FOR ts AS ts)
  WITH ('connector' = 'file', 'path' = 'in.ndjson', 'format' = 'json', 'on-error' = 'dead-letter', 'dead-letter.sink' = 'dlq');
CREATE SINK rows_out (id BIGINT, v BIGINT, line BIGINT) WITH ('connector' = 'file', 'path' = 'rows', 'format' = 'json');
CREATE SINK counts (n BIGINT) WITH ('connector' = 'file', 'path' = 'counts', 'format' = 'json');
CREATE SINK late (id BIGINT, v BIGINT, ts TIMESTAMP_LTZ(3), line BIGINT, window_start TIMESTAMP_LTZ(3), window_end TIMESTAMP_LTZ(3), watermark TIMESTAMP_LTZ(3))
  WITH ('connector' = 'file', 'path' = 'late', 'format' = 'json');
INSERT INTO rows_out SELECT id, v, line FROM s WHERE v <> 5;
INSERT INTO counts SELECT SUM(v) FROM TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '100' SECOND) GROUP BY window_start, window_end LATE DATA TO late;
`

// TestKillReplay replays dead letters with kills: each letter of an INSERT is read
// once. What comes out is worked out here.
func TestKillReplay(t *testing.T) {
	dir := t.TempDir()
	var in strings.Builder
	var rows, late []string
	for i := range 6000 {
		switch {
		case i%7 == 3:
			v := int64(1)<<40 + int64(i)
			fmt.Fprintf(&in, `{"id":%d,"v":%d}`+"\n", i, v)
			rows = append(rows, fmt.Sprintf(`{"id":%d,"v":%d,"line":%d}`, i, v, i+1))
			at := func(s int) string { return time.Unix(int64(s), 0).UTC().Format("2006-01-02 15:04:05.000Z") }
			late = append(late, fmt.Sprintf(`{"id":%d,"v":%d,"ts":"%s","line":%d,"window_start":"%s","window_end":"%s","watermark":"9999-12-31 23:59:59.999Z"}`,
				i, v, at(i), i+1, at(i/100*100), at(i/100*100+100)))
		case i%100 == 50:
			in.WriteString("torn\n")
		default:
			fmt.Fprintf(&in, `{"id":%d,"v":%d}`+"\n", i, i)
		}
	}
	slices.Sort(rows)
	slices.Sort(late)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("in.ndjson", in.String())
	write("job.sql", fmt.Sprintf(tables, "INT"))
	cmd, msg := start(t, dir, "", "--parallelism", "2")
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	letters := output(t, dir, "dlq")
	write("job.sql", fmt.Sprintf(tables, "BIGINT")+"REPLAY DEAD LETTERS FROM dlq WHERE error_code = 'OUT_OF_RANGE';\n")

	kills, rng := 0, chance(t)
	for round := range max(8, rounds()/10) {
		forget(t, dir, "rows", "counts", "late")
		history := survive(t, dir, func(try int) life {
			nth := 1 // each round dies once at least
			if try > 0 {
				nth += rng.IntN(4)
			}
			return life{
				fault: fmt.Sprintf("%s:%d", points[(round+try)%len(points)], nth),
				args:  []string{"--parallelism", strconv.Itoa(1 + rng.IntN(3)), "--batch-rows", strconv.Itoa(7 + rng.IntN(500)), "--commit-interval", "2ms"},
			}
		})
		kills += len(history) - 1
		holds(t, dir, map[string][]string{"rows": rows, "late": late, "counts": nil, "dlq": letters}, round, history)
	}
	t.Logf("%d kills", kills)
	if kills < 8 {
		t.Error("no kill: the test does not test")
	}
}

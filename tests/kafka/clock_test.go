//go:build unix

package kafka

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/streamsql/streamsql/internal/clock/clocktest"
	"github.com/streamsql/streamsql/internal/testservice"
)

// jumps are what happens to the clock, one after the other: an hour back, two days
// ahead, and back to where it was.
var jumps = []time.Duration{-time.Hour, 49 * time.Hour, -48 * time.Hour}

// The computer's clock is set while a job copies topics: nothing is lost, doubled or
// waited for, whatever the trigger, and no transaction is taken for expired.
func TestClockJumpsCopy(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	for _, trigger := range []string{"default", "processing_time 100ms"} {
		name := strings.Fields(trigger)[0]
		topics(t, k, 2, name+"-in", name+"-exact", name+"-least")
		jumping := &clocktest.Jumping{}
		w := newWorld(t, k)
		w.clock = jumping
		script := fmt.Sprintf("SET 'trigger' = '%s';", trigger) + twice
		for _, topic := range []string{"in", "exact", "least"} {
			script = strings.ReplaceAll(script, "'topic' = '"+topic+"'", "'topic' = '"+name+"-"+topic+"'")
		}
		r := w.start(strings.Replace(script, "$KAFKA", "$KAFKA, 'scan.max-rate-per-partition' = '10000'", 1))
		produce(t, k.Addr, name+"-in", 0, 0, 500)
		r.untilRows("out", 500)
		n := 500
		for _, by := range jumps {
			jumping.Jump(by)
			epoch := r.Progress().Epoch
			produce(t, k.Addr, name+"-in", 1, n, 500)
			n += 500
			r.untilRows("out", n)
			r.until("a commit", func() bool { return r.Progress().Epoch > epoch })
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		w.equal("out", numbers(0, n))
		for _, topic := range []string{"-exact", "-least"} {
			same(t, topic, written(t, k, name+topic), numbers(0, n))
		}
		if log := w.log.String(); strings.Contains(log, "expired") || strings.Contains(log, "starts again") {
			t.Errorf("%s", log)
		}
	}
}

// Of the time that partitions are silent only what has passed counts: IDLE TIMEOUT
// leaves a silent partition out as soon as it should, and where all are silent the
// watermark does not run away with the clock, which would make late what comes next.
func TestClockJumpsIdle(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "jump-idle", 2)
	jumping := &clocktest.Jumping{}
	w := newWorld(t, k)
	w.clock = jumping
	r := w.start(`
		CREATE SOURCE s (n BIGINT, ts AS TO_TIMESTAMP_LTZ(n * 60, 0), WATERMARK FOR ts AS ts IDLE TIMEOUT INTERVAL '0.5' SECOND)
			WITH ($KAFKA, 'topic' = 'jump-idle', 'scan.startup.mode' = 'earliest-offset');
		CREATE SINK out (n BIGINT, c BIGINT) WITH ('connector' = 'memory');
		INSERT INTO out SELECT CAST(UNIX_SECONDS(window_start) / 600 AS BIGINT), COUNT(*) FROM TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '10' MINUTE) GROUP BY window_start, window_end;`)
	var want []string
	for i, by := range jumps {
		from := 200 * (i + 1)
		produce(t, k.Addr, "jump-idle", 0, from, 100) // partition 1 is silent
		for n := from / 10; n < from/10+9; n++ {
			want = append(want, fmt.Sprint(n, " 10"))
		}
		jumping.Jump(by)
		r.until("windows by the time of partition 0", func() bool {
			keyed(t, k.Addr, "jump-idle", 0, 0, "NULL=>{}") // lest it is silent too
			return len(w.rows("out")) >= len(want)
		})
		time.Sleep(700 * time.Millisecond) // all are silent
		jumping.Jump(by)
		time.Sleep(700 * time.Millisecond)
		jumping.Jump(-by)
		// The rest of the last window, and rows of the next ones.
		want = append(want, fmt.Sprint(from/10+9, " 10"))
	}
	produce(t, k.Addr, "jump-idle", 0, 800, 100)
	r.until("windows by the time of partition 0", func() bool {
		keyed(t, k.Addr, "jump-idle", 0, 0, "NULL=>{}")
		return len(w.rows("out")) >= len(want)
	})
	if late := r.Progress().Late; late != 0 {
		t.Errorf("%d late rows", late)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	got := w.rows("out")
	seen := map[string]bool{}
	for _, row := range got {
		if seen[row] = true; !strings.HasSuffix(row, " 10") {
			t.Errorf("window %s", row)
		}
	}
	for _, row := range want {
		if !seen[row] {
			t.Errorf("no window %s in %q", row, got)
		}
	}
}

// 'on-error.max-per-minute' counts over a minute that has passed, not over one that
// the clock says has.
func TestClockJumpsTolerance(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "jump-bad", 1)
	bad := func(n int) {
		for range n {
			keyed(t, k.Addr, "jump-bad", 0, 0, "NULL=>no json", `NULL=>{"n":1}`)
		}
	}
	jumping := &clocktest.Jumping{}
	w := newWorld(t, k)
	w.clock = jumping
	r := w.start(fmt.Sprintf(passOn, "jump-bad", ", 'on-error' = 'skip', 'on-error.max-per-minute' = '5'"))
	good := 0
	for _, by := range jumps[:2] {
		bad(2)
		good += 2
		r.untilRows("out", good)
		jumping.Jump(by)
	}
	bad(2)
	if err := r.wait(); err == nil || !strings.Contains(err.Error(), "'on-error.max-per-minute' = 5") {
		t.Errorf("6 bad records within a minute: %v", err)
	}
}

// Windows of PROCTIME() wait until a clock that was put back is where it was: each
// comes once, and no row is lost. EMIT EVERY does not wait.
func TestClockJumpsWindows(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "jump-windows", 1)
	jumping := &clocktest.Jumping{}
	w := newWorld(t, k)
	w.clock = jumping
	r := w.start(`
		CREATE SOURCE s (n BIGINT) WITH ($KAFKA, 'topic' = 'jump-windows', 'scan.startup.mode' = 'earliest-offset');
		CREATE SINK windows (ws TIMESTAMP_LTZ(3), c BIGINT) WITH ('connector' = 'memory');
		CREATE SINK every (one INT, c BIGINT, PRIMARY KEY (one) NOT ENFORCED) WITH ('connector' = 'memory');
		CREATE SINK out (n BIGINT) WITH ('connector' = 'memory');
		INSERT INTO windows SELECT window_start, COUNT(*) FROM TUMBLE(TABLE (SELECT n, PROCTIME() AS at FROM s), DESCRIPTOR(at), INTERVAL '1' SECOND) GROUP BY window_start, window_end;
		INSERT INTO every SELECT 1, COUNT(*) FROM s EMIT EVERY INTERVAL '1' SECOND;
		INSERT INTO out SELECT n FROM s;`)
	counted := func() (rows int) {
		starts := map[any]bool{}
		for _, row := range w.store.Table("windows").Rows() {
			if starts[row.Values[0]] {
				t.Fatalf("two rows for the window of %v", row.Values[0])
			}
			starts[row.Values[0]] = true
			rows += int(row.Values[1].(int64))
		}
		return rows
	}
	total := func() int {
		rows := w.store.Table("every").Rows()
		if len(rows) == 0 {
			return 0
		}
		return int(rows[len(rows)-1].Values[1].(int64))
	}
	n := 0
	more := func() {
		produce(t, k.Addr, "jump-windows", 0, n, 100)
		n += 100
		r.untilRows("out", n)
	}
	more()
	r.until("windows", func() bool { return counted() == n })
	jumping.Jump(-time.Hour)
	before := n
	more()
	r.until("a total", func() bool { return total() == n })
	r.until("a word of the clock", func() bool { return strings.Contains(w.log.String(), "the clock was put back by 1h0m0s") })
	if got := counted(); got != before {
		t.Errorf("%d rows in windows while the clock is behind, want %d", got, before)
	}
	jumping.Jump(49 * time.Hour)
	more()
	r.until("windows", func() bool { return counted() == n })
	r.until("a total", func() bool { return total() == n })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
}

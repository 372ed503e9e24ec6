//go:build unix

package kafka

import (
	"fmt"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/internal/testservice"
)

// A partition that is far ahead is held back, and what the job waits for is shown;
// a run of what there is ends all the same, whatever limits it has besides, and so
// does one where a partition has nothing at all.
func TestAlignment(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "aligned", 3)
	produce(t, k.Addr, "aligned", 0, 1000, 500) // from 1000 s on
	produce(t, k.Addr, "aligned", 1, 0, 300)    // from 0 s on
	script := func(options string) string {
		return fmt.Sprintf(`
			CREATE SOURCE s (n BIGINT, ts AS TO_TIMESTAMP_LTZ(n, 0), WATERMARK FOR ts AS ts)
				WITH ($KAFKA, 'topic' = 'aligned', 'scan.startup.mode' = 'earliest-offset', 'scan.watermark.alignment.max-drift' = '10 s' %s);
			CREATE SINK out (n BIGINT) WITH ('connector' = 'memory');
			INSERT INTO out SELECT n FROM s;`, options)
	}
	all := both(numbers(0, 300), numbers(1000, 500))
	for _, options := range []string{"", ", 'scan.max-offsets-per-trigger' = '50'", ", 'scan.max-bytes-per-trigger' = '500b'", ", 'scan.max-rate-per-partition' = '400'"} {
		for _, trigger := range []string{"available_now", "once"} {
			w := newWorld(t, k)
			run := "SET 'trigger' = '" + trigger + "';" + script(options)
			if err := w.start(run).wait(); err != nil {
				t.Fatalf("%s, %s: %v", trigger, options, err)
			}
			if trigger == "once" && strings.Contains(options, "trigger") {
				// One micro-batch, of the partition that is behind.
				if got := w.rows("out"); len(got) == 0 || len(got) > 60 {
					t.Errorf("%s, %s: %d rows", trigger, options, len(got))
				}
				continue
			}
			w.equal("out", all)
		}
	}
	// Without an end partition 2, which has nothing, holds the others back.
	w := newWorld(t, k)
	r := w.start(script(", 'scan.max-offsets-per-trigger' = '50'"))
	r.until("held partitions", func() bool {
		if len(r.Sources()) == 0 {
			return false
		}
		held := r.Sources()[0].Held
		return len(held) == 2 && held[0] == "aligned/00000" && held[1] == "aligned/00001"
	})
	produce(t, k.Addr, "aligned", 2, 2000, 50)
	r.untilRows("out", 300)
	produce(t, k.Addr, "aligned", 1, 1490, 100)
	r.untilRows("out", 900)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
}

// MAX FUTURE SKEW goes by the records' own timestamps, whatever the clock says: one
// whose time is far beyond its timestamp is a bad record and moves no watermark.
func TestFutureSkew(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "skew", 1)
	e := batch.NewEncoder(batch.None)
	// In seconds since 1970: the timestamp, and the time in the record.
	for _, r := range [][2]int64{{1000, 1000}, {1001, 1060}, {1002, 1063}, {1003, 9_000_000_000}, {1004, 1004}, {9_000_000_100, 9_000_000_000}, {9_000_000_101, 1005}} {
		e.Append(r[0]*1000, nil, fmt.Appendf(nil, `{"n":%d}`, r[1]), nil)
	}
	data, err := e.Finish(nil, batch.NoProducer)
	if err != nil {
		t.Fatal(err)
	}
	send(t, k.Addr, "skew", 0, data)
	w := newWorld(t, k)
	r := w.start(`
		CREATE SINK dlq (position STRING, error_code STRING) WITH ('connector' = 'memory');
		CREATE SOURCE s (n BIGINT, ts AS TO_TIMESTAMP_LTZ(n, 0), WATERMARK FOR ts AS ts - INTERVAL '1' MINUTE MAX FUTURE SKEW INTERVAL '1' MINUTE)
			WITH ($KAFKA, 'topic' = 'skew', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset', 'on-error' = 'dead-letter', 'dead-letter.sink' = 'dlq');
		CREATE SINK out (ws BIGINT, c BIGINT) WITH ('connector' = 'memory');
		INSERT INTO out SELECT UNIX_SECONDS(window_start), COUNT(*) FROM TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '10' SECOND) GROUP BY window_start, window_end;`)
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	// 1063 is 61 s beyond its timestamp. 9000000000 is behind the second timestamp: it
	// is right, and makes the last row late.
	w.equal("dlq", []string{"skew/0@2 FUTURE_SKEW", "skew/0@3 FUTURE_SKEW"})
	w.equal("out", []string{"1000 2", "1060 1", "9000000000 1"})
	if late := r.Progress().Late; late != 1 {
		t.Errorf("%d late rows", late)
	}
}

//go:build unix

package kafka

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/internal/testservice"
)

// keyed writes records "key=>value" to a partition; NULL is no key or value. Their
// timestamps are ms after 2023-11-14 22:13:20.
func keyed(t testing.TB, addr, topic string, partition int32, ms int, records ...string) {
	t.Helper()
	e := batch.NewEncoder(batch.LZ4)
	for i, r := range records {
		key, value, _ := strings.Cut(r, "=>")
		bytes := func(s string) []byte {
			if s == "NULL" {
				return nil
			}
			return []byte(s)
		}
		e.Append(1_700_000_000_000+int64(ms+i), bytes(key), bytes(value), nil)
	}
	data, err := e.Finish(nil, batch.NoProducer)
	if err != nil {
		t.Fatal(err)
	}
	send(t, addr, topic, partition, data)
}

// standing are the rows of a sink that replaces by its first column, sorted.
func (w *world) standing(sink string) []string {
	rows := map[any]string{}
	for _, r := range w.store.Table(sink).Rows() {
		delete(rows, r.Values[0])
		if r.Kind.Adds() {
			rows[r.Values[0]] = strings.Trim(fmt.Sprint(r.Values), "[]")
		}
	}
	return slices.Sorted(maps.Values(rows))
}

// A compacted topic as a table: what is counted is what stands, through a stop, a
// restart and tombstones; a record without a key is a bad one.
func TestUpserts(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "upserts", 2) // a compacted one refuses records without a key
	keyed(t, k.Addr, "upserts", 0, 0, `{"id":1}=>{"id":1,"city":"Bern","n":1}`, `{"id":3}=>{"id":3,"city":"Bern","n":4}`, `{"id":9}=>NULL`)
	keyed(t, k.Addr, "upserts", 1, 0, `{"id":2}=>{"id":2,"city":"Basel","n":2}`, `{"id":2}=>{"id":2,"city":"Bern","n":3}`)
	w := newWorld(t, k)
	script := strings.ReplaceAll(`
		CREATE SOURCE s (id INT, city STRING NOT NULL, n INT, PRIMARY KEY (id) NOT ENFORCED) WITH ($UPSERT, 'topic' = 'upserts', 'on-error' = 'skip');
		CREATE SINK sums (city STRING, c BIGINT, n BIGINT, PRIMARY KEY (city)) WITH ('connector' = 'memory');
		CREATE SINK mirror (id INT, n INT, PRIMARY KEY (id)) WITH ('connector' = 'memory');
		INSERT INTO sums SELECT city, COUNT(*), SUM(n) FROM s GROUP BY city;
		INSERT INTO mirror SELECT id, n FROM s;`, "$UPSERT", "'connector' = 'upsert-kafka', 'properties.bootstrap.servers' = '"+k.Addr+"', 'format' = 'json'")
	is := func(sums, mirror []string) func() bool {
		return func() bool {
			return slices.Equal(w.standing("sums"), sums) && slices.Equal(w.standing("mirror"), mirror)
		}
	}
	r := w.start(script)
	r.until("the first sums", is([]string{"Bern 3 8"}, []string{"1 1", "2 3", "3 4"}))
	keyed(t, k.Addr, "upserts", 0, 10, `{"id":3}=>NULL`, `NULL=>{"id":7,"city":"Nowhere","n":1}`, `{"id":1}=>{"id":1,"city":"Chur","n":5}`)
	r.until("a row that moves and one that goes", is([]string{"Bern 1 3", "Chur 1 5"}, []string{"1 5", "2 3"}))
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	keyed(t, k.Addr, "upserts", 1, 10, `{"id":2}=>NULL`, `{"id":2}=>NULL`)
	keyed(t, k.Addr, "upserts", 0, 20, `{"id":1}=>{"id":1,"city":"Chur","n":6}`, `{"id":4}=>{"id":4,"city":"Chur","n":1}`)
	r = w.start(script)
	r.until("the last sums", is([]string{"Chur 2 7"}, []string{"1 6", "4 1"}))
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if bad := r.Progress().Bad; bad != 2 { // one for each INSERT
		t.Errorf("%d bad records", bad)
	}
}

// Upserts as versions: the time of a tombstone is its own.
func TestUpsertVersions(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "rates", 1, "cleanup.policy=compact")
	k.CreateTopic(t, "orders", 1)
	keyed(t, k.Addr, "rates", 0, 0, `EUR=>{"rate":114}`, `USD=>{"rate":100}`)
	keyed(t, k.Addr, "rates", 0, 100, `EUR=>NULL`)
	keyed(t, k.Addr, "rates", 0, 200, `EUR=>{"rate":116}`)
	for i, ms := range []int{0, 99, 100, 199, 200} {
		keyed(t, k.Addr, "orders", 0, ms, fmt.Sprintf(`NULL=>{"id":%d,"cur":"EUR"}`, i))
	}
	w := newWorld(t, k)
	script := fmt.Sprintf(`
		CREATE SOURCE rates (cur STRING, rate INT, ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp', WATERMARK FOR ts AS ts, PRIMARY KEY (cur) NOT ENFORCED)
		WITH ('connector' = 'upsert-kafka', 'properties.bootstrap.servers' = '%s', 'topic' = 'rates', 'key.format' = 'raw', 'value.format' = 'json', 'value.fields-include' = 'EXCEPT_KEY', 'scan.bounded.mode' = 'latest-offset');
		CREATE SOURCE orders (id INT, cur STRING, ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp', WATERMARK FOR ts AS ts)
		WITH ($KAFKA, 'topic' = 'orders', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');
		CREATE SINK out (id INT, rate INT) WITH ('connector' = 'memory');
		INSERT INTO out SELECT id, rate FROM orders AS o LEFT JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON o.cur = r.cur;`, k.Addr)
	if err := w.start(script).wait(); err != nil {
		t.Fatal(err)
	}
	w.equal("out", []string{"0 114", "1 114", "2 <nil>", "3 <nil>", "4 116"})
}

// A bounded source ends where the end of its partitions are no records: those of an
// aborted transaction with its marker, those that compaction has taken away.
func TestBoundedTail(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "aborted-tail", 1)
	produce(t, k.Addr, "aborted-tail", 0, 0, 10)
	transaction(t, k, "aborted-tail", "tail", 10, 5, false)
	k.CreateTopic(t, "aborted-whole", 1)
	transaction(t, k, "aborted-whole", "whole", 0, 5, false)
	k.CreateTopic(t, "committed-tail", 1)
	transaction(t, k, "committed-tail", "committed", 0, 10, true)
	for _, test := range []struct {
		topic, isolation string
		want             []string
	}{
		{"aborted-tail", "read_committed", numbers(0, 10)},
		{"aborted-tail", "read_uncommitted", numbers(0, 15)},
		{"aborted-whole", "read_committed", nil},
		{"committed-tail", "read_committed", numbers(0, 10)},
		{"committed-tail", "read_uncommitted", numbers(0, 10)},
	} {
		for _, how := range []string{"SET 'trigger' = 'available_now';", ""} {
			w, options := newWorld(t, k), ", 'properties.isolation.level' = '"+test.isolation+"'"
			if how == "" {
				options += ", 'scan.bounded.mode' = 'latest-offset'"
			}
			if err := w.start(how + fmt.Sprintf(passOn, test.topic, options)).wait(); err != nil {
				t.Fatalf("%+v, %s: %v", test, how, err)
			}
			w.equal("out", test.want)
		}
	}
}

// The same where the tail of a partition has been compacted away: the last offsets
// were there when the source was opened, or when a first run began.
func TestCompactedTail(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "compacted", 1, "cleanup.policy=compact", "segment.ms=100", "min.cleanable.dirty.ratio=0.001", "delete.retention.ms=0", "min.compaction.lag.ms=0", "max.compaction.lag.ms=200")
	keyed(t, k.Addr, "compacted", 0, 0, `a=>{"n":1}`, `b=>{"n":2}`, `c=>{"n":3}`, `b=>NULL`, `c=>NULL`)
	script := fmt.Sprintf(passOn, "compacted", ", 'scan.bounded.mode' = 'specific-offsets', 'scan.bounded.specific-offsets' = 'partition:0,offset:5'")
	// Compaction leaves the segment alone that is written: further records make others.
	got := func() []string {
		w := newWorld(t, k)
		if err := w.start(script).wait(); err != nil {
			t.Fatal(err)
		}
		return w.rows("out")
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(300 * time.Millisecond) {
		keyed(t, k.Addr, "compacted", 0, 1000, `z=>{"n":9}`)
		rows := got()
		if slices.Equal(rows, numbers(1, 1)) {
			break // b and c are gone, and their tombstones say nothing here
		}
		if time.Now().After(deadline) {
			t.Fatalf("not compacted: %v", rows)
		}
	}
}

//go:build unix

package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	connector "github.com/streamsql/streamsql/connectors/kafka"
	"github.com/streamsql/streamsql/internal/testservice"
)

// makeAnew makes a topic that is being deleted, which takes a moment.
func makeAnew(t *testing.T, k *testservice.Kafka, topic string, partitions int) {
	t.Helper()
	var last error
	for range 500 {
		c, err := k.Client().CreateTopics(context.Background(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}}})
		if last = err; err == nil {
			if last = c.Errors[topic]; last == nil {
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("making %s anew: %v", topic, last)
}

// A topic is missing when a job is started again: an error that names the option, or
// a warning, and the job waits, shows that it does, and goes on with the topic that
// is made later. Other topics are read meanwhile.
func TestTopicGoneAtRestart(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "gone-a", 2)
	k.CreateTopic(t, "gone-b", 1)
	produce(t, k.Addr, "gone-a", 0, 0, 50)
	produce(t, k.Addr, "gone-a", 1, 50, 50)
	produce(t, k.Addr, "gone-b", 0, 100, 50)
	script := func(strict bool) string {
		return fmt.Sprintf(passOn, "gone-a;gone-b", fmt.Sprintf(", 'scan.topic-partition-discovery.interval' = '200 ms', 'fail-on-data-loss' = '%v'", strict))
	}
	w := newWorld(t, k)
	r := w.start(script(false))
	r.untilRows("out", 150)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	k.DeleteTopic(t, "gone-a")
	for {
		m, err := k.Client().Metadata(context.Background(), &kafka.MetadataRequest{Topics: []string{"gone-a"}})
		if err == nil && m.Topics[0].Error != nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	var loss *connector.DataLossError
	if err := w.start(script(true)).wait(); !errors.As(err, &loss) || !strings.Contains(err.Error(), "gone-a/0: topic 'gone-a' is not there any more; it was read up to offset 50") ||
		!strings.Contains(err.Error(), "hint: 'fail-on-data-loss' = 'false'") {
		t.Fatalf("%v\n%s", err, w.log)
	}
	for round := range 2 { // it may be stopped and started while it waits
		r = w.start(script(false))
		r.until("a word of the topic", func() bool { return strings.Contains(r.sourceState("s"), "topic 'gone-a' is not there any more") })
		produce(t, k.Addr, "gone-b", 0, 150+50*round, 50)
		r.untilRows("out", 200+50*round)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(w.log.String(), "a partition that has been read is not there any more, waiting for it") {
		t.Errorf("no warning:\n%s", w.log)
	}
	// What there is now is read, and the run ends.
	if err := w.start("SET 'trigger' = 'available_now';" + script(false)).wait(); err != nil {
		t.Fatal(err)
	}
	w.equal("out", numbers(0, 250))
	// It comes with one partition first: the other one is waited for on.
	r = w.start(script(false))
	r.until("a word of the topic", func() bool { return strings.Contains(r.sourceState("s"), "not there any more") })
	makeAnew(t, k, "gone-a", 1)
	produce(t, k.Addr, "gone-a", 0, 1000, 80)
	r.untilRows("out", 330)
	r.until("a word of the partition", func() bool {
		return strings.Contains(r.sourceState("s"), "gone-a/1 can't be read: the partition is not there any more: topic 'gone-a' has 1 now")
	})
	k.AddPartitions(t, "gone-a", 3)
	produce(t, k.Addr, "gone-a", 1, 1080, 70)
	produce(t, k.Addr, "gone-a", 2, 1150, 30)
	r.untilRows("out", 430)
	r.until("an end of trouble", func() bool { return r.sourceState("s") == "" })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	want := append(numbers(0, 250), numbers(1000, 180)...)
	slices.Sort(want)
	w.equal("out", want)
	// A topic that was never there is an error all the same.
	err := newWorld(t, k).start(fmt.Sprintf(passOn, "gone-b;gone-never", ", 'fail-on-data-loss' = 'false'")).wait()
	if err == nil || !strings.Contains(err.Error(), "topic 'gone-never' does not exist") {
		t.Errorf("%v", err)
	}
}

// A topic is deleted while it is read: the job ends, or waits for as long as it
// takes; with IDLE TIMEOUT what is not there does not hold back the time of others. A
// bounded source is at its end.
func TestTopicGone(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	script := func(topic string, strict bool) string {
		return fmt.Sprintf(`
			CREATE SOURCE s (n BIGINT, ts AS TO_TIMESTAMP_LTZ(n * 60, 0), WATERMARK FOR ts AS ts IDLE TIMEOUT INTERVAL '0.5' SECOND)
				WITH ($KAFKA, 'topic' = '%[1]s;%[1]s-stays', 'scan.startup.mode' = 'earliest-offset', 'scan.topic-partition-discovery.interval' = '200 ms', 'fail-on-data-loss' = '%[2]v');
			CREATE SINK out (ws TIMESTAMP_LTZ(3), c BIGINT) WITH ('connector' = 'memory');
			INSERT INTO out SELECT window_start, COUNT(*) FROM TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '10' MINUTE) GROUP BY window_start, window_end;`, topic, strict)
	}
	for _, strict := range []bool{true, false} {
		topic := fmt.Sprintf("deleted-%v", strict)
		k.CreateTopic(t, topic, 1)
		k.CreateTopic(t, topic+"-stays", 1)
		produce(t, k.Addr, topic, 0, 0, 100)
		produce(t, k.Addr, topic+"-stays", 0, 0, 100)
		w := newWorld(t, k)
		r := w.start(script(topic, strict))
		r.untilRows("out", 9)
		k.DeleteTopic(t, topic)
		if strict {
			err := r.wait()
			var loss *connector.DataLossError
			if !errors.As(err, &loss) || !strings.Contains(err.Error(), "is not there any more") {
				t.Fatalf("%v\n%s", err, w.log)
			}
			continue
		}
		r.until("a word of the topic", func() bool {
			return strings.Contains(r.sourceState("s"), "topic 'deleted-false' is not there any more")
		})
		produce(t, k.Addr, topic+"-stays", 0, 100, 100)
		r.until("windows by the time of the topic that stays", func() bool {
			produce(t, k.Addr, topic+"-stays", 0, 199, 1) // lest it is silent too
			return len(w.rows("out")) >= 19
		})
		makeAnew(t, k, topic, 1)
		produce(t, k.Addr, topic, 0, 200, 100)
		r.untilRows("out", 29)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if got := w.rows("out"); len(got) < 29 || !strings.HasSuffix(got[0], " 20") || !strings.HasSuffix(got[12], " 10") || !strings.HasSuffix(got[22], " 10") {
			t.Errorf("%q\n%s", got, w.log)
		}
	}
	k.CreateTopic(t, "bounded-gone", 1)
	produce(t, k.Addr, "bounded-gone", 0, 0, 100)
	w := newWorld(t, k)
	bounded := fmt.Sprintf(passOn, "bounded-gone", ", 'scan.bounded.mode' = 'specific-offsets', 'scan.bounded.specific-offsets' = 'partition:0,offset:150', 'fail-on-data-loss' = 'false'")
	r := w.start(bounded)
	r.untilRows("out", 100)
	k.DeleteTopic(t, "bounded-gone")
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(w.log.String(), "lost=50") {
		t.Errorf("nothing is said to be lost:\n%s", w.log)
	}
	w.equal("out", numbers(0, 100))
}

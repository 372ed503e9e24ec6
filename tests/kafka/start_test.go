//go:build unix

package kafka

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/internal/testservice"
)

// committed has a group's offset of partition 0 committed, as a consumer does.
func committed(t *testing.T, k *testservice.Kafka, group, topic string, offset int64) {
	t.Helper()
	for tries := 0; ; tries++ { // while the coordinator is made
		r, err := k.Client().OffsetCommit(context.Background(), &kafka.OffsetCommitRequest{GroupID: group, GenerationID: -1,
			Topics: map[string][]kafka.OffsetCommit{topic: {{Partition: 0, Offset: offset}}}})
		if err == nil && r.Topics[topic][0].Error == nil {
			return
		}
		if tries > 200 {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// readFrom passes records on from where options say.
const readFrom = `
	CREATE SOURCE s (n INT) WITH ($KAFKA, %s);
	CREATE SINK out (n INT) WITH ('connector' = 'memory');
	INSERT INTO out SELECT n FROM s;`

// TestStartErrors: a place to begin that is not there is an error that names the option,
// as are brokers and topics that are not there; where 'auto.offset.reset' says what to do,
// that is done, as by Kafka's own clients.
func TestStartErrors(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "begin", 1)
	produce(t, k.Addr, "begin", 0, 0, 10)
	committed(t, k, "begin-ahead", "begin", 11)
	committed(t, k, "begin-end", "begin", 10)
	const bounded = "'scan.bounded.mode' = 'latest-offset', 'properties.commit.offsets.on.checkpoint' = 'false', 'properties.default.api.timeout.ms' = '1 s', "
	for _, test := range []struct {
		options, err string
		want         []string
	}{
		{"'topic' = 'begin', 'scan.startup.mode' = 'specific-offsets', 'scan.startup.specific-offsets' = 'partition:0,offset:11'", "option 'scan.startup.specific-offsets': begin/0 ends at offset 10, before 11", nil},
		{"'topic' = 'begin', 'scan.startup.mode' = 'specific-offsets', 'scan.startup.specific-offsets' = 'partition:0,offset:10'", "", nil},
		{"'topic' = 'begin', 'scan.startup.mode' = 'specific-offsets', 'scan.startup.specific-offsets' = 'partition:1,offset:0'", "option 'scan.startup.specific-offsets' names begin/1, which does not exist", nil},
		{"'topic' = 'begin', 'properties.group.id' = 'begin-none'", "group 'begin-none' has no offset for begin/0\n  hint: 'properties.auto.offset.reset' = 'earliest' or 'latest'", nil},
		{"'topic' = 'begin', 'properties.group.id' = 'begin-ahead'", "group 'begin-ahead' has offset 11 for begin/0, which ends at 10", nil},
		{"'topic' = 'begin', 'properties.group.id' = 'begin-ahead', 'properties.auto.offset.reset' = 'earliest'", "", numbers(0, 10)},
		{"'topic' = 'begin', 'properties.group.id' = 'begin-ahead', 'properties.auto.offset.reset' = 'latest'", "", nil},
		{"'topic' = 'begin', 'properties.group.id' = 'begin-end'", "", nil},
		{"'topic' = 'begun', 'scan.startup.mode' = 'earliest-offset'", "topic 'begun' does not exist", nil},
		{"'topic-pattern' = 'begun.*', 'scan.startup.mode' = 'earliest-offset'", "", nil},
		{"'topic' = 'begin', 'scan.startup.mode' = 'earliest-offset', 'properties.bootstrap.servers' = 'localhost:1'", "'properties.bootstrap.servers' = 'localhost:1' can't be reached: ", nil},
	} {
		w := newWorld(t, k)
		script := fmt.Sprintf(readFrom, bounded+test.options)
		if strings.Contains(test.options, "bootstrap") {
			script = strings.Replace(script, "$KAFKA", "'connector' = 'kafka', 'format' = 'json'", 1)
		}
		err := w.start(script).wait()
		switch {
		case (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err):
			t.Errorf("%s: %v, want %s", test.options, err, test.err)
		case err == nil:
			w.equal("out", test.want)
		}
		if strings.Contains(test.options, "begun.*") && !strings.Contains(w.log.String(), "no topic matches") {
			t.Errorf("no word of a pattern that matches nothing: %s", w.log)
		}
	}
}

// TestPatternLater: a pattern that matches nothing yet says so, and reads the topic that
// is made later, from its start.
func TestPatternLater(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	w := newWorld(t, k)
	r := w.start(fmt.Sprintf(readFrom, `'topic-pattern' = 'later\..', 'scan.startup.mode' = 'latest-offset', 'scan.topic-partition-discovery.interval' = '100 ms'`))
	r.until("a word of it", func() bool { return r.sourceState("s") == `no topic matches 'topic-pattern' = 'later\..'` })
	for _, topic := range []string{"later.a", "later.bb", "Later.c", "later.d"} {
		k.CreateTopic(t, topic, 1)
	}
	produce(t, k.Addr, "later.a", 0, 0, 10)
	produce(t, k.Addr, "later.bb", 0, 100, 10)
	produce(t, k.Addr, "Later.c", 0, 200, 10)
	produce(t, k.Addr, "later.d", 0, 10, 10)
	r.untilRows("out", 20)
	r.until("an end of it", func() bool { return r.sourceState("s") == "" })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	w.equal("out", numbers(0, 20))
}

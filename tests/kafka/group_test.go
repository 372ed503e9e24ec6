//go:build unix

package kafka

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/internal/testservice"
)

// TestGroupLag: Kafka's own tool sees no lag once a job has read all there is, behind the
// marks of transactions too, which no record follows, and where a partition is empty.
func TestGroupLag(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	for _, topic := range []string{"lag-plain", "lag-committed", "lag-aborted"} {
		k.CreateTopic(t, topic, 2)
	}
	produce(t, k.Addr, "lag-plain", 0, 0, 100)
	transaction(t, k, "lag-committed", "lag", 100, 50, true)
	produce(t, k.Addr, "lag-aborted", 0, 150, 50)
	transaction(t, k, "lag-aborted", "lag-1", 1000, 5, false)
	w := newWorld(t, k)
	r := w.start(`
		CREATE SOURCE s (n INT) WITH ($KAFKA, 'topic' = 'lag-plain;lag-committed;lag-aborted', 'scan.startup.mode' = 'earliest-offset', 'properties.group.id' = 'lag');
		CREATE SINK out (n INT) WITH ('connector' = 'memory');
		INSERT INTO out SELECT n FROM s;`)
	r.untilRows("out", 200)
	lag := func() string {
		out, err := k.Tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--describe", "--group", "lag").Output()
		if err != nil {
			t.Fatal(err)
		}
		var seen []string
		for _, line := range strings.Split(string(out), "\n") {
			if f := strings.Fields(line); len(f) > 5 && f[0] == "lag" {
				seen = append(seen, strings.Join(f[1:6], " "))
			}
		}
		slices.Sort(seen)
		return strings.Join(seen, ", ")
	}
	is := func(aborted int) {
		t.Helper()
		want := fmt.Sprintf("lag-aborted 0 %d %d 0, lag-aborted 1 0 0 0, lag-committed 0 51 51 0, lag-committed 1 0 0 0, lag-plain 0 100 100 0, lag-plain 1 0 0 0", aborted, aborted)
		got := ""
		r.until("the group's offsets "+want, func() bool { got = lag(); return got == want || strings.Count(got, ",") > 10 })
		if got != want {
			t.Errorf("topic, partition, offset, end, lag: %s, want %s", got, want)
		}
	}
	is(56)
	// Nothing to commit comes after this.
	transaction(t, k, "lag-aborted", "lag-2", 2000, 3, false)
	is(60)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	w.equal("out", numbers(0, 200))
}

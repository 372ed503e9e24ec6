//go:build unix

package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	connector "github.com/streamsql/streamsql/connectors/kafka"
	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/internal/testservice"
)

const passOn = `
	CREATE SOURCE s (n INT) WITH ($KAFKA, 'topic' = '%s', 'scan.startup.mode' = 'earliest-offset' %s);
	CREATE SINK out (n INT) WITH ('connector' = 'memory');
	INSERT INTO out SELECT n FROM s;`

// A broker that is killed and started again, then one that stands still for longer
// than requests wait: the job shows it and goes on, no record lost or doubled.
func TestBrokerRestart(t *testing.T) {
	k := testservice.OwnKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "t", 2)
	w := newWorld(t, k)
	produce(t, k.Addr, "t", 0, 0, 1000)
	r := w.start(fmt.Sprintf(passOn, "t", ""))
	r.untilRows("out", 1000)
	k.Broker(0).Kill()
	r.until("trouble in the progress", func() bool { return strings.Contains(r.Sources()[0].State, "can't be read") })
	if err := k.Restart(0); err != nil {
		t.Fatal(err)
	}
	produce(t, k.Addr, "t", 1, 1000, 500)
	r.untilRows("out", 1500)
	r.until("an end of trouble", func() bool { return r.Sources()[0].State == "" })
	r.until("an end of trouble that is told", func() bool { return r.sourceState("s") == "" })
	// Nothing can be committed while the broker stands still: the progress says why.
	epoch := r.Progress().Epoch
	if err := k.Broker(0).Pause(); err != nil {
		t.Fatal(err)
	}
	r.until("trouble in the progress", func() bool { return strings.Contains(r.sourceState("s"), "can't be read") })
	if p := r.Progress(); p.Epoch != epoch || p.Sources[0].State == "" || p.Sources[0].Records != 1500 {
		t.Errorf("the progress while the broker stands still: %+v", p)
	}
	if err := k.Broker(0).Resume(); err != nil {
		t.Fatal(err)
	}
	r.until("an end of trouble that is told", func() bool { return r.sourceState("s") == "" })
	produce(t, k.Addr, "t", 0, 1500, 500)
	r.untilRows("out", 2000)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	w.equal("out", numbers(0, 2000))
}

// The loss of one of three brokers: its partitions get other leaders.
func TestLeaderChange(t *testing.T) {
	k := testservice.OwnKafka(t, testservice.KafkaConfig{Brokers: 3})
	k.CreateTopic(t, "t", 3)
	w := newWorld(t, k)
	for p := range int32(3) {
		produce(t, k.Addr, "t", p, int(p)*100, 100)
	}
	r := w.start(fmt.Sprintf(passOn, "t", ""))
	r.untilRows("out", 300)
	k.Broker(2).Kill()
	for p := range int32(3) {
		produce(t, k.Addr, "t", p, 300+int(p)*100, 100)
	}
	r.untilRows("out", 600)
	if err := k.Restart(2); err != nil {
		t.Fatal(err)
	}
	k.Broker(0).Kill()
	for p := range int32(3) {
		produce(t, k.Addr, "t", p, 600+int(p)*100, 100)
	}
	r.untilRows("out", 900)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	w.equal("out", numbers(0, 900))
}

// A topic that is deleted and made anew while a job reads it, and between runs.
func TestTopicMadeAnew(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	for _, strict := range []bool{true, false} {
		for _, between := range []bool{true, false} {
			t.Run(fmt.Sprintf("strict=%v,between=%v", strict, between), func(t *testing.T) {
				topic := fmt.Sprintf("anew-%v-%v", strict, between)
				k.CreateTopic(t, topic, 1)
				produce(t, k.Addr, topic, 0, 0, 50)
				w := newWorld(t, k)
				script := fmt.Sprintf(passOn, topic, fmt.Sprintf(", 'fail-on-data-loss' = '%v'", strict))
				r := w.start(script)
				r.untilRows("out", 50)
				if between {
					if err := r.stop(); err != nil {
						t.Fatal(err)
					}
				}
				k.DeleteTopic(t, topic)
				for range 200 { // deletion takes a moment
					time.Sleep(20 * time.Millisecond)
					c, err := k.Client().CreateTopics(context.Background(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: 1, ReplicationFactor: 1}}})
					if err == nil && c.Errors[topic] == nil {
						break
					}
				}
				// As many as before and more, so that the old offset is a valid one.
				produce(t, k.Addr, topic, 0, 1000, 80)
				if between {
					r = w.start(script)
				}
				if strict {
					err := r.wait()
					var loss *connector.DataLossError
					if !errors.As(err, &loss) || !strings.Contains(err.Error(), "made anew") {
						t.Fatalf("%v\n%s", err, w.log)
					}
					w.equal("out", numbers(0, 50))
					return
				}
				r.untilRows("out", 130)
				if err := r.stop(); err != nil {
					t.Fatal(err)
				}
				if got := w.rows("out"); len(got) != 130 || !strings.Contains(w.log.String(), "made anew") {
					t.Errorf("%d rows\n%s", len(got), w.log)
				}
			})
		}
	}
}

// Retention that passes a reader: an error with the offsets, or a warning with
// their number.
func TestRetention(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	for _, strict := range []bool{true, false} {
		topic := fmt.Sprintf("retention-%v", strict)
		k.CreateTopic(t, topic, 1)
		produce(t, k.Addr, topic, 0, 0, 20)
		w := newWorld(t, k)
		script := fmt.Sprintf(passOn, topic, fmt.Sprintf(", 'fail-on-data-loss' = '%v'", strict))
		r := w.start(script)
		r.untilRows("out", 20)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		produce(t, k.Addr, topic, 0, 20, 30)
		out, err := k.Tool("org.apache.kafka.tools.DeleteRecordsCommand", "--offset-json-file", deletion(t, topic, 45)).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		r = w.start(script)
		if strict {
			if err := r.wait(); err == nil || !strings.Contains(err.Error(), "offsets 20 to 44 were deleted before they were read") {
				t.Errorf("%v", err)
			}
			continue
		}
		r.untilRows("out", 25)
		if lost := r.Sources()[0].Lost; lost != 25 {
			t.Errorf("%d are lost", lost)
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if got := w.rows("out"); len(got) != 25 || !strings.Contains(w.log.String(), "lost=25") {
			t.Errorf("%v\n%s", got, w.log)
		}
	}
}

// A poison record and one of 10 MB: on-error sees to the first, with its place;
// the second is a record like any other.
func TestPoisonAndLarge(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "poison", 1, "max.message.bytes=20000000")
	e := batch.NewEncoder(batch.None)
	e.Append(1, nil, []byte(`{"n":1,"text":"small"}`), nil)
	e.Append(1, nil, []byte("\x00\xff not json"), nil)
	data, err := e.Finish(nil, batch.NoProducer)
	if err != nil {
		t.Fatal(err)
	}
	send(t, k.Addr, "poison", 0, data)
	e.Append(1, nil, []byte(`{"n":2,"text":"`+strings.Repeat("x", 10<<20)+`"}`), nil)
	if data, err = e.Finish(nil, batch.NoProducer); err != nil {
		t.Fatal(err)
	}
	send(t, k.Addr, "poison", 0, data)
	e.Append(1, nil, []byte(`{"n":3,"text":"after"}`), nil)
	if data, err = e.Finish(nil, batch.NoProducer); err != nil {
		t.Fatal(err)
	}
	send(t, k.Addr, "poison", 0, data)
	w := newWorld(t, k)
	r := w.start(`
		CREATE SINK dlq (position STRING, raw BYTES, error_code STRING) WITH ('connector' = 'memory');
		CREATE SOURCE s (n INT, text STRING) WITH ($KAFKA, 'topic' = 'poison', 'scan.startup.mode' = 'earliest-offset', 'on-error' = 'dead-letter', 'dead-letter.sink' = 'dlq');
		CREATE SINK out (n INT, l INT) WITH ('connector' = 'memory');
		INSERT INTO out SELECT n, CHAR_LENGTH(text) FROM s;`)
	r.untilRows("out", 3)
	r.untilRows("dlq", 1)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	w.equal("out", []string{"1 5", fmt.Sprint("2 ", 10<<20), "3 5"})
	if got := w.rows("dlq"); len(got) != 1 || !strings.HasPrefix(got[0], "poison/0@1 ") || !strings.HasSuffix(got[0], "MALFORMED_RECORD") {
		t.Errorf("%q", got)
	}
}

// Each run of available_now reads what there was when it began, in micro-batches of
// the size that the limit allows; 'once' makes one of them.
func TestTriggers(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "triggers", 2)
	produce(t, k.Addr, "triggers", 0, 0, 300)
	produce(t, k.Addr, "triggers", 1, 300, 200)
	w := newWorld(t, k)
	script := "SET 'trigger' = 'available_now';" + fmt.Sprintf(passOn, "triggers", ", 'scan.max-offsets-per-trigger' = '120'")
	r := w.start(script)
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	w.equal("out", numbers(0, 500))
	batches := 0
	for _, c := range w.store.Table("out").Commits() {
		n := 0
		for _, b := range c.Batches {
			n += b.N
		}
		if n > 0 {
			batches++
		}
		if n > 120 {
			t.Errorf("a micro-batch has %d records", n)
		}
	}
	if batches < 5 {
		t.Errorf("%d micro-batches", batches)
	}
	if err := w.start(script).wait(); err != nil {
		t.Fatal(err)
	}
	w.equal("out", numbers(0, 500))
	produce(t, k.Addr, "triggers", 1, 500, 200)
	script = strings.Replace(script, "available_now", "once", 1)
	if err := w.start(script).wait(); err != nil {
		t.Fatal(err)
	}
	if n := len(w.rows("out")); n != 620 {
		t.Errorf("after once there are %d rows", n)
	}
}

// Where jobs start and end.
func TestModes(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "modes", 2)
	produce(t, k.Addr, "modes", 0, 0, 100) // timestamps 1700000000000 + n
	produce(t, k.Addr, "modes", 1, 100, 100)
	for tries := 0; ; tries++ { // while the coordinator is made
		r, err := k.Client().OffsetCommit(context.Background(), &kafka.OffsetCommitRequest{GroupID: "modes", GenerationID: -1,
			Topics: map[string][]kafka.OffsetCommit{"modes": {{Partition: 0, Offset: 70}, {Partition: 1, Offset: 40}}}})
		if err == nil && r.Topics["modes"][0].Error == nil && r.Topics["modes"][1].Error == nil {
			break
		}
		if tries > 200 {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	for i, test := range []struct {
		options string
		want    []string
	}{
		{"'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset'", numbers(0, 200)},
		{"'scan.startup.mode' = 'latest-offset', 'scan.bounded.mode' = 'latest-offset'", nil},
		{"'scan.startup.mode' = 'group-offsets', 'properties.group.id' = 'modes', 'scan.bounded.mode' = 'latest-offset', 'properties.commit.offsets.on.checkpoint' = 'false'", both(numbers(70, 30), numbers(140, 60))},
		{"'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'group-offsets', 'properties.group.id' = 'modes', 'properties.commit.offsets.on.checkpoint' = 'false'", both(numbers(0, 70), numbers(100, 40))},
		{"'scan.startup.mode' = 'timestamp', 'scan.startup.timestamp-millis' = '1700000000090', 'scan.bounded.mode' = 'timestamp', 'scan.bounded.timestamp-millis' = '1700000000110'", both(numbers(90, 10), numbers(100, 10))},
		{"'scan.startup.mode' = 'specific-offsets', 'scan.startup.specific-offsets' = 'partition:0,offset:95', 'scan.bounded.mode' = 'specific-offsets', 'scan.bounded.specific-offsets' = 'partition:0,offset:98;partition:1,offset:3'", both(numbers(95, 3), numbers(100, 3))},
		// As Flink's pages have it: nothing is read of a partition that is not named.
		{"'scan.startup.mode' = 'specific-offsets', 'scan.startup.specific-offsets' = 'partition:1,offset:1', 'scan.bounded.mode' = 'specific-offsets', 'scan.bounded.specific-offsets' = 'partition:1,offset:3'", numbers(101, 2)},
		// The end may be before the start.
		{"'scan.startup.mode' = 'timestamp', 'scan.startup.timestamp-millis' = '1700000000150', 'scan.bounded.mode' = 'timestamp', 'scan.bounded.timestamp-millis' = '1700000000110'", nil},
		{"'scan.startup.mode' = 'timestamp', 'scan.startup.timestamp-millis' = '1800000000000', 'scan.bounded.mode' = 'latest-offset'", nil},
		{"'scan.startup.mode' = 'timestamp', 'scan.startup.timestamp-millis' = '0', 'scan.bounded.mode' = 'timestamp', 'scan.bounded.timestamp-millis' = '1800000000000'", numbers(0, 200)},
		{"'scan.startup.mode' = 'group-offsets', 'properties.group.id' = 'unknown', 'properties.auto.offset.reset' = 'earliest', 'scan.bounded.mode' = 'latest-offset', 'properties.commit.offsets.on.checkpoint' = 'false'", numbers(0, 200)},
		{"'scan.startup.mode' = 'group-offsets', 'properties.group.id' = 'unknown', 'properties.auto.offset.reset' = 'latest', 'scan.bounded.mode' = 'latest-offset', 'properties.commit.offsets.on.checkpoint' = 'false'", nil},
	} {
		w := newWorld(t, k)
		r := w.start(fmt.Sprintf(`CREATE SOURCE s (n INT) WITH ($KAFKA, 'topic' = 'modes', %s);
			CREATE SINK out (n INT) WITH ('connector' = 'memory');
			INSERT INTO out SELECT n FROM s;`, test.options))
		if err := r.wait(); err != nil {
			t.Errorf("%d: %v", i, err)
			continue
		}
		w.equal("out", test.want)
	}
}

// Refused credentials, a wrong protocol and a wrong authority are errors that say
// what to do; right ones work, by every mechanism.
func TestSecurity(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{Secure: true})
	k.CreateTopic(t, "secure", 1)
	produce(t, k.Addr, "secure", 0, 0, 3)
	other, err := testservice.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ca := ", 'properties.ssl.truststore.location' = '" + k.Certs.CA + "'"
	text := func(path string) string {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	both := filepath.Join(t.TempDir(), "client.pem")
	if err := os.WriteFile(both, []byte(text(k.Certs.ClientKey)+text(k.Certs.ClientCert)), 0o600); err != nil {
		t.Fatal(err)
	}
	user := ", 'properties.sasl.username' = 'alice', 'properties.sasl.password' = 'secret'"
	sasl := ", 'properties.security.protocol' = 'SASL_SSL', 'properties.sasl.mechanism' = "
	for _, test := range []struct{ addr, options, err string }{
		{k.SASL, sasl + "'SCRAM-SHA-256'" + ca + user, ""},
		{k.SASL, sasl + "'SCRAM-SHA-512'" + ca + user, ""},
		{k.SASL, sasl + "'PLAIN'" + ca + `, 'properties.sasl.jaas.config' = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="secret";'`, ""},
		{k.SASL, sasl + "'PLAIN'" + ca + ", 'properties.sasl.username' = 'alice', 'properties.sasl.password' = 'wrong'", "authentication was refused"},
		{k.SASL, sasl + "'SCRAM-SHA-256'" + ca + ", 'properties.sasl.username' = 'bob', 'properties.sasl.password' = 'x'", "authentication was refused"},
		{k.SSL, ", 'properties.security.protocol' = 'SSL'" + ca + ", 'properties.ssl.certificate.location' = '" + k.Certs.ClientCert + "', 'properties.ssl.key.location' = '" + k.Certs.ClientKey + "'", ""},
		{k.SSL, ", 'properties.security.protocol' = 'SSL', 'properties.ssl.truststore.certificates' = '" + text(k.Certs.CA) + "', 'properties.ssl.keystore.location' = '" + both + "'", ""},
		{k.SSL, ", 'properties.security.protocol' = 'SSL'" + ca, "the broker refuses the client's certificate, or there is none"},
		{k.SSL, ", 'properties.security.protocol' = 'SSL', 'properties.ssl.truststore.location' = 'nowhere.pem'", "option 'properties.ssl.truststore.location': open "},
		{k.SSL, ", 'properties.security.protocol' = 'SSL', 'properties.ssl.truststore.location' = '" + k.Certs.ClientKey + "'", "there is no PEM certificate in it"},
		{k.SSL, ", 'properties.security.protocol' = 'SSL'" + ca + ", 'properties.ssl.keystore.location' = '" + k.Certs.ClientCert + "'", "the client's certificate: "},
		{k.SASL, sasl + "'PLAIN', 'properties.ssl.truststore.location' = '" + other.CA + "'" + user, "truststore"},
		{k.SASL, "", "security.protocol"},
		{k.Addr, ", 'properties.security.protocol' = 'SSL'" + ca, "TLS"},
	} {
		own := *k
		own.Addr = test.addr
		w := newWorld(t, &own)
		r := w.start(fmt.Sprintf(passOn, "secure", ", 'scan.bounded.mode' = 'latest-offset', 'properties.default.api.timeout.ms' = '2 s'"+test.options))
		err := r.wait()
		switch {
		case test.err == "" && err != nil:
			t.Errorf("%s: %v", test.options, err)
		case test.err == "":
			w.equal("out", numbers(0, 3))
		case err == nil || !strings.Contains(err.Error(), test.err):
			t.Errorf("%s: the error is %v", test.options, err)
		}
	}
}

// both is one list after the other, which are sorted as texts.
func both(a, b []string) []string {
	out := append(append([]string{}, a...), b...)
	slices.Sort(out)
	return out
}

// deletion writes what DeleteRecordsCommand reads: delete a partition's records up
// to an offset.
func deletion(t testing.TB, topic string, offset int64) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"version": 1, "partitions": []any{map[string]any{"topic": topic, "partition": 0, "offset": offset}}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "delete.json")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

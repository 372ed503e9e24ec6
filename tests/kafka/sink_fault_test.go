//go:build unix

package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/connectors/kafka/producer"
	"github.com/streamsql/streamsql/internal/testservice"
)

// twice copies a topic to two others, exactly once and at least once.
const twice = `
	CREATE SOURCE s (n INT) WITH ($KAFKA, 'topic' = 'in', 'scan.startup.mode' = 'earliest-offset');
	CREATE SINK exact (n INT) WITH ($KAFKA, 'topic' = 'exact');
	CREATE SINK least (n INT) WITH ($KAFKA, 'topic' = 'least', 'sink.delivery-guarantee' = 'at-least-once');
	CREATE SINK out (n INT) WITH ('connector' = 'memory');
	INSERT INTO exact SELECT n FROM s;
	INSERT INTO least SELECT n FROM s;
	INSERT INTO out SELECT n FROM s;`

// settled waits until no transaction is open in a topic: its end is written to the
// partitions a moment after the producer has been told.
func settled(t *testing.T, k *testservice.Kafka, topic string) {
	t.Helper()
	m, err := k.Client().Metadata(t.Context(), &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		t.Fatal(err)
	}
	ends := func(level kafka.IsolationLevel) map[int]int64 {
		q := &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{}, IsolationLevel: level}
		for _, p := range m.Topics[0].Partitions {
			q.Topics[topic] = append(q.Topics[topic], kafka.LastOffsetOf(p.ID))
		}
		r, err := k.Client().ListOffsets(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		out := map[int]int64{}
		for _, p := range r.Topics[topic] {
			out[p.Partition] = p.LastOffset
		}
		return out
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		last, stable := ends(kafka.ReadUncommitted), ends(kafka.ReadCommitted)
		if maps.Equal(last, stable) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("topic %s ends at %v, but transactions are open from %v on", topic, last, stable)
		}
	}
}

// written gives what is in a topic for readers of committed records.
func written(t *testing.T, k *testservice.Kafka, topic string) []string {
	t.Helper()
	settled(t, k, topic)
	direct := *k
	w := newWorld(t, &direct)
	r := w.start(fmt.Sprintf(passOn, topic, ", 'scan.bounded.mode' = 'latest-offset'"))
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	return w.rows("out")
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s has %d rows, want %d: %s", what, len(got), len(want), difference(got, want))
	}
}

func topics(t *testing.T, k *testservice.Kafka, partitions int, names ...string) {
	t.Helper()
	for _, name := range names {
		k.CreateTopic(t, name, partitions)
	}
}

// A broker that is killed and started again, then one that stands still for longer
// than requests wait: the sinks show it and go on, no record lost or doubled.
func TestSinkBrokerRestart(t *testing.T) {
	k := testservice.OwnKafka(t, testservice.KafkaConfig{})
	topics(t, k, 3, "in", "exact", "least")
	w := newWorld(t, k)
	w.requestTimeout = "1 s"
	r := w.start(twice)
	trouble := func() bool { return r.state("exact") != "" || r.state("least") != "" }
	fine := func() bool { return r.state("exact") == "" && r.state("least") == "" }
	produce(t, k.Addr, "in", 0, 0, 5000)
	k.Broker(0).Kill()
	r.until("trouble of a sink in the progress", trouble)
	if err := k.Restart(0); err != nil {
		t.Fatal(err)
	}
	produce(t, k.Addr, "in", 1, 5000, 5000)
	r.untilRows("out", 10_000)
	r.until("an end of trouble", fine)
	for round := range 2 {
		produce(t, k.Addr, "in", 2, 10_000+1000*round, 1000)
		if err := k.Broker(0).Pause(); err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			time.Sleep(300 * time.Millisecond)
		} else {
			r.until("trouble in the progress", func() bool { return r.Sources()[0].State != "" || trouble() })
		}
		if err := k.Broker(0).Resume(); err != nil {
			t.Fatal(err)
		}
	}
	r.untilRows("out", 12_000)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"exact", "least"} {
		same(t, topic, written(t, k, topic), numbers(0, 12_000))
	}
}

// The loss of one of three brokers, then of another one: partitions, transactions
// and groups get other leaders.
func TestSinkLeaderChange(t *testing.T) {
	k := testservice.OwnKafka(t, testservice.KafkaConfig{Brokers: 3})
	topics(t, k, 3, "in", "exact", "least")
	w := newWorld(t, k)
	r := w.start(twice)
	n := 0
	rounds := 2
	if os.Getenv("STREAMSQL_SOAK") != "" {
		rounds = 20
	}
	for round := range rounds {
		for p := range int32(3) {
			produce(t, k.Addr, "in", p, n, 500)
			n += 500
		}
		k.Broker(round % 3).Kill()
		for p := range int32(3) {
			produce(t, k.Addr, "in", p, n, 500)
			n += 500
		}
		r.untilRows("out", n)
		if err := k.Restart(round % 3); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"exact", "least"} {
		same(t, topic, written(t, k, topic), numbers(0, n))
	}
}

// Connections that break off after any number of bytes, are slow, or take requests
// and never answer.
func TestCutConnections(t *testing.T) {
	k := testservice.OwnKafka(t, testservice.KafkaConfig{Proxied: true})
	topics(t, k, 3, "in", "exact", "least")
	proxied := *k
	proxied.Addr = k.Proxied
	w := newWorld(t, &proxied)
	r := w.start(strings.ReplaceAll(twice, "$KAFKA", "$KAFKA, 'properties.reconnect.backoff.ms' = '20 ms'"))
	r.until("a start", func() bool { return len(r.Sources()) > 0 })
	proxy := k.Proxies[0]
	n := 0
	more := func(count int) {
		for p := range int32(3) {
			produce(t, k.Addr, "in", p, n, count)
			n += count
		}
		r.untilRows("out", n)
	}
	rounds := 2
	if os.Getenv("STREAMSQL_SOAK") != "" {
		rounds = 40
	}
	for range rounds {
		// Requests and answers are of some hundred bytes, data of tens of thousands.
		for _, c := range []struct{ within, rows int }{{60_000, 300}, {8_000, 20}, {4_000, 1}} {
			before := proxy.Cuts()
			proxy.Set(testservice.ProxyMode{CutAfter: c.within, Delay: time.Millisecond})
			proxy.CutAll()
			for range 3 {
				more(c.rows)
			}
			if cut := proxy.Cuts() - before; cut < 3 {
				t.Errorf("only %d connections were cut", cut)
			}
		}
		proxy.Set(testservice.ProxyMode{Silent: true})
		for p := range int32(3) {
			produce(t, k.Addr, "in", p, n, 100)
			n += 100
		}
		r.until("trouble in the progress", func() bool { return r.Sources()[0].State != "" || r.state("exact") != "" })
		proxy.Set(testservice.ProxyMode{Refuse: true})
		proxy.CutAll()
		time.Sleep(200 * time.Millisecond)
		proxy.Set(testservice.ProxyMode{})
		proxy.CutAll()
		r.untilRows("out", n)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	w.equal("out", numbers(0, n))
	for _, topic := range []string{"exact", "least"} {
		same(t, topic, written(t, k, topic), numbers(0, n))
	}
}

// A topic that rows go to is deleted and made anew: the job warns and goes on. One
// that stays away ends the job.
func TestSinkTopicMadeAnew(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "remade-in", 1)
	k.CreateTopic(t, "remade", 2)
	w := newWorld(t, k)
	script := `
		CREATE SOURCE s (n INT) WITH ($KAFKA, 'topic' = 'remade-in', 'scan.startup.mode' = 'earliest-offset');
		CREATE SINK remade (n INT) WITH ($KAFKA, 'topic' = 'remade');
		CREATE SINK out (n INT) WITH ('connector' = 'memory');
		INSERT INTO remade SELECT n FROM s;
		INSERT INTO out SELECT n FROM s;`
	produce(t, k.Addr, "remade-in", 0, 0, 100)
	r := w.start(script)
	r.untilRows("out", 100)
	k.DeleteTopic(t, "remade")
	produce(t, k.Addr, "remade-in", 0, 100, 100)
	time.Sleep(500 * time.Millisecond)
	for range 200 { // deletion takes a moment
		c, err := k.Client().CreateTopics(context.Background(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: "remade", NumPartitions: 2, ReplicationFactor: 1}}})
		if err == nil && c.Errors["remade"] == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.untilRows("out", 200)
	produce(t, k.Addr, "remade-in", 0, 200, 100)
	r.untilRows("out", 300)
	got := written(t, k, "remade")
	for _, n := range numbers(200, 100) {
		if !slices.Contains(got, n) {
			t.Fatalf("%s is missing in %d rows", n, len(got))
		}
	}
	for _, n := range got {
		if slices.Contains(numbers(0, 100), n) {
			t.Errorf("%s was written before the topic was made", n)
		}
	}
	k.DeleteTopic(t, "remade")
	time.Sleep(300 * time.Millisecond)
	produce(t, k.Addr, "remade-in", 0, 300, 10)
	if err := r.wait(); err == nil || !strings.Contains(err.Error(), "sink remade: ") || !strings.Contains(err.Error(), "topic 'remade' does not exist") {
		t.Errorf("%v", err)
	}
}

// Refused credentials, a wrong protocol and a wrong authority end a job that writes
// with errors that say what to do.
func TestSinkSecurity(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{Secure: true})
	k.CreateTopic(t, "secure-out", 1)
	other, err := testservice.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ca := ", 'properties.ssl.truststore.location' = '" + k.Certs.CA + "'"
	sasl := ", 'properties.security.protocol' = 'SASL_SSL', 'properties.sasl.username' = 'alice', 'properties.sasl.mechanism' = "
	var want []string
	for i, test := range []struct{ addr, options, err string }{
		{k.SASL, sasl + "'SCRAM-SHA-512', 'properties.sasl.password' = 'secret'" + ca, ""},
		{k.SSL, ", 'properties.security.protocol' = 'SSL'" + ca + ", 'properties.ssl.certificate.location' = '" + k.Certs.ClientCert + "', 'properties.ssl.key.location' = '" + k.Certs.ClientKey + "'", ""},
		{k.SASL, sasl + "'PLAIN', 'properties.sasl.password' = 'wrong'" + ca, "authentication was refused"},
		{k.SASL, sasl + "'SCRAM-SHA-256', 'properties.sasl.password' = 'wrong'" + ca, "authentication was refused"},
		{k.SASL, sasl + "'PLAIN', 'properties.sasl.password' = 'secret', 'properties.ssl.truststore.location' = '" + other.CA + "'", "properties.ssl.truststore.location"},
		{k.SASL, "", "properties.security.protocol"},
		{k.Addr, ", 'properties.security.protocol' = 'SSL'" + ca, "TLS"},
		{"127.0.0.1:1", "", "connection refused"},
	} {
		for _, guarantee := range []string{"exactly-once", "at-least-once"} {
			own := *k
			own.Addr = test.addr
			w := newWorld(t, &own)
			r := w.start(fmt.Sprintf(`CREATE SOURCE s (n INT) WITH ('connector' = 'file', 'path' = '%s', 'format' = 'csv');
				CREATE SINK secured (n INT) WITH ($KAFKA, 'topic' = 'secure-out', 'sink.delivery-guarantee' = '%s', 'properties.default.api.timeout.ms' = '500 ms' %s);
				INSERT INTO secured SELECT n FROM s;`, oneRow(t, i), guarantee, test.options))
			err := r.wait()
			switch {
			case test.err == "" && err != nil:
				t.Errorf("%s: %v", test.options, err)
			case test.err == "":
				want = append(want, fmt.Sprint(i))
			case err == nil || !strings.Contains(err.Error(), test.err) || !strings.HasPrefix(err.Error(), "sink secured: "):
				t.Errorf("%s: the error is %v", test.options, err)
			}
		}
	}
	same(t, "secure-out", written(t, k, "secure-out"), want)
}

// oneRow is a file with a number.
func oneRow(t *testing.T, n int) string {
	t.Helper()
	path := t.TempDir() + "/row.csv"
	if err := os.WriteFile(path, fmt.Appendf(nil, "n\n%d\n", n), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Rows that are longer than the sink's options or the topic allow, and those whose
// timestamps the topic does not take, are dead letters one by one; where they are
// allowed, one of 10 MB is written.
func TestSinkRefused(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{Properties: map[string]string{"log.message.timestamp.after.max.ms": "3600000"}})
	k.CreateTopic(t, "large-in", 1, "max.message.bytes=20000000")
	large := 0
	for n := 1; n <= 200; n++ {
		e := batch.NewEncoder(batch.LZ4)
		for size := 10; n <= 200; n++ {
			if n == 2 {
				size = 10 << 20
				large = len(fmt.Sprintf(`{"n":2,"text":"%s"}`, strings.Repeat("x", size)))
			}
			e.Append(1_700_000_000_000, nil, fmt.Appendf(nil, `{"n":%d,"text":"%s"}`, n, strings.Repeat("x", size)), nil)
			if n <= 2 {
				break
			}
		}
		data, err := e.Finish(nil, batch.NoProducer)
		if err != nil {
			t.Fatal(err)
		}
		send(t, k.Addr, "large-in", 0, data)
	}
	k.CreateTopic(t, "narrow", 1)
	k.CreateTopic(t, "wide", 1, "max.message.bytes=20000000")
	k.CreateTopic(t, "tiny", 1, "max.message.bytes=2000")
	w := newWorld(t, k)
	r := w.start(`
		CREATE SINK dlq (branch STRING, error_code STRING, error_message STRING) WITH ('connector' = 'memory');
		CREATE SOURCE s (n INT, text STRING) WITH ($KAFKA, 'topic' = 'large-in', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');
		CREATE SINK narrow (n INT, text STRING, at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp') WITH ($KAFKA, 'topic' = 'narrow', 'on-error' = 'dead-letter', 'dead-letter.sink' = 'dlq', 'properties.max.request.size' = '20mb');
		CREATE SINK options (n INT, text STRING) WITH ($KAFKA, 'topic' = 'wide', 'on-error' = 'dead-letter', 'dead-letter.sink' = 'dlq');
		CREATE SINK wide (n INT, text STRING) WITH ($KAFKA, 'topic' = 'wide', 'properties.max.request.size' = '20mb');
		CREATE SINK tiny (n INT, text STRING) WITH ($KAFKA, 'topic' = 'tiny');
		INSERT INTO narrow SELECT n, text, IF(n = 3, TO_TIMESTAMP_LTZ(4102444800, 0), CAST(NULL AS TIMESTAMP_LTZ(3))) FROM s WHERE n < 10;
		INSERT INTO options SELECT n, text FROM s WHERE n < 10;
		INSERT INTO wide SELECT 10 + n, text FROM s WHERE n < 10;
		INSERT INTO tiny SELECT n, 'some text that makes batches of many rows longer than the topic takes' FROM s;`)
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	same(t, "dlq", w.rows("dlq"), []string{
		"narrow OUT_OF_RANGE the timestamp 2100-01-01 00:00:00.000Z is not within the topic's message.timestamp.after.max.ms of 1h0m0s",
		fmt.Sprintf("narrow TOO_LARGE a record of %d bytes, where the topic's max.message.bytes is 1048588", large),
		fmt.Sprintf("options TOO_LARGE a record of %d bytes, where 'properties.max.request.size' is 1048576", large),
	})
	same(t, "narrow", written(t, k, "narrow"), both(numbers(1, 1), numbers(4, 6)))
	same(t, "wide", written(t, k, "wide"), both(both(numbers(1, 1), numbers(3, 7)), numbers(11, 9)))
	same(t, "tiny", written(t, k, "tiny"), numbers(1, 200))
}

// A run that was replaced by another one, from a copy of its state, ends and does
// not fight for its output.
func TestZombie(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	topics(t, k, 1, "zombie-in", "zombie-out")
	script := `
		CREATE SOURCE s (n INT) WITH ($KAFKA, 'topic' = 'zombie-in', 'scan.startup.mode' = 'earliest-offset');
		CREATE SINK copy (n INT) WITH ($KAFKA, 'topic' = 'zombie-out');
		CREATE SINK out (n INT) WITH ('connector' = 'memory');
		INSERT INTO copy SELECT n FROM s;
		INSERT INTO out SELECT n FROM s;`
	w := newWorld(t, k)
	produce(t, k.Addr, "zombie-in", 0, 0, 100)
	r := w.start(script)
	r.untilRows("out", 100)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	same, older := newWorld(t, k), newWorld(t, k)
	copyTo := func(to *world) {
		if err := os.CopyFS(to.dir+"/jobs", os.DirFS(w.dir+"/jobs")); err != nil {
			t.Fatal(err)
		}
	}
	copyTo(older)
	old := w.start(script)
	old.until("a start", func() bool { return len(old.Sources()) > 0 })
	produce(t, k.Addr, "zombie-in", 0, 100, 100)
	old.untilRows("out", 200)
	if err := old.stop(); err != nil {
		t.Fatal(err)
	}
	// A copy that is older than what is written ends, though the run that has written
	// that is not there.
	if err := older.start(script).wait(); err == nil || !strings.Contains(err.Error(), "is an older copy") || !strings.Contains(err.Error(), "'sink.transactional-id-prefix'") {
		t.Fatalf("%v\n%s", err, older.log)
	}
	// Unless it is to write that again.
	r = older.start(strings.Replace(script, "'topic' = 'zombie-out'", "'topic' = 'zombie-out', 'sink.transactional-id-prefix' = 'again'", 1))
	r.untilRows("out", 100)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	copyTo(same)
	old = w.start(script)
	old.until("a start", func() bool { return len(old.Sources()) > 0 })
	young := same.start(script)
	young.until("a start", func() bool { return len(young.Sources()) > 0 })
	produce(t, k.Addr, "zombie-in", 0, 200, 10)
	err := old.wait()
	var fenced *producer.FencedError
	if !errors.As(err, &fenced) || !strings.Contains(err.Error(), "another run of this job has taken over") {
		t.Fatalf("%v\n%s", err, w.log)
	}
	if strings.Contains(w.log.String(), "starts again") {
		t.Errorf("it has fought back:\n%s", w.log)
	}
	young.untilRows("out", 10)
	if err := young.stop(); err != nil {
		t.Fatal(err)
	}
}

//go:build unix

package kafka

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/internal/testservice"
)

// The password is changed, then the broker's certificate, while jobs run that read and
// write: connections that stand are served, those that come after are refused. The
// jobs end with what is to be mended, and go on where they were once it is.
func TestCredentialsChanged(t *testing.T) {
	k := testservice.OwnKafka(t, testservice.KafkaConfig{Secure: true})
	topics(t, k, 1, "in", "exact", "least")
	own := *k
	own.Addr = k.SASL
	password := "secret"
	ca := k.Certs.CA
	script := func(reading bool) string {
		secure := fmt.Sprintf("$KAFKA, 'properties.security.protocol' = 'SASL_SSL', 'properties.sasl.mechanism' = 'SCRAM-SHA-256', 'properties.sasl.username' = 'alice', "+
			"'properties.sasl.password' = '%s', 'properties.ssl.truststore.location' = '%s'", password, ca)
		if reading {
			return strings.Replace(fmt.Sprintf(passOn, "in", ""), "$KAFKA", secure, 1)
		}
		// It reads where nobody is refused.
		plain := strings.Replace(twice, "$KAFKA", "'connector' = 'kafka', 'format' = 'json', 'properties.bootstrap.servers' = '"+k.Addr+"'", 1)
		return strings.ReplaceAll(plain, "$KAFKA", secure)
	}
	restart := func() {
		k.Broker(0).Kill()
		if err := k.Restart(0); err != nil {
			t.Fatal(err)
		}
	}
	reader, writer := newWorld(t, &own), newWorld(t, &own)
	n := 0
	readAndWrite := func(then func(w *world, r *run)) {
		rd, wr := reader.start(script(true)), writer.start(script(false))
		produce(t, k.Addr, "in", 0, n, 100)
		n += 100
		rd.untilRows("out", n)
		wr.untilRows("out", n)
		then(reader, rd)
		then(writer, wr)
	}
	refused := func(text string) func(w *world, r *run) {
		produced := false
		return func(w *world, r *run) {
			if !produced { // writers notice when they write
				produce(t, k.Addr, "in", 0, n, 100)
				n += 100
				produced = true
			}
			if err := r.wait(); err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("the error is %v\n%s", err, w.log)
			}
		}
	}
	once := func(change func(), text string) func(w *world, r *run) {
		done, check := false, refused(text)
		return func(w *world, r *run) {
			if !done {
				change()
				done = true
			}
			check(w, r)
		}
	}
	readAndWrite(once(func() {
		restart() // nothing has changed: they go on
		produce(t, k.Addr, "in", 0, n, 100)
		n += 100
		out, err := k.Tool("kafka.admin.ConfigCommand", "--alter", "--entity-type", "users", "--entity-name", "alice", "--add-config", "SCRAM-SHA-256=[password=new]").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		restart()
	}, "authentication was refused"))
	password = "new"
	readAndWrite(once(func() {
		other, err := testservice.NewCertificates(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(other.Server)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(k.Certs.Server, text, 0o600); err != nil {
			t.Fatal(err)
		}
		ca = other.CA
		restart()
	}, "'properties.ssl.truststore.location'"))
	readAndWrite(func(_ *world, r *run) {
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	})
	reader.equal("out", numbers(0, n))
	for _, topic := range []string{"exact", "least"} {
		got := written(t, k, topic)
		if topic == "exact" {
			same(t, topic, got, numbers(0, n))
			continue
		}
		seen := map[string]bool{}
		for _, row := range got {
			seen[row] = true
		}
		if len(seen) != n { // those of the micro-batch that failed may come again
			t.Errorf("%s has %d different rows, want %d", topic, len(seen), n)
		}
	}
}

// Partitions are added to a topic while it is written: a row that names one goes
// there at once; one that names none that there is stays refused.
func TestSinkPartitionsAdded(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	topics(t, k, 1, "grow-in", "grow")
	w := newWorld(t, k)
	r := w.start(`
		CREATE SINK dlq (error_code STRING, error_message STRING) WITH ('connector' = 'memory');
		CREATE SOURCE s (n INT) WITH ($KAFKA, 'topic' = 'grow-in', 'scan.startup.mode' = 'earliest-offset');
		CREATE SINK grow (n INT, part INT METADATA FROM 'partition') WITH ($KAFKA, 'topic' = 'grow', 'on-error' = 'dead-letter', 'dead-letter.sink' = 'dlq');
		CREATE SINK out (n INT) WITH ('connector' = 'memory');
		INSERT INTO grow SELECT n, CAST(FLOOR(n / 100) AS INT) FROM s;
		INSERT INTO out SELECT n FROM s;`)
	produce(t, k.Addr, "grow-in", 0, 0, 102) // 100 and 101 name partition 1
	r.untilRows("out", 102)
	r.untilRows("dlq", 2)
	k.AddPartitions(t, "grow", 3)
	r.until("partitions", func() bool { // brokers know of them a moment later
		p, err := k.Client().Metadata(t.Context(), &kafka.MetadataRequest{Topics: []string{"grow"}})
		return err == nil && len(p.Topics[0].Partitions) == 3
	})
	// The sink has just asked what partitions there are, for 100 and 101: it asks again after a second.
	time.Sleep(2500 * time.Millisecond)
	produce(t, k.Addr, "grow-in", 0, 150, 100) // partitions 1 and 2
	r.untilRows("out", 202)
	produce(t, k.Addr, "grow-in", 0, 300, 1)
	r.untilRows("dlq", 3)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	same(t, "grow", written(t, k, "grow"), both(numbers(0, 100), numbers(150, 100)))
	for _, row := range w.rows("dlq")[:2] {
		if row != "OUT_OF_RANGE the topic has partitions 0 to 0, the row says 1" {
			t.Errorf("%q", row)
		}
	}
}

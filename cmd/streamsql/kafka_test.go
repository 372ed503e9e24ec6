//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/segmentio/kafka-go"

	connector "github.com/streamsql/streamsql/connectors/kafka"
	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
	"github.com/streamsql/streamsql/internal/testservice"
)

func TestMain(m *testing.M) { testservice.Main(m) }

// kafkaRun runs `streamsql kafka` in this process.
func kafkaRun(ctx context.Context, out io.Writer, in io.Reader, args ...string) (stderr string, err error) {
	c := rootCommand()
	var msg bytes.Buffer
	c.SetOut(out)
	c.SetErr(&msg)
	c.SetIn(in)
	c.SetArgs(append([]string{"kafka"}, args...))
	err = c.ExecuteContext(ctx)
	return msg.String(), err
}

func kafkaOutput(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if msg, err := kafkaRun(context.Background(), &out, nil, args...); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, msg)
	}
	return out.String()
}

// written writes a batch to a partition.
func written(t *testing.T, addr, topic string, partition int32, fill func(*batch.Encoder)) {
	t.Helper()
	client, err := connector.NewClient(map[string]string{kafkaServers: addr}, ".")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	k := &kafkaCluster{client: client, brokers: addr}
	e := batch.NewEncoder(batch.LZ4)
	fill(e)
	data, err := e.Finish(nil, batch.NoProducer)
	if err != nil {
		t.Fatal(err)
	}
	err = k.patiently(context.Background(), func() error {
		d, err := k.topic(context.Background(), topic)
		if err != nil {
			return err
		}
		out, err := client.Produce(context.Background(), d.Partitions[partition].Leader, &wire.ProduceRequest{Timeout: patience,
			Partitions: []wire.ProducePartition{{TopicPartition: wire.TopicPartition{Topic: topic, Partition: partition}, Batch: data}}})
		if err != nil {
			return err
		}
		return out[0].Err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func words(s string) (out [][]string) {
	for _, line := range strings.Split(s, "\n") {
		if f := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '|' }); len(f) > 1 {
			out = append(out, f)
		}
	}
	return out
}

// Topics are made, listed and deleted.
func TestKafkaTopics(t *testing.T) {
	b := testservice.SharedKafka(t, testservice.KafkaConfig{Secure: true}).Addr
	if got := kafkaOutput(t, "topics", "-b", b, "--create", "list.a", "--partitions", "3", "--replication", "1"); got != "topic list.a is made, partitions: 3\n" {
		t.Errorf("created: %q", got)
	}
	kafkaOutput(t, "topics", "-b", b, "--create", "list.b")
	for partition, n := range []int{2, 0, 5} {
		if n > 0 {
			written(t, b, "list.a", int32(partition), func(e *batch.Encoder) {
				for range n {
					e.Append(1, nil, []byte("x"), nil)
				}
			})
		}
	}
	list := words(kafkaOutput(t, "topics", "-b", b, "list.*"))
	for _, want := range [][]string{{"list.a", "3", "7", "0", "5"}, {"list.b", "1", "0", "0", "0"}} {
		if !slices.ContainsFunc(list, func(row []string) bool { return slices.Equal(row, want) }) {
			t.Errorf("no %v in %v", want, list)
		}
	}
	each := words(kafkaOutput(t, "topics", "-b", b, "-e", "list.a"))
	for _, want := range [][]string{{"list.a", "0", "1", "2", "0", "2"}, {"list.a", "1", "1", "0", "0", "0"}, {"list.a", "2", "1", "5", "0", "5"}} {
		if !slices.ContainsFunc(each, func(row []string) bool { return slices.Equal(row, want) }) {
			t.Errorf("no %v in %v", want, each)
		}
	}
	if got := kafkaOutput(t, "topics", "-b", b, "--delete", "list.b"); got != "topic list.b is deleted\n" {
		t.Errorf("deleted: %q", got)
	}
	if got := kafkaOutput(t, "topics", "-b", b); strings.Contains(got, "list.b") || !strings.Contains(got, "list.a") || strings.Contains(got, "__") {
		t.Errorf("listed:\n%s", got)
	}
}

// The last records of all partitions go by their timestamps; partitions keep their
// order.
func TestKafkaTail(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{Secure: true})
	k.CreateTopic(t, "tail", 2)
	written(t, k.Addr, "tail", 0, func(e *batch.Encoder) {
		e.Append(1_700_000_000_000, []byte("k"), []byte("a\tb\nc"), []batch.HeaderField{{Key: "h", Value: []byte("v")}, {Key: "n"}})
		e.Append(1_700_000_000_002, nil, []byte{0xff, 0x00}, nil)
		e.Append(1_700_000_000_004, []byte("gone"), nil, nil)
	})
	written(t, k.Addr, "tail", 1, func(e *batch.Encoder) {
		e.Append(1_700_000_000_003, []byte(""), []byte("é"), nil)
		e.Append(1_700_000_000_001, nil, []byte("late"), nil)
	})
	line := map[string]string{
		"0@0": "0@0\t2023-11-14T22:13:20.000Z\tk\ta\\tb\\nc\n", "0@1": "0@1\t2023-11-14T22:13:20.002Z\tNULL\t0xff00\n",
		"0@2": "0@2\t2023-11-14T22:13:20.004Z\tgone\tNULL\n",
		"1@0": "1@0\t2023-11-14T22:13:20.003Z\t\té\n", "1@1": "1@1\t2023-11-14T22:13:20.001Z\tNULL\tlate\n",
	}
	lines := func(names ...string) (out string) {
		for _, n := range names {
			out += line[n]
		}
		return out
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-n", "2"}, lines("0@1", "0@2")},
		{[]string{"-n", "3"}, lines("1@1", "0@1", "0@2")},
		{[]string{"-n", "0"}, ""},
		{nil, lines("0@0", "1@0", "1@1", "0@1", "0@2")},
		{[]string{"--partition", "1", "--from-beginning"}, lines("1@0", "1@1")},
		{[]string{"--partition", "1", "-n", "1"}, lines("1@1")},
		{[]string{"--partition", "0", "-n", "9", "--headers"}, strings.Replace(lines("0@0", "0@1", "0@2"), "c\n", "c\th=v\tn=NULL\n", 1)},
	} {
		if got := kafkaOutput(t, append([]string{"tail", "-b", k.Addr, "tail"}, c.args...)...); got != c.want {
			t.Errorf("%v:\n%swant\n%s", c.args, got, c.want)
		}
	}
	all := strings.SplitAfter(kafkaOutput(t, "tail", "-b", k.Addr, "tail", "--from-beginning"), "\n")
	slices.Sort(all)
	if got := strings.Join(all, ""); got != lines("0@0", "0@1", "0@2", "1@0", "1@1") {
		t.Errorf("from the beginning:\n%s", got)
	}
}

// What transactions have not committed is there, and left out with --committed;
// offsets without records don't count as last ones.
func TestKafkaTailCommitted(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{Secure: true})
	k.CreateTopic(t, "tail.tx", 1)
	ctx := context.Background()
	w := k.Client()
	var session *kafka.ProducerSession
	retry := func(f func() error) {
		t.Helper()
		c := &kafkaCluster{}
		if err := c.patiently(ctx, f); err != nil {
			t.Fatal(err)
		}
	}
	retry(func() error {
		r, err := w.InitProducerID(ctx, &kafka.InitProducerIDRequest{TransactionalID: "tail", TransactionTimeoutMs: 60000})
		if err != nil {
			return err
		}
		session = r.Producer
		return r.Error
	})
	client, err := connector.NewClient(map[string]string{kafkaServers: k.Addr}, ".")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	topic, err := (&kafkaCluster{client: client}).topic(ctx, "tail.tx")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		retry(func() error {
			r, err := w.AddPartitionsToTxn(ctx, &kafka.AddPartitionsToTxnRequest{TransactionalID: "tail", ProducerID: session.ProducerID, ProducerEpoch: session.ProducerEpoch,
				Topics: map[string][]kafka.AddPartitionToTxn{"tail.tx": {{Partition: 0}}}})
			if err != nil {
				return err
			}
			if err := r.Topics["tail.tx"][0].Error; err == kafka.Error(51) { // the end before is being written
				return kafka.GroupLoadInProgress
			} else {
				return err
			}
		})
		e := batch.NewEncoder(batch.None)
		e.Append(int64(i), nil, []byte(fmt.Sprint("v", i)), nil)
		data, err := e.Finish(nil, batch.Producer{ID: int64(session.ProducerID), Epoch: int16(session.ProducerEpoch), Sequence: int32(i), Transactional: true})
		if err != nil {
			t.Fatal(err)
		}
		retry(func() error {
			out, err := client.Produce(ctx, topic.Partitions[0].Leader, &wire.ProduceRequest{TransactionalID: "tail", Timeout: patience,
				Partitions: []wire.ProducePartition{{TopicPartition: wire.TopicPartition{Topic: "tail.tx"}, Batch: data}}})
			if err != nil {
				return err
			}
			return out[0].Err
		})
		retry(func() error {
			r, err := w.EndTxn(ctx, &kafka.EndTxnRequest{TransactionalID: "tail", ProducerID: session.ProducerID, ProducerEpoch: session.ProducerEpoch, Committed: i < 2})
			if err != nil {
				return err
			}
			return r.Error
		})
	}
	values := func(args ...string) (out []string) {
		for _, line := range strings.Split(strings.TrimSpace(kafkaOutput(t, append([]string{"tail", "-b", k.Addr, "tail.tx"}, args...)...)), "\n") {
			f := strings.Split(line, "\t")
			out = append(out, f[0]+"="+f[len(f)-1])
		}
		return out
	}
	if got := fmt.Sprint(values("-n", "2", "--committed")); got != "[0@0=v0 0@2=v1]" {
		t.Errorf("committed: %v", got)
	}
	if got := fmt.Sprint(values("-n", "3")); got != "[0@10=v5 0@12=v6 0@14=v7]" {
		t.Errorf("all: %v", got)
	}
}

// lineWaiter tells of the lines that are written to it.
type lineWaiter struct {
	mu    sync.Mutex
	text  string
	lines chan string
}

func (w *lineWaiter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text += string(p)
	for {
		line, rest, ok := strings.Cut(w.text, "\n")
		if !ok {
			return len(p), nil
		}
		w.lines <- line
		w.text = rest
	}
}

// -f goes on with what comes, in all partitions.
func TestKafkaTailFollow(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{Secure: true})
	k.CreateTopic(t, "follow", 2)
	one := func(partition int32, value string) {
		written(t, k.Addr, "follow", partition, func(e *batch.Encoder) { e.Append(1, nil, []byte(value), nil) })
	}
	one(0, "before")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out := &lineWaiter{lines: make(chan string, 100)}
	ended := make(chan error, 1)
	go func() {
		_, err := kafkaRun(ctx, out, nil, "tail", "-b", k.Addr, "follow", "-f")
		ended <- err
	}()
	for i, value := range []string{"before", "b", "c", "d"} {
		if i > 0 {
			one(int32(i%2), value)
		}
		select {
		case line := <-out.lines:
			if !strings.HasSuffix(line, "\t"+value) {
				t.Fatalf("line %q, not %s", line, value)
			}
		case err := <-ended:
			t.Fatalf("it ended: %v", err)
		}
	}
	cancel()
	<-ended
}

// A broker that goes and comes back holds the commands up and does not end them.
func TestKafkaBrokerKilled(t *testing.T) {
	k := testservice.OwnKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "killed", 2)
	ctx, cancel := context.WithCancel(context.Background())
	out := &lineWaiter{lines: make(chan string, 100)}
	lines, in := io.Pipe()
	ended := make(chan error, 2)
	go func() {
		_, err := kafkaRun(ctx, out, nil, "tail", "-b", k.Addr, "killed", "-f")
		ended <- err
	}()
	written := make(chan string, 1)
	go func() {
		msg, err := kafkaRun(ctx, io.Discard, lines, "produce", "-b", k.Addr, "killed")
		ended <- err
		written <- msg
	}()
	arrives := func(value string) {
		t.Helper()
		select {
		case line := <-out.lines:
			if got := line[strings.LastIndex(line, "\t")+1:]; got != value {
				t.Fatalf("line %q, not %s", line, value)
			}
		case err := <-ended:
			t.Fatalf("a command ended: %v", err)
		}
	}
	fmt.Fprintln(in, "one")
	arrives("one")
	k.Broker(0).Kill()
	fmt.Fprintln(in, "two")
	if err := k.Restart(0); err != nil {
		t.Fatal(err)
	}
	arrives("two")
	fmt.Fprintln(in, "three")
	arrives("three")
	in.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if msg := <-written; !strings.HasSuffix(msg, "killed: 3 records written\n") {
		t.Errorf("%q", msg)
	}
	cancel()
	<-ended
}

// Lines become records, acknowledged, in the partition that Kafka's clients choose
// for their keys. The hashes: 21 is -973932308, foobar -790332482, abc 479470107,
// a-little-bit-longer-string -1486304829 (Kafka's UtilsTest.testMurmur2); the
// partition of 4 is that without its sign bit, modulo 4.
func TestKafkaProduce(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{Secure: true})
	k.CreateTopic(t, "produce", 4)
	lines := "foobar:1\r\nabc:x:y\nno key\n\n21:2\na-little-bit-longer-string:3\nfoobar:"
	msg, err := kafkaRun(context.Background(), io.Discard, strings.NewReader(lines), "produce", "-b", k.Addr, "produce", "--key-separator", ":")
	if err != nil || msg != "produce: 7 records written\n" {
		t.Fatalf("%v: %q", err, msg)
	}
	got := ""
	for p := range 4 {
		for _, line := range strings.SplitAfter(kafkaOutput(t, "tail", "-b", k.Addr, "produce", "--from-beginning", "--partition", fmt.Sprint(p)), "\n") {
			if f := strings.Split(line, "\t"); len(f) == 4 {
				got += f[0] + " " + f[2] + " " + f[3]
			}
		}
	}
	if want := "0@0 NULL no key\n0@1 21 2\n1@0 NULL \n2@0 foobar 1\n2@1 foobar \n3@0 abc x:y\n3@1 a-little-bit-longer-string 3\n"; got != want {
		t.Errorf("written:\n%swant\n%s", got, want)
	}
	k.CreateTopic(t, "produce.null", 1)
	if msg, err = kafkaRun(context.Background(), io.Discard, strings.NewReader("a:NULL\nNULL:b\nNULL\n:NULLs\n"), "produce", "-b", k.Addr, "produce.null", "--key-separator", ":", "--null-marker", "NULL"); err != nil {
		t.Fatalf("%v: %q", err, msg)
	}
	seen, err := k.Tool("org.apache.kafka.tools.consumer.ConsoleConsumer", "--topic", "produce.null", "--from-beginning", "--max-messages", "4", "--timeout-ms", "30000",
		"--formatter-property", "print.key=true", "--formatter-property", "key.separator= ", "--formatter-property", "null.literal=<null>").Output()
	if want := "a <null>\n<null> b\n<null> <null>\n NULLs\n"; err != nil || string(seen) != want {
		t.Errorf("with NULLs: %q (%v), want %q", seen, err, want)
	}
	k.CreateTopic(t, "produce.many", 2, "max.message.bytes=300000")
	const n = 30000
	var many strings.Builder
	for i := range n {
		fmt.Fprintf(&many, "%d and some more text, so that there are several batches\n", i)
	}
	if msg, err := kafkaRun(context.Background(), io.Discard, strings.NewReader(many.String()), "produce", "-b", k.Addr, "produce.many", "--partition", "1"); err != nil || msg != fmt.Sprintf("produce.many: %d records written\n", n) {
		t.Fatalf("%v: %q", err, msg)
	}
	all := strings.Split(strings.TrimSuffix(kafkaOutput(t, "tail", "-b", k.Addr, "produce.many", "--from-beginning"), "\n"), "\n")
	if len(all) != n {
		t.Fatalf("%d records, not %d", len(all), n)
	}
	for i, line := range all {
		if !strings.HasPrefix(line, fmt.Sprintf("1@%d\t", i)) || !strings.Contains(line, fmt.Sprintf("\tNULL\t%d and", i)) {
			t.Fatalf("line %d: %s", i, line)
		}
	}
	long := "short\n" + strings.Repeat("x", 400_000) + "\n"
	msg, err = kafkaRun(context.Background(), io.Discard, strings.NewReader(long), "produce", "-b", k.Addr, "produce.many")
	if err == nil || !strings.Contains(err.Error(), "max.message.bytes") || !strings.HasSuffix(msg, "records written\n") {
		t.Errorf("a long line: %v, %q", err, msg)
	}
}

// A wrong user, no broker, no topic: the error says which, and what to do.
func TestKafkaErrors(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{Secure: true})
	k.CreateTopic(t, "orders", 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	secure := []string{"topics", "-b", k.SASL, "-X", "properties.security.protocol=SASL_SSL", "-X", "sasl.mechanism=PLAIN", "-X", "sasl.username=alice", "-X", "ssl.truststore.location=" + k.Certs.CA}
	for _, c := range []struct {
		args  []string
		want  string
		usage bool
	}{
		{[]string{"tail", "-b", k.Addr, "ordres"}, "there is no topic 'ordres'\n  hint: did you mean 'orders'?", false},
		{[]string{"topics", "-b", k.Addr, "zzzzzzzz"}, "streamsql kafka topics lists them", false},
		{[]string{"topics", "-b", k.Addr, "zzz*"}, "no topic matches 'zzz*'", false},
		{[]string{"topics", "-b", k.Addr, "--create", "orders"}, "topic 'orders' is there already", false},
		{[]string{"topics", "-b", k.Addr, "--create", "much", "--replication", "3"}, "topic 'much' is not made", false},
		{[]string{"topics", "-b", k.Addr, "--delete", "ordrs"}, "did you mean 'orders'?", false},
		{[]string{"tail", "-b", k.Addr, "orders", "--partition", "4"}, "topic 'orders' has no partition 4, only 0 to 0", false},
		{[]string{"topics", "-b", nobody}, nobody + " can't be reached: ", false},
		{append(slices.Clip(secure), "-X", "sasl.password=wrong"), "authentication was refused", false},
		{append(slices.Clip(secure), "-X", "sasl.pasword=wrong"), "did you mean 'properties.sasl.password'?", true},
		{[]string{"topics", "-X", "x"}, "want name=value", true},
		{[]string{"tail", "orders", "-n", "3", "--from-beginning"}, "exclude each other", true},
		{[]string{"tail"}, "one topic", true},
		{[]string{"produce", "-b", k.Addr, "ordres"}, "did you mean 'orders'?", false},
		{[]string{"produce", "-b", k.Addr, "orders", "--partition", "1"}, "has no partition 1", false},
		{[]string{"produce", "orders", "--key-separator", ""}, "--key-separator is empty", true},
		{[]string{"produce", "orders", "--null-marker", ""}, "--null-marker is empty", true},
		{[]string{"topics", "--partitions", "3"}, "for --create", true},
		{[]string{"topic"}, "unknown command", true},
	} {
		_, err := kafkaRun(context.Background(), io.Discard, nil, c.args...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %s", c.args, err, c.want)
		}
		if _, usage := err.(usageError); usage != c.usage {
			t.Errorf("%v: usage error: %v, want %v", c.args, usage, c.usage)
		}
	}
	var out bytes.Buffer
	if _, err := kafkaRun(context.Background(), &out, nil, append(slices.Clip(secure), "-X", "sasl.password=secret", "orders")...); err != nil || !strings.Contains(out.String(), "orders") {
		t.Errorf("with TLS and SASL: %v\n%s", err, &out)
	}
}

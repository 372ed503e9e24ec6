//go:build unix

package producer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
	"github.com/streamsql/streamsql/internal/testservice"
)

func TestMain(m *testing.M) {
	testservice.Main(m, func() error { return goleak.Find() })
}

// shared aborts transactions soon after their time is over.
var shared = testservice.KafkaConfig{Properties: map[string]string{"transaction.abort.timed.out.transaction.cleanup.interval.ms": "200"}}

func config(t testing.TB, addr string) Config {
	c := wire.New(wire.Config{Brokers: strings.Split(addr, ","), ClientID: "test", RequestTimeout: 20 * time.Second})
	t.Cleanup(c.Close)
	return Config{Client: c, Codec: batch.LZ4, BatchBytes: 16 << 10, BufferBytes: 1 << 20, Timeout: 10 * time.Second, GiveUp: time.Minute, Backoff: 5 * time.Millisecond}
}

// consumed gives the values of a topic, sorted, as Kafka's own consumer with
// read_committed sees them. It is given more time if it has seen nothing, which
// happens on a busy machine.
func consumed(t *testing.T, k *testservice.Kafka, topic string) (lines []string) {
	t.Helper()
	for _, patience := range []string{"4000", "40000"} {
		cmd := k.Tool("org.apache.kafka.tools.consumer.ConsoleConsumer", "--topic", topic, "--from-beginning", "--timeout-ms", patience, "--command-property", "isolation.level=read_committed")
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil && !strings.Contains(stderr.String(), "TimeoutException") {
			t.Fatalf("%v\n%s", err, stderr.String())
		}
		if lines = strings.Fields(stdout.String()); len(lines) > 0 {
			break
		}
	}
	slices.Sort(lines)
	return lines
}

// write adds n records of an epoch to three partitions and gives them.
func write(t *testing.T, s *Session, topic string, epoch uint64, n int) (out []string) {
	t.Helper()
	for i := range n {
		v := fmt.Sprintf("%d.%d", epoch, i)
		if err := s.Add(context.Background(), wire.TopicPartition{Topic: topic, Partition: int32(i % 3)}, time.Now().UnixMilli(), nil, []byte(v), nil); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

func begin(t *testing.T, tx *Transactions, epoch uint64) *Session {
	t.Helper()
	return tx.Session(epoch)
}

func prepare(t *testing.T, tx *Transactions, epoch uint64) []byte {
	t.Helper()
	data, err := tx.Prepare(context.Background(), epoch)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestTransactions goes through the two-phase commit: epochs overlap, one is
// aborted and written again by another run, commits are repeated by it.
func TestTransactions(t *testing.T) {
	k := testservice.SharedKafka(t, shared)
	k.CreateTopic(t, "tx", 3)
	ctx := context.Background()
	tx := NewTransactions(config(t, k.Addr), "job-sink", "tx", time.Minute)
	if err := tx.Abort(ctx, 0); err != nil {
		t.Fatal(err)
	}
	var want []string
	for epoch := uint64(1); epoch <= 5; epoch++ {
		if epoch == 4 { // no rows
			if data := prepare(t, tx, epoch); data != nil {
				t.Fatalf("an intent of nothing: %s", data)
			}
			continue
		}
		want = append(want, write(t, begin(t, tx, epoch), "tx", epoch, 2000)...)
		data := prepare(t, tx, epoch)
		// The next epoch writes before this one is committed.
		next := write(t, begin(t, tx, epoch+1), "tx", epoch+1, 10)
		if err := tx.Commit(ctx, epoch, data); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(ctx, epoch, data); err != nil {
			t.Fatalf("again: %v", err)
		}
		if epoch+1 != 4 {
			want = append(want, next...)
		} else { // it is given up
			if err := tx.Abort(ctx, epoch); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Killed after Prepare of 6: another run commits it, twice, aborts what came
	// after it, and goes on.
	data := prepare(t, tx, 6)
	write(t, begin(t, tx, 7), "tx", 7, 100)
	again := NewTransactions(config(t, k.Addr), "job-sink", "tx", time.Minute)
	defer again.Close(false)
	for range 2 {
		if err := again.Commit(ctx, 6, data); err != nil {
			t.Fatal(err)
		}
		if err := again.Abort(ctx, 6); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tx.Prepare(ctx, 7); !isFenced(err) {
		t.Errorf("the earlier run is not fenced: %v", err)
	}
	want = append(want, write(t, begin(t, again, 7), "tx", 8, 50)...)
	if err := again.Commit(ctx, 7, prepare(t, again, 7)); err != nil {
		t.Fatal(err)
	}
	tx.Close(false)
	slices.Sort(want)
	if got := consumed(t, k, "tx"); !slices.Equal(got, want) {
		t.Errorf("%d records, want %d", len(got), len(want))
	}
}

func isFenced(err error) bool {
	var f *FencedError
	return errors.As(err, &f)
}

// TestExpired: a transaction that the broker has aborted is an error that says
// what is lost.
func TestExpired(t *testing.T) {
	k := testservice.SharedKafka(t, shared)
	k.CreateTopic(t, "expired", 3)
	ctx := context.Background()
	tx := NewTransactions(config(t, k.Addr), "expiring", "expired", time.Second)
	defer tx.Close(false)
	write(t, begin(t, tx, 1), "expired", 1, 30)
	data := prepare(t, tx, 1)
	time.Sleep(3 * time.Second)
	err := tx.Commit(ctx, 1, data)
	var expired *ExpiredError
	if !errors.As(err, &expired) || expired.Records != 30 || expired.Epoch != 1 {
		t.Fatalf("%v", err)
	}
	want := write(t, begin(t, tx, 3), "expired", 3, 5)
	if err := tx.Commit(ctx, 3, prepare(t, tx, 3)); err != nil {
		t.Fatal(err)
	}
	// A run from a copy of the state as it was at 1 is told so, whatever has become of
	// that, and ends without a harm to the one that has gone on.
	again := NewTransactions(config(t, k.Addr), "expiring", "expired", time.Second)
	defer again.Close(false)
	if err := again.Commit(ctx, 1, data); !isFenced(err) || !strings.Contains(err.Error(), "its micro-batch 3 has been written, the state here ends with 1 and is an older copy") {
		t.Fatalf("%v", err)
	}
	// As is one from a copy as it was at 2, which had no rows.
	if err := again.Abort(ctx, 2); !isFenced(err) || !strings.Contains(err.Error(), "its micro-batch 3 has been written, the state here ends with 2 and is an older copy") {
		t.Fatalf("%v", err)
	}
	want = append(want, write(t, begin(t, tx, 5), "expired", 5, 5)...)
	if err := tx.Commit(ctx, 5, prepare(t, tx, 5)); err != nil {
		t.Fatal(err)
	}
	if got := consumed(t, k, "expired"); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestBrokerKilled: what an idempotent session has been given is there once, though
// the broker is killed in between.
func TestBrokerKilled(t *testing.T) {
	k := testservice.OwnKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "killed", 3)
	s, err := NewIdempotent(context.Background(), config(t, k.Addr))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var want []string
	for round := range uint64(3) {
		want = append(want, write(t, s, "killed", round, 5000)...)
		if round == 2 {
			break
		}
		k.Broker(0).Kill()
		if err := k.Restart(0); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if got := consumed(t, k, "killed"); !slices.Equal(got, want) {
		t.Errorf("%d records, want %d", len(got), len(want))
	}
}

// TestErrors: what no retry mends is an error at once.
func TestErrors(t *testing.T) {
	k := testservice.SharedKafka(t, shared)
	ctx := context.Background()
	cfg := config(t, k.Addr)
	cfg.GiveUp = 300 * time.Millisecond
	s, err := NewIdempotent(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Add(context.Background(), wire.TopicPartition{Topic: "not-there"}, 0, nil, []byte("x"), nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(ctx); err == nil || !strings.Contains(err.Error(), "finding the leaders") {
		t.Errorf("a topic that is not there: %v", err)
	}
	k.CreateTopic(t, "small", 1, "max.message.bytes=2000")
	s2, err := NewIdempotent(ctx, config(t, k.Addr))
	if err != nil {
		t.Fatal(err)
	}
	defer s2.Close()
	noise := make([]byte, 5000)
	rand.NewChaCha8([32]byte{}).Read(noise)
	if err := s2.Add(context.Background(), wire.TopicPartition{Topic: "small"}, 0, nil, noise, nil); err != nil {
		t.Fatal(err)
	}
	if err := s2.Flush(ctx); err == nil || !strings.Contains(err.Error(), "small/0: ") {
		t.Errorf("a record that is too large: %v", err)
	}
	if _, err := initProducer(ctx, cfg, "long", 100*time.Hour, nobody); err == nil || !strings.Contains(err.Error(), "transaction.max.timeout.ms") {
		t.Errorf("a timeout that is too long: %v", err)
	}
}

// TestTimedOut: a transaction that the broker aborts while it is written is told from
// one that another run has taken over, and can be written again.
func TestTimedOut(t *testing.T) {
	k := testservice.SharedKafka(t, shared)
	k.CreateTopic(t, "timed-out", 3)
	ctx := context.Background()
	tx := NewTransactions(config(t, k.Addr), "timing-out", "timed-out", time.Second)
	defer tx.Close(false)
	if err := tx.Abort(ctx, 0); err != nil {
		t.Fatal(err)
	}
	s := begin(t, tx, 1)
	write(t, s, "timed-out", 1, 30)
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second)
	_, err := tx.Prepare(ctx, 1)
	var timed *TimedOutError
	if !errors.As(err, &timed) {
		t.Fatalf("%v", err)
	}
	if err := tx.Abort(ctx, 0); err != nil {
		t.Fatal(err)
	}
	s = begin(t, tx, 1)
	write(t, s, "timed-out", 1, 3)
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	other := NewTransactions(config(t, k.Addr), "timing-out", "timed-out", time.Minute)
	defer other.Close(false)
	if err := other.Abort(ctx, 0); err != nil {
		t.Fatal(err)
	}
	if _, err = tx.Prepare(ctx, 1); !isFenced(err) || errors.As(err, &timed) {
		t.Errorf("another run has taken over: %v", err)
	}
}

//go:build unix

package producer

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/streamsql/streamsql/connectors/kafka/wire"
	"github.com/streamsql/streamsql/internal/testservice"
)

// once writes and commits the first micro-batch and gives it with its records.
func once(t *testing.T, tx *Transactions, topic string) (want []string, of pending) {
	t.Helper()
	if err := tx.Abort(context.Background(), 0); err != nil {
		t.Fatal(err)
	}
	want = write(t, begin(t, tx, 1), topic, 1, 30)
	data := prepare(t, tx, 1)
	if err := tx.Commit(context.Background(), 1, data); err != nil {
		t.Fatal(err)
	}
	of.Micro = 1
	if err := json.Unmarshal(data, &of.Intent); err != nil {
		t.Fatal(err)
	}
	if err := tx.awaitSettled(context.Background(), tx.ids[1]); err != nil {
		t.Fatal(err)
	}
	tx.dropSpare(1)
	return want, of
}

// TestSettlementTimedOut: the broker aborts the transaction that is to end another one
// again, because the engine stood still in the middle of it. The next try ends it, unless
// another run has taken over by then.
func TestSettlementTimedOut(t *testing.T) {
	k := testservice.SharedKafka(t, shared)
	k.CreateTopic(t, "settle-late", 3)
	ctx := context.Background()
	tx := NewTransactions(config(t, k.Addr), "settling-late", "settle-late", time.Second)
	defer tx.Close(false)
	want, of := once(t, tx, "settle-late")
	id := tx.ids[1]
	late := func() {
		t.Helper()
		who, err := tx.identify(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		s := &Session{cfg: tx.cfg, who: who, ctx: ctx}
		if err := s.join([]*partition{{tp: wire.TopicPartition{Topic: "settle-late"}}}); err != nil {
			t.Fatal(err)
		}
		for range 200 { // until the broker has aborted it
			at, err := tx.describe(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			if at.State == "CompleteAbort" {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		tx.settle(of, true)
	}
	late()
	if err := tx.awaitSettled(ctx, id); err != nil {
		t.Fatalf("after the broker's abort: %v", err)
	}
	want = append(want, write(t, begin(t, tx, 3), "settle-late", 3, 5)...)
	if err := tx.Commit(ctx, 3, prepare(t, tx, 3)); err != nil {
		t.Fatal(err)
	}
	if err := tx.awaitSettled(ctx, id); err != nil {
		t.Fatal(err)
	}
	tx.dropSpare(1)
	other := NewTransactions(config(t, k.Addr), "settling-late", "settle-late", time.Minute)
	defer other.Close(false)
	if err := other.Abort(ctx, 3); err != nil {
		t.Fatal(err)
	}
	tx.settle(of, true)
	if err := tx.awaitSettled(ctx, id); !isFenced(err) {
		t.Errorf("another run has taken over: %v", err)
	}
	slices.Sort(want)
	if got := consumed(t, k, "settle-late"); !slices.Equal(got, want) {
		t.Errorf("%d records, want %d", len(got), len(want))
	}
}

// TestEpochsUsedUp: Kafka gives a transactional id another producer id when the epochs
// of the one it has are used up (32767 of them, some hours of short micro-batches). A
// transaction can still be ended again then.
func TestEpochsUsedUp(t *testing.T) {
	if os.Getenv("STREAMSQL_SOAK") == "" {
		t.Skip("STREAMSQL_SOAK is not set: a minute and more")
	}
	k := testservice.SharedKafka(t, shared)
	k.CreateTopic(t, "used-up", 3)
	ctx := context.Background()
	tx := NewTransactions(config(t, k.Addr), "using-up", "used-up", time.Minute)
	defer tx.Close(false)
	if err := tx.Abort(ctx, 0); err != nil {
		t.Fatal(err)
	}
	tx.dropSpare(1)
	id := tx.ids[1]
	first := tx.known(id).producer
	for tx.known(id).epoch < math.MaxInt16-2 {
		if _, err := tx.identify(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	if now := tx.known(id); now.producer != first {
		t.Fatalf("producer id %d was used up too soon: now %v", first, now)
	}
	want := write(t, begin(t, tx, 1), "used-up", 1, 30)
	data := prepare(t, tx, 1)
	if err := tx.Commit(ctx, 1, data); err != nil {
		t.Fatal(err)
	}
	if err := tx.awaitSettled(ctx, id); err != nil {
		t.Fatal(err)
	}
	tx.dropSpare(1)
	of := pending{Micro: 1}
	if err := json.Unmarshal(data, &of.Intent); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		tx.settle(of, true)
		if err := tx.awaitSettled(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	// A run that begins when they are nearly used up does not write under them either.
	again := NewTransactions(config(t, k.Addr), "using-up", "used-up", time.Minute)
	defer again.Close(false)
	if err := again.Commit(ctx, 1, data); err != nil {
		t.Fatal(err)
	}
	if err := again.Abort(ctx, 1); err != nil {
		t.Fatal(err)
	}
	want = append(want, write(t, begin(t, again, 3), "used-up", 3, 5)...)
	if err := again.Commit(ctx, 3, prepare(t, again, 3)); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if got := consumed(t, k, "used-up"); !slices.Equal(got, want) {
		t.Errorf("%s, want %s", strings.Join(got, " "), strings.Join(want, " "))
	}
}

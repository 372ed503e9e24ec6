package producer

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/streamsql/streamsql/connectors/kafka/wire"
	"github.com/streamsql/streamsql/internal/testservice"
)

// TestOrderOfMicroBatches writes rows of a micro-batch while many of the one before
// are still on their way: what comes later in time must stand later in the partition,
// for readers take the last record of a key for its value. The expectation is that of
// Kafka's compacted topics, and the reader is Kafka's own consumer.
func TestOrderOfMicroBatches(t *testing.T) {
	k := testservice.SharedKafka(t, shared)
	k.CreateTopic(t, "order", 1)
	cfg := config(t, k.Addr)
	cfg.BufferBytes = 32 << 20 // of a micro-batch all at once
	tx := NewTransactions(cfg, "order-job", "order", time.Minute)
	defer tx.Close(false)
	ctx := context.Background()
	tp := wire.TopicPartition{Topic: "order"}
	padding := strings.Repeat("x", 1000)
	const epochs, rows = 6, 8_000
	intents := map[uint64][]byte{}
	write := func(epoch uint64) {
		s := tx.Session(epoch)
		for i := range rows {
			if err := s.Add(ctx, tp, time.Now().UnixMilli(), []byte("key"), fmt.Appendf(nil, "%d.%d %s", epoch, i, padding), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := tx.Abort(ctx, 0); err != nil {
		t.Fatal(err)
	}
	write(2) // by a writer that has nothing for the first one
	write(1)
	for epoch := uint64(1); epoch <= epochs; epoch++ {
		if epoch > 1 {
			write(epoch + 1) // before the barrier's work is done
		}
		var err error
		if intents[epoch], err = tx.Prepare(ctx, epoch); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(ctx, epoch, intents[epoch]); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	cmd := k.Tool("org.apache.kafka.tools.consumer.ConsoleConsumer", "--topic", "order", "--from-beginning", "--max-messages", fmt.Sprint(epochs*rows),
		"--timeout-ms", "60000", "--command-property", "isolation.level=read_committed")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	n, wrong := 0, 0
	for line := range strings.Lines(stdout.String()) {
		want := fmt.Sprintf("%d.%d ", 1+n/rows, n%rows)
		if n++; !strings.HasPrefix(line, want) {
			if wrong++; wrong <= 3 {
				t.Errorf("record %d is %s, want %s", n-1, line[:8], want)
			}
		}
	}
	if n != epochs*rows || wrong > 0 {
		t.Errorf("%d records, want %d; %d not in their place", n, epochs*rows, wrong)
	}
}

//go:build unix

package kafka

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/internal/testservice"
)

// transaction writes {"n": i} for n numbers to partition 0 in a transaction that is
// committed or aborted.
func transaction(t testing.TB, k *testservice.Kafka, topic, id string, first, n int, commit bool) {
	t.Helper()
	c, ctx := k.Client(), context.Background()
	until := func(what string, f func() error) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(30 * time.Millisecond) {
			err := f()
			if err == nil {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
	var p *kafka.ProducerSession
	until("beginning", func() error {
		r, err := c.InitProducerID(ctx, &kafka.InitProducerIDRequest{TransactionalID: id, TransactionTimeoutMs: 60_000})
		if err != nil {
			return err
		}
		p = r.Producer
		return r.Error
	})
	until("adding the partition", func() error {
		r, err := c.AddPartitionsToTxn(ctx, &kafka.AddPartitionsToTxnRequest{TransactionalID: id, ProducerID: p.ProducerID, ProducerEpoch: p.ProducerEpoch,
			Topics: map[string][]kafka.AddPartitionToTxn{topic: {{Partition: 0}}}})
		if err != nil {
			return err
		}
		return r.Topics[topic][0].Error
	})
	e := batch.NewEncoder(batch.None)
	for i := range n {
		e.Append(1_700_000_000_000, nil, fmt.Appendf(nil, `{"n":%d}`, first+i), nil)
	}
	data, err := e.Finish(nil, batch.Producer{ID: int64(p.ProducerID), Epoch: int16(p.ProducerEpoch), Transactional: true})
	if err != nil {
		t.Fatal(err)
	}
	sendBy(t, k.Addr, topic, 0, data, id)
	until("ending", func() error {
		r, err := c.EndTxn(ctx, &kafka.EndTxnRequest{TransactionalID: id, ProducerID: p.ProducerID, ProducerEpoch: p.ProducerEpoch, Committed: commit})
		if err != nil {
			return err
		}
		return r.Error
	})
}

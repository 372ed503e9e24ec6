package wire

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// Transaction is what a coordinator knows of a transactional id.
type Transaction struct {
	State      string // Empty, Ongoing, PrepareAbort, CompleteAbort, ...
	ProducerID int64
	Epoch      int16
	Partitions []TopicPartition // of a transaction that is open or being ended
}

// DescribeTransaction asks the coordinator of a transactional id (brokers from 3.0
// on; others give an error).
func (c *Client) DescribeTransaction(ctx context.Context, id string) (*Transaction, error) {
	v, err := c.version(ctx, int16(keyDescribeTransactions), 0)
	if err != nil {
		return nil, err
	}
	at, err := c.Kafka().FindCoordinator(ctx, &kafka.FindCoordinatorRequest{Key: id, KeyType: kafka.CoordinatorKeyTypeTransaction})
	if err == nil {
		err = at.Error
	}
	if err != nil {
		return nil, err
	}
	q := request{flex: true}
	q.array(1)
	q.string(id)
	q.tags()
	r, err := c.do(ctx, &exchange{key: keyDescribeTransactions, version: v, broker: int32(at.Coordinator.NodeID), flex: true, body: q.b})
	if err != nil {
		return nil, err
	}
	r.int32() // throttle time
	if r.array() != 1 {
		return nil, fmt.Errorf("describe transactions: %w", errResponse)
	}
	code := r.int16()
	_ = r.string() // the id
	t := &Transaction{State: r.string()}
	r.int32() // timeout
	r.int64() // start
	t.ProducerID, t.Epoch = r.int64(), r.int16()
	for range r.array() {
		topic := r.string()
		for range r.array() {
			t.Partitions = append(t.Partitions, TopicPartition{Topic: topic, Partition: r.int32()})
		}
		r.tags()
	}
	if r.bad {
		return nil, fmt.Errorf("describe transactions: %w", errResponse)
	}
	return t, codeError(code)
}

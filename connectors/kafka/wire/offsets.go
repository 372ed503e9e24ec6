package wire

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// Timestamps that stand for the ends of a partition.
const (
	Earliest int64 = -2
	Latest   int64 = -1
)

// TopicPartition names a partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// Found is an offset that was asked for.
type Found struct {
	Offset int64 // -1: no record has that time or a later one
	Time   int64 // of the record, ms; -1 for the ends
	Epoch  int32 // of its leader; -1: not known
	Err    error
}

// ListOffsets asks a broker, the leader of all the partitions, for the first
// offset whose record has that time (ms since 1970) or a later one, or for
// Earliest or Latest. With committed, Latest is the last stable offset: before
// the first transaction that is open.
func (c *Client) ListOffsets(ctx context.Context, broker int32, committed bool, at map[TopicPartition]int64) (map[TopicPartition]Found, error) {
	if _, err := c.version(ctx, int16(keyListOffsets), 5); err != nil {
		return nil, err
	}
	var q request
	q.int32(-1) // no replica
	q.int8(isolation(committed))
	q.array(len(at))
	for p, time := range at {
		q.string(p.Topic)
		q.array(1)
		q.int32(p.Partition)
		q.int32(-1) // leader epoch
		q.int64(time)
	}
	r, err := c.do(ctx, &exchange{key: keyListOffsets, version: 5, broker: broker, body: q.b})
	if err != nil {
		return nil, err
	}
	found := make(map[TopicPartition]Found, len(at))
	r.int32() // throttle time
	for range r.array() {
		topic := r.string()
		for range r.array() {
			p := TopicPartition{topic, r.int32()}
			found[p] = Found{Err: codeError(r.int16()), Time: r.int64(), Offset: r.int64(), Epoch: r.int32()}
		}
	}
	if err := r.err(); err != nil {
		return nil, fmt.Errorf("offsets: %w", err)
	}
	for p := range at {
		if _, ok := found[p]; !ok {
			found[p] = Found{Err: kafka.UnknownTopicOrPartition}
		}
	}
	return found, nil
}

func isolation(committed bool) int8 {
	if committed {
		return 1
	}
	return 0
}

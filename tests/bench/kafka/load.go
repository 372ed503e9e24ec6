//go:build unix

package main

import (
	"bytes"
	"context"
	"time"

	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/connectors/kafka/producer"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
	"github.com/streamsql/streamsql/connectors/nexmark"
)

func (b *bench) client(id string) *wire.Client {
	return wire.New(wire.Config{Brokers: []string{b.kafka.Addr}, ClientID: id})
}

func (b *bench) session(ctx context.Context, c *wire.Client, codec batch.Codec, batchBytes int) (*producer.Session, error) {
	return producer.NewIdempotent(ctx, producer.Config{Client: c, Codec: codec, BatchBytes: batchBytes, BufferBytes: 32 << 20,
		Timeout: 30 * time.Second, GiveUp: time.Minute, Backoff: 10 * time.Millisecond})
}

// bids makes a topic of the first Nexmark bids as they are in the benchmark's
// topics, spread over the partitions by runs of 500. It gives the bytes of a row on average.
func (b *bench) bids(ctx context.Context, topic string, rows int64, codec batch.Codec, batchBytes int) (float64, error) {
	if err := b.kafka.NewTopic(topic, b.partitions); err != nil {
		return 0, err
	}
	c := b.client("load")
	defer c.Close()
	s, err := b.session(ctx, c, codec, batchBytes)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	g, err := nexmark.New(nexmark.DefaultConfig())
	if err != nil {
		return 0, err
	}
	e := g.NewEncoder()
	var line []byte
	size := int64(0)
	for n, done := int64(0), int64(0); done < rows; n++ {
		line = e.Append(line[:0], n)
		if !bytes.HasPrefix(line, []byte(`{"event_type":2,`)) {
			continue
		}
		value := line[:len(line)-1]
		tp := wire.TopicPartition{Topic: topic, Partition: int32(done / 500 % int64(b.partitions))}
		if err := s.Add(ctx, tp, 1_700_000_000_000+n, nil, value, nil); err != nil {
			return 0, err
		}
		size += int64(len(value))
		done++
	}
	return float64(size) / float64(rows), s.Flush(ctx)
}

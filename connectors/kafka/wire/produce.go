package wire

import (
	"context"
	"fmt"
	"time"
)

// ProduceRequest sends record batches to a broker that leads all the partitions.
// It is acknowledged by all replicas in sync.
type ProduceRequest struct {
	TransactionalID string // "": none
	Timeout         time.Duration
	Partitions      []ProducePartition
}

// ProducePartition is one batch of a ProduceRequest.
type ProducePartition struct {
	TopicPartition
	Batch []byte // whole, as batch.Encoder writes it
}

// Produced is what became of a batch.
type Produced struct {
	Err     error // kafka.DuplicateSequenceNumber: it was there already
	Message string
	Offset  int64 // of the first record
}

// Produce asks one broker. The result is in the order of the request.
func (c *Client) Produce(ctx context.Context, broker int32, p *ProduceRequest) ([]Produced, error) {
	if _, err := c.version(ctx, int16(keyProduce), 8); err != nil {
		return nil, err
	}
	x := &exchange{key: keyProduce, version: 8, broker: broker}
	var q request
	if p.TransactionalID == "" {
		q.null()
	} else {
		q.string(p.TransactionalID)
	}
	q.int16(-1) // all replicas in sync
	q.int32(int32(p.Timeout.Milliseconds()))
	q.array(len(p.Partitions))
	for _, b := range p.Partitions {
		q.string(b.Topic)
		q.array(1)
		q.int32(b.Partition)
		q.array(len(b.Batch))
		if x.body == nil {
			x.body = q.b
		} else {
			x.tail = append(x.tail, q.b)
		}
		x.tail = append(x.tail, b.Batch)
		q.b = nil
	}
	r, err := c.do(ctx, x)
	if err != nil {
		return nil, err
	}
	out := make([]Produced, len(p.Partitions))
	for i := range out {
		out[i].Err = errResponse
	}
	for range r.array() {
		topic := r.string()
		for range r.array() {
			tp := TopicPartition{topic, r.int32()}
			d := Produced{Err: codeError(r.int16()), Offset: r.int64()}
			r.int64() // append time
			r.int64() // log start
			for range r.array() {
				r.int32()
				if s := r.string(); d.Message == "" {
					d.Message = s
				}
			}
			if s := r.string(); s != "" {
				d.Message = s
			}
			for i := range p.Partitions {
				if p.Partitions[i].TopicPartition == tp {
					out[i] = d
				}
			}
		}
	}
	r.int32() // throttle time
	if err := r.err(); err != nil {
		return nil, fmt.Errorf("produce: %w", err)
	}
	return out, nil
}

package wire

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/connectors/kafka/batch"
)

// FetchRequest asks a broker for records of partitions that it leads.
type FetchRequest struct {
	Committed  bool          // read_committed
	MaxWait    time.Duration // for MinBytes to be there
	MinBytes   int
	MaxBytes   int // of the response, about
	Partitions []FetchPartition
	// Memory gives room for the response, which is the request's until it has
	// returned without an error. nil: it is made.
	Memory func(n int) []byte
}

// FetchPartition is one partition of a FetchRequest.
type FetchPartition struct {
	Topic       string
	ID          ID // of the topic, where brokers know IDs
	Partition   int32
	Offset      int64
	LeaderEpoch int32 // as in the metadata; -1: not known
	MaxBytes    int
}

// FetchResponse is what a broker has for the partitions, in any order.
type FetchResponse struct {
	Partitions []Fetched
	Memory     []byte // what Records lie in
}

// Fetched is what there is of one partition.
type Fetched struct {
	Index int // in FetchRequest.Partitions
	Err   error
	// HighWatermark is the end of what is replicated, LastStable that of what is
	// decided, LogStart the first offset that is kept.
	HighWatermark, LastStable, LogStart int64
	Aborted                             []batch.Aborted
	// Records are record batches, of which the last may be cut off.
	Records []byte
}

// Fetch asks one broker.
func (c *Client) Fetch(ctx context.Context, broker int32, f *FetchRequest) (*FetchResponse, error) {
	v, err := c.version(ctx, int16(keyFetch), 11, 13)
	if err != nil {
		return nil, err
	}
	for _, p := range f.Partitions {
		if p.ID == (ID{}) {
			v = 11
		}
	}
	ctx, cancel := context.WithTimeout(ctx, f.MaxWait+c.cfg.RequestTimeout)
	defer cancel()
	r, err := c.do(ctx, &exchange{key: keyFetch, version: v, broker: broker, flex: v >= 12, body: f.body(v), memory: f.Memory})
	if err != nil {
		return nil, err
	}
	out := &FetchResponse{Memory: r.all}
	if err := f.read(out, r, v); err != nil {
		return nil, err
	}
	for i := range out.Partitions {
		if errors.Is(out.Partitions[i].Err, kafka.UnsupportedVersion) {
			c.forgetVersions()
		}
	}
	return out, nil
}

func (f *FetchRequest) body(v int16) []byte {
	q := request{flex: v >= 12}
	q.int32(-1) // no replica
	q.int32(int32(f.MaxWait.Milliseconds()))
	q.int32(int32(f.MinBytes))
	q.int32(int32(f.MaxBytes))
	q.int8(isolation(f.Committed))
	q.int32(0)  // no session
	q.int32(-1) // and none to be made
	q.array(len(f.Partitions))
	for i := range f.Partitions {
		p := &f.Partitions[i]
		if v >= 13 {
			q.id(p.ID)
		} else {
			q.string(p.Topic)
		}
		q.array(1)
		q.int32(p.Partition)
		q.int32(p.LeaderEpoch)
		q.int64(p.Offset)
		if v >= 12 {
			q.int32(-1) // epoch of the last record fetched
		}
		q.int64(-1) // log start
		q.int32(int32(p.MaxBytes))
		q.tags()
		q.tags()
	}
	q.array(0)   // forgotten topics
	q.string("") // rack
	q.tags()
	return q.b
}

func (f *FetchRequest) read(out *FetchResponse, r *response, v int16) error {
	r.int32() // throttle time
	if err := codeError(r.int16()); err != nil {
		return err
	}
	r.int32() // session
	for range r.array() {
		var topic string
		var id ID
		if v >= 13 {
			id = r.id()
		} else {
			topic = r.string()
		}
		for range r.array() {
			partition := r.int32()
			p := Fetched{Index: -1, Err: codeError(r.int16()), HighWatermark: r.int64(), LastStable: r.int64(), LogStart: r.int64()}
			for range r.array() {
				p.Aborted = append(p.Aborted, batch.Aborted{ProducerID: r.int64(), FirstOffset: r.int64()})
				r.tags()
			}
			r.int32() // better replica to read from
			p.Records = r.bytes()
			r.tags()
			for i := range f.Partitions {
				q := &f.Partitions[i]
				if q.Partition == partition && (v >= 13 && q.ID == id || v < 13 && q.Topic == topic) {
					p.Index = i
				}
			}
			if p.Index < 0 && !r.bad {
				return fmt.Errorf("fetch: %w: a partition that was not asked for", errResponse)
			}
			out.Partitions = append(out.Partitions, p)
		}
		r.tags()
	}
	if err := r.err(); err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	return nil
}

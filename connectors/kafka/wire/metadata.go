package wire

import (
	"context"
	"fmt"
)

// Topic is a topic as the cluster describes it.
type Topic struct {
	Name       string
	ID         ID
	Err        error // kafka.UnknownTopicOrPartition: there is none of that name
	Internal   bool
	Partitions []Partition
}

// Partition is a partition as the cluster describes it.
type Partition struct {
	Index       int32
	Err         error
	Leader      int32 // broker; -1: none at the moment
	LeaderEpoch int32 // -1: not known
}

// Broker is a member of the cluster.
type Broker struct {
	ID   int32
	Host string
	Port int32
}

// Metadata describes brokers and topics.
type Metadata struct {
	Brokers []Broker
	Topics  []Topic
}

// Metadata asks for topics by name; nil: all. Topics that don't exist are not made.
func (c *Client) Metadata(ctx context.Context, topics []string) (*Metadata, error) {
	return c.MetadataOf(ctx, -1, topics)
}

// MetadataOf asks one broker for what it knows of topics; see Metadata.
func (c *Client) MetadataOf(ctx context.Context, broker int32, topics []string) (*Metadata, error) {
	v, err := c.version(ctx, int16(keyMetadata), 7, 12)
	if err != nil {
		return nil, err
	}
	q := request{flex: v >= 9}
	if topics == nil {
		q.array(-1)
	} else {
		q.array(len(topics))
	}
	for _, name := range topics {
		if v >= 10 {
			q.id(ID{})
		}
		q.string(name)
		q.tags()
	}
	q.bool(false) // make topics
	if v >= 8 {
		q.bool(false) // operations on topics
	}
	q.tags()
	r, err := c.do(ctx, &exchange{key: keyMetadata, version: v, broker: broker, flex: q.flex, body: q.b})
	if err != nil {
		return nil, err
	}
	m := &Metadata{}
	r.int32() // throttle time
	for range r.array() {
		b := Broker{ID: r.int32(), Host: r.string(), Port: r.int32()}
		_ = r.string() // rack
		r.tags()
		m.Brokers = append(m.Brokers, b)
	}
	_ = r.string() // cluster ID
	r.int32()      // controller
	for range r.array() {
		t := Topic{Err: codeError(r.int16()), Name: r.string()}
		if v >= 10 {
			t.ID = r.id()
		}
		t.Internal = r.int8() != 0
		for range r.array() {
			p := Partition{Err: codeError(r.int16()), Index: r.int32(), Leader: r.int32(), LeaderEpoch: r.int32()}
			for range 3 { // replicas: all, in sync, offline
				for range r.array() {
					r.int32()
				}
			}
			r.tags()
			t.Partitions = append(t.Partitions, p)
		}
		if v >= 8 {
			r.int32() // operations
		}
		r.tags()
		m.Topics = append(m.Topics, t)
	}
	if err := r.err(); err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	return m, nil
}

package kafka

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/kafka/batch"
)

// topicLimits are what a topic takes; zero: not known, whoever writes may not ask.
type topicLimits struct {
	batch         int           // bytes
	ahead, behind time.Duration // of timestamps that records bring; 0: any
}

// The topic's settings that limit what is written.
const (
	topicMaxBytes = "max.message.bytes"
	topicAhead    = "message.timestamp.after.max.ms"
	topicBehind   = "message.timestamp.before.max.ms"
	topicTime     = "message.timestamp.type"
)

// askLimits asks for the limits of a topic.
func (s *sink) askLimits(ctx context.Context, topic string) (l topicLimits) {
	r, err := s.client.Kafka().DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{
		{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{topicMaxBytes, topicAhead, topicBehind, topicTime}},
	}})
	if err != nil || len(r.Resources) != 1 || r.Resources[0].Error != nil {
		return l
	}
	appended := false
	for _, e := range r.Resources[0].ConfigEntries {
		n, err := strconv.ParseInt(e.ConfigValue, 10, 64)
		short := err == nil && n > 0 && n < math.MaxInt64/int64(time.Millisecond)
		switch {
		case e.ConfigName == topicMaxBytes && short:
			l.batch = int(min(n, math.MaxInt32))
		case e.ConfigName == topicAhead && short:
			l.ahead = time.Duration(n) * time.Millisecond
		case e.ConfigName == topicBehind && short:
			l.behind = time.Duration(n) * time.Millisecond
		case e.ConfigName == topicTime:
			appended = e.ConfigValue == "LogAppendTime"
		}
	}
	if appended {
		l.ahead, l.behind = 0, 0
	}
	return l
}

// takes says whether a topic takes a record's timestamp, in ms since 1970.
func (l topicLimits) takes(at, now int64) error {
	by := time.Duration(min(max(at-now, -math.MaxInt64/int64(time.Millisecond)), math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
	name, limit := topicAhead, l.ahead
	if by < 0 {
		name, limit = topicBehind, l.behind
	}
	if limit == 0 || by.Abs() <= limit {
		return nil
	}
	return fmt.Errorf("the timestamp %s is not within the topic's %s of %s", time.UnixMilli(at).UTC().Format("2006-01-02 15:04:05.000Z"), name, limit)
}

const (
	// batchOverhead is what a batch is longer than what the producer counts of its
	// records.
	batchOverhead = 512
	// recordOverhead is about the most that a record has beside key, value and headers.
	recordOverhead = 40
)

// batchLimit is the longest batch that a topic takes.
func (s *sink) batchLimit(topic string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.topics[topic].limits; l.batch > 0 {
		return max(l.batch-batchOverhead, 1)
	}
	return math.MaxInt32
}

// tooMuch refuses a row that is too long; nil: it is not.
func (s *sink) tooMuch(row int, key, value []byte, headers []batch.HeaderField, l topicLimits) *connectors.RefusedRow {
	size := len(key) + len(value)
	if size > s.layout.maxRecord {
		return &connectors.RefusedRow{Row: row, Code: "TOO_LARGE", Detail: fmt.Sprintf("a record of %d bytes, where '%s' is %d", size, optMaxRequest, s.layout.maxRecord)}
	}
	if l.batch == 0 || s.write.Codec != batch.None { // compressed, it may be short enough
		return nil
	}
	for _, h := range headers {
		size += len(h.Key) + len(h.Value)
	}
	if size+batch.HeaderSize+recordOverhead > l.batch {
		return &connectors.RefusedRow{Row: row, Code: "TOO_LARGE", Detail: fmt.Sprintf("a record of %d bytes, where the topic's %s is %d", size, topicMaxBytes, l.batch)}
	}
	return nil
}

package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

// tail reads a topic.
type tail struct {
	cluster            *kafkaCluster
	topic              string
	only               int32 // the partition to read; -1: all
	committed, headers bool
	out                *bufio.Writer
	msg                io.Writer

	id     wire.ID
	parts  []*tailed
	turn   int // whose partition comes first in the next request
	opener batch.Decompressor
}

// tailed is a partition that is read.
type tailed struct {
	index         int32
	leader, epoch int32
	first, end    int64 // what there is; end -1: whatever comes
	next          int64
}

// kafkaRecord is a record. Its bytes are its own.
type kafkaRecord struct {
	of           *tailed
	offset, time int64
	key, value   []byte // nil: NULL
	headers      []batch.HeaderField
}

// locate finds the partitions and their ends.
func (t *tail) locate(ctx context.Context) error {
	topic, err := t.cluster.topic(ctx, t.topic)
	if err != nil {
		return err
	}
	if t.only >= int32(len(topic.Partitions)) {
		return fmt.Errorf("topic '%s' has no partition %d, only 0 to %d", t.topic, t.only, len(topic.Partitions)-1)
	}
	first, end, err := t.cluster.ends(ctx, []wire.Topic{*topic}, t.committed)
	if err != nil {
		return err
	}
	t.id = topic.ID
	for _, p := range topic.Partitions {
		tp := wire.TopicPartition{Topic: t.topic, Partition: p.Index}
		if t.only < 0 || t.only == p.Index {
			t.parts = append(t.parts, &tailed{index: p.Index, leader: p.Leader, epoch: p.LeaderEpoch, first: first[tp], end: end[tp]})
		}
	}
	return nil
}

// leaders finds out who leads the partitions now.
func (t *tail) leaders(ctx context.Context) error {
	m, err := t.cluster.client.Metadata(ctx, []string{t.topic})
	if err != nil {
		return t.cluster.explain(ctx, err)
	}
	for _, topic := range m.Topics {
		if errors.Is(topic.Err, kafka.UnknownTopicOrPartition) || topic.Err == nil && topic.ID != t.id {
			return &finalError{fmt.Errorf("topic '%s' has been deleted", t.topic)}
		}
		for _, p := range topic.Partitions {
			for _, q := range t.parts {
				if q.index == p.Index && p.Leader >= 0 {
					q.leader, q.epoch = p.Leader, p.LeaderEpoch
				}
			}
		}
	}
	return nil
}

// read gives what the partitions have from next to end.
func (t *tail) read(ctx context.Context, give func(*kafkaRecord) error) error {
	for {
		left := false
		for _, p := range t.parts {
			left = left || p.next < p.end
		}
		if !left {
			return nil
		}
		err := t.cluster.patiently(ctx, func() error {
			err := t.round(ctx, give)
			if err != nil && passing(err) {
				err = errors.Join(err, t.leaders(ctx))
			}
			return err
		})
		if err != nil {
			return err
		}
	}
}

const (
	roundWait      = 300 * time.Millisecond
	roundBytes     = 16 << 20
	partitionBytes = 1 << 20
)

// round asks each broker once, all at the same time.
func (t *tail) round(ctx context.Context, give func(*kafkaRecord) error) error {
	asks := map[int32][]*tailed{}
	t.turn++
	for i := range t.parts {
		p := t.parts[(i+t.turn)%len(t.parts)] // the first one gets its records whatever their size
		if p.end < 0 || p.next < p.end {
			asks[p.leader] = append(asks[p.leader], p)
		}
	}
	type answer struct {
		parts []*tailed
		got   *wire.FetchResponse
		err   error
	}
	answers := make(chan answer, len(asks))
	for broker, parts := range asks {
		f := &wire.FetchRequest{Committed: t.committed, MaxWait: roundWait, MinBytes: 1, MaxBytes: roundBytes}
		for _, p := range parts {
			f.Partitions = append(f.Partitions, wire.FetchPartition{Topic: t.topic, ID: t.id, Partition: p.index, Offset: p.next, LeaderEpoch: p.epoch, MaxBytes: partitionBytes})
		}
		go func() {
			got, err := t.cluster.client.Fetch(ctx, broker, f)
			answers <- answer{parts, got, err}
		}()
	}
	var failed error
	for range asks {
		a := <-answers
		if a.err != nil {
			failed = errors.Join(failed, t.cluster.explain(ctx, a.err))
			continue
		}
		for i := range a.got.Partitions {
			f := &a.got.Partitions[i]
			if err := t.take(ctx, a.parts[f.Index], f, give); err != nil {
				failed = errors.Join(failed, err)
			}
		}
	}
	return failed
}

// take gives the records of an answer.
func (t *tail) take(ctx context.Context, p *tailed, f *wire.Fetched, give func(*kafkaRecord) error) error {
	name := fmt.Sprintf("%s/%d", t.topic, p.index)
	switch {
	case errors.Is(f.Err, kafka.OffsetOutOfRange):
		return t.catchUp(ctx, p)
	case f.Err != nil:
		return fmt.Errorf("%s: %w", name, f.Err)
	}
	var filter batch.Filter
	if t.committed {
		filter = batch.NewFilter(f.Aborted)
	}
	for data := f.Records; len(data) > 0; {
		h, err := batch.ParseHeader(data)
		if errors.Is(err, batch.ErrCutOff) {
			return nil
		}
		if err == nil {
			err = batch.Verify(data[:h.Size])
		}
		if err == nil {
			err = t.open(p, &h, data[:h.Size], &filter, give)
		}
		if err != nil {
			return &finalError{fmt.Errorf("%s: %w", name, err)}
		}
		data = data[h.Size:]
		p.next = max(p.next, h.LastOffset()+1)
	}
	return nil
}

// catchUp goes on at the first record that is kept, for those before have been
// deleted since.
func (t *tail) catchUp(ctx context.Context, p *tailed) error {
	tp := wire.TopicPartition{Topic: t.topic, Partition: p.index}
	found, err := t.cluster.client.ListOffsets(ctx, p.leader, false, map[wire.TopicPartition]int64{tp: wire.Earliest})
	if err != nil {
		return t.cluster.explain(ctx, err)
	}
	if err := found[tp].Err; err != nil {
		return fmt.Errorf("%s/%d: %w", t.topic, p.index, err)
	}
	if found[tp].Offset <= p.next {
		return &finalError{fmt.Errorf("%s/%d: there is no offset %d: records were lost, or the topic was made anew", t.topic, p.index, p.next)}
	}
	fmt.Fprintf(t.msg, "%s/%d: the records from %d to %d have been deleted meanwhile\n", t.topic, p.index, p.next, found[tp].Offset-1)
	p.next = found[tp].Offset
	return nil
}

// open gives the records of a batch.
func (t *tail) open(p *tailed, h *batch.Header, data []byte, filter *batch.Filter, give func(*kafkaRecord) error) error {
	skip, err := filter.Skip(h, data)
	if err != nil || skip || h.LastOffset() < p.next || p.end >= 0 && h.BaseOffset >= p.end {
		return err
	}
	payload, _, err := t.opener.Payload(h, data, nil)
	if err != nil {
		return err
	}
	var r batch.Records
	if err := r.Append(h, payload, 0, h.Count, batch.Keys|batch.Offsets|batch.Timestamps|batch.Headers); err != nil {
		return err
	}
	for i, offset := range r.Offsets {
		if offset < p.next || p.end >= 0 && offset >= p.end {
			continue
		}
		m := &kafkaRecord{of: p, offset: offset, time: r.Timestamps[i], key: r.Keys[i].Of(payload), value: r.Values[i].Of(payload)}
		if t.headers {
			err := batch.EachHeader(payload, r.Headers[i], func(key, value []byte) {
				m.headers = append(m.headers, batch.HeaderField{Key: string(key), Value: value})
			})
			if err != nil {
				return err
			}
		}
		if err := give(m); err != nil {
			return err
		}
	}
	return nil
}

// print writes a record as a line.
func (t *tail) print(m *kafkaRecord) error {
	b := t.out.AvailableBuffer()
	b = strconv.AppendInt(b, int64(m.of.index), 10)
	b = append(b, '@')
	b = strconv.AppendInt(b, m.offset, 10)
	b = append(b, '\t')
	if m.time < 0 {
		b = append(b, "NULL"...)
	} else {
		b = time.UnixMilli(m.time).UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	}
	b = append(append(b, '\t'), readable(m.key)...)
	b = append(append(b, '\t'), readable(m.value)...)
	for _, h := range m.headers {
		b = append(append(b, '\t'), readable([]byte(h.Key))...)
		b = append(append(b, '='), readable(h.Value)...)
	}
	_, err := t.out.Write(append(b, '\n'))
	return err
}

// readable is a text on one line that does no harm to a terminal.
func readable(b []byte) string {
	if b == nil {
		return "NULL"
	}
	if !utf8.Valid(b) {
		return "0x" + hex.EncodeToString(b)
	}
	s := string(b)
	if !strings.ContainsFunc(s, unicode.IsControl) {
		return s
	}
	var out strings.Builder
	for _, r := range s {
		if unicode.IsControl(r) {
			q := strconv.QuoteRune(r)
			out.WriteString(q[1 : len(q)-1])
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

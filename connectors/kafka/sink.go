package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/connectors/kafka/producer"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

// partitionsAge is how long the number of a topic's partitions is believed.
const partitionsAge = 5 * time.Minute

// sink writes rows to topics.
type sink struct {
	cfg    connectors.SinkConfig
	env    connectors.Env
	layout *sinkLayout
	topic  string
	client *wire.Client
	write  producer.Config

	transactions *producer.Transactions // exactly-once
	session      *producer.Session      // else
	shards       []*sinkShard

	mu     sync.Mutex
	topics map[string]partitions
}

// partitions are the numbers of a topic's partitions, and when they were asked for.
type partitions struct {
	numbers []int
	at      time.Time
}

// sinkShard is what one of the concurrent writers uses.
type sinkShard struct {
	value, key    format.MessageEncoder
	bytes, keys   []byte
	values, keyAt []format.Span
	records       []producer.Record // to be added together
	headers       []batch.HeaderField
	turn          int32 // of partitions without a key
}

// recordsAtOnce is how many records a writer adds under one lock: others wait for it
// no longer than some ten microseconds.
const recordsAtOnce = 256

func newSink(formats format.Set, cfg connectors.SinkConfig, env connectors.Env) (connectors.Sink, error) {
	l, err := newSinkLayout(formats, cfg, env)
	if err != nil {
		return nil, err
	}
	o := cfg.Options
	s := &sink{cfg: cfg, env: env, layout: l, topic: topicList(o)[0], topics: map[string]partitions{}}
	codec := batch.Codec(max(0, slices.Index(batch.Codecs, o[optCompression])))
	s.write = producer.Config{
		Codec: codec, BatchBytes: int(min(o.Bytes(optBatchSize), 64<<20)), BufferBytes: int(o.Bytes(optBufferMemory)),
		Timeout: o.Duration(optRequestTime), GiveUp: o.Duration(optDelivery), Backoff: max(o.Duration(optBackoff)/10, time.Millisecond),
	}
	for i := range max(1, cfg.Shards) {
		x := &sinkShard{value: l.value.NewMessageEncoder(), turn: int32(i)}
		if l.key != nil {
			x.key = l.key.NewMessageEncoder()
		}
		s.shards = append(s.shards, x)
	}
	return s, nil
}

// Open implements connectors.Sink.
func (s *sink) Open(ctx context.Context, id connectors.SinkIdentity) error {
	var err error
	if s.client, err = newClient(s.cfg.Options, s.env); err != nil {
		return err
	}
	s.write.Client = s.client
	if _, err := s.partitions(ctx, s.topic); err != nil {
		return err
	}
	if s.cfg.Options[optGuarantee] == exactlyOnce {
		name := fmt.Sprintf("%s-%s-%s", s.cfg.Options[optTransactionPrefix], id.JobID, id.Sink)
		s.transactions = producer.NewTransactions(s.write, name, s.topic, s.cfg.Options.Duration(optTransactionTimeout))
		return nil
	}
	s.session, err = producer.NewIdempotent(ctx, s.write)
	return err
}

// partitions gives the numbers of a topic's partitions.
func (s *sink) partitions(ctx context.Context, topic string) ([]int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.topics[topic]
	if ok && s.env.Clock.Now().Sub(known.at) < partitionsAge {
		return known.numbers, nil
	}
	m, err := s.client.Metadata(ctx, []string{topic})
	if err == nil && m.Topics[0].Err != nil {
		err = m.Topics[0].Err
	}
	switch {
	case err == nil:
		known = partitions{make([]int, len(m.Topics[0].Partitions)), s.env.Clock.Now()}
		for i := range known.numbers {
			known.numbers[i] = i
		}
		s.topics[topic] = known
		return known.numbers, nil
	case isUnknownTopic(err):
		return nil, fmt.Errorf("there is no topic '%s': make it first; the engine does not choose partitions and replicas", topic)
	case ok: // what is known still serves
		return known.numbers, nil
	}
	return nil, err
}

// Write implements connectors.Sink.
func (s *sink) Write(ctx context.Context, epoch uint64, shard int, b *connectors.Batch) error {
	if b.N == 0 {
		return nil
	}
	session := s.session
	if s.transactions != nil {
		session = s.transactions.Session(epoch)
	}
	x, l := s.shards[shard], s.layout
	var err error
	if x.bytes, x.values, err = x.value.AppendMessages(x.bytes[:0], x.values[:0], l.part(b, l.valueCols, true)); err != nil {
		return err
	}
	if x.key != nil {
		if x.keys, x.keyAt, err = x.key.AppendMessages(x.keys[:0], x.keyAt[:0], l.part(b, l.keyCols, false)); err != nil {
			return err
		}
	}
	numbers, err := s.partitions(ctx, s.topic)
	if err != nil {
		return err
	}
	x.turn = (x.turn + int32(len(s.shards))) % int32(len(numbers))
	now := s.env.Clock.Now().UnixMilli()
	var refused connectors.RefusedRows
	x.records, x.headers = x.records[:0], x.headers[:0]
	for i := range b.N {
		if len(x.records) == recordsAtOnce {
			if err := session.AddAll(x.records); err != nil {
				return err
			}
			x.records, x.headers = x.records[:0], x.headers[:0]
		}
		tp := wire.TopicPartition{Topic: s.topic}
		of := numbers
		if c := l.topic; c >= 0 && b.Cols[c].IsValid(i) {
			tp.Topic = strings.Clone(b.Cols[c].(*array.String).Value(i))
			if of, err = s.topicOfRow(ctx, tp.Topic); err != nil {
				refused.Rows = append(refused.Rows, connectors.RefusedRow{Row: i, Code: "NO_TOPIC", Column: s.cfg.Columns[c].Name, Detail: err.Error()})
				continue
			}
		}
		value := x.values[i].Of(x.bytes)
		key := l.rawKey(b, i)
		if x.key != nil {
			key = x.keyAt[i].Of(x.keys)
		}
		from := len(x.headers)
		x.headers = l.rowHeaders(b, i, x.headers)
		headers := x.headers[from:len(x.headers):len(x.headers)]
		if tp.Partition, err = l.partition(b, i, key, of, x.turn, int32(shard)); err != nil {
			refused.Rows = append(refused.Rows, connectors.RefusedRow{Row: i, Code: "OUT_OF_RANGE", Column: s.cfg.Columns[l.partitionCol].Name, Detail: err.Error()})
			continue
		}
		if size := len(key) + len(value); size > l.maxRecord {
			refused.Rows = append(refused.Rows, connectors.RefusedRow{Row: i, Code: "TOO_LARGE",
				Detail: fmt.Sprintf("a record of %d bytes, where '%s' is %d", size, optMaxRequest, l.maxRecord)})
			continue
		}
		x.records = append(x.records, producer.Record{TopicPartition: tp, Time: l.timestamp(b, i, now), Key: key, Value: value, Headers: headers})
	}
	if err := session.AddAll(x.records); err != nil {
		return err
	}
	if refused.Rows != nil {
		return &refused
	}
	return nil
}

// topicOfRow gives the partitions of a topic that a row names.
func (s *sink) topicOfRow(ctx context.Context, topic string) ([]int, error) {
	if !legalTopic.MatchString(topic) {
		return nil, fmt.Errorf("'%s' can't be the name of a topic", topic)
	}
	return s.partitions(ctx, topic)
}

// Prepare implements connectors.Sink.
func (s *sink) Prepare(ctx context.Context, epoch uint64) ([]byte, error) {
	if s.transactions != nil {
		return s.transactions.Prepare(ctx, epoch)
	}
	if s.cfg.Options[optGuarantee] == noGuarantee {
		return nil, nil
	}
	return nil, s.session.Flush(ctx)
}

// Commit implements connectors.Sink.
func (s *sink) Commit(ctx context.Context, epoch uint64, intent []byte) error {
	if s.transactions == nil {
		return nil
	}
	err := s.transactions.Commit(ctx, epoch, intent)
	var expired *producer.ExpiredError
	var damaged *producer.DamagedIntentError
	if errors.As(err, &expired) || errors.As(err, &damaged) {
		return connectors.Fatal(err)
	}
	return err
}

// Abort implements connectors.Sink.
func (s *sink) Abort(ctx context.Context, _ uint64) error {
	if s.transactions == nil {
		return nil
	}
	return s.transactions.Abort(ctx)
}

// Close implements connectors.Sink.
func (s *sink) Close(ctx context.Context, finished bool) error {
	var err error
	if s.transactions != nil {
		s.transactions.Close()
	}
	if s.session != nil {
		if finished {
			err = s.session.Flush(ctx)
		}
		s.session.Close()
	}
	if s.client != nil {
		s.client.Close()
	}
	return err
}

package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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

	log     *slog.Logger
	monitor *producer.Monitor
	lost    atomic.Int64
	trouble atomic.Pointer[string] // what is tried again

	mu     sync.Mutex
	topics map[string]topicState
	absent map[string]time.Time // topics that rows name and that were not there, and when
}

var (
	_ connectors.Sink          = (*sink)(nil)
	_ connectors.ReportingSink = (*sink)(nil)
)

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
	s := &sink{cfg: cfg, env: env, layout: l, topic: topicList(o)[0], topics: map[string]topicState{}, absent: map[string]time.Time{}, log: env.Log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.log = s.log.With("sink", cfg.Name)
	s.monitor = &producer.Monitor{Log: s.log}
	codec := batch.Codec(max(0, slices.Index(batch.Codecs, o[optCompression])))
	s.write = producer.Config{
		Codec: codec, BatchBytes: int(min(o.Bytes(optBatchSize), 64<<20)), BufferBytes: int(o.Bytes(optBufferMemory)),
		Timeout: o.Duration(optRequestTime), GiveUp: o.Duration(optDelivery), Monitor: s.monitor,
	}
	first, longest := backoff(o)
	s.write.Backoff, s.write.BackoffMax = max(first/10, time.Millisecond), longest
	s.write.BatchLimit = s.batchLimit
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
	err := s.open(ctx, id)
	if err != nil && s.client != nil {
		s.client.Close() // a sink that could not be opened is not closed
	}
	return err
}

func (s *sink) open(ctx context.Context, id connectors.SinkIdentity) error {
	var err error
	if s.client, err = newClient(s.cfg.Options, s.env); err != nil {
		return err
	}
	s.write.Client = s.client
	if err := persist(ctx, s.cfg.Options, optStartTime, s.log, s.setTrouble, func() error {
		_, err := s.partitions(ctx, s.topic)
		return err
	}); err != nil {
		return err
	}
	if s.cfg.Options[optGuarantee] == exactlyOnce {
		name := fmt.Sprintf("%s-%s-%s", s.cfg.Options[optTransactionPrefix], id.JobID, id.Sink)
		s.transactions = producer.NewTransactions(s.write, name, s.topic, s.cfg.Options.Duration(optTransactionTimeout))
		return nil
	}
	return persist(ctx, s.cfg.Options, optStartTime, s.log, s.setTrouble, func() error {
		s.session, err = producer.NewIdempotent(ctx, s.write)
		return err
	})
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
	unfit := map[int]connectors.RefusedRow{} // of the key or the value
	x.bytes, x.values, err = x.value.AppendMessages(x.bytes[:0], x.values[:0], l.part(b, l.valueCols, true))
	if err = setAside(unfit, err); err != nil {
		return err
	}
	if x.key != nil {
		x.keys, x.keyAt, err = x.key.AppendMessages(x.keys[:0], x.keyAt[:0], l.part(b, l.keyCols, false))
		if err = setAside(unfit, err); err != nil {
			return err
		}
	}
	main, err := s.partitions(ctx, s.topic)
	if err != nil {
		return err
	}
	x.turn = (x.turn + int32(len(s.shards))) % int32(len(main.partitions))
	now := s.env.Clock.Now().UnixMilli()
	var refused connectors.RefusedRows
	named := struct { // by the last row that names a topic
		topic string
		state topicState
		err   error
	}{topic: s.topic, state: main}
	x.records, x.headers = x.records[:0], x.headers[:0]
	for i := range b.N {
		if len(x.records) == recordsAtOnce {
			if err := session.AddAll(ctx, x.records); err != nil {
				return s.failed(err)
			}
			x.records, x.headers = x.records[:0], x.headers[:0]
		}
		if r, ok := unfit[i]; ok {
			refused.Rows = append(refused.Rows, r)
			continue
		}
		tp := wire.TopicPartition{Topic: s.topic}
		of := main
		if c := l.topic; c >= 0 && b.Cols[c].IsValid(i) {
			if name := b.Cols[c].(*array.String).Value(i); name != named.topic {
				named.topic = strings.Clone(name)
				named.state, named.err = s.topicOfRow(ctx, named.topic)
			}
			var none *noTopicError
			if errors.As(named.err, &none) {
				refused.Rows = append(refused.Rows, connectors.RefusedRow{Row: i, Code: "NO_TOPIC", Column: s.cfg.Columns[c].Name, Detail: none.text})
				continue
			}
			if named.err != nil {
				return s.failed(named.err)
			}
			tp.Topic, of = named.topic, named.state
		}
		value := x.values[i].Of(x.bytes)
		key := l.rawKey(b, i)
		if x.key != nil {
			key = x.keyAt[i].Of(x.keys)
		}
		from := len(x.headers)
		x.headers = l.rowHeaders(b, i, x.headers)
		headers := x.headers[from:len(x.headers):len(x.headers)]
		tp.Partition, err = l.partition(b, i, key, of.partitions, x.turn, int32(shard))
		if err != nil && s.outdated(tp.Topic) { // partitions may have been added
			if of, err = s.partitions(ctx, tp.Topic); err != nil {
				return err
			}
			if tp.Topic == s.topic {
				main = of
			}
			if tp.Topic == named.topic {
				named.state = of
			}
			tp.Partition, err = l.partition(b, i, key, of.partitions, x.turn, int32(shard))
		}
		if err != nil {
			refused.Rows = append(refused.Rows, connectors.RefusedRow{Row: i, Code: "OUT_OF_RANGE", Column: s.cfg.Columns[l.partitionCol].Name, Detail: err.Error()})
			continue
		}
		if r := s.tooMuch(i, key, value, headers, of.limits); r != nil {
			refused.Rows = append(refused.Rows, *r)
			continue
		}
		if l.time >= 0 && b.Cols[l.time].IsValid(i) {
			if err := of.limits.takes(l.timestamp(b, i, now), now); err != nil {
				refused.Rows = append(refused.Rows, connectors.RefusedRow{Row: i, Code: "OUT_OF_RANGE", Column: s.cfg.Columns[l.time].Name, Detail: err.Error()})
				continue
			}
		}
		x.records = append(x.records, producer.Record{TopicPartition: tp, Time: l.timestamp(b, i, now), Key: key, Value: value, Headers: headers})
	}
	if err := session.AddAll(ctx, x.records); err != nil {
		return s.failed(err)
	}
	if refused.Rows != nil {
		return &refused
	}
	return nil
}

// setAside takes the rows that a format can't write out of its error, which is given if
// it is another one.
func setAside(unfit map[int]connectors.RefusedRow, err error) error {
	var refused *connectors.RefusedRows
	if !errors.As(err, &refused) {
		return err
	}
	for _, r := range refused.Rows {
		if _, ok := unfit[r.Row]; !ok {
			unfit[r.Row] = r
		}
	}
	return nil
}

// failed says what the engine may do about an error of the producer: what a broker
// has aborted is written again; a run that has been replaced, or is refused, ends.
func (s *sink) failed(err error) error {
	var timed *producer.TimedOutError
	var fenced *producer.FencedError
	switch refused := wire.Refused(err); {
	case refused != nil:
		return connectors.Fatal(refused)
	case errors.As(err, &timed):
		return connectors.Again(err)
	case errors.As(err, &fenced):
		return connectors.Fatal(err)
	}
	return err
}

// Prepare implements connectors.Sink.
func (s *sink) Prepare(ctx context.Context, epoch uint64) ([]byte, error) {
	if s.transactions != nil {
		intent, err := s.transactions.Prepare(ctx, epoch)
		return intent, s.failed(err)
	}
	if s.cfg.Options[optGuarantee] == noGuarantee {
		return nil, nil
	}
	return nil, s.failed(s.session.Flush(ctx))
}

// Commit implements connectors.Sink.
func (s *sink) Commit(ctx context.Context, epoch uint64, intent []byte) error {
	if s.transactions == nil {
		return nil
	}
	err := s.transactions.Commit(ctx, epoch, intent)
	var expired *producer.ExpiredError
	var damaged *producer.DamagedIntentError
	switch {
	case errors.As(err, &expired) && !s.cfg.Options.Bool(optDataLoss):
		s.lost.Add(expired.Records)
		s.log.Warn("records are lost: "+err.Error(), "lost", expired.Records)
		return nil
	case errors.As(err, &expired):
		return connectors.Fatal(fmt.Errorf("%w\n  hint: '%s' = 'false' on the sink goes on without them; a longer '%s' survives a longer outage", err, optDataLoss, optTransactionTimeout))
	case errors.As(err, &damaged):
		return connectors.Fatal(err)
	}
	return s.failed(err)
}

// Report implements connectors.ReportingSink.
func (s *sink) Report() connectors.SinkReport {
	r := connectors.SinkReport{State: s.monitor.State(), Lost: s.lost.Load()}
	if t := s.trouble.Load(); t != nil && *t != "" {
		r.State = *t
	}
	return r
}

// Abort implements connectors.Sink.
func (s *sink) Abort(ctx context.Context, epoch uint64) error {
	if s.transactions == nil {
		return nil
	}
	return s.failed(s.transactions.Abort(ctx, epoch))
}

// Close implements connectors.Sink.
func (s *sink) Close(ctx context.Context, finished bool) error {
	var err error
	if s.transactions != nil {
		s.transactions.Close(finished)
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

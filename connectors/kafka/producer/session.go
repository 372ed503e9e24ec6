package producer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

// Config says how to write.
type Config struct {
	Client *wire.Client
	Codec  batch.Codec
	// BatchBytes is the size that a batch has at most, unless a record is larger.
	BatchBytes int
	// BufferBytes bounds what waits to be acknowledged: Add waits for room.
	BufferBytes int
	// Timeout bounds what a broker may take for a request.
	Timeout time.Duration
	// GiveUp is how long a batch is tried again before the session fails.
	GiveUp time.Duration
	// Backoff is the first pause between tries, which doubles up to a second.
	Backoff time.Duration
}

// identity is what a broker knows a session by.
type identity struct {
	transaction string // "": none
	producer    int64
	epoch       int16
}

// Session writes under one producer id. Add may be called by several goroutines;
// the records that one of them adds to a partition keep their order.
type Session struct {
	cfg Config
	who identity

	ctx  context.Context
	stop context.CancelFunc
	done sync.WaitGroup

	mu      sync.Mutex
	changed *sync.Cond // on mu: something is to be sent, or was acknowledged
	parts   map[wire.TopicPartition]*partition
	leaders map[wire.TopicPartition]int32
	busy    map[int32]bool // brokers with a request under way
	buffer  int            // bytes not acknowledged
	pending int            // records not acknowledged
	records int64          // added in all
	err     error          // the session has failed
	closed  bool
}

// partition is what waits for one partition.
type partition struct {
	tp       wire.TopicPartition
	open     *batch.Encoder // the batch that grows
	sealed   *sealed        // being sent, or to be sent again
	sequence int32
	added    bool // to the transaction
}

// sealed is a batch as it is sent, each time the same.
type sealed struct {
	data    []byte
	records int
	bytes   int // of the buffer
	since   time.Time
}

func newSession(cfg Config, who identity) *Session {
	s := &Session{cfg: cfg, who: who, parts: map[wire.TopicPartition]*partition{}, leaders: map[wire.TopicPartition]int32{}, busy: map[int32]bool{}}
	s.changed = sync.NewCond(&s.mu)
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.done.Add(1)
	go s.run()
	return s
}

// NewIdempotent begins a session without transactions: each record is there once,
// as long as the session lives.
func NewIdempotent(ctx context.Context, cfg Config) (*Session, error) {
	who, err := initProducer(ctx, cfg, "", 0)
	if err != nil {
		return nil, err
	}
	return newSession(cfg, who), nil
}

// Add adds a record; time is in ms since 1970, a nil key or value is NULL. It waits
// for room, and gives the session's error if it has failed.
func (s *Session) Add(tp wire.TopicPartition, time int64, key, value []byte, headers []batch.HeaderField) error {
	size := len(key) + len(value) + 32
	for _, h := range headers {
		size += len(h.Key) + len(h.Value)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.err == nil && !s.closed && s.buffer > 0 && s.buffer+size > s.cfg.BufferBytes {
		s.changed.Wait()
	}
	p := s.parts[tp]
	if p == nil {
		p = &partition{tp: tp, open: batch.NewEncoder(s.cfg.Codec)}
		s.parts[tp] = p
	}
	// A batch that has its size waits until the one before it is acknowledged.
	for s.err == nil && !s.closed && p.open.Count() > 0 && p.open.Size()+size > s.cfg.BatchBytes {
		s.changed.Wait()
	}
	if s.err != nil {
		return s.err
	}
	if s.closed {
		return errors.New("the producer is closed")
	}
	if p.open.Count() == 0 {
		defer s.changed.Broadcast()
	}
	p.open.Append(time, key, value, headers)
	s.buffer += size
	s.pending++
	s.records++
	return nil
}

// Flush waits until all records are acknowledged.
func (s *Session) Flush(ctx context.Context) error {
	unhook := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changed.Broadcast()
	})
	defer unhook()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.err == nil && s.pending > 0 && ctx.Err() == nil && !s.closed {
		s.changed.Wait()
	}
	if s.err != nil {
		return s.err
	}
	if s.pending > 0 {
		return errors.Join(ctx.Err(), fmt.Errorf("%d records are not acknowledged", s.pending))
	}
	return nil
}

// Records is the number of records added so far.
func (s *Session) Records() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records
}

// Close ends the session; what is not acknowledged may get lost.
func (s *Session) Close() {
	s.mu.Lock()
	s.closed = true
	s.changed.Broadcast()
	s.mu.Unlock()
	s.stop()
	s.done.Wait()
}

func (s *Session) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil && s.ctx.Err() == nil {
		s.err = err
	}
	s.changed.Broadcast()
}

// run gives each broker that is free what there is for it.
func (s *Session) run() {
	defer s.done.Done()
	for {
		s.mu.Lock()
		byBroker := s.ready()
		for byBroker == nil && !s.closed && s.err == nil {
			s.changed.Wait()
			byBroker = s.ready()
		}
		if s.closed || s.err != nil {
			s.mu.Unlock()
			return
		}
		var unknown []wire.TopicPartition
		for broker, parts := range byBroker {
			if broker < 0 {
				for _, p := range parts {
					unknown = append(unknown, p.tp)
				}
				continue
			}
			for _, p := range parts {
				if p.sealed == nil {
					if err := s.seal(p); err != nil {
						s.mu.Unlock()
						s.fail(err)
						return
					}
				}
			}
			s.busy[broker] = true
			s.done.Add(1)
			go func() {
				defer s.done.Done()
				s.send(broker, parts)
			}()
		}
		s.mu.Unlock()
		if unknown != nil {
			if err := s.findLeaders(unknown); err != nil {
				s.fail(err)
				return
			}
		}
	}
}

// ready gives the partitions with something to send, by the broker that leads them,
// -1 if that is not known; none of brokers with a request under way. The lock is
// held.
func (s *Session) ready() map[int32][]*partition {
	var out map[int32][]*partition
	for tp, p := range s.parts {
		if p.sealed == nil && p.open.Count() == 0 {
			continue
		}
		broker, known := s.leaders[tp]
		if !known {
			broker = -1
		}
		if s.busy[broker] {
			continue
		}
		if out == nil {
			out = map[int32][]*partition{}
		}
		out[broker] = append(out[broker], p)
	}
	return out
}

// seal makes the partition's open batch one to be sent. The lock is held.
func (s *Session) seal(p *partition) error {
	b := &sealed{records: p.open.Count(), bytes: p.open.Size(), since: time.Now()}
	who := batch.Producer{ID: s.who.producer, Epoch: s.who.epoch, Sequence: p.sequence, Transactional: s.who.transaction != ""}
	var err error
	if b.data, err = p.open.Finish(nil, who); err != nil {
		return err
	}
	p.sealed = b
	// Sequence numbers go round after 2^31 - 1.
	p.sequence = int32((int64(p.sequence) + int64(b.records)) & (1<<31 - 1))
	s.changed.Broadcast() // there is room in the partition's batch
	return nil
}

// send sends a broker one batch of each partition and deals with what becomes of
// them.
func (s *Session) send(broker int32, parts []*partition) {
	retry, err := s.produce(broker, parts)
	if err != nil {
		s.fail(err)
	}
	if len(retry) > 0 && err == nil {
		oldest := slices.MinFunc(retry, func(a, b failed) int { return a.part.sealed.since.Compare(b.part.sealed.since) })
		if age := time.Since(oldest.part.sealed.since); age > s.cfg.GiveUp {
			s.fail(fmt.Errorf("%s/%d takes no records for %s: %w", oldest.part.tp.Topic, oldest.part.tp.Partition, age.Round(time.Second), oldest.err))
		} else {
			pause(s.ctx, min(time.Second, max(s.cfg.Backoff, age/4)))
		}
	}
	s.mu.Lock()
	for _, f := range retry {
		delete(s.leaders, f.part.tp)
	}
	delete(s.busy, broker)
	s.changed.Broadcast()
	s.mu.Unlock()
}

// failed is a batch to be sent again, and why.
type failed struct {
	part *partition
	err  error
}

// produce makes one request. err is one that no retry mends.
func (s *Session) produce(broker int32, parts []*partition) (retry []failed, err error) {
	again := func(err error) []failed {
		out := make([]failed, len(parts))
		for i, p := range parts {
			out[i] = failed{p, err}
		}
		return out
	}
	if s.who.transaction != "" {
		if err := s.join(parts); err != nil {
			if temporary(err) {
				return again(err), nil
			}
			return nil, err
		}
	}
	q := &wire.ProduceRequest{TransactionalID: s.who.transaction, Timeout: s.cfg.Timeout}
	for _, p := range parts {
		q.Partitions = append(q.Partitions, wire.ProducePartition{TopicPartition: p.tp, Batch: p.sealed.data})
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.Timeout+5*time.Second)
	defer cancel()
	out, err := s.cfg.Client.Produce(ctx, broker, q)
	if err != nil {
		if temporary(err) {
			return again(err), nil
		}
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, p := range parts {
		switch e := out[i].Err; {
		case e == nil || errors.Is(e, kafka.DuplicateSequenceNumber):
			s.buffer -= min(s.buffer, p.sealed.bytes)
			s.pending -= p.sealed.records
			p.sealed = nil
			if s.pending == 0 {
				s.buffer = 0 // sizes before and after encoding differ a little
			}
		case temporary(e):
			retry = append(retry, failed{p, e})
		default:
			return nil, s.explain(p.tp, e, out[i].Message)
		}
	}
	return retry, nil
}

// explain names the partition of an error, and what it means.
func (s *Session) explain(tp wire.TopicPartition, err error, message string) error {
	if fenced(err) {
		return fmt.Errorf("%s/%d: %w", tp.Topic, tp.Partition, &FencedError{err})
	}
	if message != "" {
		message = " (" + message + ")"
	}
	return fmt.Errorf("%s/%d: %w%s", tp.Topic, tp.Partition, err, message)
}

// findLeaders asks for the leaders of partitions, until all have one.
func (s *Session) findLeaders(of []wire.TopicPartition) error {
	var topics []string
	for _, tp := range of {
		if !slices.Contains(topics, tp.Topic) {
			topics = append(topics, tp.Topic)
		}
	}
	return retrying(s.ctx, s.cfg, "finding the leaders of partitions", func() error {
		m, err := s.cfg.Client.Metadata(s.ctx, topics)
		if err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		found := 0
		for _, t := range m.Topics {
			if t.Err != nil && !temporary(t.Err) {
				return fmt.Errorf("topic %s: %w", t.Name, t.Err)
			}
			for _, p := range t.Partitions {
				tp := wire.TopicPartition{Topic: t.Name, Partition: p.Index}
				if p.Leader >= 0 {
					s.leaders[tp] = p.Leader
				}
				if slices.Contains(of, tp) && p.Leader >= 0 {
					found++
				}
			}
		}
		if found < len(of) {
			return kafka.LeaderNotAvailable
		}
		return nil
	})
}

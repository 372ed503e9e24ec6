package producer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
	// GiveUp is how long a request is tried again before the session fails; 0: for
	// ever.
	GiveUp time.Duration
	// Backoff is the first pause between tries, which grows up to BackoffMax (0: a
	// second).
	Backoff, BackoffMax time.Duration
	// BatchLimit gives less than BatchBytes for topics that take less; nil: there are
	// none.
	BatchLimit func(topic string) int
	// Monitor is told of what is tried again; nil: nobody is.
	Monitor *Monitor
	// Retrying, if it is there, is told of each failure after which the same is tried
	// again, and since when. It may be called by several goroutines.
	Retrying func(err error, since time.Duration)
}

func (c *Config) retrying(err error, since time.Duration) {
	if c.Retrying != nil {
		c.Retrying(err, since)
	}
}

func (c *Config) gaveUp(since time.Time) bool { return c.GiveUp > 0 && time.Since(since) > c.GiveUp }

// longest is the longest pause between tries.
func (c *Config) longest() time.Duration {
	if c.BackoffMax > 0 {
		return c.BackoffMax
	}
	return time.Second
}

// identity is what a broker knows a session by.
type identity struct {
	transaction string // "": none
	producer    int64
	epoch       int16
	timeout     time.Duration // of the transaction
	since       time.Time
}

// Record is one to be added; Time is in ms since 1970, a nil Key or Value is NULL.
type Record struct {
	wire.TopicPartition
	Time       int64
	Key, Value []byte
	Headers    []batch.HeaderField
}

// size is about what the record takes of the buffer.
func (r *Record) size() int {
	n := len(r.Key) + len(r.Value) + 32
	for i := range r.Headers {
		n += len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	return n
}

// Session writes under one producer id. Its records may be added by several
// goroutines; those that one of them adds to a partition keep their order.
type Session struct {
	cfg  Config
	who  identity  // set before anything is sent
	born time.Time // when the session was begun

	ctx  context.Context
	stop context.CancelFunc
	done sync.WaitGroup
	// senders make requests.
	senders wire.Workers

	mu      sync.Mutex
	changed *sync.Cond // on mu: something is to be sent, or was acknowledged
	parts   map[wire.TopicPartition]*partition
	leaders map[wire.TopicPartition]leader
	busy    map[int32]*sender // of brokers; one that is there has a request under way
	free    []*sender         // without one
	idle    []*batch.Encoder  // of batches that are acknowledged
	buffer  int               // bytes not acknowledged
	pending int               // records not acknowledged
	records int64             // added in all
	grouped bool              // the transaction has its group
	err     error             // the session has failed
	closed  bool
	held    bool // nothing is sent yet: the micro-batch before is not written
}

// partition is what waits for one partition.
type partition struct {
	tp       wire.TopicPartition
	open     *batch.Encoder   // the batch that grows; nil: there is none
	full     []*batch.Encoder // batches that have their size, the oldest first
	sealed   *sealed          // being sent, or to be sent again
	room     []byte           // for what is compressed
	sequence int32
	added    bool // to the transaction
	// leaderEpoch is that of the partition when it was first sent something, if it was.
	sent        bool
	leaderEpoch int32
	limit       int // bytes of a batch
}

// leader is the broker that leads a partition.
type leader struct{ broker, epoch int32 }

// sealed is a batch as it is sent, each time the same.
type sealed struct {
	from  *batch.Encoder
	who   batch.Producer
	data  []byte // nil until it is made
	since time.Time

	tries   int
	missing time.Time // since when the partition is not known; zero: it is
}

// sender has what one request at a time needs.
type sender struct{ compressor batch.Compressor }

func newSession(cfg Config) *Session {
	s := &Session{cfg: cfg, parts: map[wire.TopicPartition]*partition{}, leaders: map[wire.TopicPartition]leader{}, busy: map[int32]*sender{}, born: time.Now()}
	s.changed = sync.NewCond(&s.mu)
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// begin lets the session send, under the identity that begin gets meanwhile:
// whoever adds records does not wait for it.
func (s *Session) begin(identify func(ctx context.Context) (identity, error)) {
	s.done.Add(1)
	go func() {
		defer s.done.Done()
		who, err := identify(s.ctx)
		if err != nil {
			s.fail(err)
			return
		}
		s.who = who
		s.run()
	}()
}

// NewIdempotent begins a session without transactions: each record is there once,
// as long as the session lives.
func NewIdempotent(ctx context.Context, cfg Config) (*Session, error) {
	who, err := initProducer(ctx, cfg, "", 0, nobody)
	if err != nil {
		return nil, err
	}
	s := newSession(cfg)
	s.begin(func(context.Context) (identity, error) { return who, nil })
	return s, nil
}

// Add adds a record; see AddAll.
func (s *Session) Add(ctx context.Context, tp wire.TopicPartition, time int64, key, value []byte, headers []batch.HeaderField) error {
	one := [1]Record{{tp, time, key, value, headers}}
	return s.AddAll(ctx, one[:])
}

// AddAll adds records, which are copied. It waits for room, as long as ctx allows,
// and gives the session's error if it has failed.
func (s *Session) AddAll(ctx context.Context, records []Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var p *partition
	fresh := false // there is something to send where nothing was
	for i := range records {
		r := &records[i]
		size := r.size()
		if s.err != nil || s.closed || s.full(size) {
			if fresh {
				s.changed.Broadcast()
				fresh = false
			}
			if err := s.wait(ctx, func() bool { return s.full(size) }); err != nil {
				return err
			}
		}
		if p == nil || p.tp != r.TopicPartition {
			p = s.partition(r.TopicPartition)
		}
		if p.open != nil && p.open.Size()+size > p.limit {
			p.full = append(p.full, p.open)
			p.open = nil
		}
		if p.open == nil {
			p.open = s.encoder()
			fresh = fresh || len(p.full) == 0 && p.sealed == nil
		}
		p.open.Append(r.Time, r.Key, r.Value, r.Headers)
		s.buffer += size
		s.pending++
		s.records++
	}
	if fresh {
		s.changed.Broadcast()
	}
	return nil
}

// full says that there is no room for so many bytes. The lock is held.
func (s *Session) full(size int) bool {
	return s.buffer > 0 && s.buffer+size > s.cfg.BufferBytes
}

// wait waits while something is so, and gives the session's error, or that of ctx.
// The lock is held.
func (s *Session) wait(ctx context.Context, busy func() bool) error {
	if s.err == nil && !s.closed && busy() {
		unhook := context.AfterFunc(ctx, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.changed.Broadcast()
		})
		defer unhook()
		for s.err == nil && !s.closed && ctx.Err() == nil && busy() {
			s.changed.Wait()
		}
		if s.err == nil && ctx.Err() != nil && busy() {
			return fmt.Errorf("%d records are not acknowledged: %w", s.pending, ctx.Err())
		}
	}
	if s.err != nil {
		return s.err
	}
	if s.closed {
		return errClosed
	}
	return nil
}

var errClosed = errors.New("the producer is closed")

// partition gives what waits for a partition. The lock is held.
func (s *Session) partition(tp wire.TopicPartition) *partition {
	p := s.parts[tp]
	if p == nil {
		p = &partition{tp: tp, limit: s.cfg.BatchBytes}
		if s.cfg.BatchLimit != nil {
			p.limit = min(p.limit, s.cfg.BatchLimit(tp.Topic))
		}
		s.parts[tp] = p
	}
	return p
}

// encoder gives an encoder for a new batch. The lock is held.
func (s *Session) encoder() *batch.Encoder {
	if n := len(s.idle); n > 0 {
		e := s.idle[n-1]
		s.idle = s.idle[:n-1]
		return e
	}
	return batch.NewEncoder(s.cfg.Codec)
}

// hold keeps what is added from being sent, or lets it go.
func (s *Session) hold(held bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = held
	s.changed.Broadcast()
}

// Flush waits until all records are acknowledged.
func (s *Session) Flush(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wait(ctx, func() bool { return s.pending > 0 })
}

// Records is the number of records added so far.
func (s *Session) Records() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records
}

// Acknowledged is the number of records that the brokers have.
func (s *Session) Acknowledged() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records - int64(s.pending)
}

// written gives the partitions that the session has written to.
func (s *Session) written() leaders {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := leaders{}
	for tp, p := range s.parts {
		if p.sent {
			out[tp] = p.leaderEpoch
		}
	}
	return out
}

// Close ends the session; what is not acknowledged may get lost.
func (s *Session) Close() {
	s.mu.Lock()
	s.closed = true
	s.changed.Broadcast()
	s.mu.Unlock()
	s.stop()
	s.done.Wait()
	s.senders.Close()
	for tp := range s.parts {
		s.cfg.Monitor.over(key(tp))
	}
}

func key(tp wire.TopicPartition) string { return fmt.Sprintf("%s/%d", tp.Topic, tp.Partition) }

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
				s.seal(p)
				if !p.sent {
					p.sent, p.leaderEpoch = true, s.leaders[p.tp].epoch
				}
			}
			by := s.sender()
			s.busy[broker] = by
			s.senders.Go(func() { s.send(broker, by, parts) })
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

// sender gives one that is free. The lock is held.
func (s *Session) sender() *sender {
	if n := len(s.free); n > 0 {
		by := s.free[n-1]
		s.free = s.free[:n-1]
		return by
	}
	return &sender{}
}

// ready gives the partitions with something to send, by the broker that leads them,
// -1 if that is not known; none of brokers with a request under way, and none at all
// while the session is held. The lock is held.
func (s *Session) ready() map[int32][]*partition {
	if s.held {
		return nil
	}
	var out map[int32][]*partition
	for tp, p := range s.parts {
		if p.sealed == nil && p.open == nil && len(p.full) == 0 {
			continue
		}
		broker := int32(-1)
		if l, known := s.leaders[tp]; known {
			broker = l.broker
		}
		if s.busy[broker] != nil {
			continue
		}
		if out == nil {
			out = map[int32][]*partition{}
		}
		out[broker] = append(out[broker], p)
	}
	return out
}

// seal makes the partition's oldest batch the one to be sent. The lock is held.
func (s *Session) seal(p *partition) {
	if p.sealed != nil {
		return // once more
	}
	e := p.open
	if len(p.full) > 0 {
		e = p.full[0]
		p.full = slices.Delete(p.full, 0, 1)
	} else {
		p.open = nil
	}
	p.sealed = &sealed{from: e, since: time.Now(),
		who: batch.Producer{ID: s.who.producer, Epoch: s.who.epoch, Sequence: p.sequence, Transactional: s.who.transaction != ""}}
	// Sequence numbers go round after 2^31 - 1.
	p.sequence = int32((int64(p.sequence) + int64(e.Count())) & (1<<31 - 1))
}

// send sends a broker one batch of each partition and deals with what becomes of
// them.
func (s *Session) send(broker int32, by *sender, parts []*partition) {
	retry, err := s.produce(broker, by, parts)
	if err != nil {
		s.fail(s.who.explainFence(s.ctx, s.cfg, err))
	}
	if len(retry) > 0 && err == nil {
		s.backOff(retry)
	}
	s.mu.Lock()
	for _, f := range retry {
		delete(s.leaders, f.part.tp)
	}
	delete(s.busy, broker)
	s.free = append(s.free, by)
	s.changed.Broadcast()
	s.mu.Unlock()
}

// backOff waits before batches are sent again, or fails if there is no use in it.
func (s *Session) backOff(retry []failed) {
	wait := s.cfg.Backoff
	for _, f := range retry {
		b := f.part.sealed
		b.tries++
		switch {
		case !unknown(f.err):
			b.missing = time.Time{}
		case b.missing.IsZero():
			b.missing = time.Now()
		case time.Since(b.missing) > missingPatience:
			s.fail(&GoneError{fmt.Errorf("%s: %w", key(f.part.tp), f.err)})
		}
		age := time.Since(b.since)
		s.cfg.retrying(f.err, age)
		if s.cfg.gaveUp(b.since) {
			s.fail(fmt.Errorf("%s takes no records for %s: %w", key(f.part.tp), age.Round(time.Second), f.err))
		}
		wait = max(wait, min(s.cfg.longest(), age/4))
	}
	wait = wait/2 + rand.N(wait/2+1)
	for _, f := range retry {
		s.cfg.Monitor.failed(key(f.part.tp), key(f.part.tp)+" takes no records", f.part.sealed.since, f.part.sealed.tries, wait, f.err)
	}
	pause(s.ctx, wait)
}

// failed is a batch to be sent again, and why.
type failed struct {
	part *partition
	err  error
}

// produce makes one request. err is one that no retry mends.
func (s *Session) produce(broker int32, by *sender, parts []*partition) (retry []failed, err error) {
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
		if b := p.sealed; b.data == nil {
			if b.data, err = b.from.Seal(&by.compressor, p.room, b.who); err != nil {
				return nil, err
			}
			if s.cfg.Codec != batch.None {
				p.room = b.data
			}
		}
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
			s.acknowledged(p)
			s.cfg.Monitor.over(key(p.tp))
		case temporary(e):
			retry = append(retry, failed{p, e})
		default:
			return nil, explain(p.tp, e, out[i].Message)
		}
	}
	return retry, nil
}

// maxIdle bounds the memory of batches that is kept for others.
const maxIdle = 16

// acknowledged lets the partition's batch go. The lock is held.
func (s *Session) acknowledged(p *partition) {
	e := p.sealed.from
	p.sealed = nil
	s.buffer -= min(s.buffer, e.Size())
	if s.pending -= e.Count(); s.pending == 0 {
		s.buffer = 0 // sizes before and after encoding differ a little
	}
	e.Reset()
	if len(s.idle) < maxIdle {
		s.idle = append(s.idle, e)
	}
}

// explain names the partition of an error, and what it means.
func explain(tp wire.TopicPartition, err error, message string) error {
	switch {
	case errors.Is(err, kafka.MessageSizeTooLarge):
		message = "a batch is longer than the topic's max.message.bytes: see 'properties.batch.size' and 'properties.max.request.size'"
	case errors.Is(err, kafka.InvalidTimestamp):
		message = "the broker does not take such timestamps: see the topic's message.timestamp.after.max.ms and message.timestamp.before.max.ms, and whether the clocks here and there are right"
	}
	if message != "" {
		message = " (" + message + ")"
	}
	return fmt.Errorf("%s: %w%s", key(tp), err, message)
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
		m, err := s.metadata(topics)
		if err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, t := range m.Topics {
			if t.Err != nil {
				return fmt.Errorf("topic '%s': %w", t.Name, t.Err)
			}
			for _, p := range t.Partitions {
				if tp := (wire.TopicPartition{Topic: t.Name, Partition: p.Index}); p.Leader >= 0 {
					s.leaders[tp] = leader{p.Leader, p.LeaderEpoch}
				} else if slices.Contains(of, tp) {
					return fmt.Errorf("%s: %w", key(tp), kafka.LeaderNotAvailable)
				}
			}
		}
		for _, tp := range of {
			if _, known := s.leaders[tp]; !known {
				return fmt.Errorf("%s: %w", key(tp), kafka.UnknownTopicOrPartition)
			}
		}
		return nil
	})
}

// metadata describes topics. That of a transaction is as its coordinator has it: where a
// leader epoch is the same when the transaction has ended, the coordinator has known the
// partition's leader all the time.
func (s *Session) metadata(topics []string) (*wire.Metadata, error) {
	if s.who.transaction == "" {
		return s.cfg.Client.Metadata(s.ctx, topics)
	}
	return coordinatorMetadata(s.ctx, s.cfg, s.who.transaction, topics)
}

package connectortest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/internal/clock"
)

// Broker is the world of the second model sink: a log with transactions, as
// Kafka has them. A transactional id has at most one open transaction;
// InitProducer fences whoever held the id before and aborts what is open; an
// open transaction that is too old is aborted by the broker, which fences its
// producer too.
type Broker struct {
	Clock   *clock.Virtual
	Timeout time.Duration

	mu  sync.Mutex
	ids map[string]*transactional
	log []int64
	// offsets is the metadata last committed for a transactional id's group.
	offsets map[string]string
}

// transactional is the broker's state of one transactional id.
type transactional struct {
	generation uint32 // of the producer that may use it
	open       bool
	begun      time.Time
	rows       []int64
	metadata   string
	// ended: the last transaction of this generation was committed.
	ended bool
}

// NewBroker makes an empty log.
func NewBroker() *Broker {
	return &Broker{
		Clock: clock.NewVirtual(time.Date(2024, 1, 15, 10, 0, 0, 0, time.UTC)), Timeout: 15 * time.Minute,
		ids: map[string]*transactional{}, offsets: map[string]string{},
	}
}

var errFenced = errors.New("producer is fenced")

// get gives the state of an id, after the broker's own abort of what is too old.
func (b *Broker) get(id string) *transactional {
	x := b.ids[id]
	if x == nil {
		x = &transactional{}
		b.ids[id] = x
	}
	if x.open && b.Clock.Now().Sub(x.begun) > b.Timeout {
		x.abort()
		x.generation++
	}
	return x
}

func (x *transactional) abort() { x.open, x.ended, x.rows, x.metadata = false, false, nil, "" }

// InitProducer takes an id over.
func (b *Broker) InitProducer(id string) uint32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.get(id)
	x.abort()
	x.generation++
	return x.generation
}

// Produce adds rows to the open transaction, or opens one.
func (b *Broker) Produce(id string, generation uint32, rows []int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.get(id)
	if x.generation != generation {
		return errFenced
	}
	if !x.open {
		x.open, x.ended, x.begun = true, false, b.Clock.Now()
	}
	x.rows = append(x.rows, rows...)
	return nil
}

// CommitOffset adds the group's offset to the open transaction.
func (b *Broker) CommitOffset(id string, generation uint32, metadata string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.get(id)
	if x.generation != generation || !x.open {
		return errFenced
	}
	x.metadata = metadata
	return nil
}

// EndTransaction commits. Ending one that has been committed is no error.
func (b *Broker) EndTransaction(id string, generation uint32) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.get(id)
	switch {
	case x.generation != generation:
		return errFenced
	case x.open:
		b.log = append(b.log, x.rows...)
		b.offsets[id] = x.metadata
		x.abort()
		x.ended = true
		return nil
	case x.ended:
		return nil
	}
	return errors.New("there is no transaction")
}

// Offset gives the group's metadata.
func (b *Broker) Offset(id string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.offsets[id]
}

// Visible implements World.
func (b *Broker) Visible(testing.TB) []int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]int64(nil), b.log...)
}

// Crash implements World: the broker is another machine.
func (b *Broker) Crash(bool, *rand.Rand) {}

// Sink implements World.
func (b *Broker) Sink(testing.TB) connectors.Sink {
	return &transactionSink{broker: b, producers: map[string]*producer{}}
}

// transactionSink keeps an epoch's rows in one open transaction. While e waits
// for its commit, e+1 is written already: epochs take two transactional ids in
// turn.
type transactionSink struct {
	broker    *Broker
	id        connectors.SinkIdentity
	mu        sync.Mutex
	producers map[string]*producer
}

type producer struct {
	generation uint32
	written    map[uint64]bool // epochs with rows
}

func (s *transactionSink) transactionalID(epoch uint64) string {
	return fmt.Sprintf("%s-%s-%d", s.id.JobID, s.id.Sink, epoch%2)
}

func offsetMetadata(epoch uint64) string { return fmt.Sprintf("batch=%d", epoch) }

func (s *transactionSink) Open(_ context.Context, id connectors.SinkIdentity) error {
	s.id = id
	return nil
}

func (s *transactionSink) Write(_ context.Context, epoch uint64, _ int, b *connectors.Batch) error {
	if b.N == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.transactionalID(epoch)
	p := s.producers[id]
	if p == nil {
		p = &producer{generation: s.broker.InitProducer(id), written: map[uint64]bool{}}
		s.producers[id] = p
	}
	p.written[epoch] = true
	return s.broker.Produce(id, p.generation, b.Cols[0].(*array.Int64).Int64Values())
}

// Prepare implements connectors.Sink. The intent is generation and id.
func (s *transactionSink) Prepare(_ context.Context, epoch uint64) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.transactionalID(epoch)
	p := s.producers[id]
	if p == nil || !p.written[epoch] {
		return nil, nil
	}
	delete(p.written, epoch)
	if err := s.broker.CommitOffset(id, p.generation, offsetMetadata(epoch)); err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint32(nil, p.generation), id...), nil
}

// Commit implements connectors.Sink. The recorded generation is used before any
// InitProducer, which would abort the transaction.
func (s *transactionSink) Commit(_ context.Context, epoch uint64, intent []byte) error {
	id := s.transactionalID(epoch)
	if len(intent) < 4 || string(intent[4:]) != id {
		return connectors.Fatal(fmt.Errorf("not an intent of epoch %d", epoch))
	}
	err := s.broker.EndTransaction(id, binary.BigEndian.Uint32(intent))
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		// The next transaction of this id needs a generation of its own: epoch+2
		// may have begun when a recovery ends the transaction of epoch again, and
		// must not be what it ends.
		delete(s.producers, id)
		return nil
	}
	if !errors.Is(err, errFenced) {
		return connectors.Fatal(err)
	}
	// Either it was committed and the id taken over since, or it has expired.
	if s.producers[id] == nil {
		s.producers[id] = &producer{generation: s.broker.InitProducer(id), written: map[uint64]bool{}}
	}
	if s.broker.Offset(id) == offsetMetadata(epoch) {
		return nil
	}
	return connectors.Fatal(fmt.Errorf("output of micro-batch %d expired at the broker", epoch))
}

// Abort implements connectors.Sink: taking the ids over aborts what is open.
func (s *transactionSink) Abort(context.Context, uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for parity := range uint64(2) {
		id := s.transactionalID(parity)
		s.producers[id] = &producer{generation: s.broker.InitProducer(id), written: map[uint64]bool{}}
	}
	return nil
}

func (s *transactionSink) Close(context.Context, bool) error { return nil }

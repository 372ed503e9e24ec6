package producer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// Transactions writes each micro-batch as one transaction. Its methods are those
// of a sink's two-phase commit and are called in that order; Session may be called
// by several goroutines.
type Transactions struct {
	cfg     Config
	ids     [2]string // by the parity of the epoch
	marker  string    // a topic that the offsets are of
	timeout time.Duration

	mu       sync.Mutex
	sessions map[uint64]*Session
}

// NewTransactions makes the transactions of one sink; name is unique in the
// cluster for ever. marker is a topic of the cluster, which offsets of the groups
// are committed for. timeout is how long a transaction may stay open: the longest
// outage between Prepare and Commit that is survived.
func NewTransactions(cfg Config, name, marker string, timeout time.Duration) *Transactions {
	return &Transactions{cfg: cfg, ids: [2]string{name + "-0", name + "-1"}, marker: marker, timeout: timeout, sessions: map[uint64]*Session{}}
}

// intent is what Commit needs.
type intent struct {
	ID       string `json:"transactional_id"`
	Producer int64  `json:"producer_id"`
	Epoch    int16  `json:"producer_epoch"`
	Records  int64  `json:"records"`
}

// Session gives the session of a micro-batch, and begins it if it is new.
func (t *Transactions) Session(ctx context.Context, epoch uint64) (*Session, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.sessions[epoch]; s != nil {
		return s, nil
	}
	// A new producer epoch for each transaction: epochs e and e+2 have one id, and
	// what is said of e must not reach e+2.
	who, err := initProducer(ctx, t.cfg, t.ids[epoch%2], t.timeout)
	if err != nil {
		return nil, err
	}
	s := newSession(t.cfg, who)
	t.sessions[epoch] = s
	return s, nil
}

func (t *Transactions) take(epoch uint64) *Session {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.sessions[epoch]
	delete(t.sessions, epoch)
	return s
}

// Prepare sees the micro-batch's records acknowledged; nil: there are none.
func (t *Transactions) Prepare(ctx context.Context, epoch uint64) ([]byte, error) {
	s := t.take(epoch)
	if s == nil {
		return nil, nil
	}
	defer s.Close()
	if err := s.Flush(ctx); err != nil {
		return nil, err
	}
	client, who := t.cfg.Client.Kafka(), s.who
	err := retrying(ctx, t.cfg, "adding the offset to the transaction", func() error {
		r, err := client.AddOffsetsToTxn(ctx, &kafka.AddOffsetsToTxnRequest{
			TransactionalID: who.transaction, ProducerID: int(who.producer), ProducerEpoch: int(who.epoch), GroupID: who.transaction,
		})
		if err == nil {
			err = r.Error
		}
		return fencedError(err)
	})
	if err != nil {
		return nil, err
	}
	err = retrying(ctx, t.cfg, "committing the offset in the transaction", func() error {
		r, err := client.TxnOffsetCommit(ctx, &kafka.TxnOffsetCommitRequest{
			TransactionalID: who.transaction, ProducerID: int(who.producer), ProducerEpoch: int(who.epoch), GroupID: who.transaction, GenerationID: -1,
			Topics: map[string][]kafka.TxnOffsetCommit{t.marker: {{Partition: 0, Offset: int64(epoch), Metadata: mark(epoch)}}},
		})
		if err != nil {
			return err
		}
		for _, p := range r.Topics[t.marker] {
			if p.Error != nil {
				return fencedError(p.Error)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(intent{who.transaction, who.producer, who.epoch, s.Records()})
}

func mark(epoch uint64) string { return fmt.Sprintf("batch=%d", epoch) }

func fencedError(err error) error {
	if fenced(err) {
		return &FencedError{err}
	}
	return err
}

// ExpiredError says that the broker has aborted a transaction that the job has
// committed: its records are lost.
type ExpiredError struct {
	Epoch   uint64
	Records int64
	Err     error // what the broker said
}

// Error implements error.
func (e *ExpiredError) Error() string {
	return fmt.Sprintf("the output of micro-batch %d expired at the broker: its transaction was aborted before it could be committed, and %d records are lost (%v). A longer 'properties.transaction.timeout.ms' survives a longer outage", e.Epoch, e.Records, e.Err)
}

// Unwrap gives the broker's error.
func (e *ExpiredError) Unwrap() error { return e.Err }

// DamagedIntentError says that an intent is none of this package's.
type DamagedIntentError struct{ Err error }

// Error implements error.
func (e *DamagedIntentError) Error() string { return "damaged intent: " + e.Err.Error() }

// Commit commits the micro-batch's transaction. It may be called again, also by
// another process. An ExpiredError and a DamagedIntentError are final.
func (t *Transactions) Commit(ctx context.Context, epoch uint64, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	var i intent
	if err := json.Unmarshal(data, &i); err != nil {
		return &DamagedIntentError{err}
	}
	client := t.cfg.Client.Kafka()
	err := retrying(ctx, t.cfg, "committing the transaction", func() error {
		r, err := client.EndTxn(ctx, &kafka.EndTxnRequest{TransactionalID: i.ID, ProducerID: int(i.Producer), ProducerEpoch: int(i.Epoch), Committed: true})
		if err == nil {
			err = r.Error
		}
		return err
	})
	gone := fenced(err) || errors.Is(err, kafka.InvalidTransactionState) || errors.Is(err, kafka.InvalidProducerIDMapping) || errors.Is(err, kafka.TransactionalIDNotFound)
	if err == nil || !gone {
		return err
	}
	// The transaction is not open any more, or is another's. A new producer id ends
	// whatever is left of it; then the group tells.
	if _, err := initProducer(ctx, t.cfg, i.ID, t.timeout); err != nil {
		return err
	}
	committed, ferr := t.marked(ctx, i.ID)
	switch {
	case ferr != nil:
		return ferr
	case committed == mark(epoch):
		return nil
	}
	return &ExpiredError{Epoch: epoch, Records: i.Records, Err: err}
}

// marked gives the metadata of the last committed offset of a group; "" if there
// is none.
func (t *Transactions) marked(ctx context.Context, group string) (metadata string, err error) {
	err = retrying(ctx, t.cfg, "reading the committed offset", func() error {
		r, err := t.cfg.Client.Kafka().OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{t.marker: {0}}})
		if err == nil {
			err = r.Error
		}
		if err != nil {
			return err
		}
		for _, p := range r.Topics[t.marker] {
			if p.Error != nil {
				return p.Error
			}
			metadata = p.Metadata
		}
		return nil
	})
	return metadata, err
}

// Abort drops everything that is not committed, of earlier runs too, and fences
// them.
func (t *Transactions) Abort(ctx context.Context) error {
	t.Close()
	for _, id := range t.ids {
		if _, err := initProducer(ctx, t.cfg, id, t.timeout); err != nil {
			return err
		}
	}
	return nil
}

// Close ends the sessions that are not prepared.
func (t *Transactions) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for e, s := range t.sessions {
		s.Close()
		delete(t.sessions, e)
	}
}

package producer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
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
	spare    [2]*Session // begun before their micro-batch, by its parity
	closed   bool

	lastMu sync.Mutex
	last   [2]identity // what the broker knows the ids by, as far as is known here
}

// NewTransactions makes the transactions of one sink; name is unique in the
// cluster for ever. marker is a topic of the cluster, which offsets of the groups
// are committed for. timeout is how long a transaction may stay open: the longest
// outage between Prepare and Commit that is survived.
func NewTransactions(cfg Config, name, marker string, timeout time.Duration) *Transactions {
	return &Transactions{cfg: cfg, ids: [2]string{name + "-0", name + "-1"}, marker: marker, timeout: timeout,
		sessions: map[uint64]*Session{}, last: [2]identity{nobody, nobody}}
}

// intent is what Commit needs.
type intent struct {
	ID       string `json:"transactional_id"`
	Producer int64  `json:"producer_id"`
	Epoch    int16  `json:"producer_epoch"`
	Records  int64  `json:"records"`
}

// maxSpare is how old a session may be that is given to a micro-batch: the broker
// forgets ids that have not been used for days.
const maxSpare = time.Minute

// Session gives the session of a micro-batch, and begins it if it is new. It does not
// wait for the broker: what goes wrong is an error of the session.
func (t *Transactions) Session(epoch uint64) *Session {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.sessions[epoch]
	if s != nil {
		return s
	}
	parity := int(epoch % 2)
	if s = t.spare[parity]; s != nil && !s.serves() {
		t.closeSpare(parity)
	}
	if s = t.spare[parity]; s == nil {
		s = t.begin(parity)
	}
	t.spare[parity] = nil
	t.sessions[epoch] = s
	return s
}

// begin begins a session. Each transaction has a new producer epoch: epochs e and
// e+2 have one id, and what is said of e must not reach e+2.
func (t *Transactions) begin(parity int) *Session {
	s := newSession(t.cfg)
	s.begin(func(ctx context.Context) (identity, error) { return t.identify(ctx, parity) })
	return s
}

// identify gets a new identity for an id, as the producer that it was last: a run
// that another one has taken over from must not take over again.
func (t *Transactions) identify(ctx context.Context, parity int) (identity, error) {
	last := t.known(parity)
	who, err := initProducer(ctx, t.cfg, t.ids[parity], t.timeout, last)
	if errors.Is(err, kafka.InvalidProducerIDMapping) {
		who, err = initProducer(ctx, t.cfg, t.ids[parity], t.timeout, nobody) // the broker has forgotten it
	}
	if err != nil {
		return who, last.explainFence(ctx, t.cfg, err)
	}
	t.remember(parity, who)
	return who, nil
}

// takeOver gets a new identity for an id, whoever has it.
func (t *Transactions) takeOver(ctx context.Context, id string) (identity, error) {
	who, err := initProducer(ctx, t.cfg, id, t.timeout, nobody)
	if parity := slices.Index(t.ids[:], id); err == nil && parity >= 0 {
		t.remember(parity, who)
	}
	return who, err
}

// known is what an id was last in this run; nobody: it has not been used.
func (t *Transactions) known(parity int) identity {
	t.lastMu.Lock()
	defer t.lastMu.Unlock()
	return t.last[parity]
}

func (t *Transactions) remember(parity int, who identity) {
	t.lastMu.Lock()
	defer t.lastMu.Unlock()
	t.last[parity] = who
}

// serves says whether a session that was begun before may be used.
func (s *Session) serves() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return (s.err == nil || fenced(s.err)) && time.Since(s.born) < maxSpare
}

// prepareNext begins the session of the micro-batch after the next one, while rows
// of the next one come: the broker takes its time to end a transaction before it
// lets the id be used again.
func (t *Transactions) prepareNext(parity int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.spare[parity] == nil && !t.closed {
		t.spare[parity] = t.begin(parity)
	}
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
	if s.Records() == 0 {
		return nil, nil
	}
	if err := s.Flush(ctx); err != nil {
		return nil, err
	}
	// Comes last: it fails if another run has taken over meanwhile.
	client, who := t.cfg.Client.Kafka(), s.who
	err := retrying(ctx, t.cfg, "committing the offset in the transaction", func() error {
		r, err := client.TxnOffsetCommit(ctx, &kafka.TxnOffsetCommitRequest{
			TransactionalID: who.transaction, ProducerID: int(who.producer), ProducerEpoch: int(who.epoch), GroupID: who.transaction, GenerationID: -1,
			Topics: map[string][]kafka.TxnOffsetCommit{t.marker: {{Partition: 0, Offset: int64(epoch), Metadata: mark(epoch)}}},
		})
		if err != nil {
			return err
		}
		for _, p := range r.Topics[t.marker] {
			if p.Error != nil {
				return p.Error
			}
		}
		return nil
	})
	if err != nil {
		return nil, who.explainFence(ctx, t.cfg, err)
	}
	return json.Marshal(intent{who.transaction, who.producer, who.epoch, s.Records()})
}

func mark(epoch uint64) string { return fmt.Sprintf("batch=%d", epoch) }

// markedEpoch is the micro-batch of a mark.
func markedEpoch(mark string) (epoch uint64, ok bool) {
	number, ok := strings.CutPrefix(mark, "batch=")
	if !ok {
		return 0, false
	}
	epoch, err := strconv.ParseUint(number, 10, 64)
	return epoch, err == nil
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
	return fmt.Sprintf("the output of micro-batch %d expired at the broker: its transaction was aborted before it could be committed, and %d records are lost (%v)", e.Epoch, e.Records, e.Err)
}

// Unwrap gives the broker's error.
func (e *ExpiredError) Unwrap() error { return e.Err }

// DamagedIntentError says that an intent is none of this package's.
type DamagedIntentError struct{ Err error }

// Error implements error.
func (e *DamagedIntentError) Error() string { return "damaged intent: " + e.Err.Error() }

// Commit commits the micro-batch's transaction. It may be called again, also by
// another process. An ExpiredError, a DamagedIntentError and a FencedError are
// final.
func (t *Transactions) Commit(ctx context.Context, epoch uint64, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	var i intent
	if err := json.Unmarshal(data, &i); err != nil {
		return &DamagedIntentError{err}
	}
	parity := slices.Index(t.ids[:], i.ID) // -1: the job had another prefix then
	client := t.cfg.Client.Kafka()
	err := retrying(ctx, t.cfg, "committing the transaction", func() error {
		r, err := client.EndTxn(ctx, &kafka.EndTxnRequest{TransactionalID: i.ID, ProducerID: int(i.Producer), ProducerEpoch: int(i.Epoch), Committed: true})
		if err == nil {
			err = r.Error
		}
		return err
	})
	if err == nil {
		if parity >= 0 {
			t.prepareNext(parity)
		}
		return nil
	}
	gone := fenced(err) || errors.Is(err, kafka.InvalidTransactionState) || errors.Is(err, kafka.InvalidProducerIDMapping) || errors.Is(err, kafka.TransactionalIDNotFound)
	if !gone {
		return err
	}
	if parity >= 0 {
		t.dropSpare(parity)
		if ours := t.known(parity); ours.producer == i.Producer && ours.epoch == i.Epoch {
			done, err := t.fencedInCommit(ctx, ours, epoch, err)
			if done || err != nil {
				return err
			}
		}
	}
	// Another run has gone on from there if a later micro-batch has been committed.
	last, ferr := t.marked(ctx, i.ID)
	if ferr != nil {
		return ferr
	}
	if later, ok := markedEpoch(last); ok && later > epoch {
		return &FencedError{fmt.Errorf("its micro-batch %d has been written, the state here ends with %d and is an older copy (%w)", later, epoch, err)}
	}
	// The transaction is not open any more. A new producer id ends whatever is left of
	// it; then the group tells.
	if _, err := t.takeOver(ctx, i.ID); err != nil {
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

// fencedInCommit tells of a transaction of this run whether it had been committed
// before, or gives a FencedError if another run has taken over.
func (t *Transactions) fencedInCommit(ctx context.Context, ours identity, epoch uint64, err error) (done bool, _ error) {
	for range 5 { // the offset may be seen a moment after the transaction's end
		committed, ferr := t.marked(ctx, ours.transaction)
		if ferr != nil || committed == mark(epoch) {
			return true, ferr
		}
		pause(ctx, 50*time.Millisecond)
	}
	var taken *FencedError
	if err := ours.explainFence(ctx, t.cfg, err); errors.As(err, &taken) {
		return false, taken
	}
	return false, nil
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
	t.drop()
	for parity, id := range t.ids {
		who, err := t.takeOver(ctx, id)
		if err != nil {
			return err
		}
		s := newSession(t.cfg)
		s.begin(func(context.Context) (identity, error) { return who, nil })
		t.mu.Lock()
		t.spare[parity] = s
		t.mu.Unlock()
	}
	return nil
}

// drop ends the sessions that are not prepared.
func (t *Transactions) drop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for e, s := range t.sessions {
		s.Close()
		delete(t.sessions, e)
	}
	for i := range t.spare {
		t.closeSpare(i)
	}
}

// dropSpare ends the session that was begun for later, if there is one.
func (t *Transactions) dropSpare(parity int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closeSpare(parity)
}

// closeSpare is dropSpare with the lock held.
func (t *Transactions) closeSpare(parity int) {
	if s := t.spare[parity]; s != nil {
		s.Close()
		t.spare[parity] = nil
	}
}

// Close ends the sessions that are not prepared, and begins none any more.
func (t *Transactions) Close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.drop()
}

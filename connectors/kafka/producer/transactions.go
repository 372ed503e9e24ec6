package producer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"github.com/streamsql/streamsql/connectors/kafka/wire"
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
	written  uint64      // the last micro-batch whose records are all acknowledged
	spare    [2]*Session // begun before their micro-batch, by its parity
	closed   bool

	settling sync.WaitGroup
	ctx      context.Context // of settlements
	stop     context.CancelFunc

	// knownMu guards what follows; mu is held while sessions end, which need this.
	knownMu sync.Mutex
	last    map[string]identity    // what the broker knows the ids by, as far as is known here
	settled map[string]*settlement // of what each id has committed last
	topics  map[string]bool        // those that are written to
}

// NewTransactions makes the transactions of one sink; name is unique in the
// cluster for ever. marker is a topic of the cluster, which offsets of the groups
// are committed for. timeout is how long a transaction may stay open: the longest
// outage between Prepare and Commit that is survived.
func NewTransactions(cfg Config, name, marker string, timeout time.Duration) *Transactions {
	t := &Transactions{cfg: cfg, ids: [2]string{name + "-0", name + "-1"}, marker: marker, timeout: timeout,
		sessions: map[uint64]*Session{}, topics: map[string]bool{marker: true}, settled: map[string]*settlement{}, last: map[string]identity{}}
	t.ctx, t.stop = context.WithCancel(context.Background())
	return t
}

// intent is what Commit needs.
type intent struct {
	ID       string `json:"transactional_id,omitempty"` // "": there are no records
	Producer int64  `json:"producer_id"`
	Epoch    int16  `json:"producer_epoch"`
	Records  int64  `json:"records"`
	Written  places `json:"written,omitempty"`
	// Before are micro-batches that were committed but may not have ended everywhere.
	Before []pending `json:"before,omitempty"`
}

func (i *intent) identity() identity {
	return identity{transaction: i.ID, producer: i.Producer, epoch: i.Epoch}
}

// places are partitions of topics, each a number and the epoch of its leader.
type places map[string][][2]int32

func placesOf(of leaders) places {
	out := places{}
	for tp, epoch := range of {
		out[tp.Topic] = append(out[tp.Topic], [2]int32{tp.Partition, epoch})
	}
	return out
}

func (p places) leaders() leaders {
	out := leaders{}
	for topic, partitions := range p {
		for _, one := range partitions {
			out[wire.TopicPartition{Topic: topic, Partition: one[0]}] = one[1]
		}
	}
	return out
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
	// Some writers begin a micro-batch while others are at the one before. Its records
	// must stand behind those of that one, whatever the two producers do: readers take
	// the last record of a key for its value.
	s.hold(epoch > t.written+1)
	t.sessions[epoch] = s
	return s
}

// wrote says that the micro-batches up to one are written: the next one may be sent.
func (t *Transactions) wrote(epoch uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.written = epoch
	if next := t.sessions[epoch+1]; next != nil {
		next.hold(false)
	}
}

// begin begins a session, once what its id has committed has ended everywhere. Each
// transaction has a new producer epoch: epochs e and e+2 have one id, and what is said
// of e must not reach e+2.
func (t *Transactions) begin(parity int) *Session {
	s := newSession(t.cfg)
	id := t.ids[parity]
	s.begin(func(ctx context.Context) (identity, error) {
		if err := t.awaitSettled(ctx, id); err != nil {
			return nobody, err
		}
		return t.fresh(ctx, id)
	})
	return s
}

// lastEpoch is the last producer epoch that a micro-batch is written under. Those after
// it are left to end a transaction again: once they are used up, the broker gives
// another producer id, and with that nobody could end it any more.
const lastEpoch = math.MaxInt16 - 64

// fresh gets a new identity for a micro-batch. Nothing is open under the id.
func (t *Transactions) fresh(ctx context.Context, id string) (who identity, err error) {
	for who, err = t.identify(ctx, id); err == nil && who.epoch > lastEpoch; {
		who, err = t.identify(ctx, id)
	}
	return who, err
}

// identify gets a new identity for an id, as the producer that it was last: a run
// that another one has taken over from must not take over again.
func (t *Transactions) identify(ctx context.Context, id string) (identity, error) {
	last := t.known(id)
	who, err := initProducer(ctx, t.cfg, id, t.timeout, last)
	if errors.Is(err, kafka.InvalidProducerIDMapping) {
		who, err = initProducer(ctx, t.cfg, id, t.timeout, nobody) // the broker has forgotten it
	}
	if err != nil {
		return who, last.explainFence(ctx, t.cfg, err)
	}
	t.remember(who)
	return who, nil
}

// takeOver gets a new identity for an id, whoever has it.
func (t *Transactions) takeOver(ctx context.Context, id string) (identity, error) {
	who, err := initProducer(ctx, t.cfg, id, t.timeout, nobody)
	if err == nil {
		t.remember(who)
	}
	return who, err
}

// known is what an id was last in this run; nobody: it has not been used.
func (t *Transactions) known(id string) identity {
	t.knownMu.Lock()
	defer t.knownMu.Unlock()
	if who, ok := t.last[id]; ok {
		return who
	}
	return nobody
}

func (t *Transactions) remember(who identity) {
	t.knownMu.Lock()
	defer t.knownMu.Unlock()
	t.last[who.transaction] = who
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

// Prepare sees the micro-batch's records acknowledged; nil: there is nothing to be
// committed.
func (t *Transactions) Prepare(ctx context.Context, epoch uint64) ([]byte, error) {
	var i intent
	s := t.take(epoch)
	if s != nil {
		defer s.Close()
		s.hold(false) // those before have been prepared
		if err := s.Flush(ctx); err != nil {
			return nil, err
		}
	}
	t.wrote(epoch)
	if s != nil && s.Records() > 0 {
		// Comes last: it fails if another run has taken over meanwhile.
		who := s.who
		if err := t.commitOffsetIn(ctx, who, epoch); err != nil {
			return nil, who.explainFence(ctx, t.cfg, err)
		}
		i = intent{ID: who.transaction, Producer: who.producer, Epoch: who.epoch, Records: s.Records(), Written: placesOf(s.written())}
		t.writesTo(i.Written)
	}
	if i.Before = t.unsettled(); i.ID == "" && i.Before == nil {
		return nil, nil
	}
	return json.Marshal(i)
}

// writesTo keeps what topics are written to.
func (t *Transactions) writesTo(p places) {
	t.knownMu.Lock()
	defer t.knownMu.Unlock()
	for topic := range p {
		t.topics[topic] = true
	}
}

// commitOffsetIn commits the mark of a micro-batch to the id's group, with the
// transaction.
func (t *Transactions) commitOffsetIn(ctx context.Context, who identity, epoch uint64) error {
	return retrying(ctx, t.cfg, "committing the offset in the transaction", func() error {
		r, err := t.cfg.Client.Kafka().TxnOffsetCommit(ctx, &kafka.TxnOffsetCommitRequest{
			TransactionalID: who.transaction, ProducerID: int(who.producer), ProducerEpoch: int(who.epoch), GroupID: who.transaction, GenerationID: -1,
			Topics: map[string][]kafka.TxnOffsetCommit{t.marker: {{Partition: 0, Offset: int64(epoch), Metadata: mark(epoch)}}},
		})
		if err != nil {
			return err
		}
		for _, p := range r.Topics[t.marker] {
			if p.Error != nil {
				return needed(p.Error, who.transaction, t.marker)
			}
		}
		return nil
	})
}

// commitOffset commits a mark to an id's group at once.
func (t *Transactions) commitOffset(ctx context.Context, id string, epoch uint64, mark string) error {
	return retrying(ctx, t.cfg, "committing the offset", func() error {
		r, err := t.cfg.Client.Kafka().OffsetCommit(ctx, &kafka.OffsetCommitRequest{GroupID: id, GenerationID: -1,
			Topics: map[string][]kafka.OffsetCommit{t.marker: {{Partition: 0, Offset: int64(epoch), Metadata: mark}}}})
		if err != nil {
			return err
		}
		for _, p := range r.Topics[t.marker] {
			if p.Error != nil {
				return needed(p.Error, id, t.marker)
			}
		}
		return nil
	})
}

// mark is what the group says when a micro-batch is committed, openMark what it says
// while that is being ended in all partitions once more.
func mark(epoch uint64) string { return fmt.Sprintf("batch=%d", epoch) }

func openMark(epoch uint64) string { return mark(epoch) + openSuffix }

const openSuffix = " open"

// markedEpoch is the micro-batch of a mark.
func markedEpoch(mark string) (epoch uint64, ok bool) {
	number, ok := strings.CutPrefix(strings.TrimSuffix(mark, openSuffix), "batch=")
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

// Commit commits the micro-batch's transaction, which is then ended everywhere behind
// the caller's back. It may be called again, also by another process. An ExpiredError,
// a DamagedIntentError and a FencedError are final.
func (t *Transactions) Commit(ctx context.Context, epoch uint64, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	var i intent
	if err := json.Unmarshal(data, &i); err != nil {
		return &DamagedIntentError{err}
	}
	for _, p := range i.Before {
		if t.known(p.Intent.ID) != nobody {
			continue // of this run, which goes on with it
		}
		if err := t.commit(ctx, p); err != nil {
			return err
		}
	}
	if i.ID == "" {
		return nil
	}
	i.Before = nil
	return t.commit(ctx, pending{epoch, i})
}

func (t *Transactions) commit(ctx context.Context, of pending) error {
	i, epoch := of.Intent, of.Micro
	t.writesTo(i.Written)
	if t.settles(of) {
		return nil
	}
	parity := slices.Index(t.ids[:], i.ID) // -1: the job had another prefix then
	err := t.end(ctx, i.identity(), true)
	if err == nil {
		t.settle(of, false)
		if parity >= 0 && t.known(i.ID) != nobody { // else Abort comes next
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
	}
	if ours := t.known(i.ID); ours.producer == i.Producer && ours.epoch == i.Epoch {
		done, err := t.fencedInCommit(ctx, ours, epoch, err)
		if done || err != nil {
			return err
		}
	}
	if committed, err := t.committed(ctx, of, err); committed || err != nil {
		return err
	}
	// The transaction is not open any more. A new producer id ends whatever is left of
	// it; then the group tells.
	if _, err := t.takeOver(ctx, i.ID); err != nil {
		return err
	}
	if committed, err := t.committed(ctx, of, err); committed || err != nil {
		return err
	}
	// It was aborted, if not everywhere: what is said to be lost must not be seen later.
	if _, err := t.sweep(ctx, i.ID); err != nil {
		return err
	}
	return &ExpiredError{Epoch: epoch, Records: i.Records, Err: err}
}

// olderCopy says that another run has gone on from the state here, which ends with ours.
func olderCopy(marked, ours uint64, err error) *FencedError {
	return &FencedError{fmt.Errorf("its micro-batch %d has been written, the state here ends with %d and is an older copy (%w)\n  hint: another 'sink.transactional-id-prefix' writes again what came after %d", marked, ours, err, ours)}
}

// committed says whether the group tells that a micro-batch has been committed whose
// transaction is gone, because of err, and has it ended everywhere if a run before has
// left it in the middle of that. If a later micro-batch has been committed, another run
// has gone on from there, which is an error.
func (t *Transactions) committed(ctx context.Context, of pending, err error) (bool, error) {
	last, ferr := t.marked(ctx, of.Intent.ID)
	if ferr != nil {
		return false, ferr
	}
	switch marked, ok := markedEpoch(last); {
	case !ok || marked < of.Micro:
		return false, nil
	case marked > of.Micro && !slices.Contains(t.ids[:], of.Intent.ID):
		return true, nil // the job has another prefix now, to write again what came after
	case marked > of.Micro:
		return false, olderCopy(marked, of.Micro, err)
	}
	if last == openMark(of.Micro) {
		t.settle(of, true)
	}
	return true, nil
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
			return needed(err, group, t.marker)
		}
		for _, p := range r.Topics[t.marker] {
			if p.Error != nil {
				return needed(p.Error, group, t.marker)
			}
			metadata = p.Metadata
		}
		return nil
	})
	return metadata, err
}

// Abort drops everything after a micro-batch, the last one that is committed, of
// earlier runs too, and fences them. A FencedError says that another run has committed
// more.
func (t *Transactions) Abort(ctx context.Context, epoch uint64) error {
	t.drop()
	t.wrote(epoch)
	for _, id := range t.ids {
		last, err := t.marked(ctx, id)
		if err != nil {
			return err
		}
		if marked, ok := markedEpoch(last); ok && marked > epoch {
			return olderCopy(marked, epoch, errors.New("its consumer group says so"))
		}
	}
	both, ctx := errgroup.WithContext(ctx)
	for parity, id := range t.ids {
		both.Go(func() error {
			if err := t.awaitSettled(ctx, id); err != nil {
				return err
			}
			who, err := t.sweep(ctx, id)
			if err == nil && who.epoch > lastEpoch {
				who, err = t.fresh(ctx, id)
			}
			if err != nil {
				return err
			}
			s := newSession(t.cfg)
			s.begin(func(context.Context) (identity, error) { return who, nil })
			t.mu.Lock()
			t.spare[parity] = s
			t.mu.Unlock()
			return nil
		})
	}
	return both.Wait()
}

// drop ends the sessions that are not prepared.
func (t *Transactions) drop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for e, s := range t.sessions {
		t.writesTo(placesOf(s.written()))
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

// closePatience is how long Close waits for what is committed to end everywhere: a
// moment, unless a broker is away.
const (
	closePatience    = 3 * time.Second
	finishedPatience = 30 * time.Second
)

// Close ends the sessions that are not prepared, and begins none any more. It waits for
// what is committed to end everywhere, for longer if the run is finished: who reads its
// output then should find it. A run that comes after goes on with it.
func (t *Transactions) Close(finished bool) {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.drop()
	patience := closePatience
	if finished {
		patience = finishedPatience
	}
	late := time.AfterFunc(patience, t.stop)
	t.settling.Wait()
	late.Stop()
	t.stop()
	if left := t.unsettled(); finished && len(left) > 0 {
		t.cfg.Monitor.warn("the job ends before its last output has ended in all partitions, since a broker is away: readers with read_committed wait there until the job is started again", "epoch", left[0].Micro)
	}
}

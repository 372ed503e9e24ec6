package producer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

// A transaction whose end is decided has ended for readers only once each partition
// that it wrote to has its marker. Kafka 4.3 leaves out those that have no leader at
// that moment, for good (https://github.com/apache/kafka/pull/22680: it takes them for
// deleted). What stays open there would get the end of the id's next transaction: rows
// that were committed would be lost with one that is aborted, rows that were aborted
// would be seen with one that is committed. So no session begins before all earlier
// transactions of its id have ended everywhere. A marker can only be missing if the
// partition's leader epoch has changed since it was written to; then a transaction
// without records over the same partitions ends in the same way, and its markers close
// what was left open.

// leaders are partitions, and the epoch of their leaders.
type leaders map[wire.TopicPartition]int32

// settlement is how far a committed transaction has ended.
type settlement struct {
	of   pending
	done chan struct{} // closed when it has ended everywhere, or err is set
	err  error
}

// pending is a micro-batch that is committed as soon as it is settled.
type pending struct {
	Micro  uint64 `json:"epoch"` // the micro-batch
	Intent intent `json:"intent"`
}

// settle sees to it, behind the caller's back, that a committed transaction ends
// everywhere. doubtful: that was found open by a run before.
func (t *Transactions) settle(of pending, doubtful bool) *settlement {
	s := &settlement{of: of, done: make(chan struct{})}
	t.knownMu.Lock()
	defer t.knownMu.Unlock()
	t.settled[of.Intent.ID] = s
	t.settling.Add(1)
	go func() {
		defer t.settling.Done()
		defer close(s.done)
		s.err = t.finish(t.ctx, of, doubtful)
	}()
	return s
}

// unsettled gives the transactions that are committed but may not have ended
// everywhere, by the epochs of their micro-batches.
func (t *Transactions) unsettled() []pending {
	t.knownMu.Lock()
	defer t.knownMu.Unlock()
	var out []pending
	for _, s := range t.settled {
		select {
		case <-s.done:
			if s.err == nil {
				continue
			}
		default:
		}
		out = append(out, s.of)
	}
	slices.SortFunc(out, func(a, b pending) int { return int(a.Micro) - int(b.Micro) })
	return out
}

// settles says whether a micro-batch has been committed by this run.
func (t *Transactions) settles(of pending) bool {
	t.knownMu.Lock()
	defer t.knownMu.Unlock()
	s := t.settled[of.Intent.ID]
	return s != nil && s.of.Micro == of.Micro
}

// awaitSettled waits until what an id committed last has ended everywhere. If that has
// failed before, it is tried once more.
func (t *Transactions) awaitSettled(ctx context.Context, id string) error {
	t.knownMu.Lock()
	s := t.settled[id]
	t.knownMu.Unlock()
	if s == nil {
		return nil
	}
	select {
	case <-s.done:
		var taken *FencedError
		if s.err == nil || errors.As(s.err, &taken) {
			return s.err
		}
		s = t.settle(s.of, true)
	default:
	}
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// finish ends a committed transaction everywhere.
func (t *Transactions) finish(ctx context.Context, of pending, doubtful bool) error {
	i, open := of.Intent, of.Intent.Written.leaders()
	if doubtful {
		return t.endAgain(ctx, of, open)
	}
	at, err := t.ended(ctx, i.identity())
	var taken *FencedError
	switch {
	case errors.As(err, &taken) && t.known(i.ID) == nobody:
		// The run before this one is still there, and has gone on: then it has seen
		// that all has ended, which the mark tells.
	case err != nil || at == nil:
		return err
	default:
		now, err := t.leaderEpochs(ctx, i.ID, open)
		if err != nil {
			return err
		}
		open = changed(open, now)
	}
	last, err := t.marked(ctx, i.ID)
	if err != nil {
		return err
	}
	if last == mark(of.Micro) && (taken != nil || len(open) == 0) {
		return nil
	}
	return t.endAgain(ctx, of, open)
}

// ended waits until the coordinator has written what it wants to write of the end of a
// transaction. nil: the brokers are older than 3.0 and can't tell.
func (t *Transactions) ended(ctx context.Context, who identity) (at *wire.Transaction, err error) {
	for wait := time.Millisecond; ; wait = min(2*wait, t.cfg.longest()) {
		at, err = t.describe(ctx, who.transaction)
		switch {
		case err != nil || at == nil:
			return nil, err
		case at.ProducerID != who.producer || at.Epoch != who.epoch:
			return nil, &FencedError{fmt.Errorf("transactional id %s has another producer", who.transaction)}
		case at.State != "PrepareCommit" && at.State != "PrepareAbort":
			return at, nil
		}
		pause(ctx, wait)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// describe asks for a transactional id; nil: there is none, or the brokers can't tell.
func (t *Transactions) describe(ctx context.Context, id string) (at *wire.Transaction, err error) {
	err = retrying(ctx, t.cfg, "asking for the transaction", func() error {
		var err error
		at, err = t.cfg.Client.DescribeTransaction(ctx, id)
		if errors.Is(err, wire.ErrUnsupported) || errors.Is(err, kafka.TransactionalIDNotFound) {
			at, err = nil, nil
		}
		return needed(err, id, "")
	})
	return at, err
}

// leaderEpochs gives the leader epochs of partitions as the coordinator of an id knows
// them, which decides by them whom it sends markers: other brokers may hear of a leader
// before it does. -1 stands for those without a leader, and those that are not there any
// more are left out.
func (t *Transactions) leaderEpochs(ctx context.Context, id string, of leaders) (now leaders, err error) {
	var topics []string
	for tp := range of {
		if !slices.Contains(topics, tp.Topic) {
			topics = append(topics, tp.Topic)
		}
	}
	if len(topics) == 0 {
		return nil, nil
	}
	err = retrying(ctx, t.cfg, "finding the leaders of partitions", func() error {
		m, err := coordinatorMetadata(ctx, t.cfg, id, topics)
		if err != nil {
			return err
		}
		now = leaders{}
		for _, topic := range m.Topics {
			if topic.Err != nil && !unknown(topic.Err) {
				return fmt.Errorf("topic '%s': %w", topic.Name, topic.Err)
			}
			for _, p := range topic.Partitions {
				tp := wire.TopicPartition{Topic: topic.Name, Partition: p.Index}
				if _, asked := of[tp]; !asked {
					continue
				}
				if now[tp] = p.LeaderEpoch; p.Leader < 0 {
					now[tp] = -1
				}
			}
		}
		return nil
	})
	return now, err
}

// coordinatorMetadata describes topics as the broker knows them that is the coordinator
// of a transactional id just now.
func coordinatorMetadata(ctx context.Context, cfg Config, id string, topics []string) (*wire.Metadata, error) {
	at, err := cfg.Client.Kafka().FindCoordinator(ctx, &kafka.FindCoordinatorRequest{Key: id, KeyType: kafka.CoordinatorKeyTypeTransaction})
	if err == nil {
		err = at.Error
	}
	if err != nil {
		return nil, err
	}
	return cfg.Client.MetadataOf(ctx, int32(at.Coordinator.NodeID), topics)
}

// changed gives the partitions of before that have another leader epoch now.
func changed(before, now leaders) leaders {
	out := leaders{}
	for tp, epoch := range before {
		if e, there := now[tp]; there && e != epoch {
			out[tp] = epoch
		}
	}
	return out
}

// endAgain commits a micro-batch that is committed once more in partitions where its
// marker may be missing, and in the group. A new identity, which that takes, hides from
// EndTxn that the micro-batch was committed: the group says so to a run after this one,
// and that this is under way.
func (t *Transactions) endAgain(ctx context.Context, of pending, open leaders) error {
	t.cfg.Monitor.warn("the end of a transaction may be missing in partitions whose leader has changed: it is written again", "epoch", of.Micro, "partitions", len(open))
	id := of.Intent.ID
	if err := t.commitOffset(ctx, id, of.Micro, openMark(of.Micro)); err != nil {
		return err
	}
	if err := t.endIn(ctx, id, of.Intent.Producer, open, true); err != nil {
		return err
	}
	return t.commitOffset(ctx, id, of.Micro, mark(of.Micro))
}

// endIn ends a transaction without records in partitions and in the id's group, until
// all of the partitions have kept their leader meanwhile. producer is the one whose
// rows may be open there; -1: any.
func (t *Transactions) endIn(ctx context.Context, id string, producer int64, open leaders, commit bool) error {
	for {
		who, err := t.identify(ctx, id)
		if err != nil {
			return err
		}
		if producer >= 0 && who.producer != producer {
			return fmt.Errorf("producer id %d of transactional id %s is used up, and a transaction of it may be open in %d partitions: Kafka's tool kafka-transactions.sh finds and ends it", producer, id, len(open))
		}
		if open, err = t.withLeaders(ctx, id, open); err != nil {
			return err
		}
		if err := t.endEmpty(ctx, who, open, commit); err != nil {
			return who.explainFence(ctx, t.cfg, err)
		}
		at, err := t.ended(ctx, who)
		if err != nil || at == nil {
			return err
		}
		now, err := t.leaderEpochs(ctx, id, open)
		if err != nil {
			return err
		}
		if open = changed(open, now); len(open) == 0 {
			return nil
		}
	}
}

// withLeaders waits until each of the partitions has a leader, or is gone.
func (t *Transactions) withLeaders(ctx context.Context, id string, of leaders) (now leaders, err error) {
	err = retrying(ctx, t.cfg, "waiting for the leaders of partitions", func() error {
		if now, err = t.leaderEpochs(ctx, id, of); err != nil {
			return err
		}
		for tp, epoch := range now {
			if epoch < 0 {
				return fmt.Errorf("%s: %w", key(tp), kafka.LeaderNotAvailable)
			}
		}
		return nil
	})
	return now, err
}

// endEmpty begins a transaction in partitions and in the group, and ends it.
func (t *Transactions) endEmpty(ctx context.Context, who identity, in leaders, commit bool) error {
	topics := map[string][]kafka.AddPartitionToTxn{}
	for tp := range in {
		topics[tp.Topic] = append(topics[tp.Topic], kafka.AddPartitionToTxn{Partition: int(tp.Partition)})
	}
	if len(topics) > 0 {
		if err := retrying(ctx, t.cfg, "adding partitions to the transaction", func() error { return addPartitions(ctx, t.cfg, who, topics) }); err != nil {
			return err
		}
	}
	if err := retrying(ctx, t.cfg, "adding the group to the transaction", func() error { return addOffsets(ctx, t.cfg, who) }); err != nil {
		return err
	}
	return t.end(ctx, who, commit)
}

// end is EndTxn.
func (t *Transactions) end(ctx context.Context, who identity, commit bool) error {
	what := "aborting the transaction"
	if commit {
		what = "committing the transaction"
	}
	return retrying(ctx, t.cfg, what, func() error {
		r, err := t.cfg.Client.Kafka().EndTxn(ctx, &kafka.EndTxnRequest{TransactionalID: who.transaction, ProducerID: int(who.producer), ProducerEpoch: int(who.epoch), Committed: commit})
		if err == nil {
			err = r.Error
		}
		return err
	})
}

// sweep aborts what runs before may have left open under an id, in all partitions that
// they can have written to, and gives the id's new identity.
func (t *Transactions) sweep(ctx context.Context, id string) (identity, error) {
	before, err := t.describe(ctx, id)
	if err != nil {
		return nobody, err
	}
	who, err := t.takeOver(ctx, id)
	if err != nil || before == nil || before.State == "CompleteCommit" {
		return who, err // nothing has been aborted under this id since all of it had ended
	}
	m, err := t.topicPartitions(ctx, before.Partitions)
	if err != nil {
		return nobody, err
	}
	if err := t.endIn(ctx, id, -1, m, false); err != nil {
		return nobody, err
	}
	return t.identify(ctx, id)
}

// topicPartitions gives the partitions of the topics that are known to be written to,
// and others.
func (t *Transactions) topicPartitions(ctx context.Context, others []wire.TopicPartition) (leaders, error) {
	out := leaders{}
	for _, tp := range others {
		if tp.Topic != "__consumer_offsets" { // comes with the group
			out[tp] = -1
		}
	}
	t.knownMu.Lock()
	topics := slices.Collect(maps.Keys(t.topics))
	t.knownMu.Unlock()
	err := retrying(ctx, t.cfg, "finding the partitions of topics", func() error {
		m, err := t.cfg.Client.Metadata(ctx, topics)
		if err != nil {
			return err
		}
		for _, topic := range m.Topics {
			if topic.Err != nil && !unknown(topic.Err) {
				return fmt.Errorf("topic '%s': %w", topic.Name, topic.Err)
			}
			for _, p := range topic.Partitions {
				out[wire.TopicPartition{Topic: topic.Name, Partition: p.Index}] = -1
			}
		}
		return nil
	})
	return out, err
}

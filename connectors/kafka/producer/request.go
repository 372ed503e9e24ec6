package producer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

// TimedOutError says that the broker has aborted a transaction under way, since it
// was open for too long. Nothing of it has been seen: it can be written again.
type TimedOutError struct {
	Timeout time.Duration
	Err     error
}

// Error implements error.
func (e *TimedOutError) Error() string {
	return fmt.Sprintf("the broker has aborted the transaction of this micro-batch, which was open for longer than 'properties.transaction.timeout.ms' (%s): %v", e.Timeout, e.Err)
}

// Unwrap gives the broker's error.
func (e *TimedOutError) Unwrap() error { return e.Err }

// FencedError says that another producer has taken over the transactional id:
// another run of the same job, started while this one was still there.
type FencedError struct{ Err error }

// Error implements error.
func (e *FencedError) Error() string {
	return "another run of this job has taken over its output, this one ends: " + e.Err.Error()
}

// Unwrap gives the broker's error.
func (e *FencedError) Unwrap() error { return e.Err }

// fenced says whether a broker has told that a newer producer is there.
func fenced(err error) bool {
	return errors.Is(err, kafka.ProducerFenced) || errors.Is(err, kafka.InvalidProducerEpoch)
}

// explainFence tells the two reasons for a fence apart: a transaction that was open
// for too long leaves its abort behind under the next epoch; another run takes
// an epoch of its own.
func (who identity) explainFence(ctx context.Context, cfg Config, err error) error {
	var already *FencedError
	var timed *TimedOutError
	if !fenced(err) || errors.As(err, &already) || errors.As(err, &timed) {
		return err
	}
	for range 2 {
		var t *wire.Transaction
		derr := retrying(ctx, cfg, "asking for the transaction", func() error {
			var err error
			t, err = cfg.Client.DescribeTransaction(ctx, who.transaction)
			var code kafka.Error
			if err != nil && !errors.As(err, &code) && ctx.Err() == nil && time.Since(who.since) < who.timeout {
				return &FencedError{err} // a broker that can't tell, and it is too early for the other reason
			}
			return err
		})
		switch {
		case derr != nil && time.Since(who.since) >= who.timeout:
			return &TimedOutError{who.timeout, err}
		case derr != nil || t.ProducerID != who.producer || t.Epoch != who.epoch+1 || !strings.HasSuffix(t.State, "Abort"):
			return &FencedError{err}
		}
		pause(ctx, quiet/2) // another run that begins aborts first, and then takes its epoch
	}
	return &TimedOutError{who.timeout, err}
}

// operationNotAttempted is the code, which kafka-go has no name for, of a partition
// that was left out because of another one's error.
const operationNotAttempted kafka.Error = 55

// temporary says whether the same request may succeed later.
func temporary(err error) bool {
	var auth *wire.AuthError
	if errors.As(err, &auth) || errors.Is(err, context.Canceled) {
		return false
	}
	var code kafka.Error
	if errors.As(err, &code) {
		switch code {
		case kafka.UnknownTopicOrPartition, kafka.LeaderNotAvailable, kafka.NotLeaderForPartition, kafka.RequestTimedOut, kafka.BrokerNotAvailable,
			kafka.ReplicaNotAvailable, kafka.NetworkException, kafka.GroupLoadInProgress, kafka.GroupCoordinatorNotAvailable, kafka.NotCoordinatorForGroup,
			kafka.NotEnoughReplicas, kafka.NotEnoughReplicasAfterAppend, kafka.NotController, kafka.ConcurrentTransactions, kafka.KafkaStorageError,
			kafka.FencedLeaderEpoch, kafka.UnknownLeaderEpoch, kafka.UnstableOffsetCommit, kafka.ThrottlingQuotaExceeded, kafka.UnknownTopicID, kafka.BrokerIDNotRegistered,
			operationNotAttempted:
			return true
		}
		return false
	}
	// What is left is of connections, which come back, unless it is of encryption.
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	return !errors.As(err, &record) && !errors.As(err, &certificate)
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// missingPatience is how long a topic may be unknown before that is taken for its
// end: brokers that start do not know all at once.
const missingPatience = 10 * time.Second

// GoneError says that a topic or a partition of it is not there any more.
type GoneError struct {
	Err error // names it
}

// Error implements error.
func (e *GoneError) Error() string {
	return fmt.Sprintf("%v, for more than %s: was the topic deleted, or made anew with fewer partitions?", e.Err, missingPatience)
}

// Unwrap gives the broker's error.
func (e *GoneError) Unwrap() error { return e.Err }

func unknown(err error) bool {
	return errors.Is(err, kafka.UnknownTopicOrPartition) || errors.Is(err, kafka.UnknownTopicID)
}

// retrying calls f until it succeeds, fails for good or has been tried for as long
// as the configuration allows.
func retrying(ctx context.Context, cfg Config, what string, f func() error) error {
	start, wait := time.Now(), cfg.Backoff
	defer cfg.Monitor.over(what)
	var missing time.Time // since when it is not known
	for attempts := 1; ; attempts++ {
		err := f()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch {
		case !unknown(err):
			missing = time.Time{}
		case missing.IsZero():
			missing = time.Now()
		case time.Since(missing) > missingPatience:
			return &GoneError{err}
		}
		if !temporary(err) || cfg.gaveUp(start) {
			return fmt.Errorf("%s: %w", what, err)
		}
		cfg.retrying(err, time.Since(start))
		cfg.Monitor.failed(what, what+" fails", start, attempts, wait, err)
		pause(ctx, wait/2+rand.N(wait/2+1))
		wait = min(2*wait, cfg.longest())
	}
}

// nobody is an identity that says nothing.
var nobody = identity{producer: -1, epoch: -1}

// initProducer gets a producer id, for a transactional id if there is one: that
// aborts what an earlier producer has left open, and fences it. If last is somebody,
// it fails as fenced unless the broker knows the transactional id by it.
func initProducer(ctx context.Context, cfg Config, transaction string, timeout time.Duration, last identity) (identity, error) {
	who := identity{transaction: transaction, timeout: timeout}
	err := retrying(ctx, cfg, "getting a producer id", func() error {
		r, err := cfg.Client.Kafka().InitProducerID(ctx, &kafka.InitProducerIDRequest{
			TransactionalID: transaction, TransactionTimeoutMs: int(timeout.Milliseconds()), ProducerID: int(last.producer), ProducerEpoch: int(last.epoch),
		})
		if err == nil {
			err = r.Error
		}
		if errors.Is(err, kafka.InvalidTransactionTimeout) {
			return fmt.Errorf("%w: 'properties.transaction.timeout.ms' = %s is more than the brokers' transaction.max.timeout.ms allows", err, timeout)
		}
		if err != nil {
			return needed(err, transaction, "")
		}
		who.since = time.Now()
		who.producer, who.epoch = int64(r.Producer.ProducerID), int16(r.Producer.ProducerEpoch)
		return nil
	})
	return who, err
}

// join adds the partitions that are new to the session's transaction to it, which
// begins with the first of them.
func (s *Session) join(parts []*partition) error {
	s.mu.Lock()
	topics := map[string][]kafka.AddPartitionToTxn{}
	for _, p := range parts {
		if !p.added {
			topics[p.tp.Topic] = append(topics[p.tp.Topic], kafka.AddPartitionToTxn{Partition: int(p.tp.Partition)})
		}
	}
	grouped := s.grouped
	s.mu.Unlock()
	if len(topics) > 0 {
		if err := addPartitions(s.ctx, s.cfg, s.who, topics); err != nil {
			return err
		}
		s.mu.Lock()
		for _, p := range parts {
			p.added = true
		}
		s.mu.Unlock()
	}
	if grouped {
		return nil
	}
	// One request less when the transaction is to end.
	if err := addOffsets(s.ctx, s.cfg, s.who); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grouped = true
	return nil
}

// needed says which right is missing for a transactional id, its group and the topic
// that the group's offset is of, if one is.
func needed(err error, id, topic string) error {
	switch {
	case errors.Is(err, kafka.TransactionalIDAuthorizationFailed):
		return fmt.Errorf("%w: the user needs WRITE and DESCRIBE on transactional id %s", err, id)
	case errors.Is(err, kafka.GroupAuthorizationFailed):
		return fmt.Errorf("%w: the user needs READ on group %s", err, id)
	case errors.Is(err, kafka.TopicAuthorizationFailed):
		return fmt.Errorf("%w: the user needs READ on topic %s", err, topic)
	}
	return err
}

// addOffsets adds the group of a transactional id to its transaction.
func addOffsets(ctx context.Context, cfg Config, who identity) error {
	r, err := cfg.Client.Kafka().AddOffsetsToTxn(ctx, &kafka.AddOffsetsToTxnRequest{
		TransactionalID: who.transaction, ProducerID: int(who.producer), ProducerEpoch: int(who.epoch), GroupID: who.transaction,
	})
	if err == nil {
		err = r.Error
	}
	return needed(err, who.transaction, "")
}

// addPartitions adds partitions to a transaction.
func addPartitions(ctx context.Context, cfg Config, who identity, topics map[string][]kafka.AddPartitionToTxn) error {
	r, err := cfg.Client.Kafka().AddPartitionsToTxn(ctx, &kafka.AddPartitionsToTxnRequest{
		TransactionalID: who.transaction, ProducerID: int(who.producer), ProducerEpoch: int(who.epoch), Topics: topics,
	})
	if err != nil {
		return err
	}
	for topic, partitions := range r.Topics {
		for _, p := range partitions {
			if p.Error != nil {
				return explain(wire.TopicPartition{Topic: topic, Partition: int32(p.Partition)}, p.Error, "")
			}
		}
	}
	return nil
}

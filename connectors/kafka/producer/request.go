package producer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

// FencedError says that another producer has taken over the transactional id:
// another run of the same job, started while this one was still there.
type FencedError struct{ Err error }

// Error implements error.
func (e *FencedError) Error() string {
	return "another run of this job has taken over its output: " + e.Err.Error()
}

// Unwrap gives the broker's error.
func (e *FencedError) Unwrap() error { return e.Err }

// fenced says whether a broker has told that a newer producer is there.
func fenced(err error) bool {
	return errors.Is(err, kafka.ProducerFenced) || errors.Is(err, kafka.InvalidProducerEpoch)
}

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
			kafka.FencedLeaderEpoch, kafka.UnknownLeaderEpoch, kafka.UnstableOffsetCommit, kafka.ThrottlingQuotaExceeded, kafka.UnknownTopicID, kafka.BrokerIDNotRegistered:
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

// retrying calls f until it succeeds, fails for good or has been tried for as long
// as the configuration allows.
func retrying(ctx context.Context, cfg Config, what string, f func() error) error {
	start, wait := time.Now(), cfg.Backoff
	for {
		err := f()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !temporary(err) || time.Since(start) > cfg.GiveUp {
			return fmt.Errorf("%s: %w", what, err)
		}
		cfg.retrying(err, time.Since(start))
		pause(ctx, wait)
		wait = min(2*wait, time.Second)
	}
}

// nobody is an identity that says nothing.
var nobody = identity{producer: -1, epoch: -1}

// initProducer gets a producer id, for a transactional id if there is one: that
// aborts what an earlier producer has left open, and fences it. If last is somebody,
// it fails as fenced unless the broker knows the transactional id by it.
func initProducer(ctx context.Context, cfg Config, transaction string, timeout time.Duration, last identity) (identity, error) {
	who := identity{transaction: transaction}
	err := retrying(ctx, cfg, "getting a producer id", func() error {
		r, err := cfg.Client.Kafka().InitProducerID(ctx, &kafka.InitProducerIDRequest{
			TransactionalID: transaction, TransactionTimeoutMs: int(timeout.Milliseconds()), ProducerID: int(last.producer), ProducerEpoch: int(last.epoch),
		})
		if err == nil {
			err = r.Error
		}
		if errors.Is(err, kafka.InvalidTransactionTimeout) {
			return fmt.Errorf("%w: %s is more than the brokers' transaction.max.timeout.ms allows", err, timeout)
		}
		if err != nil {
			return fencedError(err)
		}
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
		if err := s.addPartitions(topics); err != nil {
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
	if err := s.addOffsets(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grouped = true
	return nil
}

// addOffsets adds the group of the transactional id to the session's transaction:
// one request less when the transaction is to end.
func (s *Session) addOffsets() error {
	r, err := s.cfg.Client.Kafka().AddOffsetsToTxn(s.ctx, &kafka.AddOffsetsToTxnRequest{
		TransactionalID: s.who.transaction, ProducerID: int(s.who.producer), ProducerEpoch: int(s.who.epoch), GroupID: s.who.transaction,
	})
	if err == nil {
		err = r.Error
	}
	return fencedError(err)
}

// addPartitions adds partitions to the session's transaction.
func (s *Session) addPartitions(topics map[string][]kafka.AddPartitionToTxn) error {
	r, err := s.cfg.Client.Kafka().AddPartitionsToTxn(s.ctx, &kafka.AddPartitionsToTxnRequest{
		TransactionalID: s.who.transaction, ProducerID: int(s.who.producer), ProducerEpoch: int(s.who.epoch), Topics: topics,
	})
	if err != nil {
		return err
	}
	for topic, partitions := range r.Topics {
		for _, p := range partitions {
			if p.Error != nil {
				return s.explain(wire.TopicPartition{Topic: topic, Partition: int32(p.Partition)}, p.Error, "")
			}
		}
	}
	return nil
}

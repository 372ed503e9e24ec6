package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

// topicState is what is known of a topic that rows go to, and when it was asked for.
type topicState struct {
	partitions []int
	id         wire.ID
	limits     topicLimits
	at         time.Time // by the engine's clock
	asked      time.Time // by the computer's
}

// partitions describes a topic.
func (s *sink) partitions(ctx context.Context, topic string) (topicState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.topics[topic]
	if ok && s.env.Clock.Now().Sub(known.at).Abs() < partitionsAge {
		return known, nil
	}
	m, err := s.client.Metadata(ctx, []string{topic})
	if err == nil && m.Topics[0].Err != nil {
		err = fmt.Errorf("topic '%s': %w", topic, m.Topics[0].Err)
	}
	switch {
	case err == nil:
		t := m.Topics[0]
		if ok && known.id != t.ID {
			s.log.Warn("the topic was deleted and made anew: what was written before is gone with it", "topic", topic)
		}
		now := topicState{partitions: make([]int, len(t.Partitions)), id: t.ID, limits: s.askLimits(ctx, topic), at: s.env.Clock.Now(), asked: time.Now()}
		for i := range now.partitions {
			now.partitions[i] = i
		}
		s.topics[topic] = now
		return now, nil
	case isUnknownTopic(err) && !ok:
		return topicState{}, fmt.Errorf("%w: make it first; the engine does not choose partitions and replicas", &missingTopicError{topic})
	case ok: // what is known still serves, and rows don't wait for each answer
		known.at, known.asked = s.env.Clock.Now().Add(outdatedAge-partitionsAge), time.Now()
		s.topics[topic] = known
		return known, nil
	}
	return topicState{}, err
}

// outdatedAge is how old what is known of a topic must be to be asked for again where
// a row names a partition that is not among it.
const outdatedAge = time.Second

// outdated forgets what is known of a topic if it is older than that, and says so.
func (s *sink) outdated(topic string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.topics[topic]
	if !ok || time.Since(known.asked) < outdatedAge {
		return false
	}
	known.at = time.Time{}
	s.topics[topic] = known
	return true
}

// noTopicError says that a row can't go where it says; any other error is one of the
// cluster, which says nothing of the row.
type noTopicError struct{ text string }

func (e *noTopicError) Error() string { return e.text }

// maxAbsent bounds how many topics that are not there are kept in mind.
const maxAbsent = 1000

// topicOfRow gives the partitions of a topic that a row names. What passes is waited
// for, as for a batch that is sent.
func (s *sink) topicOfRow(ctx context.Context, topic string) (topicState, error) {
	if !legalTopic(topic) {
		return topicState{}, &noTopicError{fmt.Sprintf("'%s' can't be the name of a topic", topic)}
	}
	if s.isAbsent(topic) {
		return topicState{}, &noTopicError{(&missingTopicError{topic}).Error()}
	}
	var of topicState
	err := persist(ctx, s.cfg.Options, optDelivery, s.log, s.setTrouble, func() (err error) {
		of, err = s.partitions(ctx, topic)
		return err
	})
	var missing *missingTopicError
	if errors.As(err, &missing) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.absent) >= maxAbsent {
			clear(s.absent)
		}
		s.absent[topic] = time.Now()
		return of, &noTopicError{missing.Error()}
	}
	return of, err
}

// isAbsent says whether a topic was not there a moment ago.
func (s *sink) isAbsent(topic string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	since, absent := s.absent[topic]
	return absent && time.Since(since) < outdatedAge
}

func (s *sink) setTrouble(text string) { s.trouble.Store(&text) }

package kafka

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

// Topics and partitions that have been read and are not there any more, or are
// others of the same name. With 'fail-on-data-loss' that ends the job; without, a
// bounded source takes it for their end, and others wait until they are there again.

// missingPatience is how long a topic may be gone from the metadata before that
// is taken for its end: brokers that start do not know all at once.
const missingPatience = 10 * time.Second

// goneError says that a topic, or a partition of it, is not there at the moment.
type goneError struct {
	topic      string
	partitions int // that the topic has; -1: there is no topic
}

// Error implements error.
func (e *goneError) Error() string {
	if e.partitions < 0 {
		return fmt.Sprintf("topic '%s' is not there any more", e.topic)
	}
	return fmt.Sprintf("the partition is not there any more: topic '%s' has %d now", e.topic, e.partitions)
}

// gone says of a partition that is not there why; nil: it is, as far as is known. The
// lock is held.
func (s *source) gone(tp wire.TopicPartition) *goneError {
	switch t := s.known[tp.Topic]; {
	case t == nil:
		return nil
	case !t.missing.IsZero():
		return &goneError{tp.Topic, -1}
	case int(tp.Partition) >= len(t.leaders):
		return &goneError{tp.Topic, len(t.leaders)}
	}
	return nil
}

// Gone implements connectors.Patient.
func (s *source) Gone(splits map[string]connectors.Offset) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	read := map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(splits)) {
		tp, err := parseSplitID(id)
		if err != nil {
			return err
		}
		at, err := decodePlace(splits[id])
		if err != nil {
			return err
		}
		read[tp.Topic] = true
		if s.known[tp.Topic] == nil { // it does not match a pattern any more
			s.known[tp.Topic] = &topic{missing: s.refreshed}
		}
		if s.strict && !(s.bounded && at.next >= at.stop) {
			return &DataLossError{name(tp), fmt.Sprintf("%v; it was read up to offset %d", s.gone(tp), at.next)}
		}
	}
	for _, name := range s.topics {
		if !s.known[name].missing.IsZero() && !read[name] {
			return &missingTopicError{name}
		}
	}
	return nil
}

// resume checks the place of an earlier run against what the cluster has now.
func (s *source) resume(ctx context.Context, p *partition) error {
	s.mu.Lock()
	gone := s.gone(p.tp)
	s.mu.Unlock()
	id := s.topicID(p.tp.Topic)
	switch {
	case s.bounded && p.at.next >= p.at.stop:
		return nil
	case gone != nil && s.bounded:
		s.skip(p, p.at.stop, p.at.stop-p.at.next, fmt.Sprintf("%v; it was read up to offset %d", gone, p.at.next))
		return nil
	case gone != nil && (gone.partitions < 0 || id == p.at.topic):
		s.warn("a partition that has been read is not there any more, waiting for it", "partition", name(p.tp), "offset", p.at.next, "error", gone)
		return nil
	case id == p.at.topic || id == (wire.ID{}):
		return nil // what is below the start of the log comes out when it is fetched
	case p.at.topic == (wire.ID{}):
		p.at.topic = id
		return nil
	}
	return s.anew(ctx, p, id, gone)
}

// anew deals with a topic that has been deleted and made anew since it was read,
// perhaps with fewer partitions.
func (s *source) anew(ctx context.Context, p *partition, id wire.ID, gone *goneError) error {
	what := fmt.Sprintf("the topic was deleted and made anew after it was read up to offset %d", p.at.next)
	if s.strict {
		return &DataLossError{name(p.tp), what}
	}
	next, lost := int64(0), int64(0)
	switch {
	case s.bounded:
		next, lost = p.at.stop, p.at.stop-p.at.next
	case gone == nil:
		found, err := s.offsets(ctx, map[wire.TopicPartition]int64{p.tp: wire.Earliest})
		if err != nil {
			return err
		}
		next = found[p.tp].Offset
	}
	p.at.topic = id
	s.skip(p, next, lost, what)
	return nil
}

// skip moves the place of a partition that is being opened past what is lost.
func (s *source) skip(p *partition, next, lost int64, what string) {
	s.warn("records are lost: "+what, "partition", name(p.tp), "lost", lost)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost += lost
	p.at.next = next
}

// noLeader deals with a partition that nobody leads; the lock is held.
func (s *source) noLeader(p *partition, now time.Time) {
	gone := s.gone(p.tp)
	if gone == nil {
		p.goneSince = time.Time{}
		s.failed(p, kafka.LeaderNotAvailable, now)
		return
	}
	if p.goneSince.IsZero() {
		p.goneSince = now
	}
	over := now.Sub(p.goneSince) > missingPatience
	switch {
	case over && s.strict:
		p.fail(&DataLossError{name(p.tp), gone.Error()})
		return
	case over && s.bounded:
		s.gap(p, p.at.stop, p.at.stop-p.fetchAt, gone.Error())
		return
	}
	s.failed(p, gone, now)
	if over {
		// There is nothing, and that is known: it does not keep others waiting for
		// longer than a partition that is silent does.
		p.unread += max(0, p.end-p.fetchAt)
		p.heard, p.end = true, p.fetchAt
		p.ready()
	}
}

// madeAnew deals with a topic that was deleted and made anew while it was read. The
// lock is held.
func (s *source) madeAnew(p *partition, from int64) bool {
	t := s.known[p.tp.Topic]
	if t == nil || !t.missing.IsZero() || t.id == p.topic || t.id == (wire.ID{}) || p.topic == (wire.ID{}) {
		return false
	}
	p.topic = t.id
	lost := p.unread + max(0, p.end-p.fetchAt)
	if s.bounded {
		from, lost = p.at.stop, p.at.stop-p.fetchAt
	}
	p.unread, p.goneSince, p.end = 0, time.Time{}, -1
	s.gap(p, from, lost, fmt.Sprintf("the topic was deleted and made anew after it was read up to offset %d", p.fetchAt))
	return true
}

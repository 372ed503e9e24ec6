package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

// start gives the place where a new job begins to read a partition: those of
// all partitions that are listed are found together.
func (s *source) start(ctx context.Context, tp wire.TopicPartition) (place, error) {
	if p, ok := s.starts[tp]; ok {
		return p, nil
	}
	var all []wire.TopicPartition
	s.mu.Lock()
	for _, sp := range s.listed {
		p, err := parseSplitID(sp.ID)
		if err == nil {
			all = append(all, p)
		}
	}
	s.mu.Unlock()
	if len(all) == 0 {
		all = []wire.TopicPartition{tp}
	}
	from, err := s.resolve(ctx, all, optStartup, optStartupTime, optStartupOffsets)
	if err != nil {
		return place{}, err
	}
	to := map[wire.TopicPartition]int64{}
	if s.bounded {
		if to, err = s.resolve(ctx, all, optBounded, optBoundedTime, optBoundedOffsets); err != nil {
			return place{}, err
		}
	}
	s.starts = map[wire.TopicPartition]place{}
	for _, p := range all {
		stop := int64(-1)
		if s.bounded {
			stop = to[p]
		}
		s.starts[p] = place{topic: s.topicID(p.Topic), next: from[p], stop: stop}
	}
	p, ok := s.starts[tp]
	if !ok {
		return place{}, fmt.Errorf("partition %s was not listed", name(tp))
	}
	return p, nil
}

func (s *source) topicID(name string) wire.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.known[name]; t != nil {
		return t.id
	}
	return wire.ID{}
}

// startFound gives the place of a partition that appeared after the job began.
func (s *source) startFound(ctx context.Context, tp wire.TopicPartition) (place, error) {
	found, err := s.offsets(ctx, map[wire.TopicPartition]int64{tp: wire.Earliest})
	if err != nil {
		return place{}, err
	}
	return place{topic: s.topicID(tp.Topic), next: found[tp].Offset, stop: -1}, nil
}

// resolve gives the offsets of a startup or bounded mode.
func (s *source) resolve(ctx context.Context, parts []wire.TopicPartition, modeOption, timeOption, offsetsOption string) (map[wire.TopicPartition]int64, error) {
	o := s.options
	beginning := modeOption == optStartup
	all := func(at int64) (map[wire.TopicPartition]int64, error) {
		ask := map[wire.TopicPartition]int64{}
		for _, p := range parts {
			ask[p] = at
		}
		found, err := s.offsets(ctx, ask)
		if err != nil {
			return nil, err
		}
		out := map[wire.TopicPartition]int64{}
		var late []wire.TopicPartition
		for p, f := range found {
			if out[p] = f.Offset; f.Offset < 0 { // nothing that late: the end
				late = append(late, p)
			}
		}
		if len(late) > 0 {
			ask = map[wire.TopicPartition]int64{}
			for _, p := range late {
				ask[p] = wire.Latest
			}
			if found, err = s.offsets(ctx, ask); err != nil {
				return nil, err
			}
			for p, f := range found {
				out[p] = f.Offset
			}
		}
		return out, nil
	}
	switch o[modeOption] {
	case modeEarliest:
		return all(wire.Earliest)
	case modeLatest:
		return all(wire.Latest)
	case modeTime:
		return all(o.Int(timeOption))
	}
	// The rest: a partition that is not given begins at its start, and ends there.
	other := int64(wire.Earliest)
	given, err := parseOffsets(o[offsetsOption], s.topics)
	if err != nil {
		return nil, err
	}
	if o[modeOption] == modeGroup {
		if given, err = s.groupOffsets(ctx, parts); err != nil {
			return nil, err
		}
		if beginning && o[optReset] == "latest" {
			other = wire.Latest
		}
		for _, p := range parts {
			if _, ok := given[p]; !ok && (beginning && o[optReset] == "none" || !beginning) {
				return nil, fmt.Errorf("group '%s' has no offset for %s\n  hint: '%s' = 'earliest' or 'latest' says where to start then; '%s' = '%s' does without a group",
					o[optGroup], name(p), optReset, optStartup, modeEarliest)
			}
		}
	}
	rest, err := all(other)
	if err != nil {
		return nil, err
	}
	for p := range given {
		if _, ok := rest[p]; !ok {
			return nil, fmt.Errorf("option '%s' names %s, which does not exist", offsetsOption, name(p))
		}
	}
	if beginning {
		if err := s.within(ctx, given); err != nil {
			return nil, err
		}
	}
	maps.Copy(rest, given)
	return rest, nil
}

// within sees to offsets to begin at that lie beyond the ends of their partitions,
// where nobody knows what comes: it is an error, unless the group's offsets have
// 'auto.offset.reset' for that, as Kafka's clients do.
func (s *source) within(ctx context.Context, given map[wire.TopicPartition]int64) error {
	ask := map[wire.TopicPartition]int64{}
	for p := range given {
		ask[p] = wire.Latest
	}
	ends, err := s.offsetsOf(ctx, ask, false)
	if err != nil {
		return err
	}
	group, reset := s.options[optStartup] == modeGroup, s.options[optReset]
	for _, p := range slices.SortedFunc(maps.Keys(given), func(a, b wire.TopicPartition) int { return strings.Compare(name(a), name(b)) }) {
		at, end := given[p], ends[p].Offset
		switch {
		case at <= end:
		case !group:
			return fmt.Errorf("option '%s': %s ends at offset %d, before %d", optStartupOffsets, name(p), end, at)
		case reset == "none":
			return fmt.Errorf("group '%s' has offset %d for %s, which ends at %d: perhaps the topic was made anew\n  hint: '%s' = 'earliest' or 'latest' says where to start then",
				s.options[optGroup], at, name(p), end, optReset)
		default:
			s.warn("the group's offset is beyond the end of the partition", "partition", name(p), "offset", at, "end", end, "reset", reset)
			delete(given, p)
		}
	}
	return nil
}

// offsets asks the leaders of partitions for offsets, as often as it takes.
func (s *source) offsets(ctx context.Context, at map[wire.TopicPartition]int64) (map[wire.TopicPartition]wire.Found, error) {
	return s.offsetsOf(ctx, at, s.committed)
}

// offsetsOf is offsets, of what transactions have committed or of all there is.
func (s *source) offsetsOf(ctx context.Context, at map[wire.TopicPartition]int64, committed bool) (map[wire.TopicPartition]wire.Found, error) {
	out := map[wire.TopicPartition]wire.Found{}
	fresh := true
	err := s.persist(ctx, func() error {
		if !fresh {
			if err := s.refresh(ctx); err != nil {
				return err
			}
		}
		fresh = false
		byLeader := map[int32]map[wire.TopicPartition]int64{}
		for tp, t := range at {
			if _, done := out[tp]; done {
				continue
			}
			l := s.leader(tp)
			if byLeader[l.broker] == nil {
				byLeader[l.broker] = map[wire.TopicPartition]int64{}
			}
			byLeader[l.broker][tp] = t
		}
		var last error
		for broker, ask := range byLeader {
			if broker < 0 {
				last = fmt.Errorf("%s: %w", someOf(ask), kafka.LeaderNotAvailable)
				continue
			}
			found, err := s.client.ListOffsets(ctx, broker, committed, ask)
			if err != nil {
				last = err
				continue
			}
			for tp, f := range found {
				if f.Err != nil {
					last = fmt.Errorf("%s: %w", name(tp), f.Err)
				} else {
					out[tp] = f
				}
			}
		}
		return last
	})
	return out, err
}

func someOf(m map[wire.TopicPartition]int64) string {
	for tp := range m {
		return name(tp)
	}
	return ""
}

func (s *source) leader(tp wire.TopicPartition) leader {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaderLocked(tp)
}

func (s *source) leaderLocked(tp wire.TopicPartition) leader {
	if t := s.known[tp.Topic]; t != nil && int(tp.Partition) < len(t.leaders) {
		return t.leaders[tp.Partition]
	}
	return leader{-1, -1}
}

// groupOffsets gives the offsets that a consumer group has.
func (s *source) groupOffsets(ctx context.Context, parts []wire.TopicPartition) (map[wire.TopicPartition]int64, error) {
	req := &kafka.OffsetFetchRequest{GroupID: s.options[optGroup], Topics: map[string][]int{}}
	for _, p := range parts {
		req.Topics[p.Topic] = append(req.Topics[p.Topic], int(p.Partition))
	}
	out := map[wire.TopicPartition]int64{}
	err := s.persist(ctx, func() error {
		r, err := s.client.Kafka().OffsetFetch(ctx, req)
		if err != nil {
			return err
		}
		err = r.Error
		for topic, list := range r.Topics {
			for _, p := range list {
				err = errors.Join(err, p.Error)
				if p.CommittedOffset >= 0 {
					out[wire.TopicPartition{Topic: topic, Partition: int32(p.Partition)}] = p.CommittedOffset
				}
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the offsets of group '%s': %w", s.options[optGroup], err)
	}
	return out, nil
}

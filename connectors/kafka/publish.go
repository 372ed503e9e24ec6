package kafka

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

// publisher tells a consumer group how far the source has been read. It knows
// the latest offsets only: what a slow group coordinator has not taken when the
// next commit comes is left out.
type publisher struct {
	src   *source
	group string
	wake  chan struct{}
	done  chan struct{}

	mu     sync.Mutex
	latest map[string]connectors.Offset // of the last commit; nil: the group has them
	last   map[string]connectors.Offset // of the last commit that was told
	told   map[string]int64
	closed bool
}

func newPublisher(s *source, group string) *publisher {
	p := &publisher{src: s, group: group, wake: make(chan struct{}, 1), done: make(chan struct{}), told: map[string]int64{}}
	go p.run()
	return p
}

// tell takes the offsets of a commit.
func (p *publisher) tell(offsets map[string]connectors.Offset) {
	p.mu.Lock()
	p.latest = offsets
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// again has the group told once more of the last commit, since a partition has been
// read farther without a record: beyond the marker at the end of a transaction, say.
func (p *publisher) again() {
	p.mu.Lock()
	if p.latest == nil {
		p.latest = p.last
	}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// lastWords is how long the end of a job waits for the group to be told.
const lastWords = 5 * time.Second

func (p *publisher) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
	<-p.done
}

func (p *publisher) run() {
	defer close(p.done)
	warned := false
	for range p.wake {
		p.mu.Lock()
		offsets, closed := p.latest, p.closed
		if p.latest = nil; offsets != nil {
			p.last = offsets
		}
		p.mu.Unlock()
		if offsets != nil {
			timeout := p.src.options.Duration(optRequestTime)
			if closed {
				timeout = min(timeout, lastWords)
			}
			ctx, cancel := context.WithTimeout(p.src.ctx, timeout)
			err := p.commit(ctx, offsets)
			cancel()
			if err != nil && !warned {
				p.src.warn("the consumer group can't be told how far the source has been read; its own commits are not affected", "group", p.group, "error", err)
			}
			warned = err != nil
		}
		if closed {
			return
		}
	}
}

// commit sends what has changed.
func (p *publisher) commit(ctx context.Context, offsets map[string]connectors.Offset) error {
	req := &kafka.OffsetCommitRequest{GroupID: p.group, GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{}}
	sent := map[string]int64{}
	for id, o := range offsets {
		tp, err := parseSplitID(id)
		if err != nil || o == nil {
			continue
		}
		at, err := decodePlace(o)
		if err != nil {
			return err
		}
		next := p.src.beyond(tp, at.next)
		if told, ok := p.told[id]; ok && told == next {
			continue
		}
		sent[id] = next
		req.Topics[tp.Topic] = append(req.Topics[tp.Topic], kafka.OffsetCommit{Partition: int(tp.Partition), Offset: next})
	}
	if len(sent) == 0 {
		return nil
	}
	for {
		err := p.try(ctx, req)
		if err == nil {
			for id, at := range sent {
				p.told[id] = at
			}
			return nil
		}
		// While the coordinator is made or moves.
		if !errors.Is(err, kafka.GroupCoordinatorNotAvailable) && !errors.Is(err, kafka.NotCoordinatorForGroup) && !errors.Is(err, kafka.GroupLoadInProgress) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// beyond gives the offset that the group is told of for one that is committed: behind
// what follows it and is no record, as far as that has been read.
func (s *source) beyond(tp wire.TopicPartition, committed int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.parts[tp]; p != nil && p.given == committed {
		return max(p.next, committed)
	}
	return committed
}

func (p *publisher) try(ctx context.Context, req *kafka.OffsetCommitRequest) error {
	r, err := p.src.client.Kafka().OffsetCommit(ctx, req)
	if err != nil {
		return err
	}
	for _, list := range r.Topics {
		for _, c := range list {
			err = cmp.Or(err, c.Error)
		}
	}
	return err
}

package kafka

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

// maxRequests is how many fetches may wait at one broker. A partition whose
// records are slow to come must not keep others waiting, so that whichever is to
// be asked for is asked for at once, in a request of its own; those that are
// answered together are asked for together again.
const maxRequests = 16

// gathering is how long a partition that has been read to its end waits for the
// other requests at its broker, to be asked for together with their partitions.
// Records that come all the time to many partitions would else be fetched one
// partition at a time for ever, at several times the requests. Once there is only
// one request nobody waits.
const gathering = time.Millisecond

// dispatch sends fetches for all partitions that want records. It is called
// whenever that may have changed, with the lock held.
func (s *source) dispatch() {
	if s.closed {
		return
	}
	now := time.Now()
	var groups map[int32][]*partition
	next := time.Time{}
	for _, p := range s.parts {
		switch {
		case p.asking || p.err != nil || p.queued >= p.want || p.done():
			continue
		case p.queued > 0 && s.used >= s.budget:
			continue
		case now.Before(p.retryAt):
			if next.IsZero() || p.retryAt.Before(next) {
				next = p.retryAt
			}
			continue
		}
		l := s.leaderLocked(p.tp)
		if l.broker < 0 {
			if s.noLeader(p, now); p.retryAt.IsZero() {
				continue // it has come to an end
			}
			if next.IsZero() || p.retryAt.Before(next) {
				next = p.retryAt
			}
			continue
		}
		p.goneSince = time.Time{}
		switch n := s.inFlight[l.broker]; {
		case n >= maxRequests:
			continue // whoever comes back sends it
		case n > 0 && now.Before(p.gatherTo):
			if next.IsZero() || p.gatherTo.Before(next) {
				next = p.gatherTo
			}
			continue
		}
		if groups == nil {
			groups = map[int32][]*partition{}
		}
		groups[l.broker] = append(groups[l.broker], p)
	}
	for broker, group := range groups {
		s.send(broker, group)
	}
	if !next.IsZero() {
		s.wakeAt(next)
	}
}

// done says that nothing beyond what was asked for is wanted.
func (p *partition) done() bool {
	return p.src.bounded && p.fetchAt >= p.at.stop || p.halt >= 0 && p.fetchAt >= p.halt
}

// wakeAt has dispatch called at a time, or before.
func (s *source) wakeAt(t time.Time) {
	d := max(time.Until(t), time.Millisecond)
	if s.timer != nil {
		s.timer.Reset(d)
		return
	}
	s.timer = time.AfterFunc(d, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.dispatch()
	})
}

// send asks a broker for the partitions of a group.
func (s *source) send(broker int32, group []*partition) {
	// A batch that is too large for what was asked for comes whole to whoever is first.
	for i := range group {
		if group[i].want > group[0].want {
			group[0], group[i] = group[i], group[0]
		}
	}
	f := &wire.FetchRequest{
		Committed: s.committed, MaxWait: s.wait, MinBytes: s.minBytes, Memory: s.buffers.get,
		MaxBytes: max(min(s.maxBytes, s.budget-s.used), group[0].want),
	}
	for _, p := range group {
		p.asking = true
		p.reserved = min(p.want, f.MaxBytes)
		s.used += p.reserved
		f.Partitions = append(f.Partitions, wire.FetchPartition{
			Topic: p.tp.Topic, ID: p.topic, Partition: p.tp.Partition, Offset: p.fetchAt,
			LeaderEpoch: s.leaderLocked(p.tp).epoch, MaxBytes: p.want,
		})
	}
	s.inFlight[broker]++
	s.fetchers.Go(func() {
		r, err := s.client.Fetch(s.ctx, broker, f)
		answers := make([]*answer, len(group))
		if err == nil {
			answers = s.read(f, r)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.inFlight[broker]--
		now := time.Now()
		for i, p := range group {
			p.asking = false
			s.used -= p.reserved
			p.reserved = 0
			switch a := answers[i]; {
			case p.closed:
				if a != nil && a.piece != nil {
					a.piece.buf.release()
				}
			case err != nil:
				s.failed(p, fmt.Errorf("broker %d: %w", broker, err), now)
			case a == nil:
				s.failed(p, errors.New("the broker's answer leaves it out"), now)
			default:
				s.take(p, a, now)
			}
		}
		s.dispatch()
	})
}

// answer is what a response has for one partition.
type answer struct {
	piece      *piece
	end, start int64
	err        error // of the partition
	bad        error // of the batches after the piece
	badEnd     int64 // offset after the first of them, as it says itself; 0: it can't
	cutOff     int   // bytes that the first batch needs, if not even one was whole
}

// read takes a response apart: by partition of the request.
func (s *source) read(f *wire.FetchRequest, r *wire.FetchResponse) []*answer {
	buf := &buffer{data: r.Memory, pool: &s.buffers}
	buf.refs.Store(1)
	defer buf.release()
	answers := make([]*answer, len(f.Partitions))
	for i := range r.Partitions {
		got := &r.Partitions[i]
		a := &answer{err: got.Err, start: got.LogStart, end: got.HighWatermark}
		answers[got.Index] = a
		if s.committed && got.LastStable >= 0 {
			a.end = got.LastStable
		}
		if got.Err == nil && len(got.Records) > 0 {
			a.cut(got, f.Partitions[got.Index].Offset, buf)
		}
	}
	return answers
}

// cut finds the batches to be given out, from an offset on.
func (a *answer) cut(got *wire.Fetched, from int64, buf *buffer) {
	p := &piece{buf: buf, end: from}
	filter := batch.NewFilter(got.Aborted)
	for data := got.Records; len(data) > 0; {
		h, err := batch.ParseHeader(data)
		if errors.Is(err, batch.ErrCutOff) {
			if p.end == from {
				a.cutOff = max(batch.Needs(data), 1) // even its length may be cut off
			}
			break
		}
		skip := false
		if err == nil {
			a.badEnd = h.LastOffset() + 1
			err = batch.Verify(data[:h.Size])
		}
		if err == nil {
			skip, err = filter.Skip(&h, data[:h.Size])
		}
		if err != nil {
			a.bad = err
			break
		}
		a.badEnd = 0
		if !skip && h.LastOffset() >= from {
			p.batches = append(p.batches, fetched{Header: h, data: data[:h.Size:h.Size]})
			p.bytes += h.Size
		}
		p.end = max(p.end, h.LastOffset()+1)
		data = data[h.Size:]
	}
	if p.end > from {
		buf.retain()
		a.piece = p
	}
}

// take takes up the answer for a partition; the lock is held.
func (s *source) take(p *partition, a *answer, now time.Time) {
	if a.err != nil {
		s.refused(p, a, now)
		return
	}
	p.end, p.heard = a.end, true
	if a.piece != nil {
		a.piece.topic = p.topic
		p.queue = append(p.queue, a.piece)
		p.queued += a.piece.bytes
		s.used += a.piece.bytes
		p.fetchAt = a.piece.end
		p.want = s.partitionBytes
		p.cutOffs, p.damaged = 0, 0
	}
	switch {
	case a.bad != nil:
		s.damaged(p, a, now)
	case a.cutOff > 0 && p.cutOffs >= maxCutOffs:
		a.bad = fmt.Errorf("the record batch at offset %d does not come whole: it says that it has %d bytes", p.fetchAt, a.cutOff)
		s.damaged(p, a, now)
	case a.cutOff > 0:
		// A batch larger than what was asked for comes whole only to a request
		// that asks for it first.
		p.cutOffs++
		p.want = max(min(2*p.want, maxBatch), min(a.cutOff, maxBatch))
	default:
		if p.failures > 0 {
			s.log.Info("kafka answers again", "source", s.name, "partition", name(p.tp))
		}
		p.failures, p.failure, p.damaged, p.retryAt, p.unread = 0, nil, 0, time.Time{}, 0
		p.gatherTo = time.Time{}
		if p.fetchAt >= p.end {
			p.gatherTo = now.Add(gathering)
		}
	}
	p.ready()
}

const (
	// maxBatch bounds the bytes asked for of a partition.
	maxBatch = 1 << 30
	// maxCutOffs is how often a batch is asked for with more room before that is taken
	// for damage: 4 MiB become maxBatch in 8 steps.
	maxCutOffs = 16
)

// failed notes a failure of the kind that passes, and when to try again.
func (s *source) failed(p *partition, err error, now time.Time) {
	if fatal(err) && s.ctx.Err() == nil {
		p.fail(named(err))
		return
	}
	p.heard = false
	if p.failures == 0 && s.ctx.Err() == nil {
		s.warn("a partition can't be read, trying again", "partition", name(p.tp), "error", err)
	}
	p.failures++
	p.failure = err
	pause := min(s.backoff<<min(p.failures-1, 20), s.backoffMax)
	// Spread, lest all come at once to a broker that has just come back.
	p.retryAt = now.Add(pause/2 + rand.N(pause/2+1))
	s.wakeAt(p.retryAt)
	s.ask()
}

// fail ends the reading of a partition.
func (p *partition) fail(err error) {
	p.err = err
	p.ready()
}

// damaged deals with a batch that fails its checks: it is asked for again, lest it
// was the way here that damaged it. If it stays so, it is passed over where records
// may be lost, if it can be told where it ends.
func (s *source) damaged(p *partition, a *answer, now time.Time) {
	var old *batch.OldFormatError
	const tries = 3
	if p.damaged++; errors.As(a.bad, &old) && (old.Magic == 0 || old.Magic == 1) {
		p.fail(&damagedError{name(p.tp), a.bad})
		return
	}
	if p.damaged <= tries {
		n := p.damaged
		s.failed(p, errors.New(a.bad.Error()), now)
		p.damaged = n
		return
	}
	if a.badEnd <= p.fetchAt || a.badEnd > a.end {
		p.fail(&damagedError{name(p.tp), a.bad})
		return
	}
	p.damaged = 0
	s.gap(p, a.badEnd, a.badEnd-p.fetchAt, a.bad.Error())
}

// refused deals with a partition that the broker has an error for.
func (s *source) refused(p *partition, a *answer, now time.Time) {
	if errors.Is(a.err, kafka.OffsetOutOfRange) {
		p.heard, p.asking = false, true
		s.work.Add(1)
		go func() {
			defer s.work.Done()
			s.outOfRange(p)
		}()
		return
	}
	s.failed(p, a.err, now)
}

// outOfRange finds where a partition can be read whose next offset is not there.
func (s *source) outOfRange(p *partition) {
	at := p.fetchAtNow()
	var first, last map[wire.TopicPartition]wire.Found
	err := s.refresh(s.ctx)
	if err == nil {
		first, err = s.offsetsOnce(p.tp, wire.Earliest)
	}
	if err == nil {
		last, err = s.offsetsOnce(p.tp, wire.Latest)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p.asking = false
	now := time.Now()
	defer s.dispatch()
	if err != nil {
		s.failed(p, err, now)
		return
	}
	from, to := first[p.tp].Offset, last[p.tp].Offset
	switch {
	case s.madeAnew(p, from):
	case at < from:
		s.gap(p, from, from-at, fmt.Sprintf("offsets %d to %d were deleted before they were read: the partition begins at %d now", at, from-1, from))
	case at > to:
		s.gap(p, to, 0, fmt.Sprintf("it was read up to offset %d, but ends at %d: records that had been read are gone", at, to))
	default:
		p.retryAt = now // it was a moment only
	}
}

func (p *partition) fetchAtNow() int64 {
	p.src.mu.Lock()
	defer p.src.mu.Unlock()
	return p.fetchAt
}

// offsetsOnce asks a partition's leader, once.
func (s *source) offsetsOnce(tp wire.TopicPartition, at int64) (map[wire.TopicPartition]wire.Found, error) {
	l := s.leader(tp)
	if l.broker < 0 {
		return nil, kafka.LeaderNotAvailable
	}
	found, err := s.client.ListOffsets(s.ctx, l.broker, false, map[wire.TopicPartition]int64{tp: at})
	if err != nil {
		return nil, err
	}
	return found, found[tp].Err
}

// gap goes on at another offset, or fails the partition; the lock is held.
func (s *source) gap(p *partition, at, lost int64, what string) {
	if s.strict {
		p.fail(&DataLossError{name(p.tp), what})
		return
	}
	s.warn("records are lost: "+what, "partition", name(p.tp), "lost", lost)
	s.lost += lost
	p.fetchAt = at
	p.failures, p.failure, p.retryAt = 0, nil, time.Time{}
	none := &buffer{}
	none.refs.Store(1)
	p.queue = append(p.queue, &piece{buf: none, topic: p.topic, end: at, jump: true})
	p.ready()
}

// minRefresh is the time between two questions for the metadata.
const minRefresh = 100 * time.Millisecond

// ask has the metadata asked for in the background, once at a time.
func (s *source) ask() {
	if s.asking || s.closed {
		return // who fails again asks again
	}
	s.asking = true
	wait := max(0, minRefresh-time.Since(s.refreshed))
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		select {
		case <-time.After(wait):
		case <-s.ctx.Done():
		}
		err := s.refresh(s.ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asking = false
		switch {
		case s.ctx.Err() != nil || err == nil:
			s.trouble = ""
		case fatal(err):
			for _, p := range s.parts {
				p.fail(err)
			}
		default:
			s.trouble = fmt.Sprintf("the cluster does not answer: %v", err)
		}
		s.moved()
		s.dispatch()
	}()
}

// moved takes up what the metadata says anew: topics that were made anew.
func (s *source) moved() {
	for _, p := range s.parts {
		if p.err == nil && !p.asking && p.failures > 0 {
			s.madeAnew(p, 0)
		}
	}
}

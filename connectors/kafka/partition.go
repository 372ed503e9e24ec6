package kafka

import (
	"context"
	"io"
	"time"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

// partition is the reader of one partition. What is above the line belongs to
// whoever calls Fetch, the rest is guarded by the source's lock.
type partition struct {
	src  *source
	tp   wire.TopicPartition
	wake chan struct{}
	rate *rate

	at   place  // after the last record claimed
	head *piece // batches being claimed; nil: none at hand
	open batch.Decompressor

	// ---
	topic    wire.ID  // as it is fetched now
	halt     int64    // StopAtNow: give nothing from here on; -1: no
	queue    []*piece // fetched, in order
	queued   int      // bytes in queue
	fetchAt  int64    // offset to ask for
	reserved int      // bytes asked for
	want     int      // bytes to ask for
	asking   bool     // a request is under way
	end      int64    // where the partition ends, as last heard; -1: not heard of
	heard    bool     // an answer has come since the last failure
	next     int64    // at.next, for reports
	given    int64    // the end of the last chunk, or the start: what a commit has at the most
	failure  error    // of the last attempt
	failures int      // in a row
	damaged  int      // of them, for a wrong CRC
	cutOffs  int      // answers in a row that had not even one batch whole
	retryAt  time.Time
	gatherTo time.Time // until then it may wait for others to be asked for together
	// goneSince is when it was found that there is no such partition any more; zero:
	// there is. unread are the records that it then had beyond fetchAt.
	goneSince time.Time
	unread    int64
	err       error // for good
	closed    bool
}

var (
	_ connectors.SplitReader = (*partition)(nil)
	_ connectors.Positioned  = (*partition)(nil)
)

// piece is the part of a fetch response that belongs to one partition: batches
// that are whole, checked and to be given out. Batches that are left out count in
// end only.
type piece struct {
	buf     *buffer
	batches []fetched
	end     int64 // offset after all of it
	bytes   int
	topic   wire.ID
	jump    bool // no batches: the place is end, even if that is before it
}

// fetched is one batch.
type fetched struct {
	batch.Header
	data []byte
	// offsets of the records, where they have gaps; found when first needed.
	offsets []int64
}

// Position implements connectors.Positioned.
func (p *partition) Position() connectors.Offset { return p.at.encode() }

// Ready implements connectors.SplitReader.
func (p *partition) Ready() <-chan struct{} { return p.wake }

// ready tells whoever waits that Fetch may have something.
func (p *partition) ready() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Close implements connectors.SplitReader.
func (p *partition) Close() error {
	s := p.src
	s.mu.Lock()
	p.closed = true
	if s.parts[p.tp] == p {
		delete(s.parts, p.tp)
	}
	queue := p.queue
	s.used -= p.queued
	p.queue, p.queued = nil, 0
	s.mu.Unlock()
	if p.head != nil {
		p.head.buf.release()
		p.head = nil
	}
	for _, q := range queue {
		q.buf.release()
	}
	p.open.Close()
	return nil
}

// Fetch implements connectors.SplitReader.
func (p *partition) Fetch(ctx context.Context, max connectors.Limits) (connectors.Chunk, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for {
		if p.head == nil {
			if err := p.take(); err != nil || p.head == nil {
				return nil, err
			}
		}
		limits, err := p.src.limits.allow(max, p)
		if err != nil {
			return nil, err
		}
		c, err := p.cut(limits)
		if err != nil {
			p.src.limits.giveBack(limits, 0, 0, p)
			return nil, err
		}
		if c != nil {
			p.src.limits.giveBack(limits, c.records, c.bytes, p)
			return c, nil
		}
		p.src.limits.giveBack(limits, 0, 0, p)
	}
}

// take makes the next piece the one at hand, or says why there is none.
func (p *partition) take() error {
	s := p.src
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bounded && p.at.next >= p.at.stop {
		return io.EOF
	}
	if p.halt >= 0 && p.at.next >= p.halt {
		return nil
	}
	if len(p.queue) > 0 {
		p.head = p.queue[0]
		p.queue[0] = nil
		p.queue = p.queue[1:]
		p.queued -= p.head.bytes
		s.used -= p.head.bytes
		p.at.topic = p.head.topic
		if p.head.jump {
			p.at.next, p.next = p.head.end, p.head.end
		}
		s.dispatch()
		return nil
	}
	switch {
	case p.err != nil:
		return p.err
	case s.closed:
		return errClosed
	case p.heard && p.end >= 0 && p.at.next >= p.end:
		return nil
	}
	s.dispatch()
	return connectors.ErrPending
}

// cut claims records of the piece at hand. It gives nil if there was nothing left
// to claim in it.
func (p *partition) cut(most connectors.Limits) (*chunk, error) {
	c := &chunk{layout: p.src.layout, tp: p.tp, buf: p.head.buf}
	limit := p.limit()
	for len(p.head.batches) > 0 && c.records < most.Records && c.bytes < most.Bytes && p.at.next < limit {
		b := &p.head.batches[0]
		if b.BaseOffset >= limit {
			p.at.next = limit
			break
		}
		from, to, err := p.within(b, limit, most.Records-c.records)
		if err != nil {
			return nil, err
		}
		room := min(to, from+most.Records-c.records)
		if p.src.limits.bytes > 0 {
			// As many as there is room for by their average, but one at least: a batch
			// may be far longer than a micro-batch is to be.
			room = min(room, from+max(1-min(1, c.records), (most.Bytes-c.bytes)*b.Count/max(1, b.Size)))
			if room == from && from < to {
				break
			}
		}
		if room > from {
			c.parts = append(c.parts, part{fetched: *b, from: from, to: room})
			c.records += room - from
			// Of a batch that is claimed in parts each bears its share.
			c.bytes += b.Size*(room-from)/b.Count + 1
			p.at.next = b.offsetOf(room-1) + 1
		}
		switch {
		case room == b.Count:
			p.at.next = max(p.at.next, b.LastOffset()+1)
			p.head.batches = p.head.batches[1:]
		case room == to:
			p.at.next = limit
		}
	}
	head, done := p.head, len(p.head.batches) == 0 || p.at.next >= limit
	if len(p.head.batches) == 0 {
		p.at.next = max(p.at.next, head.end) // past what was left out, too
	}
	if done {
		p.head = nil
	}
	switch {
	case c.records == 0:
		if done {
			head.buf.release()
		}
		p.note(nil)
		return nil, nil
	case !done:
		head.buf.retain() // else the chunk takes over the piece's share
	}
	last := &c.parts[len(c.parts)-1]
	c.end = p.at
	if c.end.next = last.offsetOf(last.to-1) + 1; last.to == last.Count {
		c.end.next = last.LastOffset() + 1
	}
	p.note(c)
	return c, nil
}

// note notes the place, and the chunk that is given; nil: there was no record.
func (p *partition) note(c *chunk) {
	p.src.mu.Lock()
	defer p.src.mu.Unlock()
	p.next = p.at.next
	switch {
	case c != nil:
		p.given = c.end.next
	case p.src.publish != nil && p.next > p.given:
		p.src.publish.again()
	}
}

// limit is the offset where reading stops.
func (p *partition) limit() int64 {
	limit := int64(1<<63 - 1)
	if p.src.bounded {
		limit = p.at.stop
	}
	p.src.mu.Lock()
	defer p.src.mu.Unlock()
	if p.halt >= 0 {
		limit = min(limit, p.halt)
	}
	return limit
}

// within gives which records of a batch lie at or after the place and before
// limit. room is how many are wanted: what is wanted whole needs no look inside.
func (p *partition) within(b *fetched, limit int64, room int) (from, to int, err error) {
	if p.at.next <= b.BaseOffset && b.LastOffset() < limit && (b.Count <= room || b.Dense()) {
		return 0, b.Count, nil
	}
	if b.Dense() {
		from = int(max(0, p.at.next-b.BaseOffset))
		to = int(min(int64(b.Count), limit-b.BaseOffset))
		return min(from, b.Count), to, nil
	}
	if b.offsets == nil {
		payload, _, err := p.open.Payload(&b.Header, b.data, nil)
		if err != nil {
			return 0, 0, p.damage(err)
		}
		var r batch.Records
		if err := r.Append(&b.Header, payload, 0, b.Count, batch.Offsets); err != nil {
			return 0, 0, p.damage(err)
		}
		b.offsets = r.Offsets
	}
	for from < b.Count && b.offsets[from] < p.at.next {
		from++
	}
	to = b.Count
	for to > from && b.offsets[to-1] >= limit {
		to--
	}
	return from, to, nil
}

func (p *partition) damage(err error) error { return &damagedError{name(p.tp), err} }

// offsetOf is the offset of record i.
func (b *fetched) offsetOf(i int) int64 {
	if b.offsets != nil {
		return b.offsets[i]
	}
	return b.BaseOffset + int64(i)
}

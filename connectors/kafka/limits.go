package kafka

import (
	"sync"
	"time"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/internal/clock"
)

// limits are the source's limits per micro-batch and second.
type limits struct {
	clock     clock.Clock
	records   int64 // per micro-batch; 0: no limit
	bytes     int64
	perSecond int64 // per partition

	mu          *sync.Mutex
	leftRecords int64
	leftBytes   int64 // may fall below 0: a record is given whole
	given       int64 // records given, or about to be, in all
	givenBytes  int64
}

func newLimits(o catalog.Options, c clock.Clock) limits {
	if c == nil {
		c = clock.System{}
	}
	l := limits{clock: c, records: o.Int(optMaxOffsets), bytes: o.Bytes(optMaxBytes), perSecond: o.Int(optMaxRate), mu: new(sync.Mutex)}
	l.leftRecords, l.leftBytes = l.records, l.bytes
	return l
}

// reset begins a micro-batch; it gives false if there are no limits to one. What
// was given beyond placed records is part of it.
func (l *limits) reset(placed int64) bool {
	if l.records == 0 && l.bytes == 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	part := max(0, l.given-placed)
	l.leftRecords, l.leftBytes = max(0, l.records-part), l.bytes
	if part > 0 {
		l.leftBytes -= l.givenBytes / l.given * part // by their average
	}
	return true
}

// allow takes from the limits what a fetch may give, or gives the error that says
// that it is nothing now.
func (l *limits) allow(most connectors.Limits, p *partition) (connectors.Limits, error) {
	if l.records > 0 || l.bytes > 0 {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.records > 0 && l.leftRecords == 0 || l.bytes > 0 && l.leftBytes <= 0 {
			return most, connectors.ErrHeld
		}
		if l.bytes > 0 {
			most.Bytes = int(min(int64(most.Bytes), l.leftBytes))
		}
		if l.records > 0 {
			most.Records = int(min(int64(most.Records), l.leftRecords))
		}
	}
	if l.perSecond > 0 {
		n := p.rate.take(l, int64(most.Records), p)
		if n == 0 {
			return most, connectors.ErrPending
		}
		most.Records = int(n)
	}
	if l.records > 0 {
		l.leftRecords -= int64(most.Records)
	}
	if l.records > 0 || l.bytes > 0 {
		l.given += int64(most.Records)
	}
	return most, nil
}

// giveBack returns what was allowed and has not been used.
func (l *limits) giveBack(allowed connectors.Limits, records, bytes int, p *partition) {
	if l.perSecond > 0 {
		p.rate.tokens += float64(allowed.Records - records)
	}
	if l.records == 0 && l.bytes == 0 {
		return
	}
	l.mu.Lock()
	rest := int64(allowed.Records - records)
	wasNone := l.leftRecords == 0
	l.leftRecords += rest
	l.given -= rest
	l.leftBytes -= int64(bytes)
	l.givenBytes += int64(bytes)
	l.mu.Unlock()
	if wasNone && rest > 0 {
		// Others may have found nothing left meanwhile.
		p.src.mu.Lock()
		for _, o := range p.src.parts {
			if o != p {
				o.ready()
			}
		}
		p.src.mu.Unlock()
	}
}

// rate is a partition's allowance of records a second. It belongs to its reader.
type rate struct {
	tokens float64
	at     time.Time
	armed  bool
	mu     sync.Mutex // guards armed
}

func (l *limits) newRate() *rate {
	return &rate{at: l.clock.Now()}
}

// burst is how much of a second's records may come at once.
const burst = 10 // a tenth

// take gives how many records may be read now, at most n. If none, the partition is
// told when there are some.
func (r *rate) take(l *limits, n int64, p *partition) int64 {
	now := l.clock.Now()
	perSecond := float64(l.perSecond)
	r.tokens = min(r.tokens+now.Sub(r.at).Seconds()*perSecond, max(perSecond/burst, 1))
	r.at = now
	if r.tokens < 1 {
		r.arm(l, time.Duration((1-r.tokens)/perSecond*float64(time.Second))+time.Millisecond, p)
		return 0
	}
	n = min(n, int64(r.tokens))
	r.tokens -= float64(n)
	return n
}

func (r *rate) arm(l *limits, d time.Duration, p *partition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.armed {
		return
	}
	r.armed = true
	after := l.clock.After(d)
	p.src.work.Add(1)
	go func() {
		defer p.src.work.Done()
		select {
		case <-after:
		case <-p.src.ctx.Done():
		}
		r.mu.Lock()
		r.armed = false
		r.mu.Unlock()
		p.ready()
	}()
}

package numbered

import (
	"sync"
	"time"

	"github.com/streamsql/streamsql/internal/clock"
)

// pace says which rows are due: row base at the start and then rate rows a
// second, on average. What was not fetched in time is due at once.
//
// Rows are counted over all splits; each reader has a pace of its own.
type pace struct {
	clock clock.Clock
	rate  int64
	start time.Time
	base  int64

	ready chan struct{} // gets a token when rows may have become due

	mu      sync.Mutex
	waiting bool          // a goroutine will send a token
	done    chan struct{} // closed by close
}

// tick is how long a reader sleeps at least where several rows come due in it, so
// that a high rate comes in batches.
const tick = 5 * time.Millisecond

func newPace(c clock.Clock, rate, base int64) *pace {
	return &pace{clock: c, rate: rate, start: c.Now(), base: base, ready: make(chan struct{}, 1), done: make(chan struct{})}
}

// due gives how many rows of all splits are due.
func (p *pace) due() int64 {
	elapsed := max(p.clock.Now().Sub(p.start), 0)
	// Whole seconds apart, so that the products stay below 2^63.
	seconds, rest := int64(elapsed/time.Second), int64(elapsed%time.Second)
	return p.base + seconds*p.rate + rest*p.rate/int64(time.Second) + 1
}

// wakeFor sees to it that ready gets a token when row index is due.
func (p *pace) wakeFor(index int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting {
		return
	}
	p.waiting = true
	seconds, rest := (index-p.base)/p.rate, (index-p.base)%p.rate
	due := time.Duration(seconds)*time.Second + time.Duration((rest*int64(time.Second)+p.rate-1)/p.rate)
	wait := due - p.clock.Now().Sub(p.start)
	if time.Second/time.Duration(p.rate) < tick {
		wait = max(wait, tick)
	}
	after := p.clock.After(wait)
	go func() {
		select {
		case <-after:
		case <-p.done:
			return
		}
		// In this order: a reader that finds waiting set gets the token below.
		p.mu.Lock()
		p.waiting = false
		p.mu.Unlock()
		select {
		case p.ready <- struct{}{}:
		default:
		}
	}()
}

// close ends what wakeFor started.
func (p *pace) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.done:
	default:
		close(p.done)
	}
}

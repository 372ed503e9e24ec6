package op

import "time"

// Ticker says when an interval of the clock is over: at its multiples since 1970.
type Ticker struct {
	every int64 // us
	next  int64
}

// NewTicker makes the Ticker of an interval.
func NewTicker(every time.Duration) Ticker { return Ticker{every: every.Microseconds()} }

// Tick says whether a multiple of the interval has passed since the last call. It has
// too if the clock was put back by more than the interval: nobody is to wait until it
// is where it was.
func (t *Ticker) Tick(now time.Time) bool {
	us := now.UnixMicro()
	if us < t.next && us >= t.next-2*t.every {
		return false
	}
	first := t.next == 0
	t.next = (us/t.every + 1) * t.every
	return !first
}

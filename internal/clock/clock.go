// Package clock is the only way in which the engine reads the time, so that
// tests can run under a virtual clock.
package clock

import (
	"sync"
	"time"
)

// Clock tells the time and wakes sleepers.
type Clock interface {
	// Now is the current time.
	Now() time.Time
	// After gives a channel that receives once the clock has advanced by d.
	After(d time.Duration) <-chan time.Time
}

// System is the computer's clock.
type System struct{}

// Now implements Clock.
func (System) Now() time.Time { return time.Now() }

// After implements Clock.
func (System) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Virtual is a clock that stands still until Advance moves it.
type Virtual struct {
	mu      sync.Mutex
	now     time.Time
	waiters []waiter
}

type waiter struct {
	at time.Time
	ch chan time.Time
}

// NewVirtual gives a clock that stands at start.
func NewVirtual(start time.Time) *Virtual { return &Virtual{now: start} }

// Now implements Clock.
func (v *Virtual) Now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

// After implements Clock.
func (v *Virtual) After(d time.Duration) <-chan time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	ch := make(chan time.Time, 1)
	at := v.now.Add(d)
	if d <= 0 {
		ch <- v.now
		return ch
	}
	v.waiters = append(v.waiters, waiter{at, ch})
	return ch
}

// Advance moves the clock and wakes whoever waited for a time up to then.
func (v *Virtual) Advance(d time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = v.now.Add(d)
	rest := v.waiters[:0]
	for _, w := range v.waiters {
		if w.at.After(v.now) {
			rest = append(rest, w)
		} else {
			w.ch <- v.now
		}
	}
	v.waiters = rest
}

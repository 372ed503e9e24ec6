package exec

import "sync"

// events wakes the goroutines of a job when there may be something to do.
// A goroutine takes the version, looks for work, and waits for a later one.
type events struct {
	mu   sync.Mutex
	cond *sync.Cond
	n    uint64
	ch   chan struct{} // for those who wait for other things too
}

func newEvents() *events {
	e := &events{}
	e.cond = sync.NewCond(&e.mu)
	return e
}

func (e *events) version() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.n
}

// signal makes all waiters look again.
func (e *events) signal() {
	e.mu.Lock()
	e.n++
	if e.ch != nil {
		close(e.ch)
		e.ch = nil
	}
	e.mu.Unlock()
	e.cond.Broadcast()
}

// wait returns once the version is above seen.
func (e *events) wait(seen uint64) {
	e.mu.Lock()
	for e.n == seen {
		e.cond.Wait()
	}
	e.mu.Unlock()
}

// changed gives a channel that is closed once the version is above seen.
func (e *events) changed(seen uint64) <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.n != seen {
		return closedChan
	}
	if e.ch == nil {
		e.ch = make(chan struct{})
	}
	return e.ch
}

var closedChan = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

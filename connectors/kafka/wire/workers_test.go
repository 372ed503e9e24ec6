package wire

import (
	"sync"
	"sync/atomic"
	"testing"
)

// TestWorkers: all that is given runs, also what runs gives, at the same time if it
// has to; Close waits for it.
func TestWorkers(t *testing.T) {
	var w Workers
	var ran atomic.Int32
	var both sync.WaitGroup
	both.Add(2)
	for range 2 { // each waits for the other
		w.Go(func() {
			both.Done()
			both.Wait()
			w.Go(func() { ran.Add(1) })
			ran.Add(1)
		})
	}
	both.Wait()
	for range 100 {
		done := make(chan bool)
		w.Go(func() { ran.Add(1); close(done) })
		<-done
	}
	w.Close()
	if n := ran.Load(); n != 104 {
		t.Errorf("%d of 104 have run", n)
	}
}

package exec

import (
	"testing"
	"time"
)

// TestCredit: a job that works off r bytes a second is given what it does in half a
// commit interval, within bounds, whatever it was given before.
func TestCredit(t *testing.T) {
	const most = 64 << 20
	for _, rate := range []float64{1 << 10, 1 << 20, 10 << 20, 100 << 20, 10 << 30} {
		c := newCredit(most, time.Second)
		for barrier := range 100 {
			if barrier == 50 {
				rate *= 3
			}
			queued := c.now.Load()
			if !c.spent(queued) || c.spent(queued-1) {
				t.Fatalf("a credit of %d is spent by exactly so much", queued)
			}
			c.passed(queued, time.Duration(float64(queued)/rate*float64(time.Second)))
			want := min(max(rate/2, most/64), most)
			if got := float64(c.now.Load()); barrier%50 > 10 && (got > 1.01*want || got < want/2.01) {
				t.Fatalf("barrier %d, %.0f bytes/s: %.0f bytes, want %.0f at most and half of it at least", barrier, rate, got, want)
			}
		}
	}
	// What is queued for want of input says nothing.
	c := newCredit(most, time.Second)
	before := c.now.Load()
	for range 10 {
		c.passed(100, time.Millisecond)
	}
	if c.now.Load() != before {
		t.Errorf("%d bytes after barriers that nothing waited for, want %d", c.now.Load(), before)
	}
}

package op

import (
	"testing"
	"time"
)

// A Ticker ticks at multiples of its interval, and does not wait for a clock that
// was put back to come to where it was.
func TestTicker(t *testing.T) {
	k := NewTicker(10 * time.Second)
	for i, step := range []struct {
		at   int64
		tick bool
	}{
		{1003, false}, {1009, false}, {1010, true}, {1019, false}, {1031, true}, {1032, false},
		{1029, false}, // a little back: the time to come is that of before
		{1040, true},
		{500, true}, {505, false}, {510, true}, // far back
		{90_000, true}, {90_009, false}, {90_010, true}, // far ahead
	} {
		if got := k.Tick(time.Unix(step.at, 0)); got != step.tick {
			t.Errorf("step %d, at %d: %t", i, step.at, got)
		}
	}
}

// What has expired is looked for again after a clock was put back.
func TestSweepDue(t *testing.T) {
	for _, x := range []struct {
		t, last, ttl int64
		due          bool
	}{{100, MinTime, 40, true}, {109, 100, 40, false}, {110, 100, 40, true}, {50, 100, 40, true}, {100, MinTime, 0, false}, {MinTime, 100, 40, false}} {
		if got := SweepDue(x.t, x.last, x.ttl); got != x.due {
			t.Errorf("%+v: %t", x, got)
		}
	}
}

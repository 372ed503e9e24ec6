package clocktest

import (
	"testing"
	"time"

	"github.com/streamsql/streamsql/internal/clock"
)

var _ clock.Clock = (*Jumping)(nil)

// A jump changes the date and no duration.
func TestJumping(t *testing.T) {
	var c Jumping
	was := time.Duration(0)
	for _, d := range []time.Duration{0, time.Hour, -25 * time.Hour, 48 * time.Hour} {
		before := c.Now()
		c.Jump(d)
		was += d
		after := c.Now()
		if got := after.Sub(before); got < 0 || got > time.Minute {
			t.Errorf("%s: the time between the readings is %s", d, got)
		}
		if got := time.Duration(after.UnixNano() - before.UnixNano()); (got - d).Abs() > time.Minute {
			t.Errorf("%s: the date has moved by %s", d, got)
		}
		if got := time.Duration(after.UnixNano() - time.Now().UnixNano()); (got - was).Abs() > time.Minute {
			t.Errorf("%s: the date is %s from that of the computer", was, got)
		}
	}
}

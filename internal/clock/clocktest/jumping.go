// Package clocktest has a clock that is set while it runs, as somebody, a time server
// or a machine that wakes up sets that of a computer.
package clocktest

import (
	"sync/atomic"
	"time"
	"unsafe"
)

// Jumping is the computer's clock, whose date can be moved. Between two of its
// readings the time that has really passed can still be told.
type Jumping struct{ seconds atomic.Int64 }

// Jump moves the date, by whole seconds, from where it is now.
func (j *Jumping) Jump(d time.Duration) { j.seconds.Add(int64(d / time.Second)) }

// Now implements clock.Clock.
func (j *Jumping) Now() time.Time {
	t := time.Now()
	// A time.Time that has both readings begins with a word that holds the date in
	// seconds, above 30 bits of nanoseconds and below one that says so; the other
	// reading is in the next word. TestJumping sees to it that this is still so.
	*(*uint64)(unsafe.Pointer(&t)) += uint64(j.seconds.Load()) << 30
	return t
}

// After implements clock.Clock.
func (j *Jumping) After(d time.Duration) <-chan time.Time { return time.After(d) }

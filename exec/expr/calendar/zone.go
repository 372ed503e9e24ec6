package calendar

import "time"

// Local converts between UTC and the wall clock of a zone. It remembers the
// stretch between two changes of the clocks that it saw last, so a column costs
// little more than an addition a row. One goroutine each.
type Local struct {
	zone     *time.Location
	from, to int64 // us; the offset holds in [from, to)
	offset   int64 // us to add to UTC
}

// NewLocal makes a converter for a zone.
func NewLocal(zone *time.Location) Local { return Local{zone: zone} }

// FromUTC gives the wall clock's reading at a point in time.
func (l *Local) FromUTC(us int64) int64 {
	if us < l.from || us >= l.to {
		l.look(us)
	}
	return us + l.offset
}

func (l *Local) look(us int64) {
	t := time.UnixMicro(us).In(l.zone)
	_, sec := t.Zone()
	l.offset = int64(sec) * Second
	start, end := t.ZoneBounds()
	l.from, l.to = -1<<63, 1<<63-1
	if !start.IsZero() {
		l.from = start.UnixMicro()
	}
	if !end.IsZero() {
		l.to = end.UnixMicro()
	}
}

// ToUTC gives the point in time of a wall clock's reading. One that occurs twice
// is the earlier; one that is skipped is moved on by the gap, as in Java.
func (l *Local) ToUTC(us int64) int64 {
	l.FromUTC(us) // a stretch near by
	guess := us - l.offset
	l.FromUTC(guess - Day)
	before := us - l.offset
	l.FromUTC(guess + Day)
	after := us - l.offset
	if before == after {
		return before
	}
	if l.FromUTC(before) == us {
		return before // the offset from before the change still held
	}
	if l.FromUTC(after) == us {
		return after
	}
	return before // in the gap
}

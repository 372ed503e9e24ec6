package op

import "math"

// Touch is the time of the last row that touched some state with a time to live: of
// its watermark, or of the clock, in microseconds, moved so that it fits a word of
// zeros that stands for no row at all. The least one is that of rows that came before
// their split had a watermark: what only they have touched does not expire.
type Touch uint64

const atStart Touch = 1

// TouchAt is the touch at time t.
func TouchAt(t int64) Touch { return max(atStart, Touch(t)^1<<63) }

// Over says whether the time to live, in microseconds, is over at time t; 0 lasts for
// ever.
func (touch Touch) Over(t, ttl int64) bool {
	if touch <= atStart || t == MinTime || ttl == 0 {
		return false
	}
	last := int64(touch ^ 1<<63)
	return last < math.MaxInt64-ttl && t > last+ttl
}

// SweepDue says whether what has expired should be looked for at time t, the last
// time having been at last: every quarter of the time to live, so that state is kept
// for a quarter longer at most, and a sweep costs no more than the rows of that time
// did.
func SweepDue(t, last, ttl int64) bool {
	return ttl > 0 && t != MinTime && (last == MinTime || t-last >= ttl/4 || t < last)
}

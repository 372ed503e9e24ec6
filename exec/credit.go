package exec

import (
	"sync/atomic"
	"time"
)

// credit bounds the bytes between the sources and the operators by what these get
// done in a short time, as Flink's buffer debloating does: a barrier waits behind all
// that is queued, so the time of a commit, and of a stop, is that of the queue. A
// fixed number of bytes that a fast job needs to keep its cores busy is half a
// minute of work to a slow one.
type credit struct {
	most, least int64
	target      time.Duration // in which a barrier is to get through

	now     atomic.Int64
	limited atomic.Bool // something was not fetched for it since the last barrier
}

// newCredit gives a credit of at most so many bytes, for commits at an interval.
func newCredit(most int64, interval time.Duration) *credit {
	c := &credit{most: most, least: max(1, most/64), target: min(max(interval/2, 100*time.Millisecond), time.Second)}
	c.now.Store(max(1, most/4))
	return c
}

// spent says whether nothing more is to be fetched while so much is queued.
func (c *credit) spent(queued int64) bool {
	if queued == 0 || queued < c.now.Load() {
		return false
	}
	c.limited.Store(true)
	return true
}

// passed takes up how long a barrier took through what was queued before it.
func (c *credit) passed(queued int64, took time.Duration) {
	limit := c.now.Load()
	limited := c.limited.Swap(false)
	within := c.most // what gets done in the target, as far as that can be told
	if took > 0 {
		within = int64(min(float64(c.most), float64(queued)*c.target.Seconds()/took.Seconds()))
	}
	switch {
	case took > c.target:
		limit = min(limit, within)
	case limited && queued >= limit/2: // a short queue says little
		limit = max(limit, min(2*limit, within))
	}
	c.now.Store(min(c.most, max(c.least, limit)))
}

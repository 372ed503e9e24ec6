package exec

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/internal/clock"
)

// reader hands out the work of fetching chunks: which split next, how much, and
// whether at all. Tasks call next from their own goroutines; one fetch per
// split runs at a time. It shares the sequencer's lock, because the choice of a
// split depends on where the order stands.
type reader struct {
	q     *sequencer
	clock clock.Clock

	batchRows  int
	chunkBytes int
	// inflight counts the bytes of fetched chunks and of batches in inboxes;
	// nothing is fetched while that is more than the credit.
	inflight atomic.Int64
	peak     atomic.Int64 // the most that inflight has been
	credit   *credit

	// Guarded by q.mu.
	open      bool  // the gate of the trigger
	remaining int64 // records that --max-rows still allows; -1: no limit
	claimed   int   // fetches and decodes under way
	wake      func()
	// quota is how many records may be read before the next barrier; -1: no limit.
	quota int64
	rank  func(source, split string) int // nil: the split that is behind in time
	// allowance is how many bytes may still be fetched before the next barrier,
	// because the commit of the one before is not done; -1: no limit.
	allowance int64
}

// next fetches a chunk. It gives nil if there is nothing to do now; more says
// that another split could be tried at once.
func (r *reader) next(ctx context.Context) (c *chunk, more bool, err error) {
	sp, limits, asked := r.claim()
	if sp == nil {
		return nil, false, nil
	}
	raw, err := sp.fetch(ctx, limits)
	now := r.clock.Now()

	r.q.mu.Lock()
	defer r.wake()
	defer r.q.mu.Unlock()
	sp.busy = false
	r.spend(-int64(limits.Records))
	switch {
	case errors.Is(err, io.EOF):
		r.claimed--
		sp.eof = true
		r.q.finishSplit(sp)
		r.q.pump() // the fixed merge may have waited for this end
		return nil, true, nil
	case errors.Is(err, connectors.ErrPending):
		// Not silent: what there is will come, or its end be known.
		r.claimed--
		sp.empty, sp.quiet = sp.asked == asked, time.Time{}
		return nil, true, nil
	case errors.Is(err, connectors.ErrHeld):
		r.claimed--
		sp.empty, sp.dry, sp.held, sp.quiet = sp.asked == asked, true, true, time.Time{}
		return nil, true, nil
	case err != nil:
		r.claimed--
		return nil, false, err
	case raw == nil:
		r.claimed--
		r.q.polled(sp, now)
		sp.empty = sp.asked == asked
		return nil, true, nil
	}
	n := int64(raw.Records())
	r.spend(n)
	sp.empty, sp.lastData, sp.quiet = false, now, time.Time{}
	sp.fetched += n
	c = &chunk{split: sp, num: sp.nextNum, raw: raw, now: now, bytes: raw.Bytes()}
	sp.nextNum++
	r.queued(int64(c.bytes))
	if r.allowance >= 0 {
		r.allowance = max(0, r.allowance-int64(c.bytes))
	}
	return c, true, nil
}

// queued adds to what is between the sources and the operators.
func (r *reader) queued(bytes int64) {
	n := r.inflight.Add(bytes)
	for {
		p := r.peak.Load()
		if n <= p || r.peak.CompareAndSwap(p, n) {
			return
		}
	}
}

// decoded says that a chunk from next has been offered to the sequencer.
func (r *reader) decoded() {
	r.q.mu.Lock()
	r.claimed--
	r.q.mu.Unlock()
	r.wake()
}

// spend takes n records off the limits.
func (r *reader) spend(n int64) {
	if r.remaining >= 0 {
		r.remaining -= n
	}
	if r.quota >= 0 {
		r.quota -= n
	}
}

// claim chooses a split to fetch from and marks it busy.
func (r *reader) claim() (sp *split, max connectors.Limits, asked int) {
	r.q.mu.Lock()
	defer r.q.mu.Unlock()
	if !r.open || r.remaining == 0 || r.quota == 0 || r.allowance == 0 {
		return nil, max, 0
	}
	best := r.choose()
	if best == nil {
		return nil, max, 0
	}
	max = connectors.Limits{Records: r.batchRows, Bytes: r.chunkBytes}
	if r.q.merge {
		max.Records = min(max.Records, int(mergeBlock-best.fetched%mergeBlock))
	}
	for _, limit := range []int64{r.remaining, r.quota} {
		if limit >= 0 {
			max.Records = int(min(int64(max.Records), limit))
		}
	}
	r.spend(int64(max.Records))
	best.busy = true
	r.claimed++
	return best, max, best.asked
}

// choose gives the split to read next, or nil.
func (r *reader) choose() *split {
	if r.q.merge && (r.remaining >= 0 || r.quota >= 0) {
		// A limited number of records is read in the very order of the merge:
		// those of a split whose turn does not come would use it up.
		if sp := r.q.mergeTurn(); r.claimed == 0 && sp != nil && sp.waits() {
			return sp
		}
		return nil
	}
	r.q.settle()
	full := r.credit.spent(r.inflight.Load())
	var best *split
	for _, s := range r.q.sources {
		for _, sp := range s.splits {
			if !sp.waits() && (r.rank == nil || !sp.busy) {
				continue
			}
			if sp.ahead() || sp.waitsForOwn() {
				sp.quiet = time.Time{} // what is not asked is not silent
				continue
			}
			ahead := sp.nextNum - sp.seqNum
			if r.q.merge {
				// The merge may need this very split to go on: full does not
				// hold it back, the number of chunks ahead does.
				if ahead >= mergeAhead || full && ahead > 0 {
					continue
				}
			} else if full {
				continue
			}
			if best == nil || r.before(sp, best) {
				best = sp
			}
		}
	}
	if best != nil && best.busy {
		return nil // by rank it is this one's turn
	}
	return best
}

// waits says that a split may have records and nobody fetches them.
func (sp *split) waits() bool { return !sp.busy && !sp.eof && !sp.empty && sp.reader != nil }

// before says whether a is to be read rather than b.
func (r *reader) before(a, b *split) bool {
	if r.rank != nil {
		return r.rank(a.source.scan.Source, a.id) < r.rank(b.source.scan.Source, b.id)
	}
	return a.w < b.w || a.w == b.w && a.nextNum-a.seqNum < b.nextNum-b.seqNum
}

// mergeAhead is how many chunks of a split may be fetched before their turn in
// the fixed merge.
const mergeAhead = 4

// pollInterval is how often a split that had nothing is asked again, if its reader
// can't tell by itself. Others are asked as often as IDLE TIMEOUT needs to know of
// their silence, a hundred times in it, within bounds; and at quietInterval, which is
// for those that hold the watermark back.
const (
	pollInterval     = 5 * time.Millisecond
	idlePollInterval = 100 * time.Millisecond
	quietInterval    = time.Second
)

// pollEvery is how often a split that has nothing is asked again.
func (sp *split) pollEvery() time.Duration {
	wm := sp.source.scan.Watermark
	switch {
	case !sp.tells:
		return pollInterval
	case wm != nil && wm.IdleTimeout > 0:
		return min(max(wm.IdleTimeout/100, pollInterval), idlePollInterval)
	}
	return quietInterval
}

// poll asks empty splits again at intervals, until ctx ends. The clock is the
// engine's: under a virtual clock nothing is asked while it stands still.
func (r *reader) poll(ctx context.Context) {
	pause := pollInterval
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.clock.After(pause):
		}
		pause = r.retryDue(r.clock.Now())
	}
}

// retryDue asks the splits again whose time has come, and gives the time to the next.
func (r *reader) retryDue(now time.Time) time.Duration {
	r.q.mu.Lock()
	pause, any := quietInterval, false
	for _, s := range r.q.sources {
		for _, sp := range s.splits {
			if sp.eof {
				continue
			}
			every := sp.pollEvery()
			// What is due soon is due now: a pause for each split would be one too many.
			if d := every - now.Sub(sp.polledAt); d > pollInterval/2 {
				pause = min(pause, d)
				continue
			}
			pause = min(pause, every)
			sp.polledAt = now
			any = any || sp.empty
			sp.empty = false
			sp.asked++
		}
	}
	r.q.mu.Unlock()
	if any {
		r.wake() // who is asking is not waited for: it wakes others when it is done
	}
	return pause
}

// watch asks a split again whenever its reader says so.
func (r *reader) watch(ctx context.Context, sp *split, ready <-chan struct{}) {
	r.q.mu.Lock()
	sp.tells = true
	r.q.mu.Unlock()
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-ready:
			if !ok {
				return
			}
			r.retry(sp)
		}
	}
}

// retry lets a split that had nothing be asked again.
func (r *reader) retry(sp *split) {
	r.q.mu.Lock()
	sp.empty = false
	sp.asked++
	r.q.mu.Unlock()
	r.wake()
}

// setOpen opens or closes the gate.
func (r *reader) setOpen(open bool) {
	r.q.mu.Lock()
	r.open = open
	if open {
		for _, s := range r.q.sources {
			for _, sp := range s.splits {
				sp.dry, sp.held = false, false
			}
		}
	}
	r.q.mu.Unlock()
	r.wake()
}

// nextTrigger begins a micro-batch at the sources that limit it, after the barrier
// with that cut of the sources.
func (r *reader) nextTrigger(sources []sourceCut) {
	r.q.mu.Lock()
	for _, s := range r.q.sources {
		for _, sp := range s.splits {
			if sp.held {
				sp.dry, sp.held, sp.empty = false, false, false
				sp.asked++
			}
		}
	}
	r.q.mu.Unlock()
	for i, s := range r.q.sources {
		if p, ok := s.conn.(connectors.Paced); ok {
			placed := -s.restored
			for _, sp := range sources[i].Splits {
				placed += sp.Records
			}
			p.NextTrigger(placed)
		}
	}
	r.wake()
}

// nextTriggerNow begins one where no barrier is needed.
func (r *reader) nextTriggerNow() {
	r.q.mu.Lock()
	cuts := r.q.cutSources()
	r.q.mu.Unlock()
	r.nextTrigger(cuts)
}

// held says that a source keeps records for the next micro-batch.
func (r *reader) held() bool {
	r.q.mu.Lock()
	defer r.q.mu.Unlock()
	for _, s := range r.q.sources {
		for _, sp := range s.splits {
			if sp.held {
				return true
			}
		}
	}
	return false
}

// stop closes the gate. Tasks may call it: it wakes nobody.
func (r *reader) stop() {
	r.q.mu.Lock()
	r.open = false
	r.q.mu.Unlock()
}

// caughtUp says that every split has ended or had nothing since the gate was
// opened, or is held back by alignment with one that had (or the row limit is
// reached), and all that was fetched is placed.
func (r *reader) caughtUp() bool {
	r.q.mu.Lock()
	defer r.q.mu.Unlock()
	if r.claimed > 0 || len(r.q.ready) > 0 {
		return false
	}
	r.q.settle()
	for _, s := range r.q.sources {
		for _, sp := range s.splits {
			if len(sp.parked) > 0 || !sp.eof && !sp.dry && !sp.ahead() && r.remaining != 0 {
				return false
			}
		}
	}
	return true
}

// limitReached says that --max-rows has been read.
func (r *reader) limitReached() bool {
	r.q.mu.Lock()
	defer r.q.mu.Unlock()
	return r.remaining == 0 && r.claimed == 0
}

// limitAfter bounds what is fetched to the credit from d on, until the returned
// function is called: a commit that takes longer than its interval must not let
// the next micro-batch grow without bound.
func (r *reader) limitAfter(ctx context.Context, d time.Duration) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-ctx.Done():
		case <-r.clock.After(d):
			r.setAllowance(r.credit.now.Load())
		}
	}()
	return func() {
		cancel()
		<-done
		r.setAllowance(-1)
	}
}

func (r *reader) setAllowance(n int64) {
	r.q.mu.Lock()
	r.allowance = n
	r.q.mu.Unlock()
	r.wake()
}

func (r *reader) setQuota(n int64) {
	r.q.mu.Lock()
	r.quota = n
	r.q.mu.Unlock()
	r.wake()
}

// quotaRead says that all records that the next barrier waits for have their
// place in the order.
func (r *reader) quotaRead() bool {
	r.q.mu.Lock()
	defer r.q.mu.Unlock()
	return r.quota == 0 && r.claimed == 0
}

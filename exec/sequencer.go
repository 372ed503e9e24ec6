package exec

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/exec/op"
)

// sequencer puts the decoded chunks of all splits into the one order in which
// every shard takes them, and keeps the watermarks along that order. Chunks of
// one split follow each other as in the split; across splits the order is that
// of arrival, or the fixed merge over bounded inputs (semantics 1).
//
// Barriers, ends of sources and bare watermark advances are items of the same
// order, so that all shards see them between the same two chunks.
type sequencer struct {
	mu      sync.Mutex
	sources []*source
	merge   bool // the fixed merge
	hold    bool // --end hold: the end of a bounded input is no end of time
	upToNow bool // a split that has nothing has nothing more for this run
	aligned []*alignment

	nextSeq int64
	epoch   uint64   // the epoch that chunks sequenced now belong to
	ready   []*chunk // sequenced, not yet taken by a task
	cur     *split   // fixed merge: the split whose block is being taken
	post    func(item)
	log     *slog.Logger
	records int64 // records sequenced in this run
	fresh   bool  // something was sequenced since the last barrier
	closed  bool  // the last barrier stands: nothing gets a place any more
}

// item is what shards receive in sequence besides the rows of chunks.
type item struct {
	seq   int64
	marks []int64 // watermarks of the sources from here on; nil: unchanged
	// barrier closes epoch; ends lists sources that have ended for good.
	barrier bool
	epoch   uint64
	ends    []int
	// now is the clock's reading, for operators that go by it; zero: none.
	now time.Time
}

// offer hands over a decoded chunk. It and whatever waited for it get their
// place in the order.
func (q *sequencer) offer(c *chunk) {
	q.mu.Lock()
	defer q.mu.Unlock()
	c.split.parked[c.num] = c
	q.pump()
}

// pump sequences every chunk whose turn it is.
func (q *sequencer) pump() {
	for !q.closed {
		c := q.nextChunk()
		if c == nil {
			return
		}
		q.place(c)
	}
}

// nextChunk takes the chunk whose turn it is out of its split, or gives nil.
func (q *sequencer) nextChunk() *chunk {
	if q.merge {
		sp := q.mergeTurn()
		if sp == nil {
			return nil
		}
		return sp.takeParked()
	}
	for _, s := range q.sources {
		for _, sp := range s.splits {
			if c := sp.takeParked(); c != nil {
				return c
			}
		}
	}
	return nil
}

func (sp *split) takeParked() *chunk {
	c := sp.parked[sp.seqNum]
	if c != nil {
		delete(sp.parked, sp.seqNum)
		sp.seqNum++
	}
	return c
}

// mergeTurn is the split whose chunk comes next in the fixed merge: the one
// whose block is under way, else the one with the lowest W; ties go by source
// name, then split. nil while that can't be told.
func (q *sequencer) mergeTurn() *split {
	if q.cur != nil && !q.cur.ended && q.cur.records%mergeBlock != 0 {
		return q.cur
	}
	var best *split
	for _, s := range q.sources {
		for _, sp := range s.splits {
			if sp.ended {
				continue
			}
			if best == nil || sp.w < best.w ||
				sp.w == best.w && (s.scan.Source < best.source.scan.Source ||
					s == best.source && sp.id < best.id) {
				best = sp
			}
		}
	}
	q.cur = best
	return best
}

// place gives c the next number of the order and moves the watermarks on.
func (q *sequencer) place(c *chunk) {
	sp := c.split
	c.seq, c.epoch = q.nextSeq, q.epoch
	q.nextSeq++
	q.fresh = true
	if sp.idle {
		// A split that wakes starts with the source's watermark as its floor.
		sp.idle, sp.source.allIdle = false, false
		sp.w = max(sp.w, sp.source.watermark)
	}
	c.baseW, c.first, c.order = sp.w, sp.records, sp.order(q.sources)
	sp.w = max(sp.w, c.maxW)
	sp.records += int64(c.raw.Records())
	sp.added += int64(c.recs.N - c.raw.Records())
	sp.offset = c.raw.End()
	q.records += int64(c.raw.Records())
	sp.source.refresh(q.hold)
	c.marks = q.marks()
	q.ready = append(q.ready, c)
	q.finishSplit(sp)
}

// finishSplit marks a split as ended once all its chunks are placed, and its
// source once all splits are.
func (q *sequencer) finishSplit(sp *split) {
	if q.closed || sp.ended || !sp.eof || sp.seqNum != sp.nextNum {
		return
	}
	sp.ended = true
	q.finishSource(sp.source)
}

// finishSource posts what the end of a split changes for its source.
func (q *sequencer) finishSource(s *source) {
	s.refresh(q.hold)
	it := item{seq: q.nextSeq, marks: q.marks()}
	if s.allEnded() {
		s.ended = true
		if !q.hold {
			it.ends = []int{s.index}
		}
	}
	q.nextSeq++
	q.fresh = true
	q.post(it)
}

// marks copies the sources' watermarks.
func (q *sequencer) marks() []int64 {
	m := make([]int64, len(q.sources))
	for i, s := range q.sources {
		m[i] = s.watermark
	}
	return m
}

// takeReady gives a sequenced chunk to run, or nil.
func (q *sequencer) takeReady() *chunk {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.ready) == 0 {
		return nil
	}
	c := q.ready[0]
	q.ready[0] = nil
	q.ready = q.ready[1:]
	return c
}

// cut is the state of the sources at a barrier.
type cut struct {
	epoch    uint64
	sources  []sourceCut
	finished bool // every source has ended (and time is not held)
}

type sourceCut struct {
	Name      string     `json:"name"`
	Watermark int64      `json:"watermark"`
	Ended     bool       `json:"ended,omitempty"`
	Splits    []splitCut `json:"splits"`
}

// over says that the source has ended for good: its time is held otherwise.
func (c sourceCut) over() bool { return c.Ended && c.Watermark == op.MaxTime }

type splitCut struct {
	ID      string `json:"id"`
	Offset  []byte `json:"offset,omitempty"`
	Records int64  `json:"records"`
	Added   int64  `json:"added,omitempty"`
	W       int64  `json:"w"`
	Ended   bool   `json:"ended,omitempty"`
	// Number is 1 + split.number; 0 in commits of versions without it.
	Number int64 `json:"number,omitempty"`
	// Turn says that the fixed merge is within a block of this split. Others that
	// are within a block have come to their end, which a new run has not seen yet.
	Turn  bool `json:"turn,omitempty"`
	idle  bool
	ahead bool
}

// barrier closes the current epoch: what is placed later belongs to the next.
// After the last one nothing is: sinks that are to end in order must not get rows
// that no commit covers.
func (q *sequencer) barrier(last bool) cut {
	q.mu.Lock()
	defer q.mu.Unlock()
	c := cut{epoch: q.epoch, sources: q.cutSources(), finished: !q.hold}
	for _, s := range q.sources {
		c.finished = c.finished && s.ended
	}
	q.post(item{seq: q.nextSeq, barrier: true, epoch: q.epoch})
	q.nextSeq++
	q.epoch++
	q.fresh, q.closed = false, last
	return c
}

// cutSources is the state of the sources where the order stands. The lock is
// held.
func (q *sequencer) cutSources() []sourceCut {
	var cuts []sourceCut
	q.settle()
	for _, s := range q.sources {
		c := sourceCut{Name: s.scan.Source, Watermark: s.watermark, Ended: s.ended}
		for _, sp := range s.splits {
			c.Splits = append(c.Splits, splitCut{
				ID: sp.id, Offset: append(connectors.Offset(nil), sp.offset...),
				Records: sp.records, Added: sp.added, W: sp.w, Ended: sp.ended, Number: sp.number + 1, Turn: q.merge && sp == q.cur, idle: sp.idle, ahead: sp.ahead(),
			})
		}
		cuts = append(cuts, c)
	}
	return cuts
}

// epochNow is the epoch that chunks placed now belong to.
func (q *sequencer) epochNow() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.epoch
}

// dirty says whether anything was sequenced since the last barrier.
func (q *sequencer) dirty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.fresh
}

// drained says whether all sources have ended and every chunk is placed.
func (q *sequencer) drained() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range q.sources {
		if !s.ended {
			return false
		}
	}
	return len(q.ready) == 0
}

// ids gives the IDs of a source's splits.
func (q *sequencer) ids(s *source) map[string]bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return s.ids()
}

// ids gives the IDs of the splits.
func (s *source) ids() map[string]bool {
	ids := make(map[string]bool, len(s.splits))
	for _, sp := range s.splits {
		ids[sp.id] = true
	}
	return ids
}

// add takes a split that was found while the job runs.
func (q *sequencer) add(s *source, n connectors.Split, r connectors.SplitReader, now time.Time) *split {
	q.mu.Lock()
	defer q.mu.Unlock()
	sp := s.newSplit(n)
	sp.reader, sp.lastData, sp.found = r, now, true
	s.splits = append(s.splits, sp)
	s.sortSplits()
	s.numberSplits()
	q.begin(sp)
	return sp
}

// begin notes where the reading of a new split begins, which the next commit is to
// hold. The lock is held.
func (q *sequencer) begin(sp *split) {
	if p, ok := sp.reader.(connectors.Positioned); ok && sp.offset == nil {
		sp.offset = p.Position()
		q.fresh = true
	}
}

// polled notes that a Fetch of sp found nothing at now, and lets idleness take
// its course: the split may leave the minimum; while all are out, the watermark
// follows the clock.
func (q *sequencer) polled(sp *split, now time.Time) {
	sp.empty, sp.dry = true, true
	s := sp.source
	wm := s.scan.Watermark
	if wm == nil || sp.bounded || s.ended || q.closed {
		return
	}
	if wm.IdleTimeout == 0 {
		q.tellSilent(sp, now)
		return
	}
	before := s.watermark
	if sp.quiet.IsZero() {
		sp.quiet = now
	}
	if !sp.idle && len(sp.parked) == 0 && sp.seqNum == sp.nextNum && now.Sub(sp.quiet) >= wm.IdleTimeout {
		sp.idle = true
	}
	idle, empty := true, true
	for _, o := range s.splits {
		idle = idle && (o.idle || o.ended)
		empty = empty && (o.empty || o.ended)
	}
	switch {
	case !idle:
		s.allIdle = false
		s.refresh(q.hold)
	case !empty:
		// Some split has not been asked again yet.
	case !s.allIdle:
		// The last active split has just gone idle: the watermark stands
		// where it is, and follows the clock from here.
		s.allIdle, s.lastAllEmpty = true, now
	default:
		if s.watermark != op.MinTime && s.watermark != op.MaxTime {
			s.watermark += now.Sub(s.lastAllEmpty).Microseconds()
		}
		s.lastAllEmpty = now
	}
	if s.watermark > before {
		q.fresh = true
		q.post(item{seq: q.nextSeq, marks: q.marks()})
		q.nextSeq++
	}
}

// silence is how long a split without IDLE TIMEOUT may have nothing before the log
// tells of it.
const silence = time.Minute

// tellSilent tells once of a split that has had nothing for long and holds the
// watermark back, while others that it is the minimum with go on.
func (q *sequencer) tellSilent(sp *split, now time.Time) {
	if sp.told.Equal(sp.lastData) || !sp.source.node.Props.NeedsW || now.Sub(sp.lastData) < silence {
		return
	}
	for _, s := range q.sources {
		for _, o := range s.splits {
			if o == sp || !s.node.Props.NeedsW || o.w <= sp.w || !o.lastData.After(sp.lastData.Add(silence/2)) {
				continue
			}
			sp.told = sp.lastData
			q.log.Warn("a split has had nothing for long, and holds the watermark back: IDLE TIMEOUT of its source would leave it out",
				"source", sp.source.scan.Source, "split", sp.id, "silent", now.Sub(sp.lastData).Round(time.Second))
			return
		}
	}
}

// tick puts a reading of the clock into the order.
func (q *sequencer) tick(now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.fresh = true
	q.post(item{seq: q.nextSeq, now: now})
	q.nextSeq++
}

// restore sets the sources to a committed cut. New splits are left at their
// start; a split that is gone is an error, unless its source can wait for it.
func (q *sequencer) restore(cuts []sourceCut) error {
	byName := map[string]sourceCut{}
	for _, c := range cuts {
		byName[c.Name] = c
	}
	turned := false
	for _, s := range q.sources {
		c, ok := byName[s.scan.Source]
		if !ok {
			continue
		}
		s.watermark = c.Watermark
		if err := s.waitForGone(c); err != nil {
			return err
		}
		have := map[string]*split{}
		for _, sp := range s.splits {
			have[sp.id] = sp
			sp.w = max(sp.w, c.Watermark)
			sp.found, sp.number = true, -1
		}
		for _, sc := range c.Splits {
			sp := have[sc.ID]
			sp.offset, sp.records, sp.fetched, sp.added, sp.w = sc.Offset, sc.Records, sc.Records, sc.Added, sc.W
			sp.found, sp.number = false, sc.Number-1
			s.restored += sc.Records
			// A split that was idle is asked anew: like one that wakes, it has the
			// source's watermark as its floor. The others are not below it.
			sp.w = max(sp.w, c.Watermark)
			if q.merge && !turned && !sc.Ended && sc.Records%mergeBlock != 0 {
				q.cur, turned = sp, sc.Turn // the block that the cut went through
			}
		}
		s.numberSplits()
	}
	return nil
}

// waitForGone adds the splits of a commit that are not there now, if the source can
// wait for them or has come to its end for good.
func (s *source) waitForGone(c sourceCut) error {
	have := s.ids()
	gone := map[string]connectors.Offset{}
	for _, sc := range c.Splits {
		if !have[sc.ID] {
			gone[sc.ID] = sc.Offset
		}
	}
	if len(gone) == 0 {
		return nil
	}
	if !c.over() {
		p, ok := s.conn.(connectors.Patient)
		if !ok {
			return fmt.Errorf("source %s: split %q of the last commit does not exist any more", s.scan.Source, slices.Sorted(maps.Keys(gone))[0])
		}
		if err := p.Gone(gone); err != nil {
			return s.fail(err)
		}
	}
	s.missing = nil
	for id := range gone {
		s.splits = append(s.splits, s.newSplit(connectors.Split{ID: id, Bounded: s.scan.Bounded}))
	}
	s.sortSplits()
	return nil
}

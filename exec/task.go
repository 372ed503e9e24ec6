package exec

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
)

// task runs one shard of a job on one goroutine. In turn it takes what waits in
// its inbox, runs the operators of level 0 on a chunk that has its place in the
// sequence, or fetches and decodes another chunk.
type task struct {
	job   *attempt
	ctx   context.Context // the job's run: sinks give up when it ends
	shard int
	alloc memory.Allocator
	inbox *inbox

	insts   []*inst     // all operators of the shard, inputs first
	roots   [][]target  // by source: its consumers on level 0
	inputs  []*input    // by exchange: what its rows go to
	senders [][]*sender // by level
	// channels[x][from] is where shard from sends through exchange x.
	channels [][]*channel
	stages   []*stage // by level; stages[0] is nil
	wms      []*watermarker

	bundles []*bundle // being filled by the chunk under way, by shard
	now     time.Time // the clock's reading for the rows under way
	epoch   uint64    // the epoch of the rows under way
	marks   []int64   // the sources' watermarks as of the last bundle
	ended   []bool    // sources
	cut     *shardCut // being collected
	hasPre  []bool    // by node
	clocked bool      // some operator goes by the clock
	ticked  time.Time // the last reading that operators were told
	profile *profile  // nil: nobody asks
}

// input is the receiving end of an exchange on one shard.
type input struct {
	target
	x     *exchange
	mark  int64
	ended bool
}

// stage is a level above 0 of one shard, as far as barriers go: it has done the
// barrier of an epoch once all its inputs have delivered theirs.
type stage struct {
	level   int
	epoch   uint64 // the epoch that it works on
	waiting int    // inputs whose barrier is missing
	chans   []*channel
	fed     bool // has inputs from level 0
	held    bool // the sequence has delivered its barrier
}

// shardCut is what a shard hands to the coordinator at a barrier.
type shardCut struct {
	epoch    uint64
	shard    int
	done     int // stages done
	frozen   []op.Frozen
	counters []op.Counters // by inst, cumulative
	stall    time.Duration
}

// run drives the shard until the job stops.
func (t *task) run(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("shard %d: internal error: %v\n%s", t.shard, p, debug.Stack())
		}
	}()
	t.ctx = ctx
	for {
		seen := t.job.events.version()
		if ctx.Err() != nil || t.job.stopped() {
			return nil
		}
		did, err := t.step(ctx)
		if err != nil {
			return err
		}
		if did {
			continue
		}
		if err := t.flushIdle(); err != nil {
			return err
		}
		t.job.events.wait(seen)
	}
}

// step does one piece of work; false: there was none.
func (t *task) step(ctx context.Context) (bool, error) {
	if !t.held() {
		if b := t.inbox.bundle(); b != nil {
			return true, t.take(b)
		}
	}
	if ch, m, ok := t.inbox.message(0); ok {
		return true, t.receive(ch, m)
	}
	if c := t.job.seq.takeReady(); c != nil {
		return true, t.runChunk(c)
	}
	c, more, err := t.job.reader.next(ctx)
	if err != nil || c == nil {
		return more, err
	}
	t.now = c.now
	t.profile.enter(c.split.source.node.ID)
	err = c.decode(t.alloc, t.wms[c.split.source.index])
	t.profile.leave()
	if err != nil {
		return false, err
	}
	t.job.seq.offer(c)
	t.job.reader.decoded()
	return true, nil
}

// held says that the sequence has to wait: a level that it feeds has had the
// barrier from it, but not yet from its other inputs.
func (t *task) held() bool {
	for _, s := range t.stages[1:] {
		if s.held {
			return true
		}
	}
	return false
}

// runChunk runs level 0 on a chunk and sends what comes out to the shards.
func (t *task) runChunk(c *chunk) error {
	for i := range t.bundles {
		t.bundles[i] = &bundle{item: item{seq: c.seq, marks: c.marks, now: c.now}}
	}
	t.now, t.epoch = c.now, c.epoch
	for _, i := range t.insts {
		if i.level == 0 {
			i.enter(c.epoch)
		}
	}
	src := c.split.source
	b := &op.Batch{
		N: c.recs.N, Cols: c.recs.Cols, Kinds: c.recs.Kinds,
		Origin: &op.Origin{Source: src.scan.Source, Records: c.recs, Rows: c.recs.Of, Skewed: c.skewed, Split: c.order, First: c.first},
	}
	if src.node.Props.NeedsW {
		b.W = c.rowW(src.node.Props.EveryW)
	}
	if b.N > 0 { // all records may be of the kind that stands for no row
		for _, r := range t.roots[src.index] {
			if err := r.process(b); err != nil {
				return err
			}
		}
	}
	b.Release()
	c.raw.Release()
	var sent int64
	for i, out := range t.bundles {
		sent += int64(out.bytes)
		t.job.tasks[i].inbox.put(out)
	}
	t.job.reader.queued(sent - int64(c.bytes))
	t.job.wake()
	return nil
}

// take runs what a bundle brings.
func (t *task) take(b *bundle) error {
	if !b.now.IsZero() {
		t.now = b.now // of the chunk, on whichever shard it has been decoded
	}
	for _, d := range b.rows {
		in := t.inputs[d.exchange.index]
		t.epoch = t.stages[t.levelOf(in)].epoch
		err := in.process(d.batch)
		d.batch.Release()
		if err != nil {
			return err
		}
	}
	if b.bytes > 0 {
		t.job.reader.inflight.Add(-int64(b.bytes))
	}
	if b.marks != nil {
		t.marks = b.marks
		if err := t.advanceSources(); err != nil {
			return err
		}
	}
	if t.clocked && b.now.After(t.ticked) {
		t.ticked = b.now
		if err := t.tick(b.now); err != nil {
			return err
		}
	}
	if len(b.ends) > 0 {
		for _, s := range b.ends {
			t.ended[s] = true
		}
		if err := t.endSources(); err != nil {
			return err
		}
	}
	if b.barrier {
		return t.sourceBarrier(b.epoch)
	}
	return nil
}

func (t *task) levelOf(in *input) int { return t.job.graph.level[in.x.to.ID] }

// advanceSources moves the watermarks of the inputs from level 0.
func (t *task) advanceSources() error {
	for _, in := range t.inputs {
		if in.x.level != 0 {
			continue
		}
		w := op.MaxTime
		for _, s := range in.x.sources {
			w = min(w, t.marks[s])
		}
		if w <= in.mark {
			continue
		}
		in.mark = w
		t.epoch = t.stages[t.levelOf(in)].epoch
		if err := in.advance(w); err != nil {
			return err
		}
	}
	return nil
}

// endSources ends the inputs from level 0 all of whose sources have ended.
func (t *task) endSources() error {
	for _, in := range t.inputs {
		if in.x.level != 0 || in.ended || slices.ContainsFunc(in.x.sources, func(s int) bool { return !t.ended[s] }) {
			continue
		}
		in.ended = true
		t.epoch = t.stages[t.levelOf(in)].epoch
		if err := in.end(); err != nil {
			return err
		}
	}
	return nil
}

// receive takes a message of another shard (or of this one).
func (t *task) receive(ch *channel, m message) error {
	in := t.inputs[ch.exchange.index]
	st := t.stages[t.levelOf(in)]
	t.epoch = st.epoch
	switch {
	case m.barrier:
		t.inbox.block(ch)
		return t.stageBarrier(st, m.epoch)
	case m.end:
		ch.ended = true
		ch.mark = op.MaxTime
		for _, o := range t.channels[ch.exchange.index] {
			if !o.ended {
				return t.advanceChannel(in)
			}
		}
		if err := t.advanceChannel(in); err != nil {
			return err
		}
		in.ended = true
		return in.end()
	case m.marked:
		ch.mark = m.mark
		return t.advanceChannel(in)
	}
	t.now = t.job.clock.Now()
	err := t.deliver(in, m.batch)
	m.batch.Release()
	t.job.reader.inflight.Add(-int64(m.bytes))
	if t.job.throttled.Load() > 0 {
		t.job.wake()
	}
	return err
}

// deliver gives a batch from an exchange above level 0 to its consumer.
func (t *task) deliver(in *input, b *op.Batch) error {
	t.epoch = t.stages[t.levelOf(in)].epoch
	return in.process(b)
}

// throttle makes a shard that has sent far more than the credit wait while the
// receiver works off what it has got. Meanwhile it takes its own messages for the
// levels above that of the sender: their operators are not in the middle of
// anything, those up to it are. So of shards that wait for each other the one that
// sends from the highest level is always served. It does not wait for what the
// receiver has to do for lower levels: that may be in the middle of work there
// itself, and wait for this one.
func (t *task) throttle(to *task, level int) error {
	j := t.job
	full := func() bool { return j.reader.inflight.Load() > 2*j.cfg.Credit }
	if !full() {
		return nil
	}
	epoch, now := t.epoch, t.now
	defer func() { t.epoch, t.now = epoch, now }()
	j.throttled.Add(1)
	defer j.throttled.Add(-1)
	for full() && !j.stopped() {
		seen := j.events.version()
		ch, m, ok := t.inbox.message(level)
		if ok {
			if err := t.receive(ch, m); err != nil {
				return err
			}
			continue
		}
		if !to.inbox.busy(level) {
			break
		}
		j.events.wait(seen)
	}
	return nil
}

// advanceChannel moves the watermark of an input from other shards.
func (t *task) advanceChannel(in *input) error {
	w := op.MaxTime
	for _, ch := range t.channels[in.x.index] {
		w = min(w, ch.mark)
	}
	if w <= in.mark {
		return nil
	}
	in.mark = w
	return in.advance(w)
}

// sourceBarrier delivers the sequence's barrier to the levels that it feeds.
// Level 0 itself is done: a bundle is sent when its chunk has run through.
func (t *task) sourceBarrier(epoch uint64) error {
	t.cut = &shardCut{epoch: epoch, shard: t.shard, counters: make([]op.Counters, len(t.insts))}
	if t.job.graph.levels == 1 {
		t.finishCut()
		return nil
	}
	for _, st := range t.stages[1:] {
		if st.fed {
			st.held = true
			if err := t.stageBarrier(st, epoch); err != nil {
				return err
			}
		}
	}
	return nil
}

// stageBarrier notes that one input of a level has delivered its barrier; with
// the last one the level's operators freeze, and the barrier goes on.
func (t *task) stageBarrier(st *stage, epoch uint64) error {
	if epoch != st.epoch {
		return fmt.Errorf("shard %d, level %d: barrier of epoch %d in epoch %d", t.shard, st.level, epoch, st.epoch)
	}
	st.waiting--
	if st.waiting > 0 {
		return nil
	}
	start := time.Now()
	if err := t.flush(st, true); err != nil {
		return err
	}
	for k, i := range t.insts {
		if i.level != st.level {
			continue
		}
		if so, ok := i.oper.(op.Stateful); ok && t.job.store != nil {
			f, err := so.Freeze(t.job.tx.Cut())
			if err != nil {
				return fmt.Errorf("%s: %w", i.node.Detail, err)
			}
			t.cut.frozen = append(t.cut.frozen, f)
			if m, ok := f.(interface{ MemoryBytes() int64 }); ok {
				i.total[op.CountMemory] = m.MemoryBytes()
			}
		}
		// Now, not when the levels above are through: rows of the next epoch
		// may come first.
		t.cut.counters[k] = i.count(epoch)
	}
	t.cut.stall += time.Since(start)
	for _, s := range t.senders[st.level] {
		s.barrier(epoch)
	}
	t.inbox.unblock(st.chans)
	st.reset()
	t.cut.done++
	if t.cut.done == len(t.stages)-1 {
		t.finishCut()
	}
	return nil
}

// flush lets the operators of a level emit what they have collected, inputs
// first.
func (t *task) flush(st *stage, settled bool) error {
	t.epoch = st.epoch
	for _, i := range t.insts {
		if f, ok := i.oper.(op.Flusher); ok && i.level == st.level {
			t.profile.enter(i.node.ID)
			err := f.Flush(settled, i)
			t.profile.leave()
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// tick tells the operators that go by the clock what it reads, inputs first.
func (t *task) tick(now time.Time) error {
	t.now = now
	for _, i := range t.insts {
		if c, ok := i.oper.(op.Clocked); ok && i.level > 0 {
			t.epoch = t.stages[i.level].epoch
			if err := c.Tick(now, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// flushIdle flushes when there is nothing else to do, so that changes do not
// wait for the barrier at low rates. A SELECT that wants the final result only
// is left alone.
func (t *task) flushIdle() error {
	if t.job.final {
		return nil
	}
	for _, st := range t.stages[1:] {
		if err := t.flush(st, false); err != nil {
			return err
		}
	}
	return nil
}

// finishCut hands the shard's part of a barrier to the coordinator.
func (t *task) finishCut() {
	for k, i := range t.insts {
		if i.level == 0 {
			t.cut.counters[k] = i.count(t.cut.epoch)
		}
	}
	t.job.shards.done(t.cut)
}

// reset starts the next epoch of a level.
func (s *stage) reset() {
	s.epoch++
	s.held = false
	s.waiting = len(s.chans)
	if s.fed {
		s.waiting++
	}
}

// context makes the context of an operator of this shard.
func (t *task) context(n *planner.Node) *op.Context {
	return &op.Context{
		Alloc: t.alloc, Zone: t.job.plan.Zone, BatchRows: t.job.cfg.BatchRows,
		Shards: t.job.layout.Shards, ShardOf: t.job.layout.ShardOf,
		Now: func() time.Time { return t.now }, Counters: op.Counters{},
		Job: t.job.plan.Job, Branch: branchOf(t.job.plan, n), Node: n,
	}
}

// restore loads the state of the shard's operators; over are the sources that had
// ended for good.
func (t *task) restore(store *statestore.Store, last statestore.Commit, over map[string]bool) error {
	layout := t.job.layout
	for _, i := range t.insts {
		so, ok := i.oper.(op.Stateful)
		if !ok {
			continue
		}
		r := &op.Restore{
			Store: store, Operator: statestore.OperatorID(i.node.StateID),
			Groups: layout.KeyGroups(t.shard), Shard: t.shard,
			Same: last.Layout == layout, Stored: last.Layout.Shards, Ended: true,
		}
		for _, s := range t.job.graph.sourcesBelow(i.node) {
			r.Ended = r.Ended && over[t.job.seq.sources[s].scan.Source]
		}
		if err := so.Restore(r); err != nil {
			return fmt.Errorf("state of %s: %w", i.node.Detail, err)
		}
	}
	return nil
}

func types(cols []planner.Column) []catalog.Type {
	out := make([]catalog.Type, len(cols))
	for i, c := range cols {
		out[i] = c.Type
	}
	return out
}

package exec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/statestore"
)

// coordinate runs the tasks and decides when to commit, until the job ends. It
// is the only owner of the order of commits.
func (j *attempt) coordinate(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	failed := make(chan error, len(j.tasks)+2)
	for _, t := range j.tasks {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := t.run(ctx); err != nil {
				failed <- err
			}
		}()
	}
	watch := func(sp *split) {
		if ready := sp.reader.Ready(); ready != nil {
			wg.Add(1)
			go func() { defer wg.Done(); j.reader.watch(ctx, sp, ready) }()
		}
	}
	for _, s := range j.seq.sources {
		for _, sp := range s.splits {
			watch(sp)
		}
	}
	for _, t := range j.tables {
		if t.op.Reload > 0 {
			wg.Add(1)
			go func() { defer wg.Done(); t.reload(ctx, j) }()
		}
	}
	wg.Add(2)
	go func() { defer wg.Done(); j.reader.poll(ctx) }()
	if p := j.period(); p > 0 {
		wg.Add(1)
		go func() { defer wg.Done(); j.ticks(ctx, p) }()
	}
	go func() {
		defer wg.Done()
		if err := j.discover(ctx, watch); err != nil {
			failed <- err
		}
	}()
	// Whoever waits for events must see the end of the context.
	unhook := context.AfterFunc(ctx, j.wake)
	defer func() {
		unhook()
		cancel()
		j.halted.Store(true)
		j.wake()
		wg.Wait()
	}()
	err := j.loop(ctx, failed)
	if err == nil || ctx.Err() != nil {
		// A task's own error says more than the end that it caused.
		select {
		case e := <-failed:
			return e
		default:
		}
	}
	return err
}

// loop commits by the trigger until the job ends.
func (j *attempt) loop(ctx context.Context, failed <-chan error) error {
	tr := j.cfg.Trigger
	gated := tr.Kind == catalog.ProcessingTimeTrigger
	upToNow := tr.UpToNow()
	due := j.clock.After(j.cfg.CommitInterval)
	switch {
	case gated:
		due = j.clock.After(j.untilTick())
	case tr.Kind == catalog.OnceTrigger:
		due = nil
	case j.cfg.BarrierEvery > 0 && j.store != nil:
		due = nil
		j.reader.setQuota(j.cfg.BarrierEvery)
	}
	j.reader.setOpen(!gated)
	opened := !gated
	watched := upToNow || gated || j.cfg.MaxRows > 0 || j.cfg.BarrierEvery > 0 || !j.endless()
	for {
		seen := j.events.version()
		if j.seq.drained() || j.enough.Load() {
			return j.commit(ctx, failed, true)
		}
		caughtUp := (upToNow || gated && opened || j.reader.limitReached()) && j.reader.caughtUp()
		if caughtUp && tr.Kind == catalog.AvailableNowTrigger && j.reader.held() && !j.reader.limitReached() {
			// All that may be read at once has been, but not all that there is.
			if err := j.commit(ctx, failed, false); err != nil {
				return err
			}
			continue
		}
		if caughtUp && (upToNow || j.reader.limitReached()) {
			return j.commit(ctx, failed, true)
		}
		if caughtUp && gated {
			j.reader.setOpen(false)
			opened = false
			if err := j.commit(ctx, failed, false); err != nil {
				return err
			}
			due = j.clock.After(j.untilTick())
			continue
		}
		if j.reader.quotaRead() {
			if err := j.commit(ctx, failed, false); err != nil {
				return err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-failed:
			return err
		case <-j.stop:
			j.reader.setOpen(false)
			return j.commit(ctx, failed, true)
		case <-due:
			if gated {
				// A source that always has more is never caught up: what it has
				// given by the next tick is the micro-batch.
				due = j.clock.After(j.untilTick())
				if !opened {
					j.reader.setOpen(true)
					opened = true
					continue
				}
			} else {
				due = j.clock.After(j.cfg.CommitInterval)
			}
			if err := j.commit(ctx, failed, false); err != nil {
				return err
			}
		case <-j.progressed(watched, seen):
		}
	}
}

// endless says that the input does not end by itself.
func (j *attempt) endless() bool {
	return slices.ContainsFunc(j.seq.sources, func(s *source) bool { return s.dynamic })
}

// progressed is closed when the coordinator has to look whether its job or its
// micro-batch is complete. Unless that may be with every chunk (watched) it is left
// alone: at low rates it would be woken many times for each.
func (j *attempt) progressed(watched bool, seen uint64) <-chan struct{} {
	if watched {
		return j.events.changed(seen)
	}
	return j.satisfied
}

// period is how often operators that go by the clock want to be told, 0 if there
// are none.
func (j *attempt) period() time.Duration {
	least := time.Duration(0)
	for _, i := range j.tasks[0].insts {
		if c, ok := i.oper.(op.Clocked); ok && c.Period() > 0 && (least == 0 || c.Period() < least) {
			least = c.Period()
		}
	}
	return min(least, time.Second)
}

// ticks puts readings of the clock into the sequence.
func (j *attempt) ticks(ctx context.Context, period time.Duration) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.clock.After(period):
		}
		j.seq.tick(j.clock.Now())
	}
}

// satisfy says that a SELECT has all the rows it wants.
func (j *attempt) satisfy() {
	if !j.enough.Swap(true) {
		close(j.satisfied)
	}
	j.reader.stop()
	j.wake()
}

// discoverInterval is how often unbounded sources are asked for new splits. Those that
// have to ask somebody do so as seldom as they are told to.
const discoverInterval = time.Second

// discover adds the splits of unbounded sources that appear while the job runs.
// A split found later starts with its source's watermark as its floor.
func (j *attempt) discover(ctx context.Context, watch func(*split)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-j.clock.After(discoverInterval):
		}
		for _, s := range j.seq.sources {
			if !s.dynamic {
				continue
			}
			now, err := s.conn.Splits(ctx)
			if err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return s.fail(err)
			}
			have := j.seq.ids(s)
			for _, n := range now {
				if have[n.ID] {
					continue
				}
				n.Found = true
				r, err := s.conn.Open(ctx, n, nil)
				if err != nil {
					return s.fail(err)
				}
				watch(j.seq.add(s, n, r, j.clock.Now()))
				j.wake()
			}
		}
	}
}

// untilTick is the time until the next multiple of the trigger's interval.
func (j *attempt) untilTick() time.Duration {
	iv := j.cfg.Trigger.Interval
	now := j.clock.Now()
	return now.Truncate(iv).Add(iv).Sub(now)
}

// commit closes the current micro-batch and commits it: barrier, Prepare, one
// operation on the store, Commit. last: nothing follows.
func (j *attempt) commit(ctx context.Context, failed <-chan error, last bool) error {
	if !last && !j.seq.dirty() {
		return nil
	}
	start := j.clock.Now()
	if j.store == nil {
		return j.finishSelect(ctx, failed, last)
	}
	layout := j.layout
	tx, err := j.store.Begin(j.seq.epochNow(), layout)
	if err != nil {
		return err
	}
	j.tx = tx
	committed := false
	defer func() {
		if !committed {
			tx.Abort()
		}
	}()
	j.cfg.Fault("before-barrier")
	queued, put := j.reader.inflight.Load(), j.clock.Now()
	c := j.seq.barrier(last)
	j.reader.nextTrigger(c.sources)
	if j.cfg.BarrierEvery > 0 {
		j.reader.setQuota(j.cfg.BarrierEvery)
	}
	// While this epoch commits, the next one may read as much as the credit
	// allows once its own barrier is due.
	grace := j.reader.limitAfter(ctx, j.cfg.CommitInterval)
	defer grace()
	cuts, err := j.shards.wait(ctx, failed)
	if err != nil {
		return err
	}
	barrier := j.clock.Now()
	j.reader.credit.passed(queued, barrier.Sub(put)-stall(cuts))
	if err := j.account(c, cuts); err != nil {
		return err
	}
	if err := j.tolerate(c); err != nil {
		return err
	}
	if err := j.write(tx, cuts); err != nil {
		return err
	}
	j.cfg.Fault("after-barrier")
	intents, err := j.prepare(ctx, c.epoch)
	if err != nil {
		return err
	}
	meta, err := j.encodeMeta(c, intents)
	if err != nil {
		return err
	}
	j.cfg.Fault("before-store")
	committed = true
	if err := tx.Commit(meta); err != nil {
		return err
	}
	j.cfg.Fault("after-store")
	if err := j.commitSinks(ctx, c.epoch, intents); err != nil {
		return err
	}
	j.cfg.Fault("after-commit")
	j.publish(c)
	j.report(c, cuts, start, barrier)
	return nil
}

// publish tells the sources that pass it on how far they have been read; not where
// nothing comes of it.
func (j *attempt) publish(c cut) {
	if j.cfg.Discard {
		return
	}
	for i, s := range j.seq.sources {
		p, ok := s.conn.(connectors.Published)
		if !ok {
			continue
		}
		offsets := map[string]connectors.Offset{}
		for _, sp := range c.sources[i].Splits {
			if len(sp.Offset) > 0 {
				offsets[sp.ID] = sp.Offset
			}
		}
		p.Committed(offsets)
	}
}

// stall is the longest that a barrier has stopped a shard: its operators' last
// changes, and the freezing of their state.
func stall(cuts []*shardCut) time.Duration {
	most := time.Duration(0)
	for _, c := range cuts {
		most = max(most, c.stall)
	}
	return most
}

// finishSelect takes a barrier of a SELECT, so that its rows so far are out: at
// the end, and also before where changes are wanted as they come, for shards that
// are always busy do not flush by themselves.
func (j *attempt) finishSelect(ctx context.Context, failed <-chan error, last bool) error {
	if !last && j.final {
		j.reader.nextTriggerNow()
		return nil
	}
	queued, put := j.reader.inflight.Load(), j.clock.Now()
	c := j.seq.barrier(last)
	j.reader.nextTrigger(c.sources)
	cuts, err := j.shards.wait(ctx, failed)
	if err != nil {
		return err
	}
	j.reader.credit.passed(queued, j.clock.Now().Sub(put)-stall(cuts))
	if err := j.account(c, cuts); err != nil {
		return err
	}
	if err := j.tolerate(c); err != nil {
		return err
	}
	now := j.clock.Now()
	j.report(c, cuts, now, now)
	return nil
}

// write encodes the shards' frozen state, all shards at once.
func (j *attempt) write(tx *statestore.Tx, cuts []*shardCut) error {
	errs := make([]error, len(cuts))
	var wg sync.WaitGroup
	for i, c := range cuts {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for _, f := range c.frozen {
				if errs[i] = f.Write(tx.Shard(i)); errs[i] != nil {
					return
				}
			}
		}()
	}
	wg.Wait()
	return errors.Join(errs...)
}

// prepare makes every sink's rows of the epoch durable on its side.
func (j *attempt) prepare(ctx context.Context, epoch uint64) ([][]byte, error) {
	intents := make([][]byte, len(j.sinks))
	errs := make([]error, len(j.sinks))
	var wg sync.WaitGroup
	for i, s := range j.sinks {
		wg.Add(1)
		go func() {
			defer wg.Done()
			j.cfg.Fault("before-prepare")
			intents[i], errs[i] = s.conn.Prepare(ctx, epoch)
			errs[i] = s.wrap(errs[i])
			j.cfg.Fault("after-prepare")
		}()
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		var fatal *connectors.FatalError
		if errors.As(err, &fatal) {
			return nil, err
		}
		for _, s := range j.sinks {
			err = errors.Join(err, s.wrap(s.conn.Abort(ctx, epoch-1)))
		}
		return nil, &PrepareError{Epoch: epoch, Err: err}
	}
	return intents, nil
}

// commitSinks shows the epoch at every sink. An error is retried for ever, with
// backoff, unless it is fatal.
func (j *attempt) commitSinks(ctx context.Context, epoch uint64, intents [][]byte) error {
	errs := make([]error, len(j.sinks))
	var wg sync.WaitGroup
	for i, s := range j.sinks {
		if intents[i] == nil {
			continue
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			j.cfg.Fault("before-sink-commit")
			errs[i] = s.wrap(j.commitSink(ctx, s, epoch, intents[i]))
		}()
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (j *attempt) commitSink(ctx context.Context, s *sink, epoch uint64, intent []byte) error {
	defer s.setTrouble("")
	const first, longest = 100 * time.Millisecond, 30 * time.Second
	for pause := first; ; pause = min(2*pause, longest) {
		err := s.conn.Commit(ctx, epoch, intent)
		var fatal *connectors.FatalError
		if err == nil || errors.As(err, &fatal) {
			return err
		}
		j.log.Warn("commit at a sink failed, trying again", "sink", s.op.Name, "epoch", epoch, "pause", pause, "error", err)
		s.setTrouble(fmt.Sprintf("micro-batch %d can't be shown, trying again: %v", epoch, err))
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (last error: %w)", ctx.Err(), err)
		case <-j.clock.After(pause):
		}
	}
}

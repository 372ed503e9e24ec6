package exec

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/exec/lookup"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/internal/bufpool"
	"github.com/streamsql/streamsql/internal/clock"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
)

// Config is all that a job needs to run. Zero values are replaced by defaults
// where one is named.
type Config struct {
	Plan       *planner.Plan
	Connectors *connectors.Registry
	Env        connectors.Env

	// StateDir is where the job's state lives; "" keeps it in memory only (a
	// SELECT, or a job without a name).
	StateDir string
	StateFS  vfs.FS // default: the operating system's

	Parallelism    int           // shards; default 1
	BatchRows      int           // records per chunk; default 16384
	CommitInterval time.Duration // default 1 s
	Trigger        catalog.Trigger
	Hold           bool  // the end of a bounded input is no end of time
	MaxRows        int64 // stop after so many records; 0: no limit
	// Credit bounds the bytes between the sources and the operators; default
	// 64 MiB. It is less where these are slow, see credit.
	Credit int64

	// Result takes the rows of a top-level SELECT, in order. The batch is
	// borrowed. ErrStop ends the job without an error.
	Result func(b *op.Batch, cols []planner.Column) error
	// Progress is called after each commit and at the end; also each second, with the
	// epoch of the last commit, while a source or sink says that something is amiss or
	// splits are held back without a commit, and once when that has passed.
	Progress func(Progress)
	// Measure has progress say how long each operator was at work, and of a SELECT too
	// how large its state is.
	Measure bool
	// Discard drops what sinks would write: they are not opened. Sources are not told
	// of commits.
	Discard bool
	// Fault is called at named points of a commit, in test builds.
	Fault func(point string)
	// BarrierEvery ends a micro-batch whenever so many records have been read
	// since the last one, and not by the clock; none is read beyond before the
	// barrier stands, so that the cuts are exact. For tests; 0: by the trigger.
	BarrierEvery int64
	// ReadRank decides which split is read first where the fixed merge leaves it
	// open: one is read only while those of lower rank have nothing. For tests;
	// nil: the split that is behind in time.
	ReadRank func(source, split string) int
}

// ErrStop returned from Config.Result ends a SELECT early.
var ErrStop = errors.New("exec: stop")

// ErrFinished says that the job had ended by the end of its input in an earlier
// run: its last commit was recovered, nothing was read.
var ErrFinished = errors.New("the job is finished: its bounded input was read to the end in an earlier run")

func (c *Config) setDefaults() {
	if c.Parallelism <= 0 {
		c.Parallelism = 1
	}
	if c.BatchRows <= 0 {
		c.BatchRows = 16384
	}
	if c.CommitInterval <= 0 {
		c.CommitInterval = time.Second
	}
	if c.Trigger.Kind == catalog.ContinuousTrigger && c.Trigger.Interval > 0 {
		c.CommitInterval = c.Trigger.Interval
	}
	if c.MaxRows <= 0 {
		c.MaxRows = -1
	}
	if c.Credit <= 0 {
		c.Credit = 64 << 20
	}
	if c.Env.Clock == nil {
		c.Env.Clock = clock.System{}
	}
	if c.Env.Log == nil {
		c.Env.Log = slog.New(slog.DiscardHandler)
	}
	if c.Fault == nil {
		c.Fault = func(string) {}
	}
}

// Job is a job that runs, or has run.
type Job struct {
	cfg   Config
	stop  chan struct{}
	once  sync.Once
	ended chan struct{}
	err   error
	last  atomic.Pointer[Progress]
	seq   atomic.Pointer[sequencer]
	began int64 // records of the commit that it began from; -1 before that is known
}

// Start starts a job. It returns at once; errors come from Wait.
func Start(ctx context.Context, cfg Config) *Job {
	cfg.setDefaults()
	if cfg.StateDir == "" {
		// It is the job's, not a run's: a run after a failed Prepare goes on from it.
		cfg.StateDir, cfg.StateFS = "state", vfs.NewMem()
	}
	j := &Job{cfg: cfg, stop: make(chan struct{}), ended: make(chan struct{}), began: -1}
	ending := make(chan struct{})
	j.cfg.Env.Done = ending
	go func() {
		defer close(j.ended)
		j.err = j.run(ctx)
	}()
	go func() {
		defer close(ending)
		select {
		case <-ctx.Done():
		case <-j.stop:
		case <-j.ended:
		}
	}()
	return j
}

// Stop asks the job to finish its micro-batch, commit and end.
func (j *Job) Stop() { j.once.Do(func() { close(j.stop) }) }

// Wait returns when the job has ended: nil, ErrFinished, ctx's error or what
// made it fail.
func (j *Job) Wait() error {
	<-j.ended
	return j.err
}

// Done is closed when the job has ended.
func (j *Job) Done() <-chan struct{} { return j.ended }

// Progress is the state as of the last commit, with what sources and sinks have
// said is amiss since.
func (j *Job) Progress() Progress {
	if p := j.last.Load(); p != nil {
		return *p
	}
	return Progress{Job: j.cfg.Plan.Job}
}

// run runs the job, and again from its last commit where a sink could not write or
// prepare a micro-batch, until that has failed several times in a row.
func (j *Job) run(ctx context.Context) error {
	for failures := 0; ; failures++ {
		before := j.Progress().Epoch
		err := j.runOnce(ctx)
		var p *PrepareError
		var again *connectors.AgainError
		if !errors.As(err, &p) && (!errors.As(err, &again) || ctx.Err() != nil) {
			return err
		}
		if j.Progress().Epoch != before {
			failures = 0
		}
		if failures == len(restartPauses) {
			return err
		}
		j.cfg.Env.Log.Warn("a sink could not write a micro-batch: the job starts again from its last commit", "error", err, "pause", restartPauses[failures])
		j.tellPause(err, failures)
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-j.stop:
			return err
		case <-j.cfg.Env.Clock.After(restartPauses[failures]):
		}
	}
}

// restartPauses are the waits before a job starts again after a failed Prepare.
var restartPauses = []time.Duration{100 * time.Millisecond, time.Second, 5 * time.Second}

// PrepareError says that a sink could not make a micro-batch durable. Nothing of
// it was committed.
type PrepareError struct {
	Epoch uint64
	Err   error
}

// Error implements error.
func (e *PrepareError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *PrepareError) Unwrap() error { return e.Err }

// runOnce opens everything, runs the shards and the coordinator, and closes.
func (j *Job) runOnce(ctx context.Context) (err error) {
	r, err := newAttempt(j)
	if err != nil {
		return err
	}
	clean := false
	watch, stop := context.WithCancel(ctx)
	defer func() {
		stop()
		r.watching.Wait()
		err = errors.Join(err, r.close(clean))
	}()
	if err := r.open(ctx, watch); err != nil {
		clean = errors.Is(err, ErrFinished) || errors.Is(err, ErrStop)
		if errors.Is(err, ErrStop) {
			return nil
		}
		return err
	}
	j.seq.Store(r.seq)
	err = r.coordinate(ctx)
	if errors.Is(err, ErrStop) {
		err = nil
	}
	clean = err == nil
	return err
}

// attempt is one run of a job from its last commit, which is what its tasks and its
// coordinator share; Job.run makes another one where a sink could not write.
type attempt struct {
	*Job
	plan   *planner.Plan
	graph  *graph
	clock  clock.Clock
	log    *slog.Logger
	shards shardSet
	// layout spreads the key groups over the shards.
	layout statestore.Layout

	seq    *sequencer
	reader *reader
	events *events
	tasks  []*task
	query  []queryPart // what must be the same in the next run
	sinks  []*sink
	tables []*staticTable
	// lookups are the tables of lookup joins.
	lookups map[*planner.Node]*lookup.Source
	alloc   memory.Allocator

	store *statestore.Store // nil for a SELECT that is not measured
	tx    *statestore.Tx    // of the epoch being cut

	final     bool          // a SELECT over bounded sources: only its final result counts
	enough    atomic.Bool   // a SELECT has all the rows it wants
	satisfied chan struct{} // closed then
	throttled atomic.Int32  // shards that wait in throttle
	halted    atomic.Bool   // tasks are to return
	resultM   sync.Mutex
	progressM sync.Mutex // one report at a time
	watching  sync.WaitGroup

	tolerances []*tolerance
	badRow     atomic.Pointer[op.RowError] // an example for them

	base     counts    // counters up to the last commit of earlier runs
	counts   counts    // as of the last barrier
	busiest  []float64 // by node: see busiestShares
	started  time.Time
	lastRows int64
	lastTime time.Time
}

// newAttempt lays out a run of a job; nothing is opened yet.
func newAttempt(j *Job) (*attempt, error) {
	g, err := newGraph(j.cfg.Plan)
	if err != nil {
		return nil, err
	}
	n := j.cfg.Parallelism
	r := &attempt{
		Job: j, plan: j.cfg.Plan, graph: g, clock: j.cfg.Env.Clock, log: j.cfg.Env.Log,
		layout: statestore.Layout{Shards: n}, events: newEvents(),
		alloc: bufpool.New(poolBudget), satisfied: make(chan struct{}),
	}
	r.started = r.clock.Now()
	r.lastTime = r.started
	r.shards = shardSet{n: n, ch: make(chan *shardCut, n)}
	r.seq = &sequencer{merge: r.plan.Merge, hold: j.cfg.Hold, upToNow: j.cfg.Trigger.UpToNow(), epoch: 1, post: r.post, log: r.log}
	r.reader = &reader{
		q: r.seq, clock: r.clock, batchRows: j.cfg.BatchRows, chunkBytes: chunkBytes,
		credit: newCredit(j.cfg.Credit, j.cfg.CommitInterval), allowance: -1, remaining: j.cfg.MaxRows, quota: -1, rank: j.cfg.ReadRank, wake: r.wake,
	}
	return r, nil
}

const (
	// chunkBytes is about how much of a source is decoded at a time.
	chunkBytes = 8 << 20
	// poolBudget is how much memory of dead columns is kept for new ones.
	poolBudget = 64 << 20
)

func (j *attempt) wake() { j.events.signal() }

func (j *attempt) stopped() bool { return j.halted.Load() }

// post gives every shard an item of the sequence that brings no rows.
func (j *attempt) post(it item) {
	for _, t := range j.tasks {
		t.inbox.put(&bundle{item: it})
	}
	j.wake()
}

// open recovers the last commit, opens sinks and sources, restores state and reads
// static tables. What is amiss meanwhile and later is told until watch ends.
func (j *attempt) open(ctx, watch context.Context) error {
	j.watching.Add(1)
	go func() { defer j.watching.Done(); j.watchTrouble(watch) }()
	if err := j.openSources(ctx); err != nil {
		return err
	}
	if err := j.openSinks(); err != nil {
		return err
	}
	if err := j.buildTasks(); err != nil {
		return err
	}
	j.query = j.queryParts()
	if len(j.sinks) > 0 || j.cfg.Measure {
		if err := j.recover(ctx); err != nil {
			return err
		}
	}
	for _, s := range j.seq.sources {
		if s.missing != nil {
			return s.missing
		}
	}
	if err := j.loadTables(ctx); err != nil {
		return err
	}
	if err := j.openLookups(ctx); err != nil {
		return err
	}
	j.watchBad()
	return j.openSplits(ctx)
}

// openStore opens the job's state.
func (j *attempt) openStore() error {
	store, err := statestore.Open(j.cfg.StateDir, statestore.Options{FS: j.cfg.StateFS, Logger: j.log})
	if err != nil {
		return err
	}
	j.store = store
	return nil
}

// close ends all that open has opened. clean: the run ends in order.
func (j *attempt) close(clean bool) error {
	var errs []error
	for _, t := range j.tasks {
		t.close()
	}
	errs = append(errs, j.closeLookups())
	errs = append(errs, j.closeSinks(clean)...)
	for _, s := range j.seq.sources {
		for _, sp := range s.splits {
			if sp.reader != nil {
				errs = append(errs, sp.reader.Close())
			}
		}
		if s.conn != nil {
			errs = append(errs, s.conn.Close())
		}
	}
	if j.store != nil {
		errs = append(errs, j.store.Close())
	}
	return errors.Join(errs...)
}

// closeSinks closes the sinks side by side: each of them may have to wait for a broker.
func (j *attempt) closeSinks(clean bool) []error {
	errs := make([]error, len(j.sinks))
	var wg sync.WaitGroup
	for i, s := range j.sinks {
		if !s.opened {
			continue
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs[i] = s.wrap(s.conn.Close(context.Background(), clean))
		}()
	}
	wg.Wait()
	return errs
}

// shardSet collects the shards' parts of a barrier.
type shardSet struct {
	n  int
	ch chan *shardCut
}

func (s *shardSet) done(c *shardCut) { s.ch <- c }

// wait gives all parts of a barrier, or the error that stopped a task.
func (s *shardSet) wait(ctx context.Context, failed <-chan error) ([]*shardCut, error) {
	cuts := make([]*shardCut, s.n)
	for range s.n {
		select {
		case c := <-s.ch:
			cuts[c.shard] = c
		case err := <-failed:
			return nil, err
		case <-ctx.Done(): // the tasks end without a word
			return nil, ctx.Err()
		}
	}
	return cuts, nil
}

// sinkError names the sink of an error.
type sinkError struct {
	sink string
	err  error
}

// Error implements error.
func (e *sinkError) Error() string { return fmt.Sprintf("sink %s: %v", e.sink, e.err) }

// Unwrap gives the cause.
func (e *sinkError) Unwrap() error { return e.err }

// wrap names the sink.
func (s *sink) wrap(err error) error {
	if err == nil {
		return nil
	}
	return &sinkError{s.op.Name, err}
}

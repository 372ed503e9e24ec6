package exec_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/memory"
	"github.com/streamsql/streamsql/exec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// bench runs the jobs of one script over the tables of one store.
type bench struct {
	t     *testing.T
	store *memory.Store
	eng   *streamsql.Engine
	plan  *planner.Plan
	state vfs.FS
	ctx   context.Context
}

func newBench(t *testing.T, script string, more ...connectors.Connector) *bench {
	t.Helper()
	b := &bench{t: t, store: memory.NewStore(), state: vfs.NewMem()}
	var err error
	if b.eng, err = streamsql.Open(streamsql.Options{Memory: b.store, Connectors: more}); err != nil {
		t.Fatal(err)
	}
	s, err := b.eng.Script().Analyze("test", script)
	if err != nil {
		t.Fatal(err)
	}
	switch step := s.Steps[len(s.Steps)-1].(type) {
	case *planner.Job:
		b.plan = step.Plan
	case *planner.Select:
		b.plan = step.Plan
	default:
		t.Fatalf("the script ends with %T", step)
	}
	var cancel context.CancelFunc
	b.ctx, cancel = context.WithTimeoutCause(context.Background(), time.Minute, errors.New("the run hangs"))
	t.Cleanup(cancel)
	return b
}

// start starts a run.
func (b *bench) start(change func(*exec.Config)) *exec.Job {
	cfg := exec.Config{
		Plan: b.plan, Connectors: b.eng.Connectors(), StateDir: "job", StateFS: b.state,
		CommitInterval: 5 * time.Millisecond,
	}
	change(&cfg)
	return exec.Start(b.ctx, cfg)
}

// until runs until a commit's progress satisfies enough, then stops.
func (b *bench) until(enough func(p exec.Progress) bool) exec.Progress {
	b.t.Helper()
	reached := make(chan struct{})
	var once sync.Once
	job := b.start(func(cfg *exec.Config) {
		cfg.Progress = func(p exec.Progress) {
			if enough(p) {
				once.Do(func() { close(reached) })
			}
		}
	})
	select {
	case <-reached:
	case <-job.Done():
	}
	job.Stop()
	if err := job.Wait(); err != nil {
		b.t.Fatal(err)
	}
	return job.Progress()
}

func read(records int64) func(exec.Progress) bool {
	return func(p exec.Progress) bool {
		n := int64(0)
		for _, s := range p.Sources {
			n += s.Records
		}
		return n >= records
	}
}

func at(s int) time.Time { return time.Unix(int64(s), 0).UTC() }

// fold is what the changes of a table leave standing.
func fold(rows []memory.Row, key int) map[string]string {
	m := map[string]string{}
	for _, r := range rows {
		k := fmt.Sprint(r.Values[:key])
		if r.Kind == catalog.Insert || r.Kind == catalog.UpdateAfter {
			m[k] = fmt.Sprint(r.Values[key:])
		} else {
			delete(m, k)
		}
	}
	return m
}

// TestRestartWithIdleSplit: a split that was idle at the last commit begins the
// next run with its source's watermark, so a row of a fired window is late.
func TestRestartWithIdleSplit(t *testing.T) {
	b := newBench(t, `
CREATE SOURCE s (ts TIMESTAMP(3), WATERMARK FOR ts AS ts IDLE TIMEOUT INTERVAL '0.02' SECOND)
  WITH ('connector' = 'memory', 'splits' = '2', 'bounded' = 'false');
CREATE SINK out (n BIGINT) WITH ('connector' = 'memory');
INSERT INTO out SELECT COUNT(*) FROM s GROUP BY TUMBLE(ts, INTERVAL '10' SECOND);`)
	b.store.Table("s").SendRows(0, []any{at(1)})
	b.store.Table("s").SendRows(1, []any{at(60)})
	b.until(func(p exec.Progress) bool {
		w := p.Sources[0].Watermark
		return w != nil && !w.Before(at(60))
	})
	b.store.Table("s").SendRows(0, []any{at(5)})
	if p := b.until(read(3)); p.Late != 1 {
		t.Errorf("%d late rows, want 1", p.Late)
	}
}

// TestAggregateOfNothingOnce: the row of a global aggregate over an input that
// ended without rows comes once, however often the job starts again.
func TestAggregateOfNothingOnce(t *testing.T) {
	b := newBench(t, `
CREATE SOURCE none (x INT) WITH ('connector' = 'memory', 'bounded' = 'true');
CREATE SOURCE more (x INT) WITH ('connector' = 'memory', 'bounded' = 'false');
CREATE SINK counts (n BIGINT) WITH ('connector' = 'memory');
CREATE SINK rest (x INT) WITH ('connector' = 'memory');
INSERT INTO counts SELECT COUNT(*) FROM none;
INSERT INTO rest SELECT x FROM more;`)
	b.store.Table("none").End(0)
	for run := range 3 {
		b.store.Table("more").SendRows(0, []any{int32(run)})
		b.until(func(p exec.Progress) bool { return p.Sources[0].Ended && read(int64(run+1))(p) })
	}
	if rows := b.store.Table("counts").Rows(); len(rows) != 1 {
		t.Errorf("counts has %v, want one row", rows)
	}
	if rows := b.store.Table("rest").Rows(); len(rows) != 3 {
		t.Errorf("rest has %v, want three rows", rows)
	}
}

// TestGroupInErrorIsJudgedOnce: a group whose result is in error counts as bad at
// the commit after the row that made it so, and not again at the next start.
func TestGroupInErrorIsJudgedOnce(t *testing.T) {
	b := newBench(t, `
SET 'expression.on-error' = 'skip';
CREATE SOURCE s (k INT, x BIGINT) WITH ('connector' = 'memory', 'bounded' = 'false');
CREATE SINK out (k INT, x BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'memory');
INSERT INTO out SELECT k, SUM(x) FROM s GROUP BY k;`)
	s := b.store.Table("s")
	s.SendRows(0, []any{int32(1), int64(1) << 62}, []any{int32(1), int64(1) << 62})
	for run := range 3 {
		s.SendRows(0, []any{int32(2), int64(1)})
		if p := b.until(read(int64(3 + run))); p.Bad != 1 {
			t.Fatalf("run %d: %d bad rows, want 1", run, p.Bad)
		}
	}
}

// TestScaleOverValues: aggregates over VALUES go on with other shards.
func TestScaleOverValues(t *testing.T) {
	b := newBench(t, `
CREATE SINK keyed (k INT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'memory');
CREATE SINK whole (one INT, n BIGINT, d BIGINT, PRIMARY KEY (one) NOT ENFORCED) WITH ('connector' = 'memory');
INSERT INTO keyed SELECT k, COUNT(DISTINCT v) FROM (VALUES (1, 1), (2, 2), (3, 3), (4, 4), (1, 5), (2, 6), (3, 7), (4, 8)) AS t(k, v) GROUP BY k;
INSERT INTO whole SELECT 1, COUNT(*), COUNT(DISTINCT v) FROM (VALUES (1, 1), (2, 2), (3, 3), (4, 4), (1, 5), (2, 6), (3, 7), (4, 8)) AS t(k, v);`)
	for run, shards := range []int{1, 3, 16, 5} {
		err := b.start(func(cfg *exec.Config) {
			cfg.Parallelism, cfg.BatchRows = shards, 1
			if run < 3 {
				cfg.MaxRows = 4
			}
		}).Wait()
		if err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{"[1]": "[2]", "[2]": "[2]", "[3]": "[2]", "[4]": "[2]"}
	if got := fold(b.store.Table("keyed").Rows(), 1); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("keyed has %v, want %v", got, want)
	}
	want = map[string]string{"[1]": "[8 8]"}
	if got := fold(b.store.Table("whole").Rows(), 1); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("whole has %v, want %v", got, want)
	}
}

const endless = `CREATE SOURCE g (k BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '0');`

// TestProcessingTimeOfEndlessSource: a source that always has more does not keep
// the trigger from committing.
func TestProcessingTimeOfEndlessSource(t *testing.T) {
	b := newBench(t, endless+`
CREATE SINK out (k BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO out SELECT k FROM g;`)
	commits := make(chan uint64, 1000)
	job := b.start(func(cfg *exec.Config) {
		cfg.Trigger = catalog.Trigger{Kind: catalog.ProcessingTimeTrigger, Interval: 10 * time.Millisecond}
		cfg.Progress = func(p exec.Progress) { commits <- p.Epoch }
	})
	for range 3 {
		select {
		case <-commits:
		case <-job.Done():
			t.Fatal(job.Wait())
		}
	}
	job.Stop()
	if err := job.Wait(); err != nil {
		t.Fatal(err)
	}
}

// TestSelectOfBusySource: the changes of a live SELECT come out although its
// shard is never without work.
func TestSelectOfBusySource(t *testing.T) {
	b := newBench(t, endless+`SELECT k % 3, COUNT(*) FROM g GROUP BY k % 3;`)
	err := b.start(func(cfg *exec.Config) {
		cfg.Result = func(*op.Batch, []planner.Column) error { return exec.ErrStop }
	}).Wait()
	if err != nil {
		t.Fatal(err)
	}
}

// TestOffsetAlone: OFFSET without LIMIT passes all the rest.
func TestOffsetAlone(t *testing.T) {
	b := newBench(t, `SELECT x FROM (VALUES (1), (2), (3), (4)) AS t(x) OFFSET 1;`)
	rows := 0
	err := b.start(func(cfg *exec.Config) {
		cfg.Result = func(r *op.Batch, _ []planner.Column) error { rows += r.N; return nil }
	}).Wait()
	if err != nil || rows != 3 {
		t.Errorf("%d rows, %v, want 3", rows, err)
	}
}

// flaky is a staging sink whose Prepare of an epoch fails once.
type flaky struct {
	mu      sync.Mutex
	failed  bool
	written map[uint64]int
	shown   map[uint64]int
}

func (f *flaky) Open(context.Context, connectors.SinkIdentity) error { return nil }
func (f *flaky) Write(_ context.Context, epoch uint64, _ int, b *connectors.Batch) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.written[epoch] += b.N
	return nil
}
func (f *flaky) Prepare(_ context.Context, epoch uint64) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if epoch == 3 && !f.failed {
		f.failed = true
		return nil, errors.New("the disk is full")
	}
	return []byte{1}, nil
}
func (f *flaky) Commit(_ context.Context, epoch uint64, _ []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shown[epoch] = f.written[epoch]
	return nil
}
func (f *flaky) Abort(_ context.Context, epoch uint64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for e := range f.written {
		if e > epoch {
			delete(f.written, e)
		}
	}
	return nil
}
func (f *flaky) Close(context.Context, bool) error { return nil }

// TestUnnamedJobAfterFailedPrepare: a job whose state is in memory only goes on
// from its last commit too, and reads no more than --max-rows in all.
func TestUnnamedJobAfterFailedPrepare(t *testing.T) {
	const maxRows = 8
	f := &flaky{written: map[uint64]int{}, shown: map[uint64]int{}}
	b := newBench(t, `
CREATE SOURCE s (x INT) WITH ('connector' = 'memory', 'bounded' = 'true');
CREATE SINK out (x INT) WITH ('connector' = 'flaky');
INSERT INTO out SELECT x FROM s;`, connectors.Connector{
		Spec: &catalog.ConnectorSpec{Name: "flaky", Doc: "A sink that fails.", Sink: &catalog.SinkSpec{
			Accepts:   func(catalog.Options, bool) catalog.ChangelogMode { return catalog.AppendOnly },
			Guarantee: func(catalog.Options) catalog.Guarantee { return catalog.ExactlyOnce },
		}},
		OpenSink: func(connectors.SinkConfig, connectors.Env) (connectors.Sink, error) { return f, nil },
	})
	s := b.store.Table("s")
	for x := range 10 {
		s.SendRows(0, []any{int32(x)})
	}
	s.End(0)
	var runRecords []int64
	err := b.start(func(cfg *exec.Config) {
		cfg.StateDir, cfg.StateFS, cfg.BarrierEvery = "", nil, 2
		cfg.MaxRows = maxRows
		cfg.Progress = func(p exec.Progress) { runRecords = append(runRecords, p.Sources[0].Records) }
	}).Wait()
	if err != nil {
		t.Fatal(err)
	}
	if !f.failed {
		t.Fatal("Prepare has not failed")
	}
	if got := runRecords[len(runRecords)-1]; got != maxRows {
		t.Errorf("%d records read, want %d", got, maxRows)
	}
	if !slices.IsSorted(runRecords) {
		t.Errorf("records by commit: %v", runRecords)
	}
	rows := 0
	for _, n := range f.shown {
		rows += n
	}
	if rows != maxRows {
		t.Errorf("%d rows shown, want %d: %v", rows, maxRows, f.shown)
	}
}

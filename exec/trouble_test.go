package exec_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/memory"
	"github.com/streamsql/streamsql/exec"
	"github.com/streamsql/streamsql/internal/clock"
)

// waiting is a source like another one that has something amiss when it is told so,
// and lists no splits before it may.
type waiting struct {
	mu    sync.Mutex
	state string
	list  chan struct{}
}

func (w *waiting) set(state string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = state
}

func (w *waiting) connector(c *connectors.Connector) connectors.Connector {
	spec, source := *c.Spec, *c.Spec.Source
	source.Lookup = nil
	spec.Name, spec.Aliases, spec.Source, spec.Sink = "waiting", nil, &source, nil
	return connectors.Connector{Spec: &spec, OpenSource: func(cfg connectors.SourceConfig, env connectors.Env) (connectors.Source, error) {
		s, err := c.OpenSource(cfg, env)
		return &waitingSource{s, w}, err
	}}
}

type waitingSource struct {
	connectors.Source
	w *waiting
}

func (s *waitingSource) Splits(ctx context.Context) ([]connectors.Split, error) {
	select {
	case <-s.w.list:
		return s.Source.Splits(ctx)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Report implements connectors.Reporting.
func (s *waitingSource) Report() connectors.SourceReport {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return connectors.SourceReport{State: s.w.state, Lag: -1}
}

// watched is a run on a clock of its own whose progress is kept.
type watched struct {
	t     *testing.T
	job   *exec.Job
	clock *clock.Virtual
	mu    sync.Mutex
	lines []exec.Progress
}

func (b *bench) watch() *watched {
	w := &watched{t: b.t, clock: clock.NewVirtual(at(1_000_000))}
	w.job = b.start(func(cfg *exec.Config) {
		cfg.Env.Clock = w.clock
		cfg.CommitInterval = time.Second
		cfg.Progress = func(p exec.Progress) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.lines = append(w.lines, p)
		}
	})
	return w
}

// next lets time pass until a line of progress is as wanted, and gives it and the one
// before it. Lines up to it are not looked at again.
func (w *watched) next(what string, ok func(exec.Progress) bool) (line, before exec.Progress) {
	w.t.Helper()
	for {
		w.mu.Lock()
		for len(w.lines) > 0 {
			line, w.lines = w.lines[0], w.lines[1:]
			if ok(line) {
				w.mu.Unlock()
				return line, before
			}
			before = line
		}
		w.mu.Unlock()
		select {
		case <-w.job.Done():
			w.t.Fatalf("the job has ended before %s: %v", what, w.job.Wait())
		case <-time.After(time.Millisecond):
			w.clock.Advance(100 * time.Millisecond)
		}
	}
}

func (w *watched) stop() {
	w.t.Helper()
	w.job.Stop()
	if err := w.job.Wait(); err != nil {
		w.t.Fatal(err)
	}
}

func in(state string) func(exec.Progress) bool {
	return func(p exec.Progress) bool { return len(p.Sources) == 1 && p.Sources[0].State == state }
}

// TestWaitingIsTold: what a source waits for is in the progress though nothing is
// committed, before its splits are there as well as later, and so is the end of it.
func TestWaitingIsTold(t *testing.T) {
	store := memory.NewStore()
	fake := &waiting{state: "nobody answers", list: make(chan struct{})}
	base := store.Connector(nil)
	b := newBench(t, `
CREATE SOURCE s (v BIGINT) WITH ('connector' = 'waiting', 'bounded' = 'false');
CREATE SINK out (v BIGINT) WITH ('connector' = 'memory');
INSERT INTO out SELECT v FROM s`, fake.connector(&base))
	w := b.watch()
	if p, _ := w.next("trouble at the start", in("nobody answers")); p.Epoch != 0 || p.Sources[0].Name != "s" {
		t.Errorf("at the start: %+v", p)
	}
	fake.set("")
	if p, _ := w.next("its end", in("")); p.Epoch != 0 {
		t.Errorf("its end is told at a commit: %+v", p)
	}
	close(fake.list)
	store.Table("s").SendRows(0, []any{int64(1)})
	p, _ := w.next("a commit", func(p exec.Progress) bool { return p.Epoch == 1 })
	fake.set("asleep")
	q, _ := w.next("trouble after a commit", in("asleep"))
	if q.Epoch != p.Epoch || q.Sources[0].Records != 1 || q.Sources[0].Splits != p.Sources[0].Splits || q.Sinks[0].Rows != 1 || !q.Time.After(p.Time) {
		t.Errorf("after %+v: %+v", p, q)
	}
	if now := w.job.Progress(); now.Sources[0].State != "asleep" {
		t.Errorf("the job itself says %+v", now)
	}
	fake.set("")
	if q, _ = w.next("its end", in("")); q.Epoch != p.Epoch {
		t.Errorf("its end is told at a commit: %+v", q)
	}
	if now := w.job.Progress(); now.Sources[0].State != "" {
		t.Errorf("the job itself says %+v", now)
	}
	w.stop()
}

// TestHeldIsTold: splits that are held back are in the progress though nothing is
// committed.
func TestHeldIsTold(t *testing.T) {
	b := newBench(t, `
CREATE SOURCE s (ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
  WITH ('connector' = 'memory', 'splits' = '2', 'bounded' = 'false', 'scan.watermark.alignment.max-drift' = '1 min');
CREATE SINK out (ts TIMESTAMP(3)) WITH ('connector' = 'memory');
INSERT INTO out SELECT ts FROM s`)
	b.store.Table("s").SendRows(1, []any{at(600)})
	w := b.watch()
	held := func(p exec.Progress) bool { return len(p.Sources) == 1 && len(p.Sources[0].Held) == 1 }
	first, _ := w.next("a held split", held)
	second, _ := w.next("a held split without a commit", held)
	if third, _ := w.next("and again", held); third.Epoch != second.Epoch || second.Epoch < first.Epoch {
		t.Errorf("held at micro-batches %d, %d, %d", first.Epoch, second.Epoch, third.Epoch)
	}
	b.store.Table("s").SendRows(0, []any{at(590)})
	w.next("nothing held", func(p exec.Progress) bool { return !held(p) })
	w.stop()
}

// unwilling is a sink like another one that fails to prepare some micro-batches.
type unwilling struct {
	connectors.Sink
	failures *atomic.Int64 // left
}

func (s *unwilling) Prepare(ctx context.Context, epoch uint64) ([]byte, error) {
	if s.failures.Add(-1) >= 0 {
		return nil, errors.New("no room")
	}
	return s.Sink.Prepare(ctx, epoch)
}

// TestRestartIsTold: while a job waits before it goes back to its last commit, the
// sink that made it do so says why; when a micro-batch is through, it says nothing
// any more.
func TestRestartIsTold(t *testing.T) {
	store := memory.NewStore()
	base := store.Connector(nil)
	spec, source := *base.Spec, *base.Spec.Source
	source.Lookup = nil
	spec.Name, spec.Aliases, spec.Source = "unwilling", nil, &source
	var failures atomic.Int64
	failures.Store(2)
	b := newBench(t, `
CREATE SOURCE s (v BIGINT) WITH ('connector' = 'memory', 'bounded' = 'false');
CREATE SINK other (v BIGINT) WITH ('connector' = 'memory');
CREATE SINK out (v BIGINT) WITH ('connector' = 'unwilling');
INSERT INTO other SELECT v FROM s;
INSERT INTO out SELECT v FROM s`, connectors.Connector{Spec: &spec, OpenSource: base.OpenSource,
		OpenSink: func(cfg connectors.SinkConfig, env connectors.Env) (connectors.Sink, error) {
			s, err := base.OpenSink(cfg, env)
			return &unwilling{s, &failures}, err
		}})
	b.store.Table("s").SendRows(0, []any{int64(1)})
	w := b.watch()
	for attempt, pause := range []string{"100ms", "1s"} {
		want := fmt.Sprintf("a micro-batch could not be written: no room; attempt %d of 4 from the last commit, in %s", attempt+2, pause)
		p, _ := w.next(want, func(p exec.Progress) bool { return len(p.Sinks) == 2 && p.Sinks[1].State == want })
		if p.Epoch != 0 || p.Sinks[0].Name != "other" || p.Sinks[0].State != "" || p.Sinks[1].Name != "out" {
			t.Errorf("%+v", p)
		}
	}
	p, _ := w.next("a commit", func(p exec.Progress) bool { return p.Epoch == 1 })
	if p.Sinks[1].State != "" || p.Sinks[1].Rows != 1 {
		t.Errorf("%+v", p)
	}
	w.stop()
}

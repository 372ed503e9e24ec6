package connectortest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/streamsql/streamsql/connectors"
)

func TestStagingModel(t *testing.T) {
	TestSink(t, SinkTest{World: func(testing.TB) World { return NewStaging() }, Skew: true})
}

func TestTransactionModel(t *testing.T) {
	TestSink(t, SinkTest{World: func(testing.TB) World { return NewBroker() }, Skew: true})
}

func TestOutboxModel(t *testing.T) {
	TestSink(t, SinkTest{World: func(testing.TB) World { return NewDatabase() }, Skew: true})
}

var identity = connectors.SinkIdentity{JobID: "job", Sink: "sink"}

// prepared opens a sink and prepares epoch 1 with ten rows.
func prepared(t *testing.T, w World) (connectors.Sink, []byte) {
	t.Helper()
	s := w.Sink(t)
	if err := s.Open(context.Background(), identity); err != nil {
		t.Fatal(err)
	}
	if err := s.Abort(context.Background(), 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(context.Background(), 1, 0, SinkBatch(0, 10)); err != nil {
		t.Fatal(err)
	}
	intent, err := s.Prepare(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return s, intent
}

func wantFatal(t *testing.T, err error, text string) {
	t.Helper()
	var fatal *connectors.FatalError
	if !errors.As(err, &fatal) || !strings.Contains(err.Error(), text) {
		t.Fatalf("got %v, want a fatal error with %q", err, text)
	}
}

// An outage longer than the transaction's time to live stops the job; shorter
// ones don't.
func TestExpiredTransaction(t *testing.T) {
	for _, outage := range []time.Duration{14 * time.Minute, 16 * time.Minute} {
		b := NewBroker()
		_, intent := prepared(t, b)
		b.Clock.Advance(outage)
		s := b.Sink(t)
		id := identity
		id.Epoch = 1
		if err := s.Open(context.Background(), id); err != nil {
			t.Fatal(err)
		}
		err := s.Commit(context.Background(), 1, intent)
		if outage < b.Timeout {
			if err != nil || len(b.Visible(t)) != 10 {
				t.Fatal(err, b.Visible(t))
			}
			continue
		}
		wantFatal(t, err, "micro-batch 1 expired")
		if len(b.Visible(t)) != 0 {
			t.Fatal("expired rows are visible")
		}
	}
}

// A commit whose answer was lost is tried again and does nothing; one that
// failed is tried again and succeeds.
func TestOutboxCommitRetried(t *testing.T) {
	for _, takesEffect := range []bool{false, true} {
		d := NewDatabase()
		s, intent := prepared(t, d)
		d.CommitFails = func() (bool, bool) { return true, takesEffect }
		err := s.Commit(context.Background(), 1, intent)
		var fatal *connectors.FatalError
		if err == nil || errors.As(err, &fatal) {
			t.Fatalf("got %v, want an error to retry", err)
		}
		d.CommitFails = nil
		if err := s.Commit(context.Background(), 1, intent); err != nil {
			t.Fatal(err)
		}
		if got := d.Visible(t); len(got) != 10 {
			t.Fatalf("%d rows, want 10", len(got))
		}
	}
}

// A marker that somebody has moved or removed stops the job, with both numbers.
func TestOutboxMarkerTouched(t *testing.T) {
	d := NewDatabase()
	s, intent := prepared(t, d)
	d.SetMarker("job", "sink", 7, true)
	wantFatal(t, s.Commit(context.Background(), 1, intent), "micro-batch 7, where it should be at 0")
	d.SetMarker("job", "sink", 0, false)
	wantFatal(t, s.Commit(context.Background(), 1, intent), "no marker")
	wantFatal(t, s.Abort(context.Background(), 1), "no marker")
	d.SetMarker("job", "sink", 3, true)
	wantFatal(t, s.Abort(context.Background(), 1), "micro-batch 3, but the job has committed 1")
	wantFatal(t, d.Sink(t).Open(context.Background(), identity), "micro-batch 3, but the job has committed none")
	if len(d.Visible(t)) != 0 {
		t.Fatal("rows are visible")
	}
}

// brokenSink forgets what the suite must find out.
type brokenSink struct {
	connectors.Sink
	lose  bool // Commit does nothing
	eager bool // Prepare shows rows
	abort bool // Abort does nothing
}

func (s *brokenSink) Prepare(ctx context.Context, epoch uint64) ([]byte, error) {
	intent, err := s.Sink.Prepare(ctx, epoch)
	if s.eager && intent != nil {
		return intent, s.Sink.Commit(ctx, epoch, intent)
	}
	return intent, err
}

func (s *brokenSink) Commit(ctx context.Context, epoch uint64, intent []byte) error {
	if s.lose && epoch%3 == 0 {
		return nil
	}
	return s.Sink.Commit(ctx, epoch, intent)
}

func (s *brokenSink) Abort(ctx context.Context, epoch uint64) error {
	if s.abort {
		return nil
	}
	return s.Sink.Abort(ctx, epoch)
}

type brokenWorld struct {
	*Staging
	make func(connectors.Sink) connectors.Sink
}

func (w brokenWorld) Sink(t testing.TB) connectors.Sink { return w.make(w.Staging.Sink(t)) }

// recorder is a testing.TB that notes a failure instead of failing.
type recorder struct {
	testing.TB
	failed bool
}

type failure struct{}

func (r *recorder) Helper() {}
func (r *recorder) Fatalf(string, ...any) {
	r.failed = true
	panic(failure{})
}

// The suite finds sinks that break the protocol.
func TestSuiteFinds(t *testing.T) {
	for name, broken := range map[string]brokenSink{"lost commit": {lose: true}, "shown at prepare": {eager: true}, "no abort": {abort: true}} {
		found := false
		for step := 0; step < 40 && !found; step++ {
			rec := &recorder{TB: t}
			func() {
				defer func() {
					if p := recover(); p != nil && p != (failure{}) {
						panic(p)
					}
				}()
				r := newSinkRun(rec, SinkTest{World: func(testing.TB) World {
					return brokenWorld{NewStaging(), func(s connectors.Sink) connectors.Sink {
						b := broken
						b.Sink = s
						return &b
					}}
				}}, uint64(step))
				r.abortAt = step
				r.run(0)
				r.checkEnd()
			}()
			found = rec.failed
		}
		if !found {
			t.Errorf("%s: not found", name)
		}
	}
}

package exec_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/exec"
	"github.com/streamsql/streamsql/planner"
)

// gauge counts the rows between a source and a sink.
type gauge struct{ read, written, most atomic.Int64 }

func (g *gauge) note() {
	ahead := g.read.Load() - g.written.Load()
	for {
		m := g.most.Load()
		if ahead <= m || g.most.CompareAndSwap(m, ahead) {
			return
		}
	}
}

// counted is a connector like another one whose source counts what is fetched.
func counted(c *connectors.Connector, g *gauge) connectors.Connector {
	spec := *c.Spec
	spec.Name, spec.Aliases, spec.Sink = "counted", nil, nil
	return connectors.Connector{Spec: &spec, OpenSource: func(cfg connectors.SourceConfig, env connectors.Env) (connectors.Source, error) {
		s, err := c.OpenSource(cfg, env)
		return countedSource{s, g}, err
	}}
}

type countedSource struct {
	connectors.Source
	g *gauge
}

func (s countedSource) Open(ctx context.Context, sp connectors.Split, from connectors.Offset) (connectors.SplitReader, error) {
	r, err := s.Source.Open(ctx, sp, from)
	return countedReader{r, s.g}, err
}

type countedReader struct {
	connectors.SplitReader
	g *gauge
}

func (r countedReader) Fetch(ctx context.Context, max connectors.Limits) (connectors.Chunk, error) {
	c, err := r.SplitReader.Fetch(ctx, max)
	if c != nil {
		r.g.read.Add(int64(c.Records()))
		r.g.note()
	}
	return c, err
}

// slow is a sink that takes its time with every batch.
func slow(g *gauge, pause time.Duration) connectors.Connector {
	return connectors.Connector{
		Spec: &catalog.ConnectorSpec{Name: "slow", Doc: "A sink that takes its time.", Sink: &catalog.SinkSpec{
			Accepts:   func(catalog.Options, bool) catalog.ChangelogMode { return catalog.RetractMode },
			Guarantee: func(catalog.Options) catalog.Guarantee { return catalog.AtLeastOnce },
		}},
		OpenSink: func(connectors.SinkConfig, connectors.Env) (connectors.Sink, error) { return slowSink{g, pause}, nil },
	}
}

type slowSink struct {
	g     *gauge
	pause time.Duration
}

func (slowSink) Open(context.Context, connectors.SinkIdentity) error { return nil }
func (s slowSink) Write(_ context.Context, _ uint64, _ int, b *connectors.Batch) error {
	time.Sleep(s.pause)
	s.g.written.Add(int64(b.N))
	return nil
}
func (slowSink) Prepare(context.Context, uint64) ([]byte, error) { return nil, nil }
func (slowSink) Commit(context.Context, uint64, []byte) error    { return nil }
func (slowSink) Abort(context.Context, uint64) error             { return nil }
func (slowSink) Close(context.Context, bool) error               { return nil }

// analyzed plans the INSERT of a script over a datagen that counts and a sink that
// sleeps with each batch.
func analyzed(t *testing.T, script string, g *gauge, pause time.Duration) (*planner.Job, *streamsql.Engine) {
	t.Helper()
	plain, err := streamsql.Open(streamsql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	datagen, err := plain.Connectors().Connector("datagen")
	if err != nil {
		t.Fatal(err)
	}
	eng, err := streamsql.Open(streamsql.Options{Connectors: []connectors.Connector{counted(datagen, g), slow(g, pause)}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := eng.Script().Analyze("test", script)
	if err != nil {
		t.Fatal(err)
	}
	return s.Steps[len(s.Steps)-1].(*planner.Job), eng
}

// runWithCredit runs the INSERT of a script with a byte credit, and gives how far
// the source was ahead of the sink at most, in rows.
func runWithCredit(t *testing.T, script string, credit int64, rows int64) (ahead, queued int64) {
	t.Helper()
	g := &gauge{}
	step, eng := analyzed(t, script, g, 200*time.Microsecond)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	job := exec.Start(ctx, exec.Config{
		Plan: step.Plan, Connectors: eng.Connectors(), Parallelism: 2, BatchRows: 64, Credit: credit,
		CommitInterval: time.Minute,
	})
	if err := job.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := g.written.Load(); got != rows {
		t.Errorf("%d rows written, want %d", got, rows)
	}
	return g.most.Load(), job.Progress().QueueBytes
}

const wideRows = `
CREATE SOURCE g (k BIGINT, s STRING, ts AS TIMESTAMP '2024-01-01 00:00:00', WATERMARK FOR ts AS ts, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'counted', 'number-of-rows' = '20000',
  'rows-per-second' = '0', 'fields.k.kind' = 'sequence', 'fields.k.start' = '0', 'fields.k.end' = '19999', 'fields.s.length' = '200');
CREATE SINK out (k BIGINT, s STRING) WITH ('connector' = 'slow');
`

// TestBackpressure: a source does not run ahead of a slow sink by more than the
// credit (and the chunks that two tasks hold), however long the input is.
func TestBackpressure(t *testing.T) {
	const credit = 64 << 10
	most, _ := runWithCredit(t, wideRows+"INSERT INTO out SELECT k, s FROM g WHERE k >= 0;", credit, 20000)
	// 64 KiB are about 300 rows; each task may hold chunks of 64 rows beside.
	if limit := int64(3*credit/208 + 6*64); most > limit {
		t.Errorf("the source was %d rows ahead, want at most %d", most, limit)
	}
}

// TestDiamond: one scan that feeds both sides of a union, beyond an exchange and
// straight, must not deadlock on a small credit.
func TestDiamond(t *testing.T) {
	runWithCredit(t, wideRows+`
INSERT INTO out
SELECT k, s FROM g
UNION ALL SELECT MAX(k), s FROM g GROUP BY s
UNION ALL SELECT k, MAX(s) FROM (SELECT DISTINCT k, s FROM g) AS d GROUP BY k;`, 64<<10, 60000)
}

// TestFlood: what one level gives at once goes to the next in pieces, as that can
// take it. 20,000 groups of 200 bytes close at once: 4 MB, of which half changes shards.
func TestFlood(t *testing.T) {
	_, queued := runWithCredit(t, wideRows+`
INSERT INTO out SELECT COUNT(*), s FROM (
  SELECT k, MAX(s) AS s FROM TUMBLE(TABLE g, DESCRIPTOR(ts), INTERVAL '1' DAY) GROUP BY k, window_start, window_end) AS one
GROUP BY s;`, 64<<10, 20000)
	if queued > 512<<10 {
		t.Errorf("%d bytes waited, want at most 512 KiB", queued)
	}
}

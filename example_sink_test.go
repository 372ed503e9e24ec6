package streamsql_test

import (
	"context"
	"fmt"
	"log"
	"sync"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
)

// An own sink: it adds up what a column of each micro-batch holds, and shows the
// total when the micro-batch is committed.
func ExampleOptions_sink() {
	total := &totalSink{pending: map[uint64]int64{}}
	eng, err := streamsql.Open(streamsql.Options{Connectors: []connectors.Connector{{
		Spec: &catalog.ConnectorSpec{
			Name: "total", Doc: "The sum of the first column.",
			Sink: &catalog.SinkSpec{
				Accepts:   func(catalog.Options, bool) catalog.ChangelogMode { return catalog.AppendOnly },
				Guarantee: func(catalog.Options) catalog.Guarantee { return catalog.AtLeastOnce },
			},
		},
		OpenSink: func(connectors.SinkConfig, connectors.Env) (connectors.Sink, error) { return total, nil },
	}}})
	if err != nil {
		log.Fatal(err)
	}
	defer eng.Close()
	err = eng.Script().Exec(context.Background(), `
		CREATE SINK t (n BIGINT) WITH ('connector' = 'total');
		INSERT INTO t VALUES (1), (2), (39);`)
	if err != nil {
		log.Fatal(err)
	}
	// Output: 42
}

// totalSink implements connectors.Sink.
type totalSink struct {
	mu      sync.Mutex
	pending map[uint64]int64 // by micro-batch
}

func (s *totalSink) Open(context.Context, connectors.SinkIdentity) error { return nil }

func (s *totalSink) Write(_ context.Context, epoch uint64, _ int, b *connectors.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range b.Cols[0].(*array.Int64).Int64Values() {
		s.pending[epoch] += v
	}
	return nil
}

// Prepare gives what Commit needs, even after a crash.
func (s *totalSink) Prepare(_ context.Context, epoch uint64) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum, ok := s.pending[epoch]
	if !ok {
		return nil, nil
	}
	delete(s.pending, epoch)
	return fmt.Appendf(nil, "%d", sum), nil
}

func (s *totalSink) Commit(_ context.Context, _ uint64, intent []byte) error {
	fmt.Println(string(intent))
	return nil
}

func (s *totalSink) Abort(context.Context, uint64) error { return nil }
func (s *totalSink) Close(context.Context, bool) error   { return nil }

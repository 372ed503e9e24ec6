package blackhole_test

import (
	"context"
	"sync"
	"testing"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/blackhole"
	"github.com/streamsql/streamsql/connectors/connectortest"
)

// It takes every kind of row from all shards at once, and counts.
func TestBlackhole(t *testing.T) {
	c := blackhole.Connector()
	options, errs := catalog.CheckOptions(c.Spec, connectors.NewRegistry(), map[string]string{"connector": "blackhole"}, false)
	if errs != nil {
		t.Fatal(errs)
	}
	ctx := context.Background()
	s, err := c.OpenSink(connectors.SinkConfig{Options: options, Columns: connectortest.SinkColumns(), Shards: 3}, connectors.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Open(ctx, connectors.SinkIdentity{JobID: "job", Sink: "sink", Epoch: 6}); err != nil {
		t.Fatal(err)
	}
	if err := s.Abort(ctx, 6); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for shard := range 3 {
		wg.Go(func() {
			b := connectortest.SinkBatch(0, 10)
			b.Kinds = make([]catalog.RowKind, 10)
			b.Kinds[3] = catalog.Delete
			for range 100 {
				if err := s.Write(ctx, 7, shard, b); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if intent, err := s.Prepare(ctx, 7); intent != nil || err != nil {
		t.Fatal(intent, err)
	}
	if err := s.Close(ctx, true); err != nil {
		t.Fatal(err)
	}
	if n := s.(*blackhole.Sink).Rows(); n != 3000 {
		t.Errorf("%d rows, want 3000", n)
	}
}

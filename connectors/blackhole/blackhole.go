package blackhole

import (
	"context"
	"sync/atomic"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
)

// Connector gives the connector.
func Connector() connectors.Connector {
	return connectors.Connector{
		Spec: &catalog.ConnectorSpec{
			Name: "blackhole",
			Doc:  "Takes all rows and keeps none.",
			Sink: &catalog.SinkSpec{
				Accepts:   func(catalog.Options, bool) catalog.ChangelogMode { return catalog.RetractMode },
				Guarantee: func(catalog.Options) catalog.Guarantee { return catalog.ExactlyOnce },
			},
		},
		OpenSink: func(cfg connectors.SinkConfig, _ connectors.Env) (connectors.Sink, error) {
			return &Sink{shards: make([]counter, max(cfg.Shards, 1))}, nil
		},
	}
}

// Sink counts rows. It promises exactly-once since there is nothing to double.
type Sink struct{ shards []counter }

// counter has a cache line of its own.
type counter struct {
	rows atomic.Int64
	_    [56]byte
}

// Rows is the number of rows taken since Open.
func (s *Sink) Rows() int64 {
	n := int64(0)
	for i := range s.shards {
		n += s.shards[i].rows.Load()
	}
	return n
}

// Open implements connectors.Sink.
func (*Sink) Open(context.Context, connectors.SinkIdentity) error { return nil }

// Write implements connectors.Sink.
func (s *Sink) Write(_ context.Context, _ uint64, shard int, b *connectors.Batch) error {
	s.shards[shard].rows.Add(int64(b.N))
	return nil
}

// Prepare implements connectors.Sink.
func (*Sink) Prepare(context.Context, uint64) ([]byte, error) { return nil, nil }

// Commit implements connectors.Sink.
func (*Sink) Commit(context.Context, uint64, []byte) error { return nil }

// Abort implements connectors.Sink.
func (*Sink) Abort(context.Context, uint64) error { return nil }

// Close implements connectors.Sink.
func (*Sink) Close(context.Context, bool) error { return nil }

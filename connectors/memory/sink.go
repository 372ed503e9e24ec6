package memory

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
)

// sinkKey names a sink of a job.
type sinkKey struct{ job, sink string }

// sinkState is what outlives a sink's Close: as of a database.
type sinkState struct {
	committed uint64 // epoch
	staged    map[uint64][]connectors.Batch
}

// sink stages rows in the table and shows them at commit.
type sink struct {
	table *Table
	cols  []catalog.Field
	id    connectors.SinkIdentity
	state *sinkState
}

func (s *Store) openSink(cfg connectors.SinkConfig, _ connectors.Env) (connectors.Sink, error) {
	return &sink{table: s.Table(tableName(cfg.Options, cfg.Name)), cols: cfg.Columns}, nil
}

// Open implements connectors.Sink.
func (s *sink) Open(_ context.Context, id connectors.SinkIdentity) error {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	if s.table.sinks == nil {
		s.table.sinks = map[sinkKey]*sinkState{}
	}
	key := sinkKey{id.JobID, id.Sink}
	s.id, s.state = id, s.table.sinks[key]
	if s.state == nil {
		// A job that has committed before did so in another process, whose rows
		// are gone: its last commit is not missed either.
		s.state = &sinkState{committed: id.Epoch, staged: map[uint64][]connectors.Batch{}}
		s.table.sinks[key] = s.state
	}
	return nil
}

// Write implements connectors.Sink.
func (s *sink) Write(_ context.Context, epoch uint64, _ int, b *connectors.Batch) error {
	if b.N == 0 {
		return nil
	}
	kept := connectors.Batch{N: b.N, Cols: slices.Clone(b.Cols), Kinds: slices.Clone(b.Kinds)}
	for _, c := range kept.Cols {
		c.Retain()
	}
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	s.state.staged[epoch] = append(s.state.staged[epoch], kept)
	return nil
}

// Prepare implements connectors.Sink.
func (s *sink) Prepare(_ context.Context, epoch uint64) ([]byte, error) {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	if len(s.state.staged[epoch]) == 0 {
		return nil, nil
	}
	return binary.AppendUvarint(nil, epoch), nil
}

// Commit implements connectors.Sink.
func (s *sink) Commit(_ context.Context, epoch uint64, intent []byte) error {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	if len(intent) == 0 || epoch <= s.state.committed {
		return nil
	}
	named, n := binary.Uvarint(intent)
	batches, ok := s.state.staged[epoch]
	if n <= 0 || named != epoch || !ok {
		return connectors.Fatal(fmt.Errorf("memory: rows of micro-batch %d are not there", epoch))
	}
	delete(s.state.staged, epoch)
	s.state.committed = epoch
	id := s.id
	id.Epoch = epoch
	s.table.commits = append(s.table.commits, Commit{Sink: id, Columns: s.cols, Batches: batches})
	s.table.notify()
	return nil
}

// Abort implements connectors.Sink.
func (s *sink) Abort(_ context.Context, epoch uint64) error {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	for e, batches := range s.state.staged {
		if e > epoch {
			for _, b := range batches {
				for _, c := range b.Cols {
					c.Release()
				}
			}
			delete(s.state.staged, e)
		}
	}
	return nil
}

// Close implements connectors.Sink.
func (s *sink) Close(context.Context, bool) error { return nil }

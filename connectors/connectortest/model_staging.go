package connectortest

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/connectors"
)

// Staging is the world of the first model sink: a store that takes rows under a
// name, durably, without showing them, and shows them on command. (Files that
// are renamed; tables that are swapped; multipart uploads.)
type Staging struct {
	mu     sync.Mutex
	staged map[string][]int64
	shown  map[string][]int64
}

// NewStaging makes an empty store.
func NewStaging() *Staging {
	return &Staging{staged: map[string][]int64{}, shown: map[string][]int64{}}
}

// Visible implements World.
func (w *Staging) Visible(testing.TB) []int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	var ids []int64
	for _, part := range w.shown {
		ids = append(ids, part...)
	}
	return ids
}

// Crash implements World: the store is another machine.
func (w *Staging) Crash(bool, *rand.Rand) {}

// Sink implements World.
func (w *Staging) Sink(testing.TB) connectors.Sink {
	return &stagingSink{world: w, rows: map[uint64][]int64{}}
}

// stagingSink stages an epoch at Prepare and shows it at Commit.
type stagingSink struct {
	world *Staging
	mu    sync.Mutex
	rows  map[uint64][]int64
}

func stageName(epoch uint64) string { return fmt.Sprintf("epoch-%d", epoch) }

func (s *stagingSink) Open(context.Context, connectors.SinkIdentity) error { return nil }

func (s *stagingSink) Write(_ context.Context, epoch uint64, _ int, b *connectors.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[epoch] = append(s.rows[epoch], b.Cols[0].(*array.Int64).Int64Values()...)
	return nil
}

func (s *stagingSink) Prepare(_ context.Context, epoch uint64) ([]byte, error) {
	s.mu.Lock()
	rows := s.rows[epoch]
	delete(s.rows, epoch)
	s.mu.Unlock()
	if len(rows) == 0 {
		return nil, nil
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	s.world.staged[stageName(epoch)] = rows
	return binary.BigEndian.AppendUint64(nil, epoch), nil
}

func (s *stagingSink) Commit(_ context.Context, epoch uint64, intent []byte) error {
	if len(intent) != 8 || binary.BigEndian.Uint64(intent) != epoch {
		return connectors.Fatal(fmt.Errorf("not an intent of epoch %d", epoch))
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	name := stageName(epoch)
	rows, ok := s.world.staged[name]
	if _, done := s.world.shown[name]; !ok && !done {
		return connectors.Fatal(fmt.Errorf("%s is lost", name))
	}
	if ok {
		s.world.shown[name] = rows
		delete(s.world.staged, name)
	}
	return nil
}

func (s *stagingSink) Abort(_ context.Context, epoch uint64) error {
	s.mu.Lock()
	clear(s.rows)
	s.mu.Unlock()
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	for name := range s.world.staged {
		var e uint64
		if _, err := fmt.Sscanf(name, "epoch-%d", &e); err == nil && e > epoch {
			delete(s.world.staged, name)
		}
	}
	return nil
}

func (s *stagingSink) Close(context.Context, bool) error { return nil }

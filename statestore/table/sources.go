package table

import (
	"sync"

	"github.com/streamsql/streamsql/statestore"
)

// Sources hands out the tables of the last commit to a job that restarts with
// another layout. Row ids mean nothing across layouts: each new shard reads the
// tables of all old shards whose key groups overlap its own, inserts the rows of
// its groups into a new table, and so writes its whole state at the next freeze.
//
// A stored shard is loaded once per operator, by whoever asks first, and kept
// until the last new shard that needs it has called Done. Safe for concurrent
// use.
type Sources struct {
	store    *statestore.Store
	from, to statestore.Layout

	mu     sync.Mutex
	loaded map[sourceID]*source
}

type sourceID struct {
	op    statestore.OperatorID
	shard int // stored
}

type source struct {
	once  sync.Once
	table *Table
	err   error
	users int // new shards that have not called Done
}

// NewSources is for a store with at least one commit; to is the new layout.
func NewSources(store *statestore.Store, to statestore.Layout) *Sources {
	last, _ := store.Last()
	return &Sources{store: store, from: last.Layout, to: to, loaded: map[sourceID]*source{}}
}

// Tables returns the stored tables that may have rows of a new shard. They are
// shared and must only be read, until Done.
func (s *Sources) Tables(op statestore.OperatorID, shard int) ([]*Table, error) {
	var tables []*Table
	for _, old := range s.from.Overlapping(s.to.KeyGroups(shard)) {
		src := s.source(op, old)
		src.once.Do(func() { src.table, src.err = Load(s.store, op, old) })
		if src.err != nil {
			return nil, src.err
		}
		tables = append(tables, src.table)
	}
	return tables, nil
}

func (s *Sources) source(op statestore.OperatorID, old int) *source {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := sourceID{op: op, shard: old}
	src := s.loaded[id]
	if src == nil {
		src = &source{users: len(s.to.Overlapping(s.from.KeyGroups(old)))}
		s.loaded[id] = src
	}
	return src
}

// Done says that a new shard has read what Tables gave it.
func (s *Sources) Done(op statestore.OperatorID, shard int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, old := range s.from.Overlapping(s.to.KeyGroups(shard)) {
		id := sourceID{op: op, shard: old}
		if src := s.loaded[id]; src != nil {
			if src.users--; src.users == 0 {
				delete(s.loaded, id)
			}
		}
	}
}

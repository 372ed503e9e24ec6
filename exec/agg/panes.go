package agg

import (
	"maps"
	"slices"

	"github.com/streamsql/streamsql/statestore/table"
)

// Panes keeps Groups per pane: the rows of one stretch of event time, which all
// windows that contain it share. A pane is a time bucket of the state, so that
// expiry drops it as a whole.
type Panes struct {
	a     *Aggregator
	st    *table.Table
	first uint32
	panes map[int64]*Groups // by start
}

// OpenPanes gives the panes that are kept in parts first..first+Parts()-1 of st:
// those that a restore has found, else none.
func (a *Aggregator) OpenPanes(st *table.Table, first uint32) *Panes {
	p := &Panes{a: a, st: st, first: first, panes: map[int64]*Groups{}}
	for _, start := range st.Buckets() {
		if g := a.Open(st, first, start); g.Len() > 0 {
			p.panes[start] = g
		}
	}
	return p
}

// At gives the pane with a start, new if there is none.
func (p *Panes) At(start int64) *Groups {
	g := p.panes[start]
	if g == nil {
		g = p.a.Open(p.st, p.first, start)
		p.panes[start] = g
	}
	return g
}

// Find gives the pane with a start, nil if there is none.
func (p *Panes) Find(start int64) *Groups { return p.panes[start] }

// Starts lists the panes, ascending.
func (p *Panes) Starts() []int64 { return slices.Sorted(maps.Keys(p.panes)) }

// Drop removes the pane with a start, and all else in its time bucket.
func (p *Panes) Drop(start int64) {
	if p.panes[start] != nil {
		delete(p.panes, start)
		p.st.DropBucket(start)
	}
}

// Bytes is the memory taken, in bytes.
func (p *Panes) Bytes() int {
	n := 0
	for _, g := range p.panes {
		n += g.Bytes()
	}
	return n
}

// Sliding merges panes into windows. It keeps the last window and, where the
// aggregates allow it, makes the next one from it: by adding the panes that come
// and subtracting those that go (subtract-on-evict), so that a pane is touched
// twice however many windows share it. Else it merges all panes of each window.
//
// The last window is derived from the panes and not part of the state.
type Sliding struct {
	panes    *Panes
	window   *Groups
	from, to int64 // what window holds; from == to: nothing
}

// NewSliding makes a Sliding over panes.
func NewSliding(panes *Panes) *Sliding {
	return &Sliding{panes: panes, window: panes.a.Open(nil, 0, 0)}
}

// Window gives the groups of the panes with from <= start < to. They hold until
// the next call and must not be changed. The panes of a window that has been
// asked for must not change any more, nor be dropped while they may be part of
// the last window: drop those below from after the call.
func (s *Sliding) Window(from, to int64) *Groups {
	a := s.panes.a
	if only := s.single(from, to); only != nil {
		return only
	}
	if from < s.from || from >= s.to || to < s.to || !a.Invertible() {
		s.window.Clear()
		s.from, s.to = from, from
	}
	for _, start := range s.panes.Starts() {
		switch {
		case start >= s.from && start < min(from, s.to):
			a.Subtract(s.window, s.panes.panes[start])
		case start >= max(from, s.to) && start < to:
			a.Merge(s.window, s.panes.panes[start], nil)
		}
	}
	s.from, s.to = from, to
	return s.window
}

// single gives the pane that alone makes up a window, as in TUMBLE.
func (s *Sliding) single(from, to int64) *Groups {
	if s.from != s.to {
		return nil
	}
	var only *Groups
	for start, g := range s.panes.panes {
		if start >= from && start < to {
			if only != nil {
				return nil
			}
			only = g
		}
	}
	return only
}

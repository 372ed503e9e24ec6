package window

import (
	"github.com/streamsql/streamsql/exec/agg"
)

// slide merges the panes of windows that follow each other and overlap, without
// merging all panes of each, where the state of the aggregates is of more than rows
// (else: sliding). Panes of a window that has fired don't change any more: rows that
// are late for it go to their other windows one by one.
//
// Merges of 2, 4, 8, ... panes are kept, of which a window needs few: two of each
// length at most (a flat form of FiBA's tree: Tangwongsan et al., 2019). Windows that
// begin together, as those of CUMULATE do, only ever add panes to the last one.
//
// None of it is state: it is made again from the panes.
type slide struct {
	agg  *agg.Aggregator
	pane func(pane int64) *agg.Groups // nil: no row is in it
	// run is the last window, of panes [from, to).
	run      *agg.Groups
	from, to int64
	spans    map[span]*agg.Groups
}

// span is panes [at << level, (at + 1) << level).
type span struct {
	level uint
	at    int64
}

func newSlide(a *agg.Aggregator, pane func(int64) *agg.Groups) slide {
	return slide{agg: a, pane: pane, run: a.Open(nil, 0, 0), spans: map[span]*agg.Groups{}}
}

// window gives groups that together are those of panes [from, to), at least one
// of which has rows. They hold until the next call.
func (s *slide) window(from, to int64) []*agg.Groups {
	if from != s.from {
		s.from, s.to = from, from // for a window that begins here, too
		return s.merged(from, to)
	}
	if to < s.to || s.to == from {
		s.clear(from)
	}
	for p := s.to; p < to; p++ {
		if g := s.pane(p); g != nil {
			s.agg.Merge(s.run, g, nil)
		}
	}
	s.to = to
	return []*agg.Groups{s.run}
}

// clear makes run the window of no panes that begins at from.
func (s *slide) clear(from int64) {
	s.run.Clear()
	s.from, s.to = from, from
}

// evict says that no window to come has a pane before from. Called before these
// panes are dropped.
func (s *slide) evict(from int64) {
	for k := range s.spans {
		if k.at<<k.level < from {
			delete(s.spans, k)
		}
	}
	if from > s.from && s.from < s.to {
		s.clear(0)
	}
}

// merged gives the fewest kept merges that make up panes [from, to).
func (s *slide) merged(from, to int64) []*agg.Groups {
	var out []*agg.Groups
	for from < to {
		k := span{0, from}
		for k.at&1 == 0 && (k.at+2)<<k.level <= to {
			k = span{k.level + 1, k.at >> 1}
		}
		if g := s.span(k); g != nil {
			out = append(out, g)
		}
		from = (k.at + 1) << k.level
	}
	return out
}

// span merges the panes of a span, and keeps that.
func (s *slide) span(k span) *agg.Groups {
	if k.level == 0 {
		return s.pane(k.at)
	}
	g, known := s.spans[k]
	if known {
		return g
	}
	a, b := s.span(span{k.level - 1, 2 * k.at}), s.span(span{k.level - 1, 2*k.at + 1})
	switch {
	case a == nil:
		g = b
	case b == nil:
		g = a
	default:
		g = s.agg.Open(nil, 0, 0)
		s.agg.Merge(g, a, nil)
		s.agg.Merge(g, b, nil)
	}
	s.spans[k] = g
	return g
}

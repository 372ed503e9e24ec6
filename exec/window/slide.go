package window

import (
	"slices"

	"github.com/streamsql/streamsql/exec/agg"
)

// slide merges the panes of windows that follow each other and overlap, without
// merging all panes of each. Panes of a window that has fired don't change any
// more: rows that are late for it go to their other windows one by one.
//
// Where the aggregates can be taken out again, the last window is kept, and the
// next one made from it by adding the panes that come and subtracting those that
// go (subtract-on-evict), so that each pane is touched twice. Else merges of 2,
// 4, 8, ... panes are kept, of which a window needs few: two of each length at
// most (a flat form of FiBA's tree: Tangwongsan et al., 2019). Windows that begin
// together, as those of CUMULATE do, only ever add panes.
//
// None of it is state: it is made again from the panes.
type slide struct {
	agg  *agg.Aggregator
	pane func(pane int64) *agg.Groups // nil: no row is in it
	// run is the last window, of panes [from, to).
	run      *agg.Groups
	from, to int64
	// parts are the panes of run, where it is invertible: pane from+i at i.
	parts []slidePart
	spans map[span]*agg.Groups
}

// span is panes [at << level, (at + 1) << level).
type span struct {
	level uint
	at    int64
}

// slidePart is a pane as part of the last window.
type slidePart struct {
	groups *agg.Groups // nil: none had come
	moved  []uint32    // where its groups are there
}

func newSlide(a *agg.Aggregator, pane func(int64) *agg.Groups) slide {
	return slide{agg: a, pane: pane, run: a.Open(nil, 0, 0), spans: map[span]*agg.Groups{}}
}

// window gives groups that together are those of panes [from, to), at least one
// of which has rows. They hold until the next call.
func (s *slide) window(from, to int64) []*agg.Groups {
	if s.from < s.to && (from == s.from && to >= s.to || s.agg.Invertible() && from >= s.from && from < s.to && to >= s.to) {
		s.evict(from)
	} else if s.from == from || s.agg.Invertible() {
		s.clear(from)
	} else {
		s.from, s.to = from, from // for a window that begins here, too
		return s.merged(from, to)
	}
	for p := s.to; p < to; p++ {
		g := s.pane(p)
		if s.agg.Invertible() {
			s.add(g)
		} else if g != nil {
			s.agg.Merge(s.run, g, nil)
		}
	}
	s.to = to
	return []*agg.Groups{s.run}
}

// add makes a pane part of run.
func (s *slide) add(g *agg.Groups) {
	if len(s.parts) < cap(s.parts) {
		s.parts = s.parts[:len(s.parts)+1] // whose moved is used again
	} else {
		s.parts = append(s.parts, slidePart{})
	}
	p := &s.parts[len(s.parts)-1]
	p.groups = g
	if g != nil {
		p.moved = s.agg.MergeInto(s.run, g, p.moved)
	}
}

// clear makes run the window of no panes that begins at from.
func (s *slide) clear(from int64) {
	s.run.Clear()
	s.from, s.to = from, from
	s.parts = s.parts[:0]
}

// evict says that no window to come has a pane before from. Called before these
// panes are dropped.
func (s *slide) evict(from int64) {
	for k := range s.spans {
		if k.at<<k.level < from {
			delete(s.spans, k)
		}
	}
	if from <= s.from || s.from == s.to {
		return
	}
	if from >= s.to || !s.agg.Invertible() {
		s.clear(0)
		return
	}
	k := int(from - s.from)
	for i := range s.parts[:k] {
		if p := &s.parts[i]; p.groups != nil {
			s.agg.Subtract(s.run, p.groups, p.moved)
			p.groups = nil
		}
	}
	s.parts = rotate(s.parts, k)
	s.from = from
}

// rotate drops the first k parts, and keeps their memory behind the others.
func rotate(parts []slidePart, k int) []slidePart {
	gone := slices.Clone(parts[:k])
	n := copy(parts, parts[k:])
	copy(parts[n:], gone)
	return parts[:n]
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

package window

import (
	"time"

	"github.com/streamsql/streamsql/planner"
)

// spec does the arithmetic of a window clause. All times are microseconds since
// 1970; with a zone, alignment is to local time.
//
// Panes are numbered by pane length from the offset on: pane p covers
// [p*pane+offset, (p+1)*pane+offset) in local time. Where the size of a HOP is
// no multiple of its slide, each slide has two panes, before and after the end
// of a window (Krishnamurthy et al., On-the-Fly Sharing for Streamed
// Aggregation, 2006).
type spec struct {
	kind         planner.WindowKind
	size, slide  int64
	offset, pane int64
	rest         int64 // HOP: how far within a slide windows end; 0: at its edge
	zone         *time.Location
}

func newSpec(w planner.Window) *spec {
	s := &spec{kind: w.Kind, size: w.Size, slide: w.Slide, offset: w.Offset, zone: w.Zone}
	switch w.Kind {
	case planner.TumbleWindow:
		s.slide, s.pane = w.Size, w.Size
	case planner.HopWindow:
		s.pane, s.rest = w.Slide, w.Size%w.Slide
	case planner.CumulateWindow:
		s.pane = w.Slide
	}
	if s.zone == time.UTC {
		s.zone = nil
	}
	return s
}

// floorDiv rounds towards minus infinity; b > 0.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// local is the wall clock's reading, in microseconds, at an instant.
func (s *spec) local(us int64) int64 {
	if s.zone == nil {
		return us
	}
	return us + s.offsetAt(us)
}

// offsetAt is how far the zone's clocks are ahead of UTC at an instant, us.
func (s *spec) offsetAt(us int64) int64 {
	_, off := time.UnixMicro(us).In(s.zone).Zone()
	return int64(off) * 1e6
}

// instant is the instant of a reading of the wall clock. Where the clock was
// set forward over it, the instant of the change; where it showed the reading
// twice, the first one.
func (s *spec) instant(local int64) int64 {
	if s.zone == nil {
		return local
	}
	// The offsets before and after whatever change there is near the reading:
	// no zone is a day or more away from UTC.
	const day = 24 * 3600 * 1e6
	before, after := s.offsetAt(local-day), s.offsetAt(local+day)
	first := local - before
	switch {
	case before == after, s.offsetAt(first) == before:
		return first
	case s.offsetAt(local-after) == after:
		return local - after
	}
	change, _ := time.UnixMicro(first).In(s.zone).ZoneBounds()
	return change.UnixMicro()
}

// paneOf is the pane that a time is in, and the pane's edges.
func (s *spec) paneOf(us int64) (pane, from, to int64) {
	pane = s.paneAt(s.local(us))
	return pane, s.instant(s.paneStart(pane)), s.instant(s.paneStart(pane + 1))
}

// paneAt is the pane that a local time is in.
func (s *spec) paneAt(local int64) int64 {
	p := floorDiv(local-s.offset, s.pane)
	if s.rest == 0 {
		return p
	}
	if local-s.offset-p*s.pane < s.rest {
		return 2 * p
	}
	return 2*p + 1
}

// paneStart is where a pane begins, in local time.
func (s *spec) paneStart(pane int64) int64 {
	if s.rest == 0 {
		return pane*s.pane + s.offset
	}
	return (pane>>1)*s.pane + (pane&1)*s.rest + s.offset
}

// win is a window in local time; its edges as instants come from edges.
type win struct{ start, end int64 }

func (s *spec) edges(w win) (start, end int64) { return s.instant(w.start), s.instant(w.end) }

// windowsOf appends the windows that contain a pane, by ascending end.
func (s *spec) windowsOf(pane int64, dst []win) []win {
	at := s.paneStart(pane)
	switch s.kind {
	case planner.TumbleWindow:
		return append(dst, win{at, at + s.size})
	case planner.CumulateWindow:
		base := floorDiv(at-s.offset, s.size)*s.size + s.offset
		for end := at + s.slide; end <= base+s.size; end += s.slide {
			dst = append(dst, win{base, end})
		}
		return dst
	default: // HOP
		last := floorDiv(at-s.offset, s.slide)*s.slide + s.offset
		// The least start whose window still covers the pane.
		first := last
		for first-s.slide+s.size > at {
			first -= s.slide
		}
		for start := first; start <= last; start += s.slide {
			if start+s.size > at {
				dst = append(dst, win{start, start + s.size})
			}
		}
		return dst
	}
}

// span gives the first and the last window that contain a pane, by end; false: it
// is between two windows of a HOP with gaps. after goes from one to the next.
func (s *spec) span(pane int64) (first, last win, ok bool) {
	at := s.paneStart(pane)
	switch s.kind {
	case planner.TumbleWindow:
		first = win{at, at + s.size}
		return first, first, true
	case planner.CumulateWindow:
		base := floorDiv(at-s.offset, s.size)*s.size + s.offset
		return win{base, at + s.slide}, win{base, base + s.size}, true
	}
	last.start = floorDiv(at-s.offset, s.slide)*s.slide + s.offset
	last.end = last.start + s.size
	first.start = last.start - floorDiv(last.end-at-1, s.slide)*s.slide
	first.end = first.start + s.size
	return first, last, last.end > at
}

// after is the window that ends next after x, of those that overlap it or, of
// CUMULATE, begin with it.
func (s *spec) after(x win) win {
	if s.kind == planner.CumulateWindow {
		return win{x.start, x.end + s.slide}
	}
	return win{x.start + s.slide, x.end + s.slide}
}

// unfired is the first of the windows first..last whose end is after fired.
func (s *spec) unfired(first, last win, fired int64) (win, bool) {
	if s.zone == nil && fired >= first.end {
		n := (fired-first.end)/s.slide + 1
		if n > (last.end-first.end)/s.slide {
			return last, false
		}
		first.end += n * s.slide
		if s.kind != planner.CumulateWindow {
			first.start += n * s.slide
		}
		return first, true
	}
	for ; first.end <= last.end; first = s.after(first) {
		if s.instant(first.end) > fired {
			return first, true
		}
	}
	return last, false
}

// panesOf is the range of panes [from, to) of a window.
func (s *spec) panesOf(w win) (from, to int64) { return s.paneAt(w.start), s.paneAt(w.end-1) + 1 }

// paneBucket is the number of a pane's bucket: even, those of windows of their own
// are odd.
func paneBucket(pane int64) int64 { return pane << 1 }

// windowBucket is the number of a window's own bucket: by its start, but CUMULATE's,
// several of which start together, by its end.
func (s *spec) windowBucket(w win) int64 {
	if s.kind == planner.CumulateWindow {
		return floorDiv(w.end-s.offset, s.slide)<<1 | 1
	}
	return floorDiv(w.start-s.offset, s.slide)<<1 | 1
}

// windowOf is the inverse of windowBucket.
func (s *spec) windowOf(bucket int64) win {
	at := (bucket>>1)*s.slide + s.offset
	if s.kind == planner.CumulateWindow {
		return win{floorDiv(at-1-s.offset, s.size)*s.size + s.offset, at}
	}
	return win{at, at + s.size}
}

package planner

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// keptForEver is a time to live that a hint gives as 0: whatever 'state.ttl' says, the
// state stays. A time to live of 0 in a rel is that of the setting.
const keptForEver = -1

// ttlHint is one entry of /*+ STATE_TTL('table' = '1 h') */: how long the state of
// a table's rows is kept in the joins, the GROUP BY and the calls with OVER of the block.
type ttlHint struct {
	table string
	ttl   time.Duration
	place place
}

// ttlHints reads the hints of a SELECT block.
func (b *binder) ttlHints(hints []*parser.Hint) ([]ttlHint, error) {
	var out []ttlHint
	for _, h := range hints {
		if !strings.EqualFold(h.Name.Text, "STATE_TTL") {
			if err := b.otherHint(h); err != nil {
				return nil, err
			}
			continue
		}
		if len(h.Options) == 0 {
			return nil, hint(b.at(h).errorf("STATE_TTL names tables and their times"), "STATE_TTL('orders' = '1 h', 'people' = '2 d')")
		}
		for _, o := range h.Options {
			d, err := catalog.ParseDuration(o.Value.Value)
			if err != nil {
				return nil, b.at(o.Value).errorf("%v", err)
			}
			if d == 0 {
				d = keptForEver
			}
			out = append(out, ttlHint{table: o.Key.Value, ttl: d, place: b.at(o.Key)})
		}
	}
	return out, nil
}

// applyTTL gives the joins of FROM the times of their sides, and gives the one that
// GROUP BY and OVER of the block have: that of its only table.
func applyTTL(hints []ttlHint, r rel, sc *scope) (time.Duration, error) {
	var own time.Duration
	for _, h := range hints {
		found := false
		var names []string
		for _, t := range sc.tables {
			names = append(names, t.name())
			if strings.EqualFold(t.name(), h.table) {
				found = true
				if len(sc.tables) == 1 {
					own = h.ttl
				}
			}
		}
		eachUnsettled(r, func(j *joinRel) {
			if strings.EqualFold(j.leftTable, h.table) {
				j.ttl[0], found = h.ttl, true
			}
			if strings.EqualFold(j.rightTable, h.table) {
				j.ttl[1], found = h.ttl, true
			}
		})
		if !found {
			return 0, didYouMean(h.place.errorf("no table `%s` in FROM", h.table), h.table, names, "")
		}
	}
	return own, nil
}

// eachUnsettled calls f on the joins of the block at hand, which nothing else refers
// to yet.
func eachUnsettled(r rel, f func(*joinRel)) {
	if !unsettled(r) {
		return
	}
	if j, ok := r.(*joinRel); ok {
		f(j)
	}
	for _, in := range r.inputs() {
		eachUnsettled(in, f)
	}
}

// ttlOf is how long state is kept, 0 for ever: as the hint says, else the setting.
func (env *environment) ttlOf(hinted time.Duration) time.Duration {
	switch {
	case hinted == keptForEver:
		return 0
	case hinted > 0:
		return hinted
	}
	return env.settings.Duration(catalog.StateTTLKey)
}

// carriesW says whether the rows of a relation carry the watermark of their split:
// their state can then go by event time.
func carriesW(r rel) bool {
	switch r := r.(type) {
	case *scanRel:
		return r.src.watermark != nil
	case *filterRel, *projectRel, *windowRel, *unnestRel, *normalizeRel:
		return carriesW(r.inputs()[0])
	case *joinRel:
		return r.passesStream() && (r.static == leftSide || carriesW(r.left)) && (r.static == rightSide || carriesW(r.right))
	case *unionRel:
		for _, in := range r.ins {
			if !carriesW(in) {
				return false
			}
		}
		return true
	}
	return false
}

// ttlSources gives the sources whose watermark decides what an operator forgets;
// forgets says that it forgets anything.
func (env *environment) ttlSources(r rel) (sources []*source, forgets bool) {
	j, ok := r.(*joinRel)
	if !ok || j.mode != regularJoin || env.ttlOf(j.ttl[0]) == 0 && env.ttlOf(j.ttl[1]) == 0 {
		return nil, false
	}
	if carriesW(j.left) && carriesW(j.right) {
		sources = streamsOf(j)
	}
	return sources, true
}

// Life is how long the state of a key is kept after its last row.
type Life struct {
	// TTL is 0 where it is kept for ever.
	TTL time.Duration
	// EventTime says that TTL is measured by the rows' W, else by the clock; in an
	// operator that takes rows in the order of their time, by that time.
	EventTime bool
}

// life gives how long an operator other than a join keeps what it has of a key, and
// the sources whose watermark decides. State that is of all rows together is never
// forgotten, nor is that of grouping sets which have such a group; what comes out at
// the end of bounded input or when a window closes is kept until then.
func (env *environment) life(r rel) (l Life, sources []*source) {
	own := false // goes by the rows' own time
	switch r := r.(type) {
	case *aggregateRel:
		if r.window == nil && len(r.keys) > 0 && len(r.totals) == 0 {
			l.TTL = env.ttlOf(r.ttl)
		}
	case *setRel, *normalizeRel:
		l.TTL = env.ttlOf(0)
	case *rankRel:
		own = r.onClose
		if len(r.partition) > 0 && !r.windowed() && (own || r.arrival == FirstArrived || !isBounded(r.in)) {
			l.TTL = env.ttlOf(r.ttl)
		}
	case *overRel:
		mode := r.mode()
		own = mode == overByTime
		if len(r.partition) > 0 && (own && r.keepsForever() || mode == overUpdating || mode == overArrival) {
			l.TTL = env.ttlOf(r.ttl)
		}
	}
	if l.TTL == 0 {
		return Life{}, nil
	}
	if l.EventTime = !slices.ContainsFunc(r.inputs(), func(in rel) bool { return !carriesW(in) }); l.EventTime {
		sources = streamsOf(r)
	}
	l.EventTime = l.EventTime || own
	return l, sources
}

// inTimeOrder says whether an operator takes rows in the order of their time, so
// that what it forgets does not depend on how they come.
func inTimeOrder(r rel) bool {
	switch r := r.(type) {
	case *rankRel:
		return r.onClose
	case *overRel:
		return r.mode() == overByTime
	}
	return false
}

// text is what of a Life decides what the state holds.
func (l Life) text(n *Node) string {
	text := ""
	if l.TTL > 0 {
		text = fmt.Sprintf(" keep %d", l.TTL.Microseconds())
	}
	if l.EventTime {
		text += " watermark " + watermarksText(n)
	}
	return text
}

// kept is how EXPLAIN says for how long something is kept.
func (l Life) kept() string { return keptText(l.TTL, l.EventTime) + " after the last one" }

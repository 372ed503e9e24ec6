package planner

import (
	"slices"

	"github.com/streamsql/streamsql/catalog"
)

// overMode says when the rows of an overRel come out.
type overMode uint8

const (
	// overUpdating: at once, and again whenever another row changes a result.
	overUpdating overMode = iota
	// overByTime: in the order of the time attribute, once the watermark has
	// passed them and what they see ahead is there.
	overByTime
	// overAtClose: when the window closes that their partition is of.
	overAtClose
	// overArrival: as they come.
	overArrival
	// overAtEnd: at the end of bounded input.
	overAtEnd
	// overAtEndByTime: likewise, and rows may be late.
	overAtEndByTime
	// overNever: results depend on rows that may come at any time later.
	overNever
)

// mode finds out when the rows can come out.
func (r *overRel) mode() overMode {
	cols, bounded := r.in.cols(), isBounded(r.in)
	looks := farthest(r.calls)
	switch {
	case updates(r.in):
	case timeOrdered(cols, r.order) && looks == looksBack:
		return overByTime
	case r.windowed():
		return overAtClose
	case timeOrdered(cols, r.order) && looks < looksEverywhere:
		return overByTime
	case timeOrdered(cols, r.order) && bounded:
		return overAtEndByTime
	case timeOrdered(cols, r.order):
		return overNever
	case len(r.order) > 0 && !r.order[0].Desc && cols[r.order[0].Col].time == processingTime && looks == looksBack:
		return overArrival
	}
	if bounded {
		return overAtEnd
	}
	return overUpdating
}

// appends says whether rows that have come out stay as they are.
func (m overMode) appends() bool { return m != overUpdating }

// byTime says whether rows are late by their own time.
func (m overMode) byTime() bool { return m == overByTime || m == overAtEndByTime }

// outlook says which rows a call must know of.
type outlook uint8

const (
	// looksBack: what has come of the partition, and the row's peers.
	looksBack outlook = iota
	// looksAheadInTime: also the rows up to a distance of time after it.
	looksAheadInTime
	// looksAhead: also a number of rows, or of groups of peers, after it.
	looksAhead
	// looksEverywhere: the whole partition.
	looksEverywhere
)

// farthest gives the outlook of all calls together.
func farthest(calls []OverCall) outlook {
	far := looksBack
	for i := range calls {
		far = max(far, calls[i].looks())
	}
	return far
}

// lookingEverywhere gives a call that needs the whole partition; nil if there is
// none.
func (r *overRel) lookingEverywhere() *OverCall {
	for i := range r.calls {
		if r.calls[i].looks() == looksEverywhere {
			return &r.calls[i]
		}
	}
	return nil
}

// Ahead says whether the call sees rows that come after the row and its peers,
// but not all of them.
func (c *OverCall) Ahead() bool {
	l := c.looks()
	return l == looksAheadInTime || l == looksAhead
}

// MaxSkipping is how many calls of LEAD with IGNORE NULLS an Over in the order of
// time can have.
const MaxSkipping = 31

// skipping counts the calls of LEAD with IGNORE NULLS.
func skipping(calls []OverCall) int {
	n := 0
	for _, c := range calls {
		if c.Kind == OverLead && c.IgnoreNulls {
			n++
		}
	}
	return n
}

// looks gives the outlook of a call. Of frames that begin with the partition only
// results and a few rows are kept, which EXCLUDE doesn't get on with, nor the
// choice of a row before the row's peers.
func (c *OverCall) looks() outlook {
	switch c.Kind {
	case OverRowNumber, OverRank, OverDenseRank, OverLag:
		return looksBack
	case OverPercentRank, OverCumeDist, OverNTile:
		return looksEverywhere
	case OverLead:
		if c.N == 0 {
			return looksBack
		}
		return looksAhead
	}
	f := c.Frame
	growing := f.Lower.Kind == UnboundedPreceding
	switch {
	case f.Upper.Kind == UnboundedFollowing || growing && f.Exclude != ExcludeNone:
		return looksEverywhere
	case f.Upper.Kind == Following && f.Unit == RangeFrame:
		return looksAheadInTime
	case f.Upper.Kind == Following:
		return looksAhead
	case growing && f.Upper.Kind == Preceding && c.Kind != OverAggregate:
		return looksEverywhere
	}
	return looksBack
}

// HasPre says whether the operator has a half that runs before its exchange,
// where each row's W is known.
func (o *Over) HasPre() bool { return o.ByTime || o.WindowStart >= 0 }

// positioned says whether every row of a node is one of a source's records, whose
// place in its split is known.
func positioned(n *Node) bool {
	switch n.Op.(type) {
	case *Scan:
		return true
	case *Guard, *Filter, *Project, *WindowAssign, *Union:
		return !slices.ContainsFunc(n.Inputs, func(e Edge) bool { return e.Port != MainPort || !positioned(e.From) })
	case *Exchange:
		return positioned(n.Inputs[0].From)
	}
	return false
}

// overKeys are the keys of an Over's rows. Where rows may be taken back, those
// of one partition and those of another come from two shards in any order: the
// partition is part of every key.
func (b *builder) overKeys(n *Node, op *Over) [][]int {
	keys := b.keys[n.Inputs[0].From]
	if n.Props.Kinds.AppendOnly() {
		return keys
	}
	var out [][]int
	for _, k := range keys {
		k = slices.Clone(k)
		for _, p := range op.Partition {
			if !slices.Contains(k, p) {
				k = append(k, p)
			}
		}
		out = append(out, k)
	}
	return out
}

// keeps says what of a partition is kept: a number of rows, of which results so
// far count for one, and a span of time. Of rows that have come out these are what
// later ones see; rows that wait for later ones to come are added.
func (o *Over) keeps() (rows int64, spans []*catalog.Literal) {
	var span, ahead *catalog.Literal
	var waiting int64
	longer := func(l **catalog.Literal, b FrameBound) {
		if b.Range != nil && (*l == nil || b.Range.Value.(int64) > (*l).Value.(int64)) {
			*l = b.Range
		}
	}
	for i := range o.Calls {
		c := &o.Calls[i]
		if b := c.Frame.Upper; c.Kind == OverLead {
			waiting = max(waiting, c.N)
			continue
		} else if b.Kind == Following {
			waiting = max(waiting, b.Rows)
			longer(&ahead, b)
		} else {
			longer(&span, b)
		}
		switch {
		case c.Kind == OverLag:
			rows = max(rows, c.N)
		case !c.Kind.Framed():
			rows = max(rows, 1)
		case c.Frame.Lower.Kind == UnboundedPreceding:
			rows = max(rows, 1, c.Frame.Upper.Rows)
			if c.Kind == OverNthValue {
				rows = max(rows, c.N)
			}
		case c.Frame.Lower.Kind == Following:
		case c.Frame.Lower.Range != nil:
			longer(&span, c.Frame.Lower)
		default:
			rows = max(rows, c.Frame.Lower.Rows)
		}
	}
	for _, l := range []*catalog.Literal{span, ahead} {
		if l != nil {
			spans = append(spans, l)
		}
	}
	return rows + waiting, spans
}

// keepsForever says whether something of a partition is kept however long none of
// its rows comes.
func (r *overRel) keepsForever() bool {
	switch r.mode() {
	case overAtClose:
		return false
	case overByTime:
		rows, _ := (&Over{Calls: r.calls}).keeps()
		return rows > 0
	}
	return true
}

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
	// passed them.
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
	inOrder := r.lookingAhead() == nil
	switch {
	case updates(r.in):
	case timeOrdered(cols, r.order) && inOrder:
		return overByTime
	case r.windowed():
		return overAtClose
	case timeOrdered(cols, r.order) && bounded:
		return overAtEndByTime
	case timeOrdered(cols, r.order):
		return overNever
	case len(r.order) > 0 && !r.order[0].Desc && cols[r.order[0].Col].time == processingTime && inOrder:
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

// lookingAhead gives a call that can't be computed row by row in order, from
// what has come and what its partition keeps; nil if there is none.
func (r *overRel) lookingAhead() *OverCall {
	for i := range r.calls {
		if !r.calls[i].inOrder() {
			return &r.calls[i]
		}
	}
	return nil
}

// inOrder says whether a call can be computed row by row, with the row's peers.
// Frames that begin with the partition must end with the current row (or, of
// aggregates, a number of rows before it), since their rows are not kept.
func (c *OverCall) inOrder() bool {
	switch c.Kind {
	case OverRowNumber, OverRank, OverDenseRank, OverLag:
		return true
	case OverPercentRank, OverCumeDist, OverNTile, OverLead:
		return false
	}
	f := c.Frame
	if f.Upper.Kind > CurrentRow {
		return false
	}
	if f.Lower.Kind != UnboundedPreceding || f.Upper.Kind == CurrentRow && f.Exclude == ExcludeNone {
		return true
	}
	return c.Kind == OverAggregate && f.Unit == RowsFrame && f.Exclude == ExcludeNone
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

// keeps says what of a partition is kept once its rows have come out: a number
// of rows (-1: results so far, which are of one row's size) and a span of time.
func (o *Over) keeps() (rows int64, span *catalog.Literal) {
	for i := range o.Calls {
		c := &o.Calls[i]
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
		case c.Frame.Lower.Range != nil:
			if l := c.Frame.Lower.Range; span == nil || l.Value.(int64) > span.Value.(int64) {
				span = l
			}
		default:
			rows = max(rows, c.Frame.Lower.Rows)
		}
	}
	return rows, span
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

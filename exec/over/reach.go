package over

import (
	"math"

	"github.com/streamsql/streamsql/planner"
)

// reach says how far a change of a partition's rows is felt: by the rows up to
// back before and ahead after it (in rows; far: all of them). Results of those are
// found from rows up to need before and seek after them.
type reach struct {
	back, ahead int
	need, seek  int
	// same says that a row whose place has not changed is felt no change of, as
	// ROW_NUMBER is not by one row put for another.
	peers bool
}

const far = math.MaxInt32

// reachOf says how far the calls of an Over see.
func reachOf(o *planner.Over) reach {
	var r reach
	for i := range o.Calls {
		r.add(&o.Calls[i])
	}
	return r
}

func (r *reach) add(c *planner.OverCall) {
	n := int(min(c.N, far))
	switch c.Kind {
	case planner.OverRowNumber:
		r.ahead = far
	case planner.OverRank, planner.OverDenseRank:
		r.ahead, r.need, r.peers = far, far, true
	case planner.OverNTile, planner.OverPercentRank, planner.OverCumeDist:
		r.back, r.ahead, r.need, r.seek = far, far, far, far
	case planner.OverLag:
		if c.IgnoreNulls {
			n = far
		}
		r.ahead, r.need = max(r.ahead, n), max(r.need, n)
	case planner.OverLead:
		if c.IgnoreNulls {
			n = far
		}
		r.back, r.seek = max(r.back, n), max(r.seek, n)
	default:
		r.frame(c.Frame)
	}
}

// frame adds the rows of a frame. What is no number of rows counts as all rows
// on that side, or as the current row's peers.
func (r *reach) frame(f planner.Frame) {
	before, after := 0, 0
	for _, b := range []planner.FrameBound{f.Lower, f.Upper} {
		n := far
		if f.Unit == planner.RowsFrame {
			n = int(min(b.Rows, far))
		}
		switch b.Kind {
		case planner.UnboundedPreceding:
			before = far
		case planner.Preceding:
			before = max(before, n)
		case planner.Following:
			after = max(after, n)
		case planner.UnboundedFollowing:
			after = far
		}
	}
	if f.Unit != planner.RowsFrame || f.Exclude == planner.ExcludeGroup || f.Exclude == planner.ExcludeTies {
		r.peers = true
	}
	r.ahead, r.need = max(r.ahead, before), max(r.need, before)
	r.back, r.seek = max(r.back, after), max(r.seek, after)
}

package window

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// shape makes the output columns of a windowed aggregation.
type shape struct {
	ctx      *op.Context
	edge     *arrow.TimestampType
	keys     int  // grouping columns of the query
	attached bool // the window's start is a key after these
}

func shapeOf(o *planner.WindowAgg, in []planner.Column, ctx *op.Context) shape {
	return shape{ctx: ctx, edge: edgeType(o, in), keys: len(o.Keys), attached: o.Window.Kind == planner.AttachedWindow}
}

// columns puts the bounds of a window behind its n groups' columns: keys,
// aggregates, window_start, window_end, window_time.
func (s shape) columns(groups []arrow.Array, n int, start, end int64) []arrow.Array {
	var cols []arrow.Array
	if s.attached {
		cols = append(append(slices.Clone(groups[:s.keys]), groups[s.keys+1:]...), groups[s.keys])
	} else {
		cols = append(slices.Clip(groups), s.constant(start, n))
	}
	return append(cols, s.constant(end, n), s.constant(end-1000, n))
}

// constant is a column of n equal timestamps.
func (s shape) constant(us int64, n int) arrow.Array {
	v := make([]arrow.Timestamp, n)
	for i := range v {
		v[i] = arrow.Timestamp(us)
	}
	return timestamps(v, s.edge, s.ctx)
}

// perRow gives one letter for each row in error, in the order of rows: a row may
// have several results in error.
func perRow(letters []op.Letter) []op.Letter {
	slices.SortStableFunc(letters, func(a, b op.Letter) int { return a.Row - b.Row })
	return slices.CompactFunc(letters, func(a, b op.Letter) bool { return a.Row == b.Row })
}

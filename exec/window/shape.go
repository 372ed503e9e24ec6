package window

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/column"
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

// columns puts the bounds of the windows of n groups behind the groups' columns:
// keys, aggregates, window_start, window_end, window_time.
func (s shape) columns(groups []arrow.Array, n int, wins []run) []arrow.Array {
	var cols []arrow.Array
	if s.attached {
		cols = append(append(slices.Clone(groups[:s.keys]), groups[s.keys+1:]...), groups[s.keys])
	} else {
		cols = append(slices.Clip(groups), s.repeated(n, wins, func(r run) int64 { return r.start }))
	}
	return append(cols,
		s.repeated(n, wins, func(r run) int64 { return r.end }),
		s.repeated(n, wins, func(r run) int64 { return r.end - 1000 }))
}

// repeated is a column of n timestamps, one of each window for all its rows.
func (s shape) repeated(n int, wins []run, of func(run) int64) arrow.Array {
	buf := column.NewBuffer(s.ctx.Alloc, 8*n)
	v := column.As[int64](buf, n)
	for _, r := range wins {
		t := of(r)
		for i := range v[:r.n] {
			v[i] = t
		}
		v = v[r.n:]
	}
	return column.Make(s.edge, n, 0, []*memory.Buffer{nil, buf})
}

// perRow gives one letter for each row in error, in the order of rows: a row may
// have several results in error.
func perRow(letters []op.Letter) []op.Letter {
	slices.SortStableFunc(letters, func(a, b op.Letter) int { return a.Row - b.Row })
	return slices.CompactFunc(letters, func(a, b op.Letter) bool { return a.Row == b.Row })
}

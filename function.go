package streamsql

import (
	"fmt"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/expr"
)

// Function is a function of a program's own for Options.Functions: a ScalarFunc, an
// AggregateFunc, or a *catalog.Function that has been put together by hand, with a
// kernel over Arrow columns.
type Function interface {
	// Function makes the description that the planner works with.
	Function() (*catalog.Function, error)
}

// ScalarFunc is a function of a row's values, written in Go.
type ScalarFunc = expr.ScalarFunc

// AggregateFunc is a function of the rows of a group, written in Go; an Aggregation
// is that of one group. One that is Incremental, or Retracting, is kept as a state
// of its own instead of the rows.
type (
	AggregateFunc = agg.AggregateFunc
	Aggregation   = agg.Aggregation
	Incremental   = agg.Incremental
	Retracting    = agg.Retracting
)

var (
	_ Function = ScalarFunc{}
	_ Function = AggregateFunc{}
	_ Function = (*catalog.Function)(nil)
)

// functionsOf makes the descriptions of functions.
func functionsOf(fns []Function) ([]*catalog.Function, error) {
	var out []*catalog.Function
	for _, f := range fns {
		d, err := f.Function()
		if err != nil {
			return nil, fmt.Errorf("functions: %w", err)
		}
		out = append(out, d)
	}
	return out, nil
}

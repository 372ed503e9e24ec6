package over

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/planner"
)

// calls are the calls of an Over, ready to be computed.
type calls struct {
	o      *planner.Over
	frames []*frameAggs
	// reads says which input columns calls read: arguments, filters, and the key
	// that RANGE measures distances by.
	reads []bool
	// kept are the groups of frames that only grow and of spans, by frame, of
	// operators that keep them from one batch to the next.
	kept []*agg.Groups
	// spans are those of the frames that are spans of time; then they are all that
	// looks back.
	spans []*frameAggs
}

func newCalls(o *planner.Over, in []planner.Column, keys []int) (*calls, error) {
	c := &calls{o: o, reads: make([]bool, len(in))}
	var err error
	if c.frames, err = frames(o, in, keys); err != nil {
		return nil, err
	}
	for i := range o.Calls {
		for _, a := range readBy(o, &o.Calls[i]) {
			c.reads[a] = true
		}
	}
	for _, f := range c.frames {
		if f.spans {
			f.span = len(c.spans)
			c.spans = append(c.spans, f)
		}
	}
	if len(c.spans) > 0 { // the group of a row that leaves has to be found
		for _, k := range keys {
			c.reads[k] = true
		}
	}
	return c, nil
}

// readBy lists the columns that a call reads.
func readBy(o *planner.Over, c *planner.OverCall) []int {
	cols := slices.Clone(c.Args)
	if c.Filter >= 0 {
		cols = append(cols, c.Filter)
	}
	if c.Kind.Framed() && (c.Frame.Lower.Range != nil || c.Frame.Upper.Range != nil) {
		cols = append(cols, o.Order[0].Col)
	}
	if c.Kind == planner.OverAggregate && c.Overload.Aggregate.OrderSensitive {
		for _, k := range o.Order {
			cols = append(cols, k.Col)
		}
	}
	return cols
}

// results gives a column for each call, with the results for the wanted rows of
// the sequence.
func (c *calls) results(s *sequence, fail fail) ([]arrow.Array, error) {
	out := make([]arrow.Array, len(c.o.Calls))
	for i := range c.o.Calls {
		if call := &c.o.Calls[i]; call.Kind != planner.OverAggregate {
			out[i] = compute(s, call)
		}
	}
	for i, f := range c.frames {
		var cols []arrow.Array
		var err error
		if c.kept != nil && c.kept[i] != nil {
			cols, err = f.goOn(s, c.kept[i], fail)
		} else {
			cols, err = f.compute(s, fail)
		}
		if err != nil {
			return nil, err
		}
		for k, call := range f.calls {
			out[call] = cols[k]
		}
	}
	return out, nil
}

func release(cols []arrow.Array) {
	for _, c := range cols {
		if c != nil {
			c.Release()
		}
	}
}

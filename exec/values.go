package exec

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/internal/clock"
	"github.com/streamsql/streamsql/planner"
)

// values is a VALUES list as a bounded source with one split. Its offset is the
// number of rows given.
type values struct {
	rows  []*expr.Program
	cols  []planner.Column
	clock clock.Clock
}

func newValues(v *planner.Values, cols []planner.Column, zone *time.Location, clk clock.Clock) (*values, error) {
	s := &values{cols: cols, clock: clk}
	for i, r := range v.Rows {
		p, err := expr.Compile(r, expr.Options{Zone: zone})
		if err != nil {
			return nil, fmt.Errorf("row %d of VALUES: %w", i+1, err)
		}
		s.rows = append(s.rows, p)
	}
	return s, nil
}

// Splits implements connectors.Source.
func (s *values) Splits(context.Context) ([]connectors.Split, error) {
	return []connectors.Split{{ID: "values", Bounded: true}}, nil
}

// Open implements connectors.Source.
func (s *values) Open(_ context.Context, _ connectors.Split, from connectors.Offset) (connectors.SplitReader, error) {
	r := &valuesReader{s: s}
	if from != nil {
		if _, err := fmt.Sscanf(string(from), "%d", &r.next); err != nil {
			return nil, fmt.Errorf("offset %q: %w", from, err)
		}
	}
	return r, nil
}

// Close implements connectors.Source.
func (s *values) Close() error { return nil }

type valuesReader struct {
	s    *values
	next int
}

// Fetch implements connectors.SplitReader.
func (r *valuesReader) Fetch(_ context.Context, max connectors.Limits) (connectors.Chunk, error) {
	if r.next == len(r.s.rows) {
		return nil, io.EOF
	}
	c := &valuesChunk{s: r.s, from: r.next, to: min(len(r.s.rows), r.next+max.Records), now: r.s.clock.Now()}
	r.next = c.to
	return c, nil
}

// Ready implements connectors.SplitReader.
func (r *valuesReader) Ready() <-chan struct{} { return nil }

// Close implements connectors.SplitReader.
func (r *valuesReader) Close() error { return nil }

type valuesChunk struct {
	s        *values
	from, to int
	now      time.Time
}

// Records implements connectors.Chunk.
func (c *valuesChunk) Records() int { return c.to - c.from }

// Bytes implements connectors.Chunk.
func (c *valuesChunk) Bytes() int { return 16 * len(c.s.cols) * c.Records() }

// End implements connectors.Chunk.
func (c *valuesChunk) End() connectors.Offset { return fmt.Appendf(nil, "%d", c.to) }

// Release implements connectors.Chunk.
func (c *valuesChunk) Release() {}

// Decode implements connectors.Chunk. A row in error fails the job: it is part of
// the query, not of the data.
func (c *valuesChunk) Decode(alloc memory.Allocator) (*connectors.Records, error) {
	recs := &connectors.Records{
		N:        c.Records(),
		Raw:      func(row int) []byte { return fmt.Appendf(nil, "row %d of VALUES", c.from+row+1) },
		Position: func(row int) string { return fmt.Sprintf("VALUES row %d", c.from+row+1) },
	}
	parts := make([][]arrow.Array, len(c.s.cols))
	for i := c.from; i < c.to; i++ {
		eval := c.s.rows[i].NewEvaluator(alloc)
		out, errs, err := eval.Eval(c.now, nil, 1, nil)
		if err != nil {
			return nil, err
		}
		if len(errs) > 0 {
			return nil, fmt.Errorf("row %d of VALUES: %w", i+1, errs[0])
		}
		for k, a := range out {
			parts[k] = append(parts[k], a)
		}
		eval.Close()
	}
	for _, p := range parts {
		a, err := column.Concat(p, alloc)
		if err != nil {
			return nil, err
		}
		for _, x := range p {
			x.Release()
		}
		recs.Cols = append(recs.Cols, a)
	}
	return recs, nil
}

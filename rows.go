package streamsql

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/planner"
)

// Rows iterates over the result of a SELECT as Arrow records, while it runs. It is
// not for concurrent use.
type Rows struct {
	schema *arrow.Schema
	cancel context.CancelFunc
	ch     chan result
	ended  error // of the job; written before ch is closed
	cur    result
	err    error
	closed bool
}

type result struct {
	rec   arrow.Record
	kinds []catalog.RowKind
}

// Query runs a script with one SELECT, and gives its rows; definitions and settings
// around it take effect first. What is wrong with the text is a parser.ErrorList;
// what goes wrong on the way is the error of Rows. Close must be called.
func (s *Session) Query(ctx context.Context, text string) (*Rows, error) {
	script, err := s.Analyze("query", text)
	if err != nil {
		return nil, err
	}
	var sel *planner.Select
	for _, step := range script.Steps {
		switch step := step.(type) {
		case *planner.Select:
			if sel != nil {
				return nil, errors.New("Query takes one SELECT, not several")
			}
			sel = step
		case *planner.Analyze:
			return nil, errors.New("Query takes no EXPLAIN ANALYZE: use ExplainAnalyze")
		case *planner.Job:
			return nil, errors.New("Query takes no INSERT: use Start")
		}
	}
	if sel == nil {
		return nil, errors.New("Query takes a script with a SELECT")
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &Rows{cancel: cancel, ch: make(chan result), schema: schemaOf(sel.Plan)}
	job, err := s.startSelect(ctx, cancel, sel, func(b *Batch, _ []planner.Column) error {
		res := result{rec: array.NewRecord(r.schema, b.Cols, int64(b.N)), kinds: slices.Clone(b.Kinds)}
		select {
		case r.ch <- res:
			return nil
		case <-ctx.Done():
			res.rec.Release()
			return ctx.Err()
		}
	})
	if err != nil {
		return nil, err
	}
	go func() {
		r.ended = job.Wait()
		close(r.ch)
	}()
	return r, nil
}

// schemaOf is the Arrow schema of a SELECT's rows.
func schemaOf(p *planner.Plan) *arrow.Schema {
	for _, n := range p.Nodes {
		if _, ok := n.Op.(*planner.Result); ok {
			fields := make([]arrow.Field, len(n.Cols))
			for i, c := range n.Cols {
				fields[i] = arrow.Field{Name: c.Name, Type: c.Type.Arrow(), Nullable: !c.NotNull}
			}
			return arrow.NewSchema(fields, nil)
		}
	}
	panic("streamsql: a SELECT without a result")
}

// Schema is the schema of all records.
func (r *Rows) Schema() *arrow.Schema { return r.schema }

// Next moves on to the next record; false at the end or on an error.
func (r *Rows) Next() bool {
	if r.cur.rec != nil {
		r.cur.rec.Release()
	}
	var ok bool
	if r.cur, ok = <-r.ch; !ok && r.ended != nil && !(r.closed && errors.Is(r.ended, context.Canceled)) {
		r.err = fmt.Errorf("query: %w", r.ended)
	}
	return ok
}

// Record is the current record, valid until Next or Close.
func (r *Rows) Record() arrow.Record { return r.cur.rec }

// Kinds are the row kinds of the current record; nil: all +I.
func (r *Rows) Kinds() []catalog.RowKind { return r.cur.kinds }

// Err is the error that ended the rows, once Next has given false: nil if these were
// all, else that of the context, ErrClosed, or what made the SELECT fail.
func (r *Rows) Err() error { return r.err }

// Close ends the SELECT, which is no error, and waits for it. It gives Err.
func (r *Rows) Close() error {
	r.closed = true
	r.cancel()
	for r.Next() {
	}
	return r.Err()
}

package streamsql

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/planner"
)

// Rows iterates over the result of a SELECT as Arrow records, while it runs.
type Rows struct {
	schema *arrow.Schema
	cancel context.CancelFunc
	ch     chan result
	job    *Job
	cur    result
	err    error
}

type result struct {
	rec   arrow.Record
	kinds []catalog.RowKind
}

// Query runs a script whose last statement is a SELECT, and gives its rows.
// Statements before it run first. Close must be called.
func (s *Session) Query(ctx context.Context, text string) (*Rows, error) {
	script, err := s.Analyze("query", text)
	if err != nil {
		return nil, err
	}
	var sel *planner.Select
	for _, step := range script.Steps {
		switch step := step.(type) {
		case *planner.Select:
			sel = step
		case *planner.Job:
			return nil, errors.New("Query takes no INSERT: use Start")
		}
	}
	if sel == nil {
		return nil, errors.New("Query takes a script with a SELECT")
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &Rows{cancel: cancel, ch: make(chan result), schema: schemaOf(sel.Plan)}
	r.job = s.StartSelect(ctx, sel, func(b *Batch, _ []planner.Column) error {
		res := result{rec: array.NewRecord(r.schema, b.Cols, int64(b.N)), kinds: b.Kinds}
		select {
		case r.ch <- res:
			return nil
		case <-ctx.Done():
			res.rec.Release()
			return ErrStop
		}
	})
	go func() {
		r.err = r.job.Wait()
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
	r.cur, ok = <-r.ch
	return ok
}

// Record is the current record, valid until Next or Close.
func (r *Rows) Record() arrow.Record { return r.cur.rec }

// Kinds are the row kinds of the current record; nil: all +I.
func (r *Rows) Kinds() []catalog.RowKind { return r.cur.kinds }

// Err is the error that ended the rows, if any.
func (r *Rows) Err() error {
	if r.err != nil && !errors.Is(r.err, context.Canceled) {
		return fmt.Errorf("query: %w", r.err)
	}
	return nil
}

// Close ends the SELECT.
func (r *Rows) Close() error {
	r.cancel()
	for r.Next() {
	}
	return r.Err()
}

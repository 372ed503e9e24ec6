package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/console"
	"github.com/streamsql/streamsql/planner"
)

// heldRows is how many rows of a final result are looked at before the first is
// printed, so that the columns of the table fit them all.
const heldRows = 1000

// runSelect prints the rows of a SELECT as they come. Over bounded sources that
// is the final result; else the changes, with a column that says which.
func runSelect(ctx context.Context, s *streamsql.Session, step *planner.Select, out connectors.Output, wait func(*streamsql.Job) error) error {
	var cols []catalog.Field
	kinds, final := false, false
	for _, n := range step.Plan.Nodes {
		if res, ok := n.Op.(*planner.Result); ok {
			for _, c := range n.Cols {
				cols = append(cols, catalog.Field{Name: c.Name, Type: c.Type, NotNull: c.NotNull})
			}
			final = res.Final
			kinds = !res.Final && !n.Inputs[0].From.Props.Kinds.AppendOnly()
		}
	}
	style := console.Style{Format: step.Settings.Get(catalog.FormatKey), Kinds: kinds}
	w, err := console.NewRowWriter(out, style, cols)
	if err != nil {
		return err
	}
	hold := &holder{write: w.Write, passing: !final || style.Format != "table"}
	job, err := s.StartSelect(ctx, step, func(b *streamsql.Batch, _ []planner.Column) error {
		return hold.add(&connectors.Batch{N: b.N, Cols: b.Cols, Kinds: b.Kinds})
	})
	if err != nil {
		return err
	}
	err = wait(job)
	if herr := hold.flush(); err == nil {
		err = herr
	}
	if err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	tellMissing(os.Stderr, job.Progress())
	return nil
}

// tellMissing says what is not in a result that looks complete.
func tellMissing(w io.Writer, p streamsql.Progress) {
	if p.Bad > 0 {
		fmt.Fprintf(w, "bad records and rows skipped: %d\n", p.Bad)
	}
	if p.Late > 0 {
		fmt.Fprintf(w, "late rows left out, one for each window missed: %d\n", p.Late)
	}
}

// holder keeps the first rows of a result back and passes them on as one batch.
type holder struct {
	write   func(*connectors.Batch) error
	passing bool // nothing is held any more
	batches []*connectors.Batch
	rows    int
}

func (h *holder) add(b *connectors.Batch) error {
	if h.passing {
		return h.write(b)
	}
	for _, c := range b.Cols {
		c.Retain()
	}
	h.batches = append(h.batches, b)
	if h.rows += b.N; h.rows >= heldRows {
		return h.flush()
	}
	return nil
}

// flush writes what is held. Rows of a final result have no kinds.
func (h *holder) flush() error {
	h.passing = true
	if len(h.batches) == 0 {
		return nil
	}
	all := &connectors.Batch{N: h.rows}
	defer func() {
		for _, b := range append(h.batches, all) {
			for _, c := range b.Cols {
				c.Release()
			}
		}
		h.batches = nil
	}()
	for i := range h.batches[0].Cols {
		parts := make([]arrow.Array, len(h.batches))
		for k, b := range h.batches {
			parts[k] = b.Cols[i]
		}
		col, err := array.Concatenate(parts, memory.DefaultAllocator)
		if err != nil {
			return err
		}
		all.Cols = append(all.Cols, col)
	}
	return h.write(all)
}

// warn shows the warnings of a script.
func warn(w io.Writer, script *planner.Script) {
	for _, e := range script.Warnings {
		fmt.Fprintln(w, strings.Replace(e.Format(), "error: ", "warning: ", 1))
	}
}

package main

import (
	"io"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/console"
)

// textRows writes rows of texts in one of the formats of SELECT.
type textRows struct {
	w    *console.RowWriter
	cols int
}

func newTextRows(out io.Writer, format string, names []string) (*textRows, error) {
	cols := make([]catalog.Field, len(names))
	for i, n := range names {
		cols[i] = catalog.Field{Name: n, Type: catalog.String}
	}
	w, err := console.NewRowWriter(out, console.Style{Format: format}, cols)
	return &textRows{w, len(names)}, err
}

func (t *textRows) write(rows [][]string) error {
	b := &connectors.Batch{N: len(rows)}
	for c := range t.cols {
		bld := array.NewStringBuilder(memory.DefaultAllocator)
		for _, r := range rows {
			bld.Append(r[c])
		}
		b.Cols = append(b.Cols, bld.NewArray())
	}
	if err := t.w.Write(b); err != nil {
		return err
	}
	return t.w.Close()
}

package main

import (
	"fmt"
	"io"
	"strings"

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
	out  io.Writer
	bare bool // a table of one cell is just its text: a definition has lines
}

func newTextRows(out io.Writer, format string, names []string) (*textRows, error) {
	cols := make([]catalog.Field, len(names))
	for i, n := range names {
		cols[i] = catalog.Field{Name: n, Type: catalog.String}
	}
	w, err := console.NewRowWriter(out, console.Style{Format: format}, cols)
	return &textRows{w, len(names), out, format == "table" && len(names) == 1}, err
}

func (t *textRows) write(rows [][]string) error {
	if t.bare && len(rows) == 1 && strings.Contains(rows[0][0], "\n") {
		_, err := fmt.Fprintln(t.out, rows[0][0])
		return err
	}
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

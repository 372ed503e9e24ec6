package console

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/csv"
	"github.com/streamsql/streamsql/connectors/format/ndjson"
)

// Style is how rows are written.
type Style struct {
	// Format: table, json (an object per line), csv (with a header), tsv (with a
	// header; tab, line end, backslash as \t, \n, \\; NULL as \N).
	Format string
	// Truncate cuts the cells of a table to so many characters; 0: never.
	Truncate int
	// Hold keeps so many rows of a table back at first (until Flush or Close), so
	// that the columns fit them. 0: rows go out at once; columns are then as wide
	// as the first rows, and timestamps, need.
	Hold int
	// Kinds puts a column `op` (+I, -U, +U, -D) before the others.
	Kinds bool
}

// Formats lists the values of Style.Format.
func Formats() []string { return []string{"table", "json", "csv", "tsv"} }

// RowWriter writes batches of rows as text. Each Write writes whole lines in one
// piece.
type RowWriter struct {
	out    connectors.Output
	style  Style
	cols   []catalog.Field
	encode format.Encoder // nil: a table or TSV
	header []byte         // not written yet
	table  *table
	text   []byte
}

// NewRowWriter makes a writer of rows with the given columns.
func NewRowWriter(out connectors.Output, style Style, cols []catalog.Field) (*RowWriter, error) {
	w := &RowWriter{out: out, style: style, cols: cols}
	if style.Kinds {
		w.cols = append([]catalog.Field{{Name: "op", Type: catalog.String, NotNull: true}}, cols...)
	}
	cfg := format.EncodeConfig{Options: catalog.Options{}, Columns: w.cols}
	var f *format.Format
	switch style.Format {
	case "table":
		w.table = newTable(w.cols, style.Truncate, style.Hold)
		return w, nil
	case "tsv":
		w.header = tsvHeader(w.cols)
		return w, nil
	case "json":
		f = ndjson.Format()
	case "csv":
		f = csv.Format()
	default:
		return nil, fmt.Errorf("unknown row format '%s'; there are table, json, csv, tsv", style.Format)
	}
	e, err := f.Encode(cfg)
	if err != nil {
		return nil, err
	}
	w.encode, w.header = e.NewEncoder(), e.Header()
	return w, nil
}

// Write writes the rows of a batch.
func (w *RowWriter) Write(b *connectors.Batch) error {
	if b.N == 0 {
		return nil
	}
	if w.style.Kinds {
		ops := format.KindColumn(b)
		defer ops.Release()
		b = &connectors.Batch{N: b.N, Cols: append([]arrow.Array{ops}, b.Cols...)}
	}
	w.text = append(w.text[:0], w.header...)
	w.header = nil
	var err error
	switch {
	case w.table != nil:
		w.text, err = w.table.rows(w.text, b)
	case w.encode == nil:
		w.text, err = appendTSV(w.text, b, w.cols)
	default:
		w.text, err = w.encode.Append(w.text, b)
	}
	if err != nil || len(w.text) == 0 {
		return err
	}
	_, err = w.out.Write(w.text)
	return err
}

// Flush writes the rows that Style.Hold keeps back.
func (w *RowWriter) Flush() error {
	if w.table == nil || len(w.table.held) == 0 {
		return nil
	}
	_, err := w.out.Write(w.table.release(nil))
	return err
}

// Close writes what belongs at the end: a header if there were no rows, a
// table's last line.
func (w *RowWriter) Close() error {
	text := w.header
	w.header = nil
	if w.table != nil {
		text = w.table.end(nil)
	}
	if len(text) == 0 {
		return nil
	}
	_, err := w.out.Write(text)
	return err
}

func tsvHeader(cols []catalog.Field) []byte {
	var dst []byte
	for k, f := range cols {
		if k > 0 {
			dst = append(dst, '\t')
		}
		dst = appendEscaped(dst, []byte(f.Name))
	}
	return append(dst, '\n')
}

func appendTSV(dst []byte, b *connectors.Batch, cols []catalog.Field) ([]byte, error) {
	texts := make([]format.AppendText, len(b.Cols))
	for k, a := range b.Cols {
		var err error
		if texts[k], err = format.Text(a, cols[k].Type); err != nil {
			return dst, err
		}
	}
	var cell []byte
	for i := range b.N {
		for k, a := range b.Cols {
			if k > 0 {
				dst = append(dst, '\t')
			}
			if a.IsNull(i) {
				dst = append(dst, `\N`...)
				continue
			}
			cell = texts[k](cell[:0], i)
			dst = appendEscaped(dst, cell)
		}
		dst = append(dst, '\n')
	}
	return dst, nil
}

// appendEscaped writes control characters and backslashes as escapes.
func appendEscaped(dst, cell []byte) []byte {
	const hex = "0123456789abcdef"
	for _, c := range cell {
		switch {
		case c == '\\':
			dst = append(dst, '\\', '\\')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c < 0x20 || c == 0x7f:
			dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

package console

import (
	"bytes"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// table lays rows out in columns. The header is written with the first rows;
// columns that later rows need wider grow from there on.
type table struct {
	cols     []catalog.Field
	truncate int
	widths   []int
	begun    bool
}

func newTable(cols []catalog.Field, truncate int) *table {
	t := &table{cols: cols, truncate: truncate, widths: make([]int, len(cols))}
	for k, f := range cols {
		t.widths[k] = text.StringWidthWithoutEscSequences(f.Name)
	}
	return t
}

// rows appends the lines of a batch.
func (t *table) rows(dst []byte, b *connectors.Batch) ([]byte, error) {
	cells := make([][]string, len(b.Cols))
	for k, a := range b.Cols {
		show, err := format.Text(a, t.cols[k].Type)
		if err != nil {
			return dst, err
		}
		cells[k] = make([]string, b.N)
		var raw []byte
		for i := range b.N {
			if a.IsNull(i) {
				raw = append(raw[:0], "NULL"...)
			} else {
				raw = show(raw[:0], i)
			}
			cells[k][i] = t.cell(raw)
			t.widths[k] = max(t.widths[k], text.StringWidthWithoutEscSequences(cells[k][i]))
		}
	}
	if !t.begun {
		dst = t.head(dst)
	}
	for i := range b.N {
		for k := range cells {
			right := t.cols[k].Type.IsNumeric()
			dst = t.pad(append(dst, "| "...), cells[k][i], t.widths[k], right)
			dst = append(dst, ' ')
		}
		dst = append(dst, "|\n"...)
	}
	return dst, nil
}

// cell makes a text fit for one line of a table.
func (t *table) cell(raw []byte) string {
	if bytes.ContainsFunc(raw, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
		raw = appendEscaped(nil, raw)
	}
	s := string(raw)
	if t.truncate > 0 && text.StringWidthWithoutEscSequences(s) > t.truncate {
		return text.Trim(s, max(t.truncate-3, 0)) + "..."[:min(3, t.truncate)]
	}
	return s
}

func (t *table) pad(dst []byte, s string, width int, right bool) []byte {
	blanks := bytes.Repeat([]byte{' '}, max(0, width-text.StringWidthWithoutEscSequences(s)))
	if right {
		return append(append(dst, blanks...), s...)
	}
	return append(append(dst, s...), blanks...)
}

func (t *table) rule(dst []byte) []byte {
	for _, w := range t.widths {
		dst = append(dst, '+')
		dst = append(dst, bytes.Repeat([]byte{'-'}, w+2)...)
	}
	return append(dst, "+\n"...)
}

func (t *table) head(dst []byte) []byte {
	t.begun = true
	dst = t.rule(dst)
	for k, f := range t.cols {
		dst = t.pad(append(dst, "| "...), f.Name, t.widths[k], false)
		dst = append(dst, ' ')
	}
	return t.rule(append(dst, "|\n"...))
}

// end appends the last line; all of an empty table if there were no rows.
func (t *table) end(dst []byte) []byte {
	if !t.begun {
		return t.rule(t.head(dst))
	}
	return t.rule(dst)
}

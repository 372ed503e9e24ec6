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
	hold     int
	widths   []int
	begun    bool
	held     [][]string // rows of cells that wait for the header
}

func newTable(cols []catalog.Field, truncate, hold int) *table {
	t := &table{cols: cols, truncate: truncate, hold: hold, widths: make([]int, len(cols))}
	for k, f := range cols {
		t.widths[k] = text.StringWidthWithoutEscSequences(f.Name)
	}
	return t
}

// usualWidth is what values of a type need that are all of one length.
func usualWidth(t catalog.Type) int {
	switch t.Kind {
	case catalog.KindTimestamp:
		return len("2024-01-15 10:00:00.000")
	case catalog.KindTimestampLTZ:
		return len("2024-01-15 10:00:00.000Z")
	case catalog.KindDate:
		return len("2024-01-15")
	case catalog.KindTime:
		return len("10:00:00")
	}
	return 0
}

// rows appends the lines of a batch.
func (t *table) rows(dst []byte, b *connectors.Batch) ([]byte, error) {
	lines := make([][]string, b.N)
	for i := range lines {
		lines[i] = make([]string, len(b.Cols))
	}
	for k, a := range b.Cols {
		show, err := format.Text(a, t.cols[k].Type)
		if err != nil {
			return dst, err
		}
		var raw []byte
		for i := range b.N {
			if a.IsNull(i) {
				raw = append(raw[:0], "NULL"...)
			} else {
				raw = show(raw[:0], i)
			}
			lines[i][k] = t.cell(raw)
			t.widths[k] = max(t.widths[k], text.StringWidthWithoutEscSequences(lines[i][k]))
		}
	}
	if t.begun {
		return t.lines(dst, lines), nil
	}
	t.held = append(t.held, lines...)
	if len(t.held) < t.hold {
		return dst, nil
	}
	return t.release(dst), nil
}

// release appends the header and the rows held.
func (t *table) release(dst []byte) []byte {
	dst = t.lines(t.head(dst), t.held)
	t.held = nil
	return dst
}

func (t *table) lines(dst []byte, lines [][]string) []byte {
	for _, cells := range lines {
		for k, cell := range cells {
			dst = t.pad(append(dst, "| "...), cell, t.widths[k], t.cols[k].Type.IsNumeric())
			dst = append(dst, ' ')
		}
		dst = append(dst, "|\n"...)
	}
	return dst
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
	if t.hold == 0 && len(t.held) > 0 { // more will come
		for k, f := range t.cols {
			t.widths[k] = max(t.widths[k], t.limit(usualWidth(f.Type)))
		}
	}
	dst = t.rule(dst)
	for k, f := range t.cols {
		dst = t.pad(append(dst, "| "...), f.Name, t.widths[k], false)
		dst = append(dst, ' ')
	}
	return t.rule(append(dst, "|\n"...))
}

// limit cuts a width as cells are cut.
func (t *table) limit(width int) int {
	if t.truncate > 0 {
		return min(width, t.truncate)
	}
	return width
}

// end appends what is held and the last line; all of an empty table if there
// were no rows.
func (t *table) end(dst []byte) []byte {
	if !t.begun {
		dst = t.release(dst)
	}
	return t.rule(dst)
}

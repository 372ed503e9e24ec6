package csv

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// encoding writes rows as CSV.
type encoding struct {
	syntax
	fields []catalog.Field
	upsert bool // rows that leave the table are messages without a value
	header []byte
	quoted [256]bool // bytes that make a field need quotes, or escapes where there are no quotes
}

func newEncoding(cfg format.EncodeConfig) (format.Encoding, error) {
	s, err := newSyntax(cfg.Options)
	if err != nil {
		return nil, err
	}
	e := &encoding{syntax: s, fields: cfg.Columns, upsert: cfg.Upsert}
	for _, c := range []byte{s.delimiter, s.quote, s.escape, '\n', '\r'} {
		e.quoted[c] = c != 0
	}
	if cfg.Options[optHeader] != "false" {
		for i, f := range cfg.Columns {
			if i > 0 {
				e.header = append(e.header, s.delimiter)
			}
			e.header = e.field(append(e.header, f.Name...), len(e.header))
		}
		e.header = append(e.header, '\n')
	}
	return e, nil
}

// Header implements format.Encoding.
func (e *encoding) Header() []byte { return e.header }

// NewEncoder implements format.Encoding.
func (e *encoding) NewEncoder() format.Encoder { return e }

// NewMessageEncoder implements format.MessageEncoding.
func (e *encoding) NewMessageEncoder() format.MessageEncoder { return e }

// Append implements format.Encoder.
func (e *encoding) Append(dst []byte, b *connectors.Batch) ([]byte, error) {
	cols, err := e.bind(b)
	if err != nil {
		return dst, err
	}
	var refused connectors.RefusedRows
	for i := range b.N {
		from := len(dst)
		var err error
		if dst, err = e.row(dst, cols, i); err != nil {
			if dst = dst[:from]; !format.Refuse(&refused, i, err) {
				return dst, err
			}
			continue
		}
		dst = append(dst, '\n')
	}
	return dst, format.Refused(refused)
}

// AppendMessages implements format.MessageEncoder.
func (e *encoding) AppendMessages(dst []byte, spans []format.Span, b *connectors.Batch) ([]byte, []format.Span, error) {
	cols, err := e.bind(b)
	if err != nil {
		return dst, spans, err
	}
	return format.AppendRows(dst, spans, b, e.upsert, func(dst []byte, i int) ([]byte, error) { return e.row(dst, cols, i) })
}

// bound is a column of a batch.
type bound struct {
	arrow.Array
	text     format.AppendText
	anything bool // the text may need quotes
}

func (e *encoding) bind(b *connectors.Batch) ([]bound, error) {
	cols := make([]bound, len(b.Cols))
	for k, a := range b.Cols {
		t := e.fields[k].Type
		text, err := format.Text(a, t)
		if err != nil {
			return nil, err
		}
		cols[k] = bound{a, text, mayNeedQuotes(t) || e.delimiter != ',' && e.delimiter != '\t'}
	}
	return cols, nil
}

// row appends row i without a line end.
func (e *encoding) row(dst []byte, cols []bound, i int) ([]byte, error) {
	for k := range cols {
		if k > 0 {
			dst = append(dst, e.delimiter)
		}
		c := &cols[k]
		if c.IsNull(i) {
			dst = append(dst, e.null...)
			continue
		}
		from := len(dst)
		dst = c.text(dst, i)
		if !c.anything {
			continue
		}
		if e.quote == 0 && e.escape == 0 && slices.ContainsFunc(dst[from:], func(b byte) bool { return e.quoted[b] }) {
			return dst, format.Unwritable(format.CodeFormat, e.fields[k].Name, "a delimiter or line end, which nothing can mark without quotes and escapes")
		}
		dst = e.field(dst, from)
	}
	return dst, nil
}

// mayNeedQuotes: all other types make texts of digits, letters, blanks, colons,
// points and signs.
func mayNeedQuotes(t catalog.Type) bool {
	switch t.Kind {
	case catalog.KindString, catalog.KindJSON, catalog.KindBytes, catalog.KindArray, catalog.KindMap, catalog.KindRow:
		return true
	}
	return false
}

// field quotes dst[from:] if it holds a special character, or would be read as
// NULL or a comment.
func (e *encoding) field(dst []byte, from int) []byte {
	text := dst[from:]
	special := 0
	for _, c := range text {
		if e.quoted[c] {
			special++
		}
	}
	if special == 0 && string(text) != e.null && !(len(text) > 0 && (text[0] == '#' || text[0] == ' ' || text[len(text)-1] == ' ')) {
		return dst
	}
	if e.quote == 0 && e.escape == 0 {
		return dst
	}
	if e.quote == 0 && special == 0 && string(text) == e.null && e.null != "" { // an escape tells it from NULL
		dst = append(dst, 0)
		copy(dst[from+1:], dst[from:])
		dst[from] = e.escape
		return dst
	}
	// A mark goes before each byte that needs one. The text is moved up from its
	// end, so that nothing is overwritten before it is read.
	mark, around := e.escape, 2
	if e.escape == 0 {
		mark = e.quote
	}
	marked := e.quoted
	if e.quote == 0 {
		around = 0
	} else {
		special, marked = 0, [256]bool{}
		marked[e.quote] = true
		marked[e.escape] = e.escape != 0
		for _, c := range text {
			if marked[c] {
				special++
			}
		}
	}
	end := len(dst)
	for range special + around {
		dst = append(dst, 0)
	}
	to := len(dst)
	put := func(c byte) {
		to--
		dst[to] = c
	}
	if around > 0 {
		put(e.quote)
	}
	for i := end - 1; i >= from; i-- {
		c := dst[i]
		put(c)
		if marked[c] {
			put(mark)
		}
	}
	if around > 0 {
		put(e.quote)
	}
	return dst
}

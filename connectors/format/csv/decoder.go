package csv

import (
	"fmt"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/columns"
	"github.com/streamsql/streamsql/connectors/format/json"
)

// decoder makes columns of records.
type decoder struct {
	*stream
	cols   []*columns.Column // nil for columns that come as JSON
	byPos  []int             // of each field of a record, the column; -1: none
	fields fieldReader
	errs   []connectors.CellError

	nested *json.Decoder // of the columns that come as JSON; nil: none
	schema *json.Schema
	record []byte // for nested
}

func newDecoder(s *stream, alloc memory.Allocator) *decoder {
	d := &decoder{stream: s, byPos: make([]int, s.fields), fields: fieldReader{syntax: s.syntax}}
	for i := range d.byPos {
		d.byPos[i] = -1
	}
	for i, c := range s.columns {
		var col *columns.Column
		if c.nested < 0 {
			col = columns.New(c.Type, alloc)
		}
		d.cols = append(d.cols, col)
		d.byPos[s.at[i]] = i
	}
	// The schema was compiled before without an error.
	if d.schema, _ = s.nestedSchema(); d.schema != nil {
		d.nested = json.NewDecoder(d.schema, alloc)
	}
	return d
}

// Decode implements format.Decoder.
func (d *decoder) Decode(run []byte, n int) (*connectors.Records, error) {
	d.errs = nil
	for _, c := range d.cols {
		if c != nil {
			c.Reserve(n)
		}
	}
	rows := 0
	for len(run) > 0 && rows < n {
		size, _, isRecord, _ := d.next(run, true)
		if isRecord {
			if !d.row(format.TrimLineEnd(run[:size]), rows) {
				d.release()
				return nil, fmt.Errorf("csv: a batch of more than 2 GiB of text")
			}
			rows++
		}
		run = run[size:]
	}
	return d.finish(rows), nil
}

// row decodes a record. It gives false if the batch can't take more text.
func (d *decoder) row(record []byte, row int) bool {
	firstErr := len(d.errs)
	if d.max > 0 && len(record) > d.max {
		d.malformed(row, firstErr, format.TooLong(d.max))
		return d.nestedRow()
	}
	d.record = append(d.record[:0], '{')
	d.fields.data, d.fields.at = record, 0
	count := 0
	for more := true; more; count++ {
		var f field
		f, more = d.fields.next()
		if f.bad {
			d.record = d.record[:1]
			d.malformed(row, firstErr, fmt.Sprintf("field %d: the closing quote is missing, or text follows it", count+1))
			return d.nestedRow()
		}
		if count < len(d.byPos) {
			if i := d.byPos[count]; i >= 0 {
				d.value(i, row, f)
			}
		}
	}
	if count > d.stream.fields || count < d.stream.fields && !d.loose {
		d.record = d.record[:1]
		d.malformed(row, firstErr, fmt.Sprintf("%d fields, want %d", count, d.stream.fields))
	} else if count < d.stream.fields {
		for _, i := range d.byPos[count:] {
			if i >= 0 {
				d.null(i, row)
			}
		}
	}
	return d.nestedRow()
}

// nestedRow hands the record of JSON values over.
func (d *decoder) nestedRow() bool {
	if d.nested == nil {
		return true
	}
	if len(d.record) == 0 {
		d.record = append(d.record, '{')
	}
	ok := d.nested.Append(append(d.record, '}'))
	d.record = d.record[:0]
	return ok
}

// malformed makes the row NULL with one error.
func (d *decoder) malformed(row, firstErr int, detail string) {
	for _, c := range d.cols {
		if c != nil {
			c.Truncate(row)
		}
	}
	d.record = append(d.record[:0], '{')
	d.errs = append(d.errs[:firstErr], connectors.CellError{Row: int32(row), Col: -1, Code: format.CodeMalformed, Detail: detail})
}

// null leaves a value out.
func (d *decoder) null(i, row int) {
	if c := &d.columns[i]; c.NotNull {
		d.fail(c, row, "NOT_NULL", "NULL in a NOT NULL column")
	}
}

func (d *decoder) fail(c *column, row int, code, detail string) {
	d.errs = append(d.errs, connectors.CellError{Row: int32(row), Col: c.out, Code: code, Column: c.Name, Detail: detail})
}

// value puts a field into column i.
func (d *decoder) value(i, row int, f field) {
	c := &d.columns[i]
	if f.isNull(d.syntax.null) {
		d.null(i, row)
		return
	}
	if c.nested >= 0 {
		d.json(c, row, f.text)
		return
	}
	if code := c.put(d.cols[i], row, f.text); code != "" {
		d.fail(c, row, code, misfit(f.text, c))
	}
}

func misfit(text []byte, c *column) string {
	const most = 40
	if len(text) > most {
		end := most
		for end > 0 && !utf8.RuneStart(text[end]) {
			end--
		}
		return fmt.Sprintf("%q... is no %s", text[:end], c.Type)
	}
	return fmt.Sprintf("%q is no %s", text, c.Type)
}

// finish gives the rows and begins a new batch.
func (d *decoder) finish(n int) *connectors.Records {
	recs := &connectors.Records{N: n, Errors: d.errs}
	var nested *json.Batch
	if d.nested != nil {
		nested = d.nested.Finish()
	}
	for i := range d.columns {
		c := &d.columns[i]
		switch {
		case c.nested >= 0 && c.out >= 0:
			recs.Cols = append(recs.Cols, nested.Columns[c.nested])
		case c.nested >= 0:
			nested.Columns[c.nested].Release()
		case c.out >= 0:
			recs.Cols = append(recs.Cols, d.cols[i].Finish(n))
		default:
			d.cols[i].Release()
		}
	}
	if nested != nil && len(nested.Errors) > 0 {
		recs.Errors = d.merge(recs.Errors, nested.Errors)
	}
	sortErrors(recs.Errors)
	return recs
}

func (d *decoder) release() {
	for _, c := range d.cols {
		if c != nil {
			c.Release()
		}
	}
	if d.nested != nil {
		d.nested.Release()
	}
}

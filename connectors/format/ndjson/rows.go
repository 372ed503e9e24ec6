package ndjson

import (
	"cmp"
	"slices"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/json"
)

// Objects is the compiled form of rows that are JSON objects, for formats that
// wrap them into something else. It is immutable.
type Objects struct {
	schema *json.Schema
	max    int
	picks  format.Projection // with ValidateAll: the output among the schema's columns
}

// CompileObjects compiles the columns of cfg; options are those of the format
// 'json'.
func CompileObjects(cfg format.DecodeConfig) (*Objects, error) {
	d, err := newDecoding(cfg)
	if err != nil {
		return nil, err
	}
	return &d.(*decoding).Objects, nil
}

// NewRows makes a decoder whose arrays come from alloc.
func (o *Objects) NewRows(alloc memory.Allocator) *Rows {
	return &Rows{Objects: o, rows: json.NewDecoder(o.schema, alloc)}
}

// Rows decodes objects into the rows of records. It belongs to one goroutine.
// Its methods that add rows give format.ErrTooMuchText if the batch can't take more.
type Rows struct {
	*Objects
	rows  *json.Decoder
	tally format.Tally
	errs  []connectors.CellError
	seen  int // errors of rows that are in errs
	about *metadata
}

// Record begins the next record, which has no rows yet.
func (r *Rows) Record() { r.tally.Record() }

// Row adds a row to the record: the object buf[start:end].
func (r *Rows) Row(buf []byte, start, end int, kind catalog.RowKind) error {
	if !r.rows.AppendAt(buf, start, end) {
		return format.ErrTooMuchText
	}
	r.tally.Row(kind)
	if errs := r.rows.Errors(); len(errs) > r.seen {
		for _, e := range errs[r.seen:] {
			r.errs = append(r.errs, r.cellError(buf[start:end], e))
		}
		r.seen = len(errs)
	}
	return nil
}

// Null adds a row of NULLs to the record.
func (r *Rows) Null(kind catalog.RowKind) error {
	if !r.rows.AppendNull() {
		return format.ErrTooMuchText
	}
	r.tally.Row(kind)
	return nil
}

// Bad adds a row to the record that says what is wrong with the record.
func (r *Rows) Bad(code, detail string) error {
	r.errs = append(r.errs, connectors.CellError{Row: int32(r.tally.Rows()), Col: -1, Code: code, Detail: detail})
	return r.Null(catalog.Insert)
}

// TooLong says whether a record of n bytes is beyond the limit; then it has its
// row, which says so.
func (r *Rows) TooLong(n int) (bool, error) {
	if r.max <= 0 || n <= r.max {
		return false, nil
	}
	return true, r.Bad(format.CodeMalformed, format.TooLong(r.max))
}

// Records begins a record for each message of buf and calls decode with where it
// lies, unless it has no value, which stands for no row, or is too long.
func (r *Rows) Records(buf []byte, spans []format.Span, decode func(buf []byte, at json.Range) error) error {
	for _, s := range spans {
		r.Record()
		if s.IsNull() {
			continue
		}
		if long, err := r.TooLong(int(s.End - s.Start)); err != nil {
			return err
		} else if long {
			continue
		}
		at := json.Range{Start: int(s.Start), End: int(s.End)}
		from := r.tally.Rows()
		if err := decode(buf, at); err != nil {
			return err
		}
		if r.about != nil {
			if err := r.about.put(buf, at, from, r.tally.Rows()); err != nil {
				return err
			}
		}
	}
	return nil
}

// Finish gives the batch and begins a new one.
func (r *Rows) Finish() (*connectors.Records, error) {
	b := r.rows.Finish()
	recs := &connectors.Records{Cols: b.Columns, Errors: r.errs}
	r.tally.Finish(recs)
	r.errs, r.seen = nil, 0
	if r.picks != nil {
		r.picks.Apply(recs)
	}
	if r.about != nil {
		recs.Cols = append(recs.Cols, r.about.finish(recs.N)...)
	}
	slices.SortStableFunc(recs.Errors, func(a, b connectors.CellError) int {
		return cmp.Or(cmp.Compare(a.Row, b.Row), cmp.Compare(a.Col, b.Col))
	})
	return recs, nil
}

// Release gives the memory of an unfinished batch back.
func (r *Rows) Release() {
	r.rows.Release()
	if r.about != nil {
		r.about.release()
	}
	r.tally, r.errs, r.seen = format.Tally{}, nil, 0
}

package cell

import (
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/columns"
)

// Layout is what the decoders of one source make, and how they treat records as a
// whole. It is immutable.
type Layout struct {
	Fields []catalog.Field // of the columns to fill
	max    int
	upsert bool
	picks  format.Projection // with ValidateAll: the output among the fields
}

// NewLayout settles which columns are filled: those wanted, or all declared ones
// with ValidateAll.
func NewLayout(cfg format.DecodeConfig) (*Layout, error) {
	l := &Layout{Fields: cfg.Columns, max: cfg.MaxRecordBytes, upsert: cfg.Upsert}
	if len(cfg.Columns) > math.MaxInt16 || len(cfg.Declared) > math.MaxInt16 {
		return nil, fmt.Errorf("too many columns")
	}
	if cfg.ValidateAll {
		var err error
		if l.picks, err = format.NewProjection(cfg); err != nil {
			return nil, err
		}
		l.Fields = cfg.Declared
	}
	return l, nil
}

// Rows are the columns of a batch while it is filled, a row a record.
type Rows struct {
	*Layout
	Columns []*columns.Column
	Errors  *Errors
	tally   format.Tally
	text    int // bytes of the batch
}

// NewRows makes empty columns.
func (l *Layout) NewRows(alloc memory.Allocator) *Rows {
	r := &Rows{Layout: l, Errors: &Errors{}}
	for _, f := range l.Fields {
		r.Columns = append(r.Columns, columns.New(f.Type, alloc))
	}
	return r
}

// Null is a message without a value.
func (r *Rows) Null() {
	r.tally.Record()
	if r.upsert {
		r.tally.Row(catalog.Delete)
	}
}

// Begin begins the row of a record of n bytes. With read false the record is not to
// be read: its row says why. An error says that the batch can't take more.
func (r *Rows) Begin(n int) (row int, read bool, err error) {
	if r.text += n; r.text > math.MaxInt32 {
		return 0, false, format.ErrTooMuchText
	}
	row = r.tally.Rows()
	r.tally.One()
	r.Errors.Begin(row)
	if r.max > 0 && n > r.max {
		r.Errors.Bad(format.CodeMalformed, format.TooLong(r.max))
		return row, false, nil
	}
	return row, true, nil
}

// Messages begins the row of each message that spans find and has it read, until there
// is an error.
func (r *Rows) Messages(spans []format.Span, read func(s format.Span, row int) error) error {
	r.Reserve(len(spans))
	for _, s := range spans {
		if s.IsNull() {
			r.Null()
			continue
		}
		row, wanted, err := r.Begin(int(s.End - s.Start))
		if err != nil {
			return err
		}
		if !wanted {
			continue
		}
		if err := read(s, row); err != nil {
			return err
		}
	}
	return nil
}

// Limit is for records whose length is found by reading them: a row of one that is
// too long is bad.
func (r *Rows) Limit(row, n int) {
	r.text += n
	if r.max > 0 && n > r.max {
		r.Bad(row, format.CodeMalformed, format.TooLong(r.max))
	}
}

// Bad makes the row NULL with one error, of the record as a whole.
func (r *Rows) Bad(row int, code, detail string) {
	for _, c := range r.Columns {
		c.Truncate(row)
	}
	r.Errors.Bad(code, detail)
}

// End ends the row.
func (r *Rows) End() { r.Errors.End() }

// Reserve makes room for so many rows more.
func (r *Rows) Reserve(n int) {
	for _, c := range r.Columns {
		c.Reserve(r.tally.Rows() + n)
	}
}

// Finish gives the batch and begins a new one.
func (r *Rows) Finish() (*connectors.Records, error) {
	recs := &connectors.Records{Errors: r.Errors.Take()}
	r.tally.Finish(recs)
	for _, c := range r.Columns {
		recs.Cols = append(recs.Cols, c.Finish(recs.N))
	}
	r.text = 0
	if r.picks != nil {
		r.picks.Apply(recs)
	}
	return recs, nil
}

// Release gives the memory of an unfinished batch back.
func (r *Rows) Release() {
	for _, c := range r.Columns {
		c.Release()
	}
	r.Errors.Take()
	r.tally, r.text = format.Tally{}, 0
}

package ndjson

import (
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/json"
)

// messageDecoder decodes an object per message.
type messageDecoder struct {
	*decoding
	rows  *json.Decoder
	tally format.Tally
	errs  []connectors.CellError
	seen  int // errors of rows that are in errs
}

// NewMessageDecoder implements format.Messages.
func (d *decoding) NewMessageDecoder(alloc memory.Allocator) format.MessageDecoder {
	return &messageDecoder{decoding: d, rows: json.NewDecoder(d.schema, alloc)}
}

// Append implements format.MessageDecoder.
func (d *messageDecoder) Append(buf []byte, spans []format.Span) error {
	for _, s := range spans {
		if s.IsNull() {
			d.tally.Record()
			if !d.upsert {
				continue
			}
			if !d.rows.AppendNull() {
				return format.ErrTooMuchText
			}
			d.tally.Row(catalog.Delete)
			continue
		}
		if !d.rows.AppendAt(buf, int(s.Start), int(s.End)) {
			return format.ErrTooMuchText
		}
		d.tally.One()
		if errs := d.rows.Errors(); len(errs) > d.seen {
			for _, e := range errs[d.seen:] {
				d.errs = append(d.errs, d.cellError(s.Of(buf), e))
			}
			d.seen = len(errs)
		}
	}
	return nil
}

// Finish implements format.MessageDecoder.
func (d *messageDecoder) Finish() (*connectors.Records, error) {
	b := d.rows.Finish()
	recs := &connectors.Records{Cols: b.Columns, Errors: d.errs}
	d.tally.Finish(recs)
	d.errs, d.seen = nil, 0
	if d.picks != nil {
		d.picks.Apply(recs)
	}
	return recs, nil
}

// Release implements format.MessageDecoder.
func (d *messageDecoder) Release() {
	d.rows.Release()
	d.tally, d.errs, d.seen = format.Tally{}, nil, 0
}

package csv

import (
	"math"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// messageDecoder decodes a record per message. Messages have no header: fields go
// by position.
type messageDecoder struct {
	*decoder
	tally format.Tally
	text  int // bytes in the batch
}

// NewMessageDecoder implements format.Messages.
func (d *decoding) NewMessageDecoder(alloc memory.Allocator) format.MessageDecoder {
	s := &stream{decoding: d, fields: len(d.declared), at: make([]int, len(d.columns))}
	for i, c := range d.columns {
		s.at[i] = d.position(c.Name)
	}
	return &messageDecoder{decoder: newDecoder(s, alloc)}
}

// Append implements format.MessageDecoder.
func (d *messageDecoder) Append(buf []byte, spans []format.Span) error {
	for _, s := range spans {
		if s.IsNull() {
			d.tally.Record()
			if !d.upsert {
				continue
			}
			if !d.nestedRow() {
				return format.ErrTooMuchText
			}
			d.tally.Row(catalog.Delete)
			continue
		}
		d.text += int(s.End - s.Start)
		if d.text > math.MaxInt32 || !d.row(format.TrimLineEnd(s.Of(buf)), d.tally.Rows()) {
			return format.ErrTooMuchText
		}
		d.tally.One()
	}
	return nil
}

// Finish implements format.MessageDecoder.
func (d *messageDecoder) Finish() (*connectors.Records, error) {
	recs := d.finish(d.tally.Rows())
	d.tally.Finish(recs)
	d.errs, d.text = nil, 0
	return recs, nil
}

// Release implements format.MessageDecoder.
func (d *messageDecoder) Release() {
	d.release()
	d.tally, d.errs, d.text = format.Tally{}, nil, 0
}

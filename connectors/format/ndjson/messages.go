package ndjson

import (
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format"
)

// messageDecoder decodes an object per message.
type messageDecoder struct {
	*Rows
	upsert bool
}

// NewMessageDecoder implements format.Messages.
func (d *decoding) NewMessageDecoder(alloc memory.Allocator) format.MessageDecoder {
	return &messageDecoder{d.NewRows(alloc), d.upsert}
}

// Append implements format.MessageDecoder.
func (d *messageDecoder) Append(buf []byte, spans []format.Span) error {
	for _, s := range spans {
		d.Record()
		var err error
		switch {
		case !s.IsNull():
			err = d.Row(buf, int(s.Start), int(s.End), catalog.Insert)
		case d.upsert:
			err = d.Null(catalog.Delete)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

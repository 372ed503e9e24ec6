package ndjson

import (
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/json"
)

// RowOptions are the options of formats that have rows as JSON objects within an
// envelope.
func RowOptions() []catalog.OptionSpec {
	var out []catalog.OptionSpec
	for _, o := range Format().Spec.Options {
		switch o.Name {
		case OptQuotedNumbers, optJSONParser, optFailOnMissing:
		default:
			out = append(out, o)
		}
	}
	return out
}

// AppendRow appends row i of a batch as an object.
type AppendRow func(dst []byte, i int) []byte

// Envelope appends the record of row i, which enters or leaves the table.
type Envelope func(dst []byte, row AppendRow, i int, adds bool) []byte

// changes is the Encoding of a changelog format.
type changes struct {
	encoding
	envelope Envelope
}

// NewChanges makes the Encoding of a format that has each row within an envelope.
// Rows that leave the table are records like any other, unless cfg.Upsert gives
// their messages no value.
func NewChanges(cfg format.EncodeConfig, envelope Envelope) format.Encoding {
	return changes{encoding{cfg.Columns, EncoderOptions(cfg.Options), cfg.Upsert}, envelope}
}

// NewEncoder implements format.Encoding.
func (c changes) NewEncoder() format.Encoder {
	return newChangeEncoder(c)
}

// NewMessageEncoder implements format.MessageEncoding.
func (c changes) NewMessageEncoder() format.MessageEncoder {
	return newChangeEncoder(c)
}

type changeEncoder struct {
	rows   *json.Encoder
	append AppendRow // of rows: a method value made for each row would be garbage
	changes
}

func newChangeEncoder(c changes) changeEncoder {
	rows := json.NewEncoder(c.fields, c.opts)
	return changeEncoder{rows, rows.AppendRow, c}
}

// Append implements format.Encoder.
func (e changeEncoder) Append(dst []byte, b *connectors.Batch) ([]byte, error) {
	if err := e.rows.Bind(b.Cols); err != nil {
		return dst, err
	}
	for i := range b.N {
		dst = append(e.row(dst, b, i), '\n')
	}
	return dst, nil
}

// AppendMessages implements format.MessageEncoder.
func (e changeEncoder) AppendMessages(dst []byte, spans []format.Span, b *connectors.Batch) ([]byte, []format.Span, error) {
	if err := e.rows.Bind(b.Cols); err != nil {
		return dst, spans, err
	}
	return format.AppendRows(dst, spans, b, e.upsert, func(dst []byte, i int) ([]byte, error) { return e.row(dst, b, i), nil })
}

func (e changeEncoder) row(dst []byte, b *connectors.Batch, i int) []byte {
	return e.envelope(dst, e.append, i, b.Kinds == nil || b.Kinds[i].Adds())
}

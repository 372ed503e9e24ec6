package ndjson

import (
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/json"
)

const (
	optTimestamps = "timestamp-format.standard"
	optQuoted     = "quoted-numbers"
)

// Format gives the format.
func Format() *format.Format {
	return &format.Format{
		Suffix: ".ndjson",
		Spec: &catalog.ConnectorSpec{
			Name:    "json",
			Aliases: []string{"ndjson", "jsonl"},
			Doc:     "One JSON object per record; in files one per line. A missing member is NULL, an extra one is ignored.",
			Options: []catalog.OptionSpec{
				{Name: optTimestamps, Type: catalog.OptionEnum, Values: []string{"SQL", "ISO-8601"}, Default: "SQL", Source: true, Sink: true,
					Doc: "How timestamps are written: yyyy-MM-dd HH:mm:ss[.fraction], or with a T in place of the blank."},
				{Name: optQuoted, Type: catalog.OptionBool, Default: "false", Source: true,
					Doc: "Take a number within a string for a numeric column."},
			},
		},
		Decode: newDecoding,
		Encode: newEncoding,
	}
}

// encoding writes an object per line.
type encoding struct {
	fields     []catalog.Field
	timestamps json.TimestampFormat
	upsert     bool
}

func newEncoding(cfg format.EncodeConfig) (format.Encoding, error) {
	return encoding{cfg.Columns, timestampFormat(cfg.Options), cfg.Upsert}, nil
}

func timestampFormat(o catalog.Options) json.TimestampFormat {
	if o[optTimestamps] == "ISO-8601" {
		return json.TimestampISO8601
	}
	return json.TimestampSQL
}

// Header implements format.Encoding.
func (encoding) Header() []byte { return nil }

// NewEncoder implements format.Encoding.
func (e encoding) NewEncoder() format.Encoder {
	return encoder{json.NewEncoder(e.fields, e.timestamps), e.upsert}
}

// NewMessageEncoder implements format.MessageEncoding.
func (e encoding) NewMessageEncoder() format.MessageEncoder {
	return encoder{json.NewEncoder(e.fields, e.timestamps), e.upsert}
}

type encoder struct {
	rows   *json.Encoder
	upsert bool
}

// Append implements format.Encoder.
func (e encoder) Append(dst []byte, b *connectors.Batch) ([]byte, error) {
	if err := e.rows.Bind(b.Cols); err != nil {
		return dst, err
	}
	return e.rows.AppendRows(dst, 0, b.N), nil
}

// AppendMessages implements format.MessageEncoder.
func (e encoder) AppendMessages(dst []byte, spans []format.Span, b *connectors.Batch) ([]byte, []format.Span, error) {
	if err := e.rows.Bind(b.Cols); err != nil {
		return dst, spans, err
	}
	return format.AppendRows(dst, spans, b, e.upsert, func(dst []byte, i int) ([]byte, error) { return e.rows.AppendRow(dst, i), nil })
}

package ndjson

import (
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/json"
)

// OptQuotedNumbers is the option that takes numbers within strings.
const OptQuotedNumbers = "quoted-numbers"

const (
	optTimestamps = "timestamp-format.standard"

	optFailOnMissing = "fail-on-missing-field"
	optDecimalText   = "encode.decimal-as-text"
	optIgnoreNulls   = "encode.ignore-null-fields"
	optDecimalPlain  = "encode.decimal-as-plain-number"
	optNullKeys      = "map-null-key.mode"
	optNullKeyText   = "map-null-key.literal"
	optJSONParser    = "decode.json-parser.enabled"
)

// Format gives the format.
func Format() *format.Format {
	return &format.Format{
		Suffix: ".ndjson",
		Spec: &catalog.ConnectorSpec{
			Name:    "json",
			Aliases: []string{"ndjson", "jsonl"},
			Doc:     "One JSON object per record; in files one per line. A missing member is NULL, an extra one is ignored.",
			Options: Options("SQL"),
		},
		Decode: newDecoding,
		Encode: newEncoding,
		Infer:  infer,
	}
}

// Options describes the options of formats whose rows are JSON objects; timestamps
// is the default of 'timestamp-format.standard'.
func Options(timestamps string) []catalog.OptionSpec {
	return []catalog.OptionSpec{
		{Name: optTimestamps, Type: catalog.OptionEnum, Values: []string{"SQL", "ISO-8601", "ISO-8601-WITH-OFFSET"}, Default: timestamps, Source: true, Sink: true,
			Doc: "How timestamps are written: yyyy-MM-dd HH:mm:ss[.fraction], with a T in place of the blank, or so and with an offset (+02:00, Z). TIMESTAMP_LTZ has the offset always; with the last one TIMESTAMP has it too, and is the time in UTC."},
		{Name: OptQuotedNumbers, Type: catalog.OptionBool, Default: "false", Source: true,
			Doc: "Take a number within a string for a numeric column."},
		{Name: optFailOnMissing, Type: catalog.OptionBool, Default: "false", Source: true,
			Doc: "A record is bad if it lacks a column that is read, or a member of a ROW: it must be there, if as null."},
		catalog.IgnoreParseErrors(),
		{Name: optDecimalText, Type: catalog.OptionBool, Default: "false", Sink: true,
			Doc: "Write DECIMAL as a text, \"1.50\", for readers that take numbers for doubles. Reading takes both."},
		{Name: optIgnoreNulls, Type: catalog.OptionBool, Default: "false", Sink: true,
			Doc: "Leave members that are NULL out."},
		{Name: optDecimalPlain, Type: catalog.OptionBool, Source: true, Sink: true,
			Doc: "Accepted for Flink's scripts: DECIMAL is always written in plain digits."},
		{Name: optNullKeys, Type: catalog.OptionEnum, Values: []string{"FAIL", "DROP", "LITERAL"}, Source: true, Sink: true,
			Doc: "Accepted for Flink's scripts: the keys of a MAP are never NULL."},
		{Name: optNullKeyText, Source: true, Sink: true, Doc: "Accepted for Flink's scripts, as 'map-null-key.mode'."},
		{Name: optJSONParser, Type: catalog.OptionBool, Source: true, Doc: "Accepted for Flink's scripts; there is one parser."},
	}
}

// encoding writes an object per line.
type encoding struct {
	fields []catalog.Field
	opts   json.EncoderOptions
	upsert bool
}

func newEncoding(cfg format.EncodeConfig) (format.Encoding, error) {
	return encoding{cfg.Columns, EncoderOptions(cfg.Options), cfg.Upsert}, nil
}

func timestampFormat(o catalog.Options) json.TimestampFormat {
	switch o[optTimestamps] {
	case "ISO-8601":
		return json.TimestampISO8601
	case "ISO-8601-WITH-OFFSET":
		return json.TimestampOffset
	}
	return json.TimestampSQL
}

// EncoderOptions gives the encoder's choices of options of the format json.
func EncoderOptions(o catalog.Options) json.EncoderOptions {
	return json.EncoderOptions{
		TimestampFormat: timestampFormat(o), DecimalAsText: o.Bool(optDecimalText), IgnoreNulls: o.Bool(optIgnoreNulls),
	}
}

// Header implements format.Encoding.
func (encoding) Header() []byte { return nil }

// NewEncoder implements format.Encoding.
func (e encoding) NewEncoder() format.Encoder {
	return encoder{json.NewEncoder(e.fields, e.opts), e.upsert}
}

// NewMessageEncoder implements format.MessageEncoding.
func (e encoding) NewMessageEncoder() format.MessageEncoder {
	return encoder{json.NewEncoder(e.fields, e.opts), e.upsert}
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

package avro

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow/memory"
	hamba "github.com/hamba/avro/v2"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/cell"
)

const (
	optSchema       = "schema"
	optSchemaFile   = "schema-file"
	optReaderSchema = "reader-schema"
	optLegacy       = "timestamp_mapping.legacy"
	optEncoding     = "encoding"
	optCodec        = "codec"
)

// LegacyOption says how TIMESTAMP is written.
func LegacyOption() catalog.OptionSpec {
	return catalog.OptionSpec{Name: optLegacy, Type: catalog.OptionBool, Default: "true", Sink: true, Source: true,
		Doc: "Where the schema comes of the columns: TIMESTAMP is timestamp-millis or timestamp-micros, as Flink has it by default; with false it is local-timestamp-millis or local-timestamp-micros. Reading takes all of them."}
}

// Format gives the format.
func Format() *format.Format {
	return &format.Format{
		Suffix: ".avro",
		Spec: &catalog.ConnectorSpec{
			Name: "avro",
			Doc:  "Avro's binary encoding: a message is a record without its schema; a file is an object container file, which has it. Columns are taken by the names of the record's fields, others are passed over; a column that the record does not have is NULL, or the default of the reader's schema.",
			Options: []catalog.OptionSpec{
				{Name: optSchema, Source: true, Sink: true, Doc: "The schema that messages are written with, as JSON. Default: that of the declared columns. Files say theirs."},
				{Name: optSchemaFile, Source: true, Sink: true, Doc: "A file that has this schema."},
				{Name: optReaderSchema, Source: true, Doc: "A schema of which the defaults and aliases of fields are taken where records are written with another one."},
				LegacyOption(),
				{Name: optCodec, Type: catalog.OptionEnum, Values: []string{"null", "deflate", "snappy", "zstandard"}, Default: "snappy", Sink: true,
					Doc: "How the blocks of files are compressed. Reading takes bzip2 too."},
				{Name: optEncoding, Type: catalog.OptionEnum, Values: []string{"binary"}, Default: "binary", Source: true, Sink: true, Doc: "Avro's encoding; there is one."},
				catalog.IgnoreParseErrors(),
			},
		},
		Decode: newDecoding,
		Blocks: newContainers,
		Infer:  infer,
		Encode: newEncoding,
	}
}

// infer gives the columns of the schema that options name, or that a file has.
func infer(cfg format.InferConfig) ([]catalog.Field, error) {
	text, err := schemaOption(cfg.Options, cfg.Env)
	if err != nil {
		return nil, err
	}
	if text == "" && cfg.File != nil {
		h, err := readHeader(cfg.File, cfg.Size)
		if err != nil {
			return nil, err
		}
		text = h.schema
	}
	if text == "" {
		return nil, fmt.Errorf("no columns are declared and option 'avro.%s' has no schema", optSchema)
	}
	return Fields(text)
}

// Parse parses a schema. Each call has names of its own.
func Parse(text string) (hamba.Schema, error) {
	s, err := parse(text, &hamba.SchemaCache{})
	if err != nil {
		return nil, fmt.Errorf("avro: %w", err)
	}
	return s, nil
}

// schemaOption gives the schema of options; "" if none is given.
func schemaOption(o catalog.Options, env connectors.Env) (string, error) {
	if o[optSchemaFile] == "" {
		return o[optSchema], nil
	}
	if o[optSchema] != "" {
		return "", fmt.Errorf("options 'avro.%s' and 'avro.%s' are alternatives", optSchema, optSchemaFile)
	}
	b, err := env.ReadFile(o[optSchemaFile])
	if err != nil {
		return "", fmt.Errorf("option 'avro.%s': %w", optSchemaFile, err)
	}
	return string(b), nil
}

func recordOf(text string) (*hamba.RecordSchema, error) {
	s, err := Parse(text)
	if err != nil {
		return nil, err
	}
	r, ok := deref(s).(*hamba.RecordSchema)
	if !ok {
		return nil, fmt.Errorf("avro: the schema is %s, not a record", s.Type())
	}
	return r, nil
}

// decoding reads messages of one schema.
type decoding struct {
	format.NoStream
	layout *cell.Layout
	schema schema
}

func newDecoding(cfg format.DecodeConfig) (format.Decoding, error) {
	layout, err := cell.NewLayout(cfg)
	if err != nil {
		return nil, fmt.Errorf("avro: %w", err)
	}
	d := &decoding{layout: layout}
	if text := cfg.Options[optReaderSchema]; text != "" {
		if d.schema.reader, err = recordOf(text); err != nil {
			return nil, err
		}
	}
	text, err := schemaOption(cfg.Options, cfg.Env)
	if err != nil {
		return nil, err
	}
	if text == "" {
		declared := cfg.Declared
		if declared == nil {
			declared = cfg.Columns
		}
		if text, err = SchemaOf(declared, cfg.Options); err != nil {
			return nil, err
		}
	}
	if d.schema.writer, err = Parse(text); err != nil {
		return nil, err
	}
	rows := layout.NewRows(memory.DefaultAllocator)
	if _, err := newPlan(d.schema, rows); err != nil {
		return nil, fmt.Errorf("avro: %w", err)
	}
	return d, nil
}

// NewMessageDecoder implements format.Messages.
func (d *decoding) NewMessageDecoder(alloc memory.Allocator) format.MessageDecoder {
	rows := d.layout.NewRows(alloc)
	plan, err := newPlan(d.schema, rows)
	if err != nil {
		panic("avro: a plan that was made before can't be made again: " + err.Error())
	}
	return &decoder{rows, plan}
}

// decoder decodes a record per message.
type decoder struct {
	*cell.Rows
	plan *plan
}

// Append implements format.MessageDecoder.
func (d *decoder) Append(buf []byte, spans []format.Span) error {
	return d.Messages(spans, func(s format.Span, row int) error {
		d.plan.read(d.Rows, buf, int(s.Start), int(s.End), row, true)
		return nil
	})
}

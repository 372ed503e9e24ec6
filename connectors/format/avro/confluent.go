package avro

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow/memory"
	hamba "github.com/hamba/avro/v2"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/cell"
	"github.com/streamsql/streamsql/connectors/format/registry"
)

// Confluent gives the format 'avro-confluent': messages that name their schema in a
// registry.
func Confluent() *format.Format {
	return &format.Format{
		MessagesOnly: true,
		Spec: &catalog.ConnectorSpec{
			Name: "avro-confluent",
			Doc:  "Avro's binary encoding, where each message names its schema in a schema registry with Confluent's API. A schema that comes up while the job runs is fetched then. Columns are taken by name as in the format avro.",
			Options: append(registry.Options(),
				catalog.OptionSpec{Name: optSchema, Source: true, Sink: true,
					Doc: "Sink: the schema to write and register. Default: that of the columns. Source: a schema of which the defaults and aliases of fields are taken where messages are written with another one."},
				LegacyOption(), catalog.IgnoreParseErrors()),
		},
		Decode: newConfluentDecoding,
		Encode: newConfluentEncoding,
		Infer:  inferConfluent,
	}
}

// inferConfluent gives the columns of the newest schema of the subject.
func inferConfluent(cfg format.InferConfig) ([]catalog.Field, error) {
	latest, err := registry.Newest(cfg, "")
	if err != nil {
		return nil, err
	}
	s, err := parseRegistered(latest)
	if err != nil {
		return nil, err
	}
	return fieldsOf(s)
}

// parseRegistered parses a schema with those that it refers to.
func parseRegistered(s *registry.Schema) (hamba.Schema, error) {
	if s.Type != registry.Avro {
		return nil, fmt.Errorf("schema %d is of the language %s, not Avro", s.ID, s.Type)
	}
	cache := &hamba.SchemaCache{}
	for _, r := range s.References {
		if _, err := parse(r.Schema.Text, cache); err != nil {
			return nil, fmt.Errorf("schema %d, which refers to %s: %w", s.ID, r.Name, err)
		}
	}
	parsed, err := parse(s.Text, cache)
	if err != nil {
		return nil, fmt.Errorf("schema %d: %w", s.ID, err)
	}
	return parsed, nil
}

type confluentDecoding struct {
	format.NoStream
	layout *cell.Layout
	reader *hamba.RecordSchema
	client *registry.Client
}

func newConfluentDecoding(cfg format.DecodeConfig) (format.Decoding, error) {
	layout, err := cell.NewLayout(cfg)
	if err != nil {
		return nil, fmt.Errorf("avro-confluent: %w", err)
	}
	d := &confluentDecoding{layout: layout}
	if text := cfg.Options[optSchema]; text != "" {
		if d.reader, err = recordOf(text); err != nil {
			return nil, err
		}
	}
	if d.client, err = registry.New(cfg.Options, cfg.Env); err != nil {
		return nil, fmt.Errorf("avro-confluent: %w", err)
	}
	return d, nil
}

// Trouble implements format.Waiting.
func (d *confluentDecoding) Trouble() string { return d.client.Trouble() }

// NewMessageDecoder implements format.Messages.
func (d *confluentDecoding) NewMessageDecoder(alloc memory.Allocator) format.MessageDecoder {
	rows := d.layout.NewRows(alloc)
	return &confluentDecoder{rows, registry.NewPlans(d.client, func(s *registry.Schema) (*plan, error) {
		writer, err := parseRegistered(s)
		if err != nil {
			return nil, err
		}
		return newPlan(schema{writer, d.reader}, rows)
	})}
}

// confluentDecoder decodes messages of any number of schemas into one batch.
type confluentDecoder struct {
	*cell.Rows
	plans *registry.Plans[*plan]
}

// Append implements format.MessageDecoder.
func (d *confluentDecoder) Append(buf []byte, spans []format.Span) error {
	return registry.Each(d.plans, d.Rows, buf, spans, func(p *plan, start, end, row int) { p.read(d.Rows, buf, start, end, row, true) })
}

type confluentEncoding struct {
	format.NoStream
	encoding
	written *registry.Written
}

func newConfluentEncoding(cfg format.EncodeConfig) (format.Encoding, error) {
	client, err := registry.New(cfg.Options, cfg.Env)
	if err != nil {
		return nil, fmt.Errorf("avro-confluent: %w", err)
	}
	e := &confluentEncoding{encoding: encoding{fields: cfg.Columns, text: cfg.Options[optSchema], upsert: cfg.Upsert}}
	if e.text == "" {
		if e.text, err = SchemaOf(cfg.Columns, cfg.Options); err != nil {
			return nil, err
		}
	}
	record, err := recordOf(e.text)
	if err != nil {
		return nil, err
	}
	e.schema = record
	subject, err := registry.Subject(cfg.Options, cfg.Subject, cfg.Key, record.FullName())
	if err != nil {
		return nil, fmt.Errorf("avro-confluent: %w", err)
	}
	e.written = &registry.Written{Client: client, Subject: subject, Schema: &registry.Schema{Text: e.text, Type: registry.Avro}, Find: !registry.Registers(cfg.Options)}
	_, err = NewWriter(e.schema, e.fields)
	return e, err
}

// Header implements format.Encoding.
func (*confluentEncoding) Header() []byte { return nil }

// NewEncoder implements format.Encoding.
func (e *confluentEncoding) NewEncoder() format.Encoder { return e.NoStream }

// Trouble implements format.Waiting.
func (e *confluentEncoding) Trouble() string { return e.written.Client.Trouble() }

// NewMessageEncoder implements format.MessageEncoding.
func (e *confluentEncoding) NewMessageEncoder() format.MessageEncoder {
	return &confluentEncoder{e.writer(), e}
}

type confluentEncoder struct {
	rows *Writer
	from *confluentEncoding
}

// AppendMessages implements format.MessageEncoder.
func (e *confluentEncoder) AppendMessages(dst []byte, spans []format.Span, b *connectors.Batch) ([]byte, []format.Span, error) {
	id, err := e.from.written.ID()
	if err != nil {
		return dst, spans, err
	}
	if err := e.rows.Bind(b.Cols); err != nil {
		return dst, spans, err
	}
	return format.AppendRows(dst, spans, b, e.from.upsert, func(dst []byte, i int) ([]byte, error) {
		return e.rows.AppendRow(registry.AppendHeader(dst, id), i)
	})
}

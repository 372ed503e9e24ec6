package jsonschema

import (
	"encoding/json"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	rowjson "github.com/streamsql/streamsql/connectors/format/json"
	"github.com/streamsql/streamsql/connectors/format/ndjson"
	"github.com/streamsql/streamsql/connectors/format/registry"
)

const (
	formatName = "json-confluent"

	optSchema     = "schema"
	optTimestamps = "ISO-8601"
)

// Confluent gives the format.
func Confluent() *format.Format {
	options := append(registry.Options(), catalog.OptionSpec{Name: optSchema, Sink: true, Doc: "The JSON Schema to register for what is written. Default: that of the columns."})
	return &format.Format{
		MessagesOnly: true,
		Spec: &catalog.ConnectorSpec{
			Name:    formatName,
			Doc:     "JSON objects, where each message names its JSON Schema in a schema registry with Confluent's API. Columns are taken by name as in the format json; messages are not checked against their schema.",
			Options: append(options, ndjson.Options(optTimestamps)...),
		},
		Decode: newDecoding,
		Encode: newEncoding,
		Infer:  infer,
	}
}

// infer gives the columns of the newest schema of the subject.
func infer(cfg format.InferConfig) ([]catalog.Field, error) {
	latest, err := registry.Newest(cfg, "")
	if err != nil {
		return nil, err
	}
	if latest.Type != registry.JSON {
		return nil, fmt.Errorf("schema %d is of the language %s, not JSON Schema", latest.ID, latest.Type)
	}
	refs := map[string]string{}
	for _, r := range latest.References {
		refs[r.Name] = r.Schema.Text
	}
	return Fields(latest.Text, refs)
}

type decoding struct {
	format.NoStream
	rows   *ndjson.Objects
	upsert bool
}

func newDecoding(cfg format.DecodeConfig) (format.Decoding, error) {
	if _, err := registry.New(cfg.Options, cfg.Env); err != nil {
		return nil, fmt.Errorf("%s: %w", formatName, err)
	}
	rows, err := ndjson.CompileObjects(cfg)
	return &decoding{rows: rows, upsert: cfg.Upsert}, err
}

// NewMessageDecoder implements format.Messages.
func (d *decoding) NewMessageDecoder(alloc memory.Allocator) format.MessageDecoder {
	return &decoder{d.rows.NewRows(alloc), d.upsert}
}

type decoder struct {
	*ndjson.Rows
	upsert bool
}

// Append implements format.MessageDecoder.
func (d *decoder) Append(buf []byte, spans []format.Span) error {
	for _, s := range spans {
		d.Record()
		if err := d.message(buf, s); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) message(buf []byte, s format.Span) error {
	if s.IsNull() {
		if d.upsert {
			return d.Null(catalog.Delete)
		}
		return nil
	}
	if _, _, ok := registry.Split(s.Of(buf)); !ok {
		return d.Bad(format.CodeMalformed, registry.NoEnvelope)
	}
	return d.Row(buf, int(s.Start)+registry.HeaderBytes, int(s.End), catalog.Insert)
}

type encoding struct {
	format.NoStream
	fields  []catalog.Field
	opts    rowjson.EncoderOptions
	upsert  bool
	written *registry.Written
}

func newEncoding(cfg format.EncodeConfig) (format.Encoding, error) {
	e := &encoding{fields: cfg.Columns, opts: ndjson.EncoderOptions(cfg.Options), upsert: cfg.Upsert}
	client, err := registry.New(cfg.Options, cfg.Env)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", formatName, err)
	}
	text := cfg.Options[optSchema]
	if text == "" {
		if text, err = SchemaOf(cfg.Columns, e.opts.TimestampFormat); err != nil {
			return nil, fmt.Errorf("%s: %w", formatName, err)
		}
	}
	var head struct{ Title string }
	if err := json.Unmarshal([]byte(text), &head); err != nil {
		return nil, fmt.Errorf("option '%s.%s': %w", formatName, optSchema, err)
	}
	subject, err := registry.Subject(cfg.Options, cfg.Subject, cfg.Key, head.Title)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", formatName, err)
	}
	e.written = &registry.Written{Client: client, Subject: subject, Schema: &registry.Schema{Text: text, Type: registry.JSON}, Find: !registry.Registers(cfg.Options)}
	return e, nil
}

// Header implements format.Encoding.
func (*encoding) Header() []byte { return nil }

// NewEncoder implements format.Encoding.
func (e *encoding) NewEncoder() format.Encoder { return e.NoStream }

// Trouble implements format.Waiting.
func (e *encoding) Trouble() string { return e.written.Client.Trouble() }

// NewMessageEncoder implements format.MessageEncoding.
func (e *encoding) NewMessageEncoder() format.MessageEncoder {
	return &encoder{rowjson.NewEncoder(e.fields, e.opts), e}
}

type encoder struct {
	rows *rowjson.Encoder
	from *encoding
}

// AppendMessages implements format.MessageEncoder.
func (e *encoder) AppendMessages(dst []byte, spans []format.Span, b *connectors.Batch) ([]byte, []format.Span, error) {
	id, err := e.from.written.ID()
	if err != nil {
		return dst, spans, err
	}
	if err := e.rows.Bind(b.Cols); err != nil {
		return dst, spans, err
	}
	return format.AppendRows(dst, spans, b, e.from.upsert, func(dst []byte, i int) ([]byte, error) {
		return e.rows.AppendRow(registry.AppendHeader(dst, id), i), nil
	})
}

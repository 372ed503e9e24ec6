package protobuf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/cell"
	"github.com/streamsql/streamsql/connectors/format/registry"
)

// confluentName is the name of the format of messages that name their schema.
const confluentName = "protobuf-confluent"

// Confluent gives the format 'protobuf-confluent': messages that name their schema
// in a registry, and the message type in it.
func Confluent() *format.Format {
	return &format.Format{
		MessagesOnly: true,
		Spec: &catalog.ConnectorSpec{
			Name: confluentName,
			Doc:  "Protocol Buffers, where each message names its schema in a schema registry with Confluent's API, and its type in that. A schema that comes up while the job runs is fetched then. Columns are taken by the names of fields; one that a schema does not have is NULL.",
			Options: append(append(registry.Options(),
				catalog.OptionSpec{Name: optMessage, Source: true, Sink: true, Doc: "The full name of a message type. Sink: the one of the .proto file to write. Source: the one whose fields are the columns, where none are declared. Default: the first of the file."},
				catalog.OptionSpec{Name: optFile, Sink: true, Doc: "The .proto file to write by and to register, with those that it imports. Default: one that is made of the columns."},
				catalog.OptionSpec{Name: optPath, Sink: true, Doc: "The directory that imports of the .proto file are relative to. Default: that of the file."},
			), rowOptions()...),
		},
		Decode: newConfluentDecoding,
		Encode: newConfluentEncoding,
		Infer:  inferConfluent,
	}
}

// inferConfluent gives the columns of the newest schema of the subject.
func inferConfluent(cfg format.InferConfig) ([]catalog.Field, error) {
	latest, err := registry.Newest(cfg, cfg.Options[optMessage])
	if err != nil {
		return nil, err
	}
	c, err := compileRegistered(latest)
	if err != nil {
		return nil, err
	}
	m, err := c.message(cfg.Options[optMessage])
	if err != nil {
		return nil, err
	}
	return Fields(m)
}

// schemaFile is what a schema without a name is called among those it imports.
const schemaFile = "schema.proto"

// compileRegistered compiles a schema with those that it refers to.
func compileRegistered(s *registry.Schema) (*compiled, error) {
	if s.Type != registry.Protobuf {
		return nil, fmt.Errorf("it is of the language %s, not Protocol Buffers", s.Type)
	}
	main := schemaFile
	for s.Reference(main) != nil {
		main = "_" + main
	}
	return compileText(main, func(path string) (string, error) {
		switch r := s.Reference(path); {
		case path == main:
			return s.Text, nil
		case r != nil:
			return r.Text, nil
		case builtIn[path] != "":
			return builtIn[path], nil
		}
		return "", fs.ErrNotExist
	})
}

// builtIn are the files that Confluent's registry knows by itself.
var builtIn = map[string]string{
	"confluent/meta.proto": `syntax = "proto3"; package confluent; import "google/protobuf/descriptor.proto";
message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }
extend google.protobuf.FileOptions { Meta file_meta = 1088; } extend google.protobuf.MessageOptions { Meta message_meta = 1088; }
extend google.protobuf.FieldOptions { Meta field_meta = 1088; } extend google.protobuf.EnumOptions { Meta enum_meta = 1088; }
extend google.protobuf.EnumValueOptions { Meta enum_value_meta = 1088; }`,
	"confluent/type/decimal.proto": `syntax = "proto3"; package confluent.type; message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }`,
}

// message gives the message type of that name; "": the first one.
func (c *compiled) message(name string) (protoreflect.MessageDescriptor, error) {
	if name == "" {
		if c.file.Messages().Len() == 0 {
			return nil, errors.New("the schema has no message type")
		}
		return c.file.Messages().Get(0), nil
	}
	d, err := c.FindDescriptorByName(protoreflect.FullName(name))
	m, ok := d.(protoreflect.MessageDescriptor)
	if err != nil || !ok {
		return nil, fmt.Errorf("the schema has no message type %s", name)
	}
	return m, nil
}

// at gives the message type of a path: an index among the file's types, then among
// those within it.
func (c *compiled) at(path []int64) (protoreflect.MessageDescriptor, error) {
	types := c.file.Messages()
	var m protoreflect.MessageDescriptor
	for _, i := range path {
		if i < 0 || i >= int64(types.Len()) {
			return nil, fmt.Errorf("there is no message type at %v", path)
		}
		m = types.Get(int(i))
		types = m.Messages()
	}
	return m, nil
}

// maxPath bounds how deep message types lie within each other.
const maxPath = 64

// indexes takes the path of a message's type off it; nil: it is broken. The first
// type of the file is a zero byte alone.
func indexes(b []byte) (path []int64, rest []byte) {
	n, size := binary.Varint(b)
	if size <= 0 || n < 0 || n > maxPath {
		return nil, nil
	}
	b = b[size:]
	if n == 0 {
		return []int64{0}, b
	}
	path = make([]int64, n)
	for i := range path {
		if path[i], size = binary.Varint(b); size <= 0 {
			return nil, nil
		}
		b = b[size:]
	}
	return path, b
}

// appendIndexes appends the path of a message type.
func appendIndexes(dst []byte, m protoreflect.MessageDescriptor) []byte {
	var path []int
	var d protoreflect.Descriptor = m
	for ; ; d = d.Parent() {
		if _, ok := d.(protoreflect.MessageDescriptor); !ok {
			break
		}
		path = append([]int{d.Index()}, path...)
	}
	if len(path) == 1 && path[0] == 0 {
		return append(dst, 0)
	}
	dst = binary.AppendVarint(dst, int64(len(path)))
	for _, i := range path {
		dst = binary.AppendVarint(dst, int64(i))
	}
	return dst
}

type confluentDecoding struct {
	format.NoStream
	layout *cell.Layout
	client *registry.Client
	unset  absence
}

func newConfluentDecoding(cfg format.DecodeConfig) (format.Decoding, error) {
	d := &confluentDecoding{unset: absenceOf(cfg.Options)}
	var err error
	if d.layout, err = cell.NewLayout(cfg); err == nil {
		d.client, err = registry.New(cfg.Options, cfg.Env)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", confluentName, err)
	}
	return d, nil
}

// Trouble implements format.Waiting.
func (d *confluentDecoding) Trouble() string { return d.client.Trouble() }

// NewMessageDecoder implements format.Messages.
func (d *confluentDecoding) NewMessageDecoder(alloc memory.Allocator) format.MessageDecoder {
	rows := d.layout.NewRows(alloc)
	return &confluentDecoder{rows, registry.NewPlans(d.client, func(s *registry.Schema) (*typePlans, error) {
		c, err := compileRegistered(s)
		return &typePlans{id: s.ID, schema: c, unset: d.unset, rows: rows, byPath: map[string]*typePlan{}}, err
	})}
}

// typePlans reads the messages of one schema.
type typePlans struct {
	id       int
	schema   *compiled
	unset    absence
	rows     *cell.Rows
	byPath   map[string]*typePlan
	last     *typePlan
	lastPath string // its bytes
}

// typePlan reads the messages of one type, or says why they can't be read.
type typePlan struct {
	*plan
	misfit string
}

// of gives the plan of a path, whose bytes these are.
func (t *typePlans) of(path []int64, text []byte) *typePlan {
	if t.last != nil && string(text) == t.lastPath {
		return t.last
	}
	p := t.byPath[string(text)]
	if p == nil {
		p = &typePlan{}
		m, err := t.schema.at(path)
		if err == nil {
			p.plan, err = newPlan(m, t.rows, t.unset, true)
		}
		if err != nil {
			p.misfit = fmt.Sprintf("schema %d: %v", t.id, err)
		}
		t.byPath[string(text)] = p
	}
	t.last, t.lastPath = p, string(text)
	return p
}

// confluentDecoder decodes messages of any number of schemas into one batch.
type confluentDecoder struct {
	*cell.Rows
	plans *registry.Plans[*typePlans]
}

// Append implements format.MessageDecoder.
func (d *confluentDecoder) Append(buf []byte, spans []format.Span) error {
	return registry.Each(d.plans, d.Rows, buf, spans, func(t *typePlans, start, end, row int) {
		var body []byte
		var p *typePlan
		if end > start && buf[start] == 0 { // the common case
			body = buf[start+1 : end]
			p = t.of(firstPath, buf[start:start+1])
		} else {
			path, rest := indexes(buf[start:end])
			if path == nil {
				d.Bad(row, format.CodeMalformed, "the message does not name its type behind the schema's id")
				return
			}
			body = rest
			p = t.of(path, buf[start:end-len(rest)])
		}
		if p.misfit != "" {
			d.Bad(row, registry.CodeMismatch, p.misfit)
			return
		}
		p.read(d.Rows, body, row)
	})
}

var firstPath = []int64{0}

type confluentEncoding struct {
	encoding
	written *registry.Written
}

func newConfluentEncoding(cfg format.EncodeConfig) (format.Encoding, error) {
	e := &confluentEncoding{encoding: encoding{columns: catalog.RowOf(cfg.Columns...), upsert: cfg.Upsert, options: cfg.Options}}
	s, err := schemaToWrite(cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", confluentName, err)
	}
	c, err := compileRegistered(s)
	if err == nil {
		e.message, err = c.message(cfg.Options[optMessage])
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", confluentName, err)
	}
	client, err := registry.New(cfg.Options, cfg.Env)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", confluentName, err)
	}
	subject, err := registry.Subject(cfg.Options, cfg.Subject, cfg.Key, string(e.message.FullName()))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", confluentName, err)
	}
	e.written = &registry.Written{Client: client, Subject: subject, Schema: s, Find: !registry.Registers(cfg.Options)}
	_, err = messageWriter(e.message, e.columns, "")
	return e, err
}

// schemaToWrite gives the schema that options name, with what it imports, or that of
// the columns.
func schemaToWrite(cfg format.EncodeConfig) (*registry.Schema, error) {
	if cfg.Options[optFile] == "" {
		if cfg.Options[optMessage] != "" {
			return nil, fmt.Errorf("option '%s' needs '%s'", optMessage, optFile)
		}
		text, err := SchemaOf(cfg.Columns)
		return &registry.Schema{Type: registry.Protobuf, Text: text}, err
	}
	name, read := fileOf(cfg.Options, cfg.Env)
	c, err := compileText(name, read)
	if err != nil {
		return nil, fmt.Errorf("option '%s': %w", optFile, err)
	}
	return sourceOf(c.file, read)
}

// sourceOf gives the text of a file with those of what it imports.
func sourceOf(f protoreflect.FileDescriptor, read func(path string) (string, error)) (*registry.Schema, error) {
	text, err := read(f.Path())
	if err != nil {
		return nil, err
	}
	s := &registry.Schema{Type: registry.Protobuf, Text: text}
	for i := range f.Imports().Len() {
		imported := f.Imports().Get(i)
		if strings.HasPrefix(imported.Path(), "google/protobuf/") || builtIn[imported.Path()] != "" {
			continue
		}
		r, err := sourceOf(imported, read)
		if err != nil {
			return nil, err
		}
		s.References = append(s.References, registry.Reference{Name: imported.Path(), Schema: r})
	}
	return s, nil
}

// Trouble implements format.Waiting.
func (e *confluentEncoding) Trouble() string { return e.written.Client.Trouble() }

// NewMessageEncoder implements format.MessageEncoding.
func (e *confluentEncoding) NewMessageEncoder() format.MessageEncoder {
	return &confluentEncoder{e.writer(), e, appendIndexes(nil, e.message)}
}

type confluentEncoder struct {
	rows *writer
	from *confluentEncoding
	path []byte // of the message type
}

// AppendMessages implements format.MessageEncoder.
func (e *confluentEncoder) AppendMessages(dst []byte, spans []format.Span, b *connectors.Batch) ([]byte, []format.Span, error) {
	id, err := e.from.written.ID()
	if err != nil {
		return dst, spans, err
	}
	if err := e.rows.bindMembers(func(i int) arrow.Array { return b.Cols[i] }); err != nil {
		return dst, spans, err
	}
	return format.AppendRows(dst, spans, b, e.from.upsert, func(dst []byte, i int) ([]byte, error) {
		return e.rows.fields(append(registry.AppendHeader(dst, id), e.path...), i)
	})
}

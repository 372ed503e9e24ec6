package protobuf

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/cell"
)

const (
	optMessage    = "message-name"
	optFile       = "proto-file"
	optPath       = "import-path"
	optDescriptor = "descriptor-set"
	optNoDefaults = "absent-is-null"
	optDefaults   = "read-default-values"
	optNullText   = "write-null-string-literal"
)

// rowOptions are the options of how messages stand for rows.
func rowOptions() []catalog.OptionSpec {
	return []catalog.OptionSpec{
		{Name: optNoDefaults, Type: catalog.OptionBool, Default: "false", Source: true,
			Doc: "A field without presence (proto3's plain fields) that is not in a message is NULL, not the default of its type."},
		{Name: optDefaults, Type: catalog.OptionBool, Default: "false", Source: true,
			Doc: "A field with presence (of proto2, or optional) that is not in a message is its default, not NULL; messages, and fields of a oneof, stay NULL."},
		{Name: optNullText, Sink: true,
			Doc: "The text that is written for NULL in an ARRAY or MAP of STRING. Without it such a row can't be written: see 'on-error'."},
		catalog.IgnoreParseErrors(),
	}
}

// Format gives the format.
func Format() *format.Format {
	return &format.Format{
		MessagesOnly: true,
		Spec: &catalog.ConnectorSpec{
			Name: "protobuf",
			Doc:  "Protocol Buffers: a message per record, of a type from a .proto file or a descriptor set. Columns are taken by the names of the fields, others are passed over.",
			Options: append([]catalog.OptionSpec{
				{Name: optMessage, Required: true, Source: true, Sink: true, Doc: "The full name of the message type: package.Message."},
				{Name: optFile, Source: true, Sink: true, Doc: "The .proto file that has the type."},
				{Name: optPath, Source: true, Sink: true, Doc: "The directory that imports of the .proto file are relative to. Default: that of the file."},
				{Name: optDescriptor, Source: true, Sink: true, Doc: "A file with a serialized FileDescriptorSet (protoc --include_imports --descriptor_set_out) in place of a .proto file."},
				catalog.Refused("message-class-name", "there are no Java classes here", "'protobuf.message-name' is the message type, package.Message, and 'protobuf.proto-file' its file"),
			}, rowOptions()...),
		},
		Decode: newDecoding,
		Encode: newEncoding,
		Infer: func(cfg format.InferConfig) ([]catalog.Field, error) {
			m, err := messageType(cfg.Options, cfg.Env)
			if err != nil {
				return nil, err
			}
			return Fields(m)
		},
	}
}

// messageType finds the type that options name.
func messageType(o catalog.Options, env connectors.Env) (protoreflect.MessageDescriptor, error) {
	var find func(protoreflect.FullName) (protoreflect.Descriptor, error)
	switch {
	case (o[optFile] == "") == (o[optDescriptor] == ""):
		return nil, fmt.Errorf("protobuf: one of the options 'protobuf.%s' and 'protobuf.%s' must be given", optFile, optDescriptor)
	case o[optDescriptor] != "":
		b, err := env.ReadFile(o[optDescriptor])
		if err != nil {
			return nil, fmt.Errorf("option 'protobuf.%s': %w", optDescriptor, err)
		}
		var set descriptorpb.FileDescriptorSet
		if err := proto.Unmarshal(b, &set); err != nil {
			return nil, fmt.Errorf("option 'protobuf.%s': %s is no descriptor set: %w", optDescriptor, o[optDescriptor], err)
		}
		files, err := protodesc.NewFiles(&set)
		if err != nil {
			return nil, fmt.Errorf("option 'protobuf.%s': %w", optDescriptor, err)
		}
		find = files.FindDescriptorByName
	default:
		files, err := compile(o, env)
		if err != nil {
			return nil, err
		}
		find = files.FindDescriptorByName
	}
	d, err := find(protoreflect.FullName(o[optMessage]))
	if err != nil {
		return nil, fmt.Errorf("option 'protobuf.%s': there is no message type %s", optMessage, o[optMessage])
	}
	m, ok := d.(protoreflect.MessageDescriptor)
	if !ok {
		return nil, fmt.Errorf("option 'protobuf.%s': %s is no message type", optMessage, o[optMessage])
	}
	return m, nil
}

// resolver finds what compiled files define.
type resolver interface {
	FindDescriptorByName(protoreflect.FullName) (protoreflect.Descriptor, error)
}

// compile compiles the .proto file and what it imports.
func compile(o catalog.Options, env connectors.Env) (resolver, error) {
	name, read := fileOf(o, env)
	f, err := compileText(name, read)
	if err != nil {
		return nil, fmt.Errorf("option 'protobuf.%s': %w", optFile, err)
	}
	return f, nil
}

// fileOf gives the name of the .proto file of options as imports name it, and what
// reads it and those that it imports.
func fileOf(o catalog.Options, env connectors.Env) (name string, read func(path string) (string, error)) {
	name, dir := o[optFile], o[optPath]
	if dir == "" {
		if i := strings.LastIndexByte(name, '/'); i >= 0 {
			dir, name = name[:i], name[i+1:]
		}
	} else {
		name = strings.TrimPrefix(strings.TrimPrefix(name, strings.TrimSuffix(dir, "/")), "/")
	}
	return name, func(path string) (string, error) {
		if dir != "" {
			path = strings.TrimSuffix(dir, "/") + "/" + path
		}
		b, err := env.ReadFile(path)
		return string(b), err
	}
}

// compileText compiles a .proto file and what it imports, which read gives.
func compileText(name string, read func(path string) (string, error)) (*compiled, error) {
	c := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
		Accessor: func(path string) (io.ReadCloser, error) {
			text, err := read(path)
			return io.NopCloser(strings.NewReader(text)), err
		},
	})}
	files, err := c.Compile(context.Background(), name)
	if err != nil {
		return nil, err
	}
	return &compiled{files.AsResolver(), files[0]}, nil
}

// compiled is a .proto file with what it imports.
type compiled struct {
	resolver
	file protoreflect.FileDescriptor
}

type decoding struct {
	format.NoStream
	layout  *cell.Layout
	message protoreflect.MessageDescriptor
	unset   absence
}

func newDecoding(cfg format.DecodeConfig) (format.Decoding, error) {
	layout, err := cell.NewLayout(cfg)
	if err != nil {
		return nil, fmt.Errorf("protobuf: %w", err)
	}
	d := &decoding{layout: layout, unset: absenceOf(cfg.Options)}
	if d.message, err = messageType(cfg.Options, cfg.Env); err != nil {
		return nil, err
	}
	_, err = newPlan(d.message, layout.NewRows(memory.DefaultAllocator), d.unset, false)
	return d, err
}

// NewMessageDecoder implements format.Messages.
func (d *decoding) NewMessageDecoder(alloc memory.Allocator) format.MessageDecoder {
	rows := d.layout.NewRows(alloc)
	p, err := newPlan(d.message, rows, d.unset, false)
	if err != nil {
		panic("protobuf: a plan that was made before can't be made again: " + err.Error())
	}
	return &decoder{rows, p}
}

type decoder struct {
	*cell.Rows
	plan *plan
}

// Append implements format.MessageDecoder.
func (d *decoder) Append(buf []byte, spans []format.Span) error {
	return d.Messages(spans, func(s format.Span, row int) error {
		d.plan.read(d.Rows, s.Of(buf), row)
		return nil
	})
}

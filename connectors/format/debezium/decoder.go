package debezium

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/json"
	"github.com/streamsql/streamsql/connectors/format/ndjson"
)

// The codes of records that are no change that can be told as rows.
const (
	codeNoImage   = "NO_IMAGE"
	codeUnknownOp = "UNKNOWN_OP"
)

type decoding struct {
	format.Lines
	rows   *ndjson.Objects
	schema bool
}

func newDecoding(cfg format.DecodeConfig) (format.Decoding, error) {
	rows, err := ndjson.CompileObjects(cfg)
	if err != nil {
		return nil, err
	}
	return &decoding{rows: rows, schema: cfg.Options.Bool(optSchema)}, nil
}

// Headed implements format.Decoding.
func (*decoding) Headed() bool { return false }

// Stream implements format.Decoding.
func (d *decoding) Stream([]byte) (format.Stream, bool, error) { return d, false, nil }

// NewDecoder implements format.Stream.
func (d *decoding) NewDecoder(alloc memory.Allocator) format.Decoder {
	return &format.LineMessages{Messages: d.NewMessageDecoder(alloc)}
}

// NewMessageDecoder implements format.Messages.
func (d *decoding) NewMessageDecoder(alloc memory.Allocator) format.MessageDecoder {
	return &decoder{
		Rows: d.rows.NewRows(alloc), schema: d.schema,
		outer: json.NewMembers("payload"), inner: json.NewMembers("before", "after", "op"),
	}
}

// decoder decodes a change per message.
type decoder struct {
	*ndjson.Rows
	schema       bool
	outer, inner *json.Members
	payload      [1]json.Range
	found        [3]json.Range
}

// Append implements format.MessageDecoder.
func (d *decoder) Append(buf []byte, spans []format.Span) error {
	return d.Records(buf, spans, d.change)
}

// change decodes the record buf[at.Start:at.End].
func (d *decoder) change(buf []byte, at json.Range) error {
	if d.schema {
		if !d.outer.Find(buf, at, d.payload[:]) {
			return d.Bad(format.CodeMalformed, "malformed record")
		}
		if at = d.payload[0]; !at.Found() {
			return d.Bad(format.CodeMalformed, "the record has no member payload; 'debezium-json.schema-include' = 'true' asks for one")
		}
		if isNull(buf, at) { // a tombstone
			return nil
		}
	}
	if !d.inner.Find(buf, at, d.found[:]) {
		return d.Bad(format.CodeMalformed, "malformed record")
	}
	before, after := d.found[0], d.found[1]
	op, ok := d.inner.Text(buf, d.found[2])
	if !ok {
		if !d.found[2].Found() && !d.schema {
			if d.outer.Find(buf, at, d.payload[:]) && d.payload[0].Found() {
				return d.Bad(format.CodeMalformed, "the record has no member op, but a payload; set 'debezium-json.schema-include' = 'true'")
			}
		}
		return d.Bad(format.CodeMalformed, "the record has no member op with a text")
	}
	switch string(op) {
	case "c", "r":
		return d.image(buf, after, "after", string(op), catalog.Insert)
	case "u":
		if !present(buf, before) {
			return d.missing("before", "u")
		}
		if !present(buf, after) {
			return d.missing("after", "u")
		}
		if err := d.Row(buf, before.Start, before.End, catalog.UpdateBefore); err != nil {
			return err
		}
		return d.Row(buf, after.Start, after.End, catalog.UpdateAfter)
	case "d":
		return d.image(buf, before, "before", "d", catalog.Delete)
	case "m":
		return nil
	}
	return d.Bad(codeUnknownOp, fmt.Sprintf("op %.20q is none of c, r, u, d", op))
}

// image adds the row of the only image that counts.
func (d *decoder) image(buf []byte, at json.Range, name, op string, kind catalog.RowKind) error {
	if !present(buf, at) {
		return d.missing(name, op)
	}
	return d.Row(buf, at.Start, at.End, kind)
}

func (d *decoder) missing(name, op string) error {
	detail := fmt.Sprintf("op %s has no image %q of the row", op, name)
	if name == "before" {
		detail += "; a PostgreSQL table needs REPLICA IDENTITY FULL"
	}
	return d.Bad(codeNoImage, detail)
}

func isNull(buf []byte, at json.Range) bool { return string(at.Of(buf)) == "null" }

func present(buf []byte, at json.Range) bool { return at.Found() && !isNull(buf, at) }

var _ interface {
	format.Decoding
	format.Messages
} = (*decoding)(nil)

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
	rows     *ndjson.Objects
	schema   bool
	metadata []string // columns
}

func newDecoding(cfg format.DecodeConfig) (format.Decoding, error) {
	rows, err := ndjson.CompileObjects(cfg)
	if err != nil {
		return nil, err
	}
	return &decoding{rows: rows, schema: cfg.Options.Bool(optSchema), metadata: cfg.Metadata}, nil
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
	members := names[:inOp+1]
	if d.metadata != nil {
		members = names[:]
	}
	out := &decoder{
		Rows: d.rows.NewRows(alloc), schema: d.schema,
		outer: json.NewMembers("payload", "schema"), inner: json.NewMembers(members...),
	}
	out.Describe(d.metadata, metadataColumns(), alloc, out)
	return out
}

// The members of a change, by their place in decoder.found; the last two are for
// metadata columns only.
const (
	inBefore = iota
	inAfter
	inOp
	inTime
	inSource
)

var names = [...]string{inBefore: "before", inAfter: "after", inOp: "op", inTime: "ts_ms", inSource: "source"}

// decoder decodes a change per message.
type decoder struct {
	*ndjson.Rows
	schema       bool
	outer, inner *json.Members
	envelope     [2]json.Range // payload, schema
	found        [len(names)]json.Range
	source       sourceMembers
}

// Append implements format.MessageDecoder.
func (d *decoder) Append(buf []byte, spans []format.Span) error {
	return d.Records(buf, spans, d.change)
}

// change decodes the record buf[at.Start:at.End].
func (d *decoder) change(buf []byte, at json.Range) error {
	clear(d.envelope[:])
	clear(d.found[:])
	d.source.known = false
	if d.schema {
		if !d.outer.Find(buf, at, d.envelope[:]) {
			return d.Bad(format.CodeMalformed, "malformed record")
		}
		if at = d.envelope[0]; !at.Found() {
			return d.Bad(format.CodeMalformed, "the record has no member payload; 'debezium-json.schema-include' = 'true' asks for one")
		}
		if ndjson.IsNull(buf, at) { // a tombstone
			return nil
		}
	}
	if !d.inner.Find(buf, at, d.found[:]) {
		return d.Bad(format.CodeMalformed, "malformed record")
	}
	before, after := d.found[inBefore], d.found[inAfter]
	op, ok := d.inner.Text(buf, d.found[inOp])
	if !ok {
		if !d.schema && !d.found[inOp].Found() {
			if d.outer.Find(buf, at, d.envelope[:]) && d.envelope[0].Found() {
				return d.Bad(format.CodeMalformed, "the record has no member op, but a payload; set 'debezium-json.schema-include' = 'true'")
			}
		}
		return d.Bad(format.CodeMalformed, "the record has no member op with a text")
	}
	switch string(op) {
	case "c", "r":
		return d.image(buf, after, "after", string(op), catalog.Insert)
	case "u":
		if ndjson.IsNull(buf, before) {
			return d.missing("before", "u")
		}
		if ndjson.IsNull(buf, after) {
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
	if ndjson.IsNull(buf, at) {
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

var _ interface {
	format.Decoding
	format.Messages
} = (*decoding)(nil)

package canal

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"

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
	rows            *ndjson.Objects
	database, table *regexp.Regexp // nil: any
	metadata        []string       // columns
}

func newDecoding(cfg format.DecodeConfig) (format.Decoding, error) {
	d := &decoding{metadata: cfg.Metadata}
	var err error
	if d.database, err = pattern(cfg.Options, optDatabase); err != nil {
		return nil, err
	}
	if d.table, err = pattern(cfg.Options, optTable); err != nil {
		return nil, err
	}
	cfg.Options = quoted(cfg.Options)
	d.rows, err = ndjson.CompileObjects(cfg)
	return d, err
}

// quoted are the options of rows whose numbers stand in strings.
func quoted(o catalog.Options) catalog.Options {
	o = maps.Clone(o)
	o[ndjson.OptQuotedNumbers] = "true"
	return o
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
	members := names[:table+1]
	if d.metadata != nil {
		members = names[:]
	}
	out := &decoder{decoding: d, Rows: d.rows.NewRows(alloc), members: json.NewMembers(members...)}
	out.Describe(d.metadata, metadataColumns(), alloc, out)
	return out
}

// The members of a record, by their place in decoder.found; those behind table are for
// metadata columns only.
const (
	data = iota
	old
	kind
	isDDL
	database
	table
	sqlType
	pkNames
	sentAt
	changedAt
)

var names = [...]string{data: "data", old: "old", kind: "type", isDDL: "isDdl", database: "database", table: "table",
	sqlType: "sqlType", pkNames: "pkNames", sentAt: "ts", changedAt: "es"}

// decoder decodes the changes of a message.
type decoder struct {
	*decoding
	*ndjson.Rows
	members   *json.Members
	found     [len(names)]json.Range
	rowsAt    []json.Range // of data
	oldsAt    []json.Range // of old
	composite []byte       // the text of an old row
}

// Append implements format.MessageDecoder.
func (d *decoder) Append(buf []byte, spans []format.Span) error {
	return d.Records(buf, spans, d.changes)
}

// changes decodes the record buf[at.Start:at.End].
func (d *decoder) changes(buf []byte, at json.Range) error {
	clear(d.found[:])
	if !d.members.Find(buf, at, d.found[:]) {
		return d.Bad(format.CodeMalformed, "malformed record")
	}
	for _, c := range [...]struct {
		member int
		re     *regexp.Regexp
	}{{database, d.database}, {table, d.table}} {
		if c.re == nil {
			continue
		}
		if name, ok := d.members.Text(buf, d.found[c.member]); !ok || !c.re.Match(name) {
			return nil
		}
	}
	text, ok := d.members.Text(buf, d.found[kind])
	if !ok {
		return d.Bad(format.CodeMalformed, "the record has no member type with a text")
	}
	switch string(text) {
	case "INSERT":
		return d.each(buf, "INSERT", catalog.Insert)
	case "DELETE":
		return d.each(buf, "DELETE", catalog.Delete)
	case "UPDATE":
		return d.updates(buf)
	case "TRUNCATE":
		return d.Bad(codeUnknownOp, "TRUNCATE does not say which rows it takes away")
	case "CREATE", "QUERY":
		return nil
	}
	if string(d.found[isDDL].Of(buf)) == "true" {
		return nil
	}
	return d.Bad(codeUnknownOp, fmt.Sprintf("type %.20q is none of INSERT, UPDATE, DELETE", text))
}

// data finds the elements of data; false: the record is bad, and has its row.
func (d *decoder) data(buf []byte, op string) (bool, error) {
	if at := d.found[data]; !at.Found() || string(at.Of(buf)) == "null" {
		return false, d.Bad(codeNoImage, fmt.Sprintf("%s has no array data", op))
	}
	var ok bool
	if d.rowsAt, ok = d.members.Elements(d.rowsAt[:0], buf, d.found[data]); !ok {
		return false, d.Bad(format.CodeMalformed, "data is no array")
	}
	return true, nil
}

// each adds a row of one kind for each element of data.
func (d *decoder) each(buf []byte, op string, kind catalog.RowKind) error {
	if ok, err := d.data(buf, op); !ok {
		return err
	}
	for _, r := range d.rowsAt {
		if err := d.Row(buf, r.Start, r.End, kind); err != nil {
			return err
		}
	}
	return nil
}

// updates adds the old and the new row for each element of data.
func (d *decoder) updates(buf []byte) error {
	if ok, err := d.data(buf, "UPDATE"); !ok {
		return err
	}
	var ok bool
	if d.oldsAt, ok = d.members.Elements(d.oldsAt[:0], buf, d.found[old]); !ok {
		return d.Bad(codeNoImage, "UPDATE has no array old")
	}
	if len(d.oldsAt) != len(d.rowsAt) {
		return d.Bad(format.CodeMalformed, fmt.Sprintf("data has %d rows, old has %d", len(d.rowsAt), len(d.oldsAt)))
	}
	for i, r := range d.rowsAt {
		d.composite = before(d.composite[:0], r.Of(buf), d.oldsAt[i].Of(buf))
		if err := d.Row(d.composite, 0, len(d.composite), catalog.UpdateBefore); err != nil {
			return err
		}
		if err := d.Row(buf, r.Start, r.End, catalog.UpdateAfter); err != nil {
			return err
		}
	}
	return nil
}

// before appends the object of the old row: that of the new one, with the members
// of old behind, which replace those of the same name. What is no object is left
// to the decoder of rows to find.
func before(dst, row, old []byte) []byte {
	inner := bytes.TrimSpace(old)
	switch {
	case string(inner) == "null" || len(inner) >= 2 && len(bytes.TrimSpace(inner[1:len(inner)-1])) == 0:
		return append(dst, row...)
	case inner[0] != '{':
		return append(dst, old...)
	}
	dst = append(dst, bytes.TrimSuffix(row, []byte{'}'})...)
	if len(bytes.TrimSpace(row)) > 2 && row[0] == '{' && len(bytes.TrimSpace(row[1:len(row)-1])) > 0 {
		dst = append(dst, ',')
	}
	return append(dst, inner[1:]...)
}

package ndjson

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/json"
)

// decoding is both the compiled format and its only kind of stream.
type decoding struct {
	format.Lines
	Objects
	upsert bool
}

func newDecoding(cfg format.DecodeConfig) (format.Decoding, error) {
	opts := json.Options{
		ValidateAll: cfg.ValidateAll, QuotedNumbers: cfg.Options.Bool(OptQuotedNumbers), MaxRecordBytes: cfg.MaxRecordBytes,
		TimestampFormat: timestampFormat(cfg.Options), FailOnMissing: cfg.Options.Bool(optFailOnMissing),
	}
	d := &decoding{upsert: cfg.Upsert}
	d.max = cfg.MaxRecordBytes
	fields := cfg.Columns
	var err error
	if cfg.ValidateAll {
		if d.picks, err = format.NewProjection(cfg); err != nil {
			return nil, fmt.Errorf("json: %w", err)
		}
		fields = cfg.Declared
	}
	if d.schema, err = json.Compile(fields, opts); err != nil {
		return nil, err
	}
	return d, nil
}

// Headed implements format.Decoding.
func (*decoding) Headed() bool { return false }

// Stream implements format.Decoding.
func (d *decoding) Stream([]byte) (format.Stream, bool, error) { return d, false, nil }

// NewDecoder implements format.Stream.
func (d *decoding) NewDecoder(alloc memory.Allocator) format.Decoder {
	return &decoder{d, json.NewDecoder(d.schema, alloc)}
}

type decoder struct {
	*decoding
	lines *json.Decoder
}

// Decode implements format.Decoder.
func (d *decoder) Decode(run []byte, n int) (*connectors.Records, error) {
	if used := d.lines.DecodeLines(run, n); len(bytes.Trim(run[used:], " \t\r\n")) > 0 {
		d.lines.Release()
		return nil, fmt.Errorf("json: %d bytes of records were left", len(run)-used)
	}
	b := d.lines.Finish()
	recs := &connectors.Records{N: b.Rows, Cols: b.Columns}
	for _, e := range b.Errors {
		recs.Errors = append(recs.Errors, d.cellError(b.Record(run, int(e.Row)), e))
	}
	if d.picks != nil {
		d.picks.Apply(recs)
	}
	return recs, nil
}

// codes are the public names of the decoder's errors.
var codes = map[json.ErrorCode]string{
	json.ErrMalformed: format.CodeMalformed, json.ErrTooDeep: format.CodeMalformed, json.ErrTooLong: format.CodeMalformed,
	json.ErrExtraMember: "BAD_MEMBER", json.ErrType: "WRONG_TYPE", json.ErrLiteral: "BAD_LITERAL", json.ErrRange: "OUT_OF_RANGE",
	json.ErrNotInteger: "BAD_NUMBER", json.ErrEscape: "BAD_STRING", json.ErrControl: "BAD_STRING", json.ErrUTF8: "BAD_UTF8",
	json.ErrFormat: "BAD_FORMAT", json.ErrTooManyCharacters: "TOO_LONG", json.ErrNull: "NOT_NULL", json.ErrMissing: "MISSING_FIELD",
}

// cellError makes the public form of an error in a record.
func (d *Objects) cellError(record []byte, e json.CellError) connectors.CellError {
	out := connectors.CellError{Row: e.Row, Col: e.Col, Code: codes[e.Code], Column: d.schema.Path(e), Detail: d.schema.Describe(e)}
	switch {
	case e.Code == json.ErrTooLong:
		out.Detail = format.TooLong(d.max)
	case e.Code == json.ErrMalformed && bytes.HasPrefix(bytes.TrimLeft(record, " \t\r"), []byte("[")):
		out.Detail = d.schema.Describe(e) + ": an array, where a record is one object"
	case e.Col >= 0:
		out.Detail = excerpt(record, int(e.Offset)) + d.schema.Describe(e)
	}
	if e.Code == json.ErrFormat && e.Col >= 0 && d.schema.Columns()[e.Col].Type.IsTimestamp() {
		out.Code = "BAD_TIMESTAMP"
	}
	return out
}

// excerptBytes is how much of a value an error shows.
const excerptBytes = 40

// excerpt shows the start of the value at a place of a record.
func excerpt(record []byte, at int) string {
	if at >= len(record) {
		return ""
	}
	var v stdjson.RawMessage
	if stdjson.NewDecoder(bytes.NewReader(record[at:])).Decode(&v) != nil || !utf8.Valid(v) {
		return ""
	}
	if len(v) <= excerptBytes {
		return string(v) + ": "
	}
	end := excerptBytes
	for !utf8.RuneStart(v[end]) {
		end--
	}
	return string(v[:end]) + "...: "
}

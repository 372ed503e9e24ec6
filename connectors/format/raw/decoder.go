package raw

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow/memory"
	texts "golang.org/x/text/encoding"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/columns"
)

// decoding is the format compiled for its column. The column may be one that no
// query reads: then a record is a row without columns.
type decoding struct {
	lines
	column catalog.Field
	out    int16 // CellError.Col; NotRead: the column is checked only
	wanted int   // 0 or 1 columns
	order  binary.ByteOrder
	text   texts.Encoding // of STRING; nil: UTF-8
	max    int
	upsert bool
}

func newDecoding(cfg format.DecodeConfig) (format.Decoding, error) {
	if cfg.Declared == nil {
		cfg.Declared = cfg.Columns
	}
	if err := check(cfg.Declared); err != nil {
		return nil, err
	}
	d := &decoding{
		column: cfg.Declared[0], out: format.NotRead, wanted: len(cfg.Columns), order: byteOrder(cfg.Options),
		max: cfg.MaxRecordBytes, upsert: cfg.Upsert,
	}
	if d.wanted > 0 {
		d.out = 0
	}
	if d.column.Type.Kind == catalog.KindString {
		d.text = charsets[cfg.Options[optCharset]]
	}
	return d, nil
}

// Headed implements format.Decoding.
func (*decoding) Headed() bool { return false }

// Stream implements format.Decoding.
func (d *decoding) Stream([]byte) (format.Stream, bool, error) {
	return d, false, inFile(d.column.Type, d.text)
}

// NewDecoder implements format.Stream.
func (d *decoding) NewDecoder(alloc memory.Allocator) format.Decoder {
	return &lineDecoder{d.newDecoder(alloc)}
}

// NewMessageDecoder implements format.Messages.
func (d *decoding) NewMessageDecoder(alloc memory.Allocator) format.MessageDecoder {
	return d.newDecoder(alloc)
}

// decoder makes a column of messages.
type decoder struct {
	*decoding
	col   *columns.Column
	tally format.Tally
	errs  []connectors.CellError
	bytes int
	chars *converter // nil: UTF-8
}

func (d *decoding) newDecoder(alloc memory.Allocator) *decoder {
	made := &decoder{decoding: d, col: columns.New(d.column.Type, alloc)}
	if d.text != nil {
		made.chars = decoderOf(d.text)
	}
	return made
}

// Append implements format.MessageDecoder.
func (d *decoder) Append(buf []byte, spans []format.Span) error {
	for _, s := range spans {
		if !d.value(s.Of(buf), s.IsNull()) {
			return format.ErrTooMuchText
		}
	}
	return nil
}

// value adds a record. It gives false if the batch can't take its bytes.
func (d *decoder) value(v []byte, null bool) bool {
	d.bytes += len(v)
	if d.bytes > math.MaxInt32 {
		return false
	}
	row := d.tally.Rows()
	d.tally.Record()
	kind := catalog.Insert
	if null && d.upsert {
		kind = catalog.Delete
	}
	d.tally.Row(kind)
	switch {
	case kind == catalog.Delete:
	case null && d.column.NotNull:
		d.fail(row, "NOT_NULL", "NULL in a NOT NULL column")
	case null:
	case d.max > 0 && len(v) > d.max:
		d.errs = append(d.errs, connectors.CellError{Row: int32(row), Col: -1, Code: format.CodeMalformed, Detail: format.TooLong(d.max)})
	default:
		d.put(row, v)
	}
	return true
}

func (d *decoder) fail(row int, code, detail string) {
	d.errs = append(d.errs, connectors.CellError{Row: int32(row), Col: d.out, Code: code, Column: d.column.Name, Detail: detail})
}

// put writes a value.
func (d *decoder) put(row int, v []byte) {
	t := d.column.Type
	if n := width(t); n > 0 && len(v) != n {
		d.fail(row, "WRONG_LENGTH", fmt.Sprintf("%d bytes, where %s has %d", len(v), t, n))
		return
	}
	switch t.Kind {
	case catalog.KindString:
		if d.chars != nil {
			text, err := d.chars.convert(v)
			if err != nil {
				d.fail(row, "BAD_STRING", err.Error()+" in its charset")
				return
			}
			d.bytes += len(text) // at most: it may be longer in UTF-8
			v = text
		}
		switch {
		case !utf8.Valid(v):
			d.fail(row, "BAD_UTF8", "invalid UTF-8")
		case t.Precision > 0 && len(v) > t.Precision && utf8.RuneCount(v) > t.Precision:
			d.fail(row, "TOO_LONG", fmt.Sprintf("%d characters, where %s has %d", utf8.RuneCount(v), t, t.Precision))
		default:
			d.col.PutBytes(row, v)
		}
	case catalog.KindBytes:
		d.col.PutBytes(row, v)
	case catalog.KindBoolean:
		d.col.PutBool(row, v[0] != 0)
	case catalog.KindTinyInt:
		d.col.PutInt8(row, int8(v[0]))
	case catalog.KindSmallInt:
		d.col.PutInt16(row, int16(d.order.Uint16(v)))
	case catalog.KindInt:
		d.col.PutInt32(row, int32(d.order.Uint32(v)))
	case catalog.KindBigInt:
		d.col.PutInt64(row, int64(d.order.Uint64(v)))
	case catalog.KindFloat:
		d.col.PutFloat32(row, math.Float32frombits(d.order.Uint32(v)))
	case catalog.KindDouble:
		d.col.PutFloat64(row, math.Float64frombits(d.order.Uint64(v)))
	}
}

// Finish implements format.MessageDecoder.
func (d *decoder) Finish() (*connectors.Records, error) {
	recs := &connectors.Records{Errors: d.errs}
	d.tally.Finish(recs)
	if d.wanted > 0 {
		recs.Cols = append(recs.Cols, d.col.Finish(recs.N))
	} else {
		d.col.Release()
	}
	d.errs, d.bytes = nil, 0
	return recs, nil
}

// Release implements format.MessageDecoder.
func (d *decoder) Release() {
	d.col.Release()
	d.tally, d.errs, d.bytes = format.Tally{}, nil, 0
}

// lineDecoder takes the records from lines.
type lineDecoder struct{ *decoder }

// Decode implements format.Decoder.
func (d *lineDecoder) Decode(run []byte, n int) (*connectors.Records, error) {
	for range n {
		line := run
		if i := bytes.IndexByte(run, '\n'); i >= 0 {
			line, run = run[:i+1], run[i+1:]
		}
		if !d.value(format.TrimLineEnd(line), false) {
			d.Release()
			return nil, format.ErrTooMuchText
		}
	}
	return d.Finish()
}

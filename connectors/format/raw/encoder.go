package raw

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	texts "golang.org/x/text/encoding"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// encoding writes the only column.
type encoding struct {
	column catalog.Field
	order  binary.AppendByteOrder
	text   texts.Encoding // of STRING; nil: UTF-8
	upsert bool
}

func newEncoding(cfg format.EncodeConfig) (format.Encoding, error) {
	if err := check(cfg.Columns); err != nil {
		return nil, err
	}
	e := &encoding{column: cfg.Columns[0], order: byteOrder(cfg.Options).(binary.AppendByteOrder), upsert: cfg.Upsert}
	if e.column.Type.Kind == catalog.KindString {
		e.text = charsets[cfg.Options[optCharset]]
	}
	return e, nil
}

// Header implements format.Encoding.
func (*encoding) Header() []byte { return nil }

// NewEncoder implements format.Encoding.
func (e *encoding) NewEncoder() format.Encoder { return e.encoder() }

// NewMessageEncoder implements format.MessageEncoding.
func (e *encoding) NewMessageEncoder() format.MessageEncoder { return e.encoder() }

// encoder belongs to one goroutine.
type encoder struct {
	*encoding
	chars *converter // nil: UTF-8
	in    []byte
}

func (e *encoding) encoder() *encoder {
	made := &encoder{encoding: e}
	if e.text != nil {
		made.chars = encoderOf(e.text)
	}
	return made
}

// Append implements format.Encoder. NULL is an empty line; a value with a line end would
// be several.
func (e *encoder) Append(dst []byte, b *connectors.Batch) ([]byte, error) {
	if err := inFile(e.column.Type, e.text); err != nil {
		return dst, err
	}
	var refused connectors.RefusedRows
	for i := range b.N {
		from := len(dst)
		if b.Cols[0].IsValid(i) {
			var err error
			if dst, err = e.append(dst, b.Cols[0], i); err != nil {
				dst = dst[:from]
				format.Refuse(&refused, i, err)
				continue
			}
		}
		if bytes.IndexByte(dst[from:], '\n') >= 0 {
			dst = dst[:from]
			format.Refuse(&refused, i, format.Unwritable(format.CodeFormat, e.column.Name, "a line can't hold a line end"))
			continue
		}
		dst = append(dst, '\n')
	}
	return dst, format.Refused(refused)
}

// AppendMessages implements format.MessageEncoder. NULL has no value.
func (e *encoder) AppendMessages(dst []byte, spans []format.Span, b *connectors.Batch) ([]byte, []format.Span, error) {
	if want := e.column.Type.Arrow(); b.Cols[0].DataType().ID() != want.ID() {
		return dst, spans, fmt.Errorf("raw: an array of %s for a column of %s", b.Cols[0].DataType(), e.column.Type)
	}
	var refused connectors.RefusedRows
	for i := range b.N {
		if b.Cols[0].IsNull(i) || e.upsert && b.Kinds != nil && !b.Kinds[i].Adds() {
			spans = append(spans, format.NoValue)
			continue
		}
		from := len(dst)
		var err error
		if dst, err = e.append(dst, b.Cols[0], i); err != nil {
			format.Refuse(&refused, i, err)
			dst, spans = dst[:from], append(spans, format.NoValue)
			continue
		}
		if len(dst) > math.MaxInt32 {
			return dst, spans, format.ErrTooMuchText
		}
		spans = append(spans, format.Span{Start: int32(from), End: int32(len(dst))})
	}
	return dst, spans, format.Refused(refused)
}

// append writes a value. Its error is one of the row: a text that the charset has no
// place for.
func (e *encoder) append(dst []byte, a arrow.Array, i int) ([]byte, error) {
	switch a := a.(type) {
	case *array.String:
		if e.chars == nil {
			return append(dst, a.Value(i)...), nil
		}
		e.in = append(e.in[:0], a.Value(i)...)
		out, err := e.chars.convert(e.in)
		if err != nil {
			return dst, format.Unwritable(format.CodeFormat, e.column.Name, "a character that its '%s' does not have", optCharset)
		}
		return append(dst, out...), nil
	case *array.Binary:
		return append(dst, a.Value(i)...), nil
	case *array.Boolean:
		if a.Value(i) {
			return append(dst, 1), nil
		}
		return append(dst, 0), nil
	case *array.Int8:
		return append(dst, byte(a.Value(i))), nil
	case *array.Int16:
		return e.order.AppendUint16(dst, uint16(a.Value(i))), nil
	case *array.Int32:
		return e.order.AppendUint32(dst, uint32(a.Value(i))), nil
	case *array.Int64:
		return e.order.AppendUint64(dst, uint64(a.Value(i))), nil
	case *array.Float32:
		return e.order.AppendUint32(dst, math.Float32bits(a.Value(i))), nil
	case *array.Float64:
		return e.order.AppendUint64(dst, math.Float64bits(a.Value(i))), nil
	}
	return dst, nil
}

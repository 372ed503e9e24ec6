package raw

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// encoding writes the only column.
type encoding struct {
	column catalog.Field
	order  binary.AppendByteOrder
	upsert bool
}

func newEncoding(cfg format.EncodeConfig) (format.Encoding, error) {
	if err := check(cfg.Columns); err != nil {
		return nil, err
	}
	return &encoding{cfg.Columns[0], byteOrder(cfg.Options).(binary.AppendByteOrder), cfg.Upsert}, nil
}

// Header implements format.Encoding.
func (*encoding) Header() []byte { return nil }

// NewEncoder implements format.Encoding.
func (e *encoding) NewEncoder() format.Encoder { return e }

// NewMessageEncoder implements format.MessageEncoding.
func (e *encoding) NewMessageEncoder() format.MessageEncoder { return e }

// Append implements format.Encoder. NULL is an empty line; a value with a line end would
// be several.
func (e *encoding) Append(dst []byte, b *connectors.Batch) ([]byte, error) {
	if err := inFile(e.column.Type); err != nil {
		return dst, err
	}
	var refused connectors.RefusedRows
	for i := range b.N {
		from := len(dst)
		if b.Cols[0].IsValid(i) {
			dst = e.append(dst, b.Cols[0], i)
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
func (e *encoding) AppendMessages(dst []byte, spans []format.Span, b *connectors.Batch) ([]byte, []format.Span, error) {
	if want := e.column.Type.Arrow(); b.Cols[0].DataType().ID() != want.ID() {
		return dst, spans, fmt.Errorf("raw: an array of %s for a column of %s", b.Cols[0].DataType(), e.column.Type)
	}
	for i := range b.N {
		if b.Cols[0].IsNull(i) || e.upsert && b.Kinds != nil && !b.Kinds[i].Adds() {
			spans = append(spans, format.NoValue)
			continue
		}
		from := len(dst)
		if dst = e.append(dst, b.Cols[0], i); len(dst) > math.MaxInt32 {
			return dst, spans, format.ErrTooMuchText
		}
		spans = append(spans, format.Span{Start: int32(from), End: int32(len(dst))})
	}
	return dst, spans, nil
}

func (e *encoding) append(dst []byte, a arrow.Array, i int) []byte {
	switch a := a.(type) {
	case *array.String:
		return append(dst, a.Value(i)...)
	case *array.Binary:
		return append(dst, a.Value(i)...)
	case *array.Boolean:
		if a.Value(i) {
			return append(dst, 1)
		}
		return append(dst, 0)
	case *array.Int8:
		return append(dst, byte(a.Value(i)))
	case *array.Int16:
		return e.order.AppendUint16(dst, uint16(a.Value(i)))
	case *array.Int32:
		return e.order.AppendUint32(dst, uint32(a.Value(i)))
	case *array.Int64:
		return e.order.AppendUint64(dst, uint64(a.Value(i)))
	case *array.Float32:
		return e.order.AppendUint32(dst, math.Float32bits(a.Value(i)))
	case *array.Float64:
		return e.order.AppendUint64(dst, math.Float64bits(a.Value(i)))
	}
	return dst
}

package format

import (
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors"
)

// Span is where the value of a message lies in a buffer: buf[Start:End]. With
// Start < 0 the message has no value (NULL), which is a tombstone in a compacted
// topic.
type Span struct{ Start, End int32 }

// NoValue is the Span of a message without a value.
var NoValue = Span{Start: -1, End: -1}

// IsNull says whether the message has no value.
func (s Span) IsNull() bool { return s.Start < 0 }

// Of gives the message's bytes; nil if it has no value.
func (s Span) Of(buf []byte) []byte {
	if s.IsNull() {
		return nil
	}
	return buf[s.Start:s.End:s.End]
}

// Messages is a Decoding that can read records that come one by one, as messages
// of a topic do, rather than as a stream of bytes.
type Messages interface {
	// NewMessageDecoder makes a decoder whose arrays come from alloc.
	NewMessageDecoder(alloc memory.Allocator) MessageDecoder
}

// Waiting is a Decoding or Encoding that may have to wait for the outside world.
type Waiting interface {
	// Trouble says what is waited for, for people; "": nothing. It may be called from
	// any goroutine.
	Trouble() string
}

// TroubleOf gives what the first of some formats that waits is waiting for.
func TroubleOf(formats ...any) string {
	for _, f := range formats {
		if w, ok := f.(Waiting); ok {
			if t := w.Trouble(); t != "" {
				return t
			}
		}
	}
	return ""
}

// MessageDecoder makes columns of messages. It belongs to one goroutine at a time
// and is meant to be used for batch after batch.
type MessageDecoder interface {
	// Append adds the messages of buf at spans to the batch, a record each. buf may
	// be reused as soon as it returns; the next Append may have another one. An
	// error is one of the decoder, not of a record, and leaves the batch unusable.
	Append(buf []byte, spans []Span) error
	// Finish gives the batch and begins a new one. Records are numbered in the
	// order of the messages; Raw, Position and Timestamps are left nil.
	// CellError.Col is an index in DecodeConfig.Columns.
	Finish() (*connectors.Records, error)
	// Release gives the memory of an unfinished batch back and begins a new one.
	Release()
}

// MessageEncoding is an Encoding that can write each row as a message of its own.
type MessageEncoding interface {
	NewMessageEncoder() MessageEncoder
}

// MessageEncoder writes messages. It belongs to one goroutine at a time.
type MessageEncoder interface {
	// AppendMessages appends the messages of b's rows to dst and where they lie in
	// it to spans, one for each row. With EncodeConfig.Upsert rows of kind -U and -D
	// have no value. With a *connectors.RefusedRows all other rows have been written.
	AppendMessages(dst []byte, spans []Span, b *connectors.Batch) ([]byte, []Span, error)
}

// ErrTooMuchText says that a batch of messages can't take more.
var ErrTooMuchText = errors.New("a batch of more than 2 GiB of messages")

// The codes of rows that a format can't write.
const (
	CodeNotNull = "NOT_NULL"
	CodeRange   = "OUT_OF_RANGE"
	CodeFormat  = "BAD_FORMAT"
)

// Unfit is the error of a row that its format can't write, whatever is tried: it has a
// value that the schema has no place for.
type Unfit struct{ Code, Column, Detail string }

// Error implements error.
func (e *Unfit) Error() string { return e.Detail }

// Unwritable makes an Unfit of a column's value.
func Unwritable(code, column, detail string, args ...any) error {
	return &Unfit{code, column, "column " + column + ": " + fmt.Sprintf(detail, args...)}
}

// Refuse adds a row to refused if err is an Unfit; else it gives false.
func Refuse(refused *connectors.RefusedRows, row int, err error) bool {
	var u *Unfit
	if !errors.As(err, &u) {
		return false
	}
	refused.Rows = append(refused.Rows, connectors.RefusedRow{Row: row, Code: u.Code, Column: u.Column, Detail: u.Detail})
	return true
}

// Refused gives refused rows as an error; nil: there are none.
func Refused(r connectors.RefusedRows) error {
	if r.Rows == nil {
		return nil
	}
	return &r
}

// AppendRows appends the message of each row of b by calling row; it is what most
// MessageEncoders do.
func AppendRows(dst []byte, spans []Span, b *connectors.Batch, upsert bool, row func(dst []byte, i int) ([]byte, error)) ([]byte, []Span, error) {
	var refused connectors.RefusedRows
	for i := range b.N {
		if upsert && b.Kinds != nil && !b.Kinds[i].Adds() {
			spans = append(spans, NoValue)
			continue
		}
		from := len(dst)
		var err error
		if dst, err = row(dst, i); err != nil {
			if !Refuse(&refused, i, err) {
				return dst, spans, err
			}
			dst, spans = dst[:from], append(spans, NoValue)
			continue
		}
		if len(dst) > math.MaxInt32 {
			return dst, spans, ErrTooMuchText
		}
		spans = append(spans, Span{int32(from), int32(len(dst))})
	}
	return dst, spans, Refused(refused)
}

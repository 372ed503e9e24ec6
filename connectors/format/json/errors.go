package json

import "fmt"

// ErrorCode says what is wrong with a record or a value.
type ErrorCode uint8

// The first group belongs to a record as a whole (CellError.Col is -1), the
// second to one column.
const (
	// ErrNone is no error.
	ErrNone ErrorCode = iota
	// ErrMalformed: the structure is broken: no object, a string that is not
	// closed, brackets that don't match, members that are not separated, text
	// behind the object.
	ErrMalformed
	// ErrTooDeep: containers nested beyond MaxDepth.
	ErrTooDeep
	// ErrTooLong: the record is longer than Options.MaxRecordBytes.
	ErrTooLong
	// ErrExtraMember: under ValidateAll, a value or name that no column reads is
	// not valid JSON.
	ErrExtraMember

	// ErrType: a value of another JSON type than the column takes.
	ErrType
	// ErrLiteral: a word that is no JSON literal or number: NaN, 01, 'x', True.
	ErrLiteral
	// ErrRange: a number beyond the column's type or precision.
	ErrRange
	// ErrNotInteger: a fraction or an exponent where an integer must stand.
	ErrNotInteger
	// ErrEscape: a backslash that begins no escape of JSON.
	ErrEscape
	// ErrControl: a control character in a string.
	ErrControl
	// ErrUTF8: invalid UTF-8.
	ErrUTF8
	// ErrFormat: a text that is not of the form the column takes: a date, a
	// timestamp, base64, an interval.
	ErrFormat
	// ErrTooManyCharacters: a text longer than VARCHAR(n) or CHAR(n).
	ErrTooManyCharacters
	// ErrNull: null or nothing in a NOT NULL column.
	ErrNull
	// ErrMissing: under FailOnMissing, a member that is not there.
	ErrMissing
)

var errorTexts = [...]string{
	ErrNone:              "no error",
	ErrMalformed:         "malformed record",
	ErrTooDeep:           "nested too deeply",
	ErrTooLong:           "record too long",
	ErrExtraMember:       "a member that is no column is not valid JSON",
	ErrType:              "JSON value of another type",
	ErrLiteral:           "not a JSON literal or number",
	ErrRange:             "out of range",
	ErrNotInteger:        "not an integer",
	ErrEscape:            "bad escape in string",
	ErrControl:           "control character in string",
	ErrUTF8:              "invalid UTF-8",
	ErrFormat:            "wrong format",
	ErrTooManyCharacters: "too many characters",
	ErrNull:              "NULL in a NOT NULL column",
	ErrMissing:           "the member is missing",
}

// String gives a short description, such as "out of range".
func (c ErrorCode) String() string {
	if int(c) < len(errorTexts) {
		return errorTexts[c]
	}
	return fmt.Sprintf("error code %d", uint8(c))
}

// CellError is one thing wrong with one row. The value at fault is NULL in the
// batch; all other values of the row are as written, except for an error of the
// whole record, which leaves all columns NULL and is the row's only error.
type CellError struct {
	// Row is the row within the batch.
	Row int32
	// Offset is where the value begins, in bytes from the start of the record.
	Offset int32
	// Field numbers the column or nested member at fault; Schema.Path names it.
	Field int32
	// Col is the output column, -1 for the record as a whole.
	Col int16
	// Code says what is wrong.
	Code ErrorCode
}

// Describe gives e as a message for people: what is wrong, in which column,
// where in the record.
func (s *Schema) Describe(e CellError) string {
	switch {
	case e.Code == ErrExtraMember:
		return fmt.Sprintf("%s (at byte %d)", e.Code, e.Offset)
	case e.Col < 0 && e.Code == ErrTooLong:
		return fmt.Sprintf("%s: more than %d bytes", e.Code, s.opts.MaxRecordBytes)
	case e.Col < 0:
		return fmt.Sprintf("%s (at byte %d)", e.Code, e.Offset)
	}
	return fmt.Sprintf("column %s %s: %s (at byte %d)", s.Path(e), s.fields[e.Field].typ, e.Code, e.Offset)
}

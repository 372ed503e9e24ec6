package format

import (
	"bytes"
	"fmt"

	"github.com/streamsql/streamsql/connectors"
)

// Lines is the Cutter of formats with a record per line. A line of nothing but
// spaces, tabs and carriage returns is no record.
type Lines struct{}

// Cut implements Cutter.
func (Lines) Cut(data []byte, max connectors.Limits, final bool) Cut {
	var c Cut
	for c.Records < max.Records && c.Bytes < max.Bytes {
		i := bytes.IndexByte(data[c.Bytes:], '\n')
		line := data[c.Bytes:]
		if i < 0 {
			if final && len(line) > 0 {
				if !IsBlank(line) {
					c.Records++
				}
				c.Bytes = len(data)
			}
			return c
		}
		c.Bytes += i + 1
		c.Lines++
		if line = line[:i]; !IsBlank(line) {
			c.Records++
		} else if c.Records == 0 {
			c.Lead, c.LeadLines = c.Bytes, c.Lines
		}
	}
	return c
}

// IsBlank says whether a line holds nothing but spaces, tabs and carriage returns.
func IsBlank(line []byte) bool {
	for _, b := range line {
		if b != ' ' && b != '\t' && b != '\r' {
			return false
		}
	}
	return true
}

// TrimLineEnd cuts off a record's line feed, with a carriage return before it.
func TrimLineEnd(record []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(record, []byte{'\n'}), []byte{'\r'})
}

// CodeMalformed is the code of CellErrors of a record as a whole.
const CodeMalformed = "MALFORMED_RECORD"

// TooLong is the detail of the error of a record beyond the limit of bytes. All
// formats and transports give the same, since it depends on chance which of
// them notices.
func TooLong(limit int) string {
	return fmt.Sprintf("the record is longer than %d bytes", limit)
}

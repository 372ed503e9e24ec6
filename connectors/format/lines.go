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
	slow := 0 // lines to be looked at one by one
	for c.Records < max.Records && c.Bytes < max.Bytes {
		if slow > 0 {
			slow--
		} else if end, lines := fullLines(data[c.Bytes:min(len(data), max.Bytes)], max.Records-c.Records); lines > 0 {
			c.Bytes, c.Lines, c.Records = c.Bytes+end, c.Lines+lines, c.Records+lines
			continue
		} else {
			slow = slowLines
		}
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

// slowLines is how many lines are looked at one by one where there is a blank one,
// or a carriage return, before many are counted at once again.
const slowLines = 64

// fullLines counts some of the lines at the start of data, at most max, none of
// which is blank, and gives where the last one ends. It may find none.
func fullLines(data []byte, max int) (end, lines int) {
	n := (len(data) - 1) &^ 63
	if !hasAVX2 || n <= 0 || data[0] <= ' ' {
		return 0, 0
	}
	end, lines = scanLinesAVX2(&data[1], n, max)
	return end + 1, lines
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

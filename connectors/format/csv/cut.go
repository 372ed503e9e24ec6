package csv

import (
	"bytes"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// Cut implements format.Cutter. A record is a line, and as many more as a quoted
// field goes on for. A quoted field that nothing closes within the stream, or
// within the longest record allowed, makes a record of its first line alone, so
// that one stray quote costs one record.
func (d *decoding) Cut(data []byte, max connectors.Limits, final bool) format.Cut {
	var c format.Cut
	for c.Records < max.Records && c.Bytes < max.Bytes {
		rest := data[c.Bytes:]
		if len(rest) == 0 {
			return c
		}
		n, lines, isRecord, ok := d.next(rest, final)
		if !ok {
			return c
		}
		c.Bytes += n
		c.Lines += lines
		if isRecord {
			c.Records++
		} else if c.Records == 0 {
			c.Lead, c.LeadLines = c.Bytes, c.Lines
		}
	}
	return c
}

// next measures the line or record at the start of data, line end included. It
// is not ok if data ends within it and is not final.
func (d *decoding) next(data []byte, final bool) (n, lines int, isRecord, ok bool) {
	line := bytes.IndexByte(data, '\n')
	if line < 0 && !final {
		return 0, 0, false, false
	}
	n, lines = line+1, 1
	text := data
	if line < 0 {
		n, lines = len(data), 0
	} else {
		text = data[:line]
	}
	if len(text) == 0 || len(text) == 1 && text[0] == '\r' {
		return n, lines, len(d.declared) == 1, true // NULL, where there is one column
	}
	if d.comments && text[0] == '#' {
		return n, lines, false, true
	}
	if d.quote == 0 && d.escape == 0 || bytes.IndexByte(text, d.quote) < 0 && (d.escape == 0 || bytes.IndexByte(text, d.escape) < 0) {
		return n, lines, true, true
	}
	end, state := d.scan(data)
	switch {
	case state == recordEnds:
		return end, bytes.Count(data[:end], newline), true, true
	case state == recordOpen && !final && (d.max <= 0 || len(data) <= d.max):
		return 0, 0, false, false
	case state == recordEnded && final:
		return len(data), bytes.Count(data, newline), true, true
	case state == recordEnded && !final:
		return 0, 0, false, false
	}
	return n, lines, true, true
}

var newline = []byte{'\n'}

// recordState says how data ended before a record's line end was found.
type recordState uint8

const (
	recordEnds  recordState = iota // the line end is there
	recordEnded                    // data ends outside quotes
	recordOpen                     // data ends within quotes, or the record is too long
)

// scan finds the end of a record that may have quotes.
func (d *decoding) scan(data []byte) (end int, state recordState) {
	limit := len(data)
	if d.max > 0 && limit > d.max+2 { // a line end may follow
		limit = d.max + 2
	}
	quoted, start := false, true // within quotes; at the start of a field
	for i := 0; i < limit; i++ {
		c := data[i]
		switch {
		case d.escape != 0 && c == d.escape:
			i++
			start = false
		case quoted:
			if c == d.quote {
				if d.escape == 0 && i+1 < limit && data[i+1] == d.quote {
					i++
				} else {
					quoted = false
				}
			}
		case c == d.quote && start && d.quote != 0:
			quoted, start = true, false
		case c == '\n':
			return i + 1, recordEnds
		default:
			start = c == d.delimiter
		}
	}
	if quoted || limit < len(data) {
		return 0, recordOpen
	}
	return 0, recordEnded
}

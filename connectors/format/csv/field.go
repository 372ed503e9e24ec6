package csv

import "bytes"

// field is one field of a record: its text without quotes and escapes.
type field struct {
	text   []byte // into the data, or into scratch
	raw    []byte // as it stands, without quotes
	quoted bool
	bad    bool // characters behind the closing quote, or no closing quote
}

// isNull says whether the field is the literal that stands for NULL: as it stands, so
// that \N is one where \ is the escape.
func (f field) isNull(literal string) bool { return !f.quoted && string(f.raw) == literal }

// fieldReader takes a record, without its line end, apart.
type fieldReader struct {
	syntax
	data    []byte
	at      int
	scratch []byte
}

// next gives the next field, which is valid until the one after; more is false
// with the last one.
func (r *fieldReader) next() (f field, more bool) {
	data := r.data
	start := r.at
	if start < len(data) && r.quote != 0 && data[start] == r.quote {
		return r.quotedField()
	}
	i := start
	for i < len(data) && data[i] != r.delimiter && (r.escape == 0 || data[i] != r.escape) {
		i++
	}
	if i < len(data) && data[i] != r.delimiter {
		return r.escapedField(i)
	}
	r.at = i + 1
	return field{text: data[start:i], raw: data[start:i:i]}, i < len(data)
}

// quotedField reads a field that begins with a quote.
func (r *fieldReader) quotedField() (f field, more bool) {
	data := r.data
	i := r.at + 1
	f.quoted = true
	if r.escape == 0 {
		// Most quoted fields have no quote within.
		end := bytes.IndexByte(data[i:], r.quote)
		if end >= 0 && (i+end+1 == len(data) || data[i+end+1] == r.delimiter) {
			f.text = data[i : i+end]
			r.at = i + end + 2
			return f, r.at <= len(data)
		}
	}
	text := r.scratch[:0]
	for {
		switch {
		case i >= len(data):
			f.bad = true
		case r.escape != 0 && data[i] == r.escape:
			if i+1 < len(data) {
				text = append(text, data[i+1])
			} else {
				f.bad = true
			}
			i += 2
			continue
		case data[i] == r.quote && r.escape == 0 && i+1 < len(data) && data[i+1] == r.quote:
			text = append(text, r.quote)
			i += 2
			continue
		case data[i] == r.quote:
			i++
		default:
			text = append(text, data[i])
			i++
			continue
		}
		break
	}
	r.scratch, f.text = text, text
	if i < len(data) && data[i] != r.delimiter {
		f.bad = true
		for i < len(data) && data[i] != r.delimiter {
			i++
		}
	}
	r.at = i + 1
	return f, i < len(data)
}

// escapedField reads a field without quotes whose first escape is at i.
func (r *fieldReader) escapedField(i int) (f field, more bool) {
	data, start := r.data, r.at
	text := append(r.scratch[:0], data[r.at:i]...)
	for i < len(data) && data[i] != r.delimiter {
		if data[i] == r.escape {
			if i++; i == len(data) {
				f.bad = true
				break
			}
		}
		text = append(text, data[i])
		i++
	}
	r.scratch, f.text, f.raw = text, text, data[start:min(i, len(data))]
	r.at = i + 1
	return f, i < len(data)
}

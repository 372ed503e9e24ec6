package json

import "slices"

// Range is where a value lies in a text: text[Start:End]. A value that is not
// there has End 0.
type Range struct{ Start, End int }

// Found says whether there is a value.
func (r Range) Found() bool { return r.End > 0 }

// Of gives the value's text; nil if there is none.
func (r Range) Of(text []byte) []byte {
	if !r.Found() {
		return nil
	}
	return text[r.Start:r.End]
}

// Members finds the values of some members of objects without decoding them, as a
// format does that wraps rows into envelopes. What it passes over is checked for
// its structure only. It belongs to one goroutine.
type Members struct {
	scan  Decoder
	names []string
}

// NewMembers makes a finder of the members of these names.
func NewMembers(names ...string) *Members { return &Members{names: names} }

// begin gives the text of a value with enough readable bytes behind it, and the
// place in it that stands for value.Start.
func (m *Members) begin(text []byte, value Range) (b []byte, p int) {
	if value.End+padding <= len(text) {
		return text[:value.End], value.Start
	}
	return m.scan.pad(text[value.Start:value.End]), 0
}

// Find puts the values of the members of the object text[value.Start:value.End] into
// found, by their names' order. If a name comes more than once the last member
// counts; null is a value. It gives false if there is no well-formed object, and
// nothing else.
func (m *Members) Find(text []byte, value Range, found []Range) bool {
	clear(found)
	return m.walk(text, value, func(b []byte, name int, v Range) {
		if i := m.index(b, name); i >= 0 {
			found[i] = v
		}
	})
}

// Entry is a member of an object: where its name, with its quotes, and its value lie.
type Entry struct{ Name, Value Range }

// Entries appends the members of the object text[value.Start:value.End] to dst, in
// their order. It gives false if there is no well-formed object, and nothing else.
func (m *Members) Entries(dst []Entry, text []byte, value Range) ([]Entry, bool) {
	shift := value.Start
	if value.End+padding <= len(text) {
		shift = 0
	}
	ok := m.walk(text, value, func(b []byte, name int, v Range) {
		dst = append(dst, Entry{Range{name + shift, m.scan.stringEnd(b, name+1) + shift}, v})
	})
	return dst, ok
}

// walk calls f with each member of an object, of which b[name] is the quote that its
// name begins with, up to where the text is no well-formed object: then it gives false.
func (m *Members) walk(text []byte, value Range, f func(b []byte, name int, v Range)) bool {
	b, p := m.begin(text, value)
	shift := value.Start - p
	d := &m.scan
	p = d.space(b, p)
	if p >= len(b) || at(b, p) != '{' {
		return false
	}
	p = d.space(b, p+1)
	if p < len(b) && at(b, p) == '}' {
		return d.space(b, p+1) == len(b)
	}
	for {
		name := p
		if p = d.skipName(b, p); p < 0 || p >= len(b) {
			return false
		}
		start := p
		if p = d.skip(b, p, 1); p < 0 {
			return false
		}
		f(b, name, Range{start + shift, p + shift})
		p = d.space(b, p)
		if p >= len(b) {
			return false
		}
		p++
		switch at(b, p-1) {
		case ',':
			p = d.space(b, p)
		case '}':
			return d.space(b, p) == len(b)
		default:
			return false
		}
	}
}

// index is the number of the name at b[p], -1 if it is none of those looked for.
func (m *Members) index(b []byte, p int) int {
	end := m.scan.stringEnd(b, p+1)
	name := b[p+1 : end-1]
	if i := slices.Index(m.names, text(name)); i >= 0 {
		return i
	}
	if plain(name) {
		return -1
	}
	whole, code := m.scan.unescape(b, p+1, end)
	if code != ErrNone {
		return -1
	}
	return slices.Index(m.names, text(whole))
}

// Elements appends the values of the array text[value.Start:value.End] to dst. It
// gives false if there is no well-formed array, and nothing else.
func (m *Members) Elements(dst []Range, text []byte, value Range) ([]Range, bool) {
	b, p := m.begin(text, value)
	shift := value.Start - p
	d := &m.scan
	p = d.space(b, p)
	if p >= len(b) || at(b, p) != '[' {
		return dst, false
	}
	p = d.space(b, p+1)
	if p < len(b) && at(b, p) == ']' {
		return dst, d.space(b, p+1) == len(b)
	}
	for {
		if p >= len(b) {
			return dst, false
		}
		start := p
		if p = d.skip(b, p, 1); p < 0 {
			return dst, false
		}
		dst = append(dst, Range{start + shift, p + shift})
		p = d.space(b, p)
		if p >= len(b) {
			return dst, false
		}
		p++
		switch at(b, p-1) {
		case ',':
			p = d.space(b, p)
		case ']':
			return dst, d.space(b, p) == len(b)
		default:
			return dst, false
		}
	}
}

// Text gives the text of the string text[value.Start:value.End] without its
// escapes; false if it is no string. It is good until the next call of a method.
func (m *Members) Text(text []byte, value Range) ([]byte, bool) {
	if !value.Found() || text[value.Start] != '"' {
		return nil, false
	}
	b, p := m.begin(text, value)
	if m.scan.stringEnd(b, p+1) != len(b) {
		return nil, false
	}
	whole, code := m.scan.unescape(b, p+1, len(b))
	return whole, code == ErrNone
}

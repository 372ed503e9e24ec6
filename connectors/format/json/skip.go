package json

import "bytes"

// The structural scan. It sees strings, brackets, commas and colons; what
// stands between them is a word, which may be a number, a literal or nonsense.
// The decoders of values cut a record in the very same way, so whether a record
// is well-formed does not depend on the columns read.

// delimiter marks the bytes that end a word.
var delimiter = [256]bool{
	',': true, ':': true, '{': true, '}': true, '[': true, ']': true, '"': true,
	' ': true, '\t': true, '\n': true, '\r': true,
}

// space gives the first position from p on that is not white space. In a stream
// of lines the line feed ends the record and is no space.
func (d *Decoder) space(b []byte, p int) int {
	for p < len(b) {
		switch at(b, p) {
		case ' ', '\t', '\r':
		case '\n':
			if d.lines {
				return p
			}
		default:
			return p
		}
		p++
	}
	return p
}

// stringEnd gives the position behind the quote that closes the string whose
// text begins at p, -1 if none does, in a stream of lines: on this line.
func (d *Decoder) stringEnd(b []byte, p int) int {
	// Most short strings end within a word.
	w := load64(b, p)
	if m := bytesEqual(w, '"') | bytesEqual(w, '\n'); m != 0 && bytesEqual(w, '\\') == 0 && at(b, p+firstMark(m)) == '"' {
		return inside(b, p+firstMark(m)+1)
	}
	for q := p; q < len(b); q++ {
		if q = indexQuote(b, q); q >= len(b) {
			break
		}
		if at(b, q) == '\n' {
			if d.lines {
				break
			}
			continue
		}
		if at(b, q-1) != '\\' || q == p || !escaped(b, p, q) {
			return q + 1
		}
	}
	return -1
}

// escaped says whether the quote at q of the string whose text begins at p is
// text: whether an odd number of backslashes stands before it.
func escaped(b []byte, p, q int) bool {
	slash := q - 1
	for slash >= p && at(b, slash) == '\\' {
		slash--
	}
	return (q-1-slash)&1 == 1
}

// skipString is stringEnd where no line can end.
func skipString(b []byte, p int) int {
	for q := p; q < len(b); q++ {
		i := bytes.IndexByte(b[q:], '"')
		if i < 0 {
			break
		}
		if q += i; q == p || !escaped(b, p, q) {
			return q + 1
		}
	}
	return -1
}

// inside gives p, or -1 if that is beyond the end of b.
func inside(b []byte, p int) int {
	if p > len(b) {
		return -1
	}
	return p
}

// skipWord gives the end of the word at p, which is p if there is none.
func skipWord(b []byte, p int) int {
	for p < len(b) && !delimiter[at(b, p)] {
		p++
	}
	return p
}

// skip passes over the value at b[p], within depth open containers, and gives
// the position behind it, -1 if the record is bad.
func (d *Decoder) skip(b []byte, p, depth int) int {
	switch at(b, p) {
	case '"':
		if end := d.stringEnd(b, p+1); end >= 0 {
			return end
		}
		return d.fail(ErrMalformed, p)
	case '{', '[':
		return d.skipContainer(b, p, depth)
	}
	if load32(b, p) == wordNull && delimiter[at(b, p+4)] {
		return p + 4
	}
	end := skipWord(b, p)
	if end == p {
		return d.fail(ErrMalformed, p)
	}
	return end
}

// skipContainer passes over the object or array at b[p]. The kinds of the open
// containers are kept as bits, 1 for an object.
func (d *Decoder) skipContainer(b []byte, p, depth int) int {
	d.stack = d.stack[:0]
	open := 0
	for {
		// A value begins here.
		switch at(b, p) {
		case '{', '[':
			if depth+open >= MaxDepth {
				return d.fail(ErrTooDeep, p)
			}
			object := at(b, p) == '{'
			if open&63 == 0 {
				d.stack = append(d.stack, 0)
			}
			if object {
				d.stack[open>>6] |= 1 << (open & 63)
			}
			open++
			p = d.space(b, p+1)
			if p < len(b) && (object && at(b, p) == '}' || !object && at(b, p) == ']') {
				break // the loop below closes it
			}
			if object {
				if p = d.skipName(b, p); p < 0 {
					return p
				}
			}
			continue
		case '"':
			start := p
			if p = d.stringEnd(b, p+1); p < 0 {
				return d.fail(ErrMalformed, start)
			}
		default:
			end := skipWord(b, p)
			if end == p {
				return d.fail(ErrMalformed, p)
			}
			p = end
		}
		// What follows a value: closing brackets, then a comma.
		for {
			p = d.space(b, p)
			if p >= len(b) {
				return d.fail(ErrMalformed, p)
			}
			top := open - 1
			object := d.stack[top>>6]>>(top&63)&1 != 0
			c := at(b, p)
			p++
			if c == ',' {
				p = d.space(b, p)
				if object {
					if p = d.skipName(b, p); p < 0 {
						return p
					}
				}
				break
			}
			if object && c != '}' || !object && c != ']' {
				return d.fail(ErrMalformed, p-1)
			}
			d.stack[top>>6] &^= 1 << (top & 63)
			if top&63 == 0 {
				d.stack = d.stack[:top>>6]
			}
			if open = top; open == 0 {
				return p
			}
		}
	}
}

// skipName passes over a member's name and colon and the space around them.
func (d *Decoder) skipName(b []byte, p int) int {
	if p >= len(b) || at(b, p) != '"' {
		return d.fail(ErrMalformed, min(p, len(b)))
	}
	end := d.stringEnd(b, p+1)
	if end < 0 {
		return d.fail(ErrMalformed, p)
	}
	end = d.space(b, end)
	if end >= len(b) || at(b, end) != ':' {
		return d.fail(ErrMalformed, end)
	}
	return d.space(b, end+1)
}

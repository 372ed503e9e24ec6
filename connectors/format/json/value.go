package json

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"
)

const (
	wordNull = 'n' | 'u'<<8 | 'l'<<16 | 'l'<<24
	wordTrue = 't' | 'r'<<8 | 'u'<<16 | 'e'<<24
	wordAlse = 'a' | 'l'<<8 | 's'<<16 | 'e'<<24
)

// value decodes the value at b[p] into slot row of n's column and gives the
// position behind it, -1 if the record is bad. A value that does not fit leaves
// the slot NULL and an error.
func (d *Decoder) value(n *node, b []byte, p, row int) int {
	if load32(b, p) == wordNull && delimiter[at(b, p+4)] {
		if n.notNull {
			d.cellError(n, ErrNull, p)
		}
		return p + 4
	}
	switch n.op {
	case opInt8, opInt16, opInt32, opInt64:
		return d.integer(n, b, p, row)
	case opString:
		if at(b, p) == '"' {
			return d.str(n, b, p, row)
		}
		return d.rawText(n, b, p, row)
	case opTimestamp, opTimestampLTZ:
		return d.timestamp(n, b, p, row)
	case opRow:
		if at(b, p) != '{' {
			return d.misfit(n, b, p, ErrType)
		}
		n.column.PutRow(row)
		return d.object(n, b, p+1, row)
	case opFloat32, opFloat64:
		return d.float(n, b, p, row)
	case opDecimal:
		return d.decimal(n, b, p, row)
	case opBoolean:
		return d.boolean(n, b, p, row)
	case opArray:
		return d.array(n, b, p, row)
	case opMap:
		return d.mapping(n, b, p, row)
	case opJSON:
		return d.rawText(n, b, p, row)
	case opBytes:
		return d.base64(n, b, p, row)
	default:
		return d.temporalText(n, b, p, row)
	}
}

// misfit notes that the value at b[p] is not what n takes, and passes over it.
// A word that is no JSON at all is told as such rather than with code.
func (d *Decoder) misfit(n *node, b []byte, p int, code ErrorCode) int {
	end := d.skip(b, p, n.parent.depth)
	if end < 0 {
		return end
	}
	if wrong, bad := invalid(b[p:end]); bad >= 0 {
		code = wrong
	}
	d.cellError(n, code, p)
	return end
}

func (d *Decoder) boolean(n *node, b []byte, p, row int) int {
	switch {
	case load32(b, p) == wordTrue && delimiter[at(b, p+4)]:
		n.column.PutBool(row, true)
		return p + 4
	case load32(b, p+1) == wordAlse && at(b, p) == 'f' && delimiter[at(b, p+5)]:
		n.column.PutBool(row, false)
		return p + 5
	case at(b, p) == '"' && d.schema.opts.QuotedNumbers:
		text, end, ok := d.stringText(n, b, p)
		if !ok {
			return end
		}
		switch string(text) {
		case "true", "1":
			n.column.PutBool(row, true)
		case "false", "0":
			n.column.PutBool(row, false)
		default:
			d.cellError(n, ErrType, p)
		}
		return end
	}
	return d.misfit(n, b, p, ErrType)
}

// longText is from where on the end of a string is looked for before room for
// it is made.
const longText = 1 << 12

// str decodes a string into a STRING column.
func (d *Decoder) str(n *node, b []byte, p, row int) int {
	start := p
	p++
	dst := n.column.Tail(longText + stringSlack)
	size, end, code := copyString(dst, b[:min(len(b), p+longText)], p)
	if end < 0 { // longer, or not closed, or in error
		if end = d.stringEnd(b, p); end < 0 {
			return d.fail(ErrMalformed, start)
		}
		dst = n.column.Tail(end - p + stringSlack)
		size, _, code = copyString(dst, b[:end], p)
	}
	if limit := n.typ.Precision; limit > 0 && size > limit && utf8.RuneCount(dst[:size]) > limit {
		code = ErrTooManyCharacters
	}
	if code != ErrNone {
		d.cellError(n, code, start)
		return end
	}
	n.column.PutTail(row, size)
	return end
}

// rawText puts the text of a value, as it is written, into a STRING or JSON
// column.
func (d *Decoder) rawText(n *node, b []byte, p, row int) int {
	end := d.skip(b, p, n.parent.depth)
	if end < 0 {
		return end
	}
	if wrong, bad := invalid(b[p:end]); bad >= 0 {
		d.cellError(n, wrong, p+bad)
		return end
	}
	if limit := n.typ.Precision; limit > 0 && utf8.RuneCount(b[p:end]) > limit {
		d.cellError(n, ErrTooManyCharacters, p)
		return end
	}
	n.column.PutBytes(row, b[p:end])
	return end
}

// stringText gives the text of the string at b[p] for columns whose values
// stand in strings, and the position behind it. If the value is no string, or a
// wrong one, ok is false, the error is noted and the position is as value's.
func (d *Decoder) stringText(n *node, b []byte, p int) (content []byte, end int, ok bool) {
	if at(b, p) != '"' {
		return nil, d.misfit(n, b, p, ErrType), false
	}
	end = d.stringEnd(b, p+1)
	if end < 0 {
		return nil, d.fail(ErrMalformed, p), false
	}
	content = b[p+1 : end-1]
	if bytes.IndexByte(content, '\\') < 0 {
		if _, code := checkString(b[:end], p+1); code != ErrNone {
			d.cellError(n, code, p)
			return nil, end, false
		}
		return content, end, true
	}
	content, code := d.unescape(b, p+1, end)
	if code != ErrNone {
		d.cellError(n, code, p)
		return nil, end, false
	}
	return content, end, true
}

// base64 decodes standard base64 with padding into a BYTES column.
func (d *Decoder) base64(n *node, b []byte, p, row int) int {
	content, end, ok := d.stringText(n, b, p)
	if !ok {
		return end
	}
	if bytes.ContainsAny(content, "\r\n") { // which the library would skip
		d.cellError(n, ErrFormat, p)
		return end
	}
	size, err := base64.StdEncoding.Decode(n.column.Tail(base64.StdEncoding.DecodedLen(len(content))), content)
	if err != nil {
		d.cellError(n, ErrFormat, p)
		return end
	}
	n.column.PutTail(row, size)
	return end
}

// array decodes an ARRAY.
func (d *Decoder) array(n *node, b []byte, p, row int) int {
	if at(b, p) != '[' {
		return d.misfit(n, b, p, ErrType)
	}
	elem := n.children[0]
	slot := n.column.Elems()
	p = d.space(b, p+1)
	if at(b, p) == ']' && p < len(b) {
		n.column.PutList(row, slot)
		return p + 1
	}
	for {
		if p >= len(b) {
			return d.fail(ErrMalformed, len(b))
		}
		if p = d.value(elem, b, p, slot); p < 0 {
			return p
		}
		slot++
		p = d.space(b, p)
		if p >= len(b) {
			return d.fail(ErrMalformed, len(b))
		}
		c := at(b, p)
		p++
		if c == ']' {
			n.column.PutList(row, slot)
			return p
		}
		if c != ',' {
			return d.fail(ErrMalformed, p-1)
		}
		p = d.space(b, p)
	}
}

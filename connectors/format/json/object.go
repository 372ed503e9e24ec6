package json

import (
	"bytes"
	"unicode/utf8"
)

// memberTable holds the names that objects of one ROW have had, in a form that
// a name in the text is compared to in one or two steps, and which name is
// likely to follow which. Records of one producer have their members in the
// same order nearly always, so the guess is right and a name costs no search.
type memberTable struct {
	index map[string]*member
	// begin stands before the first member: next is what objects began with.
	begin member
}

// member is a name: of a column, or one that no column reads.
type member struct {
	// The bytes `"name":` in memory order: the first 16 as words with masks, and
	// the rest.
	word0, mask0, word1, mask1 uint64
	size                       int
	rest                       []byte
	node                       *node   // nil if the value is skipped
	inner                      *node   // what is known of the objects that are skipped
	next, nextAlt              *member // what followed last, and before that
}

// unknownMember stands for a name that is neither read nor remembered.
var unknownMember member

// Names that no column reads are remembered up to this number a decoder, this
// length, and this depth of containers.
const (
	maxLearned      = 1024
	maxLearnedName  = 128
	maxLearnedDepth = 8
)

func (t *memberTable) init(children []*node) {
	t.index = make(map[string]*member, len(children))
	before := &t.begin
	for _, n := range children {
		m := newMember([]byte(n.name), n)
		t.index[n.name] = m
		before.next, before.nextAlt = m, m
		before = m
	}
	if len(children) == 0 {
		t.begin.next, t.begin.nextAlt = noMember(), noMember()
		return
	}
	before.next, before.nextAlt = t.begin.next, t.begin.next
}

// noMember is a guess that no text matches.
func noMember() *member { return &member{mask0: ^uint64(0), size: 1} }

// newMember prepares a name. One that would not stand in a text as it is,
// without escapes, gets a form that no text matches; it is found by search.
func newMember(name []byte, n *node) *member {
	if !plain(name) {
		m := noMember()
		m.node = n
		return m
	}
	raw := append(append([]byte{'"'}, name...), '"', ':')
	var text, mask [16]byte
	for i := range copy(text[:], raw) {
		mask[i] = 0xff
	}
	m := &member{
		word0: load64(text[:], 0), mask0: load64(mask[:], 0),
		word1: load64(text[:], 8), mask1: load64(mask[:], 8),
		size: len(raw), node: n,
	}
	if m.size > 16 {
		m.rest = raw[16:]
	}
	return m
}

// plain says whether name stands in JSON text without escapes.
func plain(name []byte) bool {
	for _, c := range name {
		if c < ' ' || c == '"' || c == '\\' {
			return false
		}
	}
	return utf8.Valid(name)
}

// matches says whether `"name":` stands at b[p:].
func (m *member) matches(b []byte, p int) bool {
	return m.begins(b, p) && (m.rest == nil || m.matchesRest(b, p+16))
}

// begins compares the first 16 bytes.
func (m *member) begins(b []byte, p int) bool {
	return (load64(b, p)^m.word0)&m.mask0|(load64(b, p+8)^m.word1)&m.mask1 == 0
}

func (m *member) matchesRest(b []byte, p int) bool {
	return p+len(m.rest) <= len(b) && bytes.Equal(b[p:p+len(m.rest)], m.rest)
}

// object decodes the members of the object whose brace ends at b[p] into slot
// row of n's children. It gives the position behind the closing brace, -1 if
// the record is bad.
func (d *Decoder) object(n *node, b []byte, p, row int) int {
	serial := d.serial
	d.serial++
	if at(b, p) <= ' ' {
		p = d.space(b, p)
	}
	if at(b, p) == '}' && p < len(b) {
		return d.closed(n, serial, p+1)
	}
	before := &n.members.begin
	for {
		m := before.next
		if m.begins(b, p) && (m.rest == nil || m.matchesRest(b, p+16)) { // m.matches, which is not inlined
			p += m.size
			before = m
		} else if m, p = d.otherMember(n, b, p, before); p < 0 {
			return p
		} else if m != &unknownMember {
			before = m
		}
		c := at(b, p)
		if c <= ' ' {
			p = d.space(b, p)
			c = at(b, p)
		}
		if p >= len(b) {
			return d.fail(ErrMalformed, len(b))
		}
		if child := m.node; child != nil {
			if child.seen == serial {
				d.unchecked = true
				d.replace(child, row)
			}
			child.seen = serial
			switch { // the most frequent ones directly
			case c-'0' <= 9 && child.op <= opInt64:
				p = d.integer(child, b, p, row)
			case c == '"' && child.op == opString:
				p = d.str(child, b, p, row)
			case c == '"' && child.op == opTimestamp:
				p = d.timestamp(child, b, p, row)
			default:
				p = d.value(child, b, p, row)
			}
		} else {
			d.unchecked = true
			switch {
			case c == '"':
				start := p
				if p = d.stringEnd(b, p+1); p < 0 {
					return d.fail(ErrMalformed, start)
				}
			case c == 'n' && load32(b, p) == wordNull && delimiter[at(b, p+4)]:
				p += 4
			case c == '{' && m.inner != nil:
				p = d.object(m.inner, b, p+1, row)
			case c == '{' && m != &unknownMember && n.depth < maxLearnedDepth:
				m.inner = &node{field: &field{op: opRow, depth: n.depth + 1}}
				m.inner.members.init(nil)
				p = d.object(m.inner, b, p+1, row)
			default:
				p = d.skip(b, p, n.depth)
			}
		}
		if p < 0 {
			return p
		}
		c = at(b, p)
		if c <= ' ' {
			p = d.space(b, p)
			c = at(b, p)
		}
		if p >= len(b) {
			return d.fail(ErrMalformed, len(b))
		}
		p++
		if c != ',' {
			if c == '}' {
				return d.closed(n, serial, p)
			}
			return d.fail(ErrMalformed, p-1)
		}
		if at(b, p) <= ' ' {
			p = d.space(b, p)
		}
	}
}

// otherMember finds the name at b[p:], which is not the one guessed to follow
// member before, and betters the guess. It gives the member, unknownMember if
// there is none, and the position behind the colon.
func (d *Decoder) otherMember(n *node, b []byte, p int, before *member) (*member, int) {
	if m := before.nextAlt; m.matches(b, p) {
		before.follow(m)
		return m, p + m.size
	}
	if p >= len(b) || at(b, p) != '"' {
		return nil, d.fail(ErrMalformed, min(p, len(b)))
	}
	end := d.stringEnd(b, p+1)
	if end < 0 {
		return nil, d.fail(ErrMalformed, p)
	}
	colon := d.space(b, end)
	if colon >= len(b) || at(b, colon) != ':' {
		return nil, d.fail(ErrMalformed, colon)
	}
	name := b[p+1 : end-1]
	escaped := bytes.IndexByte(name, '\\') >= 0
	if escaped {
		var code ErrorCode
		if name, code = d.unescape(b, p+1, end); code != ErrNone {
			return &unknownMember, colon + 1
		}
	}
	m, known := n.members.index[string(name)]
	if !known {
		if escaped || d.learned == maxLearned || len(name) > maxLearnedName || !plain(name) {
			return &unknownMember, colon + 1
		}
		d.learned++
		m = n.members.learn(name)
	}
	before.follow(m)
	return m, colon + 1
}

// follow makes m the first guess for what follows b, and the first guess so far
// the second.
func (b *member) follow(m *member) { b.next, b.nextAlt = m, b.next }

// learn remembers a name that no column reads.
func (t *memberTable) learn(name []byte) *member {
	m := newMember(name, nil)
	m.next, m.nextAlt = t.begin.next, t.begin.next
	t.index[string(name)] = m
	return m
}

// closed ends an object: members that are missing and must not be are errors.
func (d *Decoder) closed(n *node, serial uint64, p int) int {
	if n.mustCheck {
		for _, child := range n.children {
			if child.seen == serial {
				continue
			}
			switch {
			case d.schema.opts.FailOnMissing:
				d.cellError(child, ErrMissing, p-1)
			case child.notNull:
				d.cellError(child, ErrNull, p-1)
			}
		}
	}
	return p
}

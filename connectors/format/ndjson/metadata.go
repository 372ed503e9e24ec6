package ndjson

import (
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/columns"
	"github.com/streamsql/streamsql/connectors/format/json"
)

// Around reads what the record around some rows says of them: the metadata columns
// of the format.
type Around interface {
	// Put writes slot i of the metadata column of that name, of the record that was
	// decoded last, which is in buf; a slot that it leaves alone is NULL.
	Put(c *columns.Column, i int, name string, buf []byte)
}

// metadata makes the metadata columns of a format.
type metadata struct {
	around Around
	names  []string
	cols   []*columns.Column
	bytes  int // about what they hold
}

// maxMetadata bounds the metadata of a batch, in bytes: each row of a record has all
// that its record says.
const maxMetadata = 1 << 30

// Describe adds metadata columns to those of the rows: names, which all lists.
func (r *Rows) Describe(names []string, all []catalog.MetadataColumn, alloc memory.Allocator, a Around) {
	if len(names) == 0 {
		return
	}
	r.about = &metadata{around: a, names: names}
	for _, name := range names {
		for _, m := range all {
			if m.Name == name {
				r.about.cols = append(r.about.cols, columns.New(m.Type, alloc))
			}
		}
	}
}

// put writes what the record at hand says into its rows.
func (m *metadata) put(buf []byte, at json.Range, from, to int) error {
	if m.bytes += (at.End - at.Start) * (to - from); m.bytes > maxMetadata {
		return format.ErrTooMuchText
	}
	for k, name := range m.names {
		for i := from; i < to; i++ {
			m.around.Put(m.cols[k], i, name, buf)
		}
	}
	return nil
}

func (m *metadata) finish(rows int) []arrow.Array {
	out := make([]arrow.Array, len(m.cols))
	for i, c := range m.cols {
		out[i] = c.Finish(rows)
	}
	m.bytes = 0
	return out
}

func (m *metadata) release() {
	for _, c := range m.cols {
		c.Release()
	}
	m.bytes = 0
}

// IsNull says whether a value is missing or null.
func IsNull(buf []byte, at json.Range) bool { return !at.Found() || string(at.Of(buf)) == "null" }

// PutText writes the text of a value: that of a string without its quotes, that of
// anything else as JSON has it; null is NULL.
func PutText(c *columns.Column, i int, m *json.Members, buf []byte, at json.Range) {
	if IsNull(buf, at) {
		return
	}
	if text, ok := m.Text(buf, at); ok {
		c.PutBytes(i, text)
		return
	}
	c.PutBytes(i, at.Of(buf))
}

// The milliseconds since 1970 that a timestamp takes: years 1 to 9999.
const (
	minMillis = -62135596800000
	maxMillis = 253402300799999
)

// PutMillis writes a time that is a number of milliseconds since 1970; anything else is
// NULL.
func PutMillis(c *columns.Column, i int, buf []byte, at json.Range) {
	if n, err := strconv.ParseInt(string(at.Of(buf)), 10, 64); err == nil && n >= minMillis && n <= maxMillis {
		c.PutInt64(i, n*1000)
	}
}

// PutMap writes the members of an object as a MAP with keys of STRING; of equal names
// the last one counts. Anything else is NULL.
func PutMap(c *columns.Column, i int, m *json.Members, buf []byte, at json.Range, put func(c *columns.Column, i int, v json.Range)) {
	if IsNull(buf, at) {
		return
	}
	entries, ok := m.Entries(nil, buf, at)
	if !ok {
		return
	}
	last := make(map[string]int, len(entries))
	for k, e := range entries {
		if name, ok := m.Text(buf, e.Name); ok {
			last[string(name)] = k
		}
	}
	slot := c.Elems()
	for k, e := range entries {
		name, ok := m.Text(buf, e.Name)
		if !ok || last[string(name)] != k {
			continue
		}
		c.Child(0).PutBytes(slot, name)
		put(c.Child(1), slot, e.Value)
		slot++
	}
	c.PutList(i, slot)
}

// PutTexts writes the elements of an array as an ARRAY<STRING>; anything else is NULL.
func PutTexts(c *columns.Column, i int, m *json.Members, buf []byte, at json.Range) {
	if IsNull(buf, at) {
		return
	}
	elements, ok := m.Elements(nil, buf, at)
	if !ok {
		return
	}
	slot := c.Elems()
	for k, e := range elements {
		PutText(c.Child(0), slot+k, m, buf, e)
	}
	c.PutList(i, slot+len(elements))
}

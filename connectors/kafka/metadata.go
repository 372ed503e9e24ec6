package kafka

import (
	"bytes"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/columns"
	"github.com/streamsql/streamsql/connectors/kafka/batch"
)

// metadata makes the metadata columns of a chunk, by record; finish spreads them
// over rows where records have none or several.
type metadata struct {
	chunk *chunk
	alloc memory.Allocator
	cols  []*columns.Column // nil: not a metadata column
	any   bool
	n     int
}

func newMetadata(c *chunk, alloc memory.Allocator) *metadata {
	m := &metadata{chunk: c, alloc: alloc, cols: make([]*columns.Column, len(c.layout.columns))}
	for i, col := range c.layout.columns {
		if format.OfTransport(col) {
			m.cols[i], m.any = columns.New(metadataType(col.Metadata), alloc), true
		}
	}
	return m
}

func metadataType(name string) catalog.Type {
	switch name {
	case metaKey, metaValue:
		return catalog.Bytes
	case metaTopic, metaTimeType:
		return catalog.String
	case metaPartition, metaEpoch:
		return catalog.Int
	case metaTime:
		return catalog.TimestampLTZ3
	case metaHeaders:
		return catalog.MapOf(catalog.String, catalog.Bytes)
	default:
		return catalog.BigInt
	}
}

// release gives up what has been made.
func (m *metadata) release() {
	for _, c := range m.cols {
		if c != nil {
			c.Release()
		}
	}
}

// add adds the records of a part.
func (m *metadata) add(p *part, payload []byte, r *batch.Records) error {
	for i, c := range m.cols {
		if c == nil {
			continue
		}
		if err := m.column(c, m.chunk.layout.columns[i].Metadata, p, payload, r); err != nil {
			return err
		}
	}
	m.n += len(r.Values)
	return nil
}

// column adds the records of a part to one column.
func (m *metadata) column(c *columns.Column, name string, p *part, payload []byte, r *batch.Records) error {
	n := len(r.Values)
	switch name {
	case metaKey:
		putSpans(c, m.n, payload, r.Keys)
	case metaValue:
		putSpans(c, m.n, payload, r.Values)
	case metaTopic:
		putText(c, m.n, n, m.chunk.tp.Topic)
	case metaTimeType:
		text := "CreateTime"
		if p.LogAppendTime() {
			text = "LogAppendTime"
		}
		putText(c, m.n, n, text)
	case metaPartition:
		for k := range n {
			c.PutInt32(m.n+k, m.chunk.tp.Partition)
		}
	case metaEpoch:
		for k := range n {
			if p.LeaderEpoch >= 0 {
				c.PutInt32(m.n+k, p.LeaderEpoch)
			}
		}
	case metaOffset:
		for k, v := range r.Offsets {
			c.PutInt64(m.n+k, v)
		}
	case metaTime:
		for k, v := range r.Timestamps {
			c.PutInt64(m.n+k, v*1000)
		}
	case metaHeaders:
		var list []header
		for k := range n {
			var err error
			if list, err = lastHeaders(list[:0], payload, r.Headers[k]); err != nil {
				return err
			}
			putHeaders(c, m.n+k, list)
		}
	}
	return nil
}

// putSpans writes parts of a payload from slot at on.
func putSpans(c *columns.Column, at int, payload []byte, spans []format.Span) {
	for k, s := range spans {
		if !s.IsNull() {
			c.PutBytes(at+k, s.Of(payload))
		}
	}
}

// putText writes one text n times, from slot at on.
func putText(c *columns.Column, at, n int, text string) {
	b := []byte(text)
	for k := range n {
		c.PutBytes(at+k, b)
	}
}

// header is a header of a record, in its payload; a value of nil is NULL.
type header struct{ key, value []byte }

// lastHeaders appends the headers of a record: of equal keys the last one, in the
// place of the first.
func lastHeaders(list []header, payload []byte, headers format.Span) ([]header, error) {
	err := batch.EachHeader(payload, headers, func(key, value []byte) {
		for i := range list {
			if bytes.Equal(list[i].key, key) {
				list[i].value = value
				return
			}
		}
		list = append(list, header{key, value})
	})
	return list, err
}

// putHeaders writes a map of headers.
func putHeaders(c *columns.Column, row int, list []header) {
	at := c.Elems()
	keys, values := c.Child(0), c.Child(1)
	for i, h := range list {
		keys.PutBytes(at+i, h.key)
		if h.value != nil {
			values.PutBytes(at+i, h.value)
		}
	}
	c.PutList(row, at+len(list))
}

// finish gives the columns, a row for each row of recs.
func (m *metadata) finish(recs *connectors.Records) []arrow.Array {
	if !m.any {
		return nil
	}
	out := make([]arrow.Array, len(m.cols))
	for i, c := range m.cols {
		if c == nil {
			continue
		}
		out[i] = c.Finish(m.n)
		if recs.Of != nil {
			byRecord := out[i]
			out[i] = spread(byRecord, metadataType(m.chunk.layout.columns[i].Metadata), recs.Of, m.alloc)
			byRecord.Release()
		}
	}
	return out
}

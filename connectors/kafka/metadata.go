package kafka

import (
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
	if !m.any {
		return nil
	}
	for i, c := range m.cols {
		if c == nil {
			continue
		}
		for k := range r.Values {
			row := m.n + k
			switch m.chunk.layout.columns[i].Metadata {
			case metaKey:
				if !r.Keys[k].IsNull() {
					c.PutBytes(row, r.Keys[k].Of(payload))
				}
			case metaValue:
				if !r.Values[k].IsNull() {
					c.PutBytes(row, r.Values[k].Of(payload))
				}
			case metaTopic:
				c.PutBytes(row, []byte(m.chunk.tp.Topic))
			case metaPartition:
				c.PutInt32(row, m.chunk.tp.Partition)
			case metaOffset:
				c.PutInt64(row, r.Offsets[k])
			case metaTime:
				c.PutInt64(row, r.Timestamps[k]*1000)
			case metaTimeType:
				if p.LogAppendTime() {
					c.PutBytes(row, []byte("LogAppendTime"))
				} else {
					c.PutBytes(row, []byte("CreateTime"))
				}
			case metaEpoch:
				if p.LeaderEpoch >= 0 {
					c.PutInt32(row, p.LeaderEpoch)
				}
			case metaHeaders:
				if err := putHeaders(c, row, payload, r, k); err != nil {
					return err
				}
			}
		}
	}
	m.n += len(r.Values)
	return nil
}

// putHeaders makes a map of a record's headers.
func putHeaders(c *columns.Column, row int, payload []byte, r *batch.Records, k int) error {
	var list []connectors.Header
	if err := eachHeader(payload, r, k, func(h connectors.Header) { list = append(list, h) }); err != nil {
		return err
	}
	putHeaderMap(c, row, list)
	return nil
}

// eachHeader calls f with the headers of record k: of equal keys the last one, in
// the place of the first.
func eachHeader(payload []byte, r *batch.Records, k int, f func(connectors.Header)) error {
	var list []connectors.Header
	err := batch.EachHeader(payload, r.Headers[k], func(key, value []byte) {
		for i := range list {
			if list[i].Key == string(key) {
				list[i].Value = value
				return
			}
		}
		list = append(list, connectors.Header{Key: string(key), Value: value})
	})
	for _, h := range list {
		f(h)
	}
	return err
}

func putHeaderMap(c *columns.Column, row int, list []connectors.Header) {
	at := c.Elems()
	keys, values := c.Child(0), c.Child(1)
	for i, h := range list {
		keys.PutBytes(at+i, []byte(h.Key))
		if h.Value != nil {
			values.PutBytes(at+i, h.Value)
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

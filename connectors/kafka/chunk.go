package kafka

import (
	"fmt"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

// chunk is a run of records of a partition: parts of batches.
type chunk struct {
	layout  *layout
	tp      wire.TopicPartition
	buf     *buffer
	parts   []part
	records int
	bytes   int
	end     place

	index sync.Once // of raw
	raws  []rawRecord
}

// part is the records from to to of a batch.
type part struct {
	fetched
	from, to int
}

var _ connectors.Chunk = (*chunk)(nil)

// Records implements connectors.Chunk.
func (c *chunk) Records() int { return c.records }

// Bytes implements connectors.Chunk.
func (c *chunk) Bytes() int { return c.bytes }

// End implements connectors.Chunk.
func (c *chunk) End() connectors.Offset { return c.end.encode() }

// Release implements connectors.Chunk.
func (c *chunk) Release() {
	if c.buf != nil {
		c.buf.release()
		c.buf = nil
	}
}

// Decode implements connectors.Chunk.
func (c *chunk) Decode(alloc memory.Allocator) (*connectors.Records, error) {
	d := c.layout.get(alloc)
	recs, err := c.decode(d)
	if err != nil {
		d.value.Release()
		if d.key != nil {
			d.key.Release()
		}
		return nil, fmt.Errorf("%s: %w", name(c.tp), err)
	}
	c.layout.put(d)
	return recs, nil
}

func (c *chunk) decode(d *decoder) (*connectors.Records, error) {
	m := newMetadata(c, d.alloc)
	keys := keyBytes{want: c.layout.key != nil}
	times := make([]int64, 0, c.records)
	for i := range c.parts {
		p := &c.parts[i]
		payload, scratch, err := d.open.Payload(&p.Header, p.data, d.scratch)
		if scratch != nil {
			d.scratch = scratch
		}
		if err != nil {
			m.release()
			return nil, err
		}
		d.records.Reset()
		if err = d.records.Append(&p.Header, payload, p.from, p.to, c.layout.want); err == nil {
			err = d.value.Append(payload, d.records.Values)
		}
		if err == nil {
			err = m.add(p, payload, &d.records)
		}
		if err != nil {
			m.release()
			return nil, err
		}
		keys.add(payload, d.records.Keys)
		for _, t := range d.records.Timestamps {
			times = append(times, t*1000)
		}
	}
	recs, err := d.value.Finish()
	if err != nil {
		m.release()
		return nil, err
	}
	recs.Timestamps, recs.Raw, recs.Position, recs.Key, recs.Headers = times, c.raw, c.position, c.key, c.headers
	c.arrange(recs, m.finish(recs))
	if c.layout.key != nil {
		if err := c.decodeKeys(d, &keys, recs); err != nil {
			for _, a := range recs.Cols {
				if a != nil {
					a.Release()
				}
			}
			return nil, err
		}
	}
	return recs, nil
}

// arrange puts the columns of the value and those of metadata into their places.
func (c *chunk) arrange(recs *connectors.Records, metadata []arrow.Array) {
	if c.layout.straight {
		return
	}
	format.Place(recs, c.layout.valueCols, len(c.layout.columns))
	for i, a := range metadata {
		if a != nil {
			recs.Cols[i] = a
		}
	}
}

// keyBytes gathers the keys of a chunk, since payloads do not outlast their batch.
type keyBytes struct {
	want  bool
	data  []byte
	spans []format.Span
}

func (k *keyBytes) add(payload []byte, spans []format.Span) {
	if !k.want {
		return
	}
	for _, s := range spans {
		if s.IsNull() {
			k.spans = append(k.spans, s)
			continue
		}
		from := len(k.data)
		k.data = append(k.data, s.Of(payload)...)
		k.spans = append(k.spans, format.Span{Start: int32(from), End: int32(len(k.data))})
	}
}

// decodeKeys adds the columns that come from keys: a row for each row of the value.
func (c *chunk) decodeKeys(d *decoder, k *keyBytes, recs *connectors.Records) error {
	spans := k.spans
	if recs.Of != nil {
		spans = make([]format.Span, recs.N)
		for i, record := range recs.Of {
			spans[i] = k.spans[record]
		}
	}
	if err := d.key.Append(k.data, spans); err != nil {
		return err
	}
	if c.layout.upsert && len(c.layout.keyCols) > 0 {
		for row, s := range spans {
			if s.IsNull() {
				recs.Errors = append(recs.Errors, connectors.CellError{Row: int32(row), Col: int16(c.layout.keyCols[0]), Code: "NOT_NULL",
					Column: c.layout.columns[c.layout.keyCols[0]].Name, Detail: "the record has no key"})
			}
		}
	}
	keys := format.KeyColumns{Cols: c.layout.keyCols}
	return keys.AddTo(recs, d.key)
}

// rawRecord is what dead letters want of a record.
type rawRecord struct {
	value, key []byte
	offset     int64
	headers    []connectors.Header
}

// record finds record i; the first call reads all records again.
func (c *chunk) record(i int) rawRecord {
	c.index.Do(func() {
		var open batch.Decompressor
		defer open.Close()
		for i := range c.parts {
			p := &c.parts[i]
			payload, _, err := open.Payload(&p.Header, p.data, nil)
			var r batch.Records
			if err == nil {
				err = r.Append(&p.Header, payload, p.from, p.to, batch.Offsets|batch.Keys|batch.Headers)
			}
			if err != nil {
				return // Decode has said so
			}
			for k, v := range r.Values {
				raw := rawRecord{value: v.Of(payload), key: r.Keys[k].Of(payload), offset: r.Offsets[k]}
				// Decode has read these headers, if anybody wanted them.
				list, _ := lastHeaders(nil, payload, r.Headers[k])
				for _, h := range list {
					raw.headers = append(raw.headers, connectors.Header{Key: string(h.key), Value: h.value})
				}
				c.raws = append(c.raws, raw)
			}
		}
	})
	if i >= len(c.raws) {
		return rawRecord{}
	}
	return c.raws[i]
}

func (c *chunk) raw(i int) []byte { return c.record(i).value }

func (c *chunk) key(i int) []byte { return c.record(i).key }

func (c *chunk) headers(i int) []connectors.Header { return c.record(i).headers }

func (c *chunk) position(i int) string {
	return fmt.Sprintf("%s@%d", name(c.tp), c.record(i).offset)
}

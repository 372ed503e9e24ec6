package file

import (
	"fmt"
	"path"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/columns"
)

// chunk is a run of records of one file.
type chunk struct {
	src      *source
	in       input
	decode   *decoders
	buf      *buffer
	data     []byte
	records  int
	line     int64 // of the first byte, from 1
	pos      position
	oversize bool // data is the start of one record that is too long

	index sync.Once
	runs  []run // of each record; filled in when first asked for
}

// run is where a record lies in a chunk.
type run struct {
	start, end int
	line       int64 // of its first byte
}

// Records implements connectors.Chunk.
func (c *chunk) Records() int { return c.records }

// Bytes implements connectors.Chunk.
func (c *chunk) Bytes() int { return len(c.data) }

// End implements connectors.Chunk.
func (c *chunk) End() connectors.Offset { return c.pos.encode() }

// Release implements connectors.Chunk.
func (c *chunk) Release() {
	if c.buf != nil {
		c.buf.release()
		c.buf = nil
	}
}

// Decode implements connectors.Chunk.
func (c *chunk) Decode(alloc memory.Allocator) (*connectors.Records, error) {
	var recs *connectors.Records
	if c.oversize {
		recs = c.tooLong(alloc)
	} else {
		d := c.decode.get(alloc)
		var err error
		recs, err = d.Decode(c.data, c.records)
		c.decode.put(alloc, d)
		if err != nil {
			return nil, fmt.Errorf("%s, from line %d: %w", c.in.path, c.line, err)
		}
		if recs.Of == nil && recs.N != c.records {
			return nil, fmt.Errorf("%s, from line %d: %d records were decoded where %d were cut", c.in.path, c.line, recs.N, c.records)
		}
	}
	recs.Raw, recs.Position = c.raw, c.position
	c.src.addMetadata(recs, alloc, c.in, func(i int) int64 { return c.record(i).line })
	return recs, nil
}

// tooLong makes the row of a record beyond the limit.
func (c *chunk) tooLong(alloc memory.Allocator) *connectors.Records {
	recs := &connectors.Records{N: 1, Errors: []connectors.CellError{{
		Col: -1, Code: format.CodeMalformed, Detail: format.TooLong(c.src.maxRecord),
	}}}
	for _, i := range format.Decoded(c.src.columns) {
		recs.Cols = append(recs.Cols, columns.New(c.src.columns[i].Type, alloc).Finish(1))
	}
	return recs
}

// addMetadata puts the metadata columns of records of one file between the decoded
// ones; line gives the line of a record.
func (s *source) addMetadata(recs *connectors.Records, alloc memory.Allocator, in input, line func(record int) int64) {
	if s.toOutput == nil {
		return
	}
	format.Place(recs, s.toOutput, len(s.columns))
	for i, col := range s.columns {
		if format.OfTransport(col) {
			recs.Cols[i] = metadata(col, recs, alloc, in, line)
		}
	}
}

func metadata(col connectors.ScanColumn, recs *connectors.Records, alloc memory.Allocator, in input, line func(record int) int64) arrow.Array {
	b := columns.New(metadataType(col.Metadata), alloc)
	for i := range recs.N {
		switch col.Metadata {
		case metaPath:
			b.PutBytes(i, []byte(in.path))
		case metaName:
			b.PutBytes(i, []byte(path.Base(in.path)))
		case metaSize:
			b.PutInt64(i, in.size)
		case metaTime:
			b.PutInt64(i, in.mtime.UnixMilli()*1000)
		case metaLine:
			b.PutInt64(i, line(recs.Record(i)))
		}
	}
	return b.Finish(recs.N)
}

func metadataType(name string) catalog.Type {
	switch name {
	case metaPath, metaName:
		return catalog.String
	case metaTime:
		return catalog.TimestampLTZ3
	default:
		return catalog.BigInt
	}
}

// record finds record i; the first call finds all.
func (c *chunk) record(i int) run {
	c.index.Do(func() {
		c.runs = make([]run, 0, c.records)
		if c.oversize {
			c.runs = append(c.runs, run{0, len(c.data), c.line})
			return
		}
		at, line := 0, c.line
		one := connectors.Limits{Records: 1, Bytes: 1 << 62}
		for range c.records {
			cut := c.src.decoding.Cut(c.data[at:], one, true)
			c.runs = append(c.runs, run{at + cut.Lead, at + cut.Bytes, line + int64(cut.LeadLines)})
			at += cut.Bytes
			line += int64(cut.Lines)
		}
	})
	return c.runs[i]
}

// raw gives a record's bytes without its line end; of a record beyond the limit
// as many as the limit allows.
func (c *chunk) raw(i int) []byte {
	r := c.record(i)
	b := format.TrimLineEnd(c.data[r.start:r.end])
	return b[:min(len(b), c.src.maxRecord)]
}

func (c *chunk) position(i int) string {
	return fmt.Sprintf("%s:%d", c.in.path, c.record(i).line)
}

// decoders keeps the decoders of one kind of stream for reuse.
type decoders struct {
	stream format.Stream
	mu     sync.Mutex
	idle   []idleDecoder
}

type idleDecoder struct {
	alloc   memory.Allocator
	decoder format.Decoder
}

func newDecoders(s format.Stream) *decoders { return &decoders{stream: s} }

// maxIdle is more than the cores that decode one source.
const maxIdle = 64

func (d *decoders) get(alloc memory.Allocator) format.Decoder {
	d.mu.Lock()
	for i := len(d.idle) - 1; i >= 0; i-- {
		if d.idle[i].alloc == alloc {
			dec := d.idle[i].decoder
			d.idle = append(d.idle[:i], d.idle[i+1:]...)
			d.mu.Unlock()
			return dec
		}
	}
	d.mu.Unlock()
	return d.stream.NewDecoder(alloc)
}

func (d *decoders) put(alloc memory.Allocator, dec format.Decoder) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.idle) < maxIdle {
		d.idle = append(d.idle, idleDecoder{alloc, dec})
	}
}

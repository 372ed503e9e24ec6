package numbered

import (
	"context"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors"
)

// reader claims rows of one split.
type reader struct {
	source *Source
	split  string
	index  int64 // of the split
	next   int64 // rows of the split that are claimed
	count  int64 // rows of the split; -1: no end
	pace   *pace // nil: no limit
}

var _ connectors.SplitReader = (*reader)(nil)

// Fetch implements connectors.SplitReader.
func (r *reader) Fetch(_ context.Context, limits connectors.Limits) (connectors.Chunk, error) {
	if r.count >= 0 && r.next >= r.count {
		return nil, io.EOF
	}
	perRow := r.source.rows.RowBytes()
	n := int64(max(1, min(limits.Records, maxChunkRows, min(limits.Bytes, maxChunkBytes)/perRow)))
	if r.count >= 0 {
		n = min(n, r.count-r.next)
	}
	if r.pace != nil {
		n = min(n, r.due()-r.next)
		if n <= 0 {
			r.pace.wakeFor(r.number(r.next) - r.source.cfg.First)
			return nil, nil
		}
	}
	c := &chunk{reader: r, first: r.number(r.next), from: r.next, count: int(n)}
	r.next += n
	return c, nil
}

// number gives the number of row k of the split.
func (r *reader) number(k int64) int64 {
	return r.source.cfg.First + r.index + k*int64(r.source.cfg.Splits)
}

// due gives how many rows of the split are due by the pace.
func (r *reader) due() int64 {
	all := r.pace.due() // of all splits
	stride := int64(r.source.cfg.Splits)
	return (all - r.index + stride - 1) / stride
}

// Ready implements connectors.SplitReader. Without a pace there always is
// something, until the end.
func (r *reader) Ready() <-chan struct{} {
	if r.pace == nil {
		return nil
	}
	return r.pace.ready
}

// Close implements connectors.SplitReader.
func (r *reader) Close() error {
	if r.pace != nil {
		r.pace.close()
	}
	return nil
}

// chunk is a run of claimed rows: it holds no data until it is decoded.
type chunk struct {
	reader *reader
	first  int64 // number of the first row
	from   int64 // its position in the split
	count  int
}

// Records implements connectors.Chunk.
func (c *chunk) Records() int { return c.count }

// Bytes implements connectors.Chunk.
func (c *chunk) Bytes() int { return c.count * c.reader.source.rows.RowBytes() }

// End implements connectors.Chunk.
func (c *chunk) End() connectors.Offset { return encodeOffset(c.from + int64(c.count)) }

// Decode implements connectors.Chunk.
func (c *chunk) Decode(alloc memory.Allocator) (*connectors.Records, error) {
	s := c.reader.source
	stride := int64(s.cfg.Splits)
	return &connectors.Records{
		N:    c.count,
		Cols: s.rows.Columns(alloc, c.first, stride, c.count),
		Raw:  func(row int) []byte { return s.rows.Record(c.first + int64(row)*stride) },
		Position: func(row int) string {
			return fmt.Sprintf("%s/%s@%d", s.cfg.Name, c.reader.split, c.first+int64(row)*stride)
		},
	}, nil
}

// Release implements connectors.Chunk.
func (c *chunk) Release() {}

package op

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/exec/column"
)

// Batch is a run of rows in columns.
type Batch struct {
	N    int
	Cols []arrow.Array
	// Kinds are the rows' kinds; nil: all +I. Append-only edges carry none.
	Kinds []catalog.RowKind
	// W is each row's watermark, us: the greatest watermark value over the
	// earlier rows of its split. nil: nobody above needs it, or no row of the
	// batch can be late.
	W []int64
	// Origin ties rows to source records, up to the first exchange; nil beyond.
	Origin *Origin
	// Payload is what two halves of one operator say to each other across an
	// exchange instead of Cols (partial aggregates). N counts its rows.
	Payload Payload
}

// Origin is what it takes to judge the records of a batch and to say where a
// row in error comes from.
type Origin struct {
	Source  string
	Records *connectors.Records
	// Rows gives each row's record; nil: row i is record i.
	Rows []int32
	// Skewed lists rows whose time is beyond MAX FUTURE SKEW, ascending.
	Skewed []int32
	// Split orders the splits of all sources, by source name and split; First is
	// the number of record 0 within its split.
	Split, First int64
}

// Payload is an operator's own form of rows, split by shard.
type Payload interface {
	// Part gives what goes to a shard, or nil.
	Part(shard int) Payload
	// Bytes is about its size.
	Bytes() int
}

// Retain takes a reference on every column.
func (b *Batch) Retain() {
	for _, c := range b.Cols {
		c.Retain()
	}
}

// Release gives back a reference on every column.
func (b *Batch) Release() {
	for _, c := range b.Cols {
		c.Release()
	}
}

// Record is the record that row i of the batch comes from.
func (o *Origin) Record(i int) int {
	if o.Rows == nil {
		return i
	}
	return int(o.Rows[i])
}

// Select is the origin of the rows sel of the batch.
func (o *Origin) Select(sel []int32) *Origin {
	s := *o
	s.Rows = sel
	if o.Rows != nil {
		s.Rows = make([]int32, len(sel))
		for i, r := range sel {
			s.Rows[i] = o.Rows[r]
		}
	}
	return &s
}

// Gather makes a batch of the rows sel of b, with all that goes with a row. The
// caller releases it.
func (b *Batch) Gather(sel []int32, alloc memory.Allocator) *Batch {
	out := b.meta(sel)
	out.Cols = make([]arrow.Array, len(b.Cols))
	for i, c := range b.Cols {
		out.Cols[i] = column.Gather(c, sel, alloc)
	}
	return out
}

// With makes a batch with the given columns, which hold the rows sel of b (nil:
// all), and whatever else goes with these rows. It takes over the columns.
func (b *Batch) With(cols []arrow.Array, sel []int32) *Batch {
	if sel == nil {
		return &Batch{N: b.N, Cols: cols, Kinds: b.Kinds, W: b.W, Origin: b.Origin}
	}
	out := b.meta(sel)
	out.Cols = cols
	return out
}

func (b *Batch) meta(sel []int32) *Batch {
	out := &Batch{N: len(sel)}
	if b.Kinds != nil {
		out.Kinds = make([]catalog.RowKind, len(sel))
		for i, r := range sel {
			out.Kinds[i] = b.Kinds[r]
		}
	}
	if b.W != nil {
		out.W = make([]int64, len(sel))
		for i, r := range sel {
			out.W[i] = b.W[r]
		}
	}
	if b.Origin != nil {
		out.Origin = b.Origin.Select(sel)
	}
	return out
}

// Kind is the kind of row i.
func (b *Batch) Kind(i int) catalog.RowKind {
	if b.Kinds == nil {
		return catalog.Insert
	}
	return b.Kinds[i]
}

// Bytes is about what the batch holds in memory.
func (b *Batch) Bytes() int {
	n := 9 * len(b.W)
	if b.Payload != nil {
		n += b.Payload.Bytes()
	}
	for _, c := range b.Cols {
		n += arrayBytes(c.Data(), b.N)
	}
	return n
}

func arrayBytes(d arrow.ArrayData, rows int) int {
	n := 0
	for i, buf := range d.Buffers() {
		if buf == nil {
			continue
		}
		// A slice of a larger array counts its share of the values.
		if i < 2 && d.Len() > 0 && buf.Len() > 64*d.Len() {
			n += 8 * d.Len()
			continue
		}
		n += buf.Len()
	}
	for _, c := range d.Children() {
		n += arrayBytes(c, rows)
	}
	return n
}

package window

import (
	"sync"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
)

// payload is the partial aggregate of a chunk's rows of one bucket, by shard.
type payload struct {
	bucket int64
	rows   int64 // rows that went into it
	parts  []*agg.Partial
	first  int        // the shard that accounts for the rows
	pool   *sync.Pool // where parts go once they are imported
}

// Part implements op.Payload.
func (p *payload) Part(shard int) op.Payload {
	if p.parts[shard].Len() == 0 {
		return nil
	}
	one := &payload{bucket: p.bucket, parts: p.parts[shard : shard+1], pool: p.pool}
	if shard == p.first {
		one.rows = p.rows
	}
	return one
}

// Bytes implements op.Payload.
func (p *payload) Bytes() int {
	n := 0
	for _, q := range p.parts {
		n += q.Bytes()
	}
	return n
}

// panesPayload is the partial aggregate of a chunk's rows of all buckets, by shard.
// Each shard accounts for the rows of its groups.
type panesPayload struct {
	parts []*agg.Partial
	pool  *sync.Pool
}

// Part implements op.Payload.
func (p *panesPayload) Part(shard int) op.Payload {
	if p.parts[shard].Len() == 0 {
		return nil
	}
	return &panesPayload{p.parts[shard : shard+1], p.pool}
}

// Bytes implements op.Payload.
func (p *panesPayload) Bytes() int {
	n := 0
	for _, q := range p.parts {
		n += q.Bytes()
	}
	return n
}

// preAgg aggregates the rows of a chunk before they are sent.
type preAgg struct {
	ctx    *op.Context
	agg    *agg.Aggregator
	groups *agg.Groups
	pool   sync.Pool
	panes  []agg.PaneRows
}

// partial gives an empty partial, one that was used before if there is one.
func (p *preAgg) partial() *agg.Partial {
	if q, ok := p.pool.Get().(*agg.Partial); ok {
		q.Reset()
		return q
	}
	return &agg.Partial{}
}

// aggregate makes the payload of the rows sel of one bucket.
func (p *preAgg) aggregate(bucket int64, cols []arrow.Array, rows colvec.Rows) *payload {
	out := &payload{bucket: bucket, rows: int64(rows.Len()), parts: make([]*agg.Partial, p.ctx.Shards), pool: &p.pool}
	for i := range out.parts {
		out.parts[i] = p.partial()
	}
	p.agg.PreAggregate(p.groups, cols, rows, out.parts, p.ctx.ShardOf)
	for out.parts[out.first].Len() == 0 {
		out.first++
	}
	return out
}

// aggregatePanes makes the payload of the rows of all buckets.
func (p *preAgg) aggregatePanes(found []part, cols []arrow.Array) *panesPayload {
	out := &panesPayload{parts: make([]*agg.Partial, p.ctx.Shards), pool: &p.pool}
	for i := range out.parts {
		out.parts[i] = p.partial()
	}
	p.panes = p.panes[:0]
	for _, x := range found {
		p.panes = append(p.panes, agg.PaneRows{Bucket: x.bucket, Rows: colvec.Ascending(x.sel)})
	}
	p.agg.PreAggregatePanes(p.groups, p.panes, cols, out.parts, p.ctx.ShardOf)
	return out
}

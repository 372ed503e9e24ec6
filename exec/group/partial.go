package group

import (
	"sync"

	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// payload is the partial aggregate of a chunk's rows, by shard.
type payload struct {
	parts []*agg.Partial
	pool  *sync.Pool // where parts go once they are imported
}

// Part implements op.Payload.
func (p *payload) Part(shard int) op.Payload {
	if p.parts[shard].Len() == 0 {
		return nil
	}
	return &payload{p.parts[shard : shard+1], p.pool}
}

// Bytes implements op.Payload.
func (p *payload) Bytes() int {
	n := 0
	for _, q := range p.parts {
		n += q.Bytes()
	}
	return n
}

// pre is the half of a two-phase GROUP BY that runs before the exchange: it
// aggregates each chunk by itself.
type pre struct {
	ctx    *op.Context
	agg    *agg.Aggregator
	groups *agg.Groups
	pool   sync.Pool
}

var _ op.Operator = (*pre)(nil)

// NewPre makes the first half of the operator; in is its input, which appends
// only.
func NewPre(o *planner.GroupAgg, in []planner.Column, ctx *op.Context) (op.Operator, error) {
	cfg, err := agg.Of(o.Keys, o.Aggs, in, false)
	if err != nil {
		return nil, err
	}
	a, err := agg.New(cfg)
	if err != nil {
		return nil, err
	}
	return &pre{ctx: ctx, agg: a, groups: a.Open(nil, 0, 0)}, nil
}

// Process implements op.Operator.
func (p *pre) Process(_ int, b *op.Batch, out op.Output) error {
	p.ctx.Counters[op.CountApplied] += int64(b.N)
	parts := make([]*agg.Partial, p.ctx.Shards)
	for i := range parts {
		if q, ok := p.pool.Get().(*agg.Partial); ok {
			q.Reset()
			parts[i] = q
		} else {
			parts[i] = &agg.Partial{}
		}
	}
	p.agg.PreAggregate(p.groups, b.Cols, colvec.All(b.N), parts, p.ctx.ShardOf)
	return out.Emit(planner.MainPort, &op.Batch{N: b.N, Payload: &payload{parts, &p.pool}})
}

// Advance implements op.Operator.
func (p *pre) Advance(_ int, w int64, out op.Output) error { return out.Watermark(w) }

// End implements op.Operator.
func (p *pre) End(_ int, out op.Output) error { return out.End() }

// Close implements op.Operator.
func (p *pre) Close() {}

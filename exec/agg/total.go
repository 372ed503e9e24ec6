package agg

import (
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// A total is the group of an empty grouping set: its last key, a BIGINT, is the
// number of the set, all others are NULL. It has a result over no rows too.

// totalKey encodes the key of a total.
func (a *Aggregator) totalKey(number int64) *hash.Keys {
	last := len(a.keys) - 1
	a.cols[last] = nil
	for i := range last {
		a.cols[i] = array.NewNull(1)
	}
	return a.enc.EncodeNumbered(nil, a.cols, colvec.All(1), last, number)
}

// TotalGroup is the key group of a total.
func (a *Aggregator) TotalGroup(number int64) int { return hash.Group(a.totalKey(number).Hash[0]) }

// Total makes the group of a total, without rows, if there is none.
func (a *Aggregator) Total(g *Groups, number int64) {
	a.ensure(g, a.totalKey(number))
}

// ensure makes the group of a key, without rows, if there is none.
func (a *Aggregator) ensure(g *Groups, k *hash.Keys) {
	n := g.Len()
	if g.table.Upsert(k, &a.refs); g.Len() > n {
		g.touch(&a.refs)
	}
}

// LastKey is the last key of a group, which must be a BIGINT.
func (a *Aggregator) LastKey(g *Groups, id uint32) int64 {
	return a.layout.Int(len(a.keys)-1, g.table.Row(id))
}

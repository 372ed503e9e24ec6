package planner

import (
	"fmt"
	"slices"
)

// single brings all rows to one shard.
func (b *builder) single(in *Node, r rel) *Node {
	if in.Props.Single {
		return in
	}
	return b.node(&Exchange{Kind: SingleExchange}, r, from(in), in.Cols, "single")
}

// spread brings the rows of an operator with state to the shards of their keys. That
// rows with equal keys are together by fewer columns, or all on one shard, is not
// enough: after a restart with other shards a key's state is looked for where the
// hash of exactly its columns says, in this order.
func (b *builder) spread(in *Node, keys []int, r rel) *Node {
	if len(keys) == 0 {
		return b.single(in, r)
	}
	if slices.Equal(in.Props.Hash, keys) && !in.Props.Single {
		return in
	}
	return b.node(&Exchange{Kind: HashExchange, Keys: slices.Clone(keys)}, r, from(in), in.Cols, fmt.Sprint("hash", keys))
}

// together brings rows with equal values of some columns to one shard, for an
// operator without state; where they are together already, nothing is done.
func (b *builder) together(in *Node, cols []int) *Node {
	if in.Props.Single || in.Props.Hash != nil && subset(in.Props.Hash, cols) {
		return in
	}
	return b.spread(in, cols, nil)
}

func subset(a, of []int) bool {
	for _, x := range a {
		if !slices.Contains(of, x) {
			return false
		}
	}
	return true
}

package planner

import (
	"slices"

	"github.com/streamsql/streamsql/catalog"
)

// inferJoin finds the row kinds, keys and distribution of a regular join. What it
// takes back it takes back whole, as -D: a changed row may have other partners.
func (b *builder) inferJoin(n *Node, op *Join) {
	left, right := n.Inputs[0].From, n.Inputs[1].From
	n.Props.OrderSensitive = op.Forgets()
	n.Props.Kinds = KindSet(0).With(catalog.Insert)
	if !left.Props.Kinds.AppendOnly() || !right.Props.Kinds.AppendOnly() || op.Kind != InnerJoin && op.Kind != SemiJoin {
		n.Props.Kinds = n.Props.Kinds.With(catalog.Delete)
	}
	for _, key := range joinKeys(op, b.keys[left], b.keys[right], left.Cols, right.Cols) {
		if moved, ok := op.emitted(key, 0); ok {
			b.keys[n] = append(b.keys[n], moved)
		}
	}
	switch op.Kind {
	case InnerJoin:
		if moved, ok := op.emitted(op.LeftKeys, 0); ok && len(moved) > 0 {
			n.Props.Hash = moved
		} else if moved, ok := op.emitted(op.RightKeys, len(left.Cols)); ok && len(moved) > 0 {
			n.Props.Hash = moved
		}
	case LeftJoin, SemiJoin, AntiJoin:
		if moved, ok := op.emitted(op.LeftKeys, 0); ok && len(moved) > 0 {
			n.Props.Hash = moved
		}
	case RightJoin:
		if moved, ok := op.emitted(op.RightKeys, len(left.Cols)); ok && len(moved) > 0 {
			n.Props.Hash = moved
		}
	}
}

// emitted gives the places in the output of columns of a side, which begins at from.
func (o *Join) emitted(cols []int, from int) ([]int, bool) {
	out := make([]int, 0, len(cols))
	for _, c := range cols {
		i := slices.Index(o.Emit, from+c)
		if i < 0 {
			return nil, false
		}
		out = append(out, i)
	}
	return out, true
}

// maxKeys is how many keys of a join are followed: the pairs of both sides' keys
// would soon be many.
const maxKeys = 4

// joinKeys gives the unique keys of a join, as columns of both sides. A row of one
// side whose partner is unique comes out once at most; else a key of both sides
// tells the pairs apart.
func joinKeys(op *Join, left, right [][]int, leftCols, rightCols []Column) [][]int {
	n := len(leftCols)
	if op.Kind.oneSided() {
		return left
	}
	var out [][]int
	shifted := make([][]int, len(right))
	unique := func(keys [][]int, cols []int) bool {
		return slices.ContainsFunc(keys, func(k []int) bool { return subset(k, cols) })
	}
	for i, k := range right {
		for _, c := range k {
			shifted[i] = append(shifted[i], n+c)
		}
	}
	if op.Kind != FullJoin && op.Kind != RightJoin && unique(right, op.RightKeys) {
		out = append(out, left...)
	}
	if op.Kind != FullJoin && op.Kind != LeftJoin && unique(left, op.LeftKeys) {
		out = append(out, shifted...)
	}
	for _, l := range left {
		for i, r := range shifted {
			if op.Kind == FullJoin && !anyNotNull(l, leftCols) && !anyNotNull(right[i], rightCols) {
				continue // the row of the key NULL of each side, padded, would look the same
			}
			out = append(out, append(slices.Clip(l), r...))
		}
	}
	return out[:min(len(out), maxKeys)]
}

func anyNotNull(key []int, cols []Column) bool {
	return slices.ContainsFunc(key, func(c int) bool { return cols[c].NotNull })
}

package planner

import (
	"slices"
	"time"

	"github.com/streamsql/streamsql/catalog"
)

// connected gives a chain of inner joins, as FROM a, b, c makes it, in another order
// if as it stands there would be more pairs of all rows with all rows: FROM a, b, c
// WHERE a.x = c.x AND c.y = b.y joins a with c first. preds are conjuncts over its
// columns. The answer is the same, and so are the columns and their order. It gives
// the chain itself where nothing is won.
func connected(top *joinRel, preds []catalog.Expr) rel {
	items, widths, on := chain(top)
	if len(items) < 3 {
		return top
	}
	preds = append(slices.Clone(on), preds...)
	if anyCanFail(preds) {
		return top // the pairs on which a condition fails must be the same ones
	}
	reads := make([]uint64, 0, len(preds)) // the items that a predicate reads, as a set
	for _, p := range preds {
		set := uint64(0)
		for _, c := range columnsOf(p) {
			at, _ := slices.BinarySearch(widths, c+1)
			set |= 1 << at
		}
		if volatility(p) == catalog.Immutable {
			reads = append(reads, set)
		}
	}
	// joins says whether a predicate ties an item to some of those before it.
	joins := func(have uint64, item int) bool {
		return slices.ContainsFunc(reads, func(set uint64) bool {
			return set&(1<<item) != 0 && set&have != 0 && set&^(have|1<<item) == 0
		})
	}
	written, crosses := uint64(1), 0
	for i := 1; i < len(items); i++ {
		if !joins(written, i) {
			crosses++
		}
		written |= 1 << i
	}
	if crosses == 0 {
		return top
	}
	order, have := []int{0}, uint64(1)
	for len(order) < len(items) {
		next := -1
		for i := range items {
			if have&(1<<i) == 0 && joins(have, i) {
				next = i
				break
			}
		}
		if next < 0 {
			crosses--
			for next = 0; have&(1<<next) != 0; next++ {
			}
		}
		order, have = append(order, next), have|1<<next
	}
	if crosses <= 0 {
		return top
	}
	return reordered(top, items, widths, on, order)
}

// chain takes the inner joins on the left of a join apart: what they join, where the
// columns of each end, and their conditions. A chain is no longer than the 64 items
// that a set of them has room for.
func chain(top *joinRel) (items []rel, ends []int, on []catalog.Expr) {
	var r rel = top
	for len(items) < 63 {
		j, ok := r.(*joinRel)
		if !ok || !j.plainInner() {
			break
		}
		items, on = append(items, j.right), append(j.conditions(), on...)
		r = j.left
	}
	items = append(items, r)
	slices.Reverse(items)
	end := 0
	for _, r := range items {
		end += len(r.cols())
		ends = append(ends, end)
	}
	return items, ends, on
}

// plainInner says that a join of the block at hand is an inner one by its condition
// alone.
func (r *joinRel) plainInner() bool {
	return r.mode == unsettledJoin && r.kind == InnerJoin && !r.versioned() && r.lookup == nil && r.match == nil && r.notIn == nil && r.ttl == [2]time.Duration{}
}

// reordered makes the joins in another order, below a projection that brings their
// columns back to where they were.
func reordered(top *joinRel, items []rel, ends []int, on []catalog.Expr, order []int) rel {
	cols := top.cols()
	moved := make([]int, len(cols)) // where a column is now
	out, at := items[order[0]], 0
	for n, i := range order {
		first := ends[i] - len(items[i].cols())
		for c := range items[i].cols() {
			moved[first+c] = at + c
		}
		at += len(items[i].cols())
		if n > 0 {
			j := *top
			j.left, j.right, j.on, j.leftTable, j.rightTable = out, items[i], nil, "", ""
			j.out = joinColumns(InnerJoin, out.cols(), items[i].cols())
			out = &j
		}
	}
	j := out.(*joinRel)
	if len(on) > 0 {
		j.on = shift(conjunction(on), func(i int) int { return moved[i] })
	}
	p := &projectRel{in: j, out: slices.Clone(cols), place: top.place}
	for i := range cols {
		p.exprs = append(p.exprs, ref(j.out, moved[i]))
	}
	return p
}

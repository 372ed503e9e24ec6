package window

import (
	"cmp"
	"slices"
)

// buckets holds the buckets of an aggregation, found by number and, what fires
// and expires from the front, in order.
type buckets struct {
	known map[int64]*bucket
	panes []*bucket // or windows that stand in columns; ascending
	own   []*bucket // those of one window alone; ascending
}

func newBuckets() buckets { return buckets{known: map[int64]*bucket{}} }

// find gives a bucket, nil if there is none.
func (b *buckets) find(n int64) *bucket { return b.known[n] }

func (b *buckets) add(x *bucket, own bool) {
	b.known[x.n] = x
	list := &b.panes
	if own {
		list = &b.own
	}
	i := len(*list)
	if i > 0 && (*list)[i-1].n > x.n {
		i = position(*list, x.n)
	}
	*list = slices.Insert(*list, i, x)
}

// position is where bucket n stands, or would stand.
func position(list []*bucket, n int64) int {
	i, _ := slices.BinarySearchFunc(list, n, func(x *bucket, n int64) int { return cmp.Compare(x.n, n) })
	return i
}

// between lists the panes numbered from up to below to.
func (b *buckets) between(from, to int64) []*bucket {
	i := position(b.panes, from)
	j := i
	for j < len(b.panes) && b.panes[j].n < to {
		j++
	}
	return b.panes[i:j]
}

// drop forgets the buckets that are over. A pane is over no later than those
// after it.
func (b *buckets) drop(over func(n int64) bool, dropped func(*bucket)) {
	k := 0
	for k < len(b.panes) && over(b.panes[k].n) {
		delete(b.known, b.panes[k].n)
		dropped(b.panes[k])
		k++
	}
	b.panes = slices.Delete(b.panes, 0, k)
	b.own = slices.DeleteFunc(b.own, func(x *bucket) bool {
		if !over(x.n) {
			return false
		}
		delete(b.known, x.n)
		dropped(x)
		return true
	})
}

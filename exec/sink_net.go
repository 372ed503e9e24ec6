package exec

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/op"
)

// changes collects the changes of an epoch for a sink that replaces by key, where
// those of one key come from several shards in any order: -D of the old row may
// come after +I of the new one. Every -D has the row that it takes back, so of each
// key's rows those that cancel out go, and what is left is the change.
type changes struct {
	batches []*op.Batch
	rows    int
}

func (c *changes) add(b *op.Batch) {
	kept := &op.Batch{N: b.N, Cols: b.Cols, Kinds: slices.Clone(b.Kinds)}
	kept.Retain()
	c.batches = append(c.batches, kept)
	c.rows += b.N
}

// net gives one change for each key whose row has changed, and begins anew. It is nil
// if nothing has.
func (c *changes) net(key []int, ctx *op.Context) (*op.Batch, error) {
	if c.rows == 0 {
		return nil, nil
	}
	defer c.release()
	all := &op.Batch{N: c.rows}
	defer all.Release()
	parts := make([]arrow.Array, len(c.batches))
	for k := range c.batches[0].Cols {
		for i, b := range c.batches {
			parts[i] = b.Cols[k]
		}
		a, err := column.Concat(parts, ctx.Alloc)
		if err != nil {
			return nil, err
		}
		all.Cols = append(all.Cols, a)
	}
	adds := make([]bool, 0, c.rows)
	for _, b := range c.batches {
		for i := range b.N {
			adds = append(adds, b.Kind(i).Adds())
		}
	}
	sel, kinds := standing(all, key, adds)
	if len(sel) == 0 {
		return nil, nil
	}
	out := all.Gather(sel, ctx.Alloc)
	out.Kinds = kinds
	return out, nil
}

// standing finds, for each key, the row that is new, or else the one that is gone.
func standing(all *op.Batch, key []int, adds []bool) (sel []int32, kinds []catalog.RowKind) {
	order := make([]int32, all.N)
	for i := range order {
		order[i] = int32(i)
	}
	byKey := compareBy(all.Cols, key)
	every := make([]int, len(all.Cols))
	for i := range every {
		every[i] = i
	}
	same := compareBy(all.Cols, every)
	slices.SortStableFunc(order, func(a, b int32) int {
		if c := byKey(int(a), int(b)); c != 0 {
			return c
		}
		return same(int(a), int(b))
	})
	for from := 0; from < len(order); {
		added, gone := int32(-1), int32(-1)
		to := from
		for to < len(order) && byKey(int(order[from]), int(order[to])) == 0 {
			// Equal rows stand together: what they come to.
			first, n := order[to], 0
			for to < len(order) && same(int(first), int(order[to])) == 0 && byKey(int(first), int(order[to])) == 0 {
				if n--; adds[order[to]] {
					n += 2
				}
				to++
			}
			switch {
			case n > 0:
				added = first
			case n < 0:
				gone = first
			}
		}
		switch {
		case added >= 0 && gone >= 0:
			sel, kinds = append(sel, added), append(kinds, catalog.UpdateAfter)
		case added >= 0:
			sel, kinds = append(sel, added), append(kinds, catalog.Insert)
		case gone >= 0:
			sel, kinds = append(sel, gone), append(kinds, catalog.Delete)
		}
		from = to
	}
	return sel, kinds
}

func compareBy(cols []arrow.Array, by []int) func(i, j int) int {
	cmp := make([]func(i, j int) int, len(by))
	for k, c := range by {
		cmp[k] = column.NullsLast(cols[c], cols[c])
	}
	return func(i, j int) int {
		for _, f := range cmp {
			if c := f(i, j); c != 0 {
				return c
			}
		}
		return 0
	}
}

func (c *changes) release() {
	for _, b := range c.batches {
		b.Release()
	}
	c.batches, c.rows = nil, 0
}

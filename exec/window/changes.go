package window

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/op"
)

// changes finds what a merge of new rows changes about groups that have been
// given out: their results before it, and after.
type changes struct {
	ctx    *op.Context
	agg    *agg.Aggregator
	before bool // the results before are wanted
	g      *agg.Groups
	olds   [][]arrow.Array // results of groups that are about to change
	at     []int32         // of touched group i, the row in olds put together; -1: not given out
	rows   int32
}

// noFail is for results that have been given out: they are not in error.
func noFail(int, string, string) {}

// note is called by Groups before groups change for the first time.
func (c *changes) note(ids []uint32) {
	var said []uint32
	for _, id := range ids {
		at := int32(-1)
		if c.before && c.g.Emitted(id) {
			at = c.rows
			c.rows++
			said = append(said, id)
		}
		c.at = append(c.at, at)
	}
	if len(said) > 0 {
		c.olds = append(c.olds, c.agg.Emit(c.g, said, c.ctx.Alloc, noFail))
	}
}

// merge adds the groups of add to g and gives out what that changes, through
// emit: columns of keys and aggregates, and the rows' kinds.
func (c *changes) merge(g, add *agg.Groups, emit func(cols []arrow.Array, kinds []catalog.RowKind) error) error {
	c.g, c.at, c.rows = g, c.at[:0], 0
	defer c.reset()
	g.Track(c.note)
	c.agg.Merge(g, add, nil)
	ids := g.Touched()
	for from := 0; from < len(ids); from += c.ctx.BatchRows {
		to := min(len(ids), from+c.ctx.BatchRows)
		if err := c.emit(ids[from:to], c.at[from:to], emit); err != nil {
			return err
		}
	}
	g.ResetTouched()
	return nil
}

func (c *changes) reset() {
	for _, cols := range c.olds {
		release(cols)
	}
	c.olds = c.olds[:0]
}

func release(cols []arrow.Array) {
	for _, a := range cols {
		a.Release()
	}
}

// emit gives out the changes of some groups. A group whose result is in error is
// taken back until the window closes: then it is judged.
func (c *changes) emit(ids []uint32, at []int32, emit func([]arrow.Array, []catalog.RowKind) error) error {
	bad := map[int]bool{}
	news := c.agg.Emit(c.g, ids, c.ctx.Alloc, func(i int, _, _ string) { bad[i] = true })
	defer release(news)
	all, err := c.behind(news)
	if err != nil {
		return err
	}
	defer release(all)
	same := c.unchanged(all)
	n := int32(len(ids))
	var sel []int32
	var kinds []catalog.RowKind
	put := func(row int32, k catalog.RowKind) { sel, kinds = append(sel, row), append(kinds, k) }
	for i, id := range ids {
		said, old := c.g.Emitted(id), n+at[i]
		switch {
		case bad[i]:
			if said {
				if at[i] < 0 {
					old = int32(i) // the key is what counts
				}
				put(old, catalog.Delete)
			}
		case !said:
			put(int32(i), catalog.Insert)
		case at[i] < 0:
			put(int32(i), catalog.UpdateAfter)
		case !same(int32(i), old):
			put(old, catalog.UpdateBefore)
			put(int32(i), catalog.UpdateAfter)
		}
		c.g.SetEmitted(id, !bad[i])
	}
	if len(sel) == 0 {
		return nil
	}
	cols := make([]arrow.Array, len(all))
	for i, a := range all {
		cols[i] = column.Gather(a, sel, c.ctx.Alloc)
	}
	return emit(cols, kinds)
}

// behind puts the old results behind the new ones.
func (c *changes) behind(news []arrow.Array) ([]arrow.Array, error) {
	all := make([]arrow.Array, 0, len(news))
	for i, a := range news {
		parts := []arrow.Array{a}
		for _, cols := range c.olds {
			parts = append(parts, cols[i])
		}
		if len(parts) == 1 {
			a.Retain()
			all = append(all, a)
			continue
		}
		whole, err := column.Concat(parts, c.ctx.Alloc)
		if err != nil {
			release(all)
			return nil, err
		}
		all = append(all, whole)
	}
	return all, nil
}

// unchanged compares two rows.
func (c *changes) unchanged(all []arrow.Array) func(i, j int32) bool {
	var cmp []func(i, j int) int
	for _, a := range all {
		cmp = append(cmp, column.NullsLast(a, a))
	}
	return func(i, j int32) bool {
		for _, f := range cmp {
			if f(int(i), int(j)) != 0 {
				return false
			}
		}
		return true
	}
}

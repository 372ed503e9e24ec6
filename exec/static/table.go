package static

import (
	"fmt"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/planner"
)

// Table is a static table with an index over its keys. It is immutable; its
// columns are left to the garbage collector, since a reload can't know who still
// reads them.
type Table struct {
	n      int
	cols   []arrow.Array
	lookup *hash.Lookup // nil: there are no keys, every row matches
	// nulls says that a row has a NULL key, which matters to NOT IN.
	nulls bool
}

// Release gives the columns back: for a table that is known to be read no more.
func (t *Table) Release() {
	for _, c := range t.cols {
		c.Release()
	}
}

// Current is the Table that operators look into now.
type Current struct{ p atomic.Pointer[Table] }

// Set puts a table into the place of the one before.
func (c *Current) Set(t *Table) { c.p.Store(t) }

// Layout is how the key columns of a join are compared; nil without keys.
func Layout(o *planner.StaticJoin) (*hash.Layout, error) {
	if len(o.TableKeys) == 0 {
		return nil, nil
	}
	types := make([]catalog.Type, len(o.TableKeys))
	for i, k := range o.TableKeys {
		types[i] = o.TableCols[k].Type
	}
	l, err := hash.NewLayout(types)
	if err != nil {
		return nil, fmt.Errorf("join: %w", err)
	}
	return l, nil
}

// NewTable makes the table of a join of batches of its columns, which it takes
// over, with n rows in all: there may be no column.
func NewTable(o *planner.StaticJoin, batches [][]arrow.Array, n int, alloc memory.Allocator) (*Table, error) {
	t := &Table{n: n}
	for c, col := range o.TableCols {
		parts := make([]arrow.Array, len(batches))
		for i, b := range batches {
			parts[i] = b[c]
		}
		if len(parts) == 0 {
			parts = []arrow.Array{column.NewNull(alloc, col.Type.Arrow(), 0)}
		}
		a, err := column.Concat(parts, alloc)
		if err != nil {
			return nil, err
		}
		for _, p := range parts {
			p.Release()
		}
		t.cols = append(t.cols, a)
	}
	l, err := Layout(o)
	if err != nil || l == nil {
		return t, err
	}
	keys := make([]arrow.Array, len(o.TableKeys))
	for i, k := range o.TableKeys {
		keys[i] = t.cols[k]
	}
	null := nullKeys(keys, o.NullSafe)
	if null != nil {
		for row := range t.n {
			t.nulls = t.nulls || null(row)
		}
	}
	t.lookup = hash.NewLookup(l, keys, t.n, null)
	return t, nil
}

// nullKeys says of which rows a key is NULL that then equals none; nil: of none.
func nullKeys(keys []arrow.Array, nullSafe []bool) func(row int) bool {
	var valid []column.Bits
	for i, k := range keys {
		if nullSafe[i] {
			continue
		}
		if column.AllNull(k) {
			return func(int) bool { return true }
		}
		if v := column.Validity(k); !v.All() {
			valid = append(valid, v)
		}
	}
	if valid == nil {
		return nil
	}
	return func(row int) bool {
		for _, v := range valid {
			if !v.Get(row) {
				return true
			}
		}
		return false
	}
}

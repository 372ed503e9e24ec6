package keyed

import (
	"encoding/binary"
	"slices"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
)

// Index holds records by key. It is safe for concurrent use.
type Index struct {
	mu      sync.Mutex
	keys    []int
	columns []connectors.ScanColumn
	batches []*batch
	rows    map[string][]row
}

type batch struct {
	cols   []arrow.Array
	errors []connectors.CellError
}

// row is a row of a batch.
type row struct {
	batch *batch
	i     int
}

// New makes an empty index for what is to be looked up.
func New(cfg connectors.LookupConfig) *Index {
	return &Index{keys: cfg.Keys, columns: cfg.Columns, rows: map[string][]row{}}
}

// Add takes up records, in their order; those that take a row back remove the last
// one that is equal to it. A record that is bad as a whole, or has a key that is
// NULL or bad, is never found. The columns are kept.
func (x *Index) Add(r *connectors.Records) {
	x.mu.Lock()
	defer x.mu.Unlock()
	b := &batch{cols: r.Cols, errors: r.Errors}
	x.batches = append(x.batches, b)
	for i := range r.N {
		if b.lost(i, x.keys) {
			continue
		}
		key := text(b.cols, x.keys, i)
		if r.Kinds == nil || r.Kinds[i] == catalog.Insert || r.Kinds[i] == catalog.UpdateAfter {
			x.rows[key] = append(x.rows[key], row{b, i})
			continue
		}
		all := make([]int, len(b.cols))
		for c := range all {
			all[c] = c
		}
		gone := text(b.cols, all, i)
		have := x.rows[key]
		for k := len(have) - 1; k >= 0; k-- {
			if text(have[k].batch.cols, all, have[k].i) == gone {
				x.rows[key] = slices.Delete(have, k, k+1)
				break
			}
		}
	}
}

// lost says whether a row can't be found by the keys.
func (b *batch) lost(i int, keys []int) bool {
	for _, k := range keys {
		if b.cols[k].IsNull(i) {
			return true
		}
	}
	for _, e := range b.errors {
		if int(e.Row) == i && e.Col == -1 {
			return true
		}
	}
	return false
}

// text tells rows apart by some of their columns. The two zeros are one.
func text(cols []arrow.Array, at []int, i int) string {
	var out []byte
	for _, c := range at {
		v := cols[c].ValueStr(i)
		if cols[c].IsNull(i) {
			out = binary.AppendUvarint(out, 0)
			continue
		}
		if v == "-0" {
			v = "0"
		}
		out = append(binary.AppendUvarint(out, uint64(len(v))+1), v...)
	}
	return string(out)
}

// Find gives the rows of n keys, in the order of Add; see connectors.Lookup.
func (x *Index) Find(keys []arrow.Array, n int, alloc memory.Allocator) (*connectors.Found, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	at := make([]int, len(keys))
	for c := range at {
		at[c] = c
	}
	f := &connectors.Found{}
	var found []row
	for k := range n {
		for _, r := range x.rows[text(keys, at, k)] {
			for _, e := range r.batch.errors {
				if int(e.Row) == r.i {
					e.Row = int32(len(found))
					f.Errors = append(f.Errors, e)
				}
			}
			found = append(found, r)
			f.Key = append(f.Key, int32(k))
		}
	}
	f.N = len(found)
	for c, col := range x.columns {
		parts := make([]arrow.Array, len(found))
		for i, r := range found {
			parts[i] = array.NewSlice(r.batch.cols[c], int64(r.i), int64(r.i)+1)
		}
		if len(parts) == 0 {
			b := array.NewBuilder(alloc, col.Type.Arrow())
			parts = append(parts, b.NewArray())
			b.Release()
		}
		all, err := array.Concatenate(parts, alloc)
		for _, p := range parts {
			p.Release()
		}
		if err != nil {
			f.Release()
			return nil, err
		}
		f.Cols = append(f.Cols, all)
	}
	return f, nil
}

// Close releases what the index holds.
func (x *Index) Close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, b := range x.batches {
		for _, c := range b.cols {
			c.Release()
		}
	}
	x.batches, x.rows = nil, map[string][]row{}
}

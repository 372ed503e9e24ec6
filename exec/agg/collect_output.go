package agg

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// collected walks the bags of groups in order.
type collected struct {
	dt  arrow.DataType
	bag *bag
	at  int // which of the record's columns
}

// each calls fn for the records of a group, with how often each shows.
func (o *collected) each(tr tree, group hash.Row, fn func(row hash.Row, times int64)) {
	for link := tr.first(group); link != 0; link = tr.next(link) {
		row := tr.row(link)
		if n := tr.visible(row); n > 0 {
			fn(row, n)
		}
	}
}

// arrayOutput is ARRAY_AGG.
type arrayOutput struct{ collected }

func (o *arrayOutput) emit(g *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	t := g.bags[o.bag.at]
	tr := o.bag.tree(t)
	var elems []hash.Row
	offBuf := column.NewBuffer(alloc, 4*(len(rows)+1))
	offs := column.As[int32](offBuf, len(rows)+1)
	offs[0] = 0
	var valid *memory.Buffer
	for i, group := range rows {
		o.each(tr, group, func(row hash.Row, times int64) {
			for range times {
				elems = append(elems, row)
			}
		})
		offs[i+1] = int32(len(elems))
		if offs[i+1] == offs[i] {
			valid = invalid(valid, i, len(rows), alloc)
		}
	}
	values := o.bag.rec.layout.Column(o.bag.rec.base+o.at, elems, t.Source(), alloc)
	return column.Make(o.dt, len(rows), -1, []*memory.Buffer{valid, offBuf}, values)
}

// textOutput is LISTAGG.
type textOutput struct {
	collected
	separator string
}

func (o *textOutput) emit(g *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	t := g.bags[o.bag.at]
	tr := o.bag.tree(t)
	src := t.Source()
	layout, ci := o.bag.rec.layout, o.bag.rec.base+o.at
	var valid *memory.Buffer
	for i, group := range rows {
		if _, ok := tr.extreme(group, 0); !ok {
			valid = invalid(valid, i, len(rows), alloc)
		}
	}
	return colvec.BytesColumn(o.dt, len(rows), valid, alloc, func(i int, dst []byte) []byte {
		first := true
		o.each(tr, rows[i], func(row hash.Row, times int64) {
			for range times {
				if !first {
					dst = append(dst, o.separator...)
				}
				first = false
				dst = layout.AppendBytes(dst, ci, row, src)
			}
		})
		return dst
	})
}

// multisetOutput is COLLECT.
type multisetOutput struct{ collected }

func (o *multisetOutput) emit(g *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	t := g.bags[o.bag.at]
	tr := o.bag.tree(t)
	var keys []hash.Row
	var counts []int64
	offBuf := column.NewBuffer(alloc, 4*(len(rows)+1))
	offs := column.As[int32](offBuf, len(rows)+1)
	offs[0] = 0
	var valid *memory.Buffer
	for i, group := range rows {
		o.each(tr, group, func(row hash.Row, times int64) {
			keys, counts = append(keys, row), append(counts, times)
		})
		offs[i+1] = int32(len(keys))
		if offs[i+1] == offs[i] {
			valid = invalid(valid, i, len(rows), alloc)
		}
	}
	dt := o.dt.(*arrow.MapType)
	entries := column.Make(dt.Elem(), len(keys), 0, []*memory.Buffer{nil},
		o.bag.rec.layout.Column(o.bag.rec.base+o.at, keys, t.Source(), alloc),
		colvec.IntColumn(arrow.PrimitiveTypes.Int64, len(keys), nil, alloc, func(i int) int64 { return counts[i] }))
	return column.Make(dt, len(rows), -1, []*memory.Buffer{valid, offBuf}, entries)
}

package agg

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
)

// picked turns one record per group into a column: its value, or NULL for a
// group without one.
type picked struct {
	dt   arrow.DataType
	rec  *record
	at   int // which of the record's columns
	rows []hash.Row
	sel  []int32
}

func (p *picked) reset() { p.rows, p.sel = p.rows[:0], p.sel[:0] }

func (p *picked) add(row hash.Row, ok bool) {
	if !ok {
		p.sel = append(p.sel, -1)
		return
	}
	p.sel = append(p.sel, int32(len(p.rows)))
	p.rows = append(p.rows, row)
}

func (p *picked) column(src hash.Source, alloc memory.Allocator) arrow.Array {
	values := p.rec.layout.Column(p.rec.base+p.at, p.rows, src, alloc)
	if len(p.rows) == len(p.sel) {
		return values
	}
	defer values.Release()
	return column.GatherOrNull(values, p.sel, alloc)
}

// bestOutput is a value of the best record of each group.
type bestOutput struct {
	best *best
	picked
}

func (o *bestOutput) emit(g *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	o.reset()
	for _, row := range rows {
		rec := o.best.of(row)
		o.add(rec, present(rec))
	}
	return o.column(hash.Source{Arena: g.strs}, alloc)
}

// endOutput is a value of the first or last record of the bag of each group.
type endOutput struct {
	bag   *bag
	right uint // 1: the last
	picked
}

func (o *endOutput) emit(g *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	o.reset()
	t := g.bags[o.bag.at]
	tr := o.bag.tree(t)
	for _, row := range rows {
		o.add(tr.extreme(row, o.right))
	}
	return o.column(t.Source(), alloc)
}

// modeOutput is the value that is in the bag most often, the first of several.
type modeOutput struct {
	bag *bag
	picked
}

func (o *modeOutput) emit(g *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	o.reset()
	t := g.bags[o.bag.at]
	tr := o.bag.tree(t)
	for _, row := range rows {
		var top hash.Row
		most := int64(0)
		for link := tr.first(row); link != 0; link = tr.next(link) {
			if r := tr.row(link); tr.visible(r) > most {
				top, most = r, tr.visible(r)
			}
		}
		o.add(top, most > 0)
	}
	return o.column(t.Source(), alloc)
}

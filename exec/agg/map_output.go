package agg

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
)

// The error codes of results that have a NULL among their keys, or a key twice.
const (
	codeNullKey      = "NULL_KEY"
	codeDuplicateKey = "DUPLICATE_KEY"
)

// mapOutput is MAP_AGG: the records stand in the order of their keys, those of one
// key in that of their values.
type mapOutput struct {
	collected
	value      int // which of the record's columns
	unique     bool
	skipValues bool
}

func (o *mapOutput) emit(g *Groups, groups []hash.Row, alloc memory.Allocator, fail Fail) arrow.Array {
	t := g.bags[o.bag.at]
	tr := o.bag.tree(t)
	rec, src := o.bag.rec, t.Source()
	layout, key, value := rec.layout, rec.base+o.at, rec.base+o.value
	var rows []hash.Row
	offBuf := column.NewBuffer(alloc, 4*(len(groups)+1))
	offs := column.As[int32](offBuf, len(groups)+1)
	offs[0] = 0
	var valid *memory.Buffer
	for i, group := range groups {
		from, any, code := len(rows), false, ""
		o.each(tr, group, func(row hash.Row, times int64) {
			any = true
			last := len(rows) - 1
			switch {
			case layout.IsNull(key, row):
				code = codeNullKey
			case o.skipValues && layout.IsNull(value, row):
			case last >= from && layout.Compare(key, rows[last], src, row, src) == 0:
				code = codeDuplicateKey
			default:
				if rows = append(rows, row); times > 1 {
					code = codeDuplicateKey
				}
			}
		})
		if o.unique && code != "" {
			what := "NULL"
			if code == codeDuplicateKey {
				what = "there twice"
			}
			fail(i, code, "a key of an object is "+what)
			rows, any = rows[:from], false
		}
		if !any {
			valid = invalid(valid, i, len(groups), alloc)
		}
		offs[i+1] = int32(len(rows))
	}
	dt := o.dt.(*arrow.MapType)
	entries := column.Make(dt.Elem(), len(rows), 0, []*memory.Buffer{nil},
		layout.Column(key, rows, src, alloc), layout.Column(value, rows, src, alloc))
	return column.Make(dt, len(groups), -1, []*memory.Buffer{valid, offBuf}, entries)
}

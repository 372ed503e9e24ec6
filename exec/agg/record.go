package agg

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// Order is a term of the order in which an aggregate sees the rows of a group.
type Order struct {
	Column     int // of the input; arrival: the position of the row
	Type       catalog.Type
	Desc       bool
	NullsFirst bool
	// accuracy, if not 0, has the middle of its bucket stand for a number.
	accuracy float64
}

func (o Order) equal(p Order) bool {
	return o.Column == p.Column && o.Desc == p.Desc && o.NullsFirst == p.NullsFirst && o.accuracy == p.accuracy && o.Type.Equal(p.Type)
}

// arrival stands for a column: the number of the row in the order of arrival.
const arrival = -1

// A record is what an aggregate keeps of a row that it can't fold into a number:
// the columns that order it, then its arguments, encoded as the keys of package
// hash are. Records compare by all their columns in turn.
type record struct {
	cols    []Order // in the order of comparison
	base    int     // layout column of cols[0]: 1 where the group stands before it
	layout  *hash.Layout
	filter  int   // boolean input column; -1: none
	present []int // input columns; a row counts if none of them is NULL

	enc     *hash.Encoder
	in      input
	arrays  []arrow.Array // by layout column
	doubles []float64
}

// shape says what a record is made of; calls of one shape share their records.
type shape struct {
	cols    []Order
	filter  int
	present []int
	once    bool // DISTINCT: a record shows once, however often it is there
}

func (s shape) equal(t shape) bool {
	return s.filter == t.filter && s.once == t.once && slices.Equal(s.present, t.present) && slices.EqualFunc(s.cols, t.cols, Order.equal)
}

// newRecord lays records out, behind the id of their group if grouped.
func newRecord(s shape, grouped bool) (*record, error) {
	r := &record{cols: s.cols, filter: s.filter, present: s.present, in: input{arg: -1, filter: s.filter}}
	var types []catalog.Type
	if grouped {
		r.base = 1
		types = append(types, catalog.BigInt)
	}
	for _, c := range s.cols {
		types = append(types, c.Type)
	}
	var err error
	if r.layout, err = hash.NewLayout(types); err != nil {
		return nil, err
	}
	r.enc = hash.NewEncoder(r.layout)
	r.arrays = make([]arrow.Array, len(types))
	return r, nil
}

// ordered says whether the records hold the position of their rows.
func (r *record) ordered() bool {
	for _, c := range r.cols {
		if c.Column == arrival {
			return true
		}
	}
	return false
}

// encode gives the records of those of rows r that count, and their groups. next
// is the position of the first row in the order of arrival.
func (r *record) encode(cols []arrow.Array, rows colvec.Rows, refs *hash.Refs, next int64) (*hash.Keys, []hash.Row, []uint32) {
	in := &r.in
	in.keep = iota32(in.keep, rows.Len())
	keep := in.keep
	for _, p := range r.present {
		keep = colvec.ValidityOf(cols[p]).And(rows, keep)
	}
	if r.filter >= 0 {
		keep = colvec.True(cols[r.filter], rows, keep)
	}
	if len(keep) == 0 {
		return &hash.Keys{}, nil, nil
	}
	groups, ids := refs.Rows, refs.IDs
	if len(keep) < rows.Len() {
		rows = in.compact(keep, rows, refs)
		groups, ids = in.rows, in.ids
	}
	place := -1
	for i, c := range r.cols {
		switch {
		case c.Column == arrival:
			place = r.base + i
		case c.accuracy != 0:
			r.arrays[r.base+i] = r.middles(cols[c.Column], rows, newSketch(c.accuracy))
		default:
			r.arrays[r.base+i] = cols[c.Column]
		}
	}
	first := ids
	if r.base == 0 {
		first = nil
	}
	return r.enc.EncodeNumbered(first, r.arrays, rows, place, next), groups, ids
}

// middles is a column of doubles with the middles of their buckets at rows.
func (r *record) middles(a arrow.Array, rows colvec.Rows, s sketch) arrow.Array {
	r.doubles = colvec.Grow(r.doubles, a.Len())
	from := column.Fixed[float64](a)
	for i := range rows.Len() {
		p := rows.At(i)
		r.doubles[p] = s.middle(from[p])
	}
	return column.Make(arrow.PrimitiveTypes.Float64, a.Len(), 0, []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Float64Traits.CastToBytes(r.doubles))})
}

// compare compares two stored records.
func (r *record) compare(a hash.Row, as hash.Source, b hash.Row, bs hash.Source) int {
	for i := range r.cols {
		if c := r.compareNulls(i, a, b); c != 0 {
			if c != bothPresent {
				return c
			}
			if c = r.layout.Compare(r.base+i, a, as, b, bs); c != 0 {
				return r.turn(i, c)
			}
		}
	}
	return 0
}

// bothPresent is what compareNulls gives if values have to decide.
const bothPresent = 2

// compareNulls compares column i as far as NULLs decide: 0 if both are NULL.
func (r *record) compareNulls(i int, a, b hash.Row) int {
	an, bn := r.layout.IsNull(r.base+i, a), r.layout.IsNull(r.base+i, b)
	switch {
	case !an && !bn:
		return bothPresent
	case an && bn:
		return 0
	case an == r.cols[i].NullsFirst:
		return -1
	}
	return 1
}

// turn turns the result of a comparison of column i round where it descends.
func (r *record) turn(i, c int) int {
	if r.cols[i].Desc {
		return -c
	}
	return c
}

// compareKey compares key i of k, which Put has written to scratch, with a
// stored record.
func (r *record) compareKey(k *hash.Keys, scratch, b hash.Row, bs hash.Source) int {
	for i := range r.cols {
		if c := r.compareNulls(i, scratch, b); c != 0 {
			if c != bothPresent {
				return c
			}
			if c = r.layout.CompareKey(r.base+i, k, scratch, b, bs); c != 0 {
				return r.turn(i, c)
			}
		}
	}
	return 0
}

// ordered says whether some records hold the positions of their rows.
func (a *Aggregator) ordered() bool {
	return slices.ContainsFunc(a.bags, func(b *bag) bool { return b.rec.ordered() }) ||
		slices.ContainsFunc(a.bests, func(b *best) bool { return b.rec.ordered() })
}

// resume makes positions go on behind those of stored records.
func (a *Aggregator) resume(r *record, rows []hash.Row) {
	for i, c := range r.cols {
		if c.Column != arrival {
			continue
		}
		for _, row := range rows {
			a.next = max(a.next, r.layout.Int(r.base+i, row)+1)
		}
	}
}

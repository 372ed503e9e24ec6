package agg

import (
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// A distinct set holds the different values of one argument column, or of several
// together, per group, for all DISTINCT calls over them: a table keyed by (group id, value)
// whose state says for each FILTER among the calls whether it has let the value
// through - one bit each, or one count each if rows can be taken back. A value
// that is new for a filter goes on to the accumulators of that filter's lane, so
// SUM(DISTINCT x) is a SUM that sees each value once.
type distinct struct {
	at      int   // in Groups.distinct
	args    []int // their columns
	types   []catalog.Type
	retract bool
	layout  *hash.Layout
	lanes   []*lane // one per filter; lane i has bit or word i of the state
	words   int     // of state
	state   int     // first state word of a row

	enc  *hash.Encoder
	refs hash.Refs
	cols []arrow.Array
	base input    // rows whose value is not NULL and passes any filter
	mask []uint64 // per such row: the filters that it passes
	keep []int32  // scratch
	sel  []int32  // scratch
	vec  vector   // what one lane gets
	dead []uint32 // scratch: rows without values left
}

// maxFilters is how many different FILTER clauses the DISTINCT calls over one
// column may have.
const maxFilters = 64

// distinctOf finds or adds the distinct set of a call.
func (a *Aggregator) distinctOf(c Call) (*distinct, error) {
	args := append([]int{c.Arg}, c.More...)
	types := append([]catalog.Type{c.Spec.Arg}, c.Spec.More...)
	for _, d := range a.distincts {
		if slices.Equal(d.args, args) && slices.EqualFunc(d.types, types, catalog.Type.Equal) {
			return d, nil
		}
	}
	layout, err := hash.NewLayout(append([]catalog.Type{catalog.BigInt}, types...))
	if err != nil {
		return nil, fmt.Errorf("%s(DISTINCT x): %w", c.Kind, err)
	}
	d := &distinct{
		at: len(a.distincts), args: args, types: types, retract: a.retract,
		layout: layout, state: 1 + layout.Words(), enc: hash.NewEncoder(layout), cols: make([]arrow.Array, 1+len(args)),
		words: 1,
	}
	a.distincts = append(a.distincts, d)
	return d, nil
}

// laneOf finds or adds the lane of a filter; nil if there are too many.
func (d *distinct) laneOf(a *Aggregator, in input) *lane {
	for _, l := range d.lanes {
		if l.filter == in.filter {
			return l
		}
	}
	if len(d.lanes) == maxFilters {
		return nil
	}
	l := &lane{input: &in, count: counter{a.take(1, "distinct count")}, known: map[string]accumulator{}}
	l.accs = append(l.accs, l.count)
	d.lanes = append(d.lanes, l)
	if d.retract {
		d.words = len(d.lanes)
	}
	return l
}

// apply runs rows r of a batch through the set. refs are the groups of the rows.
func (d *distinct) apply(g *Groups, cols []arrow.Array, r colvec.Rows, refs *hash.Refs, retract bool) {
	n := d.filter(cols, r, refs)
	if n == 0 {
		return
	}
	t := g.distinct[d.at]
	for i, arg := range d.args {
		d.cols[1+i] = cols[arg]
	}
	t.Upsert(d.enc.EncodeIn(d.base.ids, d.cols, colvec.Selected(d.base.pos)), &d.refs)
	for i, l := range d.lanes {
		d.sel = d.sel[:0]
		for j, row := range d.refs.Rows {
			if d.mask[j]>>i&1 != 0 && d.turn(row, i, retract) {
				d.sel = append(d.sel, int32(j))
			}
		}
		if len(d.sel) == 0 {
			continue
		}
		r := l.compact(d.sel, colvec.Selected(d.base.pos), &hash.Refs{IDs: d.base.ids, Rows: d.base.rows})
		l.load(cols, r)
		l.run(g, &l.vec, retract)
	}
	if retract {
		d.drop(t)
	}
}

// filter sets base and mask, and gives the number of rows in them.
func (d *distinct) filter(cols []arrow.Array, r colvec.Rows, refs *hash.Refs) int {
	d.mask = colvec.Grow(d.mask, r.Len())
	clear(d.mask)
	for i, l := range d.lanes {
		d.keep = iota32(d.keep, r.Len())
		keep := d.keep
		for _, arg := range d.args {
			keep = colvec.ValidityOf(cols[arg]).And(r, keep)
		}
		if l.filter >= 0 {
			keep = colvec.True(cols[l.filter], r, keep)
		}
		for _, j := range keep {
			d.mask[j] |= 1 << i
		}
	}
	d.keep = d.keep[:0]
	for j, m := range d.mask {
		if m != 0 {
			d.mask[len(d.keep)] = m
			d.keep = append(d.keep, int32(j))
		}
	}
	d.base.compact(d.keep, r, refs)
	return len(d.keep)
}

// turn adds the value to filter i, or takes it out, and says whether it has
// become present, or absent.
func (d *distinct) turn(row hash.Row, i int, retract bool) bool {
	if !d.retract {
		w := hash.At[uint64](row, d.state)
		old := *w
		*w |= 1 << i
		return *w != old
	}
	w := hash.At[int64](row, d.state+i)
	if retract {
		*w--
		return *w == 0
	}
	*w++
	return *w == 1
}

// drop deletes the rows of refs that no filter counts any more.
func (d *distinct) drop(t *hash.Table) {
	d.dead = d.dead[:0]
	for j, row := range d.refs.Rows {
		if d.empty(row) && *row.Header()&flagTouched == 0 {
			*row.Header() |= flagTouched // listed: a value may be in the batch twice
			d.dead = append(d.dead, d.refs.IDs[j])
		}
	}
	if len(d.dead) > 0 {
		t.Delete(d.dead)
	}
}

func (d *distinct) empty(row hash.Row) bool {
	for i := range d.words {
		if *hash.At[int64](row, d.state+i) != 0 {
			return false
		}
	}
	return true
}

// merge adds the values in rows src of a distinct set like this one, whose first
// key word is replaced by ids: the groups in g, which are rows.
func (d *distinct) merge(g *Groups, src []hash.Row, ids []uint32, rows []hash.Row, strings hash.Source) {
	t := g.distinct[d.at]
	t.Upsert(d.enc.FromRowsIn(ids, src, strings), &d.refs)
	for i, l := range d.lanes {
		d.sel = d.sel[:0]
		gone := d.keep[:0]
		for j, row := range d.refs.Rows {
			before := d.present(row, i)
			d.add(row, src[j], i)
			switch after := d.present(row, i); {
			case after && !before:
				d.sel = append(d.sel, int32(j))
			case before && !after:
				gone = append(gone, int32(j))
			}
		}
		d.keep = gone
		d.feed(g, l, d.sel, ids, rows, src, false)
		d.feed(g, l, gone, ids, rows, src, true)
	}
	if d.retract {
		d.drop(t)
	}
}

func (d *distinct) present(row hash.Row, i int) bool {
	if d.retract {
		return *hash.At[int64](row, d.state+i) > 0
	}
	return *hash.At[uint64](row, d.state)>>i&1 != 0
}

// add adds filter i of the state of src.
func (d *distinct) add(row, src hash.Row, i int) {
	if d.retract {
		*hash.At[int64](row, d.state+i) += *hash.At[int64](src, d.state+i)
		return
	}
	*hash.At[uint64](row, d.state) |= *hash.At[uint64](src, d.state) & (1 << i)
}

// feed gives the values of the chosen rows of src to a lane.
func (d *distinct) feed(g *Groups, l *lane, sel []int32, ids []uint32, rows, src []hash.Row, retract bool) {
	if len(sel) == 0 {
		return
	}
	v := &d.vec
	*v = vector{rows: v.rows[:0], ids: v.ids[:0], ints: v.ints[:0], floats: v.floats[:0], decs: v.decs[:0]}
	for _, j := range sel {
		v.rows, v.ids = append(v.rows, rows[j]), append(v.ids, ids[j])
		const value = 2 // after the header and the group id
		switch l.form {
		case formInts:
			v.ints = append(v.ints, *hash.At[int64](src[j], value))
		case formFloats:
			v.floats = append(v.floats, math.Float64frombits(*hash.At[uint64](src[j], value)))
		case formDecimal:
			w := hash.At[[2]uint64](src[j], value)
			v.decs = append(v.decs, decimal128.New(int64(w[1]), w[0]))
		}
	}
	l.run(g, v, retract)
}

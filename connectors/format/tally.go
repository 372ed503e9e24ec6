package format

import (
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
)

// Tally notes which rows the records of a batch stand for. As long as every
// record has one row of kind +I it only counts.
type Tally struct {
	records, rows int
	of            []int32
	kinds         []catalog.RowKind
}

// Rows is the number of rows so far, which is that of the next one.
func (t *Tally) Rows() int { return t.rows }

// Record begins the next record, which has no rows yet.
func (t *Tally) Record() { t.records++ }

// Row adds a row to the record at hand.
func (t *Tally) Row(kind catalog.RowKind) {
	if t.of == nil && t.rows != t.records-1 {
		t.identity()
	}
	if t.of != nil {
		t.of = append(t.of, int32(t.records-1))
	}
	if t.kinds == nil && kind != catalog.Insert {
		t.kinds = make([]catalog.RowKind, t.rows, 2*t.rows+64)
	}
	if t.kinds != nil {
		t.kinds = append(t.kinds, kind)
	}
	t.rows++
}

// One is a record with one row of kind +I.
func (t *Tally) One() {
	t.Record()
	t.Row(catalog.Insert)
}

// Truncate takes back the rows of the record at hand beyond rows.
func (t *Tally) Truncate(rows int) {
	t.rows = rows
	if t.of != nil {
		t.of = t.of[:rows]
	}
	if t.kinds != nil {
		t.kinds = t.kinds[:rows]
	}
}

// identity writes down what was only counted: row i is record i.
func (t *Tally) identity() {
	t.of = make([]int32, t.rows, 2*t.rows+64)
	for i := range t.of {
		t.of[i] = int32(i)
	}
}

// Finish puts the result into recs and begins a new batch.
func (t *Tally) Finish(recs *connectors.Records) {
	if t.of == nil && t.rows != t.records {
		t.identity()
	}
	recs.N, recs.Of, recs.Kinds = t.rows, t.of, t.kinds
	*t = Tally{}
}

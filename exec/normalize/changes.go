package normalize

import (
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/exec/rowstore"
	"github.com/streamsql/streamsql/planner"
)

// changes is what one batch changes. The rows that stood before it and its own ones
// are numbered together: first those, then these. wordNow of a key says where its
// row is: 1 if it has none, else the row's number + 2.
type changes struct {
	keyRows []hash.Row    // rows of the table that the batch meets, each once
	keyIDs  []uint32      // their ids
	stood   rowstore.Refs // those of them that had a row before
	equal   []func(i, j int) int

	// What is given out: rows by number, kinds, and the W of the row that caused it.
	sel   []int32
	kinds []catalog.RowKind
	w     []int64

	put  []int32 // rows of the batch to be stored, and where
	into []hash.Row
	dead []uint32
}

const (
	nowhere  = 1
	firstRow = 2
)

// meet finds the keys of the batch and the rows that they have; it gives the number
// of these.
func (s *normalize) meet() int {
	s.keyRows, s.keyIDs = s.keyRows[:0], s.keyIDs[:0]
	s.stood.Reset()
	for i, r := range s.refs.Rows {
		now := s.word(r, wordNow)
		if *now != 0 {
			continue
		}
		s.keyRows, s.keyIDs = append(s.keyRows, r), append(s.keyIDs, s.refs.IDs[i])
		if *s.word(r, wordStands) == 0 {
			*now = nowhere
			continue
		}
		*now = firstRow + int64(s.stood.Len())
		s.stood.Add(r, s.texts)
	}
	return s.stood.Len()
}

func (s *normalize) columns(b *op.Batch, of []int) []arrow.Array {
	out := make([]arrow.Array, len(of))
	for i, c := range of {
		out[i] = b.Cols[c]
	}
	return out
}

func release(cols []arrow.Array) {
	for _, c := range cols {
		if c != nil {
			c.Release()
		}
	}
}

// together gives the columns of the rows that stood and those of the batch, one
// behind the other. Keys are as they are stored, so that a row is taken back as it
// was given out.
func (s *normalize) together(b *op.Batch, old int) (all []arrow.Array, err error) {
	all = make([]arrow.Array, len(b.Cols))
	defer func() {
		if err != nil {
			release(all)
		}
	}()
	for i := range all {
		all[i] = b.Cols[i]
		all[i].Retain()
	}
	for i, k := range s.keys {
		all[k].Release()
		all[k] = s.table.KeyColumn(i, s.refs.Rows, s.ctx.Alloc)
	}
	if old == 0 {
		return all, nil
	}
	for i, a := range all {
		var before arrow.Array
		if k := s.place[i]; k < len(s.keys) && s.keys[k] == i {
			before = s.table.KeyColumn(k, s.stood.Rows, s.ctx.Alloc)
		} else {
			before = s.format.Column(k, &s.stood, s.ctx.Alloc)
		}
		both, err := column.Concat([]arrow.Array{before, a}, s.ctx.Alloc)
		before.Release()
		if err != nil {
			return nil, err
		}
		a.Release()
		all[i] = both
	}
	return all, nil
}

// follow goes through the rows of the batch: what stands, what comes in its place.
func (s *normalize) follow(b *op.Batch, all []arrow.Array, old int) {
	s.sel, s.kinds, s.w = s.sel[:0], s.kinds[:0], s.w[:0]
	s.equal = s.equal[:0]
	for _, c := range s.rest {
		s.equal = append(s.equal, comparator(all[c]))
	}
	give := func(kind catalog.RowKind, row int64, by int) {
		s.sel, s.kinds = append(s.sel, int32(row)), append(s.kinds, kind)
		if b.W != nil {
			s.w = append(s.w, b.W[by])
		}
	}
	for i, r := range s.refs.Rows {
		now := s.word(r, wordNow)
		switch stands, row := *now, int64(old+i); {
		case b.Kind(i) == catalog.UpdateBefore && i+1 < b.N && s.refs.Rows[i+1] == r && b.Kind(i+1) == catalog.UpdateAfter:
			// The row that comes in its place takes it back.
		case !b.Kind(i).Adds():
			if stands == nowhere {
				s.ctx.Counters[op.CountUnknown]++
				continue
			}
			give(catalog.Delete, stands-firstRow, i)
			*now = nowhere
		case stands == nowhere:
			give(catalog.Insert, row, i)
			*now = firstRow + row
		case !s.same(int(stands-firstRow), int(row)):
			if s.o.EmitBefore {
				give(catalog.UpdateBefore, stands-firstRow, i)
			}
			give(catalog.UpdateAfter, row, i)
			*now = firstRow + row
		}
		s.ctx.Counters[op.CountApplied]++
	}
}

// same says whether two rows with one key are the same otherwise too.
func (s *normalize) same(i, j int) bool {
	for _, compare := range s.equal {
		if compare(i, j) != 0 {
			return false
		}
	}
	return true
}

// comparator tells rows apart whose values are not the very same: other than by
// order, 0.0 is not -0.0.
func comparator(a arrow.Array) func(i, j int) int {
	f, ok := a.(*array.Float64)
	if !ok {
		if f32, ok := a.(*array.Float32); ok {
			return func(i, j int) int {
				return differ(f32.IsNull(i), f32.IsNull(j), uint64(math.Float32bits(f32.Value(i))), uint64(math.Float32bits(f32.Value(j))))
			}
		}
		return column.NullsLast(a, a)
	}
	return func(i, j int) int {
		return differ(f.IsNull(i), f.IsNull(j), math.Float64bits(f.Value(i)), math.Float64bits(f.Value(j)))
	}
}

func differ(null1, null2 bool, v, w uint64) int {
	if null1 && null2 || null1 == null2 && v == w {
		return 0
	}
	return 1
}

// store brings the table to what stands after the batch.
func (s *normalize) store(b *op.Batch, old int) {
	s.put, s.into, s.dead = s.put[:0], s.into[:0], s.dead[:0]
	for i, r := range s.keyRows {
		now := *s.word(r, wordNow)
		*s.word(r, wordNow) = 0
		switch {
		case now == nowhere:
			s.clear(r)
			s.dead = append(s.dead, s.keyIDs[i])
		case now >= firstRow+int64(old):
			s.clear(r)
			*s.word(r, wordStands) = 1
			s.put, s.into = append(s.put, int32(now-firstRow)-int32(old)), append(s.into, r)
		}
	}
	s.rowEnc.Put(s.columns(b, s.rest), colvec.Selected(s.put), s.into, s.texts)
}

// emit gives the changes out; the keys that have no row any more go then.
func (s *normalize) emit(b *op.Batch, all []arrow.Array, out op.Output) error {
	defer s.table.Delete(s.dead)
	if len(s.sel) == 0 {
		return nil
	}
	o := &op.Batch{N: len(s.sel), Cols: make([]arrow.Array, len(all)), Kinds: append([]catalog.RowKind(nil), s.kinds...)}
	for i, a := range all {
		o.Cols[i] = column.Gather(a, s.sel, s.ctx.Alloc)
	}
	if b.W != nil {
		o.W = append([]int64(nil), s.w...)
	}
	defer o.Release()
	return out.Emit(planner.MainPort, o)
}

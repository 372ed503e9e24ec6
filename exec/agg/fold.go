package agg

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// folds says whether a call keeps the state of an Incremental in place of rows.
func (s Spec) folds(retract bool) bool {
	return s.Kind == Custom && s.Func.incremental && (s.Func.retracting || !retract) && !s.Func.Ordered && !s.Distinct
}

// state is that of catalog.Aggregate.
func (s Spec) state() string {
	if s.folds(false) {
		return " as a state"
	}
	return ""
}

// fold is the state of an Incremental: three words of each group's row, the number
// of rows that count and a view of foldState's bytes. It is read once for all rows
// that a chunk has of a group, and written again.
type fold struct {
	heldBytes // behind the count
	f         *AggregateFunc
	args      []int // input columns
	in        input

	live map[uint32]*foldState // of a chunk, by group
	ids  []uint32              // its keys as they came
	buf  []byte
	row  []any
}

// foldOf adds the fold of a call.
func (a *Aggregator) foldOf(c Call) output {
	f := &fold{
		f: c.Func, args: append([]int{c.Arg}, c.More...), in: input{arg: -1, filter: c.Filter},
		live: map[uint32]*foldState{}, row: make([]any, 1+len(c.More)),
	}
	f.word = a.take(3, "fold") + 1
	a.folds = append(a.folds, f)
	a.views = append(a.views, f.heldBytes)
	return &foldOutput{f, c.Result.Arrow()}
}

// foldState is a state with what the engine adds to it. As bytes it is the number of
// rows in error, whether it is broken, the length of the error and its text, then what
// MarshalBinary gives.
type foldState struct {
	of     Incremental
	count  int64 // rows that count
	bad    int64 // of them in error
	broken bool  // it says no more what it should
	err    string
	row    hash.Row
}

// apply adds rows r of a batch to their groups, refs, or takes them out.
func (f *fold) apply(g *Groups, cols []arrow.Array, r colvec.Rows, refs *hash.Refs, retract bool) {
	f.in.keep = iota32(f.in.keep, r.Len())
	keep := f.in.keep
	if !f.f.NullInput {
		for _, c := range f.args {
			keep = colvec.ValidityOf(cols[c]).And(r, keep)
		}
	}
	if f.in.filter >= 0 {
		keep = colvec.True(cols[f.in.filter], r, keep)
	}
	clear(f.live)
	f.ids = f.ids[:0]
	for _, i := range keep {
		id := refs.IDs[i]
		s := f.live[id]
		if s == nil {
			s = f.read(refs.Rows[i], hash.Source{Arena: g.strs})
			f.live[id] = s
			f.ids = append(f.ids, id)
		}
		for k, c := range f.args {
			f.row[k] = column.Value(cols[c], r.At(int(i)), f.f.Params[k])
		}
		f.take(s, retract)
	}
	for _, id := range f.ids {
		f.write(g, f.live[id])
	}
}

// take adds the row in f.row to a state, or takes it out.
func (f *fold) take(s *foldState, retract bool) {
	by, err, panicked := int64(1), error(nil), false
	call := func() error { return s.of.Add(f.row) }
	if retract {
		by = -1
		call = func() error { return s.of.(Retracting).Retract(f.row) }
	}
	if err, panicked = guarded(call); err != nil {
		s.bad += by
		s.err, s.broken = err.Error(), s.broken || panicked
	}
	s.count += by
}

// guarded makes a panic an error.
func guarded(call func() error) (err error, panicked bool) {
	defer func() {
		if r := recover(); r != nil {
			err, panicked = fmt.Errorf("it panicked: %v", r), true
		}
	}()
	return call(), false
}

// read gives the state of a group, whose long bytes stand in src.
func (f *fold) read(row hash.Row, src hash.Source) *foldState {
	s := &foldState{row: row, count: *hash.At[int64](row, f.word-1)}
	err, _ := guarded(func() error {
		s.of = f.f.New().(Incremental)
		v := *hash.At[[2]uint64](row, f.word)
		if v[0] == 0 {
			return nil
		}
		b := viewBytes(v, src, nil)
		bad, n := binary.Varint(b)
		broken, b := b[n] != 0, b[n+1:]
		size, n := binary.Uvarint(b)
		if s.bad, s.broken, s.err = bad, broken, string(b[n:n+int(size)]); broken {
			return nil
		}
		// A copy: what the function keeps of it must not move with the arena.
		return s.of.UnmarshalBinary(append([]byte{}, b[n+int(size):]...))
	})
	if err != nil {
		s.fail(err)
	}
	return s
}

func (s *foldState) fail(err error) { s.broken, s.err = true, err.Error() }

// write stores a state in its group's row.
func (f *fold) write(g *Groups, s *foldState) {
	f.release(g, s.row)
	w := hash.At[[2]uint64](s.row, f.word)
	*hash.At[int64](s.row, f.word-1) = s.count
	var state []byte
	if !s.broken {
		err, _ := guarded(func() (err error) {
			state, err = s.of.MarshalBinary()
			return err
		})
		if err != nil {
			s.fail(err)
			state = nil
		}
	}
	if s.bad == 0 && !s.broken {
		s.err = ""
	}
	b := binary.AppendVarint(f.buf[:0], s.bad)
	b = append(b, 0)
	if s.broken {
		b[len(b)-1] = 1
	}
	b = append(binary.AppendUvarint(b, uint64(len(s.err))), s.err...)
	b = append(b, state...)
	f.buf = b
	f.put(g, w, b)
}

// merge adds the states of groups src to groups dst.
func (f *fold) merge(g *Groups, dst, src []hash.Row, from *origin) {
	for i, row := range dst {
		if *hash.At[uint64](src[i], f.word) == 0 {
			continue
		}
		s, other := f.read(row, hash.Source{Arena: g.strs}), f.read(src[i], from.strs)
		s.count, s.bad = s.count+other.count, s.bad+other.bad
		if other.err != "" {
			s.err = other.err
		}
		if s.broken = s.broken || other.broken; !s.broken {
			if err, _ := guarded(func() error { return s.of.Merge(other.of) }); err != nil {
				s.fail(err)
			}
		}
		f.write(g, s)
	}
}

// foldOutput gives the results of a fold.
type foldOutput struct {
	*fold
	dt arrow.DataType
}

func (o *foldOutput) emit(g *Groups, groups []hash.Row, alloc memory.Allocator, fail Fail) arrow.Array {
	b := array.NewBuilder(alloc, o.dt)
	defer b.Release()
	for i, group := range groups {
		s := o.read(group, hash.Source{Arena: g.strs})
		if s.count == 0 && !s.broken { // rows may have come and gone
			s = &foldState{of: o.f.New().(Incremental)}
		}
		var v any
		var err error
		if s.broken || s.bad > 0 {
			err = fmt.Errorf("%s", s.err)
		} else {
			err, _ = guarded(func() (err error) {
				if v, err = s.of.Result(); err == nil {
					v, err = expr.LiteralValue(v, o.f.Result)
				}
				return err
			})
		}
		if err == nil {
			err = column.Append(b, v, o.f.Result)
		}
		if err != nil {
			fail(i, expr.CodeFunction, fmt.Sprintf("%s: %v", o.f.Name, err))
			b.AppendNull()
		}
	}
	return b.NewArray()
}

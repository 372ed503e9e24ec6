package setop

import (
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/exec/ttl"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
	"github.com/streamsql/streamsql/statestore/table"
)

// The words of a row after its key.
const (
	wordLeft    = iota // rows of input 0
	wordRight          // rows of input 1
	wordEmitted        // rows given out
	stateWords
)

// flagTouched says that the counts may ask for something else than was given out.
const flagTouched = hash.FlagBit

// setop is the part of an INTERSECT or EXCEPT that one shard owns.
type setop struct {
	ctx    *op.Context
	o      *planner.SetOp
	layout *hash.Layout
	st     *table.Table
	rows   *hash.Table
	enc    *hash.Encoder
	refs   hash.Refs
	life   *ttl.Keys // nil: counts stay as long as they are not 0

	touched []uint32
	marks   [2]int64
	mark    int64
	ended   [2]bool

	// Scratch of an emission.
	out   []hash.Row
	kinds []catalog.RowKind
	dead  []uint32
}

var (
	_ op.Stateful = (*setop)(nil)
	_ op.Flusher  = (*setop)(nil)
	_ op.Gauges   = (*setop)(nil)
	_ op.Balanced = (*setop)(nil)
	_ op.Clocked  = (*setop)(nil)
)

// New makes the operator for one shard; cols are the columns of its inputs and
// of its output.
func New(o *planner.SetOp, cols []planner.Column, ctx *op.Context) (op.Operator, error) {
	types := make([]catalog.Type, len(cols))
	for i, c := range cols {
		types[i] = c.Type
	}
	layout, err := hash.NewLayout(types)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o, err)
	}
	s := &setop{
		ctx: ctx, o: o, layout: layout, enc: hash.NewEncoder(layout),
		marks: [2]int64{op.MinTime, op.MinTime}, mark: op.MinTime,
	}
	if s.life, err = ttl.New(o.Life, o.StateKeys(0), cols, false); err != nil {
		return nil, err
	}
	s.adopt(table.New(statestore.OperatorID(ctx.Node.StateID)))
	return s, nil
}

// adopt takes over a table of state.
func (s *setop) adopt(st *table.Table) {
	s.st = st
	s.rows = s.open(st)
	s.life.Open(st, lifePart)
}

// lifePart is the first part of life.
const lifePart = 2

// open makes the index over the rows of a table of state.
func (s *setop) open(st *table.Table) *hash.Table {
	var strings *table.Arena
	if s.layout.HasStrings() {
		strings = st.Arena(1, 0)
	}
	return hash.Attach(s.layout, st.Rows(0, 0, 1+s.layout.Words()+stateWords), strings)
}

// word is word w of a row's state.
func (s *setop) word(r hash.Row, w int) *int64 { return hash.At[int64](r, s.rows.StateWord()+w) }

// Process implements op.Operator.
func (s *setop) Process(input int, b *op.Batch, out op.Output) error {
	if s.life == nil {
		s.apply(input, b)
		return nil
	}
	return s.life.Process(b, s.ctx, s.forgetting(out), ttl.Chosen(b, s.ctx, func(b *op.Batch) error {
		s.apply(input, b)
		return nil
	}))
}

// forgetting deletes the counts of rows. What has changed of them and has not been
// said yet is said first.
func (s *setop) forgetting(out op.Output) ttl.Forget {
	return func(k *hash.Keys) error {
		if err := s.Flush(false, out); err != nil {
			return err
		}
		s.rows.Upsert(k, &s.refs)
		s.rows.Delete(s.refs.IDs)
		return nil
	}
}

// apply counts the rows of a batch.
func (s *setop) apply(input int, b *op.Batch) {
	s.rows.Upsert(s.enc.Encode(b.Cols, colvec.All(b.N)), &s.refs)
	w := s.rows.StateWord() + wordLeft + input
	for i, r := range s.refs.Rows {
		if b.Kinds == nil || b.Kinds[i].Adds() {
			*hash.At[int64](r, w)++
			s.ctx.Counters[op.CountApplied]++
		} else if s.life != nil && *hash.At[int64](r, w) == 0 {
			s.ctx.Counters[op.CountTTLDropped]++ // its row has been forgotten
		} else {
			*hash.At[int64](r, w)--
			s.ctx.Counters[op.CountApplied]++
		}
		if h := r.Header(); *h&flagTouched == 0 {
			*h |= flagTouched
			s.touched = append(s.touched, s.refs.IDs[i])
		}
	}
}

// wanted is how many rows the counts ask for.
func (s *setop) wanted(r hash.Row) int64 {
	left, right := max(0, *s.word(r, wordLeft)), max(0, *s.word(r, wordRight))
	switch {
	case s.o.Kind == planner.IntersectOp && s.o.All:
		return min(left, right)
	case s.o.Kind == planner.IntersectOp:
		return min(left, right, 1)
	case s.o.All:
		return max(0, left-right)
	case right > 0:
		return 0
	}
	return min(left, 1)
}

// Flush implements op.Flusher.
func (s *setop) Flush(_ bool, out op.Output) error {
	s.dead = s.dead[:0]
	for _, id := range s.touched {
		s.rows.Rows().Mark(id)
		r := s.rows.Row(id)
		*r.Header() &^= flagTouched
		want := s.wanted(r)
		diff := want - *s.word(r, wordEmitted)
		*s.word(r, wordEmitted) = want
		if *s.word(r, wordLeft) == 0 && *s.word(r, wordRight) == 0 {
			s.dead = append(s.dead, id)
		}
		kind := catalog.Insert
		if diff < 0 {
			kind, diff = catalog.Delete, -diff
		}
		for ; diff > 0; diff-- {
			s.out, s.kinds = append(s.out, r), append(s.kinds, kind)
			if len(s.out) == s.ctx.BatchRows {
				if err := s.emit(out); err != nil {
					return err
				}
			}
		}
	}
	s.touched = s.touched[:0]
	if err := s.emit(out); err != nil {
		return err
	}
	s.rows.Delete(s.dead)
	return nil
}

// emit gives out the rows that have been collected.
func (s *setop) emit(out op.Output) error {
	if len(s.out) == 0 {
		return nil
	}
	b := &op.Batch{N: len(s.out), Cols: make([]arrow.Array, s.layout.Columns())}
	for c := range b.Cols {
		b.Cols[c] = s.rows.KeyColumn(c, s.out, s.ctx.Alloc)
	}
	defer b.Release()
	if slices.Contains(s.kinds, catalog.Delete) {
		b.Kinds = slices.Clone(s.kinds)
	}
	s.out, s.kinds = s.out[:0], s.kinds[:0]
	return out.Emit(planner.MainPort, b)
}

// Advance implements op.Operator. The output has no time attribute, but its end
// must be known.
func (s *setop) Advance(input int, w int64, out op.Output) error {
	s.marks[input] = w
	if m := min(s.marks[0], s.marks[1]); m > s.mark {
		s.mark = m
		if err := s.life.Advance(m, s.forgetting(out)); err != nil {
			return err
		}
		if m == op.MaxTime {
			return out.Watermark(m)
		}
	}
	return nil
}

// End implements op.Operator.
func (s *setop) End(input int, out op.Output) error {
	s.ended[input] = true
	if !s.ended[0] || !s.ended[1] {
		return nil
	}
	if err := s.Flush(true, out); err != nil {
		return err
	}
	return out.End()
}

// Freeze implements op.Stateful.
func (s *setop) Freeze(cut statestore.Cut) (op.Frozen, error) { return s.st.Freeze(cut), nil }

// Layout implements op.Stateful.
func (s *setop) Layout() string {
	return fmt.Sprintf("set operation 1: %s, %s", s.layout, s.life.Layout())
}

// Restore implements op.Stateful.
func (s *setop) Restore(r *op.Restore) error {
	owns := r.Owns(s.o.StateKeys(0))
	return r.EachTable(func(_ int, st *table.Table) error {
		if r.Same {
			s.adopt(st)
			return nil
		}
		s.rows.Take(s.open(st), s.enc, owns, func(row, old hash.Row) {
			for w := range stateWords {
				*s.word(row, w) = *s.word(old, w)
			}
		})
		s.life.Merge(st, lifePart, owns)
		return nil
	})
}

// Gauges implements op.Gauges.
func (s *setop) Gauges(c op.Counters) { c[op.CountHeld] = int64(s.rows.Len()) }

// Balance implements op.Balanced.
func (s *setop) Balance(c op.Counters) string {
	return c.Equal(op.CountIn, op.CountApplied, op.CountTTLDropped)
}

// Tick implements op.Clocked.
func (s *setop) Tick(now time.Time, out op.Output) error { return s.life.Tick(now, s.forgetting(out)) }

// Period implements op.Clocked.
func (s *setop) Period() time.Duration { return s.life.Period() }

// Close implements op.Operator.
func (s *setop) Close() {}

package normalize

import (
	"fmt"
	"slices"
	"time"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/exec/rowstore"
	"github.com/streamsql/streamsql/exec/ttl"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
	"github.com/streamsql/streamsql/statestore/table"
)

// The words of a key after itself; the columns that are no key follow.
const (
	wordStands = iota // 1: the key has a row
	wordNow           // where its row is within the batch at hand: 0 unless in one
	ownWords
)

// The parts of a state table.
const (
	partRows = iota
	partKeys
	partTexts
	partLife
)

// normalize is the part of the table that one shard owns.
type normalize struct {
	ctx    *op.Context
	o      *planner.Normalize
	keys   []int // columns of the input
	rest   []int // the other columns
	place  []int // of each column: among keys, or among rest
	layout *hash.Layout
	format *rowstore.Format
	st     *table.Table
	table  *hash.Table
	texts  *table.Arena
	enc    *hash.Encoder
	rowEnc *rowstore.Encoder
	refs   hash.Refs
	life   *ttl.Keys // nil: rows stay until they are deleted

	changes
}

var (
	_ op.Stateful = (*normalize)(nil)
	_ op.Gauges   = (*normalize)(nil)
	_ op.Balanced = (*normalize)(nil)
	_ op.Clocked  = (*normalize)(nil)
)

// New makes the operator for one shard; in are the columns of its input, which are
// those of its output.
func New(o *planner.Normalize, in []planner.Column, ctx *op.Context) (op.Operator, error) {
	s := &normalize{ctx: ctx, o: o, keys: o.Keys, place: make([]int, len(in))}
	var keyTypes, restTypes []catalog.Type
	for i, k := range o.Keys {
		s.place[k] = i
		keyTypes = append(keyTypes, in[k].Type)
	}
	for i, c := range in {
		if slices.Contains(o.Keys, i) {
			continue
		}
		s.place[i] = len(s.rest)
		s.rest, restTypes = append(s.rest, i), append(restTypes, c.Type)
	}
	var err error
	if s.layout, err = hash.NewLayout(keyTypes); err != nil {
		return nil, fmt.Errorf("PRIMARY KEY: %w", err)
	}
	s.format = rowstore.NewFormat(1+s.layout.Words()+ownWords, restTypes)
	s.enc, s.rowEnc = hash.NewEncoder(s.layout), s.format.NewEncoder()
	if s.life, err = ttl.New(o.Life, o.Keys, in, false); err != nil {
		return nil, err
	}
	s.adopt(table.New(statestore.OperatorID(ctx.Node.StateID)))
	return s, nil
}

// adopt makes st the state, with whatever it holds.
func (s *normalize) adopt(st *table.Table) {
	s.st = st
	s.table, s.texts = s.open(st)
	s.life.Open(st, partLife)
}

// open makes the index over the rows of a table of state.
func (s *normalize) open(st *table.Table) (*hash.Table, *table.Arena) {
	var strings *table.Arena
	if s.layout.HasStrings() {
		strings = st.Arena(partKeys, 0)
	}
	return hash.Attach(s.layout, st.Rows(partRows, 0, s.format.Words()), strings), st.Arena(partTexts, 0)
}

func (s *normalize) word(r hash.Row, w int) *int64 { return hash.At[int64](r, s.table.StateWord()+w) }

// Process implements op.Operator.
func (s *normalize) Process(_ int, b *op.Batch, out op.Output) error {
	if s.life == nil {
		return s.apply(b, out)
	}
	return s.life.Process(b, s.ctx, s.forget, ttl.Chosen(b, s.ctx, func(b *op.Batch) error { return s.apply(b, out) }))
}

// forget deletes rows that have been quiet for too long; what was said of them
// stands.
func (s *normalize) forget(k *hash.Keys) error {
	s.table.Upsert(k, &s.refs)
	for _, r := range s.refs.Rows {
		s.clear(r)
	}
	s.table.Delete(s.refs.IDs)
	return nil
}

// clear takes the row of a key away, if it has one.
func (s *normalize) clear(r hash.Row) {
	if *s.word(r, wordStands) == 0 {
		return
	}
	s.format.Free(r, s.texts)
	clear(r.Words(s.format.Words())[s.table.StateWord():])
}

// apply takes the rows of a batch, and gives out what they change.
func (s *normalize) apply(b *op.Batch, out op.Output) error {
	s.table.Upsert(s.enc.Encode(s.columns(b, s.keys), colvec.All(b.N)), &s.refs)
	old := s.meet()
	all, err := s.together(b, old)
	if err != nil {
		return err
	}
	defer release(all)
	s.follow(b, all, old)
	s.store(b, old)
	return s.emit(b, all, out)
}

// Advance implements op.Operator.
func (s *normalize) Advance(_ int, w int64, out op.Output) error {
	if err := s.life.Advance(w, s.forget); err != nil {
		return err
	}
	return out.Watermark(w)
}

// End implements op.Operator.
func (s *normalize) End(_ int, out op.Output) error { return out.End() }

// minSparse is the size from which on the texts are worth tidying, in bytes.
const minSparse = 4 << 20

// Freeze implements op.Stateful.
func (s *normalize) Freeze(cut statestore.Cut) (op.Frozen, error) {
	if s.texts.Size() > minSparse && s.texts.Live() < s.texts.Size()/2 {
		s.table.Each(func(ids []uint32, rows []hash.Row) {
			for i, r := range rows {
				s.format.Tidy(r, s.texts, func() { s.table.Rows().Mark(ids[i]) })
			}
		})
	}
	return s.st.Freeze(cut), nil
}

// Layout implements op.Stateful.
func (s *normalize) Layout() string {
	return fmt.Sprintf("upserts 1: %s, %s, %s", s.layout, s.format, s.life.Layout())
}

// Restore implements op.Stateful.
func (s *normalize) Restore(r *op.Restore) error {
	owns := r.Owns(s.keys)
	return r.EachTable(func(_ int, st *table.Table) error {
		if r.Same {
			s.adopt(st)
			return nil
		}
		from, texts := s.open(st)
		s.table.Take(from, s.enc, owns, func(row, old hash.Row) {
			// The key stands there already, in words of its own.
			key := slices.Clone(row.Words(s.table.StateWord()))
			s.format.Copy(old, texts, row.Words(s.format.Words()), s.texts)
			copy(row.Words(s.table.StateWord()), key)
		})
		s.life.Merge(st, partLife, owns)
		return nil
	})
}

// Gauges implements op.Gauges.
func (s *normalize) Gauges(c op.Counters) { c[op.CountHeld] = int64(s.table.Len()) }

// Balance implements op.Balanced.
func (s *normalize) Balance(c op.Counters) string {
	return c.Equal(op.CountIn, op.CountApplied, op.CountUnknown, op.CountTTLDropped)
}

// Tick implements op.Clocked.
func (s *normalize) Tick(now time.Time, _ op.Output) error { return s.life.Tick(now, s.forget) }

// Period implements op.Clocked.
func (s *normalize) Period() time.Duration { return s.life.Period() }

// Close implements op.Operator.
func (s *normalize) Close() {}

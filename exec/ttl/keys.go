// Package ttl says what state with a time to live forgets: which keys have had no
// row for so long that the next one begins anew (semantics 3).
package ttl

import (
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore/table"
)

// Keys is what an operator with a time to live knows of its keys: when each was
// touched last, and how many rows it has. A row that comes when its key's time is
// over finds nothing, whether or not the old state is still there; keys that no row
// to come can find are swept from time to time.
type Keys struct {
	life   planner.Life
	ttl    int64 // microseconds
	cols   []int // of the input
	count  bool  // rows are counted, and keys without any are no more
	keys   *hash.Table
	enc    *hash.Encoder
	layout *hash.Layout
	word   int // the first state word: the touch; then the number of rows
	swept  int64

	refs  hash.Refs
	vals  []arrow.Array
	first []int32 // rows that are the first of their key to find it over
	apply []int32
	empty []uint32
	old   []hash.Row
}

// Parts is the number of parts of a state table that Keys take: see Open.
const Parts = 2

// seen marks keys that the batch at hand has met.
const seen = hash.FlagBit

// New makes the Keys of an operator whose state is kept by the columns cols of its
// input; nil if the state is kept for ever. With count a retraction must have its
// row among those of its key since that was empty; without, the operator sees to
// that.
func New(life planner.Life, cols []int, in []planner.Column, count bool) (*Keys, error) {
	if life.TTL == 0 {
		return nil, nil
	}
	var types []catalog.Type
	for _, c := range cols {
		types = append(types, in[c].Type)
	}
	l, err := hash.NewLayout(types)
	if err != nil {
		return nil, err
	}
	return &Keys{life: life, ttl: life.TTL.Microseconds(), cols: cols, count: count, layout: l, enc: hash.NewEncoder(l), swept: op.MinTime}, nil
}

// layoutVersion is that of the Parts in the store.
const layoutVersion = 1

// Layout is how they are laid out: see op.Stateful.
func (k *Keys) Layout() string {
	if k == nil {
		return "for ever"
	}
	return fmt.Sprintf("ttl %d (%s, counted %t)", layoutVersion, k.layout, k.count)
}

// Open takes the Parts from first on of st, with whatever they hold.
func (k *Keys) Open(st *table.Table, first uint32) {
	if k == nil {
		return
	}
	var texts *table.Arena
	if k.layout.HasStrings() {
		texts = st.Arena(first+1, 0)
	}
	k.keys = hash.Attach(k.layout, st.Rows(first, 0, 1+k.layout.Words()+2), texts)
	k.word = k.keys.StateWord()
}

func (k *Keys) touch(r hash.Row) *op.Touch { return hash.At[op.Touch](r, k.word) }
func (k *Keys) rows(r hash.Row) *int64     { return hash.At[int64](r, k.word+1) }

// Len is the number of keys.
func (k *Keys) Len() int {
	if k == nil {
		return 0
	}
	return k.keys.Len()
}

// Forget takes keys whose state is to go, in the layout of the key columns. They
// hold until the next call.
type Forget func(k *hash.Keys) error

// Process goes through the rows of a batch. It calls forget with the keys that are
// over, and apply with the rows to be taken, in order, some at a time. Retractions
// of rows that are forgotten it counts and leaves out.
func (k *Keys) Process(b *op.Batch, ctx *op.Context, forget Forget, apply func(sel []int32) error) error {
	k.vals = k.vals[:0]
	for _, c := range k.cols {
		k.vals = append(k.vals, b.Cols[c])
	}
	k.keys.Upsert(k.enc.Encode(k.vals, colvec.All(b.N)), &k.refs)
	now := ctx.Now().UnixMicro()
	timeOf := func(i int) int64 {
		switch {
		case !k.life.EventTime:
			return now
		case b.W == nil:
			return op.MinTime
		}
		return b.W[i]
	}
	// Keys that are over when the batch's first row of theirs comes go at once; one
	// that is over in the middle of the batch goes when its rows up to there have
	// been taken.
	k.first = k.first[:0]
	for i, r := range k.refs.Rows {
		if *r.Header()&seen != 0 {
			continue
		}
		*r.Header() |= seen
		if *k.rows(r) > 0 && k.touch(r).Over(timeOf(i), k.ttl) {
			k.first = append(k.first, int32(i))
			*k.rows(r), *k.touch(r) = 0, 0
		}
	}
	for _, r := range k.refs.Rows {
		*r.Header() &^= seen
	}
	if len(k.first) > 0 {
		if err := forget(k.enc.Encode(k.vals, colvec.Selected(k.first))); err != nil {
			return err
		}
	}
	flush := func() error {
		if len(k.apply) == 0 {
			return nil
		}
		err := apply(k.apply)
		k.apply = k.apply[:0]
		return err
	}
	k.apply = k.apply[:0]
	for i, r := range k.refs.Rows {
		t := timeOf(i)
		if *k.rows(r) > 0 && k.touch(r).Over(t, k.ttl) {
			if err := flush(); err != nil {
				return err
			}
			if err := forget(k.enc.Encode(k.vals, colvec.Selected([]int32{int32(i)}))); err != nil {
				return err
			}
			*k.rows(r), *k.touch(r) = 0, 0
		}
		if b.Kind(i).Adds() {
			*k.rows(r)++
		} else if *k.rows(r) == 0 {
			ctx.Counters[op.CountTTLDropped]++
			k.empty = append(k.empty, k.refs.IDs[i])
			continue
		} else if k.count {
			if *k.rows(r)--; *k.rows(r) == 0 {
				k.empty = append(k.empty, k.refs.IDs[i])
			}
		}
		*k.touch(r) = max(*k.touch(r), op.TouchAt(t))
		k.apply = append(k.apply, int32(i))
	}
	if err := flush(); err != nil {
		return err
	}
	k.deleteEmpty()
	return nil
}

// deleteEmpty deletes keys that have no rows.
func (k *Keys) deleteEmpty() {
	gone := k.empty[:0]
	for _, id := range k.empty {
		r := k.keys.Row(id)
		if *k.rows(r) == 0 && *r.Header()&seen == 0 {
			*r.Header() |= seen // each once
			gone = append(gone, id)
		}
	}
	k.keys.Delete(gone)
	k.empty = k.empty[:0]
}

// Advance forgets what no row can find once the watermark is w, if it is time to
// look for that.
func (k *Keys) Advance(w int64, forget Forget) error {
	if k == nil || !k.life.EventTime || !op.SweepDue(w, k.swept, k.ttl) {
		return nil
	}
	return k.sweep(w, forget)
}

// Tick does so by the clock.
func (k *Keys) Tick(now time.Time, forget Forget) error {
	if k == nil || k.life.EventTime || !op.SweepDue(now.UnixMicro(), k.swept, k.ttl) {
		return nil
	}
	return k.sweep(now.UnixMicro(), forget)
}

// Period is how often Tick should be called; 0: never.
func (k *Keys) Period() time.Duration {
	if k == nil || k.life.EventTime {
		return 0
	}
	return max(time.Second, k.life.TTL/4)
}

// sweep forgets the keys that no row at time t or later can find.
func (k *Keys) sweep(t int64, forget Forget) error {
	k.swept = t
	k.old = k.old[:0]
	k.keys.Each(func(ids []uint32, rows []hash.Row) {
		for i, r := range rows {
			if k.touch(r).Over(t, k.ttl) {
				k.old, k.empty = append(k.old, r), append(k.empty, ids[i])
			}
		}
	})
	if len(k.old) == 0 {
		return nil
	}
	if err := forget(k.enc.FromRows(k.old, k.keys.Source())); err != nil {
		return err
	}
	k.keys.Delete(k.empty)
	k.empty = k.empty[:0]
	return nil
}

// Merge takes over what an old shard knew of the keys that are owned now; its parts
// are those from first on of st.
func (k *Keys) Merge(st *table.Table, first uint32, owns func(group int) bool) {
	if k == nil {
		return
	}
	from := *k
	from.Open(st, first)
	k.keys.Take(from.keys, k.enc, owns, func(row, old hash.Row) {
		*k.touch(row), *k.rows(row) = *from.touch(old), *from.rows(old)
	})
}

// Chosen gives apply the rows of a batch that it is called with, as a batch.
func Chosen(b *op.Batch, ctx *op.Context, apply func(b *op.Batch) error) func(sel []int32) error {
	return func(sel []int32) error {
		if len(sel) == b.N {
			return apply(b)
		}
		part := b.Gather(sel, ctx.Alloc)
		defer part.Release()
		return apply(part)
	}
}

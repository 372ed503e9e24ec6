package group

import (
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/exec/rowstore"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore/table"
)

// pending holds the changes of groups back between two times of EMIT EVERY. Of a
// group it has the row that stands at the reader's and the one that is to stand
// there, so that whatever has happened to the group in between comes out as one
// change; between two times nothing else is state.
type pending struct {
	ctx    *op.Context
	before bool // -U rows are wanted
	due    op.Ticker
	every  time.Duration

	layout *hash.Layout
	format *rowstore.Format
	enc    *hash.Encoder
	put    *rowstore.Encoder
	keys   *hash.Table
	rows   *table.Rows
	mem    *table.Arena
	refs   hash.Refs
}

// The words of a group: the row that stands and the row that is to stand, from 1
// (0: none), and flags.
const (
	pendingOld = iota
	pendingNew
	pendingFlags
	pendingWords
)

const (
	flagMet  = 1 << iota // there is a change
	flagSaid             // a row of the group stands
)

func newPending(o *planner.GroupAgg, out []planner.Column, ctx *op.Context) (*pending, error) {
	if o.Every == 0 {
		return nil, nil
	}
	types := make([]catalog.Type, len(out))
	for i, c := range out {
		types[i] = c.Type
	}
	l, err := hash.NewLayout(types[:len(o.Keys)])
	if err != nil {
		return nil, err
	}
	f := rowstore.NewFormat(0, types)
	return &pending{ctx: ctx, before: o.EmitBefore, due: op.NewTicker(o.Every), every: o.Every, layout: l, format: f, enc: hash.NewEncoder(l), put: f.NewEncoder()}, nil
}

// stored is how the changes are laid out: see op.Stateful.
func (p *pending) stored() string {
	if p == nil {
		return "changes at once"
	}
	return fmt.Sprintf("changes held 1 (%s, %s)", p.layout, p.format)
}

// open takes the four parts from first on of st.
func (p *pending) open(st *table.Table, first uint32) {
	if p == nil {
		return
	}
	var texts *table.Arena
	if p.layout.HasStrings() {
		texts = st.Arena(first+1, 0)
	}
	p.keys = hash.Attach(p.layout, st.Rows(first, 0, 1+p.layout.Words()+pendingWords), texts)
	p.rows, p.mem = st.Rows(first+2, 0, p.format.Words()), st.Arena(first+3, 0)
}

func (p *pending) word(r hash.Row, w int) *uint64 {
	return hash.At[uint64](r, p.keys.StateWord()+w)
}

// take notes changes.
func (p *pending) take(b *op.Batch) {
	p.keys.Upsert(p.enc.Encode(b.Cols[:p.layout.Columns()], colvec.All(b.N)), &p.refs)
	for i, r := range p.refs.Rows {
		kind := b.Kind(i)
		flags, was, now := p.word(r, pendingFlags), p.word(r, pendingOld), p.word(r, pendingNew)
		if *flags&flagMet == 0 {
			*flags |= flagMet
			if kind != catalog.Insert {
				*flags |= flagSaid
			}
		}
		p.drop(now)
		switch {
		case kind.Adds():
			*now = p.add(b, i)
		case *flags&flagSaid != 0 && *was == 0:
			*was = p.add(b, i)
		}
	}
}

// add stores row i of a batch.
func (p *pending) add(b *op.Batch, i int) uint64 {
	id := p.rows.Alloc()
	row := p.rows.At(id)
	clear(row)
	p.put.Put(b.Cols, colvec.Selected([]int32{int32(i)}), []hash.Row{hash.RowOf(row)}, p.mem)
	return uint64(id) + 1
}

// drop lets go of the row of a word.
func (p *pending) drop(word *uint64) {
	if *word == 0 {
		return
	}
	id := uint32(*word - 1)
	p.format.Free(hash.RowOf(p.rows.At(id)), p.mem)
	p.rows.Free(id)
	*word = 0
}

// give says what has changed, and forgets it.
func (p *pending) give(out op.Output) error {
	var rows rowstore.Refs
	var kinds []catalog.RowKind
	send := func() error {
		if len(kinds) == 0 {
			return nil
		}
		b := &op.Batch{N: len(kinds), Cols: p.format.AppendColumns([]arrow.Array{}, &rows, p.ctx.Alloc)}
		defer b.Release()
		if slices.ContainsFunc(kinds, func(k catalog.RowKind) bool { return k != catalog.Insert }) {
			b.Kinds = slices.Clone(kinds)
		}
		rows.Reset()
		kinds = kinds[:0]
		return out.Emit(planner.MainPort, b)
	}
	add := func(word uint64, k catalog.RowKind) {
		rows.Add(hash.RowOf(p.rows.At(uint32(word-1))), p.mem)
		kinds = append(kinds, k)
	}
	var all []uint32
	var err error
	p.keys.Each(func(ids []uint32, groups []hash.Row) {
		all = append(all, ids...)
		for _, g := range groups {
			said, was, now := *p.word(g, pendingFlags)&flagSaid != 0, *p.word(g, pendingOld), *p.word(g, pendingNew)
			switch {
			case !said && now != 0:
				add(now, catalog.Insert)
			case said && now == 0:
				add(was, catalog.Delete)
			case said && was != 0 && p.same(was, now):
			case said:
				if p.before && was != 0 {
					add(was, catalog.UpdateBefore)
				}
				add(now, catalog.UpdateAfter)
			}
			if len(kinds) >= p.ctx.BatchRows && err == nil {
				err = send()
			}
		}
	})
	if err == nil {
		err = send()
	}
	if err != nil {
		return err
	}
	p.forget(all)
	return nil
}

// same says whether two rows are the same to the last bit.
func (p *pending) same(a, b uint64) bool {
	return p.format.Compare(hash.RowOf(p.rows.At(uint32(a-1))), p.mem, hash.RowOf(p.rows.At(uint32(b-1))), p.mem) == 0
}

func (p *pending) forget(groups []uint32) {
	p.keys.Rows().MarkAll(groups)
	for _, id := range groups {
		r := p.keys.Row(id)
		p.drop(p.word(r, pendingOld))
		p.drop(p.word(r, pendingNew))
	}
	p.keys.Delete(groups)
}

// merge takes over the changes that an old shard has held of the groups that are
// owned now.
func (p *pending) merge(st *table.Table, first uint32, owns func(group int) bool) {
	if p == nil {
		return
	}
	from := *p
	from.open(st, first)
	p.keys.Take(from.keys, p.enc, owns, func(row, old hash.Row) {
		*p.word(row, pendingFlags) = *from.word(old, pendingFlags)
		*p.word(row, pendingOld) = p.copied(&from, *from.word(old, pendingOld))
		*p.word(row, pendingNew) = p.copied(&from, *from.word(old, pendingNew))
	})
}

// copied copies the row of a word of another shard.
func (p *pending) copied(from *pending, word uint64) uint64 {
	if word == 0 {
		return 0
	}
	id := p.rows.Alloc()
	p.format.Copy(hash.RowOf(from.rows.At(uint32(word-1))), from.mem, p.rows.At(id), p.mem)
	return uint64(id) + 1
}

// len is the number of rows held.
func (p *pending) len() int {
	if p == nil {
		return 0
	}
	return p.rows.Len()
}

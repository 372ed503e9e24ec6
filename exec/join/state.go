package join

import (
	"fmt"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/statestore"
	"github.com/streamsql/streamsql/statestore/table"
)

// The parts of the state.
const (
	keysPart = iota
	textsPart
	leftPart  // and one more
	rightPart = leftPart + 2
)

// adopt makes st the state.
func (j *join) adopt(st *table.Table) {
	j.st = st
	var texts *table.Arena
	if j.layout.HasStrings() {
		texts = st.Arena(textsPart, 0)
	}
	j.keys = hash.Attach(j.layout, st.Rows(keysPart, 0, 1+j.layout.Words()+j.stateWords()), texts)
	j.heads = j.keys.StateWord()
	j.sides[0].open(st, leftPart, 0, j.updates[0])
	j.sides[1].open(st, rightPart, 0, j.updates[1])
	for s := range j.sides {
		j.sides[s].segs = nil
	}
	for _, bucket := range st.Buckets() {
		if bucket != 0 {
			j.segment(bucket)
		}
	}
}

// stateWords is how many words a key has.
func (j *join) stateWords() int {
	if j.o.Forgets() {
		return 3
	}
	return 1
}

// Freeze implements op.Stateful.
func (j *join) Freeze(cut statestore.Cut) (op.Frozen, error) { return j.st.Freeze(cut), nil }

// Layout implements op.Stateful.
func (j *join) Layout() string {
	return fmt.Sprintf("join 1: %s, left %s, right %s, %d words", j.layout, j.stored(0), j.stored(1), j.stateWords())
}

// stored is how the rows of a side are laid out.
func (j *join) stored(s int) string {
	text := j.sides[s].codec.String()
	if j.updates[s] {
		text += " taken back"
	}
	if e := j.sides[s].expiry; e != nil {
		text += " in segments"
	}
	return text
}

// Restore implements op.Stateful.
func (j *join) Restore(r *op.Restore) error {
	owns := r.Owns(j.o.LeftKeys)
	return r.EachTable(func(_ int, st *table.Table) error {
		if r.Same {
			j.adopt(st)
			return nil
		}
		from := &join{o: j.o, layout: j.layout, updates: j.updates}
		from.adopt(st)
		j.merge(from, owns)
		return nil
	})
}

// merge takes over the keys of another state whose group is owned.
func (j *join) merge(from *join, owns func(group int) bool) {
	var rows []hash.Row
	enc := hash.NewEncoder(j.layout)
	from.keys.EachHash(func(_ []uint32, all []hash.Row, hashes []uint64) {
		rows = rows[:0]
		for i, h := range hashes {
			if owns(hash.Group(h)) {
				rows = append(rows, all[i])
			}
		}
		if len(rows) == 0 {
			return
		}
		k := enc.FromRows(rows, from.keys.Source())
		j.keys.Upsert(k, &j.refs)
		for i, row := range rows {
			to := hash.At[uint64](j.refs.Rows[i], j.heads)
			heads := *hash.At[uint64](row, from.heads)
			for s := range j.sides {
				head := uint32(*to >> (32 * s))
				for id1 := uint32(heads >> (32 * s)); id1 != 0; id1 = from.sides[s].next(id1) {
					f := &from.sides[s]
					head = j.sides[s].insert(head, j.refs.IDs[i], k.Hash[i], f.values(id1-1), f.partners(id1-1))
				}
				*to = *to&^(low<<(32*s)) | uint64(head)<<(32*s)
				if j.o.Forgets() {
					*hash.At[uint64](j.refs.Rows[i], j.heads+1+s) = *hash.At[uint64](row, from.heads+1+s)
				}
			}
		}
	})
	for s := range from.sides {
		for _, g := range from.sides[s].segs {
			j.mergeSegment(g, owns)
		}
	}
}

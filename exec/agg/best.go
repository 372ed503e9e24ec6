package agg

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// best keeps the first or the last record of each group, in the group's own row:
// a header, which says whether there is one and which columns are NULL, and the
// words of the record. It serves FIRST_VALUE, LAST_VALUE, MIN_BY and MAX_BY where
// no rows are taken back, in place of a bag. Long strings stand in the arena of
// the groups.
type best struct {
	shape shape
	rec   *record
	last  bool
	word  int // where the header stands in the group's row
	// scratch is a record that is not stored.
	scratch []uint64
}

// flagPresent says that a group has a record.
const flagPresent = hash.FlagBit

// bestOf finds or adds the best record of a shape.
func (a *Aggregator) bestOf(s shape, last bool) (*best, error) {
	for _, b := range a.bests {
		if b.last == last && b.shape.equal(s) {
			return b, nil
		}
	}
	rec, err := newRecord(s, false)
	if err != nil {
		return nil, err
	}
	n := 1 + rec.layout.Words()
	b := &best{shape: s, rec: rec, last: last, word: a.take(n, "best "+rec.layout.String()), scratch: make([]uint64, n)}
	a.strings = a.strings || rec.layout.HasStrings()
	a.bests = append(a.bests, b)
	return b, nil
}

// of is the record of a group.
func (b *best) of(group hash.Row) hash.Row { return group.From(b.word) }

func present(rec hash.Row) bool { return *rec.Header()&flagPresent != 0 }

// better says whether c, of a comparison with what is stored, is to replace it.
func (b *best) better(c int) bool { return b.last && c > 0 || !b.last && c < 0 }

// apply adds rows r of a batch.
func (b *best) apply(g *Groups, cols []arrow.Array, r colvec.Rows, refs *hash.Refs, next int64) {
	keys, groups, _ := b.rec.encode(cols, r, refs, next)
	src := hash.Source{Arena: g.strs}
	scratch := hash.RowOf(b.scratch)
	for i := range keys.N {
		keys.Put(i, scratch)
		rec := b.of(groups[i])
		if present(rec) {
			if !b.better(b.rec.compareKey(keys, scratch, rec, src)) {
				b.tidy(g, rec)
				continue
			}
			b.free(g, rec)
		}
		keys.Put(i, rec)
		*rec.Header() |= flagPresent
		if g.strs != nil {
			b.rec.layout.Keep(keys, rec, g.strs)
		}
	}
}

// merge adds the records of groups src to groups dst.
func (b *best) merge(g *Groups, dst, src []hash.Row, from *origin) {
	own := hash.Source{Arena: g.strs}
	n := len(b.scratch)
	for i, row := range dst {
		rec, other := b.of(row), b.of(src[i])
		if !present(other) {
			continue
		}
		if present(rec) {
			if !b.better(b.rec.compare(other, from.strs, rec, own)) {
				continue
			}
			b.free(g, rec)
		}
		copy(rec.Words(n), other.Words(n))
		if g.strs != nil {
			b.rec.layout.KeepFrom(from.strs, rec, g.strs)
		}
	}
}

// free gives back the strings of a record that is replaced.
func (b *best) free(g *Groups, rec hash.Row) {
	b.rec.layout.Long(rec, func(v *[2]uint64, n int) { g.strs.Free(v[1], n) })
}

// tidy moves the strings of a record out of a chunk that is mostly dead.
func (b *best) tidy(g *Groups, rec hash.Row) {
	if g.strs == nil {
		return
	}
	b.rec.layout.Long(rec, func(v *[2]uint64, n int) {
		if g.strs.Sparse(v[1]) {
			v[1] = g.strs.Move(v[1], n)
		}
	})
}

// detach copies the strings of the record of a copied group behind data.
func (b *best) detach(group hash.Row, src hash.Source, data []byte) []byte {
	return b.rec.layout.Detach(b.of(group), src, data)
}

// long says whether the record of a group refers to an arena.
func (b *best) long(group hash.Row) (yes bool) {
	b.rec.layout.Long(b.of(group), func(*[2]uint64, int) { yes = true })
	return yes
}

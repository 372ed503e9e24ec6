package agg

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// A bag keeps the records of each group as a multiset in their order: a table
// keyed by (group id, record) whose state is how often the record is there and
// its place in the group's tree (see tree). It is what aggregates over all
// values stand on - ARRAY_AGG, PERCENTILE_DISC, MODE - and what lets MIN, MAX
// and FIRST_VALUE take rows back. As a multiset it does not depend on the order
// of additions, is merged by adding, and takes rows out that have not come yet:
// a count may be negative in between.
type bag struct {
	at     int // in Groups.bags
	shape  shape
	rec    *record
	ranked bool // trees know the number of records below each
	root   int  // word of a group's row: the root of its tree, id+1
	state  int  // first state word of a record's row
	refs   hash.Refs
	dead   []uint32
}

// Words of a record's state.
const (
	bagCount  = iota // int64
	bagLinks         // children, id+1: left in the lower half, right in the upper one
	bagParent        // id+1
	bagRank          // ranked: how many there are in the subtree, int64
)

// flagLinked marks the rows of a bag that are in a tree.
const flagLinked = hash.FlagBit << 1

// bagOf finds or adds the bag of records of a shape.
func (a *Aggregator) bagOf(s shape) (*bag, error) {
	for _, b := range a.bags {
		if b.shape.equal(s) {
			return b, nil
		}
	}
	rec, err := newRecord(s, true)
	if err != nil {
		return nil, err
	}
	b := &bag{at: len(a.bags), shape: s, rec: rec, root: a.take(1, "bag"), state: 1 + rec.layout.Words()}
	a.bags = append(a.bags, b)
	return b, nil
}

// words is the number of words of state per record.
func (b *bag) words() int {
	if b.ranked {
		return bagRank + 1
	}
	return bagRank
}

// apply adds rows r of a batch, or takes them out. refs are their groups, next is
// the position of the first of them.
func (b *bag) apply(g *Groups, cols []arrow.Array, r colvec.Rows, refs *hash.Refs, next int64, retract bool) {
	keys, groups, _ := b.rec.encode(cols, r, refs, next)
	if keys.N == 0 {
		return
	}
	t := g.bags[b.at]
	t.Upsert(keys, &b.refs)
	by := int64(1)
	if retract {
		by = -1
	}
	tr := b.tree(t)
	for i, id := range b.refs.IDs {
		tr.add(groups[i], id, by)
	}
	b.drop(tr, groups)
}

// merge adds the records in rows src of a bag like this one, whose groups are ids
// in g: the rows groups.
func (b *bag) merge(g *Groups, src []hash.Row, ids []uint32, groups []hash.Row, strings hash.Source) {
	t := g.bags[b.at]
	t.Upsert(b.rec.enc.FromRowsIn(ids, src, strings), &b.refs)
	tr := b.tree(t)
	for i, id := range b.refs.IDs {
		tr.add(groups[i], id, *hash.At[int64](src[i], b.state+bagCount))
	}
	b.drop(tr, groups)
}

// drop takes the records of refs that are not there any more out of the trees,
// and out of the table.
func (b *bag) drop(tr tree, groups []hash.Row) {
	b.dead = b.dead[:0]
	for i, id := range b.refs.IDs {
		row := tr.t.Row(id)
		if *hash.At[int64](row, b.state+bagCount) == 0 && *row.Header()&flagLinked != 0 {
			tr.unlink(groups[i], id) // once, though the record may be listed twice
			b.dead = append(b.dead, id)
		}
	}
	if len(b.dead) > 0 {
		tr.t.Delete(b.dead)
	}
}

// release deletes the records of a group that goes away.
func (b *bag) release(g *Groups, group hash.Row) {
	b.dead = b.dead[:0]
	tr := b.tree(g.bags[b.at])
	for id := tr.first(group); id != 0; id = tr.next(id) {
		b.dead = append(b.dead, id-1)
	}
	if len(b.dead) > 0 {
		tr.t.Delete(b.dead)
	}
}

// copy adds the records of a group of src to a group of dst, which may be the
// same Groups.
func (b *bag) copy(dst *Groups, to uint32, src *Groups, from uint32) {
	t := src.bags[b.at]
	tr := b.tree(t)
	width := t.Rows().Width()
	var words []uint64
	for link := tr.first(src.table.Row(from)); link != 0; link = tr.next(link) {
		words = append(words, tr.row(link).Words(width)...)
	}
	n := len(words) / width
	for i := 0; i < n; i += chunkRows {
		part := min(chunkRows, n-i)
		rows, ids, groups := make([]hash.Row, part), make([]uint32, part), make([]hash.Row, part)
		for j := range part {
			rows[j], ids[j], groups[j] = hash.RowOf(words[(i+j)*width:]), to, dst.table.Row(to)
		}
		b.merge(dst, rows, ids, groups, t.Source())
	}
}

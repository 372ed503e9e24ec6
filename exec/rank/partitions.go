package rank

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore/table"
)

// The words of a partition, in memory only.
const (
	partRoot  = iota // of its tree
	partWorst        // a row with a greater word is behind the last place; all ones: there is room
	partSaid         // number of its entry in touched, from 1; 0: not touched
	partExtra        // DENSE_RANK: number of different keys; else the best row of the batch, from 1
	partWords
)

// partitions are the partitions of a shard, or those of one window.
type partitions struct {
	*shape
	trees *trees
	table *hash.Table
	enc   *hash.Encoder
	refs  hash.Refs
}

// shape is what all partitions of an operator have in common.
type shape struct {
	o      *planner.Rank
	codec  *codec
	layout *hash.Layout
	// retract says that the input takes rows back: then all rows stay.
	retract bool
	ctx     *op.Context
}

func newShape(o *planner.Rank, in []planner.Column, retract bool, ctx *op.Context) (*shape, error) {
	types := make([]catalog.Type, len(o.Partition))
	for i, p := range o.Partition {
		types[i] = in[p].Type
	}
	layout, err := hash.NewLayout(types)
	if err != nil {
		return nil, err
	}
	c := newCodec(in, o.Order, o.Tie)
	if c.arrival = o.Arrival == planner.LastArrived; c.arrival {
		c.next = math.MaxUint64 - 1 // below what stands for a partition with room
	}
	return &shape{o: o, codec: c, layout: layout, retract: retract, ctx: ctx}, nil
}

// stored is how the rows are laid out: see op.Stateful.
func (s *shape) stored() string { return fmt.Sprintf("%s, %s", s.layout, s.codec) }

// open makes the partitions whose rows are in a bucket of a table.
func (s *shape) open(st *table.Table, bucket int64) *partitions {
	p := &partitions{shape: s, trees: openTrees(st, bucket), table: hash.NewTableBeside(s.layout, partWords, st, bucket), enc: hash.NewEncoder(s.layout)}
	p.index()
	return p
}

// of finds the partitions of some rows of a batch, making those that are not
// there. The result holds until the next call.
func (p *partitions) of(cols []arrow.Array, r colvec.Rows) []hash.Row {
	keys := make([]arrow.Array, len(p.o.Partition))
	for i, c := range p.o.Partition {
		keys[i] = cols[c]
	}
	return p.find(p.enc.Encode(keys, r))
}

func (p *partitions) find(k *hash.Keys) []hash.Row {
	p.table.Upsert(k, &p.refs)
	for _, row := range p.refs.Rows {
		if *p.word(row, partRoot) == 0 && *p.word(row, partSaid) == 0 {
			*p.word(row, partWorst) = math.MaxUint64
		}
	}
	return p.refs.Rows
}

// word is word w of a partition.
func (p *partitions) word(row hash.Row, w int) *uint64 {
	return hash.At[uint64](row, p.table.StateWord()+w)
}

func (p *partitions) root(row hash.Row) uint32 { return uint32(*p.word(row, partRoot)) }

// full says whether no row behind the last one can be visible.
func (p *partitions) full(row hash.Row) bool {
	switch {
	case p.retract:
		return false
	case p.o.Kind == planner.OverDenseRank:
		return *p.word(row, partExtra) >= uint64(p.o.To)
	}
	return int64(p.trees.size(p.root(row))) >= p.o.Keep()
}

// behind says whether a record that is not in the tree of a full partition is
// behind the last place. Of ROW_NUMBER every row has a place of its own; of the
// others, rows with equal keys share one.
func (p *partitions) behind(row hash.Row, word uint64, rec []byte, keyLen int) bool {
	root := p.root(row)
	last := p.trees.last(root)
	if p.o.Kind == planner.OverRowNumber {
		return p.trees.compare(word, rec, last) >= 0
	}
	if w := p.trees.word(last); word != w {
		return word > w
	}
	return bytes.Compare(rec[:keyLen], p.trees.key(last)) > 0
}

// insert hangs a stored row into its partition.
func (p *partitions) insert(row hash.Row, id uint32) {
	if p.o.Kind == planner.OverDenseRank && !p.retract && !p.hasKey(p.root(row), id) {
		*p.word(row, partExtra)++
	}
	*p.word(row, partRoot) = uint64(p.trees.insert(p.root(row), id))
}

// hasKey says whether a tree has a row with the key of row id.
func (p *partitions) hasKey(root, id uint32) bool {
	word, key := p.trees.word(id), p.trees.key(id)
	for root != 0 {
		c := cmp.Compare(word, p.trees.word(root-1))
		if c == 0 {
			c = bytes.Compare(key, p.trees.key(root-1))
		}
		switch n := p.trees.nodes[root-1]; {
		case c < 0:
			root = n.left
		case c > 0:
			root = n.right
		default:
			return true
		}
	}
	return false
}

// trim takes rows that are behind the last place out of the tree and notes from
// where on rows need not come in. gone is called for each row taken out.
func (p *partitions) trim(row hash.Row, gone func(id uint32)) {
	if !p.full(row) {
		return
	}
	root := p.root(row)
	to := int(p.o.Keep())
	switch p.o.Kind {
	case planner.OverRowNumber:
		for p.trees.size(root) > to {
			var id uint32
			root, id = p.trees.removeLast(root)
			gone(id)
		}
	case planner.OverRank:
		// All rows with the key of the row at the last place have at most its rank.
		key := p.trees.key(p.trees.at(root, to-1))
		for !bytes.Equal(p.trees.key(p.trees.last(root)), key) {
			var id uint32
			root, id = p.trees.removeLast(root)
			gone(id)
		}
	case planner.OverDenseRank:
		for extra := p.word(row, partExtra); *extra > uint64(to); *extra-- {
			key := p.trees.key(p.trees.last(root))
			for root != 0 && bytes.Equal(p.trees.key(p.trees.last(root)), key) {
				var id uint32
				root, id = p.trees.removeLast(root)
				gone(id)
			}
		}
	}
	*p.word(row, partRoot) = uint64(root)
	*p.word(row, partWorst) = p.trees.word(p.trees.last(root))
}

// visible calls fn for the rows of a partition that the filter on the rank lets
// through, in order.
func (p *partitions) visible(row hash.Row, fn func(id uint32, rank int64)) {
	root := p.root(row)
	if p.o.Kind == planner.OverRowNumber {
		rank := p.o.From
		if p.o.From > int64(p.trees.size(root)) {
			return
		}
		p.trees.walk(root, int(p.o.From-1), func(id uint32) bool {
			fn(id, rank)
			rank++
			return rank <= p.o.To
		})
		return
	}
	var key []byte
	place, rank := int64(0), int64(0)
	p.trees.walk(root, 0, func(id uint32) bool {
		place++
		if k := p.trees.key(id); rank == 0 || !bytes.Equal(k, key) {
			key = k
			if p.o.Kind == planner.OverDenseRank {
				rank++
			} else {
				rank = place
			}
		}
		if rank >= p.o.From && rank <= p.o.To {
			fn(id, rank)
		}
		return rank <= p.o.To
	})
}

// indexRows is how many rows are read back at a time.
const indexRows = 1024

// index builds partitions and trees of the stored rows.
func (p *partitions) index() {
	p.trees.fit()
	type member struct{ part, id uint32 }
	var all []member
	ids := make([]uint32, 0, indexRows)
	flush := func() {
		if len(ids) == 0 {
			return
		}
		p.decoded(ids, func(cols []arrow.Array) {
			p.of(cols, colvec.All(len(ids)))
			for i, id := range ids {
				all = append(all, member{p.refs.IDs[i], id})
			}
		})
		ids = ids[:0]
	}
	p.trees.rows.Each(func(id uint32, row []uint64) {
		if p.codec.arrival {
			p.codec.next = min(p.codec.next, row[rowWord]-1)
		}
		if ids = append(ids, id); len(ids) == indexRows {
			flush()
		}
	})
	flush()
	slices.SortFunc(all, func(a, b member) int {
		if c := cmp.Compare(a.part, b.part); c != 0 {
			return c
		}
		if c := p.trees.compare(p.trees.word(a.id), p.trees.record(a.id), b.id); c != 0 {
			return c
		}
		return cmp.Compare(a.id, b.id)
	})
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].part == all[0].part {
			n++
		}
		ids = ids[:0]
		keys := uint64(0)
		for i, m := range all[:n] {
			ids = append(ids, m.id)
			if i == 0 || !bytes.Equal(p.trees.key(m.id), p.trees.key(all[i-1].id)) {
				keys++
			}
		}
		row := p.table.Row(all[0].part)
		*p.word(row, partRoot) = uint64(p.trees.build(ids))
		if p.o.Kind == planner.OverDenseRank {
			*p.word(row, partExtra) = keys
		}
		p.trim(row, func(uint32) {})
		all = all[n:]
	}
}

// decoded gives the partition columns of stored rows, in the places that they
// have among the input's.
func (p *partitions) decoded(ids []uint32, fn func(cols []arrow.Array)) {
	r := p.codec.reader(append([]int{}, p.o.Partition...), p.ctx.Alloc)
	defer r.release()
	for _, id := range ids {
		r.read(p.trees.record(id))
	}
	cols := r.columns()
	fn(cols)
	for _, c := range cols {
		if c != nil {
			c.Release()
		}
	}
}

// take copies the rows of another shard's table whose key groups are owned here.
// They hang in no tree until index.
func (p *partitions) take(from *trees, owns func(group int) bool) {
	ids := make([]uint32, 0, indexRows)
	other := &partitions{shape: p.shape, trees: from}
	flush := func() {
		if len(ids) == 0 {
			return
		}
		other.decoded(ids, func(cols []arrow.Array) {
			keys := make([]arrow.Array, len(p.o.Partition))
			for i, c := range p.o.Partition {
				keys[i] = cols[c]
			}
			for i, h := range p.enc.Encode(keys, colvec.All(len(ids))).Hash {
				if !owns(hash.Group(h)) {
					continue
				}
				row := from.rows.At(ids[i])
				p.trees.add(row[rowWord], from.record(ids[i]), int(row[rowLen]>>32))
			}
		})
		ids = ids[:0]
	}
	from.rows.Each(func(id uint32, _ []uint64) {
		if ids = append(ids, id); len(ids) == indexRows {
			flush()
		}
	})
	flush()
}

// clear drops the rows of a partition, and gives their number.
func (p *partitions) clear(row hash.Row) int64 {
	var ids []uint32
	p.trees.walk(p.root(row), 0, func(id uint32) bool {
		ids = append(ids, id)
		return true
	})
	for _, id := range ids {
		p.trees.drop(id)
	}
	*p.word(row, partRoot), *p.word(row, partExtra) = 0, 0
	return int64(len(ids))
}

package over

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore/table"
)

// partitions numbers the partitions of a shard, in parts first and first+1 of
// the state. Each has some words of the operator's.
type partitions struct {
	keys  []int
	t     *hash.Table
	enc   *hash.Encoder
	refs  hash.Refs
	cols  []arrow.Array
	words int
}

func newPartitions(st *table.Table, first uint32, keys []int, in []planner.Column, words int) (*partitions, error) {
	types := make([]catalog.Type, len(keys))
	for i, k := range keys {
		types[i] = in[k].Type
	}
	layout, err := hash.NewLayout(types)
	if err != nil {
		return nil, err
	}
	var strings *table.Arena
	if layout.HasStrings() {
		strings = st.Arena(first+1, 0)
	}
	return &partitions{
		keys: keys, t: hash.Attach(layout, st.Rows(first, 0, 1+layout.Words()+words), strings),
		enc: hash.NewEncoder(layout), cols: make([]arrow.Array, len(keys)), words: words,
	}, nil
}

// find gives the numbers of the partitions of a batch's rows. It holds until
// the next call.
func (p *partitions) find(cols []arrow.Array, n int) []uint32 {
	for i, k := range p.keys {
		p.cols[i] = cols[k]
	}
	return p.at(p.enc.Encode(p.cols, colvec.All(n)))
}

// at gives the numbers of the partitions of keys. It holds until the next call.
func (p *partitions) at(k *hash.Keys) []uint32 {
	p.t.Upsert(k, &p.refs)
	return p.refs.IDs
}

// state gives the operator's words of a partition, marked as changed.
func (p *partitions) state(id uint32) []uint64 {
	row := p.t.Rows().Edit(id)
	return row[len(row)-p.words:]
}

// read gives the operator's words of a partition.
func (p *partitions) read(id uint32) []uint64 {
	row := p.t.Rows().At(id)
	return row[len(row)-p.words:]
}

// cap is one more than the greatest number in use.
func (p *partitions) cap() int { return int(p.t.Rows().Cap()) }

// adopt takes over the partitions of another shard's state that owns accepts,
// and says what number each has now.
func (p *partitions) adopt(old *partitions, owns func(group int) bool) []uint32 {
	parts := make([]uint32, old.cap())
	for i := range parts {
		parts[i] = noPart
	}
	old.t.EachHash(func(ids []uint32, rows []hash.Row, hashes []uint64) {
		var taken []hash.Row
		var from []uint32
		for i, h := range hashes {
			if owns(hash.Group(h)) {
				taken, from = append(taken, rows[i]), append(from, ids[i])
			}
		}
		if len(taken) == 0 {
			return
		}
		p.t.Upsert(p.enc.FromRows(taken, old.t.Source()), &p.refs)
		for i, id := range from {
			parts[id] = p.refs.IDs[i]
			copy(p.state(p.refs.IDs[i]), old.read(id))
		}
	})
	return parts
}

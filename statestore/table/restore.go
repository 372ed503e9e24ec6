package table

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/streamsql/streamsql/internal/cursor"
	"github.com/streamsql/streamsql/statestore"
)

// Load builds the table that a stored shard had at the last commit, to go on from
// there: ids are the old ones and nothing is dirty.
func Load(store *statestore.Store, op statestore.OperatorID, shard int) (*Table, error) {
	return load(store, New(op), shard)
}

// LoadSource is Load for a table that is only read, after a change of layout: row ids
// mean nothing across layouts, so a new shard inserts the rows of its key groups into a
// table of its own, which its next freeze writes whole. It stands in Go's heap, where
// its rows and strings live as long as anything refers to them.
func LoadSource(store *statestore.Store, op statestore.OperatorID, shard int) (*Table, error) {
	t := New(op)
	t.mem, t.pool.mem = nil, nil
	return load(store, t, shard)
}

func load(store *statestore.Store, t *Table, shard int) (*Table, error) {
	op := t.op
	err := store.Read(op, shard, func(b statestore.Block) error {
		id := partID{bucket: b.Stream.Bucket, part: b.Stream.Part}
		p, err := t.partFor(id, b.Data)
		if err == nil {
			err = p.apply(b.Data, b.Generation)
		}
		if err != nil {
			return &statestore.DamageError{
				Dir: store.Dir(), What: fmt.Sprintf("epoch %d, shard %d, %v", b.Epoch, b.Shard, b.Stream), Err: err,
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, s := range store.Streams(op, shard) {
		id := partID{bucket: s.Stream.Bucket, part: s.Stream.Part}
		p := t.parts[id]
		if p == nil {
			// It was empty and is gone; should it come back, it starts anew.
			t.dropped[id] = true
			continue
		}
		if err := p.loaded(s.LiveFrom); err != nil {
			return nil, &statestore.DamageError{Dir: store.Dir(), What: fmt.Sprintf("shard %d, %v", shard, s.Stream), Err: err}
		}
	}
	return t, nil
}

// partFor returns the part that a block belongs to, making it of the block's
// kind if it is the first.
func (t *Table) partFor(id partID, block []byte) (part, error) {
	if len(block) < 4 {
		return nil, cursor.ErrShort
	}
	k := kind(block[0])
	p := t.parts[id]
	if p == nil {
		switch k {
		case kindRows:
			w := int(binary.LittleEndian.Uint16(block[2:]))
			if w == 0 {
				return nil, errors.New("rows of no words")
			}
			p = NewRows(w).in(t.mem)
		case kindArena:
			p = t.newArena()
		case kindBlobs:
			p = NewBlobs()
		default:
			return nil, fmt.Errorf("a block of unknown %v", k)
		}
		t.add(id, p)
	}
	if got := kindOf(p); got != k {
		return nil, fmt.Errorf("a block of %v among %v", k, got)
	}
	return p, nil
}

func kindOf(p part) kind {
	switch p.(type) {
	case *Rows:
		return kindRows
	case *Arena:
		return kindArena
	}
	return kindBlobs
}

package batch

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Aborted is a transaction that was aborted, as a fetch response with
// read_committed lists them: from FirstOffset on, the batches of the producer
// belong to it, up to its marker.
type Aborted struct {
	ProducerID, FirstOffset int64
}

// Filter says which batches of one fetch response have records to give out.
//
// With read_committed a response lists all transactions that were aborted and have
// records in it, those that began before it too. Going through the batches in
// order, a producer is in an aborted transaction from FirstOffset to the marker of
// its end (KIP-98, 5.4). The zero Filter is for read_uncommitted: it leaves out
// the markers only.
type Filter struct {
	pending []Aborted // by FirstOffset
	active  map[int64]bool
}

// NewFilter makes a filter of a response's list.
func NewFilter(aborted []Aborted) Filter {
	if len(aborted) == 0 {
		return Filter{}
	}
	f := Filter{pending: slices.Clone(aborted), active: map[int64]bool{}}
	slices.SortStableFunc(f.pending, func(a, b Aborted) int {
		switch {
		case a.FirstOffset < b.FirstOffset:
			return -1
		case a.FirstOffset > b.FirstOffset:
			return 1
		}
		return 0
	})
	return f
}

// Skip says whether a batch has nothing to give out: it is a marker, empty, or
// part of an aborted transaction. Batches come in the order of the response.
func (f *Filter) Skip(h *Header, data []byte) (bool, error) {
	for len(f.pending) > 0 && f.pending[0].FirstOffset <= h.LastOffset() {
		f.active[f.pending[0].ProducerID] = true
		f.pending = f.pending[1:]
	}
	if h.Control() {
		if f.active[h.ProducerID] && h.Count > 0 {
			abort, err := isAbort(h, data)
			if err != nil {
				return false, err
			}
			if abort {
				delete(f.active, h.ProducerID)
			}
		}
		return true, nil
	}
	return h.Count == 0 || h.Transactional() && f.active[h.ProducerID], nil
}

// isAbort reads the marker of a control batch: the key of its only record is a
// version and a type, 0 for abort, 1 for commit.
func isAbort(h *Header, data []byte) (bool, error) {
	if h.Codec() != None {
		return false, fmt.Errorf("the marker at offset %d is compressed", h.BaseOffset)
	}
	var r Records
	if err := r.Append(h, data[HeaderSize:], 0, 1, Keys); err != nil {
		return false, err
	}
	key := r.Keys[0].Of(data[HeaderSize:])
	if len(key) < 4 {
		return false, fmt.Errorf("the marker at offset %d has a key of %d bytes", h.BaseOffset, len(key))
	}
	return binary.BigEndian.Uint16(key[2:]) == 0, nil
}

package statestore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// Block is one block as it was put.
type Block struct {
	Stream     StreamID
	Shard      int    // of the layout it was written in, which is the last commit's
	Epoch      uint64 // that it was committed with
	Generation uint64 // of that epoch, see Cut
	Data       []byte // valid during the call
}

// StreamInfo describes a live stream as of the last commit.
type StreamInfo struct {
	Stream    StreamID
	Shard     int
	LiveFrom  uint64
	LiveBytes int64
}

// Operators returns the operators that have state in the last commit, ascending.
func (s *Store) Operators() []OperatorID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []OperatorID
	if n := len(s.commits); n > 0 {
		for _, e := range s.commits[n-1].streams {
			ids = append(ids, e.id.Operator)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Streams returns the live streams of an operator in one stored shard, by part
// and bucket.
func (s *Store) Streams(op OperatorID, shard int) []StreamInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	var infos []StreamInfo
	if n := len(s.commits); n > 0 {
		for _, e := range s.commits[n-1].streams {
			if e.shard == shard && e.id.Operator == op {
				infos = append(infos, StreamInfo{Stream: e.id, Shard: shard, LiveFrom: e.liveFrom, LiveBytes: int64(e.liveBytes)})
			}
		}
	}
	return infos
}

// Read replays the live blocks of an operator that one stored shard wrote: in
// epoch order, within an epoch by stream, within a stream as they were put.
// Blocks before a stream's live-from epoch and those of dropped streams are
// skipped. Several Reads may run at once, and beside a transaction; what is read
// is the last commit as of the call.
//
// A *DamageError says that blocks are missing or altered; what fn was given up
// to then must be thrown away.
func (s *Store) Read(op OperatorID, shard int, fn func(Block) error) error {
	if err := s.fault.err(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	if len(s.commits) == 0 {
		s.mu.Unlock()
		return nil
	}
	last := s.commits[len(s.commits)-1]
	type span struct {
		record  *record
		streams []streamEntry
	}
	live := map[StreamID]uint64{}
	for _, e := range last.streams {
		if e.shard == shard && e.id.Operator == op {
			live[e.id] = e.liveFrom
		}
	}
	var spans []span
	for _, r := range s.commits {
		sp := span{record: r}
		for _, e := range r.streams {
			if from, ok := live[e.id]; ok && e.shard == shard && e.blocks > 0 && r.epoch >= from {
				sp.streams = append(sp.streams, e)
			}
		}
		if sp.streams != nil {
			spans = append(spans, sp)
		}
	}
	it, err := s.db.NewIter(&pebble.IterOptions{})
	s.mu.Unlock()
	if err != nil {
		return fmt.Errorf("statestore: %w", err)
	}
	for _, sp := range spans {
		for i := range sp.streams {
			if err = s.readStream(it, sp.record, &sp.streams[i], fn); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	if cerr := it.Close(); cerr != nil && err == nil {
		err = &DamageError{Dir: s.dir, What: "the log", Err: cerr}
	}
	return err
}

// readStream replays what one commit put to one stream.
func (s *Store) readStream(it *pebble.Iterator, r *record, e *streamEntry, fn func(Block) error) error {
	damaged := func(format string, args ...any) error {
		return &DamageError{Dir: s.dir, What: fmt.Sprintf("epoch %d, shard %d, %v", r.epoch, e.shard, e.id), Err: fmt.Errorf(format, args...)}
	}
	var n, digest uint64
	var prefix []byte
	for run := range r.runs[e.shard] {
		prefix = appendBlockPrefix(prefix[:0], r.epoch, e.shard, run, e.id)
		for ok := it.SeekGE(prefix); ok && bytes.HasPrefix(it.Key(), prefix); ok = it.Next() {
			key := it.Key()
			if len(key) != blockKeySize || binary.BigEndian.Uint32(key[len(prefix):]) != uint32(n) {
				return damaged("block %d is missing", n)
			}
			v, err := it.ValueAndErr()
			if err == nil && len(v) < sumSize {
				err = errors.New("it is too short")
			}
			if err != nil {
				return damaged("block %d: %w", n, err)
			}
			data := v[:len(v)-sumSize]
			sum := binary.BigEndian.Uint64(v[len(data):])
			if checksum(key, data) != sum {
				return damaged("block %d: its checksum does not match", n)
			}
			n++
			digest += sum
			if err := fn(Block{Stream: e.id, Shard: e.shard, Epoch: r.epoch, Generation: r.generation, Data: data}); err != nil {
				return err
			}
		}
		if err := it.Error(); err != nil {
			return damaged("block %d: %w", n, err)
		}
	}
	if n != e.blocks || digest != e.digest {
		return damaged("%d of %d blocks are there, or not the right ones", n, e.blocks)
	}
	return nil
}

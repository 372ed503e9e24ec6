package statestore

import (
	"encoding/binary"
	"errors"

	"github.com/zeebo/xxh3"

	"github.com/streamsql/streamsql/internal/cursor"
)

// record is the commit record: what a commit holds and what of the log it still
// needs. It is what makes loss visible: each record names its predecessor, and
// counts and digests the blocks of its own epoch, so that a piece of the log
// that went missing below (a manifest or write-ahead log cut short by damage
// looks to Pebble like the normal end after a crash) is an error and not an
// older or thinner state.
type record struct {
	epoch      uint64
	prev       uint64 // epoch of the commit before, 0 if none
	generation uint64 // first epoch of the generation this epoch belongs to
	layout     Layout
	bytes      uint64 // of blocks and metadata
	runs       []int  // per shard: number of sorted runs
	streams    []streamEntry
	meta       []metaEntry
}

// streamEntry is one live stream as of a commit. Entries are sorted by shard,
// then stream.
type streamEntry struct {
	shard     int
	id        StreamID
	liveFrom  uint64
	liveBytes uint64
	blocks    uint64 // put by this commit
	digest    uint64 // sum of the checksums of those blocks
}

type metaEntry struct {
	name   string
	size   uint64
	digest uint64
}

func compareStreams(a, b streamEntry) int {
	if a.shard != b.shard {
		return a.shard - b.shard
	}
	if a.id == b.id {
		return 0
	}
	if a.id.less(b.id) {
		return -1
	}
	return 1
}

// bound is the oldest epoch that any stream needs.
func (r *record) bound() uint64 {
	b := r.epoch
	for i := range r.streams {
		b = min(b, r.streams[i].liveFrom)
	}
	return b
}

func (r *record) liveBytes() (n uint64) {
	for i := range r.streams {
		n += r.streams[i].liveBytes
	}
	return n
}

func (r *record) encode() []byte {
	b := binary.AppendUvarint(nil, r.epoch)
	b = binary.AppendUvarint(b, r.prev)
	b = binary.AppendUvarint(b, r.generation)
	b = binary.AppendUvarint(b, uint64(r.layout.Shards))
	b = binary.AppendUvarint(b, r.bytes)
	for _, n := range r.runs {
		b = binary.AppendUvarint(b, uint64(n))
	}
	b = binary.AppendUvarint(b, uint64(len(r.streams)))
	var last streamEntry
	for i := range r.streams {
		s := &r.streams[i]
		b = binary.AppendUvarint(b, uint64(s.shard-last.shard))
		b = binary.BigEndian.AppendUint64(b, uint64(s.id.Operator))
		b = binary.AppendUvarint(b, uint64(s.id.Part))
		b = binary.AppendVarint(b, s.id.Bucket-last.id.Bucket)
		b = binary.AppendUvarint(b, r.epoch-s.liveFrom)
		b = binary.AppendUvarint(b, s.liveBytes)
		b = binary.AppendUvarint(b, s.blocks)
		if s.blocks > 0 {
			b = binary.BigEndian.AppendUint64(b, s.digest)
		}
		last = *s
	}
	b = binary.AppendUvarint(b, uint64(len(r.meta)))
	for _, m := range r.meta {
		b = binary.AppendUvarint(b, uint64(len(m.name)))
		b = append(b, m.name...)
		b = binary.AppendUvarint(b, m.size)
		b = binary.BigEndian.AppendUint64(b, m.digest)
	}
	return binary.BigEndian.AppendUint64(b, xxh3.Hash(b))
}

func decodeRecord(b []byte) (*record, error) {
	if len(b) < sumSize {
		return nil, cursor.ErrShort
	}
	body := b[:len(b)-sumSize]
	if xxh3.Hash(body) != binary.BigEndian.Uint64(b[len(body):]) {
		return nil, errors.New("its checksum does not match")
	}
	d := cursor.Reader{Rest: body}
	r := &record{epoch: d.Uvarint(), prev: d.Uvarint(), generation: d.Uvarint()}
	r.layout.Shards = int(d.Uvarint())
	r.bytes = d.Uvarint()
	if d.Err == nil {
		if err := r.layout.check(); err != nil {
			return nil, err
		}
		for range r.layout.Shards {
			r.runs = append(r.runs, int(d.Uvarint()))
		}
	}
	n := d.Count(1)
	var last streamEntry
	for range n {
		var s streamEntry
		s.shard = last.shard + int(d.Uvarint())
		s.id.Operator = OperatorID(word(&d))
		s.id.Part = uint32(d.Uvarint())
		s.id.Bucket = last.id.Bucket + d.Varint()
		s.liveFrom = r.epoch - d.Uvarint()
		s.liveBytes = d.Uvarint()
		s.blocks = d.Uvarint()
		if s.blocks > 0 {
			s.digest = word(&d)
		}
		r.streams = append(r.streams, s)
		last = s
	}
	n = d.Count(1)
	for range n {
		var m metaEntry
		m.name = string(d.Bytes(d.Uvarint()))
		m.size = d.Uvarint()
		m.digest = word(&d)
		r.meta = append(r.meta, m)
	}
	return r, d.End()
}

// word reads a number of eight bytes.
func word(d *cursor.Reader) uint64 {
	if b := d.Bytes(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

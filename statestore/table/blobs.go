package table

import (
	"bytes"
	"encoding/binary"

	"github.com/zeebo/xxh3"

	"github.com/streamsql/streamsql/internal/cursor"
	"github.com/streamsql/streamsql/statestore"
)

// Blobs holds variable-size records by key, both plain bytes. It suits state
// that is irregular or seldom changed: what the operator encodes is what is
// stored.
//
// Records stand in an arena and are replaced, never changed in place, so a
// freeze refers to them and copies nothing.
type Blobs struct {
	mem     *Arena
	slots   []uint32 // open addressing, linear probing; id+1, 0 is empty
	entries []blob
	free    []uint32
	used    int
	bytes   int      // of live keys and values
	dirty   []uint32 // ids put since the last freeze, maybe freed again
	deleted [][]byte // keys deleted since then, maybe put again
	hand    int      // next entry to look at for moving

	ages ages
}

type blob struct {
	hash       uint64
	pos        uint64
	klen, vlen uint32
	age        uint8
	live       bool
	dirty      bool
}

// NewBlobs makes an empty set of records.
func NewBlobs() *Blobs { return &Blobs{mem: NewArena(), slots: make([]uint32, 8)} }

// Len is the number of records.
func (s *Blobs) Len() int { return s.used }

// Bytes is the size of all keys and values.
func (s *Blobs) Bytes() int { return s.bytes }

// find returns the slot of a key: where it is, or would be.
func (s *Blobs) find(h uint64, key []byte) (slot int, found bool) {
	mask := len(s.slots) - 1
	for i := int(h) & mask; ; i = (i + 1) & mask {
		id := s.slots[i]
		if id == 0 {
			return i, false
		}
		if e := &s.entries[id-1]; e.hash == h && bytes.Equal(s.mem.At(e.pos, int(e.klen)), key) {
			return i, true
		}
	}
}

func (s *Blobs) drop() {}

func (s *Blobs) memory() int { return s.mem.size + 4*len(s.slots) }

// Get returns the value of a key. It never changes, even when the record does.
func (s *Blobs) Get(key []byte) (value []byte, ok bool) {
	i, ok := s.find(xxh3.Hash(key), key)
	if !ok {
		return nil, false
	}
	e := &s.entries[s.slots[i]-1]
	return s.value(e), true
}

func (s *Blobs) key(e *blob) []byte { return s.mem.At(e.pos, int(e.klen)) }

func (s *Blobs) value(e *blob) []byte {
	if e.vlen == 0 {
		return nil
	}
	return s.mem.At(e.pos+uint64(e.klen), int(e.vlen))
}

// Put sets the value of a key. Both are copied.
func (s *Blobs) Put(key, value []byte) {
	s.put(key, value)
	s.tidy()
	s.tidy()
}

func (s *Blobs) put(key, value []byte) *blob {
	h := xxh3.Hash(key)
	i, found := s.find(h, key)
	var id uint32
	if found {
		id = s.slots[i] - 1
		e := &s.entries[id]
		s.bytes -= int(e.klen + e.vlen)
		s.mem.Free(e.pos, int(e.klen+e.vlen))
	} else {
		if 4*(s.used+1) > 3*len(s.slots) {
			s.growIndex()
			i, _ = s.find(h, key)
		}
		if k := len(s.free); k > 0 {
			id = s.free[k-1]
			s.free = s.free[:k-1]
		} else {
			id = uint32(len(s.entries))
			s.entries = append(s.entries, blob{})
		}
		s.slots[i] = id + 1
		s.used++
	}
	e := &s.entries[id]
	if !e.dirty {
		e.dirty = true
		s.dirty = append(s.dirty, id)
	}
	e.hash, e.klen, e.vlen, e.live = h, uint32(len(key)), uint32(len(value)), true
	e.pos = s.append(key, value)
	s.bytes += len(key) + len(value)
	return e
}

// append puts key and value side by side into one chunk.
func (s *Blobs) append(key, value []byte) uint64 {
	m := s.mem
	if n := len(key) + len(value); m.tail < 0 || len(m.chunks[m.tail].data)+n > cap(m.chunks[m.tail].data) {
		m.room(n)
	}
	if len(key) == 0 {
		return m.Append(value)
	}
	pos := m.Append(key)
	m.Append(value)
	return pos
}

// tidy moves one record out of a sparse chunk, if the hand points at one.
func (s *Blobs) tidy() {
	if s.mem.Size() <= 2*s.mem.Live()+firstChunk || len(s.entries) == 0 {
		return
	}
	if s.hand >= len(s.entries) {
		s.hand = 0
	}
	if e := &s.entries[s.hand]; e.live && s.mem.Sparse(e.pos) {
		e.pos = s.mem.Move(e.pos, int(e.klen+e.vlen))
	}
	s.hand++
}

func (s *Blobs) growIndex() {
	s.slots = make([]uint32, 2*len(s.slots))
	mask := len(s.slots) - 1
	for id := range s.entries {
		if e := &s.entries[id]; e.live {
			i := int(e.hash) & mask
			for s.slots[i] != 0 {
				i = (i + 1) & mask
			}
			s.slots[i] = uint32(id) + 1
		}
	}
}

// Delete removes a record and reports whether it was there.
func (s *Blobs) Delete(key []byte) bool {
	i, found := s.find(xxh3.Hash(key), key)
	if !found {
		return false
	}
	id := s.slots[i] - 1
	e := &s.entries[id]
	s.deleted = append(s.deleted, s.key(e))
	s.bytes -= int(e.klen + e.vlen)
	s.mem.Free(e.pos, int(e.klen+e.vlen))
	e.live = false
	s.free = append(s.free, id)
	s.used--
	s.unlink(i)
	return true
}

// unlink closes the gap of a slot (Knuth, TAOCP 3, 6.4 algorithm R).
func (s *Blobs) unlink(i int) {
	mask := len(s.slots) - 1
	for j := i; ; {
		j = (j + 1) & mask
		id := s.slots[j]
		if id == 0 {
			break
		}
		home := int(s.entries[id-1].hash) & mask
		if (j-home)&mask >= (j-i)&mask {
			s.slots[i] = id
			i = j
		}
	}
	s.slots[i] = 0
}

// Each calls fn for every record, in no particular order. fn must not change
// the records.
func (s *Blobs) Each(fn func(key, value []byte)) {
	for i := range s.entries {
		if e := &s.entries[i]; e.live {
			fn(s.key(e), s.value(e))
		}
	}
}

// A block of blobs:
//
//	byte    kind
//	uvarint number of entries
//	each:   uvarint length of the key << 1 | deleted, key;
//	        unless deleted: uvarint length of the value, value
type frozenBlobs struct {
	deleted [][]byte
	puts    []frozenBlob
	sum     partStats
}

type frozenBlob struct {
	record []byte // key, value
	klen   uint32
}

func (s *Blobs) freeze(cut statestore.Cut, _ *bufferPool) frozenPart {
	s.ages.begin(cut)
	if s.ages.full() {
		s.renumber()
	}
	f := &frozenBlobs{}
	if s.used == 0 {
		for _, id := range s.dirty {
			s.entries[id].dirty = false
		}
		s.dirty, s.deleted = s.dirty[:0], nil
		s.ages.emptied(cut.Epoch)
		f.sum.liveFrom = cut.Epoch
		return f
	}
	f.deleted = s.deleted
	s.deleted = nil
	now := s.ages.current(cut.Generation)
	f.puts = make([]frozenBlob, 0, len(s.dirty))
	take := func(e *blob) {
		e.age = now
		f.puts = append(f.puts, frozenBlob{record: s.mem.At(e.pos, int(e.klen+e.vlen)), klen: e.klen})
	}
	from, to, old, ends := s.ages.sweep(cut, len(s.entries))
	for i := from; i < to; i++ {
		if e := &s.entries[i]; e.age < old && e.live && !e.dirty {
			take(e)
			f.sum.evacuated++
			f.sum.evacuatedBytes += int64(e.klen + e.vlen + 2)
		}
	}
	for _, id := range s.dirty {
		e := &s.entries[id]
		e.dirty = false
		if e.live {
			take(e)
			f.sum.changed++
		}
	}
	s.dirty = s.dirty[:0]
	if ends {
		s.ages.swept()
	}
	f.sum.changed += len(f.deleted)
	f.sum.liveFrom, f.sum.liveBytes = s.ages.liveFrom, int64(s.bytes+2*s.used)
	return f
}

func (s *Blobs) renumber() {
	by := s.ages.renumber()
	for i := range s.entries {
		s.entries[i].age -= min(s.entries[i].age, by)
	}
}

func (f *frozenBlobs) stats() partStats { return f.sum }

func (f *frozenBlobs) release(*bufferPool) { f.puts, f.deleted = nil, nil }

// write puts deletions before puts: a key may be in both.
func (f *frozenBlobs) write(put putFunc) {
	var body []byte
	entries := 0
	flush := func(min int) {
		if entries == 0 || len(body) < min {
			return
		}
		b := make([]byte, 0, len(body)+1+binary.MaxVarintLen32+sumBytes)
		b = binary.AppendUvarint(append(b, byte(kindBlobs)), uint64(entries))
		put(append(b, body...), nil)
		body, entries = body[:0], 0
	}
	for _, key := range f.deleted {
		body = binary.AppendUvarint(body, uint64(len(key))<<1|1)
		body = append(body, key...)
		entries++
		flush(blockBytes)
	}
	for _, p := range f.puts {
		body = binary.AppendUvarint(body, uint64(p.klen)<<1)
		body = append(body, p.record[:p.klen]...)
		body = binary.AppendUvarint(body, uint64(len(p.record))-uint64(p.klen))
		body = append(body, p.record[p.klen:]...)
		entries++
		flush(blockBytes)
	}
	flush(0)
}

func (s *Blobs) apply(b []byte, generation uint64) error {
	if s.ages.full() {
		s.renumber()
	}
	now := s.ages.current(generation)
	d := cursor.Reader{Rest: b[1:]}
	for range d.Uvarint() {
		k := d.Uvarint()
		key := d.Bytes(k >> 1)
		if k&1 != 0 {
			s.Delete(key)
			continue
		}
		value := d.Bytes(d.Uvarint())
		if d.Err != nil {
			break
		}
		s.put(key, value).age = now
	}
	return d.End()
}

func (s *Blobs) loaded(liveFrom uint64) error {
	s.ages.liveFrom = liveFrom
	for _, id := range s.dirty {
		s.entries[id].dirty = false
	}
	s.dirty, s.deleted = nil, nil
	return nil
}

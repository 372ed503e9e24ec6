package batch

import (
	"encoding/binary"
	"hash/crc32"
)

// HeaderField is one header of a record. A nil Value is NULL.
type HeaderField struct {
	Key   string
	Value []byte
}

// Producer is who writes a batch: what a broker tells duplicates and transactions
// by. The zero value of NoProducer is for plain writing.
type Producer struct {
	ID       int64
	Epoch    int16
	Sequence int32 // of the first record within its partition
	// Transactional marks the batch as part of the producer's transaction.
	Transactional bool
}

// NoProducer writes without the protection from duplicates.
var NoProducer = Producer{ID: -1, Epoch: -1, Sequence: -1}

// Encoder gathers the records of a batch and writes it. It is for batch after
// batch and belongs to one goroutine.
type Encoder struct {
	codec      Codec
	text       []byte // room for the header, then the records
	compressor Compressor
	count      int
	base, max  int64 // timestamps
}

// NewEncoder makes an encoder whose batches are compressed with codec.
func NewEncoder(codec Codec) *Encoder {
	return &Encoder{codec: codec, text: make([]byte, HeaderSize)}
}

// Count is the number of records since the last batch.
func (e *Encoder) Count() int { return e.count }

// Size is what the batch would have now, uncompressed.
func (e *Encoder) Size() int { return len(e.text) }

// Append adds a record. time is in ms since 1970; a nil key or value is NULL, an
// empty one is not.
func (e *Encoder) Append(time int64, key, value []byte, headers []HeaderField) {
	if e.count == 0 {
		e.base, e.max = time, time
	}
	e.max = max(e.max, time)
	delta := time - e.base
	n := 1 + sizeVarint(delta) + sizeVarint(int64(e.count)) + sizeBytes(key) + sizeBytes(value) + sizeVarint(int64(len(headers)))
	for i := range headers {
		n += sizeVarint(int64(len(headers[i].Key))) + len(headers[i].Key) + sizeBytes(headers[i].Value)
	}
	b := appendVarint(e.text, int64(n))
	b = append(b, 0)
	b = appendVarint(b, delta)
	b = appendVarint(b, int64(e.count))
	b = appendBytes(b, key)
	b = appendBytes(b, value)
	b = appendVarint(b, int64(len(headers)))
	for i := range headers {
		b = appendVarint(b, int64(len(headers[i].Key)))
		b = append(b, headers[i].Key...)
		b = appendBytes(b, headers[i].Value)
	}
	e.text = b
	e.count++
}

// Finish appends the batch to dst and begins a new one. There must be a record.
func (e *Encoder) Finish(dst []byte, p Producer) ([]byte, error) {
	at := len(dst)
	dst = append(dst, e.text[:HeaderSize]...)
	dst, err := e.compressor.append(e.codec, dst, e.text[HeaderSize:])
	if err != nil {
		return dst[:at], err
	}
	e.head(dst[at:], p)
	e.Reset()
	return dst, nil
}

// Seal gives the batch, and begins none: it is good until Reset. There must be a
// record. What is compressed is put into room, which may be nil; what is not stays
// where it is.
func (e *Encoder) Seal(c *Compressor, room []byte, p Producer) ([]byte, error) {
	b := e.text
	if e.codec != None {
		var err error
		if b, err = c.append(e.codec, append(room[:0], e.text[:HeaderSize]...), e.text[HeaderSize:]); err != nil {
			return nil, err
		}
	}
	e.head(b, p)
	return b, nil
}

// head writes the header of a batch whose records are there.
func (e *Encoder) head(h []byte, p Producer) {
	clear(h[:HeaderSize])
	attributes := uint16(e.codec)
	if p.Transactional {
		attributes |= flagTransactional
	}
	binary.BigEndian.PutUint32(h[atLength:], uint32(len(h)-lengthField))
	binary.BigEndian.PutUint32(h[atEpoch:], ^uint32(0))
	h[atMagic] = 2
	binary.BigEndian.PutUint16(h[atAttributes:], attributes)
	binary.BigEndian.PutUint32(h[atLastDelta:], uint32(e.count-1))
	binary.BigEndian.PutUint64(h[atBaseTime:], uint64(e.base))
	binary.BigEndian.PutUint64(h[atMaxTime:], uint64(e.max))
	binary.BigEndian.PutUint64(h[atProducer:], uint64(p.ID))
	binary.BigEndian.PutUint16(h[atPEpoch:], uint16(p.Epoch))
	binary.BigEndian.PutUint32(h[atSequence:], uint32(p.Sequence))
	binary.BigEndian.PutUint32(h[atCount:], uint32(e.count))
	binary.BigEndian.PutUint32(h[atCRC:], crc32.Checksum(h[atAttributes:], castagnoli))
}

// Reset drops the records since the last batch.
func (e *Encoder) Reset() { e.text, e.count = e.text[:HeaderSize], 0 }

func appendVarint(b []byte, v int64) []byte {
	return binary.AppendUvarint(b, uint64(v<<1)^uint64(v>>63))
}

func sizeVarint(v int64) int {
	n := 1
	for u := uint64(v<<1) ^ uint64(v>>63); u >= 0x80; u >>= 7 {
		n++
	}
	return n
}

func appendBytes(b, v []byte) []byte {
	if v == nil {
		return appendVarint(b, -1)
	}
	return append(appendVarint(b, int64(len(v))), v...)
}

func sizeBytes(v []byte) int {
	if v == nil {
		return 1
	}
	return sizeVarint(int64(len(v))) + len(v)
}

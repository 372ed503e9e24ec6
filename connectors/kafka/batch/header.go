package batch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// HeaderSize is the length of a batch's header, before its records.
const HeaderSize = 61

// Where the fields of a header lie.
const (
	atLength     = 8  // of what follows this field
	atEpoch      = 12 // partition leader epoch
	atMagic      = 16
	atCRC        = 17 // of all bytes from the attributes on
	atAttributes = 21
	atLastDelta  = 23
	atBaseTime   = 27
	atMaxTime    = 35
	atProducer   = 43
	atPEpoch     = 51
	atSequence   = 53
	atCount      = 57

	// lengthField is what stands before what the length counts.
	lengthField = 12
)

// Bits of the attributes.
const (
	codecMask         = 0x07
	flagLogAppendTime = 0x08
	flagTransactional = 0x10
	flagControl       = 0x20
)

// ErrCutOff says that the data ends before the batch does: the rest comes with
// another fetch.
var ErrCutOff = errors.New("the record batch is cut off")

// OldFormatError says that a batch has a format before 2 (of Kafka before 0.11).
type OldFormatError struct {
	Magic  int8
	Offset int64
}

// Error implements error.
func (e *OldFormatError) Error() string {
	if e.Magic < 0 || e.Magic > 2 {
		return fmt.Sprintf("the record batch at offset %d has format %d, which is unknown", e.Offset, e.Magic)
	}
	return fmt.Sprintf("the records at offset %d have message format %d, which Kafka wrote before version 0.11; rewrite the topic with a newer producer", e.Offset, e.Magic)
}

// Header is what stands before the records of a batch.
type Header struct {
	BaseOffset      int64
	Size            int // of the whole batch, in bytes
	LeaderEpoch     int32
	Attributes      int16
	LastOffsetDelta int32 // last offset of the batch - BaseOffset, compaction or not
	BaseTimestamp   int64 // ms since 1970
	MaxTimestamp    int64
	ProducerID      int64 // -1: neither idempotent nor transactional
	ProducerEpoch   int16
	BaseSequence    int32
	Count           int // records that are there
}

// ParseHeader reads the header of the batch at the start of data. The error is
// ErrCutOff if data does not hold the whole batch, an OldFormatError, or says what
// is wrong with the header.
func ParseHeader(data []byte) (h Header, err error) {
	if len(data) <= atMagic {
		return h, ErrCutOff
	}
	h.BaseOffset = int64(binary.BigEndian.Uint64(data))
	if magic := int8(data[atMagic]); magic != 2 {
		return h, &OldFormatError{magic, h.BaseOffset}
	}
	length := int(int32(binary.BigEndian.Uint32(data[atLength:])))
	if length < HeaderSize-lengthField {
		return h, fmt.Errorf("the record batch at offset %d has a length of %d bytes", h.BaseOffset, length)
	}
	h.Size = lengthField + length
	if len(data) < h.Size {
		return h, ErrCutOff
	}
	h.LeaderEpoch = int32(binary.BigEndian.Uint32(data[atEpoch:]))
	h.Attributes = int16(binary.BigEndian.Uint16(data[atAttributes:]))
	h.LastOffsetDelta = int32(binary.BigEndian.Uint32(data[atLastDelta:]))
	h.BaseTimestamp = int64(binary.BigEndian.Uint64(data[atBaseTime:]))
	h.MaxTimestamp = int64(binary.BigEndian.Uint64(data[atMaxTime:]))
	h.ProducerID = int64(binary.BigEndian.Uint64(data[atProducer:]))
	h.ProducerEpoch = int16(binary.BigEndian.Uint16(data[atPEpoch:]))
	h.BaseSequence = int32(binary.BigEndian.Uint32(data[atSequence:]))
	count := int32(binary.BigEndian.Uint32(data[atCount:]))
	if h.BaseOffset < 0 || h.LastOffsetDelta < 0 || count < 0 || int64(count) > int64(h.LastOffsetDelta)+1 {
		return h, fmt.Errorf("the header of the record batch at offset %d is damaged: %d records up to offset +%d", h.BaseOffset, count, h.LastOffsetDelta)
	}
	h.Count = int(count)
	return h, nil
}

// LastOffset is the last offset that the batch stands for.
func (h *Header) LastOffset() int64 { return h.BaseOffset + int64(h.LastOffsetDelta) }

// Dense says that every offset of the batch has its record: none was compacted away.
func (h *Header) Dense() bool { return int64(h.Count) == int64(h.LastOffsetDelta)+1 }

// Codec is how the records are compressed.
func (h *Header) Codec() Codec { return Codec(h.Attributes & codecMask) }

// LogAppendTime says that the records' time is that of the broker, MaxTimestamp,
// and not that of their producer.
func (h *Header) LogAppendTime() bool { return h.Attributes&flagLogAppendTime != 0 }

// Transactional says that the batch is part of a transaction.
func (h *Header) Transactional() bool { return h.Attributes&flagTransactional != 0 }

// Control says that the batch holds the marker of a transaction's end, not records.
func (h *Header) Control() bool { return h.Attributes&flagControl != 0 }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Verify checks the CRC of a whole batch.
func Verify(data []byte) error {
	want := binary.BigEndian.Uint32(data[atCRC:])
	if got := crc32.Checksum(data[atAttributes:], castagnoli); got != want {
		return fmt.Errorf("the record batch at offset %d is damaged: its CRC is %08x, not %08x",
			int64(binary.BigEndian.Uint64(data)), got, want)
	}
	return nil
}

// Needs is the length of the batch at the start of data, which is cut off; 0 if not
// even that is there.
func Needs(data []byte) int {
	if len(data) < lengthField {
		return 0
	}
	return lengthField + int(int32(binary.BigEndian.Uint32(data[atLength:])))
}

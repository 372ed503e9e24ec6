package batch

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/streamsql/streamsql/connectors/format"
)

// Fields says which parts of records are wanted besides their values.
type Fields uint8

// The parts.
const (
	Keys Fields = 1 << iota
	Offsets
	Timestamps
	Headers
)

// Records are parts of records, each a column. Spans lie in the payload that they
// were found in.
type Records struct {
	Values, Keys []format.Span
	Offsets      []int64
	Timestamps   []int64 // ms since 1970
	// Headers are the headers of each record as they stand in the batch: their
	// number and the headers. See EachHeader.
	Headers []format.Span
}

// Reset empties the columns and keeps their memory.
func (r *Records) Reset() {
	r.Values, r.Keys, r.Headers = r.Values[:0], r.Keys[:0], r.Headers[:0]
	r.Offsets, r.Timestamps = r.Offsets[:0], r.Timestamps[:0]
}

var errRecord = errors.New("a record does not fit its length")

// Append adds records from to to (exclusive, counted within the batch) of a
// payload: the records of a batch with header h, decompressed. With an error nothing
// is added.
func (r *Records) Append(h *Header, payload []byte, from, to int, want Fields) error {
	values, keys, headers, offsets, times := len(r.Values), len(r.Keys), len(r.Headers), len(r.Offsets), len(r.Timestamps)
	if err := r.append(h, payload, from, to, want); err != nil {
		r.Values, r.Keys, r.Headers = r.Values[:values], r.Keys[:keys], r.Headers[:headers]
		r.Offsets, r.Timestamps = r.Offsets[:offsets], r.Timestamps[:times]
		return fmt.Errorf("the record batch of offsets %d to %d can't be read: %w", h.BaseOffset, h.LastOffset(), err)
	}
	return nil
}

func (r *Records) append(h *Header, payload []byte, from, to int, want Fields) error {
	if int64(len(payload)) > 1<<31-1 {
		return errors.New("its records have more than 2 GiB")
	}
	p, last := 0, int64(-1)
	for i := range to {
		length, n := varint(payload, p)
		end := n + int(length)
		if n < 0 || length < 1 || length > int64(len(payload)-n) {
			return fmt.Errorf("record %d of %d: %w", i, h.Count, errRecord)
		}
		p = end
		if i < from && want&Offsets == 0 {
			continue
		}
		record := payload[:end]
		at := n + 1 // no record has attributes so far
		time, at := varint(record, at)
		delta, at := varint(record, at)
		key, at := bytesAt(record, at)
		value, at := bytesAt(record, at)
		if at < 0 || delta <= last && i > from || delta < 0 || delta > int64(h.LastOffsetDelta) {
			return fmt.Errorf("record %d of %d: %w", i, h.Count, errRecord)
		}
		if last = delta; i < from {
			continue
		}
		r.Values = append(r.Values, value)
		if want == 0 {
			continue
		}
		if want&Keys != 0 {
			r.Keys = append(r.Keys, key)
		}
		if want&Offsets != 0 {
			r.Offsets = append(r.Offsets, h.BaseOffset+delta)
		}
		if want&Timestamps != 0 {
			t := h.BaseTimestamp + time
			if h.LogAppendTime() {
				t = h.MaxTimestamp
			}
			r.Timestamps = append(r.Timestamps, t)
		}
		if want&Headers != 0 {
			r.Headers = append(r.Headers, format.Span{Start: int32(at), End: int32(end)})
		}
	}
	return nil
}

// varint reads a zigzag number at b[p:]. next is negative if there is none, or if
// p is, so that checks can wait.
func varint(b []byte, p int) (v int64, next int) {
	if uint(p) >= uint(len(b)) {
		return 0, -1
	}
	if c := b[p]; c < 0x80 {
		return int64(c>>1) ^ -int64(c&1), p + 1
	}
	u, n := binary.Uvarint(b[p:])
	if n <= 0 {
		return 0, -1
	}
	return int64(u>>1) ^ -int64(u&1), p + n
}

// bytesAt reads a length, -1 standing for NULL, and finds the bytes that follow.
func bytesAt(b []byte, p int) (s format.Span, next int) {
	n, p := varint(b, p)
	switch {
	case p < 0 || n < -1 || n > int64(len(b)-p):
		return format.NoValue, -1
	case n == -1:
		return format.NoValue, p
	}
	return format.Span{Start: int32(p), End: int32(p + int(n))}, p + int(n)
}

// EachHeader calls f with the key and the value (nil: NULL) of each header of a
// record, given its span of Records.Headers.
func EachHeader(payload []byte, headers format.Span, f func(key, value []byte)) error {
	b := payload[:headers.End]
	count, p := varint(b, int(headers.Start))
	if p < 0 || count < 0 {
		return errRecord
	}
	for range count {
		var key, value format.Span
		if key, p = bytesAt(b, p); p >= 0 {
			value, p = bytesAt(b, p)
		}
		if p < 0 || key.IsNull() {
			return errRecord
		}
		f(key.Of(b), value.Of(b))
	}
	if p != len(b) {
		return errRecord
	}
	return nil
}

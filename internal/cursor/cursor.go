// Package cursor takes bytes apart that may be damaged.
package cursor

import (
	"encoding/binary"
	"errors"
)

var (
	// ErrShort says that the bytes end before what was asked for.
	ErrShort = errors.New("it ends early")
	// ErrLong says that bytes are left where none should be.
	ErrLong = errors.New("it is longer than it says")
)

// Reader reads from the front of Rest. The first error sticks in Err; all that is
// read after it is zero.
type Reader struct {
	Rest []byte
	Err  error
}

// Fail makes the reader fail with err, unless it has failed before.
func (r *Reader) Fail(err error) {
	if r.Err == nil {
		r.Err = err
	}
	r.Rest = nil
}

// Uvarint reads a number as binary.AppendUvarint writes it.
func (r *Reader) Uvarint() uint64 {
	v, n := binary.Uvarint(r.Rest)
	if n <= 0 {
		r.Fail(ErrShort)
		return 0
	}
	r.Rest = r.Rest[n:]
	return v
}

// Varint reads a number as binary.AppendVarint writes it.
func (r *Reader) Varint() int64 {
	v, n := binary.Varint(r.Rest)
	if n <= 0 {
		r.Fail(ErrShort)
		return 0
	}
	r.Rest = r.Rest[n:]
	return v
}

// Bytes gives the next n bytes, not copied; nil if there are fewer.
func (r *Reader) Bytes(n uint64) []byte {
	if n > uint64(len(r.Rest)) {
		r.Fail(ErrShort)
		return nil
	}
	v := r.Rest[:n:n]
	r.Rest = r.Rest[n:]
	return v
}

// Count reads a number of elements of at least size bytes each. More than can
// follow is an error, so that damage can't ask for a huge allocation.
func (r *Reader) Count(size int) int {
	n := r.Uvarint()
	if n > uint64(len(r.Rest)/size) {
		r.Fail(ErrShort)
		return 0
	}
	return int(n)
}

// End gives the error, also if bytes are left.
func (r *Reader) End() error {
	if len(r.Rest) > 0 {
		r.Fail(ErrLong)
	}
	return r.Err
}

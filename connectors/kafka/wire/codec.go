package wire

import (
	"encoding/binary"
	"errors"
	"math"
)

// ID is the unique ID of a topic, which changes when a topic is deleted and made
// anew. All zeros: the broker doesn't know IDs.
type ID [16]byte

// request builds the body of a request. With flex the lengths of strings and
// arrays are compact, and structures end with a (here always empty) list of tags.
type request struct {
	b    []byte
	flex bool
}

func (r *request) int8(v int8)   { r.b = append(r.b, byte(v)) }
func (r *request) int16(v int16) { r.b = binary.BigEndian.AppendUint16(r.b, uint16(v)) }
func (r *request) int32(v int32) { r.b = binary.BigEndian.AppendUint32(r.b, uint32(v)) }
func (r *request) int64(v int64) { r.b = binary.BigEndian.AppendUint64(r.b, uint64(v)) }
func (r *request) bool(v bool) {
	if v {
		r.int8(1)
	} else {
		r.int8(0)
	}
}

func (r *request) array(n int) {
	if r.flex {
		r.b = binary.AppendUvarint(r.b, uint64(n+1)) // -1 is NULL
	} else {
		r.int32(int32(n))
	}
}

func (r *request) string(s string) {
	if r.flex {
		r.b = binary.AppendUvarint(r.b, uint64(len(s)+1))
	} else {
		r.int16(int16(min(len(s), math.MaxInt16)))
	}
	r.b = append(r.b, s...)
}

func (r *request) null() {
	if r.flex {
		r.b = append(r.b, 0)
	} else {
		r.int16(-1)
	}
}

func (r *request) id(v ID) { r.b = append(r.b, v[:]...) }

func (r *request) tags() {
	if r.flex {
		r.b = append(r.b, 0)
	}
}

var errResponse = errors.New("the broker's response has another form than expected")

// response takes a response apart. bad is set once it is too short; all that is
// read after that is zero.
type response struct {
	b    []byte // what is left of all
	all  []byte
	flex bool
	bad  bool
}

func (r *response) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *response) int8() int8 {
	if v := r.take(1); v != nil {
		return int8(v[0])
	}
	return 0
}

func (r *response) int16() int16 {
	if v := r.take(2); v != nil {
		return int16(binary.BigEndian.Uint16(v))
	}
	return 0
}

func (r *response) int32() int32 {
	if v := r.take(4); v != nil {
		return int32(binary.BigEndian.Uint32(v))
	}
	return 0
}

func (r *response) int64() int64 {
	if v := r.take(8); v != nil {
		return int64(binary.BigEndian.Uint64(v))
	}
	return 0
}

func (r *response) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

// length reads the length of a string or of bytes; -1: NULL.
func (r *response) length(wide bool) int {
	switch {
	case r.flex:
		return int(min(r.uvarint(), math.MaxInt32)) - 1
	case wide:
		return int(r.int32())
	default:
		return int(r.int16())
	}
}

// array reads the length of an array whose elements have at least a byte.
func (r *response) array() int {
	n := r.length(true)
	if n > len(r.b) {
		r.bad, r.b = true, nil
	}
	if r.bad || n < 0 {
		return 0
	}
	return n
}

func (r *response) string() string {
	n := r.length(false)
	if n < 0 {
		return ""
	}
	return string(r.take(n))
}

// bytes gives a part of the response itself; nil: NULL.
func (r *response) bytes() []byte {
	n := r.length(true)
	if n < 0 {
		return nil
	}
	return r.take(n)
}

func (r *response) id() (v ID) {
	copy(v[:], r.take(len(v)))
	return v
}

func (r *response) tags() {
	if !r.flex {
		return
	}
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		r.uvarint()
		r.take(int(min(r.uvarint(), math.MaxInt32)))
	}
}

func (r *response) err() error {
	if r.bad {
		return errResponse
	}
	return nil
}

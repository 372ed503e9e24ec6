package json

import (
	"math/bits"
	"unsafe"
)

// This file holds all unsafe reads and writes of the package. Each takes a
// place within a slice and counts on the bytes behind it: texts are decoded in
// place only where at least padding bytes of the same slice follow the record,
// and are copied to a padded buffer elsewhere.

// padding is how many bytes past the end of a record may be read.
const padding = 64

// load64 reads the 8 bytes at b[i:] as a little-endian number; i+8 must not
// exceed cap(b).
func load64(b []byte, i int) uint64 {
	v := *(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i))
	if bigEndian {
		return bits.ReverseBytes64(v)
	}
	return v
}

// load32 reads the 4 bytes at b[i:] as a little-endian number; i+4 must not
// exceed cap(b).
func load32(b []byte, i int) uint32 {
	v := *(*uint32)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i))
	if bigEndian {
		return bits.ReverseBytes32(v)
	}
	return v
}

// store64 writes v to the 8 bytes at b[i:]; i+8 must not exceed cap(b).
func store64(b []byte, i int, v uint64) {
	if bigEndian {
		v = bits.ReverseBytes64(v)
	}
	*(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i)) = v
}

// at reads b[i]; i must be less than cap(b).
func at(b []byte, i int) byte {
	return *(*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i))
}

// pointer points at b[i]; i must be less than cap(b).
func pointer(b []byte, i int) *byte {
	return (*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i))
}

// text gives b as a string without copying it; b must not change while the string is used.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// bytesBelow marks with 0x80 the bytes of w that are less than n <= 0x80. Only
// the lowest mark is sure to be right: a borrow may set marks above it.
func bytesBelow(w uint64, n uint64) uint64 { return (w - ones*n) &^ w & highs }

// bytesEqual marks with 0x80 the bytes of w that are c, with the same proviso.
func bytesEqual(w uint64, c byte) uint64 { return bytesBelow(w^(ones*uint64(c)), 1) }

// firstMark gives the number of the lowest byte that a mask marks.
func firstMark(mask uint64) int { return bits.TrailingZeros64(mask) >> 3 }

package hash

import "encoding/binary"

// A view is two words that stand for a byte string, as in Umbra (Neumann and
// Freitag, CIDR 2020): the first holds the length in its lower half and the
// first four bytes in its upper one. The second holds bytes 4 to 11 if the
// string has at most InlineBytes of them; else it says where the string stands.

// InlineBytes is the length up to which a view holds the whole string.
const InlineBytes = 12

// MakeView gives the view of b; ref is the second word of a long one.
func MakeView(b []byte, ref uint64) [2]uint64 {
	w0, w1 := makeView(b, ref)
	return [2]uint64{w0, w1}
}

// makeView gives the view of b; ref is the second word of a long one.
func makeView(b []byte, ref uint64) (w0, w1 uint64) {
	n := len(b)
	if n > InlineBytes {
		return uint64(n) | uint64(binary.LittleEndian.Uint32(b))<<32, ref
	}
	var lo, hi uint64 // bytes 0..7, 8..11
	if n >= 8 {
		lo = binary.LittleEndian.Uint64(b)
		if n > 8 {
			// The last 8 bytes, less those that lo has.
			hi = binary.LittleEndian.Uint64(b[n-8:]) >> (8 * uint(16-n))
		}
	} else if n >= 4 {
		lo = uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint32(b[n-4:]))<<(8*uint(n-4))
	} else if n > 0 {
		lo = uint64(b[0]) | uint64(b[n>>1])<<(8*uint(n>>1)) | uint64(b[n-1])<<(8*uint(n-1))
	}
	return uint64(n) | lo<<32, lo>>32 | hi<<32
}

// viewLen is the length of the string.
func viewLen(w0 uint64) int { return int(uint32(w0)) }

// appendInline appends the string of an inline view.
func appendInline(dst []byte, w0, w1 uint64) []byte {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], w0>>32|w1<<32)
	binary.LittleEndian.PutUint32(b[8:], uint32(w1>>32))
	return append(dst, b[:viewLen(w0)]...)
}

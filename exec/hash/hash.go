package hash

import (
	"encoding/binary"
	"math/bits"
)

// The multipliers of wyhash (Wang Yi, public domain). They are part of the
// stored format: see Version.
const (
	k0 = 0xa0761d6478bd642f
	k1 = 0xe7037ed1a0b428db
	k2 = 0x8ebc6af09c88c6e3
	k3 = 0x589965cc75374cc3
	k4 = 0x1d8e4e27c47d124f
)

// Version names the definition of Word, Bytes, Null and Finish and of the order
// in which a key's columns are folded. The key group of a stored row follows
// from its hash, so a change of any of them makes old state unreadable and must
// raise Version.
const Version = 1

// KeyGroups is the number of key groups of a job. A shard owns a contiguous
// range of them.
const KeyGroups = 256

// Group is the key group of a key with hash h.
func Group(h uint64) int { return int(h >> 56) }

// Seed is the hash of the empty key before Finish.
const Seed uint64 = k4

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// Word folds a column of at most 64 bits into the hash of the columns before it.
func Word(h, w uint64) uint64 { return mix(w^k0, h^k1) }

// Null folds a NULL into the hash of the columns before it.
func Null(h uint64) uint64 { return mix(h^k3, k2) }

// Finish spreads the fold of all columns over all 64 bits: the upper 8 are the
// key group, the lower 32 place the key in a table.
func Finish(h uint64) uint64 { return mix(h^k2, k3) }

// Bytes folds a column of any length into the hash of the columns before it:
// wyhash's scheme with h as the seed.
func Bytes(h uint64, b []byte) uint64 {
	n := len(b)
	var x, y uint64
	switch {
	case n > 16:
		p := b
		for len(p) > 16 {
			h = mix(binary.LittleEndian.Uint64(p)^k1, binary.LittleEndian.Uint64(p[8:])^h)
			p = p[16:]
		}
		x = binary.LittleEndian.Uint64(b[n-16:])
		y = binary.LittleEndian.Uint64(b[n-8:])
	case n >= 8:
		x = binary.LittleEndian.Uint64(b)
		y = binary.LittleEndian.Uint64(b[n-8:])
	case n >= 4:
		x = uint64(binary.LittleEndian.Uint32(b))
		y = uint64(binary.LittleEndian.Uint32(b[n-4:]))
	case n > 0:
		x = uint64(b[0])<<16 | uint64(b[n>>1])<<8 | uint64(b[n-1])
	}
	hi, lo := bits.Mul64(x^k1, y^h^k2)
	return mix(lo^k0^uint64(n), hi^k1)
}

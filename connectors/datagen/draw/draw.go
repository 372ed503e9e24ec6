// Package draw gives random numbers by position instead of in sequence: draw i of
// stream n under a seed is a pure function of the three. So data can be made from
// any row on, by any number of goroutines, one column at a time.
//
// It holds no state and imports nothing of ours.
package draw

import "math/bits"

// Stream is the source of one row's or cell's randomness: draw i is the i-th
// output of SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom
// Number Generators", 2014) seeded with the stream's value.
type Stream uint64

const (
	gamma    = 0x9e3779b97f4a7c15
	rowGamma = 0xd1342543de82ef95
)

// New gives stream n under a seed.
func New(seed uint64, n int64) Stream {
	return Stream(Mix(Mix(seed+gamma) ^ uint64(n)*rowGamma))
}

// Draw gives 64 random bits.
func (s Stream) Draw(i uint64) uint64 { return Mix(uint64(s) + (i+1)*gamma) }

// Mix is the finalizer of SplitMix64 (variant 13 of D. Stafford): a bijection
// that makes bits depend on all others.
func Mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Below32 maps 32 random bits to [0, n). Its bias is below n/2^32.
func Below32(r, n uint32) uint32 { return uint32(uint64(r) * uint64(n) >> 32) }

// Below64 maps 64 random bits to [0, n). Its bias is below n/2^64.
func Below64(r, n uint64) uint64 {
	hi, _ := bits.Mul64(r, n)
	return hi
}

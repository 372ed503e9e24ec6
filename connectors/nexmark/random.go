package nexmark

import (
	"math"
	"math/bits"
)

// stream is the source of one event's randomness: a counter-based generator.
// Draw i is the i-th output of SplitMix64 (Steele, Lea and Flood, "Fast
// Splittable Pseudorandom Number Generators", 2014) seeded with the stream's
// value, so any draw can be had without those before it.
type stream uint64

const (
	gamma      = 0x9e3779b97f4a7c15
	eventGamma = 0xd1342543de82ef95
)

// Streams of what belongs to no event: below those of events, which start at 0.
const (
	paddingStream = -1
	channelStream = -2 // and downwards
)

// newStream gives the stream of number n under a seed.
func newStream(seed uint64, n int64) stream {
	return stream(mix64(mix64(seed+gamma) ^ uint64(n)*eventGamma))
}

// draw gives 64 random bits.
func (s stream) draw(i uint64) uint64 { return mix64(uint64(s) + (i+1)*gamma) }

// mix64 is the finalizer of SplitMix64 (variant 13 of D. Stafford).
func mix64(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below maps 32 random bits to [0, n), n < 2^32, with a bias below n/2^32.
func below(r uint32, n uint32) uint32 { return uint32(uint64(r) * uint64(n) >> 32) }

// prices maps random bits to log-uniform prices.
//
// The benchmark's price is round(100 * 10^(6u)) with u uniform in [0, 1). Pow is
// not rounded alike on all platforms; so u is taken as 32 bits and the power as
// a product of four table entries, one for each byte of u, which are made with
// IEEE square roots and products only.
type prices [4][256]float64

func newPrices() *prices {
	var p prices
	// After i square roots, root is 10^(6 / 2^i): the weight of bit i of u.
	root := 1e6
	var weight [32]float64
	for i := range weight {
		root = math.Sqrt(root)
		weight[i] = root
	}
	for byteIndex := range p {
		for v := range 256 {
			x := 1.0
			if byteIndex == 0 {
				x = 100
			}
			for bit := range 8 {
				if v&(0x80>>bit) != 0 {
					x *= weight[8*byteIndex+bit]
				}
			}
			p[byteIndex][v] = x
		}
	}
	return &p
}

// at gives the price for u = r / 2^32, in cents.
func (p *prices) at(r uint32) int64 {
	x := p[0][r>>24] * p[1][r>>16&0xff] * p[2][r>>8&0xff] * p[3][r&0xff]
	// The conversion forbids fusing the product with the sum.
	return int64(float64(x) + 0.5)
}

// below64 maps 64 random bits to [0, n).
func below64(r, n uint64) uint64 {
	hi, _ := bits.Mul64(r, n)
	return hi
}

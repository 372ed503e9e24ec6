package nexmark

import "math"

// Streams of what belongs to no event: below those of events, which start at 0.
const (
	paddingStream = -1
	channelStream = -2 // and downwards
)

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

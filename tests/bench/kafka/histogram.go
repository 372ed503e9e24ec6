package main

import (
	"fmt"
	"math/bits"
	"time"
)

// subBits is the number of bits of a value that a histogram keeps: its buckets are
// 1/64 of a value wide.
const subBits = 6

// histogram counts durations in buckets that are linear up to 2^(subBits+1) ns and
// of constant relative width above (Tene's HdrHistogram).
type histogram struct {
	buckets [(64 - subBits) << subBits]int64
	count   int64
	max     time.Duration
}

// add counts a duration; a negative one, of clocks that were set, counts as 0.
func (h *histogram) add(d time.Duration) {
	d = max(d, 0)
	h.buckets[bucketOf(uint64(d))]++
	h.count++
	h.max = max(h.max, d)
}

func bucketOf(v uint64) int {
	shift := bits.Len64(v) - subBits - 1
	if shift <= 0 {
		return int(v)
	}
	return shift<<subBits + int(v>>shift)
}

// highest is the greatest value of a bucket.
func highest(bucket int) uint64 {
	shift := bucket>>subBits - 1
	if shift <= 0 {
		return uint64(bucket)
	}
	return (uint64(bucket)-uint64(shift)<<subBits+1)<<shift - 1
}

// quantile is the duration that a share of all does not exceed, to the width of a
// bucket.
func (h *histogram) quantile(share float64) time.Duration {
	rank := max(1, int64(share*float64(h.count)+0.999999))
	seen := int64(0)
	for i, n := range h.buckets {
		if seen += n; seen >= rank {
			return min(time.Duration(highest(i)), h.max)
		}
	}
	return h.max
}

// quantiles are those that are printed.
var quantiles = []float64{0.5, 0.9, 0.99, 0.999}

// cells are the columns of a table, in ms.
func (h *histogram) cells() string {
	text := ""
	for _, q := range quantiles {
		text += fmt.Sprintf(" %.2f |", ms(h.quantile(q)))
	}
	return text + fmt.Sprintf(" %.2f |", ms(h.max))
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

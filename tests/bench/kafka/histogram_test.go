package main

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestHistogram holds quantiles against those of the sorted values.
func TestHistogram(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var h histogram
	var all []time.Duration
	for range 20_000 {
		d := time.Duration(r.ExpFloat64() * float64(3*time.Millisecond))
		h.add(d)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, q := range append([]float64{0, 0.25, 1}, quantiles...) {
		want := all[max(0, int(q*float64(len(all))+0.999999)-1)]
		got := h.quantile(q)
		if got < want || got > want+want>>subBits+1 {
			t.Errorf("quantile %v is %v, want %v up to 1/64 more", q, got, want)
		}
	}
	if h.max != all[len(all)-1] {
		t.Errorf("max is %v, want %v", h.max, all[len(all)-1])
	}
}

// TestBuckets goes through the bounds of all buckets: none is empty, and they
// follow each other.
func TestBuckets(t *testing.T) {
	last := -1
	for b := range (64-subBits)<<subBits - 1 {
		top := highest(b)
		if bucketOf(top) != b || bucketOf(top+1) != b+1 {
			t.Fatalf("bucket %d ends at %d, which is in %d, the next value in %d", b, top, bucketOf(top), bucketOf(top+1))
		}
		if int(top>>1) < last>>1 {
			t.Fatalf("bucket %d ends at %d, the one before at %d", b, top, last)
		}
		last = int(top)
	}
}

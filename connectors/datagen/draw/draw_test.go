package draw

import (
	"math"
	"math/bits"
	"testing"
)

// TestSplitMix64 holds draws against the published sequence of the generator
// (seed 1234567, from the reference code's test values).
func TestSplitMix64(t *testing.T) {
	for i, want := range []uint64{
		6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821,
	} {
		if got := Stream(1234567).Draw(uint64(i)); got != want {
			t.Errorf("draw %d: %d, want %d", i, got, want)
		}
	}
}

// TestIndependence holds that bits of neighbouring streams, draws and seeds
// differ by half, and that small ranges are even.
func TestIndependence(t *testing.T) {
	const n = 100_000
	var byStream, byDraw, bySeed int
	var counts [7]float64
	for i := range int64(n) {
		v := New(1, i).Draw(0)
		byStream += bits.OnesCount64(v ^ New(1, i+1).Draw(0))
		byDraw += bits.OnesCount64(v ^ New(1, i).Draw(1))
		bySeed += bits.OnesCount64(v ^ New(2, i).Draw(0))
		counts[Below32(uint32(v), 7)]++
		counts[Below64(v, 7)]++
	}
	for what, flips := range map[string]int{"streams": byStream, "draws": byDraw, "seeds": bySeed} {
		// 6 standard deviations of 64n fair coins.
		if math.Abs(float64(flips)-32*n) > 6*math.Sqrt(16*n) {
			t.Errorf("neighbouring %s: %d of %d bits differ", what, flips, 64*n)
		}
	}
	for v, c := range counts {
		if math.Abs(c-2*n/7) > 6*math.Sqrt(2*n/7) {
			t.Errorf("%d came %g times of %d", v, c, 2*n)
		}
	}
}

func TestBelow(t *testing.T) {
	if Below32(math.MaxUint32, 10) != 9 || Below32(0, 10) != 0 || Below32(math.MaxUint32, 0) != 0 {
		t.Error("Below32 leaves its range")
	}
	if Below64(math.MaxUint64, 1<<63) != 1<<63-1 || Below64(0, 3) != 0 {
		t.Error("Below64 leaves its range")
	}
}

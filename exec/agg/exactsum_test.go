package agg

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/streamsql/streamsql/statestore/table"
)

func pow2(e int) float64 { return math.Ldexp(1, e) }

// exactly is the sum of doubles by its definition: rational, rounded once.
func exactly(vals []float64) float64 {
	sum := new(big.Rat)
	var nan, plus, minus bool
	for _, v := range vals {
		switch {
		case math.IsNaN(v):
			nan = true
		case math.IsInf(v, 1):
			plus = true
		case math.IsInf(v, -1):
			minus = true
		default:
			sum.Add(sum, new(big.Rat).SetFloat64(v))
		}
	}
	switch {
	case nan || plus && minus:
		return math.NaN()
	case plus:
		return math.Inf(1)
	case minus:
		return math.Inf(-1)
	}
	f, _ := sum.Float64()
	return f
}

func sameFloat(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || math.IsNaN(a) && math.IsNaN(b)
}

// generators of nasty inputs.
var floatInputs = map[string]func(*rand.Rand) float64{
	"money":    func(r *rand.Rand) float64 { return float64(r.IntN(2_000_000)-1_000_000) / 100 },
	"uniform":  func(r *rand.Rand) float64 { return r.Float64() },
	"wide":     func(r *rand.Rand) float64 { return r.NormFloat64() * pow2(r.IntN(200)-100) },
	"any bits": func(r *rand.Rand) float64 { return finite(r.Uint64()) },
	"subnormal": func(r *rand.Rand) float64 {
		return math.Float64frombits(r.Uint64()&^(0x7ff<<52) | uint64(r.IntN(3))<<52)
	},
	"tiny": func(r *rand.Rand) float64 { return math.Copysign(float64(r.IntN(3)), r.Float64()-0.5) * 5e-324 },
	"huge": func(r *rand.Rand) float64 {
		return math.Copysign([]float64{math.MaxFloat64, pow2(1023), pow2(970), pow2(969), math.Nextafter(math.MaxFloat64, 0)}[r.IntN(5)], r.Float64()-0.4)
	},
	"ties": func(r *rand.Rand) float64 {
		return math.Copysign([]float64{1, pow2(-53), pow2(-54), pow2(-106), pow2(-107), pow2(-1074), 1 + pow2(-52), 3}[r.IntN(8)], r.Float64()-0.3)
	},
	"cancelling": func(r *rand.Rand) float64 {
		return []float64{1e308, -1e308, 1e16, -1e16, 1, -1, 1e-300, 1e100, -1e100}[r.IntN(9)]
	},
	"zeros": func(r *rand.Rand) float64 { return math.Copysign(0, r.Float64()-0.5) },
	"specials": func(r *rand.Rand) float64 {
		return []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1, -2.5, math.MaxFloat64}[min(r.IntN(40), 5)]
	},
}

func finite(b uint64) float64 {
	if f := math.Float64frombits(b); !math.IsNaN(f) && !math.IsInf(f, 0) {
		return f
	}
	return 1
}

func TestExactSum(t *testing.T) {
	for name, gen := range floatInputs {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(7, 8))
			for round := range 400 {
				vals := make([]float64, 1+rng.IntN(60))
				for i := range vals {
					vals[i] = gen(rng)
				}
				checkSum(t, rng, round, vals)
			}
		})
	}
}

// checkSum adds vals in several orders, in parts that are merged, and with rows
// that come and go, and wants the one right result each time.
func checkSum(t *testing.T, rng *rand.Rand, round int, vals []float64) {
	t.Helper()
	want := exactly(vals)
	spills := table.NewRows(superWords)
	check := func(how string, s *expansion) {
		t.Helper()
		if got := s.round(spills); !sameFloat(got, want) {
			t.Fatalf("round %d, %s: %v, want %v; of %v", round, how, got, want, vals)
		}
	}
	for range 3 {
		rng.Shuffle(len(vals), func(i, j int) { vals[i], vals[j] = vals[j], vals[i] })
		var s expansion
		for _, v := range vals {
			s.add(v, 1, spills)
		}
		check("in order", &s)

		// Rows that are not part of the result: half come before, some are
		// taken out before they come.
		extra := make([]float64, rng.IntN(8))
		for i := range extra {
			extra[i] = finite(rng.Uint64())
			if rng.IntN(4) == 0 {
				extra[i] = math.Inf(rng.IntN(2)*2 - 1)
			}
			s.add(extra[i], 1-2*(i&1), spills)
		}
		for i, v := range extra {
			s.add(v, 2*(i&1)-1, spills)
		}
		check("after retractions", &s)

		parts := make([]expansion, 1+rng.IntN(5))
		for _, v := range vals {
			parts[rng.IntN(len(parts))].add(v, 1, spills)
		}
		var flat []uint64 // as a Partial has them
		total := parts[0]
		for i := range parts[1:] {
			p := parts[1+i]
			if id, ok := p.spilled(); ok && rng.IntN(2) == 0 {
				p.box(uint32(len(flat) / superWords))
				flat = append(flat, superAt(spills, id)[:]...)
				total.merge(&p, 1, spills, spillSource{flat: flat})
				continue
			}
			total.merge(&p, 1, spills, spillSource{rows: spills})
		}
		check("merged", &total)
		if len(parts) > 1 {
			total.merge(&parts[1], -1, spills, spillSource{rows: spills})
			total.merge(&parts[1], 1, spills, spillSource{rows: spills})
			check("subtracted and merged again", &total)
		}
	}
	// All taken out again: nothing is left.
	var s expansion
	for _, v := range vals {
		s.add(v, 1, spills)
	}
	for _, v := range vals {
		s.add(v, -1, spills)
	}
	if got := s.round(spills); math.Float64bits(got) != 0 {
		t.Fatalf("round %d: %v is left of %v", round, got, vals)
	}
}

func TestExactSumBeyondRange(t *testing.T) {
	most := math.MaxFloat64
	for _, c := range []struct {
		vals []float64
		want float64
	}{
		{[]float64{most, most, -most}, most},
		{[]float64{most, most, -most, -most, 1}, 1},
		{[]float64{most, most}, math.Inf(1)},
		{[]float64{-most, -most}, math.Inf(-1)},
		{[]float64{most, pow2(970)}, math.Inf(1)},                    // a tie, rounded to even
		{[]float64{most, pow2(970), -5e-324}, most},                  // just below it
		{[]float64{most, pow2(969)}, most},                           // below it
		{[]float64{math.Inf(1), math.Inf(-1)}, math.NaN()},           //
		{[]float64{math.Copysign(0, -1), math.Copysign(0, -1)}, 0},   // zero is +0
		{[]float64{1, pow2(-53), pow2(-1074)}, 1 + pow2(-52)},        // just above a tie
		{[]float64{1, pow2(-53), -pow2(-1074)}, 1},                   // just below it
		{[]float64{1 + pow2(-52), pow2(-53)}, 1 + pow2(-51)},         // a tie to even
		{[]float64{pow2(-1022), -pow2(-1074)}, pow2(-1022) - 5e-324}, // into the subnormals
		{[]float64{1e16, 1, -1e16}, 1},                               //
		{[]float64{0.1, 0.2, 0.3, -0.6}, exactly([]float64{0.1, 0.2, 0.3, -0.6})},
	} {
		spills := table.NewRows(superWords)
		var s expansion
		var acc superacc
		for _, v := range c.vals {
			s.add(v, 1, spills)
			acc.add(v, 1)
		}
		if got := s.round(spills); !sameFloat(got, c.want) {
			t.Errorf("%v: %v, want %v", c.vals, got, c.want)
		}
		if got := acc.round(); !sameFloat(got, c.want) {
			t.Errorf("superaccumulator of %v: %v, want %v", c.vals, got, c.want)
		}
	}
}

// Ordinary data must stay within the terms of the row.
func TestExactSumRarelySpills(t *testing.T) {
	for _, name := range []string{"money", "uniform"} {
		rng := rand.New(rand.NewPCG(9, 10))
		spills := table.NewRows(superWords)
		var s expansion
		for range 1_000_000 {
			s.add(floatInputs[name](rng), 1, spills)
		}
		if spills.Len() != 0 {
			t.Errorf("a sum of %s has spilled", name)
		}
	}
}

func FuzzExactSum(f *testing.F) {
	f.Add(uint64(1), []byte("0123456789abcdef"))
	f.Fuzz(func(t *testing.T, seed uint64, data []byte) {
		var vals []float64
		for len(data) >= 8 {
			var b uint64
			for _, c := range data[:8] {
				b = b<<8 | uint64(c)
			}
			vals = append(vals, math.Float64frombits(b))
			data = data[8:]
		}
		if len(vals) > 0 {
			checkSum(t, rand.New(rand.NewPCG(seed, 1)), 0, vals)
		}
	})
}

func TestQuotient(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for range 200_000 {
		lo, hi := rng.Uint64()>>rng.IntN(64), rng.Uint64()>>rng.IntN(64)
		if rng.IntN(2) == 0 {
			hi = 0
		}
		if rng.IntN(2) == 0 {
			hi = ^hi
		}
		n := rng.Uint64()>>rng.IntN(63)>>1 + 1
		sum := new(big.Int).SetUint64(hi)
		sum.Lsh(sum, 64).Or(sum, new(big.Int).SetUint64(lo))
		if int64(hi) < 0 {
			sum.Sub(sum, new(big.Int).Lsh(big.NewInt(1), 128))
		}
		want, _ := new(big.Rat).SetFrac(sum, new(big.Int).SetUint64(n)).Float64()
		if got := quotient(lo, hi, n); got != want {
			t.Fatalf("%v / %d: %v, want %v", sum, n, got, want)
		}
	}
}

func TestDecimalQuotient(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(38), nil)
	overflows := 0
	for range 100_000 {
		var w [3]uint64
		bits := rng.IntN(180)
		for i := range 3 {
			if bits > 64*i {
				w[i] = rng.Uint64() >> max(0, 64*(i+1)-bits)
			}
		}
		if rng.IntN(2) == 0 { // two's complement
			c := uint64(1)
			for i := range w {
				w[i] = ^w[i] + c
				if w[i] != 0 {
					c = 0
				}
			}
		}
		n := rng.Uint64()>>rng.IntN(63)>>1 + 1
		up := rng.IntN(7)
		sum := new(big.Int)
		for i := 2; i >= 0; i-- {
			sum.Lsh(sum, 64).Or(sum, new(big.Int).SetUint64(w[i]))
		}
		if int64(w[2]) < 0 {
			sum.Sub(sum, new(big.Int).Lsh(big.NewInt(1), 192))
		}
		// Half away from zero: floor((2|x| + n) / 2n), with the sign.
		x := new(big.Int).Mul(new(big.Int).Abs(sum), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(up)), nil))
		d := new(big.Int).SetUint64(n)
		want := new(big.Int).Add(x.Lsh(x, 1), d)
		want.Quo(want, d.Lsh(d, 1))
		fits := want.Cmp(limit) < 0
		if sum.Sign() < 0 {
			want.Neg(want)
		}
		got, ok := decimalQuotient(w, n, up)
		if ok != fits {
			t.Fatalf("%v * 10^%d / %d = %v: fits %v", sum, up, n, want, ok)
		}
		if !fits {
			overflows++
		} else if got.BigInt().Cmp(want) != 0 {
			t.Fatalf("%v * 10^%d / %d = %v, want %v", sum, up, n, got.BigInt(), want)
		}
	}
	if overflows == 0 {
		t.Error("no case overflows")
	}
}

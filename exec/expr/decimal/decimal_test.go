package decimal

import (
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
)

// random gives a number of up to 38 digits, small and extreme ones often.
func random(r *rand.Rand) Num {
	digits := r.IntN(39)
	b := big.NewInt(0)
	for range digits {
		b.Mul(b, big.NewInt(10)).Add(b, big.NewInt(int64([]int{0, 9, 5, r.IntN(10)}[r.IntN(4)])))
	}
	if r.IntN(2) == 0 {
		b.Neg(b)
	}
	return decimal128.FromBigInt(b)
}

// rat is the value of a decimal.
func rat(n Num, scale int) *big.Rat { return new(big.Rat).SetFrac(n.BigInt(), bigPow10(scale)) }

// rounded is v as DECIMAL(p, s), rounded half away from zero, by math/big alone.
func rounded(v *big.Rat, p, s int) (string, bool) {
	text := v.FloatString(s) // rounds halves away from zero
	digits := strings.TrimLeft(strings.NewReplacer("-", "", ".", "").Replace(text), "0")
	if strings.Trim(text, "-0.") == "" {
		text = strings.TrimPrefix(text, "-")
	}
	return text, len(digits) <= p
}

func TestArithmetic(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	check := func(op string, a Num, as int, b Num, bs, p, s int, exact *big.Rat, got Num, ok bool) {
		t.Helper()
		want, fits := rounded(exact, p, s)
		if ok != fits || ok && string(Append(nil, got, s)) != want {
			t.Fatalf("%s %s %s as DECIMAL(%d, %d) = %s, %v; want %s, %v", Append(nil, a, as), op, Append(nil, b, bs), p, s, Append(nil, got, s), ok, want, fits)
		}
	}
	for range 8_000 {
		a, b := random(r), random(r)
		as, bs := r.IntN(39), r.IntN(39)
		p := 1 + r.IntN(38)
		s := r.IntN(p + 1)
		x, y := rat(a, as), rat(b, bs)
		got, ok := AddScaled(a, as, b, bs, p, min(s, max(as, bs)))
		check("+", a, as, b, bs, p, min(s, max(as, bs)), new(big.Rat).Add(x, y), got, ok)
		if ps := min(s, as+bs); true {
			got, ok = Multiply(a, b, as+bs-ps, p)
			check("*", a, as, b, bs, p, ps, new(big.Rat).Mul(x, y), got, ok)
		}
		if c, want := Compare(a, as, b, bs), x.Cmp(y); sign(c) != want {
			t.Fatalf("Compare(%s, %s) = %d", Append(nil, a, as), Append(nil, b, bs), c)
		}
		if got, ok = Rescale(a, as, s, p); true {
			check("to", a, as, b, bs, p, s, x, got, ok)
		}
		if b == (Num{}) {
			continue
		}
		got, ok = Divide(a, b, s+bs-as, p)
		check("/", a, as, b, bs, p, s, new(big.Rat).Quo(x, y), got, ok)
		scale := max(as, bs)
		rem := new(big.Int).Rem(bigScaled(a, scale-as), bigScaled(b, scale-bs))
		got, ok = ModScaled(a, as, b, bs, 38, scale)
		check("%", a, as, b, bs, 38, scale, new(big.Rat).SetFrac(rem, bigPow10(scale)), got, ok)
	}
}

func sign(c int) int {
	switch {
	case c < 0:
		return -1
	case c > 0:
		return 1
	}
	return 0
}

func TestTextRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 8_000 {
		n, s := random(r), r.IntN(39)
		text := string(Append(nil, n, s))
		if want := rat(n, s).FloatString(s); text != want && text != strings.TrimPrefix(want, "-") {
			t.Fatalf("Append = %s, want %s", text, want)
		}
		if back, problem := Parse([]byte(text), 38, s); problem != None || back != n {
			t.Fatalf("Parse(%s) = %v, %v", text, back, problem)
		}
		// To fewer digits, with an exponent.
		to, exp := r.IntN(39), r.IntN(30)-15
		shifted := text + "e" + strconv.Itoa(exp)
		v := rat(n, s)
		if exp < 0 {
			v.Quo(v, new(big.Rat).SetInt(bigPow10(-exp)))
		} else {
			v.Mul(v, new(big.Rat).SetInt(bigPow10(exp)))
		}
		want, fits := rounded(v, 38, to)
		back, problem := Parse([]byte(shifted), 38, to)
		if fits != (problem == None) || fits && string(Append(nil, back, to)) != want {
			t.Fatalf("Parse(%s) to scale %d = %s, %v; want %s, %v", shifted, to, Append(nil, back, to), problem, want, fits)
		}
	}
	for _, bad := range []string{"", "-", ".", "1.2.3", "x", "1e", "1e+", "--1", "0x10", "1 "} {
		if _, problem := Parse([]byte(bad), 38, 2); problem != Syntax {
			t.Errorf("Parse(%q) = %v", bad, problem)
		}
	}
	for text, want := range map[string]string{"5.": "5.00", ".5": "0.50", "+1": "1.00", "1e-3": "0.00", "5e-3": "0.01", "1e999999999999": "!", "1e-999999999999": "0.00"} {
		n, problem := Parse([]byte(text), 10, 2)
		if got := string(Append(nil, n, 2)); problem == None && got != want || problem == Overflow && want != "!" {
			t.Errorf("Parse(%q) = %s, %v; want %s", text, got, problem, want)
		}
	}
}

func TestFloat64(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 8_000 {
		n, s := random(r), r.IntN(39)
		want, _ := rat(n, s).Float64()
		if got := Float64(n, s); got != want {
			t.Fatalf("Float64(%s) = %v, want %v", Append(nil, n, s), got, want)
		}
	}
}

func TestTypes(t *testing.T) {
	d := catalog.Decimal
	for _, c := range []struct {
		name      string
		got, want catalog.Type
	}{
		{"0.908 * BIGINT", MultiplyType(d(3, 3), d(19, 0)), d(23, 3)}, // Nexmark's sink declares it so
		{"+", AddType(d(10, 2), d(5, 4)), d(13, 4)},
		{"+ capped", AddType(d(38, 0), d(38, 10)), d(38, 6)},
		{"* capped", MultiplyType(d(38, 10), d(38, 10)), d(38, 6)},
		{"* capped, small scale", MultiplyType(d(38, 2), d(38, 2)), d(38, 4)},
		{"/", DivideType(d(10, 2), d(5, 1)), d(17, 8)},
		{"/ capped", DivideType(d(38, 0), d(38, 0)), d(38, 6)},
		{"%", ModType(d(10, 2), d(5, 4)), d(5, 4)},
	} {
		if !c.got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}

package builtin

import (
	"bytes"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func randomText(r *rand.Rand, alphabet string, most int) string {
	runes := []rune(alphabet)
	var b strings.Builder
	for range r.IntN(most + 1) {
		b.WriteRune(runes[r.IntN(len(runes))])
	}
	return b.String()
}

// TestLikeAgainstRegexp translates patterns to regular expressions.
func TestLikeAgainstRegexp(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		pattern, text := randomText(r, "ab%_é!", 8), randomText(r, "abé!%_", 10)
		escape := rune(0)
		if r.IntN(2) == 0 {
			escape = '!'
		}
		var re strings.Builder
		re.WriteString(`(?s)\A`)
		bad, escaped := false, false
		for _, c := range pattern {
			switch {
			case escaped:
				bad = bad || c != '%' && c != '_' && c != '!'
				re.WriteString(regexp.QuoteMeta(string(c)))
				escaped = false
			case c == escape:
				escaped = true
			case c == '%':
				re.WriteString(".*")
			case c == '_':
				re.WriteString(".")
			default:
				re.WriteString(regexp.QuoteMeta(string(c)))
			}
		}
		re.WriteString(`\z`)
		p, err := compileLike(pattern, escape)
		if (err != nil) != (bad || escaped) {
			t.Fatalf("LIKE %q ESCAPE %q: %v", pattern, escape, err)
		}
		if err != nil {
			continue
		}
		if got, want := p.match([]byte(text)), regexp.MustCompile(re.String()).MatchString(text); got != want {
			t.Fatalf("%q LIKE %q = %v, want %v", text, pattern, got, want)
		}
	}
}

// TestSearchAgainstRegexp compares the shortcuts for simple patterns with the
// automaton.
func TestSearchAgainstRegexp(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	byHand := 0
	for _, pattern := range []string{
		`(&|^)channel_id=([^&]*)`, `(^|&)id=([^&]+)`, `[&?]id=([0-9]+)`, `id=([a-z]*)([0-9]*)`, `id=([^&]*)&(b+)`, `id=(.*)`, `id=(.+)`, `id`, `(id)=`, `id=([^&]*)([^=]*)`,
		`&id=([0-9]*)b`, `^id=([^&]*)`, `id=([^&]*)$`, `(?i)id=(a)`, `(&|^)id=([^&]*?)b`, `(a|b)id`, `a*id=`, `id=a?`, `(é|a)id=([^é]*)`, `id=([é]*)`, `(&|^|b)id(=+)([^=]*)`,
	} {
		p, err := compileSearch(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if p.simple != nil {
			byHand++
		}
		want := regexp.MustCompile(pattern)
		for range 2_000 {
			text := randomText(r, "&&=?ab1é\n", 5)
			for range r.IntN(4) {
				text += []string{"id", "id=", "channel_id=", "&id=", "a", "1", "b", "é"}[r.IntN(8)] + randomText(r, "&=ab1é", 4)
			}
			m := want.FindStringSubmatchIndex(text)
			if got := p.match([]byte(text)); got != (m != nil) {
				t.Fatalf("%q ~ %s = %v", text, pattern, got)
			}
			for k := range want.NumSubexp() + 2 {
				got, ok := p.group([]byte(text), k)
				wantOK := m != nil && k <= want.NumSubexp() && m[2*k] >= 0
				if ok != wantOK || ok && string(got) != text[m[2*k]:m[2*k+1]] {
					t.Fatalf("group %d of %s in %q = %q, %v; all groups %v", k, pattern, text, got, ok, m)
				}
			}
		}
	}
	if byHand < 8 {
		t.Errorf("only %d patterns are matched by hand", byHand)
	}
	if p, _ := compileSearch(`(&|^)channel_id=([^&]*)`); p.simple == nil {
		t.Error("Nexmark's pattern takes the slow way")
	}
}

func TestCharacters(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		text := randomText(r, "abzAZ@[`{é日🙂/ ", 30)
		s, runes := []byte(text), []rune(text)
		if got := charCount(s); got != utf8.RuneCount(s) {
			t.Fatalf("charCount(%q) = %d", text, got)
		}
		k := r.IntN(35)
		if got, want := charOffset(s, k), len(string(runes[:min(k, len(runes))])); got != want {
			t.Fatalf("charOffset(%q, %d) = %d, want %d", text, k, got, want)
		}
		if got := string(upper(nil, s)); got != strings.ToUpper(text) {
			t.Fatalf("upper(%q) = %q", text, got)
		}
		if got := string(lower([]byte("X"), s)); got != "X"+strings.ToLower(text) {
			t.Fatalf("lower(%q) = %q", text, got)
		}
		ascii := bytes.Map(func(c rune) rune { return c & 0x7f }, s)
		if got := string(upper(nil, ascii)); got != strings.ToUpper(string(ascii)) {
			t.Fatalf("upper(%q) = %q", ascii, got)
		}
		if isASCII(s) != (len(s) == len(runes)) {
			t.Fatalf("isASCII(%q)", text)
		}
		parts := strings.Split(text, "/")
		n := r.IntN(6)
		got, ok := field(s, []byte("/"), int64(n))
		if wantOK := text != "" && n < len(parts); ok != wantOK || ok && string(got) != parts[n] {
			t.Fatalf("field(%q, %d) = %q, %v", text, n, got, ok)
		}
		from, to := randomText(r, "ab/é", 2), randomText(r, "xyz", 2)
		if want := strings.ReplaceAll(text, from, to); from != "" && string(replaced(nil, s, []byte(from), []byte(to))) != want {
			t.Fatalf("replaced(%q, %q, %q)", text, from, to)
		}
	}
}

func TestInvariantDivision(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	number := func() uint64 {
		switch r.IntN(4) {
		case 0:
			return r.Uint64N(1000)
		case 1:
			return math.MaxUint64 - r.Uint64N(1000)
		case 2:
			return 1<<r.IntN(64) + r.Uint64N(3) - 1
		default:
			return r.Uint64()
		}
	}
	for range 100_000 {
		d, n := number(), number()
		if d == 0 {
			continue
		}
		v := newDivisor(d)
		if got := v.mod(n); got != n%d {
			t.Fatalf("%d mod %d = %d, want %d", n, d, got, n%d)
		}
	}
}

func TestMultiplyOverflow(t *testing.T) {
	for _, c := range []struct {
		a, b int64
		ok   bool
	}{
		{math.MaxInt64, 1, true}, {math.MaxInt64, 2, false}, {math.MinInt64, 1, true}, {math.MinInt64, -1, false}, {-1, math.MinInt64, false},
		{1 << 32, 1 << 31, false}, {1 << 32, -(1 << 31), true}, {3037000500, 3037000500, false}, {3037000499, 3037000499, true}, {0, math.MinInt64, true},
	} {
		if r, ok := multiply(c.a, c.b); ok != c.ok || ok && r != c.a*c.b {
			t.Errorf("%d * %d = %d, %v", c.a, c.b, r, ok)
		}
	}
	for a := -128; a < 128; a++ {
		for b := -128; b < 128; b++ {
			r, ok := multiply(int8(a), int8(b))
			if want := a * b; ok != (want >= -128 && want < 128) || ok && int(r) != want {
				t.Fatalf("int8 %d * %d = %d, %v", a, b, r, ok)
			}
		}
	}
}

func TestRoundMode(t *testing.T) {
	for _, c := range []struct {
		x    float64
		n    int64
		want float64
	}{
		{2.675, 2, 2.68}, {-2.675, 2, -2.68}, {2.5, 0, 3}, {-2.5, 0, -3}, {0.5, 0, 1}, {1e300, 2, 1e300}, {123.456, -1, 120}, {999.9, 0, 1000}, {0.05, 1, 0.1}, {0.04, 1, 0},
		{1e-300, 5, 0}, {55, -2, 100}, {45, -2, 0}, {math.Inf(1), 1, math.Inf(1)}, {9.99999, 3, 10},
	} {
		if got := rounding.number(c.x, c.n); got != c.want {
			t.Errorf("ROUND(%v, %d) = %v, want %v", c.x, c.n, got, c.want)
		}
	}
	for _, c := range []struct {
		x    float64
		n    int64
		want float64
	}{{2.679, 2, 2.67}, {-2.679, 2, -2.67}, {199, -2, 100}, {0.999, 0, 0}, {1e22, -22, 1e22}} {
		if got := truncation.number(c.x, c.n); got != c.want {
			t.Errorf("TRUNCATE(%v, %d) = %v, want %v", c.x, c.n, got, c.want)
		}
	}
	if got := rounding.number(math.NaN(), 1); !math.IsNaN(got) {
		t.Errorf("ROUND(NaN) = %v", got)
	}
}

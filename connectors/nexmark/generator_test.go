package nexmark

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

func newGenerator(t testing.TB, cfg Config) *Generator {
	t.Helper()
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestPure makes events in order, in random order, by several goroutines and by a
// second generator: the lines are the same.
func TestPure(t *testing.T) {
	const events = 20_000
	cfg := DefaultConfig()
	cfg.Seed = 42
	g := newGenerator(t, cfg)
	want := make([]string, events)
	encoder := g.NewEncoder()
	for n := range want {
		want[n] = string(encoder.Append(nil, int64(n)))
	}

	other := newGenerator(t, cfg).NewEncoder()
	for _, n := range rand.New(rand.NewPCG(1, 2)).Perm(events) {
		if got := string(other.Append([]byte("before"), int64(n))); got != "before"+want[n] {
			t.Fatalf("event %d: %s, want %s", n, got, want[n])
		}
	}

	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			e := g.NewEncoder()
			for n := w; n < events; n += 4 {
				if got := string(e.Append(nil, int64(n))); got != want[n] {
					t.Errorf("event %d: %s, want %s", n, got, want[n])
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestStreamIsFrozen pins the bytes of the stream: benchmarks are compared over
// them, so a change of the generator that changes them must be meant.
func TestStreamIsFrozen(t *testing.T) {
	for _, c := range []struct {
		seed uint64
		hash string
	}{
		{0, "f161b0062ac3819c43d8e869f55ece39340a90e867c1c414ec2ee1158a4a573d"},
		{7, "8a8d0b35e2ac3484cd6ff12400fe8077a0b18e211d6ed5c89a093764b184b7f9"},
	} {
		cfg := DefaultConfig()
		cfg.Seed = c.seed
		h := sha256.New()
		if err := WriteNDJSON(h, cfg, 0, 100_000); err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != c.hash {
			t.Errorf("seed %d: SHA-256 of the first 100,000 lines is %s, was %s", c.seed, got, c.hash)
		}
	}
}

// TestSeeds holds that seeds give different events with the same skeleton.
func TestSeeds(t *testing.T) {
	_, a := generate(t, frozenConfig(1), 0, 5000)
	_, b := generate(t, frozenConfig(2), 0, 5000)
	equal := 0
	for i := range a {
		if fixedPart(a[i]) != fixedPart(b[i]) {
			t.Fatalf("event %d: %v and %v", i, fixedPart(a[i]), fixedPart(b[i]))
		}
		if a[i].Bid != nil && a[i].Bid.Price == b[i].Bid.Price {
			equal++
		}
	}
	if equal > 10 {
		t.Errorf("%d of 4,600 prices are equal under two seeds", equal)
	}
}

// TestReferences follows the stream and holds every id that an event names
// against what has been there so far.
func TestReferences(t *testing.T) {
	for _, proportions := range [][3]int64{{1, 3, 46}, {2, 5, 3}, {3, 1, 0}, {1, 1, 1}, {7, 0, 4}, {0, 2, 5}} {
		cfg := DefaultConfig()
		cfg.PersonProportion, cfg.AuctionProportion, cfg.BidProportion = proportions[0], proportions[1], proportions[2]
		cfg.ActivePeople = 50
		cfg.InFlightAuctions = 20
		_, events := generate(t, cfg, 0, 6000)
		persons, auctions := int64(0), int64(0)
		counts := [3]int64{}
		inRange := func(i int, what string, id, first, last int64) {
			if id < first || id > last {
				t.Fatalf("%v: event %d: %s %d is not in %d to %d", proportions, i, what, id, first, last)
			}
		}
		// A hot id is the batch's first (or second), which may be older than the
		// active ones, but by less than a batch.
		active := func(last, size int64) (int64, int64) {
			return max(1000, min(1000+last-size, 1000+last-99)), 1000 + last + 10
		}
		for i, e := range events {
			counts[e.EventType]++
			switch {
			case e.Person != nil:
				inRange(i, "new person", e.Person.ID, 1000+persons, 1000+persons)
				persons++
			case e.Auction != nil:
				inRange(i, "new auction", e.Auction.ID, 1000+auctions, 1000+auctions)
				auctions++
				first, last := active(persons-1, cfg.ActivePeople)
				inRange(i, "seller", e.Auction.Seller, first, last)
				inRange(i, "category", e.Auction.Category, 10, 14)
				inRange(i, "initial bid", e.Auction.InitialBid, 100, 100_000_000)
				inRange(i, "reserve", e.Auction.Reserve-e.Auction.InitialBid, 100, 100_000_000)
				length := parseTime(t, e.Auction.Expires).Sub(parseTime(t, e.Auction.DateTime))
				total := proportions[0] + proportions[1] + proportions[2]
				horizon := cfg.InFlightAuctions * total / proportions[1] * 1000 / cfg.EventRate
				inRange(i, "duration in ms", length.Milliseconds(), 1, max(2*(horizon+1), 1))
			default:
				first, last := active(auctions-1, cfg.InFlightAuctions)
				inRange(i, "auction of bid", e.Bid.Auction, first, last)
				first, last = active(persons-1, cfg.ActivePeople)
				inRange(i, "bidder", e.Bid.Bidder, first, last)
				inRange(i, "price", e.Bid.Price, 100, 100_000_000)
			}
		}
		total := proportions[0] + proportions[1] + proportions[2]
		for kind, count := range counts {
			if want := 6000 / total * proportions[kind]; count < want || count > want+proportions[kind] {
				t.Errorf("%v: %d events of type %d, want about %d", proportions, count, kind, want)
			}
		}
	}
}

// TestOutOfOrder holds that a shuffle moves whole events within their group.
func TestOutOfOrder(t *testing.T) {
	const group, events = 100, 5000
	cfg := DefaultConfig()
	ordered, _ := generate(t, cfg, 0, events)
	cfg.OutOfOrderGroup = group
	shuffled, _ := generate(t, cfg, 0, events)
	moved := 0
	for start := 0; start < events; start += group {
		left := map[string]bool{}
		for _, line := range ordered[start : start+group] {
			left[line] = true
		}
		for i, line := range shuffled[start : start+group] {
			if !left[line] {
				t.Fatalf("line %d is not of its group, or twice: %s", start+i, line)
			}
			delete(left, line)
			if line != ordered[start+i] {
				moved++
			}
		}
	}
	if moved < events/2 {
		t.Errorf("only %d of %d events moved", moved, events)
	}
}

// TestTimestamps holds event times against exact arithmetic.
func TestTimestamps(t *testing.T) {
	base := time.Date(2024, 2, 28, 23, 59, 59, 999_000_000, time.UTC)
	for _, rate := range []int64{1, 3, 7, 500, 1000, 10_000, 333_333, 10_000_000} {
		cfg := DefaultConfig()
		cfg.BaseTime, cfg.EventRate = base, rate
		g := newGenerator(t, cfg)
		encoder := g.NewEncoder()
		last := int64(math.MinInt64)
		for _, n := range []int64{0, 1, 2, 3, 999, 1000, 12_345, 1_000_000, 999_999_937} {
			want := base.UnixMilli() + n*1000/rate
			if got := g.Timestamp(n); got != want {
				t.Errorf("rate %d: event %d is at %d, want %d", rate, n, got, want)
			}
			if want < last {
				t.Errorf("rate %d: time goes back at event %d", rate, n)
			}
			last = want
			text := `"dateTime":"` + time.UnixMilli(want).UTC().Format("2006-01-02 15:04:05.000") + `"`
			if line := string(encoder.Append(nil, n)); !strings.Contains(line, text) {
				t.Errorf("rate %d: event %d has no %s: %s", rate, n, text, line)
			}
		}
	}
}

// TestTimeText holds the text of times against package time, over leap years,
// centuries and times before 1970.
func TestTimeText(t *testing.T) {
	text := newTimeText()
	var b [timeLength]byte
	check := func(ms int64) {
		text.put(b[:], ms)
		if want := time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05.000"); string(b[:]) != want {
			t.Fatalf("%d: %s, want %s", ms, b, want)
		}
	}
	first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	last := time.Date(9999, 12, 31, 23, 59, 59, 999_000_000, time.UTC).UnixMilli()
	check(first)
	check(last)
	for ms := first; ms <= last; ms += 86_400_000 * 17 {
		check(ms)
		check(ms + 86_399_999)
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range 100_000 {
		check(first + random.Int64N(last-first))
	}
}

// TestPrices holds prices against the benchmark's formula.
func TestPrices(t *testing.T) {
	p := newPrices()
	random := rand.New(rand.NewPCG(5, 6))
	last := int64(0)
	for r := uint64(0); r < 1<<32; r += 1 + uint64(random.Uint32N(20_000)) {
		u := float64(r) / (1 << 32)
		want := math.Pow(10, 6*u) * 100
		got := p.at(uint32(r))
		if math.Abs(float64(got)-want) > 0.5+want*1e-12 {
			t.Fatalf("u = %g: %d, want %g", u, got, want)
		}
		if got < last {
			t.Fatalf("u = %g: %d is less than %d", u, got, last)
		}
		last = got
	}
	if p.at(0) != 100 || p.at(math.MaxUint32) != 100_000_000 {
		t.Errorf("prices go from %d to %d", p.at(0), p.at(math.MaxUint32))
	}
}

// TestPadding holds the escaped form of stretches against a plain replacement.
func TestPadding(t *testing.T) {
	p := newPadding(9)
	check := func(s stretch) {
		raw := string(p.text(s))
		if want := strings.ReplaceAll(raw, `\`, `\\`); string(p.escaped(s)) != want {
			t.Fatalf("%v: %s, want %s", s, p.escaped(s), want)
		}
		if i := strings.IndexFunc(raw, func(r rune) bool { return r < 'H' || r > 'z' }); i >= 0 {
			t.Fatalf("%v: %q", s, raw)
		}
	}
	check(stretch{0, 0})
	check(stretch{paddingSize, 0})
	check(stretch{0, paddingSize})
	random := rand.New(rand.NewPCG(7, 8))
	for range 20_000 {
		length := random.Uint32N(600)
		check(stretch{random.Uint32N(paddingSize - length), length})
	}
	if bytes.Equal(p.raw[:1000], newPadding(10).raw[:1000]) {
		t.Error("two seeds have one padding")
	}
}

// TestSizes holds that extra averages sizes at what is asked for, and that it is
// empty where an event is larger already.
func TestSizes(t *testing.T) {
	cfg := DefaultConfig()
	cfg.PersonBytes, cfg.AuctionBytes, cfg.BidBytes = 0, 3000, 1000
	_, events := generate(t, cfg, 0, 6000)
	var sum, count [3]float64
	for _, e := range events {
		size := 0
		switch {
		case e.Person != nil:
			size = len(e.Person.Extra)
		case e.Auction != nil:
			size = 48 + len(e.Auction.ItemName) + len(e.Auction.Description) + len(e.Auction.Extra)
		default:
			size = 32 + len(e.Bid.Extra)
		}
		sum[e.EventType] += float64(size)
		count[e.EventType]++
	}
	for kind, want := range []float64{0, 3000, 1000} {
		if got := sum[kind] / count[kind]; math.Abs(got-want) > 0.02*want+1 {
			t.Errorf("event type %d: average size %g, want %g", kind, got, want)
		}
	}
}

func TestValidate(t *testing.T) {
	if err := new(Config).Validate(); err == nil {
		t.Error("the zero configuration is valid")
	}
	for _, c := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.EventRate = 0 }, "event rate is 0"},
		{func(c *Config) { c.Events = -1 }, "number of events is -1"},
		{func(c *Config) { c.FirstEvent = -1 }, "first event is -1"},
		{func(c *Config) { c.OutOfOrderGroup = 0 }, "out-of-order group is 0"},
		{func(c *Config) { c.OutOfOrderGroup = 953 * 4 }, "multiple of 953"},
		{func(c *Config) { c.PersonProportion, c.AuctionProportion, c.BidProportion = 0, 0, 0 }, "all proportions are 0"},
		{func(c *Config) { c.BidProportion = 1 << 40 }, "bid proportion"},
		{func(c *Config) { c.HotAuctionRatio = 0 }, "hot auction ratio is 0"},
		{func(c *Config) { c.BidBytes = 1 << 30 }, "average size of a bid"},
		{func(c *Config) { c.BaseTime = time.Date(12_000, 1, 1, 0, 0, 0, 0, time.UTC) }, "year 12000"},
		{func(c *Config) { c.EventRate, c.Events = 1, 1<<50 }, "beyond year 9999"},
	} {
		cfg := DefaultConfig()
		c.change(&cfg)
		_, err := New(cfg)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
}

package nexmark

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var frozenFile = flag.String("frozen", "", "all frozen events (gzip): rewrites testdata/frozen_summary.json")

// eventJSON is an event as encoding/json reads it.
type eventJSON struct {
	EventType int `json:"event_type"`
	Person    *struct {
		ID           int64  `json:"id"`
		Name         string `json:"name"`
		EmailAddress string `json:"emailAddress"`
		CreditCard   string `json:"creditCard"`
		City         string `json:"city"`
		State        string `json:"state"`
		DateTime     string `json:"dateTime"`
		Extra        string `json:"extra"`
	} `json:"person"`
	Auction *struct {
		ID          int64  `json:"id"`
		ItemName    string `json:"itemName"`
		Description string `json:"description"`
		InitialBid  int64  `json:"initialBid"`
		Reserve     int64  `json:"reserve"`
		DateTime    string `json:"dateTime"`
		Expires     string `json:"expires"`
		Seller      int64  `json:"seller"`
		Category    int64  `json:"category"`
		Extra       string `json:"extra"`
	} `json:"auction"`
	Bid *struct {
		Auction  int64  `json:"auction"`
		Bidder   int64  `json:"bidder"`
		Price    int64  `json:"price"`
		Channel  string `json:"channel"`
		URL      string `json:"url"`
		DateTime string `json:"dateTime"`
		Extra    string `json:"extra"`
	} `json:"bid"`
}

// readEvents reads lines of JSON and refuses what is not exactly an event.
func readEvents(t *testing.T, r io.Reader) (lines []string, events []eventJSON) {
	t.Helper()
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var e eventJSON
		d := json.NewDecoder(bytes.NewReader(scanner.Bytes()))
		d.DisallowUnknownFields()
		if err := d.Decode(&e); err != nil {
			t.Fatalf("line %d: %v\n%s", len(lines)+1, err, scanner.Text())
		}
		lines = append(lines, scanner.Text())
		events = append(events, e)
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return lines, events
}

func readGzipEvents(t *testing.T, path string) ([]string, []eventJSON) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	return readEvents(t, z)
}

// frozenConfig gives the configuration that the frozen events were made with;
// their numbers begin with 2.
func frozenConfig(seed uint64) Config {
	c := DefaultConfig()
	c.Seed = seed
	c.BaseTime = time.Date(2024, 2, 28, 23, 58, 56, 998_000_000, time.UTC)
	c.EventRate = 500
	c.FirstEvent = 2
	return c
}

func parseTime(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse("2006-01-02 15:04:05.000", s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// measure gives what the generators must agree on, by name.
func measure(t *testing.T, lines []string, events []eventJSON) map[string]float64 {
	m := map[string]float64{}
	samples := map[string][]float64{}
	sets := map[string]map[any]bool{}
	add := func(name string, v float64) { samples[name] = append(samples[name], v) }
	distinct := func(name string, v any) {
		if sets[name] == nil {
			sets[name] = map[any]bool{}
		}
		sets[name][v] = true
	}
	share := func(name string, yes bool) {
		v := 0.0
		if yes {
			v = 1
		}
		add("share "+name, v)
	}
	extra := func(kind, text string) {
		add(kind+" extra length", float64(len(text)))
		upper := 0
		for i := range len(text) {
			if text[i] < 'a' {
				upper++
			}
		}
		add("share of upper half in extra", float64(upper)/float64(len(text)))
		add("share of backslash in extra", float64(strings.Count(text, `\`))/float64(len(text)))
	}
	for i, e := range events {
		share("of lines with a backslash", strings.Contains(lines[i], `\`))
		add("line length", float64(len(lines[i])))
		switch {
		case e.Person != nil:
			p := e.Person
			extra("person", p.Extra)
			distinct("names", p.Name)
			add("email length", float64(len(p.EmailAddress)))
			add("credit card length", float64(len(p.CreditCard)))
			distinct("cities", p.City)
			distinct("states", p.State)
		case e.Auction != nil:
			a := e.Auction
			extra("auction", a.Extra)
			add("item length", float64(len(a.ItemName)))
			add("description length", float64(len(a.Description)))
			share("of blanks in descriptions", strings.Contains(a.Description, " "))
			add("log initial bid", math.Log10(float64(a.InitialBid)))
			add("log reserve over initial bid", math.Log10(float64(a.Reserve-a.InitialBid)))
			duration := parseTime(t, a.Expires).Sub(parseTime(t, a.DateTime))
			add("auction ms", float64(duration.Milliseconds()))
			share("of hot sellers", (a.Seller-1000)%100 == 0)
			distinct("sellers", a.Seller)
			share("of category 10", a.Category == 10)
			distinct("categories", a.Category)
		case e.Bid != nil:
			b := e.Bid
			extra("bid", b.Extra)
			add("log price", math.Log10(float64(b.Price)))
			share("of hot auctions", (b.Auction-1000)%100 == 0)
			share("of hot bidders", (b.Bidder-1000)%100 == 1)
			distinct("bidders", b.Bidder)
			distinct("auctions with bids", b.Auction)
			cold := strings.HasPrefix(b.Channel, "channel-")
			share("of hot channels", !cold)
			share("of Apple", b.Channel == "Apple")
			distinct("channels", b.Channel)
			distinct("urls", b.URL)
			add("url length", float64(len(b.URL)))
			if cold {
				share("of cold channels with an id", strings.Contains(b.URL, "&channel_id="))
			}
		}
	}
	for name, set := range sets {
		m["distinct "+name] = float64(len(set))
	}
	for name, values := range samples {
		var sum float64
		for _, v := range values {
			sum += v
		}
		m[name] = sum / float64(len(values))
		if !strings.HasPrefix(name, "share ") {
			slices.Sort(values)
			for _, q := range []float64{0, 0.1, 0.25, 0.5, 0.75, 0.9, 1} {
				m[name+quantileName[q]] = values[int(q*float64(len(values)-1))]
			}
		}
	}
	for name := range samples {
		if kind, ok := strings.CutSuffix(name, " extra length"); ok {
			m["events "+kind] = float64(len(samples[name]))
		}
	}
	return m
}

var quantileName = map[float64]string{0: " min", 0.1: " p10", 0.25: " p25", 0.5: " p50", 0.75: " p75", 0.9: " p90", 1: " max"}

// tolerance gives how far a value may lie from the frozen one. The widths are a
// few standard deviations of two samples of the size.
func tolerance(name string, frozen float64, events int) float64 {
	n := float64(events)
	switch {
	case strings.HasPrefix(name, "events "):
		return 0
	case name == "distinct cities" || name == "distinct states" || name == "distinct categories":
		return 0
	case strings.HasPrefix(name, "share of backslash in extra"), strings.HasPrefix(name, "share of upper half"):
		// All padding is cut from one text, whose own share varies.
		return 0.05 * frozen
	case strings.HasPrefix(name, "share of lines"):
		return 0.01 + 1/math.Sqrt(n)
	case strings.HasPrefix(name, "distinct "):
		return 0.01*frozen + 2*math.Sqrt(frozen)
	case strings.Contains(name, "seller"), strings.Contains(name, "category"), strings.Contains(name, "blanks"):
		return 4 * math.Sqrt(0.25/(n*0.06)) // of auctions
	case strings.HasPrefix(name, "share "):
		return 4 * math.Sqrt(0.5/n)
	case strings.HasPrefix(name, "log "):
		return 0.05 + 12/math.Sqrt(n*0.06)
	case name == "email length": // standard deviation 1.5; of persons
		return 5 * 1.5 / math.Sqrt(n*0.02)
	case name == "item length": // standard deviation 5; of auctions
		return 5 * 5 / math.Sqrt(n*0.06)
	case strings.HasPrefix(name, "item") || strings.HasPrefix(name, "description") || strings.HasPrefix(name, "email"):
		return 3 + frozen*6/math.Sqrt(n*0.06)
	case strings.HasPrefix(name, "auction ms"):
		return 40 + 3333*6/math.Sqrt(n*0.06)
	default: // lengths
		return 1 + frozen*3/math.Sqrt(n*0.02)
	}
}

func compareMeasures(t *testing.T, want, got map[string]float64, events int) {
	t.Helper()
	if len(want) < 80 {
		t.Fatalf("only %d measures", len(want))
	}
	for name, w := range want {
		g, ok := got[name]
		if !ok {
			t.Errorf("%s: not measured", name)
			continue
		}
		if tol := tolerance(name, w, events); math.Abs(g-w) > tol {
			t.Errorf("%s: %.4g, frozen %.4g (may differ by %.3g)", name, g, w, tol)
		}
	}
}

func generate(t *testing.T, cfg Config, from, to int64) ([]string, []eventJSON) {
	t.Helper()
	var buf bytes.Buffer
	if err := WriteNDJSON(&buf, cfg, from, to); err != nil {
		t.Fatal(err)
	}
	return readEvents(t, &buf)
}

// TestDistributionFrozen compares with all 60,000 events of Nexmark for Flink's
// generator, of which a summary is kept.
func TestDistributionFrozen(t *testing.T) {
	const summary = "testdata/frozen_summary.json"
	if *frozenFile != "" {
		lines, events := readGzipEvents(t, *frozenFile)
		text, err := json.MarshalIndent(measure(t, lines, events), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(summary, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(summary)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]float64
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	lines, events := generate(t, frozenConfig(0), 2, 60_002)
	compareMeasures(t, want, measure(t, lines, events), len(events))
}

// TestDistributionExcerpt compares with frozen bytes, so that measure itself is
// held to them.
func TestDistributionExcerpt(t *testing.T) {
	frozen, frozenEvents := readGzipEvents(t, "testdata/frozen_excerpt.ndjson.gz")
	lines, events := generate(t, frozenConfig(0), 2, 2+int64(len(frozen)))
	want := measure(t, frozen, frozenEvents)
	if share := want["share of lines with a backslash"]; share < 0.70 || share > 0.75 {
		t.Errorf("share of frozen lines with a backslash: %g", share)
	}
	compareMeasures(t, want, measure(t, lines, events), len(events))
}

// TestLayout holds that event by event type, ids of new persons and auctions,
// times, keys and their order are those of the frozen events.
func TestLayout(t *testing.T) {
	frozen, frozenEvents := readGzipEvents(t, "testdata/frozen_excerpt.ndjson.gz")
	lines, events := generate(t, frozenConfig(3), 2, 2+int64(len(frozen)))
	if len(lines) != len(frozen) {
		t.Fatalf("%d lines, want %d", len(lines), len(frozen))
	}
	for i := range lines {
		if g, w := shape(t, lines[i]), shape(t, frozen[i]); g != w {
			t.Fatalf("line %d:\n%s\nfrozen:\n%s", i+1, g, w)
		}
		if g, w := fixedPart(events[i]), fixedPart(frozenEvents[i]); g != w {
			t.Fatalf("line %d: %v, frozen %v", i+1, g, w)
		}
	}
}

// fixedPart gives what is not random in an event.
func fixedPart(e eventJSON) [3]any {
	switch {
	case e.Person != nil:
		return [3]any{e.EventType, e.Person.ID, e.Person.DateTime}
	case e.Auction != nil:
		return [3]any{e.EventType, e.Auction.ID, e.Auction.DateTime}
	default:
		return [3]any{e.EventType, nil, e.Bid.DateTime}
	}
}

// shape gives the line with strings and numbers replaced by one letter each: what
// is left is the layout to the byte.
func shape(t *testing.T, line string) string {
	t.Helper()
	var b strings.Builder
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	last := int64(0)
	for {
		token, err := d.Token()
		if err == io.EOF {
			return b.String() + line[last:]
		}
		if err != nil {
			t.Fatal(err)
		}
		end := d.InputOffset()
		between := line[last:end]
		last = end
		switch v := token.(type) {
		case json.Number:
			b.WriteString(strings.TrimSuffix(between, v.String()) + "N")
		case string:
			quote := strings.IndexByte(between, '"')
			if isKey(line[end:]) {
				b.WriteString(between)
			} else {
				b.WriteString(between[:quote] + "S")
			}
		default:
			b.WriteString(between)
		}
	}
}

func isKey(rest string) bool { return strings.HasPrefix(rest, ":") }

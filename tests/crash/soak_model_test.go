//go:build unix

package crash

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// order is a record of the topic orders that is well-formed.
type order struct {
	ID, User        int64
	Kind, Cur, Shop string
	Cents           int64
	noCents, noTime bool // the column does not fit
	MS              int64
	part            int
	off             int64
	w               int64 // the watermark that it met; none: math.MinInt64
}

// click is a record of the topic clicks.
type click struct {
	user, ms int64
	part     int
	off      int64
	w        int64
}

// rate is a version of a rate; -1: none from here on.
type rate struct {
	rate, ms, w int64
}

const none = math.MinInt64

// appendModel works out what the queries of appending must give, record by record,
// by the rules of docs/semantics.md, from what stands in the topics.
type appendModel struct {
	s       *soak
	out     map[string][]message
	orders  []order // those with an id that is not negative, in order of their partitions
	clicks  []click
	rates   map[string][]rate
	letters []string
}

// The queries that read columns which may not fit, for a bad record is bad for these.
var (
	readTime  = []string{"copies", "tumble", "hop", "sessions", "pairs", "both", "priced", "firsts", "running", "top", "united", "allowed", "often", "growing"}
	readCents = []string{"tumble", "sessions", "priced", "running", "top", "allowed", "growing", "cities"}
	readAll   = append([]string{"kept", "cities", "twice"}, readTime...)
)

func newAppendModel(s *soak) *appendModel {
	m := &appendModel{s: s, out: s.read(append(slices.Clone(appended), "orders", "clicks", "rates")...), rates: map[string][]rate{}}
	high := map[int]int64{}
	for _, r := range m.out["orders"] {
		if r.value == "<nil>" {
			continue
		}
		letter := func(branch, code, column string) {
			m.letters = append(m.letters, fmt.Sprintf("%s %s %s %s", branch, fmt.Sprintf("orders/%d@%d", r.part, r.off), code, column))
		}
		var v struct {
			ID    int64           `json:"id"`
			User  int64           `json:"user_id"`
			Kind  string          `json:"kind"`
			Cents json.RawMessage `json:"cents"`
			Cur   string          `json:"cur"`
			Shop  string          `json:"shop"`
			MS    json.RawMessage `json:"ms"`
		}
		if json.Unmarshal([]byte(r.value), &v) != nil {
			for _, b := range readAll {
				letter(b, "MALFORMED_RECORD", "<nil>")
			}
			continue
		}
		o := order{ID: v.ID, User: v.User, Kind: v.Kind, Cur: v.Cur, Shop: v.Shop, part: r.part, off: r.off, w: none}
		o.noCents = json.Unmarshal(v.Cents, &o.Cents) != nil
		o.noTime = json.Unmarshal(v.MS, &o.MS) != nil
		if h, ok := high[o.part]; ok {
			o.w = h - 2000
		}
		for _, b := range readAll {
			var columns []string
			if o.noCents && slices.Contains(readCents, b) {
				columns = append(columns, "cents")
			}
			if o.noTime && slices.Contains(readTime, b) {
				columns = append(columns, "ms")
			}
			if columns != nil {
				letter(b, "WRONG_TYPE", strings.Join(columns, ","))
			}
		}
		if !o.noTime {
			if h, ok := high[o.part]; !ok || o.MS > h {
				high[o.part] = o.MS
			}
		}
		if o.ID >= 0 {
			m.orders = append(m.orders, o)
		}
	}
	high = map[int]int64{}
	for _, r := range m.out["clicks"] {
		var v struct {
			User int64 `json:"user_id"`
			MS   int64 `json:"ms"`
		}
		if err := json.Unmarshal([]byte(r.value), &v); err != nil {
			s.t.Fatal(err)
		}
		c := click{user: v.User, ms: v.MS, part: r.part, off: r.off, w: none}
		if h, ok := high[c.part]; ok {
			c.w = h - 3000
		}
		if h, ok := high[c.part]; !ok || c.ms > h {
			high[c.part] = c.ms
		}
		if c.user >= 0 {
			m.clicks = append(m.clicks, c)
		}
	}
	high = map[int]int64{}
	for _, r := range m.out["rates"] {
		v := rate{rate: -1, ms: r.stamp, w: none}
		if h, ok := high[r.part]; ok {
			v.w = h - 1000
		}
		if h, ok := high[r.part]; !ok || v.ms > h {
			high[r.part] = v.ms
		}
		if r.value != "<nil>" {
			v.rate = int64(fields(r.value)["rate"].(float64))
		}
		m.rates[r.key] = append(m.rates[r.key], v)
	}
	return m
}

// check compares all outputs.
func (m *appendModel) check() {
	m.watermarks()
	m.s.equal("letters", m.gotLetters(), m.letters)
	m.windows()
	m.sessions()
	m.joins()
	m.inOrder()
	m.plain()
}

func (m *appendModel) gotLetters() (out []string) {
	for _, line := range values(m.out["letters"]) {
		f := fields(line)
		out = append(out, fmt.Sprintf("%v %v %v %v", f["branch"], f["position"], f["error_code"], f["error_column"]))
	}
	return out
}

// position is where a record stands.
type position struct {
	part int
	off  int64
}

// watermarks compares the watermarks that rows met. Those of clicks may be above
// those of their own partition: one that is found later, or was silent, begins at
// that of the source. What they are then goes by the clock and is taken as it is.
func (m *appendModel) watermarks() {
	met := func(topic string) map[position]int64 {
		out := map[position]int64{}
		for _, line := range values(m.out[topic]) {
			var v struct {
				Part int     `json:"part"`
				Off  int64   `json:"off"`
				W    *string `json:"w"`
			}
			if err := json.Unmarshal([]byte(line), &v); err != nil {
				m.s.t.Fatal(err)
			}
			w, ok := stamp(v.W)
			if !ok {
				w = none
			}
			if _, ok := out[position{v.Part, v.Off}]; ok {
				m.s.t.Errorf("%s: %d@%d is there twice", topic, v.Part, v.Off)
			}
			out[position{v.Part, v.Off}] = w
		}
		return out
	}
	w := met("copies")
	n := 0
	for _, o := range m.orders {
		if o.noTime {
			continue
		}
		n++
		if got, ok := w[position{o.part, o.off}]; !ok || got != o.w {
			m.s.t.Errorf("copies: %d@%d has the watermark %d (%v), want %d", o.part, o.off, got, ok, o.w)
		}
	}
	if n != len(w) {
		m.s.t.Errorf("copies has %d rows, want %d", len(w), n)
	}
	w = met("views")
	above := 0
	for i, c := range m.clicks {
		got, ok := w[position{c.part, c.off}]
		if !ok || got < c.w {
			m.s.t.Errorf("views: %d@%d has the watermark %d (%v), want %d at least", c.part, c.off, got, ok, c.w)
			continue
		}
		if got > c.w {
			above++
		}
		m.clicks[i].w = got
	}
	if len(m.clicks) != len(w) {
		m.s.t.Errorf("views has %d rows, want %d", len(w), len(m.clicks))
	}
	m.s.t.Logf("copies: %d rows, views: %d rows, %d of them above their partition's own watermark", n, len(w), above)
}

// starts are the starts of the windows of a time.
func starts(ms, slide, size int64) (out []int64) {
	for ws := ms - ms%slide; ws > ms-size; ws -= slide {
		out = append(out, ws)
	}
	return out
}

func (m *appendModel) windows() {
	type group struct {
		ws, we int64
		key    string
	}
	type sums struct {
		n, s, top int64
		users     map[int64]bool
	}
	var lateTumble, lateHop, lateAllowed []string
	tumble, hop, allowed, often, growing, united := map[group]*sums{}, map[group]*sums{}, map[group]*sums{}, map[group]*sums{}, map[group]*sums{}, map[group]*sums{}
	add := func(to map[group]*sums, o order, ws, we int64, key string) {
		g := to[group{ws, we, key}]
		if g == nil {
			g = &sums{top: none, users: map[int64]bool{}}
			to[group{ws, we, key}] = g
		}
		g.n, g.s, g.top = g.n+1, g.s+o.Cents, max(g.top, o.ID)
		g.users[o.User] = true
	}
	best := map[int64][]order{}
	for _, o := range m.orders {
		if o.noTime {
			continue
		}
		user := fmt.Sprint(o.User)
		if ws := o.MS - o.MS%5000; !o.noCents {
			if o.w >= ws+5000 {
				lateTumble = append(lateTumble, fmt.Sprintf(`{"id":%d,"off":%d,"window_start":"%s"}`, o.ID, o.off, text(ws)))
			} else {
				add(tumble, o, ws, 0, user)
			}
			if o.w >= ws+15_000 {
				lateAllowed = append(lateAllowed, fmt.Sprintf(`{"id":%d,"off":%d}`, o.ID, o.off))
			} else {
				add(allowed, o, ws, 0, user)
			}
			whole := o.MS - o.MS%20_000
			for we := ws + 5000; we <= whole+20_000; we += 5000 {
				if o.w < we {
					add(growing, o, whole, we, o.Kind)
				}
			}
			if ws := o.MS - o.MS%2000; o.w < ws+2000 {
				best[ws] = append(best[ws], o)
			}
		}
		for _, ws := range starts(o.MS, 2000, 10_000) {
			if o.w >= ws+10_000 {
				lateHop = append(lateHop, fmt.Sprintf(`{"id":%d,"off":%d,"window_start":"%s"}`, o.ID, o.off, text(ws)))
			} else {
				add(hop, o, ws, 0, o.Kind)
			}
		}
		for _, ws := range starts(o.MS, 5000, 10_000) {
			if o.w < ws+10_000 {
				add(often, o, ws, 0, o.Kind)
			}
		}
		if ws := o.MS - o.MS%5000; o.w < ws+5000 {
			add(united, o, ws, 0, "order")
		}
	}
	views := map[group]*sums{}
	for _, c := range m.clicks {
		if ws := c.ms - c.ms%5000; c.w < ws+5000 {
			add(united, order{}, ws, 0, "click")
			add(views, order{}, ws, 0, fmt.Sprint(c.user))
		}
	}
	lines := func(of map[group]*sums, line func(group, *sums) string) (out []string) {
		for g, v := range of {
			out = append(out, line(g, v))
		}
		return out
	}
	s, out := m.s, m.out
	s.equal("lateTumble", values(out["lateTumble"]), lateTumble)
	s.equal("lateHop", values(out["lateHop"]), lateHop)
	s.equal("lateAllowed", values(out["lateAllowed"]), lateAllowed)
	byUser := func(g group, v *sums) string {
		return fmt.Sprintf(`{"ws":"%s","user_id":%s,"n":%d,"s":%d}`, text(g.ws), g.key, v.n, v.s)
	}
	s.equal("tumble", values(out["tumble"]), lines(tumble, byUser))
	s.equal("allowed", standing(out["allowed"]), lines(allowed, byUser))
	s.equal("hop", values(out["hop"]), lines(hop, func(g group, v *sums) string {
		return fmt.Sprintf(`{"ws":"%s","kind":"%s","n":%d,"users":%d,"top":%d}`, text(g.ws), g.key, v.n, len(v.users), v.top)
	}))
	s.equal("often", standing(out["often"]), lines(often, func(g group, v *sums) string {
		return fmt.Sprintf(`{"ws":"%s","kind":"%s","n":%d}`, text(g.ws), g.key, v.n)
	}))
	s.equal("growing", standing(out["growing"]), lines(growing, func(g group, v *sums) string {
		return fmt.Sprintf(`{"ws":"%s","we":"%s","kind":"%s","n":%d,"s":%d}`, text(g.ws), text(g.we), g.key, v.n, v.s)
	}))
	s.equal("united", values(out["united"]), lines(united, func(g group, v *sums) string {
		return fmt.Sprintf(`{"ws":"%s","what":"%s","n":%d}`, text(g.ws), g.key, v.n)
	}))
	// The window join: orders whose cents don't fit count there, which reads none.
	counts := map[group]*sums{}
	for _, o := range m.orders {
		if ws := o.MS - o.MS%5000; !o.noTime && o.w < ws+5000 {
			add(counts, o, ws, 0, fmt.Sprint(o.User))
		}
	}
	var both []string
	for g, v := range counts {
		n := "null"
		if c := views[g]; c != nil {
			n = fmt.Sprint(c.n)
		}
		both = append(both, fmt.Sprintf(`{"ws":"%s","user_id":%s,"n":%d,"m":%s}`, text(g.ws), g.key, v.n, n))
	}
	for g, v := range views {
		if counts[g] == nil {
			both = append(both, fmt.Sprintf(`{"ws":"%s","user_id":%s,"n":null,"m":%d}`, text(g.ws), g.key, v.n))
		}
	}
	s.equal("both", values(out["both"]), both)
	var top []string
	for ws, list := range best {
		slices.SortFunc(list, func(a, b order) int {
			switch {
			case a.Cents != b.Cents:
				return int(b.Cents - a.Cents)
			case a.ID != b.ID:
				return int(a.ID - b.ID)
			}
			return int(a.off - b.off)
		})
		for i, o := range list[:min(3, len(list))] {
			top = append(top, fmt.Sprintf(`{"ws":"%s","rn":%d,"cents":%d,"id":%d,"off":%d}`, text(ws), i+1, o.Cents, o.ID, o.off))
		}
	}
	s.equal("top", values(out["top"]), top)
}

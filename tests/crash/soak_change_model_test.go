//go:build unix

package crash

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

type payment struct {
	PID, Account int64
	cents        int64
	Status       string
}

type account struct {
	ID      int64  `json:"id"`
	City    string `json:"city"`
	Balance int64  `json:"balance"`
}

type event struct {
	Account int64  `json:"account"`
	Kind    string `json:"kind"`
	N       int64  `json:"n"`
}

// changeModel works out what the queries of changing must give at the end.
type changeModel struct {
	s   *soak
	out map[string][]message
	// Payments as those see them who read the amount, and as others do: a record whose
	// amount does not fit changes nothing for the former.
	payments, others map[int64]payment
	accounts         map[int64]account
	events           []event
	letters          []string
}

var (
	readAmount  = []string{"mirror", "joined", "ranked", "best", "totals", "running", "rich", "local"}
	readPayment = append([]string{"states", "lonely", "sides", "unpaid", "paid", "lists", "newest", "threes"}, readAmount...)
	readAccount = []string{"cities", "joined", "lonely", "sides", "unpaid", "paid", "local", "lasts", "threes"}
)

func newChangeModel(s *soak) *changeModel {
	m := &changeModel{s: s, out: s.read(append(slices.Clone(changed), "payments", "accounts", "events")...),
		payments: map[int64]payment{}, others: map[int64]payment{}, accounts: map[int64]account{}}
	for _, r := range m.out["payments"] {
		var k struct{ PID int64 }
		if err := json.Unmarshal([]byte(r.key), &k); err != nil {
			s.t.Fatal(err)
		}
		if r.value == "<nil>" {
			delete(m.payments, k.PID)
			delete(m.others, k.PID)
			continue
		}
		var v struct {
			payment
			Amount json.RawMessage
		}
		at := fmt.Sprintf("payments/%d@%d", r.part, r.off)
		if json.Unmarshal([]byte(r.value), &v) != nil {
			for _, b := range readPayment {
				m.letters = append(m.letters, fmt.Sprintf("%s %s MALFORMED_RECORD <nil>", b, at))
			}
			continue
		}
		m.others[k.PID] = v.payment
		units, cents := int64(0), int64(0)
		if n, err := fmt.Sscanf(string(v.Amount), "%d.%d", &units, &cents); n != 2 || err != nil {
			for _, b := range readAmount {
				m.letters = append(m.letters, fmt.Sprintf("%s %s BAD_FORMAT amount", b, at))
			}
			continue
		}
		v.cents = units*100 + cents
		m.payments[k.PID] = v.payment
	}
	for _, r := range m.out["accounts"] {
		if r.value == "<nil>" {
			continue
		}
		var v struct {
			Before, After *account
		}
		if json.Unmarshal([]byte(r.value), &v) != nil {
			for _, b := range readAccount {
				m.letters = append(m.letters, fmt.Sprintf("%s accounts/%d@%d MALFORMED_RECORD <nil>", b, r.part, r.off))
			}
			continue
		}
		if v.Before != nil {
			if m.accounts[v.Before.ID] != *v.Before {
				s.t.Fatalf("the changes of accounts don't fit: %s", r.value)
			}
			delete(m.accounts, v.Before.ID)
		}
		if v.After != nil {
			m.accounts[v.After.ID] = *v.After
		}
	}
	for _, r := range m.out["events"] {
		var e event
		if err := json.Unmarshal([]byte(r.value), &e); err != nil {
			s.t.Fatal(err)
		}
		m.events = append(m.events, e)
	}
	return m
}

func money(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }

// lines collects the rows that a query must give.
type lines []string

func (l *lines) add(format string, args ...any) { *l = append(*l, fmt.Sprintf(format, args...)) }

func (m *changeModel) check() {
	var got []string
	for _, line := range values(m.out["letters"]) {
		f := fields(line)
		got = append(got, fmt.Sprintf("%v %v %v %v", f["branch"], f["position"], f["error_code"], f["error_column"]))
	}
	m.s.equal("letters", got, m.letters)
	m.grouped()
	m.ranks()
	m.pairs()
}

// grouped are the aggregates.
func (m *changeModel) grouped() {
	type sums struct {
		n, total, low, high int64
		accounts            map[int64]bool
		list                []string
	}
	add := func(to map[string]*sums, key string, v, account int64, word string) {
		g := to[key]
		if g == nil {
			g = &sums{low: v, high: v, accounts: map[int64]bool{}}
			to[key] = g
		}
		g.n, g.total, g.low, g.high = g.n+1, g.total+v, min(g.low, v), max(g.high, v)
		g.accounts[account] = true
		g.list = append(g.list, word)
	}
	states, lists, rich, totals, joined, cities, kinds := map[string]*sums{}, map[string]*sums{}, map[string]*sums{}, map[string]*sums{}, map[string]*sums{}, map[string]*sums{}, map[string]*sums{}
	var mirror lines
	for _, p := range m.payments {
		mirror.add(`{"pid":%d,"account":%d,"amount":%s,"status":"%s"}`, p.PID, p.Account, money(p.cents), p.Status)
		add(rich, fmt.Sprint(p.Account), p.cents, 0, "")
		add(totals, "", p.cents, 0, "")
		if a, ok := m.accounts[p.Account]; ok {
			add(joined, a.City, p.cents, a.ID, "")
		}
	}
	for _, p := range m.others {
		add(states, p.Status, 0, p.Account, "")
		add(lists, fmt.Sprint(p.Account), 0, 0, p.Status)
	}
	for _, a := range m.accounts {
		add(cities, a.City, a.Balance, 0, "")
	}
	for _, e := range m.events {
		add(kinds, e.Kind, 0, e.Account, "")
	}
	m.upserts("mirror", mirror)
	check := func(name string, of map[string]*sums, line func(string, *sums) string) {
		var want lines
		for k, g := range of {
			if l := line(k, g); l != "" {
				want = append(want, l)
			}
		}
		m.upserts(name, want)
	}
	check("states", states, func(k string, g *sums) string {
		return fmt.Sprintf(`{"status":"%s","n":%d,"accounts":%d}`, k, g.n, len(g.accounts))
	})
	check("cities", cities, func(k string, g *sums) string {
		return fmt.Sprintf(`{"city":"%s","n":%d,"total":%d,"low":%d,"high":%d}`, k, g.n, g.total, g.low, g.high)
	})
	check("joined", joined, func(k string, g *sums) string {
		return fmt.Sprintf(`{"city":"%s","n":%d,"total":%s,"accounts":%d}`, k, g.n, money(g.total), len(g.accounts))
	})
	check("rich", rich, func(k string, g *sums) string {
		if g.total <= 300_00 {
			return ""
		}
		return fmt.Sprintf(`{"account":%s,"n":%d,"total":%s}`, k, g.n, money(g.total))
	})
	check("lists", lists, func(k string, g *sums) string {
		slices.Sort(g.list)
		return fmt.Sprintf(`{"account":%s,"list":"%s"}`, k, strings.Join(g.list, ","))
	})
	check("kinds", kinds, func(k string, g *sums) string {
		return fmt.Sprintf(`{"kind":"%s","n":%d,"accounts":%d}`, k, g.n, len(g.accounts))
	})
	g := totals[""]
	m.folded("totals", lines{fmt.Sprintf(`{"n":%d,"s":%s,"low":%s,"high":%s}`, g.n, money(g.total), money(g.low), money(g.high))})
}

// ranks are the queries that go by an order.
func (m *changeModel) ranks() {
	by := map[int64][]payment{}
	for _, p := range m.payments {
		by[p.Account] = append(by[p.Account], p)
	}
	var ranked, best, running, newest lines
	for _, list := range by {
		slices.SortFunc(list, func(a, b payment) int {
			if a.cents != b.cents {
				return int(b.cents - a.cents)
			}
			return int(a.PID - b.PID)
		})
		for i, p := range list[:min(3, len(list))] {
			ranked.add(`{"account":%d,"rn":%d,"pid":%d,"amount":%s}`, p.Account, i+1, p.PID, money(p.cents))
			if i < 2 {
				best.add(`{"pid":%d,"account":%d}`, p.PID, p.Account)
			}
		}
		slices.SortFunc(list, func(a, b payment) int { return int(a.PID - b.PID) })
		sum := int64(0)
		for i, p := range list {
			sum += p.cents
			running.add(`{"pid":%d,"account":%d,"s":%s,"place":%d}`, p.PID, p.Account, money(sum), i+1)
		}
	}
	last := map[int64]payment{}
	for _, p := range m.others {
		if l, ok := last[p.Account]; !ok || l.PID < p.PID {
			last[p.Account] = p
		}
	}
	for _, p := range last {
		newest.add(`{"account":%d,"pid":%d,"status":"%s"}`, p.Account, p.PID, p.Status)
	}
	var lasts lines
	latest := map[int64]event{}
	for _, e := range m.events {
		if e.N > latest[e.Account].N {
			latest[e.Account] = e
		}
	}
	for _, e := range latest {
		city := "null"
		if a, ok := m.accounts[e.Account]; ok {
			city = `"` + a.City + `"`
		}
		lasts.add(`{"account":%d,"kind":"%s","n":%d,"city":%s}`, e.Account, e.Kind, e.N, city)
	}
	m.upserts("ranked", ranked)
	m.upserts("best", best)
	m.upserts("running", running)
	m.upserts("newest", newest)
	m.upserts("lasts", lasts)
}

// pairs are the joins and set operations.
func (m *changeModel) pairs() {
	var lonely, sides, paid, unpaid, local, threes lines
	has := map[int64]bool{}
	for _, p := range m.others {
		has[p.Account] = true
		if a, ok := m.accounts[p.Account]; ok {
			sides.add(`{"pid":%d,"id":%d,"status":"%s","balance":%d}`, p.PID, a.ID, p.Status, a.Balance)
		} else {
			sides.add(`{"pid":%d,"id":null,"status":"%s","balance":null}`, p.PID, p.Status)
		}
	}
	for _, a := range m.accounts {
		if has[a.ID] {
			paid.add(`{"id":%d}`, a.ID)
		} else {
			unpaid.add(`{"id":%d}`, a.ID)
			lonely.add(`{"id":%d,"city":"%s"}`, a.ID, a.City)
			sides.add(`{"pid":null,"id":%d,"status":null,"balance":%d}`, a.ID, a.Balance)
		}
	}
	for _, p := range m.payments {
		if m.accounts[p.Account].City == "c1" {
			local.add(`{"pid":%d,"amount":%s}`, p.PID, money(p.cents))
		}
	}
	kinds := map[int64]map[string]bool{}
	for _, e := range m.events {
		if kinds[e.Account] == nil {
			kinds[e.Account] = map[string]bool{}
		}
		kinds[e.Account][e.Kind] = true
	}
	groups, sets := map[[2]string]int{}, map[[2]string]map[string]bool{}
	for _, p := range m.others {
		if a, ok := m.accounts[p.Account]; ok {
			k := [2]string{a.City, p.Status}
			for kind := range kinds[a.ID] {
				if groups[k]++; sets[k] == nil {
					sets[k] = map[string]bool{}
				}
				sets[k][kind] = true
			}
		}
	}
	for k, n := range groups {
		threes.add(`{"city":"%s","status":"%s","kinds":%d,"n":%d}`, k[0], k[1], len(sets[k]), n)
	}
	m.upserts("paid", paid)
	m.upserts("unpaid", unpaid)
	m.upserts("local", local)
	m.folded("lonely", lonely)
	m.folded("sides", sides)
	count := map[string]int{}
	for _, line := range output(m.s.t, m.s.dir, "threes") {
		kind, row, _ := strings.Cut(line, ",")
		if strings.Contains(kind, `"+`) {
			count["{"+row]++
		} else {
			count["{"+row]--
		}
	}
	m.s.equal("threes", m.standing("threes", count), threes)
}

func (m *changeModel) upserts(name string, want lines) {
	m.s.t.Helper()
	m.s.equal(name, standing(m.out[name]), want)
}

// folded compares what stands after the changes of a topic of debezium-json.
func (m *changeModel) folded(name string, want lines) {
	m.s.t.Helper()
	count := map[string]int{}
	for _, line := range values(m.out[name]) {
		var v struct {
			Before, After json.RawMessage
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			m.s.t.Fatal(err)
		}
		if string(v.Before) != "null" {
			count[string(v.Before)]--
		}
		if string(v.After) != "null" {
			count[string(v.After)]++
		}
	}
	m.s.equal(name, m.standing(name, count), want)
}

func (m *changeModel) standing(name string, count map[string]int) (out []string) {
	for row, n := range count {
		if n < 0 {
			m.s.t.Errorf("%s: %s is taken back %d times too often", name, row, -n)
		}
		for range n {
			out = append(out, row)
		}
	}
	return out
}

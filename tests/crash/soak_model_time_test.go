//go:build unix

package crash

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// sessions merges row by row: a row meets the sessions of its user that are open at
// its own watermark.
func (m *appendModel) sessions() {
	type session struct{ from, to, n, s int64 }
	open := map[int64][]session{}
	var late []string
	for _, o := range m.orders {
		if o.noTime || o.noCents {
			continue
		}
		row := session{o.MS, o.MS + 1000, 1, o.Cents}
		list := open[o.User]
		var rest []session
		for again := true; again; {
			again, rest = false, nil
			for _, x := range list {
				if x.to > o.w && x.from <= row.to && row.from <= x.to {
					row = session{min(x.from, row.from), max(x.to, row.to), x.n + row.n, x.s + row.s}
					again = true
				} else {
					rest = append(rest, x)
				}
			}
			list = rest
		}
		if row.to <= o.w {
			late = append(late, fmt.Sprintf(`{"id":%d,"off":%d}`, o.ID, o.off))
			continue
		}
		open[o.User] = append(list, row)
	}
	var want []string
	for user, list := range open {
		for _, x := range list {
			want = append(want, fmt.Sprintf(`{"ws":"%s","we":"%s","user_id":%d,"n":%d,"s":%d}`, text(x.from), text(x.to), user, x.n, x.s))
		}
	}
	m.s.equal("lateSession", values(m.out["lateSession"]), late)
	m.s.equal("sessions", values(m.out["sessions"]), want)
}

func (m *appendModel) joins() {
	clicks := map[int64][]click{}
	for _, c := range m.clicks {
		clicks[c.user] = append(clicks[c.user], c)
	}
	var pairs, priced []string
	for _, o := range m.orders {
		if o.noTime {
			continue
		}
		found := false
		for _, c := range clicks[o.User] {
			// Each must have met a watermark at which the other could still come.
			if c.ms >= o.MS-2000 && c.ms <= o.MS && o.w <= c.ms+2000 && c.w <= o.MS {
				found = true
				pairs = append(pairs, fmt.Sprintf(`{"off":%d,"part":%d,"coff":%d,"cpart":%d}`, o.off, o.part, c.off, c.part))
			}
		}
		if !found {
			pairs = append(pairs, fmt.Sprintf(`{"off":%d,"part":%d,"coff":null,"cpart":null}`, o.off, o.part))
		}
		if o.noCents || o.MS < o.w {
			continue
		}
		best := rate{rate: -1, ms: none}
		for _, v := range m.rates[o.Cur] {
			if v.ms <= o.MS && v.w <= o.MS && v.ms >= best.ms {
				best = v
			}
		}
		price := "null"
		if best.rate >= 0 {
			price = fmt.Sprint(o.Cents * best.rate)
		}
		priced = append(priced, fmt.Sprintf(`{"part":%d,"off":%d,"price":%s}`, o.part, o.off, price))
	}
	m.s.equal("pairs", values(m.out["pairs"]), pairs)
	m.s.equal("priced", values(m.out["priced"]), priced)
}

// inOrder are the queries that take rows in the order of time.
func (m *appendModel) inOrder() {
	first, byUser := map[int64]order{}, map[int64][]order{}
	var lateFirst, lateOver []string
	for _, o := range m.orders {
		if o.noTime {
			continue
		}
		if o.MS < o.w {
			lateFirst = append(lateFirst, fmt.Sprintf(`{"id":%d,"off":%d}`, o.ID, o.off))
			if !o.noCents {
				lateOver = append(lateOver, fmt.Sprintf(`{"id":%d,"off":%d,"watermark":"%s"}`, o.ID, o.off, text(o.w)))
			}
			continue
		}
		if f, ok := first[o.ID]; !ok || o.MS < f.MS {
			first[o.ID] = o
		}
		if !o.noCents {
			byUser[o.User] = append(byUser[o.User], o)
		}
	}
	var firsts, running []string
	for _, o := range first {
		firsts = append(firsts, fmt.Sprintf(`{"id":%d,"off":%d}`, o.ID, o.off))
	}
	for _, list := range byUser {
		for _, o := range list {
			sum, n := int64(0), 0
			for _, p := range list {
				if p.MS >= o.MS-5000 && p.MS <= o.MS {
					sum, n = sum+p.Cents, n+1
				}
			}
			running = append(running, fmt.Sprintf(`{"part":%d,"off":%d,"s":%d,"n":%d}`, o.part, o.off, sum, n))
		}
	}
	s := m.s
	s.equal("lateFirst", values(m.out["lateFirst"]), lateFirst)
	s.equal("firsts", values(m.out["firsts"]), firsts)
	s.equal("lateOver", values(m.out["lateOver"]), lateOver)
	s.equal("running", values(m.out["running"]), running)
}

// plain are the queries whose rows go to files.
func (m *appendModel) plain() {
	var kept, cities, counts, twice []string
	n, sum := map[int]int{}, map[int]int64{}
	for _, o := range m.orders {
		if !o.noTime {
			n[o.part]++
			sum[o.part] += o.off
		}
		twice = append(twice, fmt.Sprintf(`{"part":%d,"off":%d}`, o.part, o.off))
		kept = append(kept, fmt.Sprintf(`{"part":%d,"off":%d,"kind":"%s"}`, o.part, o.off, o.Kind))
		if o.noCents {
			continue
		}
		city := "null"
		if o.Shop != "s5" {
			city = `"city` + o.Shop[1:] + `"`
		}
		cities = append(cities, fmt.Sprintf(`{"part":%d,"off":%d,"cents":%d,"city":%s}`, o.part, o.off, o.Cents, city))
	}
	for p := range n {
		counts = append(counts, fmt.Sprintf(`{"part":%d,"n":%d,"s":%d}`, p, n[p], sum[p]))
	}
	m.s.equal("counts", standing(m.out["counts"]), counts)
	// At least once, so more often where the engine was killed.
	some := values(m.out["twice"])
	slices.Sort(some)
	m.s.equal("twice", slices.Compact(some), twice)
	m.s.equal("kept", output(m.s.t, m.s.dir, "kept"), kept)
	bin, err := binary()
	if err != nil {
		m.s.t.Fatal(err)
	}
	cmd := exec.Command(bin, "--progress", "off", "--format", "json", "-e", `CREATE SOURCE x (part INT, off BIGINT, cents BIGINT, city STRING)
		WITH ('connector' = 'file', 'path' = 'cities', 'format' = 'parquet'); SELECT * FROM x;`)
	cmd.Dir = m.s.dir
	text, err := cmd.Output()
	if err != nil {
		m.s.t.Fatal(err)
	}
	m.s.equal("cities", strings.Split(strings.TrimSpace(string(text)), "\n"), cities)
}

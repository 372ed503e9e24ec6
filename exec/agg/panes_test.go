package agg

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/statestore/table"
)

// sharing is everything whose panes can be shared. sums: without what can't be
// subtracted.
func sharing(t *testing.T, sums bool) (Config, []catalog.Type) {
	cfg, types := everything(t, false)
	cfg.Count = true
	if mustNew(t, cfg).SharesPanes() {
		t.Fatal("DISTINCT shares panes")
	}
	cfg.Calls = slices.DeleteFunc(cfg.Calls, func(c Call) bool {
		a := mustNew(t, Config{Keys: cfg.Keys, Calls: []Call{c}, Count: true})
		return !a.SharesPanes() || sums && len(a.NewPanes().plain) > 0
	})
	kinds := map[Kind]bool{}
	for _, c := range cfg.Calls {
		kinds[c.Kind] = true
	}
	want := []Kind{Count, Sum, Avg, CountIf, BoolAnd, BoolOr, BitXor, VarPop, Corr, RegrSlope}
	if !sums {
		want = append(want, Min, Max, BitAnd, BitOr)
	}
	for _, k := range want {
		if !kinds[k] {
			t.Fatalf("%s does not share panes", k)
		}
	}
	return cfg, types
}

// modelPane is a pane with the rows that have come for it.
type modelPane struct {
	*Pane
	rows []modelRow
}

// check compares a window, as it stands and as copies of its groups, with the rows
// of its panes.
func check(t *testing.T, a *Aggregator, p *Panes, cfg Config, in []modelPane) {
	t.Helper()
	m, rows := newModel(cfg), 0
	for _, x := range in {
		m.add(x.rows)
		rows += len(x.rows)
	}
	dst := a.Open(nil, 0, 0)
	p.Merge(dst)
	compare(t, a, m, dst)
	if p.Inside() != int64(rows) {
		t.Errorf("%d rows in the window, want %d", p.Inside(), rows)
	}
	var c Captured
	p.Capture(p.Active(), &c)
	cols := a.EmitCopies(p.Window(), &c, 0, c.Len(), memory.DefaultAllocator, func(int, string, string) {})
	direct := a.Emit(dst, idsOf(dst), memory.DefaultAllocator, func(int, string, string) {})
	got, want := lines(cols, c.Len()), lines(direct, dst.Len())
	if !slices.Equal(got, want) {
		t.Errorf("copies of the window: %v, want %v", got, want)
	}
}

func idsOf(g *Groups) []uint32 {
	var all []uint32
	g.Each(func(ids []uint32) { all = append(all, ids...) })
	return all
}

func lines(cols []arrow.Array, n int) []string {
	var out []string
	for i := range n {
		line := ""
		for _, c := range cols {
			line += cell(c, i) + "|"
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

// A window to which panes are added and from which they are taken again is that of
// the panes that are in it, however their rows have come, and in the end nothing is
// left of them.
func TestPanes(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 17))
			cfg, types := sharing(t, seed%2 == 0)
			a := mustNew(t, cfg)
			st, other := table.New(1), table.New(2)
			p, from := a.NewPanes(), a.NewPanes()
			local := a.Open(nil, 0, 0)
			var all []modelPane // those that are open
			inside := 0         // the first so many of them are in the window
			opened := int64(0)
			open := func() {
				opened++
				all = append(all, modelPane{Pane: p.Open(st, opened, opened)})
			}
			for step := range 40 {
				for len(all) < inside+3 {
					open()
				}
				if rng.IntN(5) == 0 { // without rows
					open()
				}
				come := all[inside:]
				rows := randomRows(rng, types, rng.IntN(50))
				for _, row := range rows {
					row[0] = rng.Int64N(30)
				}
				switch rng.IntN(4) {
				case 0: // one by one
					x := &come[rng.IntN(len(come))]
					feed(t, rng, types, rows, func(c []arrow.Array, r colvec.Rows) { p.Update(x.Pane, c, r) })
					x.rows = append(x.rows, rows...)
				case 1: // from another shard
					x := &come[rng.IntN(len(come))]
					y := from.Open(other, int64(step), 1)
					feed(t, rng, types, rows, func(c []arrow.Array, r colvec.Rows) { from.Update(y, c, r) })
					p.Take(x.Pane, y, func(int) bool { return true })
					x.rows = append(x.rows, rows...)
					from.Drop(y)
					other.DropBucket(int64(step))
				default: // aggregated before
					var sels [3][]int32
					for i, row := range rows {
						k := rng.IntN(3)
						sels[k] = append(sels[k], int32(i))
						come[k].rows = append(come[k].rows, row)
					}
					panes, parts := []PaneRows{}, []*Partial{{}, {}}
					for k, sel := range sels {
						panes = append(panes, PaneRows{come[k].Number, colvec.Ascending(sel)})
					}
					a.PreAggregatePanes(local, panes, columns(t, rows, types), parts, func(g int) int { return g % 2 })
					for _, part := range parts {
						p.Import(part, func(bucket, _ int64) *Pane {
							return all[slices.IndexFunc(all, func(x modelPane) bool { return x.Number == bucket })].Pane
						})
					}
				}
				switch rng.IntN(4) {
				case 0:
					if inside > 0 {
						p.Leave()
						p.Drop(all[0].Pane)
						st.DropBucket(all[0].Number)
						all = all[1:]
						inside--
					}
				case 1:
					if rng.IntN(6) == 0 {
						p.Clear()
						for _, x := range all[:inside] {
							p.Drop(x.Pane)
							st.DropBucket(x.Number)
						}
						all, inside = all[inside:], 0
					}
				default:
					if inside < 6 {
						p.Enter(all[inside].Pane)
						inside++
					}
				}
				if step%4 == 3 {
					check(t, a, p, cfg, all[:inside])
				}
				if t.Failed() {
					t.Fatalf("after step %d", step)
				}
			}
			for _, x := range all[inside:] {
				m := newModel(cfg)
				m.add(x.rows)
				compare(t, a, m, x.Groups())
			}
			for ; inside > 0; inside-- {
				p.Leave()
			}
			for _, x := range all {
				p.Drop(x.Pane)
			}
			if n := p.run.Len(); n > 0 {
				t.Errorf("%d keys are left of nothing", n)
			}
		})
	}
}

package agg

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/statestore"
	"github.com/streamsql/streamsql/statestore/table"
)

// update and retract change both the Groups and the model.
func update(t testing.TB, rng *rand.Rand, a *Aggregator, g *Groups, m *model, types []catalog.Type, rows []modelRow) {
	feed(t, rng, types, rows, func(c []arrow.Array, r colvec.Rows) { a.Update(g, c, r) })
	m.add(rows)
}

func retract(t testing.TB, rng *rand.Rand, a *Aggregator, g *Groups, m *model, types []catalog.Type, rows []modelRow) {
	feed(t, rng, types, rows, func(c []arrow.Array, r colvec.Rows) { a.Retract(g, c, r) })
	m.remove(rows)
}

func (m *model) remove(rows []modelRow) {
	for _, r := range rows {
		k := m.key(r)
		left := slices.DeleteFunc(slices.Clone(m.groups[k]), func(x modelRow) bool { return &x[0] == &r[0] })
		if m.groups[k] = left; len(left) == 0 {
			delete(m.groups, k)
		}
	}
}

// Rows are split over several Groups, which are merged, directly or as Partials
// by way of several shards: the result is that of the rows together.
func TestMerge(t *testing.T) {
	for _, retracts := range []bool{false, true} {
		for seed := range uint64(3) {
			t.Run(fmt.Sprintf("retract=%v/%d", retracts, seed), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 16))
				cfg, types := everything(t, retracts)
				a := mustNew(t, cfg)
				m := newModel(cfg)
				const shards = 3
				shard := func(group int) int { return group * shards / 256 }
				var dst [shards]*Groups
				var parts [shards]*Partial
				for s := range shards {
					dst[s], parts[s] = a.Open(nil, 0, 0), &Partial{}
				}
				pre := a.Open(nil, 0, 0)
				var late []modelRow // retracted in another batch than they came in
				for range 8 {
					rows := randomRows(rng, types, 1+rng.IntN(300))
					update(t, rng, a, pre, m, types, rows)
					if retracts {
						retract(t, rng, a, pre, m, types, late)
						late = rows[:rng.IntN(len(rows))]
					}
					if rng.IntN(3) == 0 {
						for s := range shards {
							a.Merge(dst[s], pre, func(group int) bool { return shard(group) == s })
						}
					} else {
						a.Export(pre, parts[:], shard)
						for s := range shards {
							// Its own Aggregator, as another shard has.
							mustNew(t, cfg).Import(dst[s], parts[s])
							parts[s].Reset()
						}
					}
					pre.Clear()
					if pre.Len() != 0 {
						t.Fatal("Clear left groups")
					}
				}
				all := a.Open(nil, 0, 0)
				for s := range shards {
					dst[s].table.EachHash(func(_ []uint32, _ []hash.Row, hashes []uint64) {
						for _, h := range hashes {
							if shard(hash.Group(h)) != s {
								t.Fatalf("a group of shard %d is in shard %d", shard(hash.Group(h)), s)
							}
						}
					})
					a.Merge(all, dst[s], nil)
				}
				compare(t, a, m, dst[:]...)
				compare(t, a, m, all)
			})
		}
	}
}

// Rows that are spread over the parts one by one come to the same as rows that
// are aggregated first.
func TestSpread(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 19))
	cfg, types := everything(t, false)
	cfg.Calls = slices.DeleteFunc(cfg.Calls, func(c Call) bool {
		return !mustNew(t, Config{Keys: cfg.Keys, Calls: []Call{c}}).Spreads()
	})
	if len(cfg.Calls) < 8 {
		t.Fatalf("%d functions have their state in the row", len(cfg.Calls))
	}
	a := mustNew(t, cfg)
	m := newModel(cfg)
	dst := []*Groups{a.Open(table.New(1), 0, 0), a.Open(table.New(2), 0, 0)}
	local := a.Open(nil, 0, 0)
	for i := range 40 {
		rows := randomRows(rng, types, rng.IntN(1200))
		parts := []*Partial{{}, {}}
		feed(t, rng, types, rows, func(c []arrow.Array, r colvec.Rows) {
			if i%2 == 0 {
				a.Spread(c, r, parts, func(g int) int { return g % 2 })
				return
			}
			a.PreAggregate(local, c, r, parts, func(g int) int { return g % 2 })
		})
		m.add(rows)
		for s, p := range parts {
			a.Import(dst[s], p)
		}
	}
	compare(t, a, m, dst...)
}

// PreAggregate leaves rows apart where their keys are, and joins them again where
// they are not.
func TestPreAggregate(t *testing.T) {
	a := mustNew(t, Config{
		Keys:  []Key{{0, catalog.BigInt}},
		Calls: []Call{{Spec: mustResolve(t, "SUM", false, catalog.BigInt), Arg: 0, Filter: -1, ArgNotNull: true}},
	})
	local := a.Open(nil, 0, 0)
	for _, c := range []struct {
		keys int64
		want int
	}{{1 << 40, 1000}, {10, 10}} {
		groups := 0
		for range apartBatches + 2 {
			vals := make([]int64, 1000)
			for i := range vals {
				vals[i] = int64(i) * 1_000_003 % c.keys
			}
			p := &Partial{}
			a.PreAggregate(local, []arrow.Array{int64Column(vals)}, colvec.All(len(vals)), []*Partial{p}, func(int) int { return 0 })
			groups = p.Len()
		}
		if groups != c.want {
			t.Errorf("%d keys: a batch of 1000 rows is %d groups", c.keys, groups)
		}
	}
}

// Groups that are frozen, committed, lost and loaded again are the same, with
// the same ids; and so are they in another number of shards.
func TestRestore(t *testing.T) {
	for _, retracts := range []bool{false, true} {
		for seed := range uint64(3) {
			t.Run(fmt.Sprintf("retract=%v/%d", retracts, seed), func(t *testing.T) {
				testRestore(t, rand.New(rand.NewPCG(seed, 18)), retracts)
			})
		}
	}
}

func testRestore(t *testing.T, rng *rand.Rand, retracts bool) {
	const op, pane = statestore.OperatorID(77), int64(-60_000_000)
	opts := statestore.Options{FS: vfs.NewMem(), MemoryBudget: 8 << 20}
	store, err := statestore.Open("state", opts)
	if err != nil {
		t.Fatal(err)
	}
	cfg, types := everything(t, retracts)
	a := mustNew(t, cfg)
	m := newModel(cfg)
	st := table.New(op)
	g := a.Open(st, 3, pane)
	var late []modelRow
	for epoch := uint64(1); epoch <= 6; epoch++ {
		rows := randomRows(rng, types, 1+rng.IntN(200))
		update(t, rng, a, g, m, types, rows)
		if retracts {
			retract(t, rng, a, g, m, types, late)
			late = rows[:rng.IntN(len(rows))]
			dropEmpty(a, g)
		}
		tx, err := store.Begin(epoch, statestore.Layout{Shards: 1})
		if err != nil {
			t.Fatal(err)
		}
		// Changes after the freeze and before the write are not the commit's.
		f := st.Freeze(tx.Cut())
		beside := randomRows(rng, types, 50)
		feed(t, rng, types, beside, func(c []arrow.Array, r colvec.Rows) { a.Update(g, c, r) })
		if err := f.Write(tx.Shard(0)); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(nil); err != nil {
			t.Fatal(err)
		}
		if rng.IntN(2) == 0 {
			m.add(beside) // and stay
			continue
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		if store, err = statestore.Open("state", opts); err != nil {
			t.Fatal(err)
		}
		if st, err = table.Load(store, op, 0); err != nil {
			t.Fatal(err)
		}
		g = a.Open(st, 3, pane)
		compare(t, a, m, g)
	}
	// Two new shards, by insertion.
	var parts [2]*Groups
	all := a.Open(nil, 0, 0)
	for s := range parts {
		parts[s] = a.Open(table.New(op), 0, pane)
		a.Merge(parts[s], g, func(group int) bool { return group/128 == s })
		a.Merge(all, parts[s], nil)
	}
	if n := parts[0].Len() + parts[1].Len(); n != g.Len() {
		t.Errorf("%d groups in two shards, %d in one", n, g.Len())
	}
	compare(t, a, m, parts[:]...)
	compare(t, a, m, all)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

func dropEmpty(a *Aggregator, g *Groups) {
	var empty []uint32
	g.Each(func(ids []uint32) {
		for _, id := range ids {
			if g.Rows(id) == 0 {
				empty = append(empty, id)
			}
		}
	})
	a.Delete(g, empty)
}

// Groups that lose all rows leave nothing behind.
func TestDeleteGivesBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 19))
	cfg, types := everything(t, true)
	a := mustNew(t, cfg)
	g := a.Open(nil, 0, 0)
	m := newModel(cfg)
	for range 5 {
		rows := randomRows(rng, types, 400)
		update(t, rng, a, g, m, types, rows)
		retract(t, rng, a, g, m, types, rows)
		dropEmpty(a, g)
		if g.Len() != 0 || g.spills.Len() != 0 {
			t.Fatalf("%d groups and %d superaccumulators are left", g.Len(), g.spills.Len())
		}
		for i, d := range g.distinct {
			if d.Len() != 0 {
				t.Fatalf("%d values of distinct set %d are left", d.Len(), i)
			}
			if d.Arena() != nil && d.Arena().Live() != 0 {
				t.Fatalf("%d bytes of distinct set %d are left", d.Arena().Live(), i)
			}
		}
	}
}

// Groups that are dropped with their rows leave nothing behind, and those that take
// their numbers start with nothing.
func TestDropGivesBack(t *testing.T) {
	for _, retractable := range []bool{false, true} {
		rng := rand.New(rand.NewPCG(1, 23))
		cfg, types := everything(t, retractable)
		a := mustNew(t, cfg)
		g := a.Open(nil, 0, 0)
		for range 3 {
			m := newModel(cfg)
			update(t, rng, a, g, m, types, randomRows(rng, types, 400))
			compare(t, a, m, g)
			var all []uint32
			g.Each(func(ids []uint32) { all = append(all, ids...) })
			a.Drop(g, all)
			if g.Len() != 0 || g.spills.Len() != 0 {
				t.Fatalf("%d groups and %d superaccumulators are left", g.Len(), g.spills.Len())
			}
			for _, d := range slices.Concat(g.distinct, g.bags) {
				if d.Len() != 0 || d.Arena() != nil && d.Arena().Live() != 0 {
					t.Fatalf("%d values of a set are left", d.Len())
				}
			}
		}
	}
}

// What an updating GROUP BY does: it captures old results before the first
// change, and sends old and new ones; the changes applied give the final table.
func TestTouch(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 20))
	cfg, types := everything(t, true)
	a := mustNew(t, cfg)
	g := a.Open(nil, 0, 0)
	m := newModel(cfg)
	sent := map[string]string{}   // the table downstream
	before := map[string]string{} // old results of changed groups
	g.Track(func(ids []uint32) {
		for _, id := range ids {
			if g.Emitted(id) {
				k, v := oneGroup(t, a, g, id)
				before[k] = v
			}
		}
	})
	var rows []modelRow
	for range 20 {
		add := randomRows(rng, types, rng.IntN(6))
		update(t, rng, a, g, m, types, add)
		gone := rows[:rng.IntN(len(rows)+1)]
		if rng.IntN(2) == 0 {
			retract(t, rng, a, g, m, types, gone)
		} else { // by way of a pre-aggregated batch
			pre, part := a.Open(nil, 0, 0), &Partial{}
			retract(t, rng, a, pre, m, types, gone)
			a.Export(pre, []*Partial{part}, func(int) int { return 0 })
			a.Import(g, part)
		}
		rows = append(slices.Clone(rows[len(gone):]), add...)

		var empty []uint32
		seen := map[uint32]bool{}
		for _, id := range g.Touched() {
			if seen[id] {
				t.Fatalf("group %d is listed twice", id)
			}
			seen[id] = true
			k, v := oneGroup(t, a, g, id)
			if old, ok := sent[k]; ok != g.Emitted(id) || ok && before[k] != old {
				t.Fatalf("group %s: downstream %q (%v), captured %q (%v)", k, old, ok, before[k], g.Emitted(id))
			}
			delete(sent, k)
			if g.Rows(id) == 0 {
				empty = append(empty, id)
				g.SetEmitted(id, false)
				continue
			}
			sent[k] = v
			g.SetEmitted(id, true)
		}
		g.ResetTouched()
		a.Delete(g, empty)
		clear(before)
		if len(g.Touched()) != 0 {
			t.Fatal("ResetTouched left groups")
		}
		want := actual(t, a, g)
		if len(sent) != len(want) {
			t.Fatalf("%d groups downstream, %d here", len(sent), len(want))
		}
		for k, v := range want {
			if sent[k] != v {
				t.Fatalf("group %s:\nsent %s\nis   %s", k, sent[k], v)
			}
		}
		compare(t, a, m, g)
	}
}

func oneGroup(t *testing.T, a *Aggregator, g *Groups, id uint32) (key, result string) {
	failed := false
	cols := a.Emit(g, []uint32{id}, memory.DefaultAllocator, func(int, string, string) { failed = true })
	for c, col := range cols {
		s := cell(col, 0) + "|"
		if c < len(a.keys) {
			key += s
		} else {
			result += s
		}
	}
	if failed {
		result += "error"
	}
	return key, result
}

package rank

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// modelRow is a row k, v, id; the order is v, then k and id break ties.
type modelRow struct{ k, v, id int64 }

var modelColumns = []planner.Column{{Name: "k", Type: catalog.BigInt}, {Name: "v", Type: catalog.BigInt}, {Name: "id", Type: catalog.BigInt}}

// ranksOf sorts each partition anew.
func ranksOf(rows []modelRow, o *planner.Rank) map[string]int {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b modelRow) int {
		v := cmp.Compare(a.v, b.v)
		if o.Order[0].Desc {
			v = -v
		}
		return cmp.Or(cmp.Compare(a.k, b.k), v, cmp.Compare(a.id, b.id))
	})
	out := map[string]int{}
	var place, rank, dense int64
	for i, r := range rows {
		if i == 0 || rows[i-1].k != r.k {
			place, rank, dense = 0, 0, 0
		}
		place++
		if place == 1 || rows[i-1].v != r.v {
			rank = place
			dense++
		}
		n := map[planner.OverKind]int64{planner.OverRowNumber: place, planner.OverRank: rank, planner.OverDenseRank: dense}[o.Kind]
		if n < o.From || n > o.To {
			continue
		}
		if !o.Show {
			n = 0
		}
		out[fmt.Sprint(r, n)]++
	}
	return out
}

// folded takes what an operator gives and adds it up.
type folded struct {
	t    *testing.T
	rows map[string]int
	o    *planner.Rank
	// byKey is the row of each key, for what replaces rows without saying -U.
	byKey map[string]string
}

func (f *folded) Emit(_ planner.Port, b *op.Batch) error {
	col := func(c, i int) int64 { return b.Cols[c].(*array.Int64).Value(i) }
	for i := range b.N {
		n := int64(0)
		if f.o.Show {
			n = col(3, i)
		}
		row := fmt.Sprint(modelRow{col(0, i), col(1, i), col(2, i)}, n)
		if f.byKey != nil {
			key := fmt.Sprint(col(0, i), n)
			if delete(f.byKey, key); b.Kind(i).Adds() {
				f.byKey[key] = row
			}
			continue
		}
		if b.Kind(i).Adds() {
			f.rows[row]++
			continue
		}
		if f.rows[row]--; f.rows[row] < 0 {
			f.t.Fatalf("%v of %s, which does not stand", b.Kind(i), row)
		} else if f.rows[row] == 0 {
			delete(f.rows, row)
		}
	}
	return nil
}

func (f *folded) standing() map[string]int {
	if f.byKey == nil {
		return f.rows
	}
	out := map[string]int{}
	for _, r := range f.byKey {
		out[r]++
	}
	return out
}

func (f *folded) EmitSelected(planner.Port, *op.Batch, []int32) error { panic("not used") }
func (f *folded) Watermark(int64) error                               { return nil }
func (f *folded) End() error                                          { return nil }

func modelBatch(rows []modelRow, kinds []catalog.RowKind) *op.Batch {
	b := &op.Batch{N: len(rows), Kinds: kinds}
	for _, f := range []func(modelRow) int64{func(r modelRow) int64 { return r.k }, func(r modelRow) int64 { return r.v }, func(r modelRow) int64 { return r.id }} {
		bld := array.NewInt64Builder(memory.DefaultAllocator)
		for _, r := range rows {
			bld.Append(f(r))
		}
		b.Cols = append(b.Cols, arrow.Array(bld.NewArray()))
	}
	return b
}

// TestAgainstSorting feeds random changes and compares what has come out, at each
// flush, with partitions sorted anew.
func TestAgainstSorting(t *testing.T) {
	for _, retract := range []bool{false, true} {
		for _, kind := range []planner.OverKind{planner.OverRowNumber, planner.OverRank, planner.OverDenseRank} {
			for _, show := range []bool{false, true} {
				for _, bounds := range [][2]int64{{1, 1}, {1, 3}, {2, 4}, {3, 3}} {
					for _, before := range []bool{false, true} {
						o := &planner.Rank{Kind: kind, Partition: []int{0}, Order: []planner.SortKey{{Col: 1, Desc: bounds[0] == 2}}, From: bounds[0], To: bounds[1],
							Show: show, Tie: -1, WindowStart: -1, WindowEnd: -1, EmitBefore: before}
						if !before && !o.Replaces() {
							continue
						}
						t.Run(fmt.Sprintf("retract=%v/%d/show=%v/%v/before=%v", retract, kind, show, bounds, before), func(t *testing.T) { compareWithSorting(t, o, retract) })
					}
				}
			}
		}
	}
}

func compareWithSorting(t *testing.T, o *planner.Rank, retract bool) {
	rng := rand.New(rand.NewPCG(11, uint64(o.To)))
	kinds := planner.KindSet(0).With(catalog.Insert)
	if retract {
		kinds = kinds.With(catalog.Delete)
	}
	ctx := &op.Context{Alloc: memory.DefaultAllocator, BatchRows: 5, Counters: op.Counters{}, Now: time.Now, Node: &planner.Node{StateID: 1}}
	made, err := New(o, &planner.Node{Cols: modelColumns, Props: planner.Properties{Kinds: kinds}}, ctx)
	if err != nil {
		t.Fatal(err)
	}
	r := made.(*ranker)
	out := &folded{t: t, rows: map[string]int{}, o: o}
	if !o.EmitBefore {
		out.byKey = map[string]string{}
	}
	var live []modelRow
	in := int64(0)
	for step := range 150 {
		var rows []modelRow
		var ks []catalog.RowKind
		for range 1 + rng.IntN(6) {
			if retract && len(live) > 0 && rng.IntN(5) < 2 {
				i := rng.IntN(len(live))
				rows, ks = append(rows, live[i]), append(ks, catalog.Delete)
				live = slices.Delete(live, i, i+1)
				continue
			}
			row := modelRow{rng.Int64N(4), rng.Int64N(12), rng.Int64N(5)} // now and then there twice
			if rng.IntN(4) > 0 {
				row.id = int64(step)
			}
			rows, ks, live = append(rows, row), append(ks, catalog.Insert), append(live, row)
		}
		if in += int64(len(rows)); !retract {
			ks = nil
		}
		if err := r.Process(0, modelBatch(rows, ks), out); err != nil {
			t.Fatal(err)
		}
		if rng.IntN(3) > 0 {
			continue
		}
		if err := r.Flush(true, out); err != nil {
			t.Fatal(err)
		}
		if want := ranksOf(live, o); !maps.Equal(out.standing(), want) {
			t.Fatalf("step %d: what stands is\n%v\nwant\n%v", step, out.standing(), want)
		}
		c := maps.Clone(ctx.Counters)
		c[op.CountIn] = in
		r.Gauges(c)
		if rule := r.Balance(c); rule != "" {
			t.Fatalf("step %d: %s", step, rule)
		}
		r.parts.index() // as after a restart
	}
	if !retract {
		return
	}
	// All rows go: nothing is left of them.
	if err := r.Process(0, modelBatch(live, slices.Repeat([]catalog.RowKind{catalog.Delete}, len(live))), out); err != nil {
		t.Fatal(err)
	}
	if err := r.Flush(true, out); err != nil {
		t.Fatal(err)
	}
	if len(out.standing()) > 0 || r.parts.trees.rows.Len() > 0 || r.parts.table.Len() > 0 {
		t.Fatalf("%v stands, %d rows and %d partitions are held", out.standing(), r.parts.trees.rows.Len(), r.parts.table.Len())
	}
}

package setop

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
)

var columns = []planner.Column{{Name: "a", Type: catalog.String}, {Name: "n", Type: catalog.BigInt}}

type row [2]any

func batchOf(t testing.TB, rows []row, kinds []catalog.RowKind) *op.Batch {
	b := &op.Batch{N: len(rows), Kinds: kinds}
	for c, col := range columns {
		values := make([]any, len(rows))
		for i, r := range rows {
			values[i] = r[c]
		}
		a, err := column.FromValues(values, col.Type, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		b.Cols = append(b.Cols, a)
	}
	return b
}

// folded is an Output that folds what it takes.
type folded struct {
	t    testing.TB
	rows map[string]int
}

func (f *folded) Emit(_ planner.Port, b *op.Batch) error {
	for i := range b.N {
		text := op.RowText(b, i)
		if b.Kind(i).Adds() {
			f.rows[text]++
		} else if f.rows[text]--; f.rows[text] < 0 {
			f.t.Fatalf("%s is taken back and does not stand", text)
		}
		if f.rows[text] == 0 {
			delete(f.rows, text)
		}
	}
	return nil
}

func (f *folded) EmitSelected(planner.Port, *op.Batch, []int32) error { panic("not used") }
func (f *folded) Watermark(int64) error                               { return nil }
func (f *folded) End() error                                          { return nil }

// naive counts whole rows.
func naive(t testing.TB, o *planner.SetOp, sides [2][]row) map[string]int {
	var counts [2]map[string]int
	for i, rows := range sides {
		counts[i] = map[string]int{}
		b := batchOf(t, rows, nil)
		for r := range b.N {
			counts[i][op.RowText(b, r)]++
		}
	}
	out := map[string]int{}
	for text, l := range counts[0] {
		n, r := 0, counts[1][text]
		switch {
		case o.Kind == planner.IntersectOp:
			n = min(l, r)
		case o.All:
			n = max(0, l-r)
		case r == 0:
			n = 1
		}
		if !o.All {
			n = min(n, 1)
		}
		if n > 0 {
			out[text] = n
		}
	}
	return out
}

// cluster runs one operation in several shards over a store.
type cluster struct {
	t              testing.TB
	o              *planner.SetOp
	store          *statestore.Store
	out            *folded
	shards, stored int
	ops            []*setop
	epoch          uint64
}

func (c *cluster) start(restore bool) {
	c.ops = nil
	layout := statestore.Layout{Shards: c.shards}
	for i := range c.shards {
		ctx := &op.Context{Alloc: memory.DefaultAllocator, Zone: time.UTC, BatchRows: 2 + i, Counters: op.Counters{},
			Now: func() time.Time { return time.Unix(0, 0) }, Node: &planner.Node{Op: c.o, StateID: 7}}
		x, err := New(c.o, columns, ctx)
		if err != nil {
			c.t.Fatal(err)
		}
		if restore {
			r := &op.Restore{Store: c.store, Operator: 7, Groups: layout.KeyGroups(i), Shard: i, Same: c.stored == c.shards, Stored: c.stored}
			if err := x.(*setop).Restore(r); err != nil {
				c.t.Fatal(err)
			}
		}
		c.ops = append(c.ops, x.(*setop))
	}
}

func (c *cluster) process(input int, b *op.Batch) {
	l, err := hash.NewLayout([]catalog.Type{columns[0].Type, columns[1].Type})
	if err != nil {
		c.t.Fatal(err)
	}
	sels := make([][]int32, c.shards)
	for i, h := range hash.NewEncoder(l).Encode(b.Cols, colvec.All(b.N)).Hash {
		s := statestore.Layout{Shards: c.shards}.ShardOf(hash.Group(h))
		sels[s] = append(sels[s], int32(i))
	}
	for s, sel := range sels {
		if len(sel) == 0 {
			continue
		}
		c.ops[s].ctx.Counters[op.CountIn] += int64(len(sel))
		if err := c.ops[s].Process(input, b.Gather(sel, memory.DefaultAllocator), c.out); err != nil {
			c.t.Fatal(err)
		}
	}
}

// commit flushes and freezes all shards.
func (c *cluster) commit() {
	c.epoch++
	tx, err := c.store.Begin(c.epoch, statestore.Layout{Shards: c.shards})
	if err != nil {
		c.t.Fatal(err)
	}
	for i, x := range c.ops {
		if err := x.Flush(true, c.out); err != nil {
			c.t.Fatal(err)
		}
		f, err := x.Freeze(tx.Cut())
		if err != nil {
			c.t.Fatal(err)
		}
		if err := f.Write(tx.Shard(i)); err != nil {
			c.t.Fatal(err)
		}
	}
	if err := tx.Commit(nil); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) held() (n int64) {
	for _, x := range c.ops {
		x.Gauges(x.ctx.Counters)
		n += x.ctx.Counters[op.CountHeld]
		if rule := x.Balance(x.ctx.Counters); rule != "" {
			c.t.Fatal(rule)
		}
	}
	return n
}

// TestModel: random changelogs on both sides, with commits, restarts and other numbers
// of shards in between, fold to the operation on the rows that stand. When all rows
// have been taken back nothing is held.
func TestModel(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 9))
		o := &planner.SetOp{Kind: planner.SetOpKind(seed % 2), All: seed%4 > 1, Width: 2}
		t.Run(fmt.Sprintf("%s %d", o, seed), func(t *testing.T) { againstModel(t, o, r) })
	}
}

func againstModel(t *testing.T, o *planner.SetOp, r *rand.Rand) {
	store, err := statestore.Open("state", statestore.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	c := &cluster{t: t, o: o, store: store, out: &folded{t: t, rows: map[string]int{}}, shards: 1 + r.IntN(3)}
	c.start(false)
	var standing [2][]row
	restart := func() {
		c.stored, c.shards = c.shards, 1+r.IntN(3)
		c.start(true)
	}
	for step := range 40 {
		input := r.IntN(2)
		s := &standing[input]
		var rows []row
		var kinds []catalog.RowKind
		for range 1 + r.IntN(10) {
			if len(*s) > 0 && r.IntN(5) < 2 {
				i := r.IntN(len(*s))
				rows, kinds = append(rows, (*s)[i]), append(kinds, catalog.Delete)
				*s = slices.Delete(*s, i, i+1)
				continue
			}
			n := row{[]any{nil, "a", "b", "a text that is longer than a view"}[r.IntN(4)], []any{nil, int64(1), int64(2)}[r.IntN(3)]}
			rows, kinds = append(rows, n), append(kinds, catalog.Insert)
			*s = append(*s, n)
		}
		c.process(input, batchOf(t, rows, kinds))
		if r.IntN(3) > 0 {
			continue
		}
		c.commit()
		if want := naive(t, o, standing); !maps.Equal(c.out.rows, want) {
			t.Fatalf("step %d: it is\n%v\nwant\n%v", step, c.out.rows, want)
		}
		if r.IntN(3) == 0 {
			restart()
		}
	}
	for input, rows := range standing {
		kinds := make([]catalog.RowKind, len(rows))
		for i := range kinds {
			kinds[i] = catalog.Delete
		}
		c.process(input, batchOf(t, rows, kinds))
	}
	c.commit()
	if len(c.out.rows) > 0 || c.held() > 0 {
		t.Fatalf("nothing stands, but there is %v, and %d rows are held", c.out.rows, c.held())
	}
	restart()
	if c.held() > 0 {
		t.Fatalf("%d rows came back", c.held())
	}
}

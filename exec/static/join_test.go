package static

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// The columns of the stream and of the table in these tests: a key that may be NULL
// and a number.
var sideColumns = []planner.Column{{Name: "k", Type: catalog.String}, {Name: "v", Type: catalog.BigInt}}

type row [2]any

func randomRows(r *rand.Rand, n int) []row {
	rows := make([]row, n)
	for i := range rows {
		rows[i][1] = int64(r.IntN(6))
		if r.IntN(6) > 0 {
			rows[i][0] = []string{"a", "b", "c", "a key that is longer than a view"}[r.IntN(4)]
		}
	}
	return rows
}

func columnsOf(t testing.TB, rows []row, alloc memory.Allocator) []arrow.Array {
	var out []arrow.Array
	for c, col := range sideColumns {
		values := make([]any, len(rows))
		for i, r := range rows {
			values[i] = r[c]
		}
		a, err := column.FromValues(values, col.Type, alloc)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, a)
	}
	return out
}

// collected is an Output that counts rows, with their kinds and W.
type collected struct{ rows map[string]int }

func (c *collected) Emit(_ planner.Port, b *op.Batch) error {
	for i := range b.N {
		w := int64(-1)
		if b.W != nil {
			w = b.W[i]
		}
		c.rows[fmt.Sprint(b.Kind(i), " ", w, " ", op.RowText(b, i))]++
	}
	return nil
}

func (c *collected) EmitSelected(planner.Port, *op.Batch, []int32) error { panic("not used") }
func (c *collected) Watermark(int64) error                               { return nil }
func (c *collected) End() error                                          { return nil }

// naive tries all pairs.
func naive(t testing.TB, o *planner.StaticJoin, stream []row, kinds []catalog.RowKind, w []int64, table []row) map[string]int {
	out := &collected{rows: map[string]int{}}
	give := func(i int, m *row) {
		b := &op.Batch{N: 1, Kinds: []catalog.RowKind{catalog.Insert}, W: w[i : i+1]}
		if !kinds[i].Adds() {
			b.Kinds[0] = catalog.Delete
		}
		if m == nil {
			m = &row{}
		}
		both := append(columnsOf(t, stream[i:i+1], memory.DefaultAllocator), columnsOf(t, []row{*m}, memory.DefaultAllocator)...)
		for _, e := range o.Emit {
			b.Cols = append(b.Cols, both[e])
		}
		if err := out.Emit(planner.MainPort, b); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range stream {
		found, unknown := false, false
		for k := range table {
			m := &table[k]
			if len(o.Keys) > 0 {
				null := s[0] == nil || m[0] == nil
				unknown = unknown || null
				if s[0] != m[0] || null && !o.NullSafe[0] {
					continue
				}
			}
			if o.Residual != nil && s[1].(int64) >= m[1].(int64) {
				continue
			}
			if found = true; o.Kind == planner.InnerJoin || o.Kind == planner.LeftJoin {
				give(i, m)
			}
		}
		switch {
		case o.Kind == planner.LeftJoin && !found, o.Kind == planner.SemiJoin && found,
			o.Kind == planner.AntiJoin && !found && !(o.NullAware && unknown):
			give(i, nil)
		}
	}
	return out.rows
}

// less is the residual: the stream's v < the table's.
func less(t testing.TB) catalog.Expr {
	fn, _ := expr.Functions().Lookup("<")
	o, err := fn.Resolve([]catalog.Arg{{Type: catalog.BigInt}, {Type: catalog.BigInt}})
	if err != nil {
		t.Fatal(err)
	}
	col := func(i int) catalog.Expr { return &catalog.ColumnRef{Index: i, Name: "v", T: catalog.BigInt} }
	return &catalog.Call{Fn: fn, Overload: o, Args: []catalog.Expr{col(1), col(3)}}
}

// TestModel: batches of a stream, whole and by selection, with rows that are taken
// back, against all pairs with a table that is exchanged in between. The operator holds
// nothing: it has no state, its counts add up, and all memory that it takes for a
// batch is given back but for the tables themselves.
func TestModel(t *testing.T) {
	for seed := range uint64(120) {
		r := rand.New(rand.NewPCG(seed, 3))
		kind := []planner.JoinKind{planner.InnerJoin, planner.LeftJoin, planner.SemiJoin, planner.AntiJoin}[seed%4]
		o := &planner.StaticJoin{Kind: kind, TableCols: sideColumns, Emit: []int{1, 0, 3, 2}}
		if kind == planner.SemiJoin || kind == planner.AntiJoin {
			o.Emit = []int{1, 0}
		}
		if seed%5 > 0 {
			o.Keys, o.TableKeys, o.NullSafe = []int{0}, []int{0}, []bool{seed%3 == 0}
			o.NullAware = kind == planner.AntiJoin && !o.NullSafe[0] && seed%2 == 1
		}
		if seed%7 > 3 && !o.NullAware {
			o.Residual = less(t)
		}
		t.Run(fmt.Sprintf("%s %d", kind, seed), func(t *testing.T) { againstModel(t, o, r) })
	}
}

func againstModel(t *testing.T, o *planner.StaticJoin, r *rand.Rand) {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	prog, err := expr.Compile(o.Expressions(), expr.Options{Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	ctx := &op.Context{Alloc: alloc, Zone: time.UTC, BatchRows: 1 + r.IntN(8), Counters: op.Counters{},
		Now: func() time.Time { return time.Unix(0, 0) }, Node: &planner.Node{Op: o}}
	var now Current
	j, err := New(o, len(sideColumns), &now, prog, ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if _, ok := j.(op.Stateful); ok {
		t.Fatal("a join with a static table has state")
	}
	out, want := &collected{rows: map[string]int{}}, map[string]int{}
	for range 6 {
		// The table comes in batches.
		var table []row
		var batches [][]arrow.Array
		for range r.IntN(4) {
			rows := randomRows(r, r.IntN(5))
			table, batches = append(table, rows...), append(batches, columnsOf(t, rows, alloc))
		}
		next, err := NewTable(o, batches, len(table), alloc)
		if err != nil {
			t.Fatal(err)
		}
		now.Set(next)
		for range 3 {
			n := 1 + r.IntN(12)
			stream, kinds, w := randomRows(r, n), make([]catalog.RowKind, n), make([]int64, n)
			b := &op.Batch{N: n, Cols: columnsOf(t, stream, alloc), Kinds: kinds, W: w}
			var sel []int32
			for i := range n {
				kinds[i], w[i] = catalog.RowKind(r.IntN(4)), int64(i)
				if r.IntN(2) == 0 {
					sel = append(sel, int32(i))
				}
			}
			if len(sel) == 0 || r.IntN(2) == 0 {
				ctx.Counters[op.CountIn] += int64(n)
				err = j.Process(0, b, out)
			} else {
				ctx.Counters[op.CountIn] += int64(len(sel))
				err = j.(op.Selector).ProcessSelected(0, b, sel, out)
				var rows []row
				var ks []catalog.RowKind
				var ws []int64
				for _, i := range sel {
					rows, ks, ws = append(rows, stream[i]), append(ks, kinds[i]), append(ws, w[i])
				}
				stream, kinds, w = rows, ks, ws
			}
			if err != nil {
				t.Fatal(err)
			}
			b.Release()
			for text, k := range naive(t, o, stream, kinds, w, table) {
				want[text] += k
			}
			if !maps.Equal(out.rows, want) {
				t.Fatalf("it is\n%v\nwant\n%v\nof %v with %v", out.rows, want, stream, table)
			}
			ctx.Counters[op.CountOut] = 0
			for _, k := range out.rows {
				ctx.Counters[op.CountOut] += int64(k)
			}
			if rule := j.(op.Balanced).Balance(ctx.Counters); rule != "" {
				t.Fatal(rule)
			}
		}
		next.Release()
	}
}

package join

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
)

// The columns of both inputs in these tests: a key that may be NULL, a number, a
// text, a list.
var sideColumns = []planner.Column{
	{Name: "k", Type: catalog.String}, {Name: "v", Type: catalog.BigInt}, {Name: "s", Type: catalog.String},
	{Name: "l", Type: catalog.ArrayOf(catalog.Int)},
}

type row [4]any

func randomRow(r *rand.Rand) row {
	out := row{nil, int64(r.IntN(5)), nil, nil}
	if r.IntN(8) > 0 {
		out[0] = []string{"a", "b", "a key that is longer than a view"}[r.IntN(3)]
	}
	if r.IntN(3) > 0 {
		out[2] = strings.Repeat("x", r.IntN(20))
	}
	if r.IntN(2) > 0 {
		out[3] = []any{int64(r.IntN(3)), nil}[:r.IntN(3)]
	}
	return out
}

func batchOf(t testing.TB, rows []row, kinds []catalog.RowKind, w []int64) *op.Batch {
	b := &op.Batch{N: len(rows), Kinds: kinds, W: w}
	for c, col := range sideColumns {
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
		} else {
			f.rows[text]--
		}
		if f.rows[text] < 0 {
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

// less is the residual: left v < right v.
func less(t testing.TB) catalog.Expr { return compare(t, "<") }

// compare is a comparison of left v with right v.
func compare(t testing.TB, sign string) catalog.Expr {
	fn, _ := expr.Functions().Lookup(sign)
	o, err := fn.Resolve([]catalog.Arg{{Type: catalog.BigInt}, {Type: catalog.BigInt}})
	if err != nil {
		t.Fatal(err)
	}
	col := func(i int) catalog.Expr { return &catalog.ColumnRef{Index: i, Name: "v", T: catalog.BigInt} }
	return &catalog.Call{Fn: fn, Overload: o, Args: []catalog.Expr{col(1), col(5)}}
}

// naive joins all rows of both sides.
func naive(t testing.TB, o *planner.Join, left, right []row) map[string]int {
	out := &folded{t: t, rows: map[string]int{}}
	pairs := func(a, b row) bool {
		if len(o.LeftKeys) > 0 {
			if a[0] == nil || b[0] == nil {
				if !o.NullSafe[0] || a[0] != b[0] {
					return false
				}
			} else if a[0] != b[0] {
				return false
			}
		}
		if o.Residual == nil {
			return true
		}
		l, okl := a[1].(int64)
		r, okr := b[1].(int64)
		if o.Residual.(*catalog.Call).Fn.Name == ">" {
			l, r = r, l
		}
		return okl && okr && l < r
	}
	emit := func(a, b *row) {
		both := batchOf(t, []row{deref(a)}, nil, nil)
		both.Cols = append(both.Cols, batchOf(t, []row{deref(b)}, nil, nil).Cols...)
		res := &op.Batch{N: 1}
		for _, c := range o.Emit {
			res.Cols = append(res.Cols, both.Cols[c])
		}
		if err := out.Emit(planner.MainPort, res); err != nil {
			t.Fatal(err)
		}
	}
	met := make([]bool, len(right))
	for i := range left {
		any := false
		for k := range right {
			if !pairs(left[i], right[k]) {
				continue
			}
			any, met[k] = true, true
			if o.Kind != planner.SemiJoin && o.Kind != planner.AntiJoin {
				emit(&left[i], &right[k])
			}
		}
		switch o.Kind {
		case planner.LeftJoin, planner.FullJoin, planner.AntiJoin:
			if !any {
				emit(&left[i], nil)
			}
		case planner.SemiJoin:
			if any {
				emit(&left[i], nil)
			}
		}
	}
	for k := range right {
		if !met[k] && (o.Kind == planner.RightJoin || o.Kind == planner.FullJoin) {
			emit(nil, &right[k])
		}
	}
	return out.rows
}

func deref(r *row) row {
	if r == nil {
		return row{}
	}
	return *r
}

// cluster runs one join in several shards over a store.
type cluster struct {
	t      testing.TB
	o      *planner.Join
	kinds  [2]planner.KindSet
	store  *statestore.Store
	out    *folded
	shards int
	stored int
	ops    []*join
	epoch  uint64
}

func (c *cluster) start(restore bool) {
	c.ops = nil
	prog, err := expr.Compile(c.o.Expressions(), expr.Options{Zone: time.UTC})
	if err != nil {
		c.t.Fatal(err)
	}
	node := func(k planner.KindSet) *planner.Node {
		return &planner.Node{Cols: sideColumns, Props: planner.Properties{Kinds: k}}
	}
	layout := statestore.Layout{Shards: c.shards}
	for i := range c.shards {
		ctx := &op.Context{Alloc: memory.DefaultAllocator, Zone: time.UTC, BatchRows: 3 + i, Counters: op.Counters{},
			Now: func() time.Time { return time.Unix(0, 0) }, Node: &planner.Node{Op: c.o, StateID: 7}}
		x, err := New(c.o, node(c.kinds[0]), node(c.kinds[1]), prog, ctx)
		if err != nil {
			c.t.Fatal(err)
		}
		if restore {
			r := &op.Restore{Store: c.store, Operator: 7, Groups: layout.KeyGroups(i), Shard: i, Same: c.stored == c.shards, Stored: c.stored}
			if err := x.(*join).Restore(r); err != nil {
				c.t.Fatal(err)
			}
		}
		c.ops = append(c.ops, x.(*join))
	}
}

func (c *cluster) process(input int, b *op.Batch) {
	sels := make([][]int32, c.shards)
	for i := range b.N {
		sels[0] = append(sels[0], int32(i))
	}
	if len(c.o.LeftKeys) > 0 {
		sels = make([][]int32, c.shards)
		l, err := hash.NewLayout([]catalog.Type{catalog.String})
		if err != nil {
			c.t.Fatal(err)
		}
		for i, h := range hash.NewEncoder(l).Encode([]arrow.Array{b.Cols[0]}, colvec.All(b.N)).Hash {
			s := statestore.Layout{Shards: c.shards}.ShardOf(hash.Group(h))
			sels[s] = append(sels[s], int32(i))
		}
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

func (c *cluster) commit() {
	c.epoch++
	tx, err := c.store.Begin(c.epoch, statestore.Layout{Shards: c.shards})
	if err != nil {
		c.t.Fatal(err)
	}
	for i, x := range c.ops {
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
	}
	return n
}

// TestModel: random changelogs on both sides, in batches, with commits, restarts and
// other numbers of shards in between, fold to the join of what stands.
func TestModel(t *testing.T) {
	residual := less(t)
	for seed := range uint64(84) {
		r := rand.New(rand.NewPCG(seed, 5))
		o := &planner.Join{Kind: planner.JoinKind(seed % 6), Emit: []int{0, 1, 2, 3, 4, 5, 6, 7}}
		if seed%5 > 0 {
			o.LeftKeys, o.RightKeys, o.NullSafe = []int{0}, []int{0}, []bool{seed%3 == 0}
		}
		if seed%4 > 1 {
			o.Residual = residual
		}
		switch {
		case o.Kind == planner.SemiJoin || o.Kind == planner.AntiJoin:
			o.Emit = []int{2, 1, 3}
		case seed%7 == 0:
			o.Emit = []int{5, 2} // rows that differ in other columns are the same here
		case seed%7 == 1:
			o.Emit = []int{}
		}
		store, err := statestore.Open("state", statestore.Options{FS: vfs.NewMem()})
		if err != nil {
			t.Fatal(err)
		}
		c := &cluster{t: t, o: o, store: store, out: &folded{t: t, rows: map[string]int{}}, shards: 1 + r.IntN(3)}
		for i := range c.kinds {
			c.kinds[i] = planner.KindSet(0).With(catalog.Insert)
			if r.IntN(3) > 0 {
				c.kinds[i] = c.kinds[i].With(catalog.Delete)
			}
		}
		c.start(false)
		var standing [2][]row
		for step := range 30 {
			input := r.IntN(2)
			var rows []row
			var kinds []catalog.RowKind
			for range 1 + r.IntN(12) {
				s := &standing[input]
				if len(*s) > 0 && !c.kinds[input].AppendOnly() && r.IntN(2) == 0 {
					i := r.IntN(len(*s))
					rows, kinds = append(rows, (*s)[i]), append(kinds, catalog.Delete)
					*s = slices.Delete(*s, i, i+1)
					continue
				}
				n := randomRow(r)
				if len(*s) > 0 && r.IntN(4) == 0 {
					n = (*s)[r.IntN(len(*s))]
				}
				rows, kinds = append(rows, n), append(kinds, catalog.Insert)
				*s = append(*s, n)
			}
			c.process(input, batchOf(t, rows, kinds, nil))
			if want := naive(t, o, standing[0], standing[1]); !maps.Equal(c.out.rows, want) {
				t.Fatalf("seed %d (%s), step %d: it is\n%v\nwant\n%v", seed, o.Kind, step, c.out.rows, want)
			}
			if r.IntN(4) == 0 {
				c.commit()
				if r.IntN(2) == 0 {
					c.stored = c.shards
					if r.IntN(2) == 0 {
						c.shards = 1 + r.IntN(3)
					}
					c.start(true)
				}
			}
		}
		// All that can be taken back is, and nothing of it is left.
		for i, s := range standing {
			if c.kinds[i].AppendOnly() || len(s) == 0 {
				continue
			}
			kinds := slices.Repeat([]catalog.RowKind{catalog.Delete}, len(s))
			c.process(i, batchOf(t, s, kinds, nil))
			standing[i] = nil
		}
		if want := naive(t, o, standing[0], standing[1]); !maps.Equal(c.out.rows, want) {
			t.Fatalf("seed %d (%s): in the end it is\n%v\nwant\n%v", seed, o.Kind, c.out.rows, want)
		}
		left := 0
		for _, s := range standing {
			for _, x := range s {
				if len(o.LeftKeys) == 0 || o.NullSafe[0] || x[0] != nil {
					left++
				}
			}
		}
		if h := c.held(); h != int64(left) {
			t.Fatalf("seed %d: %d rows are held, %d stand", seed, h, left)
		}
		for _, x := range c.ops {
			if left == 0 && (x.keys.Len() > 0 || x.sides[0].arena.Live() > 0 || x.sides[1].arena.Live() > 0) {
				t.Fatalf("seed %d: something is left of nothing", seed)
			}
			x.Close()
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestForgets: when the watermark has passed every touch and time to live, nothing is
// held any more, and the counts add up.
func TestForgets(t *testing.T) {
	o := &planner.Join{Kind: planner.FullJoin, LeftKeys: []int{0}, RightKeys: []int{0}, NullSafe: []bool{false}, Emit: []int{1, 5},
		LeftTTL: 200 * time.Millisecond, RightTTL: 400 * time.Millisecond, EventTime: true}
	c := &cluster{t: t, o: o, out: &folded{t: t, rows: map[string]int{}}, shards: 1}
	c.kinds = [2]planner.KindSet{planner.KindSet(0).With(catalog.Insert).With(catalog.Delete), planner.KindSet(0).With(catalog.Insert)}
	c.start(false)
	r := rand.New(rand.NewPCG(1, 1))
	x := c.ops[0]
	at := int64(0)
	var past []row
	for range 200 {
		for input := range 2 {
			var rows []row
			var w []int64
			var kinds []catalog.RowKind
			for range 1 + r.IntN(9) {
				at += int64(r.IntN(200_000))
				n, kind := randomRow(r), catalog.Insert
				if input == 0 && len(past) > 0 && r.IntN(3) == 0 {
					n, kind = past[0], catalog.Delete
					past = past[1:]
				} else if input == 0 {
					past = append(past, n)
				}
				rows, w, kinds = append(rows, n), append(w, at), append(kinds, kind)
			}
			c.process(input, batchOf(t, rows, kinds, w))
		}
		for input := range 2 {
			if err := x.Advance(input, at, c.out); err != nil {
				t.Fatal(err)
			}
		}
		x.Gauges(x.ctx.Counters)
		if text := x.Balance(x.ctx.Counters); text != "" {
			t.Fatal(text)
		}
		for s := range x.sides {
			if n := x.sides[s].rows.Len(); n > 200 {
				t.Fatalf("side %d holds %d rows of the last few seconds", s, n)
			}
		}
	}
	if x.ctx.Counters[op.CountTTLDropped] == 0 || x.ctx.Counters[op.CountReleased] == 0 || x.ctx.Counters[op.CountCancelled] == 0 {
		t.Fatalf("not everything has happened: %v", x.ctx.Counters)
	}
	for input := range 2 {
		if err := x.Advance(input, at+10_000_000, c.out); err != nil {
			t.Fatal(err)
		}
	}
	if c.held() != 0 || x.keys.Len() != 0 || x.sides[0].arena.Live() != 0 || x.sides[1].arena.Live() != 0 {
		t.Fatalf("%d rows and %d keys are held", c.held(), x.keys.Len())
	}
}

// TestNested: values within values are given back as they came.
func TestNested(t *testing.T) {
	typ := catalog.RowOf(
		catalog.Field{Name: "a", Type: catalog.ArrayOf(catalog.RowOf(catalog.Field{Name: "x", Type: catalog.Decimal(30, 2)}, catalog.Field{Name: "y", Type: catalog.Boolean}))},
		catalog.Field{Name: "m", Type: catalog.MapOf(catalog.String, catalog.Double)},
		catalog.Field{Name: "t", Type: catalog.Timestamp3}, catalog.Field{Name: "b", Type: catalog.Bytes},
		catalog.Field{Name: "d", Type: catalog.Date}, catalog.Field{Name: "f", Type: catalog.Float}, catalog.Field{Name: "i", Type: catalog.SmallInt})
	bld := func(values ...any) arrow.Array {
		a, err := column.FromValues(values, typ, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	in := bld(
		[]any{nil, nil, nil, nil, nil, nil, nil},
		nil,
		[]any{[]any{}, []any{}, int64(5), []byte{}, int64(-3), 1.5, int64(-7)},
		[]any{[]any{nil, []any{nil, true}}, []any{"k", 2.5, "", nil}, int64(-1), []byte("xyz"), int64(0), -0.25, int64(9)})
	cols := []planner.Column{{Name: "r", Type: typ}, {Name: "n", Type: catalog.Int}}
	n, err := column.FromValues([]any{int64(1), nil, int64(3), int64(4)}, catalog.Int, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	c := newCodec(cols, []int{0, 1})
	c.encode([]arrow.Array{in, n}, []int32{3, 2, 1, 0})
	rows := [][]byte{c.row(0), c.row(1), nil, c.row(2), c.row(3)}
	for k, want := range []arrow.Array{in, n} {
		got, err := c.column(k, rows, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		for i, from := range []int{3, 2, -1, 1, 0} {
			w := fmt.Sprint(nil)
			if from >= 0 {
				w = fmt.Sprint(column.Value(want, from, cols[k].Type))
			}
			if g := fmt.Sprint(column.Value(got, i, cols[k].Type)); g != w {
				t.Errorf("column %d, row %d is %s, want %s", k, i, g, w)
			}
		}
	}
}

package rowwise

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// printed notes what an operator gives out, as text: rows with their kinds, letters,
// watermarks, the end.
type printed struct {
	types []catalog.Type
	lines []string
}

func (o *printed) Emit(port planner.Port, b *op.Batch) error {
	if port == planner.ErrorPort {
		o.lines = append(o.lines, fmt.Sprintf("%d letters", b.N))
		return nil
	}
	return o.EmitSelected(port, b, nil)
}

func (o *printed) EmitSelected(_ planner.Port, b *op.Batch, sel []int32) error {
	if sel == nil {
		for i := range b.N {
			sel = append(sel, int32(i))
		}
	}
	for _, r := range sel {
		cells := []string{b.Kind(int(r)).String()}
		for c, a := range b.Cols {
			cells = append(cells, fmt.Sprint(column.Value(a, int(r), o.types[c])))
		}
		if b.W != nil {
			cells = append(cells, fmt.Sprint("W", b.W[r]))
		}
		o.lines = append(o.lines, strings.Join(cells, " "))
	}
	return nil
}

func (o *printed) Watermark(w int64) error {
	o.lines = append(o.lines, fmt.Sprint("watermark ", w))
	return nil
}

func (o *printed) End() error {
	o.lines = append(o.lines, "end")
	return nil
}

// want compares what has come out with lines, and forgets it.
func (o *printed) want(t *testing.T, lines ...string) {
	t.Helper()
	if got, want := strings.Join(o.lines, "\n"), strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	o.lines = nil
}

// context makes the context of an operator, whose memory must be given back.
func context(t *testing.T) *op.Context {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { alloc.AssertSize(t, 0) })
	return &op.Context{Node: &planner.Node{}, Alloc: alloc, Counters: op.Counters{}, Now: func() time.Time { return time.Time{} }}
}

// batch makes rows of columns of types, with kinds and W.
func batch(t *testing.T, types []catalog.Type, rows ...[]any) *op.Batch {
	t.Helper()
	b := &op.Batch{N: len(rows)}
	for c, typ := range types {
		var values []any
		for _, r := range rows {
			values = append(values, r[c])
		}
		a, err := column.FromValues(values, typ, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		b.Cols = append(b.Cols, a)
	}
	for i := range rows {
		b.Kinds = append(b.Kinds, []catalog.RowKind{catalog.Insert, catalog.Delete}[i%2])
		b.W = append(b.W, int64(10*i))
	}
	return b
}

// call makes a call of a built-in function.
func call(t *testing.T, name string, args ...catalog.Expr) catalog.Expr {
	t.Helper()
	fn, ok := expr.Functions().Lookup(name)
	if !ok {
		t.Fatal("no function ", name)
	}
	var types []catalog.Arg
	for _, a := range args {
		types = append(types, catalog.Arg{Type: a.Type()})
	}
	o, err := fn.Resolve(types)
	if err != nil {
		t.Fatal(err)
	}
	return &catalog.Call{Fn: fn, Overload: o, Args: args}
}

func program(t *testing.T, exprs ...catalog.Expr) *expr.Program {
	t.Helper()
	p, err := expr.Compile(exprs, expr.Options{Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func balanced(t *testing.T, o op.Operator, c op.Counters) {
	t.Helper()
	if rule := o.(op.Balanced).Balance(c); rule != "" {
		t.Errorf("%s: %v", rule, c)
	}
}

var (
	ints  = []catalog.Type{catalog.Int}
	first = &catalog.ColumnRef{Index: 0, Name: "a", T: catalog.Int}
)

// A filter keeps the rows on which its predicate is TRUE, of a selection those that
// are selected, with their kinds and W; rows in error are letters.
func TestFilter(t *testing.T) {
	ctx := context(t)
	pred := call(t, ">", call(t, "FACTORIAL", first), &catalog.Literal{Value: int64(2), T: catalog.BigInt})
	f := NewFilter(&planner.Filter{Pred: pred, OnError: planner.ErrorSkip}, program(t, pred), ctx)
	defer f.Close()
	out := &printed{types: ints}
	in := batch(t, ints, []any{int64(3)}, []any{int64(1)}, []any{nil}, []any{int64(30)}, []any{int64(4)})
	ctx.Counters[op.CountIn] = 5
	if err := f.Process(0, in, out); err != nil {
		t.Fatal(err)
	}
	out.want(t, "+I 3 W0", "+I 4 W40")
	ctx.Counters[op.CountOut] = 2
	if ctx.Counters[op.CountFiltered] != 2 || ctx.Counters[op.CountBad] != 1 {
		t.Errorf("counters %v", ctx.Counters)
	}
	balanced(t, f, ctx.Counters)
	if err := f.(op.Selector).ProcessSelected(0, in, []int32{1, 4}, out); err != nil {
		t.Fatal(err)
	}
	out.want(t, "+I 4 W40")
	if err := f.Advance(0, 7, out); err != nil {
		t.Fatal(err)
	}
	if err := f.End(0, out); err != nil {
		t.Fatal(err)
	}
	out.want(t, "watermark 7", "end")
	// Failing, it names the row.
	f = NewFilter(&planner.Filter{Pred: pred, OnError: planner.ErrorFail}, program(t, pred), ctx)
	defer f.Close()
	if err := f.Process(0, in, out); err == nil || !strings.Contains(err.Error(), "FACTORIAL(30)") {
		t.Errorf("error %v", err)
	}
}

// A projection computes the rows that are selected, dense, without those in error.
func TestProject(t *testing.T) {
	ctx := context(t)
	exprs := []catalog.Expr{call(t, "*", first, &catalog.Literal{Value: int64(2), T: catalog.Int}), call(t, "FACTORIAL", first)}
	p := NewProject(&planner.Project{Exprs: exprs, OnError: planner.ErrorSkip}, program(t, exprs...), ctx)
	defer p.Close()
	out := &printed{types: []catalog.Type{catalog.BigInt, catalog.BigInt}}
	in := batch(t, ints, []any{int64(3)}, []any{int64(1)}, []any{nil}, []any{int64(30)}, []any{int64(4)})
	ctx.Counters[op.CountIn] = 5
	if err := p.Process(0, in, out); err != nil {
		t.Fatal(err)
	}
	out.want(t, "+I 6 6 W0", "-D 2 1 W10", "+I <nil> <nil> W20", "+I 8 24 W40")
	ctx.Counters[op.CountOut] = 4
	balanced(t, p, ctx.Counters)
	if err := p.(op.Selector).ProcessSelected(0, in, []int32{1, 3, 4}, out); err != nil {
		t.Fatal(err)
	}
	out.want(t, "-D 2 1 W10", "+I 8 24 W40")
}

// A union's watermark is the least of its inputs', and it ends with the last one.
func TestUnion(t *testing.T) {
	u := NewUnion(2)
	out := &printed{types: ints}
	in := batch(t, ints, []any{int64(1)}, []any{int64(2)})
	if err := u.Process(1, in, out); err != nil {
		t.Fatal(err)
	}
	if err := u.(op.Selector).ProcessSelected(0, in, []int32{1}, out); err != nil {
		t.Fatal(err)
	}
	out.want(t, "+I 1 W0", "-D 2 W10", "-D 2 W10")
	for _, step := range []struct {
		input int
		w     int64
	}{{0, 5}, {1, 3}, {1, 4}, {0, 9}, {1, 4}, {1, op.MaxTime}} {
		if err := u.Advance(step.input, step.w, out); err != nil {
			t.Fatal(err)
		}
	}
	out.want(t, "watermark 3", "watermark 4", "watermark 9")
	if err := u.End(1, out); err != nil {
		t.Fatal(err)
	}
	out.want(t)
	if err := u.End(0, out); err != nil {
		t.Fatal(err)
	}
	out.want(t, "end")
}

// Each grouping set gives all rows once, with its number, and NULL for what it does
// not group by.
func TestExpand(t *testing.T) {
	ctx := context(t)
	types := []catalog.Type{catalog.BigInt, catalog.String}
	e := NewExpand(&planner.Expand{Nulls: [][]int{nil, {0}, {0, 1}}, Numbers: []int64{0, 2, 3}}, ctx)
	out := &printed{types: append(types, catalog.BigInt)}
	ctx.Counters[op.CountIn] = 2
	if err := e.Process(0, batch(t, types, []any{int64(1), "x"}, []any{int64(2), nil}), out); err != nil {
		t.Fatal(err)
	}
	out.want(t, "+I 1 x 0 W0", "-D 2 <nil> 0 W10", "+I <nil> x 2 W0", "-D <nil> <nil> 2 W10", "+I <nil> <nil> 3 W0", "-D <nil> <nil> 3 W10")
	ctx.Counters[op.CountOut] = 6
	balanced(t, e, ctx.Counters)
}

// UNNEST gives a row for each element; of several arrays the shorter ones are filled
// up, rows without elements are dropped, or, as an outer join, padded.
func TestUnnest(t *testing.T) {
	types := []catalog.Type{catalog.BigInt, catalog.ArrayOf(catalog.BigInt), catalog.MapOf(catalog.String, catalog.BigInt)}
	items := []planner.UnnestItem{
		{Exprs: []catalog.Expr{&catalog.ColumnRef{Index: 1, Name: "l", T: types[1]}}},
		{Exprs: []catalog.Expr{&catalog.ColumnRef{Index: 2, Name: "m", T: types[2]}}},
	}
	rows := [][]any{
		{int64(1), []any{int64(10), nil}, []any{"k", int64(7)}},
		{int64(2), []any{}, nil},
		{int64(3), nil, []any{"p", nil}},
	}
	for _, outer := range []bool{false, true} {
		ctx := context(t)
		o := &planner.Unnest{Items: items, Outer: outer, Ordinality: true}
		u := NewUnnest(o, program(t, o.Expressions()...), ctx)
		out := &printed{types: append(append([]catalog.Type(nil), types...), catalog.BigInt, catalog.String, catalog.BigInt, catalog.BigInt)}
		ctx.Counters[op.CountIn] = 3
		if err := u.Process(0, batch(t, types, rows...), out); err != nil {
			t.Fatal(err)
		}
		want := []string{
			"+I 1 [10 <nil>] [k 7] 10 k 7 1 W0", "+I 1 [10 <nil>] [k 7] <nil> <nil> <nil> 2 W0",
			"-D 2 [] <nil> <nil> <nil> <nil> <nil> W10",
			"+I 3 <nil> [p <nil>] <nil> p <nil> 1 W20",
		}
		if !outer {
			want = append(want[:2], want[3])
		}
		ctx.Counters[op.CountOut] = int64(len(want))
		out.want(t, want...)
		balanced(t, u, ctx.Counters)
		u.Close()
	}
}

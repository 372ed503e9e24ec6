package expr

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/cast"
	"github.com/streamsql/streamsql/exec/expr/exprtest"
)

// dirty is an allocator whose memory is never zero at first, so that a kernel
// which relies on that shows.
type dirty struct{ memory.Allocator }

func (d dirty) Allocate(size int) []byte {
	b := d.Allocator.Allocate(size)
	for i := range b {
		b[i] = 0xa5
	}
	return b
}

var testNow = time.Date(2024, 2, 29, 12, 30, 45, 123e6, time.UTC)

// lifted is an expression some of whose literals have become columns.
type lifted struct {
	expr   catalog.Expr
	values []*catalog.Literal // by column
}

// lift replaces those literals for which take says so. Literals under CASE,
// AND and so on count too.
func lift(e catalog.Expr, take func() bool) lifted {
	var l lifted
	var walk func(e catalog.Expr) catalog.Expr
	list := func(in []catalog.Expr) []catalog.Expr {
		out := make([]catalog.Expr, len(in))
		for i, x := range in {
			out[i] = walk(x)
		}
		return out
	}
	walk = func(e catalog.Expr) catalog.Expr {
		switch e := e.(type) {
		case *catalog.Literal:
			if !take() {
				return e
			}
			l.values = append(l.values, e)
			return &catalog.ColumnRef{Index: len(l.values) - 1, T: e.T}
		case *catalog.Call:
			return &catalog.Call{Fn: e.Fn, Overload: e.Overload, Args: list(e.Args)}
		case *catalog.Cast:
			return &catalog.Cast{Of: walk(e.Of), T: e.T, Safe: e.Safe}
		case *catalog.And:
			return &catalog.And{Args: list(e.Args)}
		case *catalog.Or:
			return &catalog.Or{Args: list(e.Args)}
		case *catalog.Coalesce:
			return &catalog.Coalesce{Args: list(e.Args), T: e.T}
		case *catalog.Member:
			return &catalog.Member{Of: walk(e.Of), Index: e.Index, T: e.T}
		case *catalog.Case:
			c := &catalog.Case{T: e.T}
			for _, w := range e.Whens {
				c.Whens = append(c.Whens, catalog.When{Cond: walk(w.Cond), Then: walk(w.Then)})
			}
			if e.Else != nil {
				c.Else = walk(e.Else)
			}
			return c
		}
		return e
	}
	l.expr = walk(e)
	return l
}

// columns makes the columns of a batch: rows of live hold the values, the others
// NULL. They start at an offset into their buffers.
func (l lifted) columns(t *testing.T, n, offset int, live func(i int) bool) []arrow.Array {
	cols := make([]arrow.Array, len(l.values))
	for k, v := range l.values {
		values := make([]any, offset+n)
		for i := range values {
			if i < offset || live(i-offset) {
				values[i] = v.Value
			}
		}
		all, err := column.FromValues(values, v.T, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		cols[k] = column.Slice(all, offset, offset+n)
		all.Release()
	}
	return cols
}

// outcomes gives the text of each row of a result, "NULL", or its error's code.
func outcomes(a arrow.Array, t catalog.Type, n int, errs []RowError) []string {
	out := make([]string, n)
	text := cast.Texter(a, t, &catalog.EvalContext{Zone: time.UTC})
	for i := range out {
		if a.IsNull(i) {
			out[i] = "NULL"
		} else {
			out[i] = string(text(nil, i))
		}
	}
	for _, e := range errs {
		out[e.Row] = "error " + e.Code
	}
	return out
}

// single evaluates over one row.
func (l lifted) single(t *testing.T, live bool) string {
	cols := l.columns(t, 1, 0, func(int) bool { return live })
	defer release(cols)
	p, err := Compile([]catalog.Expr{l.expr}, Options{})
	if err != nil {
		t.Fatalf("%s: %v", Format(l.expr), err)
	}
	ev := p.NewEvaluator(memory.DefaultAllocator)
	defer ev.Close()
	out, errs, err := ev.Eval(testNow, cols, 1, nil)
	if err != nil {
		t.Fatalf("%s: %v", Format(l.expr), err)
	}
	defer release(out)
	return outcomes(out[0], l.expr.Type(), 1, errs)[0]
}

// check evaluates at several batch sizes, with and without selections, over
// columns with and without an offset, NULLs between the rows that count, and
// wants the same value on each row as over one row alone.
func (l lifted) check(t *testing.T, rng *rand.Rand, want string) {
	t.Helper()
	if got := l.single(t, true); want != "" && got != want {
		t.Errorf("%s = %s, want %s", Format(l.expr), got, want)
		return
	}
	want = l.single(t, true)
	null := l.single(t, false)
	p, err := Compile([]catalog.Expr{l.expr}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	checked := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer checked.AssertSize(t, 0)
	ev := p.NewEvaluator(dirty{checked})
	defer ev.Close()
	failed := false
	for _, n := range []int{0, 1, 2, 63, 64, 65, 200} {
		offset := rng.IntN(3) * rng.IntN(40)
		share := rng.Float64()*1.2 - 0.1
		live := make([]bool, n)
		for i := range live {
			live[i] = rng.Float64() < share
		}
		cols := l.columns(t, n, offset, func(i int) bool { return live[i] })
		expect := func(row int) string {
			if len(l.values) > 0 && !live[row] {
				return null
			}
			return want
		}
		compare := func(mode string, got string, row int) {
			if got != expect(row) && !failed {
				failed = true // one mismatch tells
				t.Errorf("%s: row %d of %d (offset %d, %s) = %s, want %s", Format(l.expr), row, n, offset, mode, got, expect(row))
			}
		}
		out, errs, err := ev.Eval(testNow, cols, n, nil)
		if err != nil {
			t.Fatalf("%s: %v", Format(l.expr), err)
		}
		for i, got := range outcomes(out[0], l.expr.Type(), n, errs) {
			compare("all", got, i)
		}
		release(out)
		for _, density := range []float64{0.1, 0.6} {
			sel := []int32{}
			for i := range n {
				if rng.Float64() < density {
					sel = append(sel, int32(i))
				}
			}
			out, errs, err = ev.Eval(testNow, cols, n, sel)
			if err != nil {
				t.Fatalf("%s: %v", Format(l.expr), err)
			}
			at := make(map[int32]int32)
			for k, r := range sel {
				at[r] = int32(k)
			}
			packed := make([]RowError, len(errs))
			for i, e := range errs {
				packed[i] = e
				packed[i].Row = at[e.Row]
			}
			for k, got := range outcomes(out[0], l.expr.Type(), len(sel), packed) {
				compare(fmt.Sprintf("compacted %v", density), got, int(sel[k]))
			}
			release(out)
			// In place, as under AND and CASE.
			ev.begin(testNow, cols, n)
			a, err := ev.eval(ev.prog.roots[0].node, sel)
			if err != nil {
				t.Fatalf("%s: %v", Format(l.expr), err)
			}
			inSel := make([]RowError, 0, len(ev.errs))
			for _, e := range ev.errs {
				if _, ok := at[e.Row]; !ok {
					t.Errorf("%s: row %d fails and is not selected", Format(l.expr), e.Row)
				}
				inSel = append(inSel, e)
			}
			got := outcomes(a, l.expr.Type(), n, inSel)
			for _, r := range sel {
				compare(fmt.Sprintf("selected %v", density), got[r], int(r))
			}
			a.Release()
			ev.end()
		}
		release(cols)
	}
}

// checkSQL runs an expression in the harness with all its literals as columns,
// with none, and with random ones.
func checkSQL(t *testing.T, fns catalog.FunctionSet, sql, want string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, uint64(len(sql))))
	parse := func() catalog.Expr {
		e, err := exprtest.Scope{Functions: fns}.Parse(sql)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	for _, take := range []func() bool{
		func() bool { return true },
		func() bool { return false },
		func() bool { return rng.IntN(2) == 0 },
		func() bool { return rng.IntN(3) == 0 },
		func() bool { return rng.IntN(3) > 0 },
	} {
		lift(parse(), take).check(t, rng, want)
	}
}

// TestExamplesInBatches runs every documented example through the harness.
func TestExamplesInBatches(t *testing.T) {
	fns := Functions()
	for _, f := range fns.All() {
		for _, ex := range f.Examples {
			if f.Volatility == catalog.Volatile {
				continue
			}
			checkSQL(t, fns, ex.SQL, ex.Result)
		}
	}
}

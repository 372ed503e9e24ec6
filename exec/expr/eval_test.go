package expr

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // zones, whatever the machine has

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/exprtest"
	"github.com/streamsql/streamsql/internal/bufpool"
)

// testAlloc fails the test if memory is left at its end.
func testAlloc(t *testing.T) memory.Allocator {
	c := memory.NewCheckedAllocator(memory.DefaultAllocator)
	t.Cleanup(func() { c.AssertSize(t, 0) })
	return dirty{c}
}

func mustParse(t testing.TB, s exprtest.Scope, list ...string) []catalog.Expr {
	t.Helper()
	out := make([]catalog.Expr, len(list))
	for i, sql := range list {
		e, err := s.Parse(sql)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = e
	}
	return out
}

func mustCompile(t testing.TB, s exprtest.Scope, list ...string) *Program {
	t.Helper()
	p, err := Compile(mustParse(t, s, list...), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustColumn(t testing.TB, typ catalog.Type, values ...any) arrow.Array {
	t.Helper()
	a, err := column.FromValues(values, typ, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestThreeValuedLogic holds AND, OR and NOT to the truth tables of the SQL
// standard, whichever operands are columns.
func TestThreeValuedLogic(t *testing.T) {
	const T, F, U = "TRUE", "FALSE", "CAST(NULL AS BOOLEAN)"
	show := map[string]string{T: "true", F: "false", U: "NULL"}
	fns := Functions()
	for _, c := range []struct{ a, b, and, or string }{
		{T, T, T, T}, {T, F, F, T}, {T, U, U, T},
		{F, T, F, T}, {F, F, F, F}, {F, U, F, U},
		{U, T, U, T}, {U, F, F, U}, {U, U, U, U},
	} {
		checkSQL(t, fns, c.a+" AND "+c.b, show[c.and])
		checkSQL(t, fns, c.a+" OR "+c.b, show[c.or])
	}
	checkSQL(t, fns, "NOT "+T, "false")
	checkSQL(t, fns, "NOT "+F, "true")
	checkSQL(t, fns, "NOT "+U, "NULL")
}

// TestLazyEvaluation uses a cast that fails to see what is evaluated.
func TestLazyEvaluation(t *testing.T) {
	const bad = "CAST('x' AS INT)"
	fns := Functions()
	for _, c := range []struct{ sql, want string }{
		{"FALSE AND " + bad + " = 1", "false"},
		{"TRUE AND " + bad + " = 1", "error BAD_CAST"},
		{"CAST(NULL AS BOOLEAN) AND " + bad + " = 1", "error BAD_CAST"},
		{"TRUE OR " + bad + " = 1", "true"},
		{"FALSE OR " + bad + " = 1", "error BAD_CAST"},
		{bad + " = 1 OR TRUE", "error BAD_CAST"},
		{"CASE WHEN TRUE THEN 1 ELSE " + bad + " END", "1"},
		{"CASE WHEN FALSE THEN " + bad + " ELSE 2 END", "2"},
		{"CASE WHEN TRUE THEN 1 WHEN " + bad + " = 1 THEN 2 END", "1"},
		{"CASE WHEN FALSE THEN 1 WHEN " + bad + " = 1 THEN 2 END", "error BAD_CAST"},
		{"CASE WHEN CAST(NULL AS BOOLEAN) THEN 1 END", "NULL"},
		{"CASE 3 WHEN 1 THEN 'a' WHEN 3 THEN 'c' ELSE 'z' END", "c"},
		{"COALESCE(1, " + bad + ")", "1"},
		{"COALESCE(NULL, " + bad + ")", "error BAD_CAST"},
		{"COALESCE(NULL, NULL, 3)", "3"},
		{"COALESCE('a', 'b') || COALESCE(NULL, 'c')", "ac"},
		{"IF(TRUE, 1, " + bad + ")", "1"},
		{"IFNULL(7, " + bad + ")", "7"},
		{"TRY_CAST('x' AS INT)", "NULL"},
		{"COALESCE(TRY_CAST('x' AS INT), 5)", "5"},
		{bad + " IS NULL", "error BAD_CAST"},
	} {
		checkSQL(t, fns, c.sql, c.want)
	}
}

// TestLazyByRow has rows of one batch take different ways.
func TestLazyByRow(t *testing.T) {
	s := exprtest.Scope{Functions: Functions(), Columns: []catalog.Field{{Name: "k", Type: catalog.Int}, {Name: "s", Type: catalog.String}}}
	cols := []arrow.Array{mustColumn(t, catalog.Int, int64(1), int64(2), nil, int64(1), int64(3)), mustColumn(t, catalog.String, "10", "x", "y", "z", "30")}
	p := mustCompile(t, s, "CASE k WHEN 1 THEN CAST(s AS INT) WHEN 2 THEN -2 ELSE 0 END", "k = 3 AND CAST(s AS INT) > 20")
	ev := p.NewEvaluator(testAlloc(t))
	defer ev.Close()
	out, errs, err := ev.Eval(testNow, cols, 5, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer release(out)
	got := fmt.Sprint(outcomes(out[0], catalog.Int, 5, nil), outcomes(out[1], catalog.Boolean, 5, nil), errs)
	// Row 2: k is NULL, so the AND is open there and s = 'y' fails. Row 3 fails in
	// the CASE.
	want := `[10 -2 0 NULL 0] [false false NULL false true] [` +
		`'y' is no INT in ((k = 3) AND (CAST(s AS INT) > 20)) ` +
		`'z' is no INT in CASE WHEN (k = 1) THEN CAST(s AS INT) WHEN (k = 2) THEN (-2) ELSE 0 END]`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if len(errs) == 2 && (errs[0].Row != 2 || errs[1].Row != 3 || errs[0].Code != "BAD_CAST") {
		t.Errorf("errors %+v", errs)
	}
}

func TestFilter(t *testing.T) {
	s := exprtest.Scope{Functions: Functions(), Columns: []catalog.Field{{Name: "a", Type: catalog.BigInt}, {Name: "s", Type: catalog.String}}}
	var as, ss []any
	for i := range 300 {
		as, ss = append(as, int64(i)), append(ss, fmt.Sprint(i))
		if i%10 == 9 {
			as[i] = nil
		}
		if i%7 == 6 {
			ss[i] = "x"
		}
	}
	cols := []arrow.Array{mustColumn(t, catalog.BigInt, as...), mustColumn(t, catalog.String, ss...)}
	p := mustCompile(t, s, "a % 3 = 0 AND CAST(s AS BIGINT) = a", "a < 100")
	ev := p.NewEvaluator(testAlloc(t))
	defer ev.Close()
	for range 2 { // scratch memory is used again
		pass, errs, err := ev.Filter(testNow, cols, 300, nil)
		if err != nil {
			t.Fatal(err)
		}
		var wantPass, wantErrs []int32
		for i := range int32(300) {
			third := i%10 != 9 && i%3 == 0
			if open := third || i%10 == 9; open && i%7 == 6 {
				wantErrs = append(wantErrs, i)
			} else if third && i < 100 {
				wantPass = append(wantPass, i)
			}
		}
		gotErrs := []int32{}
		for _, e := range errs {
			gotErrs = append(gotErrs, e.Row)
		}
		if fmt.Sprint(pass) != fmt.Sprint(wantPass) || fmt.Sprint(gotErrs) != fmt.Sprint(wantErrs) {
			t.Errorf("pass %v, errors %v; want %v, %v", pass, gotErrs, wantPass, wantErrs)
		}
	}
	pass, _, err := ev.Filter(testNow, cols, 300, []int32{0, 1, 3, 5, 150})
	if err != nil || fmt.Sprint(pass) != "[0 3]" {
		t.Errorf("Filter over a selection = %v, %v", pass, err)
	}
	if pass, _, err = ev.Filter(testNow, cols, 300, []int32{}); err != nil || len(pass) != 0 {
		t.Errorf("Filter over no rows = %v, %v", pass, err)
	}
}

// counting is a function that counts the rows it is called for.
func counting(t *testing.T, calls *int, v catalog.Volatility) catalog.FunctionSet {
	f, err := ScalarFunc{Name: "tick", Params: []catalog.Type{catalog.Int}, Result: catalog.Int, Volatility: v,
		Call: func(args []any) (any, error) { *calls++; return args[0], nil }}.Function()
	if err != nil {
		t.Fatal(err)
	}
	set, _ := catalog.NewFunctionSet(f)
	return catalog.LayeredFunctions{set, Functions()}
}

func TestCommonSubexpressions(t *testing.T) {
	cols := []arrow.Array{mustColumn(t, catalog.Int, int64(1), int64(2), int64(3), int64(4))}
	for _, c := range []struct {
		sql   string
		v     catalog.Volatility
		calls int
	}{
		{"tick(a) + tick(a); tick(a)", catalog.Immutable, 4},
		{"tick(a) + tick(a); tick(a)", catalog.Stable, 4},
		{"tick(a) + tick(a); tick(a)", catalog.Volatile, 12},
		{"tick(a) + 1; (tick(a) + 1) * 2", catalog.Volatile, 8},
		// Computed for all rows first, then used on some.
		{"tick(a) > 2 AND tick(a) < 4", catalog.Immutable, 4},
		// Computed on the rows of each branch: the second use is a superset of none.
		{"CASE WHEN a <= 1 THEN tick(a) ELSE tick(a) END", catalog.Immutable, 4},
		// A conditional value does not serve the rows that were left out.
		{"CASE WHEN a <= 1 THEN tick(a) ELSE 0 END; tick(a)", catalog.Immutable, 5},
		{"tick(a); CASE WHEN a <= 1 THEN tick(a) ELSE 0 END", catalog.Immutable, 4},
		{"COALESCE(NULLIF(a, 2), tick(a)); COALESCE(NULLIF(a, 3), tick(a))", catalog.Immutable, 2},
	} {
		calls := 0
		s := exprtest.Scope{Functions: counting(t, &calls, c.v), Columns: []catalog.Field{{Name: "a", Type: catalog.Int}}}
		ev := mustCompile(t, s, strings.Split(c.sql, ";")...).NewEvaluator(testAlloc(t))
		for run := 1; run <= 2; run++ {
			calls = 0
			out, _, err := ev.Eval(testNow, cols, 4, nil)
			if err != nil {
				t.Fatal(err)
			}
			release(out)
			if calls != c.calls {
				t.Errorf("%s (volatility %d), run %d: %d calls, want %d", c.sql, c.v, run, calls, c.calls)
			}
		}
		ev.Close()
	}
}

func TestColumnsAreNotCopied(t *testing.T) {
	s := exprtest.Scope{Functions: Functions(), Columns: []catalog.Field{{Name: "a", Type: catalog.Int}}}
	a := mustColumn(t, catalog.Int, int64(1), int64(2))
	ev := mustCompile(t, s, "a", "a + 1").NewEvaluator(testAlloc(t))
	defer ev.Close()
	out, _, err := ev.Eval(testNow, []arrow.Array{a}, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	if out[0] != a {
		t.Error("a bare column was copied")
	}
	release(out)
}

func TestMembers(t *testing.T) {
	row := catalog.RowOf(catalog.Field{Name: "id", Type: catalog.BigInt}, catalog.Field{Name: "in", Type: catalog.RowOf(catalog.Field{Name: "s", Type: catalog.String})})
	s := exprtest.Scope{Functions: Functions(), Columns: []catalog.Field{{Name: "r", Type: row}}}
	all := mustColumn(t, row, nil, []any{int64(9), []any{"z"}}, nil, []any{int64(1), []any{"a"}}, []any{int64(2), nil}, []any{nil, []any{nil}}, nil)
	for from := range 4 {
		r := column.Slice(all, from, all.Len())
		ev := mustCompile(t, s, "r.id", "r.`in`.s", "r.id + 1").NewEvaluator(testAlloc(t))
		out, _, err := ev.Eval(testNow, []arrow.Array{r}, r.Len(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for k, want := range [][]string{
			{"NULL", "9", "NULL", "1", "2", "NULL", "NULL"}, {"NULL", "z", "NULL", "a", "NULL", "NULL", "NULL"}, {"NULL", "10", "NULL", "2", "3", "NULL", "NULL"},
		} {
			typ := []catalog.Type{catalog.BigInt, catalog.String, catalog.BigInt}[k]
			if got := outcomes(out[k], typ, r.Len(), nil); fmt.Sprint(got) != fmt.Sprint(want[from:]) {
				t.Errorf("from %d, expression %d: %v, want %v", from, k, got, want[from:])
			}
		}
		release(out)
		ev.Close()
	}
}

func TestFold(t *testing.T) {
	s := exprtest.Scope{Functions: Functions(), Columns: []catalog.Field{{Name: "a", Type: catalog.Int}}}
	for sql, want := range map[string]any{
		"1 + 2 * 3": int64(7), "'a' || 'b'": "ab", "1 / 0": nil, "CASE WHEN 1 > 2 THEN 1 ELSE 5 END": int64(5),
	} {
		l, err := Folder{}.Fold(mustParse(t, s, sql)[0], nil)
		if err != nil || l.Value != want {
			t.Errorf("Fold(%s) = %v, %v", sql, l, err)
		}
	}
	for sql, want := range map[string]string{
		"CAST('x' AS INT)": "'x' is no INT", "a + 1": "not constant", "NOW()": "not constant", "UUID()": "not constant", "2147483647 + 1": "beyond INT",
	} {
		if l, err := (Folder{}).Fold(mustParse(t, s, sql)[0], nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Fold(%s) = %v, %v; want %q", sql, l, err, want)
		}
	}
}

func scopeOf(columns ...catalog.Field) exprtest.Scope {
	return exprtest.Scope{Functions: Functions(), Columns: columns}
}

func zoneNamed(t *testing.T, name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// TestConcurrentEvaluators shares programs between goroutines (for -race) and
// columns between evaluators.
func TestConcurrentEvaluators(t *testing.T) {
	const n = 1000
	cols := bids(t, n)
	s := scopeOf(bidColumns...)
	for _, q := range benchQueries {
		project := mustCompile(t, s, q.selects...)
		var filter *Program
		if q.where != "" {
			filter = mustCompile(t, s, q.where)
		}
		alloc := bufpool.New(1 << 20)
		texts := make([]string, 4)
		var wg sync.WaitGroup
		for g := range texts {
			wg.Go(func() {
				p := project.NewEvaluator(alloc)
				defer p.Close()
				for range 5 {
					var sel []int32
					if filter != nil {
						f := filter.NewEvaluator(alloc)
						pass, _, err := f.Filter(testNow, cols, n, nil)
						if err != nil {
							t.Error(err)
							return
						}
						sel = slices.Clone(pass)
						f.Close()
					}
					out, _, err := p.Eval(testNow, cols, n, sel)
					if err != nil {
						t.Error(err)
						return
					}
					texts[g] = fmt.Sprint(out)
					release(out)
				}
			})
		}
		wg.Wait()
		for _, text := range texts {
			if text != texts[0] || text == "" {
				t.Fatalf("%s: evaluators disagree", q.name)
			}
		}
	}
}

// TestInstances: calls of a volatile function with one number are one value on a
// row, also where one stands in a branch that few rows take, and in conditions.
func TestInstances(t *testing.T) {
	fns := Functions()
	rand, ok := fns.Lookup("RAND")
	if !ok {
		t.Fatal("no RAND")
	}
	o, err := rand.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	draw := func(instance int) catalog.Expr { return &catalog.Call{Fn: rand, Overload: o, Instance: instance} }
	column := &catalog.ColumnRef{T: catalog.Boolean, Name: "b"}
	branch := func(instance int) catalog.Expr {
		return &catalog.Case{Whens: []catalog.When{{Cond: column, Then: draw(instance)}}, Else: &catalog.Literal{Value: 2.0, T: catalog.Double}, T: catalog.Double}
	}
	p, err := Compile([]catalog.Expr{branch(1), draw(1), draw(2), branch(2), draw(0), draw(0)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ev := p.NewEvaluator(testAlloc(t))
	defer ev.Close()
	const n = 100
	var flags []any
	for i := range n {
		flags = append(flags, i%3 == 0)
	}
	in := mustColumn(t, catalog.Boolean, flags...)
	defer in.Release()
	for range 2 {
		out, _, err := ev.Eval(testNow, []arrow.Array{in}, n, nil)
		if err != nil {
			t.Fatal(err)
		}
		v := make([][]float64, len(out))
		for k := range out {
			v[k] = out[k].(*array.Float64).Float64Values()
		}
		for i := range n {
			if i%3 == 0 && (v[0][i] != v[1][i] || v[2][i] != v[3][i]) || i%3 != 0 && v[0][i] != 2 {
				t.Fatalf("row %d: %v %v, %v %v", i, v[0][i], v[1][i], v[2][i], v[3][i])
			}
		}
		if slices.Equal(v[1], v[2]) || slices.Equal(v[4], v[5]) {
			t.Error("calls with different numbers, or none, give the same values")
		}
		release(out)
	}
	// A condition that no value can meet twice over, on some rows.
	eq, _ := fns.Lookup("<>")
	two := []catalog.Expr{draw(3), draw(3)}
	ne, err := eq.Resolve([]catalog.Arg{{Type: catalog.Double}, {Type: catalog.Double}})
	if err != nil {
		t.Fatal(err)
	}
	f, err := Compile([]catalog.Expr{column, &catalog.Call{Fn: eq, Overload: ne, Args: two}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	fe := f.NewEvaluator(testAlloc(t))
	defer fe.Close()
	pass, _, err := fe.Filter(testNow, []arrow.Array{in}, n, []int32{0, 1, 3, 6, 99})
	if err != nil || len(pass) > 0 {
		t.Errorf("rows %v pass, %v", pass, err)
	}
}

package planner

import (
	"fmt"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/catalog"
)

// Trees by hand: a scan of columns a, b, c (BIGINT) and functions that can or
// cannot fail. The rules see nothing else.

func scalar(name string, fails bool, v catalog.Volatility, result catalog.Type) func(args ...catalog.Expr) catalog.Expr {
	return func(args ...catalog.Expr) catalog.Expr {
		o := &catalog.Overload{Result: result, CanFail: fails}
		for _, a := range args {
			o.Params = append(o.Params, a.Type())
		}
		fn := &catalog.Function{Name: name, Volatility: v, Resolve: func([]catalog.Arg) (*catalog.Overload, error) { return o, nil }}
		return &catalog.Call{Fn: fn, Overload: o, Args: args}
	}
}

var (
	safe   = scalar("SAFE", false, catalog.Immutable, catalog.BigInt)
	risky  = scalar("RISKY", true, catalog.Immutable, catalog.BigInt)
	random = scalar("RANDOM", false, catalog.Volatile, catalog.BigInt)
	holds  = scalar("HOLDS", false, catalog.Immutable, catalog.Boolean)
	breaks = scalar("BREAKS", true, catalog.Immutable, catalog.Boolean)
	equals = scalar("=", false, catalog.Immutable, catalog.Boolean)
)

func col(i int) catalog.Expr {
	return &catalog.ColumnRef{Index: i, Name: string(rune('a' + i)), T: catalog.BigInt}
}

func number(v int64) catalog.Expr { return &catalog.Literal{Value: v, T: catalog.BigInt} }

func scan() rel {
	r := &scanRel{src: &source{name: "t"}}
	for _, n := range []string{"a", "b", "c"} {
		r.out = append(r.out, column{Column: Column{Name: n, Type: catalog.BigInt}})
	}
	return r
}

func over(in rel, exprs ...catalog.Expr) rel {
	names := make([]string, len(exprs))
	for i := range exprs {
		names[i] = fmt.Sprintf("x%d", i)
	}
	return project(in, exprs, names, place{})
}

func where(in rel, pred catalog.Expr) rel { return &filterRel{in: in, pred: pred} }

// tumble appends a window over column i, grouped puts COUNT(*) by window and keys
// above it.
func tumble(in rel, i int) *windowRel {
	return newWindow(in, Window{Kind: TumbleWindow, Time: i, Size: 10}, 1, place{})
}

func grouped(in rel, keys ...int) *aggregateRel {
	count := &catalog.Function{Name: "COUNT", Kind: catalog.AggregateFunction}
	call := AggCall{Fn: count, Overload: &catalog.Overload{Result: catalog.BigInt, Aggregate: &catalog.Aggregate{}}, Filter: -1, Name: "n"}
	agg, _ := newAggregate(in, keys, []AggCall{call}, place{})
	return agg
}

// draw prints a tree from the top.
func draw(r rel) string {
	exprs := func(es []catalog.Expr) string {
		var out []string
		for _, e := range es {
			out = append(out, exprKey(e))
		}
		return strings.Join(out, ", ")
	}
	switch r := r.(type) {
	case *scanRel:
		return "scan"
	case *filterRel:
		return "filter " + exprKey(r.pred) + " <- " + draw(r.in)
	case *projectRel:
		return "project " + exprs(r.exprs) + " <- " + draw(r.in)
	case *windowRel:
		return fmt.Sprintf("window $%d <- %s", r.win.Time, draw(r.in))
	case *aggregateRel:
		text := fmt.Sprintf("group %v", r.keys)
		if r.window != nil && r.window.Kind == AttachedWindow {
			text += fmt.Sprintf(" attached $%d $%d", r.window.Start, r.window.End)
		} else if r.window != nil {
			text += fmt.Sprintf(" tumble $%d", r.window.Time)
		}
		return text + " <- " + draw(r.in)
	case *unionRel:
		var parts []string
		for _, in := range r.ins {
			parts = append(parts, "("+draw(in)+")")
		}
		return "union " + strings.Join(parts, " ")
	}
	return fmt.Sprintf("%T", r)
}

func TestRules(t *testing.T) {
	isTrue := &catalog.Function{Name: "IS TRUE", Resolve: func([]catalog.Arg) (*catalog.Overload, error) {
		return &catalog.Overload{Params: []catalog.Type{catalog.Boolean}, Result: catalog.Boolean, NeverNull: true}, nil
	}}
	functions, err := catalog.NewFunctionSet(isTrue)
	if err != nil {
		t.Fatal(err)
	}
	fails := breaks(col(0))
	and := func(args ...catalog.Expr) catalog.Expr { return &catalog.And{Args: args} }
	yes, no := boolLiteral(true), boolLiteral(false)
	late := grouped(scan(), 0)
	late.late = &lateRows{}
	for _, c := range []struct {
		name string
		rule func(rel, *ruleContext) rel
		in   rel
		want string
	}{
		{"fold: TRUE filters nothing", foldConstants, where(scan(), yes), "scan"},
		{"fold: AND loses TRUE", foldConstants, where(scan(), and(yes, holds(col(0)))), "filter HOLDS($0) <- scan"},
		{"fold: nothing after FALSE", foldConstants, where(scan(), and(holds(col(0)), no, fails)), "filter (HOLDS($0) AND FALSE) <- scan"},
		{"fold: CASE of a constant", foldConstants,
			over(scan(), &catalog.Case{T: catalog.BigInt, Whens: []catalog.When{{Cond: no, Then: col(0)}, {Cond: yes, Then: col(1)}}, Else: col(2)}),
			"project $1 <- scan"},

		{"merge: columns", mergeProjections, over(over(scan(), col(2), col(0)), col(1), col(0), col(0)), "project $0, $2, $2 <- scan"},
		{"merge: used once", mergeProjections, over(over(scan(), safe(col(2))), safe(col(0))), "project SAFE(SAFE($2)) <- scan"},
		{"merge: used twice is computed once", mergeProjections, over(over(scan(), safe(col(2))), col(0), col(0)), "project $0, $0 <- project SAFE($2) <- scan"},
		{"merge: what can fail must not vanish", mergeProjections, over(over(scan(), risky(col(2)), col(0)), col(1)), "project $1 <- project RISKY($2), $0 <- scan"},
		{"merge: what can fail must not hide in CASE", mergeProjections,
			over(over(scan(), risky(col(2)), holds(col(0))), &catalog.Coalesce{Args: []catalog.Expr{number(1), col(0)}, T: catalog.BigInt}),
			"project COALESCE(1L, $0) <- project RISKY($2), HOLDS($0) <- scan"},
		{"merge: what can fail, once and in the open", mergeProjections, over(over(scan(), risky(col(2))), safe(col(0))), "project SAFE(RISKY($2)) <- scan"},
		{"merge: a volatile value is drawn once", mergeProjections, over(over(scan(), random()), col(0), col(0)), "project $0, $0 <- project RANDOM() <- scan"},

		{"push: below columns", pushFilters, where(over(scan(), col(2), col(0)), holds(col(1))), "project $2, $0 <- filter HOLDS($0) <- scan"},
		{"push: not below what can fail", pushFilters, where(over(scan(), risky(col(2)), col(0)), holds(col(1))), "filter HOLDS($1) <- project RISKY($2), $0 <- scan"},
		{"push: not below a draw", pushFilters, where(over(scan(), random(), col(0)), holds(col(1))), "filter HOLDS($1) <- project RANDOM(), $0 <- scan"},
		{"push: two filters are one", pushFilters, where(where(scan(), holds(col(0))), holds(col(1))), "filter (HOLDS($0) AND HOLDS($1)) <- scan"},
		{"push: one that can fail sees TRUE only", pushFilters, where(where(scan(), holds(col(0))), fails), "filter ((HOLDS($0) IS TRUE) AND BREAKS($0)) <- scan"},
		{"push: over one that can fail", pushFilters, where(where(scan(), fails), holds(col(1))), "filter (BREAKS($0) AND HOLDS($1)) <- scan"},
		{"push: into UNION ALL", pushFilters, where(&unionRel{ins: []rel{scan(), over(scan(), col(1))}, out: scan().cols()[:1]}, holds(col(0))),
			"union (filter HOLDS($0) <- scan) (project $1 <- filter HOLDS($1) <- scan)"},
		{"push: one that can fail stays above UNION ALL", pushFilters, where(&unionRel{ins: []rel{scan(), scan()}, out: scan().cols()}, fails),
			"filter BREAKS($0) <- union (scan) (scan)"},
		{"push: below GROUP BY by its keys", pushFilters, where(grouped(scan(), 2), and(holds(col(0)), holds(col(1)))),
			"filter HOLDS($1) <- group [2] <- filter HOLDS($2) <- scan"},
		{"push: not what can fail", pushFilters, where(grouped(scan(), 0), fails), "filter BREAKS($0) <- group [0] <- scan"},
		{"push: nothing past a conjunct that can fail", pushFilters, where(grouped(scan(), 0), and(holds(col(0)), breaks(col(1)))),
			"filter (HOLDS($0) AND BREAKS($1)) <- group [0] <- scan"},
		{"push: not below a global aggregate", pushFilters, where(grouped(scan()), holds(col(0))), "filter HOLDS($0) <- group [] <- scan"},
		{"push: not where late rows are read", pushFilters, where(late, holds(col(0))), "filter HOLDS($0) <- group [0] <- scan"},
		{"push: below a window, not on its bounds", pushFilters, where(tumble(scan(), 0), and(holds(col(1)), holds(col(3)))),
			"filter HOLDS($3) <- window $0 <- filter HOLDS($1) <- scan"},

		{"attach: the window is the operator's", attachWindows, grouped(tumble(scan(), 0), 1, 3, 4), "group [1] tumble $3 <- project $0, $1, $2, $0, $0, $0 <- scan"},
		{"attach: through a projection and a filter", attachWindows,
			grouped(over(where(tumble(scan(), 0), holds(col(1))), windowRefs(tumble(scan(), 0), 1, 4, 3)...), 0, 1, 2),
			"group [0] tumble $2 <- project $1, $3, $3 <- filter HOLDS($1) <- project $0, $1, $2, $0, $0, $0 <- scan"},
		{"attach: a filter on the window keeps it", attachWindows, grouped(where(tumble(scan(), 0), holds(col(3))), 1, 3, 4),
			"group [1] attached $3 $4 <- filter HOLDS($3) <- window $0 <- scan"},
		{"attach: so does a value made of it", attachWindows,
			grouped(over(tumble(scan(), 0), append(windowRefs(tumble(scan(), 0), 3, 4), safe(col(3)))...), 0, 1, 2),
			"group [2] attached $0 $1 <- project $3, $4, SAFE($3) <- window $0 <- scan"},

		{"equalities: a constant for its column", applyEqualities, over(where(scan(), and(equals(col(0), number(7)), holds(col(1)))), safe(col(0)), col(0)),
			"project SAFE(7L), $0 <- filter (($0 = 7L) AND HOLDS($1)) <- scan"},
		{"equalities: not from OR", applyEqualities, over(where(scan(), &catalog.Or{Args: []catalog.Expr{equals(col(0), number(7)), holds(col(1))}}), safe(col(0))),
			"project SAFE($0) <- filter (($0 = 7L) OR HOLDS($1)) <- scan"},

		{"unread: NULL for what nobody reads", dropUnread, over(over(scan(), risky(col(0)), safe(col(1)), col(2)), col(1)),
			"project $1 <- project CAST(NULL AS BIGINT), SAFE($1), $2 <- scan"},
	} {
		ctx := &ruleContext{env: &environment{functions: functions}, notes: map[rel][]string{}}
		before := draw(c.in)
		if got := draw(c.rule(c.in, ctx)); got != c.want {
			t.Errorf("%s:\n%s\nbecame\n%s\nwant\n%s", c.name, before, got, c.want)
		}
		if after := draw(c.in); after != before {
			t.Errorf("%s: the rule has changed its input to %s", c.name, after)
		}
	}
}

// windowRefs are references to columns of a windowRel, with their types.
func windowRefs(w *windowRel, cols ...int) []catalog.Expr {
	var out []catalog.Expr
	for _, c := range cols {
		out = append(out, ref(w.out, c))
	}
	return out
}

// Pruning keeps of a ROW what is read, at every depth.
func TestNeeds(t *testing.T) {
	row := catalog.RowOf(
		catalog.Field{Name: "x", Type: catalog.Int},
		catalog.Field{Name: "y", Type: catalog.RowOf(catalog.Field{Name: "u", Type: catalog.Int}, catalog.Field{Name: "v", Type: catalog.String})},
		catalog.Field{Name: "z", Type: catalog.Int})
	for _, c := range []struct {
		paths [][]int
		want  string
	}{
		{[][]int{{0}}, "ROW<x INT>"},
		{[][]int{{1, 1}, {2}}, "ROW<y ROW<v STRING>, z INT>"},
		{[][]int{{1, 1}, {1}}, "ROW<y ROW<u INT, v STRING>>"},
		{[][]int{{1}, {1, 1}}, "ROW<y ROW<u INT, v STRING>>"},
		{[][]int{{1, 0}, {}}, row.String()},
	} {
		n := &need{}
		for _, p := range c.paths {
			n.add(p)
		}
		if got := n.narrow(row).String(); got != c.want {
			t.Errorf("%v gives %s, want %s", c.paths, got, c.want)
		}
	}
}

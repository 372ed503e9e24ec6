package timejoin

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

const second = int64(1_000_000)

// randomStream has columns (key, text, time, number): keys and times are NULL at
// times, the text goes with the key, time mostly ascends within a split.
func randomStream(rng *rand.Rand, n, keys int, first int64) *stream {
	s := &stream{
		cols:  cols(catalog.Int, catalog.String, catalog.Timestamp3, catalog.BigInt),
		keys:  []int{0, 1},
		delay: int64(rng.IntN(5)) * second,
	}
	for k := range 1 + rng.IntN(2) {
		var sp []record
		at := int64(rng.IntN(3)) * second
		for i := range n {
			at += int64(rng.IntN(3)) * second / 2
			ts := at - int64(rng.IntN(2)*rng.IntN(2)*rng.IntN(15))*second
			key := rng.IntN(keys)
			r := record{values: []any{int64(key), fmt.Sprintf("%0*d", 3+key%2*20, key), ts, first + int64(k*n+i)}, time: ts}
			switch rng.IntN(20) {
			case 0:
				r.values[0] = nil
			case 1:
				r.values[2], r.time = nil, op.MinTime+100*second
			}
			sp = append(sp, r)
		}
		s.splits = append(s.splits, sp)
	}
	s.settle()
	return s
}

// residual is a predicate over the numbers of both sides, which passes says in Go.
func residual(t *testing.T) (catalog.Expr, *expr.Program) {
	t.Helper()
	e := call(t, "<", call(t, "%", &catalog.ColumnRef{Index: 3, T: catalog.BigInt}, number(4)), call(t, "%", &catalog.ColumnRef{Index: 7, T: catalog.BigInt}, number(7)))
	p, err := expr.Compile([]catalog.Expr{e}, expr.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e, p
}

func number(n int64) catalog.Expr { return &catalog.Literal{T: catalog.BigInt, Value: n} }

func call(t *testing.T, name string, args ...catalog.Expr) catalog.Expr {
	t.Helper()
	fn, ok := expr.Functions().Lookup(name)
	if !ok {
		t.Fatalf("no function %s", name)
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

// passes is what residual says of two rows.
func passes(l, r record) bool { return l.values[3].(int64)%4 < r.values[3].(int64)%7 }

func text(values ...any) string {
	s := fmt.Sprintln(values...)
	return s[:len(s)-1]
}

var nulls = []any{nil, nil, nil, nil}

// emitted are all columns of a join of streams of four columns each.
func emitted(kind planner.JoinKind) []int {
	if kind.LeftOnly() {
		return []int{0, 1, 2, 3}
	}
	return []int{0, 1, 2, 3, 4, 5, 6, 7}
}

// intervalModel is the rule of the semantics, pair by pair.
func intervalModel(o *planner.IntervalJoin, left, right []record, residual bool) []string {
	var out []string
	had := make([]bool, len(right))
	usable := func(r record) bool { return (r.values[0] != nil || o.NullSafe != nil) && r.values[2] != nil }
	for _, l := range left {
		any := false
		for k, r := range right {
			if !usable(l) || !usable(r) || l.values[0] != r.values[0] || l.values[1] != r.values[1] || residual && !passes(l, r) {
				continue
			}
			lt, rt := l.values[2].(int64), r.values[2].(int64)
			if lt < rt-o.Before || lt > rt+o.After || l.w > rt+o.After || r.w > lt+o.Before {
				continue
			}
			any, had[k] = true, true
			if !o.Kind.LeftOnly() {
				out = append(out, text(append(l.values[:4:4], r.values...)...))
			}
		}
		switch {
		case o.Kind == planner.SemiJoin && any, o.Kind == planner.AntiJoin && !any:
			out = append(out, text(l.values...))
		case !any && (o.Kind == planner.LeftJoin || o.Kind == planner.FullJoin):
			out = append(out, text(append(l.values[:4:4], nulls...)...))
		}
	}
	for k, r := range right {
		if !had[k] && o.Kind.Preserves(1) {
			out = append(out, text(append(nulls[:4:4], r.values...)...))
		}
	}
	return out
}

// The join of random streams is what the pair rule says, in whatever order they
// come, however they are cut into batches, through restarts and changes of
// parallelism. No row comes out below the output's watermark that is not late by
// its own W, and nothing is left at the end.
func TestIntervalModel(t *testing.T) {
	bounds := [][2]int64{{0, 0}, {2, 2}, {0, 5}, {5, 0}, {-2, 6}, {6, -2}, {-3, 1}, {30, 40}}
	for _, kind := range []planner.JoinKind{planner.InnerJoin, planner.LeftJoin, planner.RightJoin, planner.FullJoin, planner.SemiJoin, planner.AntiJoin} {
		for _, keyed := range []bool{true, false} {
			for k, bound := range bounds {
				t.Run(fmt.Sprintf("%d/%v/%d", kind, keyed, bound), func(t *testing.T) {
					for seed := range uint64(2) {
						rng := rand.New(rand.NewPCG(seed, uint64(k)))
						o := &planner.IntervalJoin{Pairing: planner.Pairing{Kind: kind, Keys: [2][]int{{0, 1}, {0, 1}}, Emit: emitted(kind)}, Time: [2]int{2, 2}, Before: bound[0] * second, After: bound[1] * second}
						if rng.IntN(3) == 0 {
							o.NullSafe = []bool{true, false}
						}
						keys := 3
						w := &world{t: t, rng: rng, alloc: memory.NewCheckedAllocator(memory.NewGoAllocator()), always: rng.IntN(2) == 0}
						if !keyed {
							// One key, which the join does not ask for.
							o.Keys, o.NullSafe, keys = [2][]int{}, nil, 1
						}
						w.in = [2]*stream{randomStream(rng, 60, keys, 0), randomStream(rng, 60, keys, 1000)}
						if !keyed {
							for _, s := range w.in {
								s.keys = nil
								for _, sp := range s.splits {
									for i := range sp {
										sp[i].values[0] = int64(0)
									}
								}
							}
						}
						with := rng.IntN(2) == 0
						var prog *expr.Program
						if with {
							o.Residual, prog = residual(t)
						}
						w.node = &planner.Node{Op: o, Props: planner.Properties{NeedsW: true}}
						w.out = append(w.in[0].cols[:4:4], w.in[1].cols...)
						w.check = func(row []any, rw, mark int64) string {
							for _, c := range []int{2, 6} {
								if c >= len(row) || row[c] == nil {
									continue
								}
								if ts := row[c].(int64); ts >= rw && ts < mark {
									return "it is not late, but its time has passed"
								}
							}
							return ""
						}
						w.make = func(ctx *op.Context) (op.Operator, error) {
							return NewInterval(o, w.in[0].cols, w.in[1].cols, prog, ctx)
						}
						w.run()
						w.same(intervalModel(o, w.in[0].all(), w.in[1].all(), with))
					}
				})
			}
		}
	}
}

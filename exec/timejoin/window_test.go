package timejoin

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// windowStream has columns (key, text, end, number, start): rows of windows of one
// of two sizes that end at one of some times, NULL keys at times.
func windowStream(rng *rand.Rand, n, keys int, first int64) *stream {
	s := randomStream(rng, n, keys, first)
	s.cols = cols(catalog.Int, catalog.String, catalog.Timestamp3, catalog.BigInt, catalog.Timestamp3)
	for _, sp := range s.splits {
		for i := range sp {
			r := &sp[i]
			if r.values[2] == nil {
				r.values[2] = r.time
			}
			size := int64(1+rng.IntN(2)) * 5 * second
			end := (r.values[2].(int64)/(5*second) + 1) * 5 * second
			r.values[2] = end
			r.values = append(r.values, end-size)
		}
	}
	return s
}

func windowModel(o *planner.WindowJoin, left, right []record, residual bool) (out []string, late int) {
	inTime := func(rs []record) []record {
		return slices.DeleteFunc(slices.Clone(rs), func(r record) bool {
			tooLate := r.values[2].(int64) <= r.w
			if tooLate {
				late++
			}
			return tooLate
		})
	}
	left, right = inTime(left), inTime(right)
	usable := func(r record) bool { return len(o.Keys[0]) == 0 || r.values[0] != nil || o.NullSafe != nil }
	had := make([]bool, len(right))
	for _, l := range left {
		any := false
		for k, r := range right {
			same := l.values[2] == r.values[2] && l.values[4] == r.values[4]
			if len(o.Keys[0]) > 0 {
				same = same && l.values[0] == r.values[0] && l.values[1] == r.values[1]
			}
			if !same || !usable(l) || !usable(r) || residual && !passes(l, r) {
				continue
			}
			any, had[k] = true, true
			if !o.Kind.LeftOnly() {
				out = append(out, text(append(l.values[:5:5], r.values...)...))
			}
		}
		switch {
		case o.Kind == planner.SemiJoin && any, o.Kind == planner.AntiJoin && !any:
			out = append(out, text(l.values...))
		case !any && (o.Kind == planner.LeftJoin || o.Kind == planner.FullJoin):
			out = append(out, text(append(l.values[:5:5], nil, nil, nil, nil, nil)...))
		}
	}
	for k, r := range right {
		if !had[k] && o.Kind.Preserves(1) {
			out = append(out, text(append([]any{nil, nil, nil, nil, nil}, r.values...)...))
		}
	}
	return out, late
}

// The join of random windows is the rule of the semantics, pair by pair, whatever
// the order, the batches, restarts and changes of parallelism.
func TestWindowModel(t *testing.T) {
	for _, kind := range []planner.JoinKind{planner.InnerJoin, planner.LeftJoin, planner.RightJoin, planner.FullJoin, planner.SemiJoin, planner.AntiJoin} {
		for seed := range uint64(15) {
			t.Run(fmt.Sprintf("%v/%d", kind, seed), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 5))
				o := &planner.WindowJoin{Pairing: planner.Pairing{Kind: kind}, Start: [2]int{4, 4}, End: [2]int{2, 2}}
				for c := range 10 {
					if c < 5 || !kind.LeftOnly() {
						o.Emit = append(o.Emit, c)
					}
				}
				w := &world{t: t, rng: rng, alloc: memory.NewCheckedAllocator(memory.NewGoAllocator())}
				w.in = [2]*stream{windowStream(rng, 60, 3, 0), windowStream(rng, 60, 3, 1000)}
				if rng.IntN(3) > 0 {
					o.Keys = [2][]int{{0, 1}, {0, 1}}
					if rng.IntN(2) == 0 {
						o.NullSafe = []bool{true, false}
					}
				}
				with := rng.IntN(2) == 0
				var prog *expr.Program
				if with {
					o.Residual, prog = windowResidual(t)
				}
				w.in[0].keys, w.in[1].keys = o.StateKeys(0), o.StateKeys(1)
				w.node = &planner.Node{Op: o}
				w.out = append(w.in[0].cols[:5:5], w.in[1].cols...)
				w.check = func(row []any, _, mark int64) string {
					for _, c := range []int{2, 7} {
						if c < len(row) && row[c] != nil && row[c].(int64) <= mark {
							return "its window had ended"
						}
					}
					return ""
				}
				w.make = func(ctx *op.Context) (op.Operator, error) {
					return NewWindow(o, w.in[0].cols, w.in[1].cols, prog, ctx)
				}
				w.run()
				want, late := windowModel(o, w.in[0].all(), w.in[1].all(), with)
				w.same(want)
				if n := w.counts()[op.CountLate]; n != int64(late) {
					t.Errorf("%d late rows are counted, %d are right", n, late)
				}
			})
		}
	}
}

func windowResidual(t *testing.T) (catalog.Expr, *expr.Program) {
	t.Helper()
	e := call(t, "<", call(t, "%", &catalog.ColumnRef{Index: 3, T: catalog.BigInt}, number(4)), call(t, "%", &catalog.ColumnRef{Index: 8, T: catalog.BigInt}, number(7)))
	p, err := expr.Compile([]catalog.Expr{e}, expr.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e, p
}

package timejoin

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// followingModel is the rule of the semantics, probe by probe.
func followingModel(o *planner.TemporalJoin, left, right []record, residual bool) (out []string, late, lateRight int) {
	isLate := func(r record) bool { return r.values[2] != nil && r.values[2].(int64) < r.w }
	for _, r := range right {
		if isLate(r) {
			lateRight++
		}
	}
	for _, l := range left {
		if isLate(l) {
			late++
			continue
		}
		usable := l.values[0] != nil && l.values[2] != nil
		var best *record
		for k := range right {
			r := &right[k]
			if !usable || isLate(*r) || r.values[0] == nil || r.values[2] == nil || l.values[0] != r.values[0] || l.values[1] != r.values[1] {
				continue
			}
			lt, rt := l.values[2].(int64), r.values[2].(int64)
			if rt < lt || o.Strict && rt == lt {
				continue
			}
			if best == nil || rt < best.values[2].(int64) {
				best = r // of equal times the one that came first
			}
		}
		switch {
		case best != nil && (!residual || passes(l, *best)):
			out = append(out, text(append(l.values[:4:4], best.values...)...))
		case o.Kind == planner.LeftJoin:
			out = append(out, text(append(l.values[:4:4], nulls...)...))
		}
	}
	return out, late, lateRight
}

// Probes of random streams find the next row, whatever the order, the batches,
// restarts and changes of parallelism.
func TestFollowingModel(t *testing.T) {
	pairs := 0
	for _, kind := range []planner.JoinKind{planner.InnerJoin, planner.LeftJoin} {
		for seed := range uint64(60) {
			t.Run(fmt.Sprintf("%v/%d", kind, seed), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 16))
				o := &planner.TemporalJoin{Pairing: planner.Pairing{Kind: kind, Keys: [2][]int{{0, 1}, {0, 1}}, Emit: emitted(kind)}, Time: [2]int{2, 2},
					Ahead: true, Strict: rng.IntN(3) == 0, LateCols: []int{3}, LateRight: []int{3}}
				w := &world{t: t, rng: rng, alloc: memory.NewCheckedAllocator(memory.NewGoAllocator())}
				w.in = [2]*stream{randomStream(rng, 80, 3, 0), randomStream(rng, 80, 3, 1000)}
				// Ties of time are decided by the order of arrival, which is one within a split.
				w.in[1].splits = w.in[1].splits[:1]
				with := rng.IntN(2) == 0
				var prog *expr.Program
				if with {
					o.Residual, prog = residual(t)
				}
				w.node = &planner.Node{Op: o}
				w.out = append(w.in[0].cols[:4:4], w.in[1].cols...)
				if kind == planner.InnerJoin {
					w.check = func(row []any, _, mark int64) string {
						if row[6] != nil && row[6].(int64) < mark {
							return "the time of its right row has passed"
						}
						return ""
					}
				}
				w.make = func(ctx *op.Context) (op.Operator, error) {
					return NewFollowing(o, w.in[0].cols, w.in[1].cols, prog, ctx)
				}
				w.run()
				want, late, lateRight := followingModel(o, w.in[0].all(), w.in[1].all(), with)
				w.same(want)
				if len(w.late) != late+lateRight {
					t.Errorf("%d late rows came, %d are right: %v", len(w.late), late+lateRight, w.late)
				}
				pairs += len(want)
			})
		}
	}
	if pairs < 1000 {
		t.Errorf("only %d rows in all", pairs)
	}
}

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

// temporalModel is the rule of the semantics, probe by probe.
func temporalModel(o *planner.TemporalJoin, left, right []record, residual bool) (out []string, late int) {
	for _, l := range left {
		usable := l.values[0] != nil && l.values[2] != nil
		if l.values[2] != nil && l.values[2].(int64) < l.w {
			late++
			continue
		}
		var best *record
		for k := range right {
			r := &right[k]
			if !usable || r.values[0] == nil || r.values[2] == nil || l.values[0] != r.values[0] || l.values[1] != r.values[1] || r.kind == catalog.UpdateBefore {
				continue
			}
			lt, rt := l.values[2].(int64), r.values[2].(int64)
			if rt > lt || o.Strict && rt == lt || r.w > lt {
				continue
			}
			if best == nil || rt >= best.values[2].(int64) {
				best = r // of equal times the one that came last
			}
		}
		switch {
		case best != nil && best.kind != catalog.Delete && (!residual || passes(l, *best)):
			out = append(out, text(append(l.values[:4:4], best.values...)...))
		case o.Kind == planner.LeftJoin:
			out = append(out, text(append(l.values[:4:4], nulls...)...))
		}
	}
	return out, late
}

// Probes of random streams see the version that the semantics give them, whatever
// the order, the batches, restarts and changes of parallelism.
func TestTemporalModel(t *testing.T) {
	pairs := 0
	for _, kind := range []planner.JoinKind{planner.InnerJoin, planner.LeftJoin} {
		for seed := range uint64(60) {
			t.Run(fmt.Sprintf("%v/%d", kind, seed), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 6))
				o := &planner.TemporalJoin{Pairing: planner.Pairing{Kind: kind, Keys: [2][]int{{0, 1}, {0, 1}}, Emit: emitted(kind)}, Time: [2]int{2, 2},
					Strict: rng.IntN(3) == 0, LateCols: []int{3}}
				w := &world{t: t, rng: rng, alloc: memory.NewCheckedAllocator(memory.NewGoAllocator())}
				w.in = [2]*stream{randomStream(rng, 80, 3, 0), randomStream(rng, 80, 3, 1000)}
				// Ties of time are decided by the order of arrival, which is one within a split.
				r := w.in[1]
				r.splits = r.splits[:1]
				if rng.IntN(2) == 0 {
					for i := range r.splits[0] {
						r.splits[0][i].kind = []catalog.RowKind{catalog.Insert, catalog.UpdateAfter, catalog.UpdateBefore, catalog.Delete}[rng.IntN(4)]
					}
				}
				with := rng.IntN(2) == 0
				var prog *expr.Program
				if with {
					o.Residual, prog = residual(t)
				}
				w.node = &planner.Node{Op: o}
				w.out = append(w.in[0].cols[:4:4], w.in[1].cols...)
				w.check = func(row []any, _, mark int64) string {
					if row[2] != nil && row[2].(int64) < mark {
						return "its time has passed"
					}
					return ""
				}
				w.make = func(ctx *op.Context) (op.Operator, error) {
					return NewTemporal(o, w.in[0].cols, w.in[1].cols, prog, ctx)
				}
				w.run()
				want, late := temporalModel(o, w.in[0].all(), w.in[1].all(), with)
				w.same(want)
				if len(w.late) != late {
					t.Errorf("%d late rows came, %d are right: %v", len(w.late), late, w.late)
				}
				pairs += len(want)
			})
		}
	}
	if pairs < 1000 {
		t.Errorf("only %d rows in all", pairs)
	}
}

// Of the versions of a key one stays, however many have come.
func TestTemporalHoldsOneVersion(t *testing.T) {
	o := &planner.TemporalJoin{Pairing: planner.Pairing{Keys: [2][]int{{0, 1}, {0, 1}}, Emit: emitted(planner.InnerJoin)}, Time: [2]int{2, 2}}
	rng := rand.New(rand.NewPCG(1, 1))
	in := [2]*stream{randomStream(rng, 1, 3, 0), randomStream(rng, 5000, 3, 1000)}
	w := &world{t: t, rng: rng, alloc: memory.NewCheckedAllocator(memory.NewGoAllocator()), in: in, node: &planner.Node{Op: o}}
	w.make = func(ctx *op.Context) (op.Operator, error) { return NewTemporal(o, in[0].cols, in[1].cols, nil, ctx) }
	w.read[1] = make([]int, len(in[1].splits))
	w.marks = [2]int64{op.MinTime, op.MinTime}
	w.open(1)
	s := w.shards[0]
	for w.feed(1) {
	}
	const last = 1 << 60
	for i := range 2 {
		w.must(s.op.Advance(i, last, s))
	}
	c := op.Counters{}
	s.op.(op.Gauges).Gauges(c)
	if c[op.CountHeld] != 3 {
		t.Errorf("%d rows are held, for 3 keys", c[op.CountHeld])
	}
	if a := s.op.(*temporal).ver.arena; a.Live() > 100 {
		t.Errorf("%d bytes of strings are held", a.Live())
	}
}

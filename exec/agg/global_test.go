package agg

import (
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Without grouping columns there is one group, also of no rows.
func TestGlobal(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 21))
	cfg, types := everything(t, false)
	cfg.Keys = nil
	a := mustNew(t, cfg)
	g := a.Open(nil, 0, 0)
	id := a.Global(g)
	for i, col := range a.Emit(g, []uint32{id}, memory.DefaultAllocator, nil) {
		want := "NULL"
		switch cfg.Calls[i].Kind {
		case Count, CountIf, RegrCount, ApproxCountDistinct:
			want = "0"
		}
		if got := cell(col, 0); got != want {
			t.Errorf("%s of no rows is %s", cfg.Calls[i].Kind, got)
		}
	}
	m := newModel(cfg)
	update(t, rng, a, g, m, types, randomRows(rng, types, 3000))
	if g.Len() != 1 || a.Global(g) != id {
		t.Fatalf("%d groups", g.Len())
	}
	compare(t, a, m, g)
}

package window

import (
	"math/rand/v2"
	"testing"

	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// Keys with many open sessions, of which rows begin, stretch and join some anywhere
// and others close, in an order that the watermark of the rows, which may also go
// back, leaves to chance: against the definition.
func TestManySessions(t *testing.T) {
	const s = int64(1e6)
	put := 0
	for seed := range uint64(24) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		o := &planner.WindowAgg{Window: planner.Window{Kind: planner.SessionWindow, Size: s / 5, Time: 2}, Keys: []int{0}, Aggs: calls(t, 2)}
		if seed%3 == 2 {
			o.Emit, o.EmitBefore, o.Lateness = planner.EmitChanges, true, s
		}
		rows := make([]rowIn, 1500)
		keys, delay := 1+rnd.Int64N(2), 10*s+rnd.Int64N(60*s)
		w := op.MinTime
		for i := range rows {
			ts := (int64(i)*s/10 + rnd.Int64N(delay+5*s)) / 1000 * 1000
			at := w
			if seed%2 == 0 && w != op.MinTime {
				at -= rnd.Int64N(3 * s)
			}
			rows[i] = rowIn{rnd.Int64N(keys), rnd.Int64N(50), ts, at}
			w = max(w, ts-delay)
		}
		p := newPipeline(t, o)
		p.out.rows = map[string]int{}
		mark := op.MinTime
		for from := 0; from < len(rows); {
			to := min(len(rows), from+1+rnd.IntN(200))
			// The operator's watermark is behind those of all rows to come.
			low := w
			for _, r := range rows[to:] {
				low = min(low, r.w)
			}
			mark = max(mark, low)
			p.run(t, batchOf(rows[from:to]), mark)
			put += len(sessionsOf(p).order)
			from = to
		}
		if err := p.main.Advance(0, op.MaxTime, p.out); err != nil {
			t.Fatal(err)
		}
		want, late := expected(o, rows)
		for _, g := range want {
			text := g.text(2)
			if p.out.rows[text] != 1 {
				t.Errorf("seed %d: %s is there %d times", seed, text, p.out.rows[text])
			}
			delete(p.out.rows, text)
		}
		for text := range p.out.rows {
			t.Errorf("seed %d: %s is too many", seed, text)
		}
		if got := int(p.ctx.Counters[op.CountLate]); got != late {
			t.Errorf("seed %d: %d late rows, want %d", seed, got, late)
		}
		if n := len(sessionsOf(p).order); n > 0 {
			t.Errorf("seed %d: %d keys are in order, without sessions", seed, n)
		}
		if t.Failed() {
			return
		}
	}
	if put == 0 {
		t.Error("no key had sessions in order")
	}
}

func sessionsOf(p *pipeline) *sessions {
	if w, ok := p.main.(*sessionAgg); ok {
		return w.s
	}
	return p.main.(*sessionChanges).s
}

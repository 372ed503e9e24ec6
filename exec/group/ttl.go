package group

import (
	"time"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
)

// processMortal is Process where groups have a time to live.
func (g *aggregation) processMortal(b *op.Batch, out op.Output) error {
	return g.mem.Process(b, g.ctx, g.forgetting(out), func(sel []int32) error {
		g.count(b, sel)
		return nil
	})
}

func (g *aggregation) forgetting(out op.Output) func(*hash.Keys) error {
	return func(k *hash.Keys) error { return g.forget(k, out) }
}

// count puts some rows of a batch into their groups, or takes them out.
func (g *aggregation) count(b *op.Batch, sel []int32) {
	g.ctx.Counters[op.CountApplied] += int64(len(sel))
	g.add, g.take = g.add[:0], g.take[:0]
	for _, i := range sel {
		if b.Kind(int(i)).Adds() {
			g.add = append(g.add, i)
		} else {
			g.take = append(g.take, i)
		}
	}
	if len(g.add) > 0 {
		g.agg.Update(g.groups, b.Cols, colvec.Selected(g.add))
	}
	if len(g.take) > 0 {
		g.agg.Retract(g.groups, b.Cols, colvec.Selected(g.take))
	}
}

// forget deletes the groups of some keys. What has changed of them and has not been
// said yet is said first; of the group's end nothing is said.
func (g *aggregation) forget(k *hash.Keys, out op.Output) error {
	ids := g.agg.GroupsOf(g.groups, k, &g.found)
	for _, id := range ids {
		if g.groups.Pending(id) {
			if err := g.flush(false, out); err != nil {
				return err
			}
			// A group whose rows had all been taken back is gone now: find them again.
			ids = g.agg.GroupsOf(g.groups, k, &g.found)
			break
		}
	}
	for _, id := range ids {
		delete(g.failed, id)
	}
	g.agg.Drop(g.groups, ids)
	return nil
}

// Tick implements op.Clocked.
func (g *aggregation) Tick(now time.Time, out op.Output) error {
	if err := g.mem.Tick(now, g.forgetting(out)); err != nil {
		return err
	}
	if g.held == nil || !g.held.due.Tick(now) {
		return nil
	}
	if err := g.flush(false, out); err != nil {
		return err
	}
	return g.held.give(out)
}

// Period implements op.Clocked.
func (g *aggregation) Period() time.Duration {
	p := g.mem.Period()
	if g.held != nil && (p == 0 || g.held.every < p) {
		p = g.held.every
	}
	return p
}

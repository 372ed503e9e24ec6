package group

import (
	"fmt"
	"maps"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/exec/ttl"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
	"github.com/streamsql/streamsql/statestore/table"
)

// aggregation is the part of a GROUP BY that one shard owns.
type aggregation struct {
	ctx     *op.Context
	o       *planner.GroupAgg
	agg     *agg.Aggregator
	retract bool
	bounded bool
	// home: this shard has the one group of a global aggregate.
	home bool
	// totals are those of GroupAgg.Totals that belong to this shard.
	totals []int64
	// over: an earlier run had the end of input. What is said there has been said.
	over  bool
	st    *table.Table
	mem   *ttl.Keys // nil: groups stay for ever
	found hash.Refs
	// held are the changes since the last time of EMIT EVERY; nil: changes are said
	// as they come.
	held   *pending
	groups *agg.Groups
	// tracked: groups remembers what changes.
	tracked bool
	made    bool // the groups that have a row over no rows are there

	// What was last said of the touched groups: for touched group i, copy
	// at[i].row of caps if at[i].part is captured, else row at[i].row of
	// olds[at[i].part]; part -1: nothing.
	olds    [][]arrow.Array
	caps    agg.Captured
	at      []place
	said    []uint32             // scratch
	failed  map[uint32]op.Letter // groups whose result is in error
	letters map[uint32]op.Letter // of the emission under way
	add     []int32
	take    []int32
}

type place struct{ part, row int32 }

// captured is the part of places in caps.
const captured = -2

var (
	_ op.Stateful = (*aggregation)(nil)
	_ op.Flusher  = (*aggregation)(nil)
	_ op.Gauges   = (*aggregation)(nil)
	_ op.Balanced = (*aggregation)(nil)
	_ op.Clocked  = (*aggregation)(nil)
)

// New makes the operator for one shard. An aggregate without keys runs on shard 0.
func New(o *planner.GroupAgg, in *planner.Node, shard int, ctx *op.Context) (op.Operator, error) {
	g := &aggregation{
		ctx: ctx, o: o, home: shard == 0 && len(o.Keys) == 0,
		retract: !in.Props.Kinds.AppendOnly(), bounded: in.Props.Bounded,
		failed: map[uint32]op.Letter{}, letters: map[uint32]op.Letter{},
	}
	cfg, err := agg.Of(o.Keys, o.Aggs, in.Cols, g.retract)
	if err != nil {
		return nil, err
	}
	if g.agg, err = agg.New(cfg); err != nil {
		return nil, err
	}
	for _, n := range o.Totals {
		if ctx.ShardOf(g.agg.TotalGroup(n)) == shard {
			g.totals = append(g.totals, n)
		}
	}
	if g.mem, err = ttl.New(o.Life, o.Keys, in.Cols, true); err != nil {
		return nil, err
	}
	if g.held, err = newPending(o, ctx.Node.Cols, ctx); err != nil {
		return nil, err
	}
	g.adopt(table.New(statestore.OperatorID(ctx.Node.StateID)))
	return g, nil
}

func (g *aggregation) adopt(st *table.Table) {
	g.st = st
	g.groups = g.agg.Open(st, 0, 0)
	g.mem.Open(st, g.agg.Parts())
	g.held.open(st, g.agg.Parts()+ttl.Parts)
}

// before keeps what was last said of groups that are about to change.
func (g *aggregation) before(ids []uint32) {
	g.said = g.said[:0]
	from := len(g.at)
	for _, id := range ids {
		p := place{part: -1}
		if g.o.EmitBefore && g.groups.Emitted(id) {
			p = place{captured, int32(g.caps.Len() + len(g.said))}
			g.said = append(g.said, id)
		}
		g.at = append(g.at, p)
	}
	if len(g.said) == 0 || g.agg.Capture(g.groups, g.said, &g.caps) {
		return
	}
	// Not to be copied: the results themselves are kept. What was said had no
	// error.
	row := int32(0)
	for i := range g.at[from:] {
		if p := &g.at[from+i]; p.part == captured {
			*p = place{int32(len(g.olds)), row}
			row++
		}
	}
	g.olds = append(g.olds, g.agg.Emit(g.groups, g.said, g.ctx.Alloc, func(int, string, string) {}))
}

// Process implements op.Operator.
func (g *aggregation) Process(_ int, b *op.Batch, out op.Output) error {
	g.track()
	if g.mem != nil {
		return g.processMortal(b, out)
	}
	if b.Payload != nil {
		p := b.Payload.(*payload)
		g.agg.Import(g.groups, p.parts[0])
		p.pool.Put(p.parts[0])
		return nil
	}
	g.ctx.Counters[op.CountApplied] += int64(b.N)
	if b.Kinds == nil {
		g.agg.Update(g.groups, b.Cols, colvec.All(b.N))
		return nil
	}
	g.add, g.take = g.add[:0], g.take[:0]
	for i, k := range b.Kinds {
		if k.Adds() {
			g.add = append(g.add, int32(i))
		} else {
			g.take = append(g.take, int32(i))
		}
	}
	if len(g.add) > 0 {
		g.agg.Update(g.groups, b.Cols, colvec.Selected(g.add))
	}
	if len(g.take) > 0 {
		g.agg.Retract(g.groups, b.Cols, colvec.Selected(g.take))
	}
	return nil
}

// Advance implements op.Operator. The output has no time attribute, but its end
// must be known.
func (g *aggregation) Advance(_ int, w int64, out op.Output) error {
	if err := g.mem.Advance(w, g.forgetting(out)); err != nil {
		return err
	}
	if w == op.MaxTime {
		return out.Watermark(w)
	}
	return nil
}

// End implements op.Operator.
func (g *aggregation) End(_ int, out op.Output) error {
	g.makeEmpty(true)
	if err := g.flush(true, out); err != nil {
		return err
	}
	if g.held != nil {
		if err := g.held.give(out); err != nil {
			return err
		}
	}
	return out.End()
}

// Flush implements op.Flusher. Over bounded input only the result at the end
// counts, so errors are not judged before.
func (g *aggregation) Flush(settled bool, out op.Output) error {
	g.makeEmpty(false)
	return g.flush(settled && !g.bounded, out)
}

// emitRows is how many groups are emitted at a time: few enough for their rows,
// each in a cache line of its own at worst, to stay in the processor's cache from
// one look at them to the next.
const emitRows = 4096

// flush emits the changes of the groups touched since the last one.
func (g *aggregation) flush(judge bool, out op.Output) error {
	ids := g.groups.Touched()
	step := min(emitRows, g.ctx.BatchRows)
	for from := 0; from < len(ids); from += step {
		to := min(len(ids), from+step)
		if err := g.emit(ids[from:to], g.at[from:to], out); err != nil {
			return err
		}
		g.groups.Untouch(ids[from:to])
	}
	var dead []uint32
	if g.retract {
		for _, id := range ids {
			if g.gone(id) {
				dead = append(dead, id)
				delete(g.failed, id)
			}
		}
	}
	g.groups.DropTouched()
	g.agg.Delete(g.groups, dead)
	for _, cols := range g.olds {
		for _, c := range cols {
			c.Release()
		}
	}
	g.olds, g.at = g.olds[:0], g.at[:0]
	g.caps.Reset()
	if judge && len(g.failed) > 0 {
		return g.judge(out)
	}
	return nil
}

// emit gives the changes of some touched groups as one batch.
func (g *aggregation) emit(ids []uint32, at []place, out op.Output) error {
	clear(g.letters)
	news := g.agg.Emit(g.groups, ids, g.ctx.Alloc, func(i int, code, message string) {
		if _, ok := g.letters[ids[i]]; !ok {
			g.letters[ids[i]] = op.Letter{Row: i, Code: code, Message: message}
		}
	})
	defer release(news)
	base, olds, err := g.concat(news, at)
	if err != nil {
		return err
	}
	defer release(olds)
	n := int32(len(ids))
	same := g.unchanged(news, olds)
	sel := make([]int32, 0, 2*n)
	kinds := make([]catalog.RowKind, 0, 2*n)
	put := func(row int32, k catalog.RowKind) { sel, kinds = append(sel, row), append(kinds, k) }
	for i, id := range ids {
		l, bad := g.letters[id]
		gone := g.gone(id)
		said := g.groups.Emitted(id)
		delete(g.failed, id)
		old := int32(-1)
		if at[i].part != -1 {
			old = n + base[at[i].part] + at[i].row
		}
		switch {
		case bad && !gone:
			g.failed[id] = l
			fallthrough
		case gone:
			if said {
				if old < 0 {
					old = int32(i) // the key is what counts
				}
				put(old, catalog.Delete)
			}
			g.groups.SetEmitted(id, false)
		case !said:
			put(int32(i), catalog.Insert)
			g.groups.SetEmitted(id, true)
		case len(g.o.Aggs) == 0, old >= 0 && same(int32(i), old-n):
		default:
			if old >= 0 {
				put(old, catalog.UpdateBefore)
			}
			put(int32(i), catalog.UpdateAfter)
		}
	}
	if len(sel) == 0 {
		return nil
	}
	return g.send(news, olds, sel, kinds, out)
}

// concat puts the parts of olds that at refers to one behind the other; base is
// where each begins.
func (g *aggregation) concat(news []arrow.Array, at []place) (base map[int32]int32, olds []arrow.Array, err error) {
	base = map[int32]int32{}
	var parts [][]arrow.Array
	rows := int32(0)
	for _, p := range at {
		if _, ok := base[p.part]; ok || p.part == -1 {
			continue
		}
		if p.part == captured {
			// The copies of these groups stand one behind the other.
			to := p.row
			for _, q := range at {
				if q.part == captured {
					to = max(to, q.row+1)
				}
			}
			cols := g.agg.EmitCaptured(g.groups, &g.caps, int(p.row), int(to), g.ctx.Alloc)
			defer release(cols)
			parts = append(parts, cols)
			base[captured] = rows - p.row
			rows += to - p.row
			continue
		}
		base[p.part] = rows
		rows += int32(g.olds[p.part][0].Len())
		parts = append(parts, g.olds[p.part])
	}
	if len(parts) == 0 {
		return base, nil, nil
	}
	list := make([]arrow.Array, len(parts))
	for c := range news {
		for i, p := range parts {
			list[i] = p[c]
		}
		a, err := column.Concat(list, g.ctx.Alloc)
		if err != nil {
			release(olds)
			return nil, nil, err
		}
		olds = append(olds, a)
	}
	return base, olds, nil
}

// unchanged compares the results of a group now with what was said last.
func (g *aggregation) unchanged(news, olds []arrow.Array) func(i, j int32) bool {
	if olds == nil {
		return func(int32, int32) bool { return false }
	}
	var cmp []func(i, j int) int
	for c := len(g.o.Keys); c < len(news); c++ {
		cmp = append(cmp, column.NullsLast(news[c], olds[c]))
	}
	return func(i, j int32) bool {
		for _, f := range cmp {
			if f(int(i), int(j)) != 0 {
				return false
			}
		}
		return true
	}
}

// send emits the rows sel of news followed by olds.
func (g *aggregation) send(news, olds []arrow.Array, sel []int32, kinds []catalog.RowKind, out op.Output) error {
	b := &op.Batch{N: len(sel), Cols: make([]arrow.Array, len(news))}
	for c := range news {
		all := news[c]
		if olds != nil {
			a, err := column.Concat([]arrow.Array{news[c], olds[c]}, g.ctx.Alloc)
			if err != nil {
				return err
			}
			defer a.Release()
			all = a
		}
		b.Cols[c] = column.Gather(all, sel, g.ctx.Alloc)
	}
	defer b.Release()
	if slices.ContainsFunc(kinds, func(k catalog.RowKind) bool { return k != catalog.Insert }) {
		b.Kinds = kinds
	}
	if g.held != nil {
		g.held.take(b)
		return nil
	}
	return out.Emit(planner.MainPort, b)
}

// judge deals with the groups whose result is in error as the result stands.
func (g *aggregation) judge(out op.Output) error {
	ids := slices.Sorted(maps.Keys(g.failed))
	letters := make([]op.Letter, len(ids))
	for i, id := range ids {
		letters[i] = g.failed[id]
		letters[i].Row = i
	}
	clear(g.failed)
	b := &op.Batch{N: len(ids), Cols: g.agg.Emit(g.groups, ids, g.ctx.Alloc, func(int, string, string) {})}
	defer b.Release()
	return op.Judge(g.ctx, g.o.OnError, fmt.Sprintf("GROUP BY, node %d", g.ctx.Node.ID), g.ctx.Branch, b, letters, out)
}

func release(cols []arrow.Array) {
	for _, c := range cols {
		c.Release()
	}
}

// Freeze implements op.Stateful.
func (g *aggregation) Freeze(cut statestore.Cut) (op.Frozen, error) { return g.st.Freeze(cut), nil }

// Layout implements op.Stateful.
func (g *aggregation) Layout() string {
	return fmt.Sprintf("aggregation 1: %s, %s, %s", g.agg.Layout(), g.mem.Layout(), g.held.stored())
}

// Restore implements op.Stateful.
func (g *aggregation) Restore(r *op.Restore) error {
	g.over = r.Ended
	err := r.EachTable(func(_ int, st *table.Table) error {
		if r.Same {
			g.adopt(st)
			g.resume(func(id uint32) bool { return !g.groups.Emitted(id) })
			return nil
		}
		g.agg.Merge(g.groups, g.agg.Open(st, 0, 0), r.Owns(g.o.Keys))
		g.mem.Merge(st, g.agg.Parts(), r.Owns(g.o.Keys))
		g.held.merge(st, g.agg.Parts()+ttl.Parts, r.Owns(g.o.Keys))
		return nil
	})
	if err != nil || r.Same {
		return err
	}
	g.resume(func(uint32) bool { return true })
	return nil
}

// resume settles after a restore, for the groups of which open is true, whether
// their result has been sent: at a barrier all have been, save those in error.
func (g *aggregation) resume(open func(id uint32) bool) {
	g.groups.Each(func(all []uint32) {
		ids := slices.DeleteFunc(slices.Clone(all), func(id uint32) bool { return !open(id) })
		if len(ids) == 0 {
			return
		}
		bad := map[uint32]bool{}
		for _, c := range g.agg.Emit(g.groups, ids, g.ctx.Alloc, func(i int, code, message string) {
			bad[ids[i]] = true
			if g.bounded && !g.over { // others have been judged at the barrier
				g.failed[ids[i]] = op.Letter{Code: code, Message: message}
			}
		}) {
			c.Release()
		}
		for _, id := range ids {
			g.groups.SetEmitted(id, !bad[id])
		}
	})
}

// Gauges implements op.Gauges.
func (g *aggregation) Gauges(c op.Counters) { c[op.CountHeld] = int64(g.groups.Len() + g.held.len()) }

// Balance implements op.Balanced.
func (g *aggregation) Balance(c op.Counters) string {
	if g.o.TwoPhase { // the rows are counted before the exchange
		return c.Equal(op.PrePrefix+op.CountIn, op.PrePrefix+op.CountApplied)
	}
	return c.Equal(op.CountIn, op.CountApplied, op.CountTTLDropped)
}

// Close implements op.Operator.
func (g *aggregation) Close() {}

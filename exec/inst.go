package exec

import (
	"maps"

	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// inst is one operator of one shard, with where its output goes.
type inst struct {
	node  *planner.Node
	oper  op.Operator
	ctx   *op.Context
	level int
	pre   bool // the half that runs before the operator's exchange
	// outs are the consumers by port. A dead port has none: its rows are
	// counted and dropped.
	outs [3][]target
	// total are the counts of all epochs closed so far, open those of epochs
	// under way: level 0 may be at work on the next epoch before the shard has
	// taken the barrier of the last.
	total   op.Counters
	open    map[uint64]op.Counters
	profile *profile
}

// enter makes the operator count for an epoch.
func (i *inst) enter(epoch uint64) {
	c := i.open[epoch]
	if c == nil {
		c = op.Counters{}
		i.open[epoch] = c
	}
	i.ctx.Counters = c
}

// count closes an epoch and gives the counts up to its end.
func (i *inst) count(epoch uint64) op.Counters {
	for k, v := range i.open[epoch] {
		i.total[k] += v
	}
	delete(i.open, epoch)
	if i.level > 0 {
		i.enter(epoch + 1)
	}
	if g, ok := i.oper.(op.Gauges); ok && i.level > 0 {
		g.Gauges(i.total)
	}
	return maps.Clone(i.total)
}

// target is a consumer: an operator's input, or an exchange.
type target interface {
	process(b *op.Batch) error
	advance(w int64) error
	end() error
}

// inputOf is an input of an operator on the same shard and level.
type inputOf struct {
	*inst
	input int
}

func (t inputOf) process(b *op.Batch) error {
	t.ctx.Counters[op.CountIn] += int64(b.N)
	t.profile.enter(t.node.ID)
	err := t.oper.Process(t.input, b, t.inst)
	t.profile.leave()
	return err
}

func (t inputOf) advance(w int64) error {
	t.profile.enter(t.node.ID)
	err := t.oper.Advance(t.input, w, t.inst)
	t.profile.leave()
	return err
}

func (t inputOf) end() error {
	t.profile.enter(t.node.ID)
	err := t.oper.End(t.input, t.inst)
	t.profile.leave()
	return err
}

// Emit implements op.Output.
func (i *inst) Emit(port planner.Port, b *op.Batch) error {
	if b.N == 0 {
		return nil
	}
	if port == planner.MainPort {
		i.ctx.Counters[op.CountOut] += int64(b.N)
	}
	for _, t := range i.outs[port] {
		if err := t.process(b); err != nil {
			return err
		}
	}
	return nil
}

// EmitSelected implements op.Output. Consumers that can't take a selection share
// one copy of the rows.
func (i *inst) EmitSelected(port planner.Port, b *op.Batch, sel []int32) error {
	if len(sel) == 0 {
		return nil
	}
	if len(sel) == b.N {
		return i.Emit(port, b)
	}
	if port == planner.MainPort {
		i.ctx.Counters[op.CountOut] += int64(len(sel))
	}
	var dense *op.Batch
	for _, t := range i.outs[port] {
		if in, ok := t.(inputOf); ok {
			if s, ok := in.oper.(op.Selector); ok {
				in.ctx.Counters[op.CountIn] += int64(len(sel))
				in.profile.enter(in.node.ID)
				err := s.ProcessSelected(in.input, b, sel, in.inst)
				in.profile.leave()
				if err != nil {
					return err
				}
				continue
			}
		}
		if dense == nil {
			dense = b.Gather(sel, i.ctx.Alloc)
			defer dense.Release()
		}
		if err := t.process(dense); err != nil {
			return err
		}
	}
	return nil
}

// Watermark implements op.Output. Sinks of late rows and dead letters need no
// watermark, but it does no harm on their way.
func (i *inst) Watermark(w int64) error {
	for _, port := range i.outs {
		for _, t := range port {
			if err := t.advance(w); err != nil {
				return err
			}
		}
	}
	return nil
}

// End implements op.Output.
func (i *inst) End() error {
	for _, port := range i.outs {
		for _, t := range port {
			if err := t.end(); err != nil {
				return err
			}
		}
	}
	return nil
}

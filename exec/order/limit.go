package order

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
)

// limiter passes some rows in input order and drops the rest. Once satisfied it
// says so, which ends a SELECT.
type limiter struct {
	ctx   *op.Context
	l     *planner.Limit
	seen  int64 // rows so far
	saved int64 // seen as of the last commit, -1: none
	epoch uint64
	done  bool
}

var (
	_ op.Stateful = (*limiter)(nil)
	_ op.Balanced = (*limiter)(nil)
)

// NewLimit makes the operator.
func NewLimit(l *planner.Limit, ctx *op.Context) op.Operator {
	return &limiter{ctx: ctx, l: l, saved: -1}
}

// Process implements op.Operator.
func (o *limiter) Process(_ int, b *op.Batch, out op.Output) error {
	from := min(max(o.l.Offset-o.seen, 0), int64(b.N))
	to := min(max(o.last()-o.seen, 0), int64(b.N))
	o.seen += int64(b.N)
	o.ctx.Counters[op.CountReleased] += int64(b.N) - max(0, to-from)
	if to > from {
		sel := make([]int32, 0, to-from)
		for i := from; i < to; i++ {
			sel = append(sel, int32(i))
		}
		if err := out.EmitSelected(planner.MainPort, b, sel); err != nil {
			return err
		}
	}
	o.check()
	return nil
}

// last is the number of input rows after which nothing passes.
func (o *limiter) last() int64 {
	if o.l.Limit < 0 || o.l.Limit > math.MaxInt64-o.l.Offset {
		return math.MaxInt64
	}
	return o.l.Offset + o.l.Limit
}

// check says that the limit is reached, once.
func (o *limiter) check() {
	if !o.done && o.seen >= o.last() {
		o.done = true
		if o.ctx.Satisfied != nil {
			o.ctx.Satisfied()
		}
	}
}

// Advance implements op.Operator.
func (o *limiter) Advance(_ int, w int64, out op.Output) error { return out.Watermark(w) }

// End implements op.Operator.
func (o *limiter) End(_ int, out op.Output) error { return out.End() }

type frozenCount struct {
	stream   statestore.StreamID
	seen     int64 // -1: unchanged
	liveFrom uint64
}

// MemoryBytes is the size of the count.
func (f *frozenCount) MemoryBytes() int64 { return 8 }

// Write implements op.Frozen.
func (f *frozenCount) Write(w *statestore.ShardWriter) error {
	if f.seen >= 0 {
		w.Put(f.stream, binary.LittleEndian.AppendUint64(nil, uint64(f.seen)))
	}
	w.SetLiveFrom(f.stream, f.liveFrom)
	w.SetLiveBytes(f.stream, 8)
	return nil
}

// Freeze implements op.Stateful.
func (o *limiter) Freeze(cut statestore.Cut) (op.Frozen, error) {
	f := &frozenCount{
		stream: statestore.StreamID{Operator: statestore.OperatorID(o.ctx.Node.StateID)},
		seen:   -1, liveFrom: o.epoch,
	}
	if o.seen != o.saved || o.epoch < cut.EvacuateBefore {
		f.seen, f.liveFrom = o.seen, cut.Epoch
		o.saved, o.epoch = o.seen, cut.Epoch
	}
	return f, nil
}

// Layout implements op.Stateful.
func (o *limiter) Layout() string { return "limit 1" }

// Restore implements op.Stateful.
func (o *limiter) Restore(r *op.Restore) error {
	if r.Shard != 0 {
		return nil
	}
	err := r.Store.Read(r.Operator, 0, func(b statestore.Block) error {
		if len(b.Data) != 8 {
			return fmt.Errorf("block of %d bytes, want 8", len(b.Data))
		}
		o.seen = int64(binary.LittleEndian.Uint64(b.Data))
		if r.Same {
			o.saved, o.epoch = o.seen, b.Epoch
		}
		return nil
	})
	o.check()
	return err
}

// Balance implements op.Balanced.
func (o *limiter) Balance(c op.Counters) string {
	return c.Equal(op.CountIn, op.CountOut, op.CountReleased)
}

// Close implements op.Operator.
func (o *limiter) Close() {}

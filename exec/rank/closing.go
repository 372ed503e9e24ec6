package rank

import (
	"maps"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
	"github.com/streamsql/streamsql/statestore/table"
)

// closing is the part of a top-N with final rows that one shard owns. Within
// windows, each window has partitions of its own, in a time bucket, whose rows
// come out when the watermark has passed its end. ORDER BY time has the partitions
// of bucket 0, and a row leaves when the watermark has passed its own time.
type closing struct {
	*shape
	st   *table.Table
	wins map[int64]*partitions // by window end; of ORDER BY time: only that of bucket 0
	mark int64

	leaves bool // it is ORDER BY time

	words []uint64
	rec   []byte
	late  []int32
	out   emitter
}

var (
	_ op.Stateful = (*closing)(nil)
	_ op.Gauges   = (*closing)(nil)
	_ op.Balanced = (*closing)(nil)
)

func newClosing(s *shape, st *table.Table) *closing {
	c := &closing{shape: s, mark: op.MinTime, out: emitter{shape: s}}
	c.adopt(st)
	return c
}

func (c *closing) adopt(st *table.Table) {
	c.st, c.wins = st, map[int64]*partitions{}
	if c.leaves {
		c.wins[0] = c.open(st, 0)
		return
	}
	for _, end := range st.Buckets() {
		c.wins[end] = c.open(st, end)
	}
}

// NewTimeSort makes the operator of ORDER BY time over an input that need not end;
// in are its columns.
func NewTimeSort(s *planner.Sort, in []planner.Column, ctx *op.Context) (op.Operator, error) {
	o := &planner.Rank{Kind: planner.OverRowNumber, Order: s.Keys, From: 1, To: math.MaxInt64, Tie: -1, WindowStart: -1, WindowEnd: -1, LateCols: s.LateCols}
	shape, err := newShape(o, in, false, ctx)
	if err != nil {
		return nil, err
	}
	c := &closing{shape: shape, mark: op.MinTime, out: emitter{shape: shape}, leaves: true}
	c.adopt(table.New(statestore.OperatorID(ctx.Node.StateID)))
	return c, nil
}

// timeWord is the word of a time.
func timeWord(us int64) uint64 { return uint64(us) ^ 1<<63 }

// Process implements op.Operator.
func (c *closing) Process(_ int, b *op.Batch, out op.Output) error {
	c.words = c.codec.words(b.Cols, b.N, c.words)
	w := c.codec.open(b.Cols)
	c.late = c.late[:0]
	for end, sel := range c.sort(b) {
		p := c.wins[end]
		if p == nil {
			p = c.open(c.st, end)
			c.wins[end] = p
		}
		rows := p.of(b.Cols, colvec.Selected(sel))
		for k, i := range sel {
			c.add(p, rows[k], w, int(i))
		}
	}
	return c.tooLate(b, out)
}

// sort gives the rows of a batch by the window that they are in, without those
// that are late or have no time.
func (c *closing) sort(b *op.Batch) map[int64][]int32 {
	col := c.o.WindowEnd
	if c.leaves {
		col = c.o.Order[0].Col
	}
	times, valid := column.Fixed[int64](b.Cols[col]), column.Validity(b.Cols[col])
	byEnd := map[int64][]int32{}
	for i := range b.N {
		switch t := times[i]; {
		case !valid.Get(i):
			c.ctx.Counters[op.CountUnmatched]++
		case b.W != nil && (c.leaves && t < b.W[i] || !c.leaves && b.W[i] >= t):
			c.late = append(c.late, int32(i))
		case c.leaves:
			byEnd[0] = append(byEnd[0], int32(i))
		default:
			byEnd[t] = append(byEnd[t], int32(i))
		}
	}
	return byEnd
}

// add puts row i of the batch into a partition, unless it is behind the last
// place.
func (c *closing) add(p *partitions, row hash.Row, w *writer, i int) {
	word := c.words[i]
	if word > *p.word(row, partWorst) {
		c.ctx.Counters[op.CountReleased]++
		return
	}
	var keyLen int
	c.rec, keyLen = w.append(c.rec[:0], i, word)
	if p.full(row) && p.behind(row, word, c.rec, keyLen) {
		c.ctx.Counters[op.CountReleased]++
		return
	}
	id := p.trees.add(word, c.rec, keyLen)
	p.insert(row, id)
	p.trim(row, func(id uint32) {
		c.ctx.Counters[op.CountReleased]++
		p.trees.drop(id)
	})
}

// tooLate gives out the late rows of a batch: the columns that are wanted of
// them, the bounds of the window if there is one, the watermark.
func (c *closing) tooLate(b *op.Batch, out op.Output) error {
	if len(c.late) == 0 {
		return nil
	}
	c.ctx.Counters[op.CountLate] += int64(len(c.late))
	if c.o.LateCols == nil {
		return nil
	}
	cols, of := slices.Clone(c.o.LateCols), c.o.WindowEnd
	if c.leaves {
		of = c.o.Order[0].Col
	} else {
		cols = append(cols, c.o.WindowStart, c.o.WindowEnd)
	}
	late := &op.Batch{N: len(c.late)}
	defer late.Release()
	for _, i := range cols {
		late.Cols = append(late.Cols, column.Gather(b.Cols[i], c.late, c.ctx.Alloc))
	}
	marks := array.NewTimestampBuilder(c.ctx.Alloc, b.Cols[of].DataType().(*arrow.TimestampType))
	defer marks.Release()
	for _, i := range c.late {
		marks.Append(arrow.Timestamp(b.W[i]))
	}
	late.Cols = append(late.Cols, marks.NewArray())
	return out.Emit(planner.LatePort, late)
}

// Advance implements op.Operator.
func (c *closing) Advance(_ int, w int64, out op.Output) error {
	if w <= c.mark {
		return nil
	}
	c.mark = w
	var err error
	if c.leaves {
		err = c.leave(w, out)
	} else {
		err = c.close(w, out)
	}
	if err != nil {
		return err
	}
	return out.Watermark(w)
}

// close gives out the rows of the windows that the watermark has passed, and
// forgets them.
func (c *closing) close(w int64, out op.Output) error {
	for _, end := range slices.Sorted(maps.Keys(c.wins)) {
		if end > w {
			break
		}
		p := c.wins[end]
		var err error
		p.table.Each(func(_ []uint32, rows []hash.Row) {
			for _, row := range rows {
				p.visible(row, func(id uint32, rank int64) { c.out.insert(saidRow{id, rank}) })
				if c.out.ready() && err == nil {
					err = c.out.send(p.trees, out)
				}
			}
		})
		if err == nil {
			err = c.out.send(p.trees, out)
		}
		if err != nil {
			return err
		}
		c.ctx.Counters[op.CountReleased] += int64(p.trees.rows.Len())
		delete(c.wins, end)
		c.st.DropBucket(end)
	}
	return nil
}

// leave gives out the rows whose time the watermark has passed, in order, and
// forgets them.
func (c *closing) leave(w int64, out op.Output) error {
	p := c.wins[0]
	var ids []uint32
	send := func() error {
		for _, id := range ids {
			c.out.insert(saidRow{id: id})
		}
		if err := c.out.send(p.trees, out); err != nil {
			return err
		}
		for _, id := range ids {
			p.trees.drop(id)
		}
		c.ctx.Counters[op.CountReleased] += int64(len(ids))
		ids = ids[:0]
		return nil
	}
	var err error
	p.table.Each(func(_ []uint32, rows []hash.Row) {
		for _, row := range rows {
			root := p.root(row)
			for root != 0 && err == nil && p.trees.word(p.trees.at(root, 0)) < timeWord(w) {
				var id uint32
				root, id = p.trees.removeFirst(root)
				*p.word(row, partRoot) = uint64(root)
				if ids = append(ids, id); len(ids) == c.ctx.BatchRows {
					err = send()
				}
			}
		}
	})
	if err != nil {
		return err
	}
	return send()
}

// End implements op.Operator.
func (c *closing) End(_ int, out op.Output) error { return out.End() }

// Freeze implements op.Stateful.
func (c *closing) Freeze(cut statestore.Cut) (op.Frozen, error) { return c.st.Freeze(cut), nil }

// Layout implements op.Stateful.
func (c *closing) Layout() string { return "rank at close 1: " + c.shape.stored() }

// Restore implements op.Stateful.
func (c *closing) Restore(r *op.Restore) error {
	owns := r.Owns(c.o.Partition)
	err := r.EachTable(func(_ int, st *table.Table) error {
		if r.Same {
			c.adopt(st)
			return nil
		}
		for _, bucket := range st.Buckets() {
			p := c.wins[bucket]
			if p == nil {
				p = c.open(c.st, bucket)
				c.wins[bucket] = p
			}
			p.take(openTrees(st, bucket), owns)
		}
		return nil
	})
	if err != nil || r.Same {
		return err
	}
	for _, p := range c.wins {
		p.index()
	}
	return nil
}

// Gauges implements op.Gauges.
func (c *closing) Gauges(n op.Counters) {
	held := 0
	for _, p := range c.wins {
		held += p.trees.rows.Len()
	}
	n[op.CountHeld] = int64(held)
}

// Balance implements op.Balanced.
func (c *closing) Balance(n op.Counters) string {
	return n.Equal(op.CountIn, op.CountLate, op.CountUnmatched, op.CountHeld, op.CountReleased)
}

// Close implements op.Operator.
func (c *closing) Close() {}
